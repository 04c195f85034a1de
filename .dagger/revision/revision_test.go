package revision_test

import (
	"testing"
	"testing/fstest"

	"github.com/prooflink/prooflink/.dagger/revision"
)

const hash = "a9a6639f151b6e5bf1a51e14c038ed05108916e2"

func TestRevisionOfACheckout(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	tests := map[string]struct {
		git  fstest.MapFS
		want string
	}{
		"a branch":                {fstest.MapFS{"HEAD": file("ref: refs/heads/a/b\n"), "refs/heads/a/b": file(hash + "\n")}, hash},
		"a packed branch":         {fstest.MapFS{"HEAD": file("ref: refs/heads/main\n"), "packed-refs": file("# pack-refs\n0000 refs/heads/m\n" + hash + " refs/heads/main\n")}, hash},
		"a commit without branch": {fstest.MapFS{"HEAD": file(hash + "\n")}, hash},
		"a branch without commit": {fstest.MapFS{"HEAD": file("ref: refs/heads/main\n")}, revision.Unknown},
		"no checkout":             {fstest.MapFS{}, revision.Unknown},
		"a reference outside":     {fstest.MapFS{"HEAD": file("ref: ../../etc/passwd\n")}, revision.Unknown},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := revision.Of(test.git); got != test.want {
				t.Errorf("revision = %q, want %q", got, test.want)
			}
		})
	}
}
