package submit

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// file is a local file as it was read.
type file struct {
	path string
	size int64
	// sha256 is its digest, and md5 the ETag that S3 gives to an object that was put
	// at once into a bucket without KMS (Amazon S3 API Reference, Object), unquoted.
	sha256 []byte
	md5    string
}

// digest is its SHA-256 in hexadecimal digits; empty where there is no file.
func (f file) digest() string { return hex.EncodeToString(f.sha256) }

// readFile reads a file from end to end, and keeps its digests only.
func readFile(path string) (file, error) {
	from, err := os.Open(path)
	if err != nil {
		return file{}, fmt.Errorf("--input-file %s: %w", path, err)
	}
	defer from.Close()
	sum, tag := sha256.New(), md5.New()
	size, err := io.Copy(io.MultiWriter(sum, tag), from)
	if err != nil {
		return file{}, fmt.Errorf("read %s: %w", path, err)
	}
	return file{path: path, size: size, sha256: sum.Sum(nil), md5: hex.EncodeToString(tag.Sum(nil))}, nil
}

// lines is a writer for several goroutines: an upload's body is read by one of
// the connection's own, also for a moment after an early answer.
type lines struct {
	mu sync.Mutex
	to io.Writer
}

// Write writes what is said at once.
func (l *lines) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(text)
}

// saying is how often the progress of an upload is told.
const saying = 10 * time.Second

// progress is a file that tells how far it was read.
type progress struct {
	*os.File
	say  io.Writer
	key  string
	size int64

	read int64
	next time.Time
}

// Read tells how far it is from time to time.
func (p *progress) Read(to []byte) (int, error) {
	n, err := p.File.Read(to)
	p.read += int64(n)
	if now := time.Now(); n > 0 && now.After(p.next) {
		p.next = now.Add(saying)
		fmt.Fprintf(p.say, "uploading %s: %s of %s\n", p.key, bytesText(p.read), bytesText(p.size))
	}
	return n, err
}

// Seek goes back where the upload is tried again.
func (p *progress) Seek(offset int64, whence int) (int64, error) {
	at, err := p.File.Seek(offset, whence)
	p.read = at
	return at, err
}
