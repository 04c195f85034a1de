package rehearsal

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/registry"
	"github.com/prooflink/prooflink/.dagger/versions"
)

// imageWorkdir is where the images have their files.
const imageWorkdir = "app"

// appEntrypoint is the app image's.
var appEntrypoint = []string{"node", "entrypoint.mjs"}

// recipe is how an image's files are built on the host.
type recipe struct {
	images.Source
	base string
	// commands build it, in a copy of the folder.
	commands [][]string
	// output is the part of the copy that the image holds.
	output string
}

var recipes = []recipe{
	{Source: images.App, base: versions.Node, output: ".next/standalone",
		commands: [][]string{{"npm", "ci", "--no-audit", "--no-fund"}, {"npm", "run", "build"}}},
	{Source: images.Batch, base: versions.Node, output: ".",
		commands: [][]string{{"npm", "ci", "--no-audit", "--no-fund"}, {"npm", "run", "build"},
			{"npm", "prune", "--omit=dev", "--no-audit", "--no-fund"}}},
	{Source: images.FluentBit, base: versions.FluentBit, output: "."},
}

// Publish builds, on the host, what the registry of this process lacks.
func (p *Processes) Publish(ctx context.Context) ([]images.Published, error) {
	var published []images.Published
	for _, each := range recipes {
		image, err := p.publishOne(ctx, each)
		if err != nil {
			return nil, fmt.Errorf("publish the %s image: %w", each.Name, err)
		}
		published = append(published, image)
	}
	return published, nil
}

func (p *Processes) publishOne(ctx context.Context, r recipe) (images.Published, error) {
	inputs := filepath.Join(p.work, "build", r.Name)
	if err := p.copyInputs(ctx, r.Folder, inputs); err != nil {
		return images.Published{}, err
	}
	args := r.Args(r.base, p.environment)
	tag, err := r.Tag(os.DirFS(inputs), args)
	if err != nil {
		return images.Published{}, err
	}
	to := registry.Registry{Host: strings.TrimPrefix(p.registry.URL, "http://"), Insecure: true}
	repository := r.Repository(p.environment.Names())
	return r.Publish(ctx, to, repository, tag, func(ctx context.Context) (string, error) {
		root, err := p.buildRoot(ctx, r, inputs, args)
		if err != nil {
			return "", err
		}
		return push(ctx, root, to.Host+"/"+repository+":"+tag)
	})
}

// copyInputs copies what git knows or would add: what the checkout's build
// leaves behind is no input.
func (p *Processes) copyInputs(ctx context.Context, folder, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	list := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = filepath.Join(p.repository, folder)
	files, err := list.Output()
	if err != nil {
		return fmt.Errorf("list the files of %s: %w", folder, err)
	}
	for file := range strings.SplitSeq(strings.TrimSuffix(string(files), "\x00"), "\x00") {
		if err := copyFile(filepath.Join(list.Dir, file), filepath.Join(to, file)); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, content, info.Mode().Perm())
}

// buildRoot builds in the copy and moves the result to where an image has it.
func (p *Processes) buildRoot(ctx context.Context, r recipe, inputs string, settings map[string]string) (string, error) {
	for _, args := range r.commands {
		command := exec.CommandContext(ctx, filepath.Join(p.tools.Node, args[0]), args[1:]...)
		command.Dir = inputs
		command.Env = append(os.Environ(), "PATH="+p.tools.Node+string(os.PathListSeparator)+os.Getenv("PATH"), "NEXT_TELEMETRY_DISABLED=1")
		for name, value := range settings {
			command.Env = append(command.Env, name+"="+value)
		}
		if err := run(command); err != nil {
			return "", err
		}
	}
	root := filepath.Join(p.work, "images", r.Name)
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", err
	}
	p.roots[r.Name] = root
	return root, os.Rename(filepath.Join(inputs, r.output), filepath.Join(root, imageWorkdir))
}

// push makes an image of one layer and pushes it.
func push(ctx context.Context, root, address string) (digest string, err error) {
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return tarOf(root) })
	if err != nil {
		return "", err
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return "", err
	}
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{
		Architecture: "amd64", OS: "linux", Config: v1.Config{WorkingDir: "/" + imageWorkdir}, RootFS: rootFS(image)})
	if err != nil {
		return "", err
	}
	ref, err := name.ParseReference(address, name.Insecure)
	if err != nil {
		return "", err
	}
	if err := remote.Write(ref, image, remote.WithContext(ctx)); err != nil {
		return "", err
	}
	hash, err := image.Digest()
	return hash.String(), err
}

func rootFS(image v1.Image) v1.RootFS {
	config, err := image.ConfigFile()
	if err != nil {
		return v1.RootFS{Type: "layers"}
	}
	return config.RootFS
}

// tarOf packs a folder without times and owners, so that the same files make
// the same layer.
func tarOf(root string) (io.ReadCloser, error) {
	var packed bytes.Buffer
	archive := tar.NewWriter(&packed)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		return addEntry(archive, root, path, entry)
	})
	if err != nil {
		return nil, err
	}
	return io.NopCloser(&packed), archive.Close()
}

func addEntry(archive *tar.Writer, root, path string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	target := ""
	if entry.Type()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(path); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	relative, err := filepath.Rel(root, path)
	if err != nil {
		return err
	}
	*header = tar.Header{Typeflag: header.Typeflag, Name: filepath.ToSlash(relative), Linkname: target, Mode: header.Mode, Size: header.Size}
	if err := archive.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
		return err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	_, err = archive.Write(content)
	return err
}
