package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/internal/dagger"
	"github.com/prooflink/prooflink/.dagger/jobs"
	"github.com/prooflink/prooflink/.dagger/revision"
	"github.com/prooflink/prooflink/infra/config"
)

// Build the app's image: Next.js, on port 3000.
func (m *Prooflink) BuildApp(
	// The environment whose settings are built into the pages.
	//
	// +default="dev"
	env string,
) (*dagger.Container, error) {
	environment, err := config.Load(env)
	if err != nil {
		return nil, err
	}
	return m.build(images.App, environment), nil
}

// Build the batch image: the CSV imports and the database migrations.
func (m *Prooflink) BuildBatch() *dagger.Container {
	return m.build(images.Batch, config.Environment{})
}

// Build the log router's image: Fluent Bit with ProofLink's configuration.
func (m *Prooflink) BuildFluentBit() *dagger.Container {
	return m.build(images.FluentBit, config.Environment{})
}

// Publish the images that the registry lacks, and return each image's digest.
//
// An image is found by a tag that is the hash of its inputs; what is there is
// neither built nor pushed again.
//
// +cache="never"
func (m *Prooflink) Publish(
	ctx context.Context,
	// The environment whose repositories are used: "dev", "prod" or "local".
	env string,
	// A registry to use instead of the environment's, like "tcp://localhost:5000".
	//
	// +optional
	registry *dagger.Service,
) (string, error) {
	environment, err := config.Load(env)
	if err != nil {
		return "", err
	}
	target, err := m.target(ctx, environment, registry)
	if err != nil {
		return "", err
	}
	published, err := m.publish(ctx, environment, target)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, image := range published {
		said := "already there"
		if image.Built {
			said = "built and pushed"
		}
		fmt.Fprintf(&text, "%-10s  %s  %s  %s\n", image.Name, image.Digest, image.Tag, said)
	}
	return text.String(), nil
}

func (m *Prooflink) build(source images.Source, environment config.Environment) *dagger.Container {
	args := source.Args(m.base(source), environment)
	var buildArgs []dagger.BuildArg
	for _, name := range slices.Sorted(maps.Keys(args)) {
		buildArgs = append(buildArgs, dagger.BuildArg{Name: name, Value: args[name]})
	}
	return m.Source.Directory(source.Folder).DockerBuild(dagger.DirectoryDockerBuildOpts{
		Dockerfile: source.Dockerfile,
		Platform:   images.Platform,
		BuildArgs:  buildArgs,
	})
}

// base is the image that a source is built on.
func (m *Prooflink) base(source images.Source) string {
	if source.Name == images.FluentBit.Name {
		return m.FluentBitImage
	}
	return m.NodeImage
}

// tag hashes the image's inputs.
func (m *Prooflink) tag(ctx context.Context, source images.Source, environment config.Environment) (string, error) {
	dir, err := os.MkdirTemp("", source.Name)
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if _, err := m.Source.Directory(source.Folder).Export(ctx, dir); err != nil {
		return "", fmt.Errorf("read the inputs of the %s image: %w", source.Name, err)
	}
	return source.Tag(os.DirFS(dir), source.Args(m.base(source), environment))
}

// commit is the checkout's, or "unknown".
func (m *Prooflink) commit(ctx context.Context) (string, error) {
	dir, err := os.MkdirTemp("", "git")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if _, err := m.Git.Export(ctx, dir); err != nil {
		return "", fmt.Errorf("read the checkout's commit: %w", err)
	}
	return revision.Of(os.DirFS(filepath.Join(dir, ".git"))), nil
}

// publish publishes all images in parallel, and returns them in the order of images.All.
func (m *Prooflink) publish(ctx context.Context, environment config.Environment, to target) ([]images.Published, error) {
	published := make([]images.Published, len(images.All()))
	var work []jobs.Job
	for i, source := range images.All() {
		work = append(work, jobs.Job{Name: "publish " + source.Name, Run: func(ctx context.Context) (string, error) {
			var err error
			published[i], err = m.publishOne(ctx, source, environment, to)
			return "", explain(err)
		}})
	}
	return published, jobs.All(ctx, 0, work...).Err()
}

func (m *Prooflink) publishOne(ctx context.Context, source images.Source, environment config.Environment, to target) (images.Published, error) {
	tag, err := m.tag(ctx, source, environment)
	if err != nil {
		return images.Published{}, err
	}
	repository := source.Repository(environment.Names())
	return source.Publish(ctx, to.registry, repository, tag, func(ctx context.Context) (string, error) {
		digest, err := m.push(ctx, m.build(source, environment), to, repository+":"+tag)
		if err != nil {
			return "", fmt.Errorf("build and push the %s image: %w", source.Name, err)
		}
		return digest, nil
	})
}

func (m *Prooflink) push(ctx context.Context, container *dagger.Container, to target, name string) (digest string, err error) {
	commit, err := m.commit(ctx)
	if err != nil {
		return "", err
	}
	container = container.WithLabel("org.opencontainers.image.revision", commit)
	if to.password != nil {
		container = container.WithRegistryAuth(to.address, to.registry.User, to.password)
	}
	reference, err := container.Publish(ctx, to.address+"/"+name,
		dagger.ContainerPublishOpts{RegistryService: to.service})
	if err != nil {
		return "", err
	}
	_, digest, ok := strings.Cut(reference, "@")
	if !ok {
		return "", fmt.Errorf("the push returned no digest: %s", reference)
	}
	return digest, nil
}
