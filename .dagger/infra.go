package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/internal/dagger"
	"github.com/prooflink/prooflink/.dagger/local"
	"github.com/prooflink/prooflink/.dagger/versions"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// Synthesize an environment's CloudFormation templates, without AWS.
//
// The images' digests are left out: the result is for review, not to deploy.
func (m *Prooflink) Synth(
	ctx context.Context,
	// The environment: "dev", "prod" or "local".
	//
	// +default="dev"
	env string,
	// A configuration file to use instead of an environment, like ./staging.yaml.
	//
	// +optional
	config *dagger.File,
) (*dagger.Directory, error) {
	_, templates, err := m.synthEither(ctx, env, config)
	return templates, err
}

// synthEither synthesizes a configuration file, or where there is none an
// environment.
func (m *Prooflink) synthEither(ctx context.Context, env string, file *dagger.File) (config.Environment, *dagger.Directory, error) {
	if file == nil {
		environment, err := config.Load(env)
		return environment, m.synth(env, nil), err
	}
	name, err := file.Name(ctx)
	if err != nil {
		return config.Environment{}, nil, fmt.Errorf("read the configuration: %w", err)
	}
	if _, err := file.Export(ctx, name); err != nil { // so that problems are told with the caller's name of it
		return config.Environment{}, nil, fmt.Errorf("read the configuration: %w", err)
	}
	defer os.Remove(name)
	environment, err := config.LoadFile(name)
	if err != nil {
		return config.Environment{}, nil, err
	}
	values, err := json.Marshal(map[string]string{names.ContextConfig: "/config/" + name})
	return environment, m.synthContext(string(values), func(c *dagger.Container) *dagger.Container {
		return c.WithFile("/config/"+name, file)
	}), err
}

// synth synthesizes an environment with its images.
func (m *Prooflink) synth(env string, published []images.Published) *dagger.Directory {
	values, _ := local.SynthContext(env, published) // strings always have a JSON form
	return m.synthContext(values, func(c *dagger.Container) *dagger.Container { return c })
}

// synthContext runs the compiled CDK app in Node: once a set of inputs.
func (m *Prooflink) synthContext(values string, with dagger.WithContainerFunc) *dagger.Directory {
	return dag.Container().
		From(m.NodeImage).
		WithMountedCache("/root/.cache", dag.CacheVolume("prooflink-jsii")).
		WithFile("/usr/local/bin/infra", m.infraBinary("infra")).
		With(with).
		WithEnvVariable("CDK_CONTEXT_JSON", values).
		WithEnvVariable("CDK_OUTDIR", "/cdk.out").
		WithExec([]string{"infra"}).
		Directory("/cdk.out")
}

// infraBinary compiles a program of infra/; it starts Node for the CDK's own code.
func (m *Prooflink) infraBinary(folder string) *dagger.File {
	source := m.Source.Filter(dagger.DirectoryFilterOpts{
		Include: []string{"go.mod", "go.sum", "infra/**"},
		Exclude: []string{"**/*_test.go", "**/*.md", "**/testdata", "infra/bench"},
	})
	return m.golang().
		WithDirectory("/src", source).
		WithExec([]string{"go", "build", "-o", "/usr/local/bin/", "./" + folder}).
		File("/usr/local/bin/" + path.Base(folder))
}

// golang is where Go code is compiled and tested. CDK starts Node.
func (m *Prooflink) golang() *dagger.Container {
	return dag.Container().
		From(versions.Go).
		WithFile("/usr/local/bin/node", dag.Container().From(m.NodeImage).File("/usr/local/bin/node")).
		WithMountedCache("/go/pkg/mod", dag.CacheVolume("prooflink-go-mod")).
		WithMountedCache("/root/.cache", dag.CacheVolume("prooflink-go-build")).
		WithEnvVariable("GOMODCACHE", "/go/pkg/mod").
		WithEnvVariable("GOTOOLCHAIN", "local").
		WithWorkdir("/src")
}

// cdk is the CDK's command line.
func (m *Prooflink) cdk() *dagger.Container {
	return dag.Container().
		From(m.NodeImage).
		WithMountedCache("/root/.npm", dag.CacheVolume("prooflink-npm")).
		WithExec([]string{"npm", "install", "--global", "--no-audit", "--no-fund", "aws-cdk@" + versions.CDK}).
		WithEnvVariable("CDK_DISABLE_CLI_TELEMETRY", "true").
		WithEnvVariable("CDK_HOME", "/tmp/cdk")
}
