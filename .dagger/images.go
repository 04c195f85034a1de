package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/prooflink/prooflink/.dagger/imageid"
	"github.com/prooflink/prooflink/.dagger/internal/dagger"
	"github.com/prooflink/prooflink/.dagger/jobs"
	"github.com/prooflink/prooflink/.dagger/local"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// platform is what Fargate runs (004_9a2c9db51dc67ef8.txt, 10-3: Linux/X86_64).
const platform = "linux/amd64"

// Build the app's image: Next.js, on port 3000.
func (m *Prooflink) BuildApp() *dagger.Container { return m.build(appImage) }

// Build the batch image: the CSV imports and the database migrations.
func (m *Prooflink) BuildBatch() *dagger.Container { return m.build(batchImage) }

// Build the log router's image: Fluent Bit with ProofLink's configuration.
func (m *Prooflink) BuildFluentBit() *dagger.Container { return m.build(fluentBitImage) }

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
	images, err := m.publish(ctx, environment, target)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, image := range images {
		said := "already there"
		if image.Built {
			said = "built and pushed"
		}
		fmt.Fprintf(&text, "%-10s  %s  %s  %s\n", image.Name, image.Digest, image.Tag, said)
	}
	return text.String(), nil
}

// image is how one of the images is made.
type image struct {
	name       string
	context    string
	dockerfile string
	args       func(*Prooflink) []dagger.BuildArg
	repository func(names.Names) string
}

var (
	appImage = image{"app", "app", "Dockerfile",
		func(m *Prooflink) []dagger.BuildArg {
			return []dagger.BuildArg{{Name: "NODE_IMAGE", Value: m.NodeImage}}
		},
		names.Names.AppRepository}
	batchImage = image{"batch", "batch", "DockerFile",
		func(m *Prooflink) []dagger.BuildArg {
			return []dagger.BuildArg{{Name: "NODE_IMAGE", Value: m.NodeImage}}
		},
		names.Names.BatchRepository}
	fluentBitImage = image{"fluent-bit", "fluentbit", "Dockerfile",
		func(m *Prooflink) []dagger.BuildArg {
			return []dagger.BuildArg{{Name: "FLUENT_BIT_IMAGE", Value: m.FluentBitImage}}
		},
		names.Names.FluentBitRepository}
)

var allImages = []image{appImage, batchImage, fluentBitImage}

func (m *Prooflink) build(i image) *dagger.Container {
	return m.Source.Directory(i.context).DockerBuild(dagger.DirectoryDockerBuildOpts{
		Dockerfile: i.dockerfile,
		Platform:   platform,
		BuildArgs:  i.args(m),
	})
}

// tag hashes the image's inputs.
func (m *Prooflink) tag(ctx context.Context, i image) (string, error) {
	dir, err := os.MkdirTemp("", i.name)
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if _, err := m.Source.Directory(i.context).Export(ctx, dir); err != nil {
		return "", fmt.Errorf("read the inputs of the %s image: %w", i.name, err)
	}
	args := map[string]string{}
	for _, arg := range i.args(m) {
		args[arg.Name] = arg.Value
	}
	return imageid.Tag(imageid.Inputs{Context: os.DirFS(dir), Dockerfile: i.dockerfile, Args: args, Platform: platform})
}

// publish publishes all images in parallel, in the order of allImages.
func (m *Prooflink) publish(ctx context.Context, environment config.Environment, to target) ([]local.Image, error) {
	published := make([]local.Image, len(allImages))
	var work []jobs.Job
	for i, each := range allImages {
		work = append(work, jobs.Job{Name: "publish " + each.name, Run: func(ctx context.Context) (string, error) {
			repository := each.repository(names.New(environment.Project, environment.Env))
			var err error
			published[i], err = m.publishOne(ctx, each, repository, to)
			return "", explain(err)
		}})
	}
	return published, jobs.All(ctx, 0, work...).Err()
}

func (m *Prooflink) publishOne(ctx context.Context, i image, repository string, to target) (local.Image, error) {
	tag, err := m.tag(ctx, i)
	if err != nil {
		return local.Image{}, err
	}
	digest, found, err := to.registry.Find(ctx, repository, tag)
	if err != nil || found {
		return local.Image{Name: i.name, Tag: tag, Digest: digest}, err
	}
	digest, err = m.push(ctx, i, to, repository+":"+tag)
	if err == nil {
		return local.Image{Name: i.name, Tag: tag, Digest: digest, Built: true}, nil
	}
	// Somebody else may have pushed the same inputs meanwhile, and a repository
	// of immutable tags refuses the second; theirs then is the image.
	if theirs, found, _ := to.registry.Find(ctx, repository, tag); found {
		return local.Image{Name: i.name, Tag: tag, Digest: theirs}, nil
	}
	return local.Image{}, err
}

func (m *Prooflink) push(ctx context.Context, i image, to target, name string) (digest string, err error) {
	container := m.build(i).WithLabel("org.opencontainers.image.revision", or(m.Revision, "unknown"))
	if to.password != nil {
		container = container.WithRegistryAuth(to.address, to.registry.User, to.password)
	}
	reference, err := container.Publish(ctx, to.address+"/"+name,
		dagger.ContainerPublishOpts{RegistryService: to.service})
	if err != nil {
		return "", fmt.Errorf("build and push the %s image: %w", i.name, err)
	}
	_, digest, ok := strings.Cut(reference, "@")
	if !ok {
		return "", fmt.Errorf("push of the %s image returned no digest: %s", i.name, reference)
	}
	return digest, nil
}
