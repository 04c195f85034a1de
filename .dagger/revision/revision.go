// Package revision reads which commit a checkout is at, without git.
package revision

import (
	"io/fs"
	"path"
	"strings"
)

// Unknown is the revision of what is no git checkout.
const Unknown = "unknown"

// Of returns the full hash of the commit that a .git folder's HEAD is at. Of the
// folder, HEAD, packed-refs and refs/heads are read (gitrepository-layout).
func Of(git fs.FS) string {
	head := first(git, "HEAD")
	branch, symbolic := strings.CutPrefix(head, "ref: ")
	if !symbolic {
		return or(head, Unknown)
	}
	if fs.ValidPath(branch) {
		if hash := first(git, path.Clean(branch)); hash != "" {
			return hash
		}
	}
	return or(packed(git, branch), Unknown)
}

// first is a file's first line; empty where there is no such file.
func first(git fs.FS, name string) string {
	content, err := fs.ReadFile(git, name)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(content), "\n")
	return strings.TrimSpace(line)
}

// packed finds a branch among the packed refs, lines of "hash name".
func packed(git fs.FS, branch string) string {
	content, err := fs.ReadFile(git, "packed-refs")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(content)) {
		if hash, name, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name == branch {
			return hash
		}
	}
	return ""
}

func or(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}
