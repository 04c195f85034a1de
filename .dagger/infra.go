package main

import (
	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/internal/dagger"
	"github.com/prooflink/prooflink/.dagger/local"
	"github.com/prooflink/prooflink/.dagger/versions"
	"github.com/prooflink/prooflink/infra/config"
)

// Synthesize an environment's CloudFormation templates, without AWS.
//
// The images' digests are left out: the result is for review, not to deploy.
func (m *Prooflink) Synth(
	// The environment: "dev", "prod" or "local".
	//
	// +default="dev"
	env string,
) (*dagger.Directory, error) {
	if _, err := config.Load(env); err != nil {
		return nil, err
	}
	return m.synth(env, nil), nil
}

// synth runs the compiled CDK app in Node: once a set of inputs.
func (m *Prooflink) synth(env string, published []images.Published) *dagger.Directory {
	values, _ := local.SynthContext(env, published) // strings always have a JSON form
	return dag.Container().
		From(m.NodeImage).
		WithMountedCache("/root/.cache", dag.CacheVolume("prooflink-jsii")).
		WithFile("/usr/local/bin/infra", m.infraBinary()).
		WithEnvVariable("CDK_CONTEXT_JSON", values).
		WithEnvVariable("CDK_OUTDIR", "/cdk.out").
		WithExec([]string{"infra"}).
		Directory("/cdk.out")
}

// infraBinary compiles the CDK app; it starts Node for the CDK's own code.
func (m *Prooflink) infraBinary() *dagger.File {
	source := m.Source.Filter(dagger.DirectoryFilterOpts{
		Include: []string{"go.mod", "go.sum", "infra/**"},
		Exclude: []string{"**/*_test.go", "**/testdata"},
	})
	return m.golang().
		WithDirectory("/src", source).
		WithExec([]string{"go", "build", "-o", "/usr/local/bin/infra", "./infra"}).
		File("/usr/local/bin/infra")
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
