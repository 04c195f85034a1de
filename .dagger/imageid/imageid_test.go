package imageid_test

import (
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prooflink/prooflink/.dagger/imageid"
)

func inputs() imageid.Inputs {
	return imageid.Inputs{
		Context: fstest.MapFS{
			"Dockerfile": {Data: []byte("FROM x")},
			"src/a.ts":   {Data: []byte("a")},
		},
		Dockerfile: "Dockerfile",
		Args:       map[string]string{"NODE_IMAGE": "node:24", "LEVEL": "warn"},
		Platform:   "linux/amd64",
	}
}

func tag(t *testing.T, in imageid.Inputs) string {
	t.Helper()
	tag, err := imageid.Tag(in)
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

func TestTagChangesWithEveryInput(t *testing.T) {
	base := tag(t, inputs())
	changes := map[string]func(*imageid.Inputs){
		"one byte of a file": func(in *imageid.Inputs) { file(in, "src/a.ts").Data = []byte("b") },
		"a file's name": func(in *imageid.Inputs) {
			tree := in.Context.(fstest.MapFS)
			tree["src/b.ts"] = tree["src/a.ts"]
			delete(tree, "src/a.ts")
		},
		"an executable bit":           func(in *imageid.Inputs) { file(in, "src/a.ts").Mode = 0o755 },
		"a file more":                 func(in *imageid.Inputs) { in.Context.(fstest.MapFS)["z"] = &fstest.MapFile{} },
		"the base image":              func(in *imageid.Inputs) { in.Args["NODE_IMAGE"] = "node:25" },
		"a build argument":            func(in *imageid.Inputs) { in.Args["LEVEL"] = "info" },
		"the platform":                func(in *imageid.Inputs) { in.Platform = "linux/arm64" },
		"the Dockerfile that is used": func(in *imageid.Inputs) { in.Dockerfile = "src/a.ts" },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			in := inputs()
			change(&in)
			if tag(t, in) == base {
				t.Errorf("the tag is still %s", base)
			}
		})
	}
}

// A laptop has files that a fresh checkout hasn't: both must get the same tag.
func TestTagLeavesOutWhatTheBuildDoesNotSee(t *testing.T) {
	allowed := func() imageid.Inputs {
		in := inputs()
		in.Context.(fstest.MapFS)[".dockerignore"] = &fstest.MapFile{Data: []byte("# all but the source\n*\n!src/\n")}
		return in
	}
	base := tag(t, allowed())
	for _, path := range []string{"next-env.d.ts", "tests/a.test.ts", "node_modules/x/index.js"} {
		in := allowed()
		in.Context.(fstest.MapFS)[path] = &fstest.MapFile{Data: []byte("x")}
		if got := tag(t, in); got != base {
			t.Errorf("%s changes the tag", path)
		}
	}
	for _, path := range []string{"src/deep/b.ts", "Dockerfile"} {
		in := allowed()
		in.Context.(fstest.MapFS)[path] = &fstest.MapFile{Data: []byte("x")}
		if got := tag(t, in); got == base {
			t.Errorf("%s does not change the tag", path)
		}
	}
}

func TestTheDockerfilesOwnIgnoreFileGoesFirst(t *testing.T) {
	in := inputs()
	tree := in.Context.(fstest.MapFS)
	tree[".dockerignore"] = &fstest.MapFile{Data: []byte("src")}
	tree["Dockerfile.dockerignore"] = &fstest.MapFile{Data: []byte("docs")}
	base := tag(t, in)
	file(&in, "src/a.ts").Data = []byte("changed")
	if tag(t, in) == base {
		t.Error("src was left out by the other file")
	}
}

func TestTagIgnoresTimes(t *testing.T) {
	in := inputs()
	file(&in, "src/a.ts").ModTime = time.Unix(1, 0)
	if got, want := tag(t, in), tag(t, inputs()); got != want {
		t.Errorf("tag = %s, want %s", got, want)
	}
}

func TestTagNamesTheMissingDockerfile(t *testing.T) {
	in := inputs()
	in.Dockerfile = "DockerFile"
	if _, err := imageid.Tag(in); err == nil {
		t.Fatal("want an error for a missing Dockerfile")
	}
}

func TestTagFitsARegistry(t *testing.T) {
	if got := tag(t, inputs()); len(got) != 34 || !fs.ValidPath(got) {
		t.Errorf("tag %q: want 34 characters that a tag may have", got)
	}
}

func file(in *imageid.Inputs, path string) *fstest.MapFile {
	return in.Context.(fstest.MapFS)[path]
}
