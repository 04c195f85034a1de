// Package imageid names a container image by what goes into it, so that a
// registry can be asked for the image before anything is built.
//
// Two cold builds of one Dockerfile don't give the same digest (layer times,
// the image's creation time), so sameness is decided by the inputs: the files
// of the build context, the Dockerfile among them, the build arguments (which
// name the base images) and the platform.
package imageid

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// format changes when the meaning of the hash does, so that images of an older
// scheme are never taken for current ones.
const format = "prooflink-image-v1"

// Inputs are everything that decides an image's content.
type Inputs struct {
	// Context is the build's folder. What its .dockerignore leaves out, the build
	// doesn't see, and the tag doesn't depend on.
	Context fs.FS
	// Dockerfile is its path inside Context.
	Dockerfile string
	// Args are the build arguments; base images are among them.
	Args map[string]string
	// Platform, like "linux/amd64".
	Platform string
}

// Tag returns the image's tag: "i-" and 32 hexadecimal digits (128 bits) of
// the SHA-256 of the inputs. Times and owners of files don't count; names,
// content, executable bits and symbolic links do.
func Tag(in Inputs) (string, error) {
	h := sha256.New()
	field(h, format, in.Platform, in.Dockerfile)
	for _, name := range slices.Sorted(maps.Keys(in.Args)) {
		field(h, "arg", name, in.Args[name])
	}
	// The Dockerfile counts also where .dockerignore leaves it out of the context.
	if err := hashFile(h, in.Context, in.Dockerfile); err != nil {
		return "", fmt.Errorf("read Dockerfile %s: %w", in.Dockerfile, err)
	}
	ignored, err := readIgnored(in.Context, in.Dockerfile)
	if err != nil {
		return "", err
	}
	if err := hashTree(h, in.Context, ignored); err != nil {
		return "", fmt.Errorf("hash build context: %w", err)
	}
	return "i-" + hex.EncodeToString(h.Sum(nil))[:32], nil
}

// readIgnored reads "<Dockerfile>.dockerignore" or, where there is none,
// ".dockerignore", as BuildKit does.
func readIgnored(tree fs.FS, dockerfile string) (*patternmatcher.PatternMatcher, error) {
	for _, name := range []string{dockerfile + ".dockerignore", ".dockerignore"} {
		content, err := fs.ReadFile(tree, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		patterns, err := ignorefile.ReadAll(bytes.NewReader(content))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		return patternmatcher.New(patterns)
	}
	return patternmatcher.New(nil)
}

// hashTree adds every file and link that isn't ignored; fs.WalkDir walks in
// lexical order.
func hashTree(h io.Writer, tree fs.FS, ignored *patternmatcher.PatternMatcher) error {
	return fs.WalkDir(tree, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if skip, err := ignored.MatchesOrParentMatches(path); err != nil || skip {
			return err
		}
		if entry.Type()&fs.ModeSymlink != 0 {
			return hashLink(h, tree, path)
		}
		return hashFile(h, tree, path)
	})
}

func hashLink(h io.Writer, tree fs.FS, path string) error {
	target, err := fs.ReadLink(tree, path)
	if err != nil {
		return err
	}
	field(h, "link", path, target)
	return nil
}

func hashFile(h io.Writer, tree fs.FS, path string) error {
	f, err := tree.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	content := sha256.New()
	if _, err := io.Copy(content, f); err != nil {
		return err
	}
	field(h, "file", path, fmt.Sprint(info.Mode()&0o100 != 0), hex.EncodeToString(content.Sum(nil)))
	return nil
}

// field writes length-prefixed strings, so that no two lists of them collide.
func field(h io.Writer, values ...string) {
	for _, v := range values {
		fmt.Fprintf(h, "%d:%s", len(v), v)
	}
}
