package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/internal/dagger"
	"github.com/prooflink/prooflink/.dagger/jobs"
	"github.com/prooflink/prooflink/.dagger/versions"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// Check everything that must hold, in parallel, and report each job.
//
// It fails when a job fails; the report then ends with what that job said.
// Each job is a check of its own, too: `dagger check`.
//
// +cache="never"
func (m *Prooflink) Ci(ctx context.Context) (string, error) {
	var all []jobs.Job
	for _, check := range m.checks() {
		all = append(all, jobs.Job{Name: check.name, Run: func(ctx context.Context) (string, error) {
			return "", check.run(ctx)
		}})
	}
	results := jobs.All(ctx, 0, all...)
	if failed := results.Failed(); len(failed) > 0 {
		return "", fmt.Errorf("ci: %d of %d jobs failed: %s\n\n%s", len(failed), len(results), strings.Join(failed, ", "), results.Report())
	}
	return results.Report(), nil
}

type check struct {
	name string
	run  func(context.Context) error
}

func (m *Prooflink) checks() []check {
	return []check{
		{"format-go", m.FormatGo},
		{"lint-go", m.LintGo},
		{"lint-templates", m.LintTemplates},
		{"lint-workflows", m.LintWorkflows},
		{"bindings", m.Bindings},
		{"test-infra", m.TestInfra},
		{"test-delivery", m.TestDelivery},
		{"test-app", m.TestApp},
		{"test-batch", m.TestBatch},
		{"synth-all", m.SynthAll},
		{"build-images", m.BuildImages},
		{"test-fluent-bit", m.TestFluentBit},
	}
}

// done runs a container's commands; a failure has what they printed.
func done(ctx context.Context, container *dagger.Container) error {
	_, err := container.Sync(ctx)
	return explain(err)
}

// Check that all Go code is formatted.
//
// +check
func (m *Prooflink) FormatGo(ctx context.Context) error {
	return done(ctx, m.golang().
		WithDirectory("/src", m.goSource()).
		WithExec([]string{"sh", "-c", `unformatted=$(gofmt -l .dagger infra | grep -v -e 'dagger.gen.go$' -e '^.dagger/internal/'); test -z "$unformatted" || { echo "not formatted (run gofmt -w):"; echo "$unformatted"; exit 1; }`}))
}

// Lint both Go modules.
//
// +check
func (m *Prooflink) LintGo(ctx context.Context) error {
	return done(ctx, m.golang().
		WithExec([]string{"go", "install", "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@" + versions.GolangciLint}).
		WithDirectory("/src", m.goSource()).
		WithExec([]string{"golangci-lint", "run", "--timeout=20m", "./infra/..."}).
		WithWorkdir("/src/.dagger").
		WithExec([]string{"golangci-lint", "run", "--timeout=20m", "--config=../.golangci.yml", "--build-tags=rehearsal,engine", "./..."}))
}

// Check the CloudFormation of every environment, and of every choice that its
// configuration offers, with cdk-nag, cfn-lint and cfn-guard.
//
// +check
func (m *Prooflink) LintTemplates(ctx context.Context) error {
	guard := "/guard/node_modules/@cdklabs/cdk-validator-cfnguard"
	return done(ctx, dag.Container().
		From(versions.Python).
		WithMountedCache("/root/.cache", dag.CacheVolume("prooflink-lint")).
		WithFile("/requirements.txt", m.Source.File(".ci/tools/lint-requirements.txt")).
		WithExec([]string{"pip", "install", "--requirement", "/requirements.txt"}).
		WithDirectory("/guard", m.cfnGuard()).
		WithFile("/usr/local/bin/node", dag.Container().From(m.NodeImage).File("/usr/local/bin/node")).
		WithFile("/usr/local/bin/lint", m.infraBinary("infra/lint")).
		WithFile("/cfnlintrc.yaml", m.Source.File("infra/.cfnlintrc.yaml")).
		WithExec([]string{"sh", "-c", "lint -cfn-lint-config /cfnlintrc.yaml -guard-rules " + guard +
			"/rules/control-tower/cfn-guard -cfn-guard " + guard + "/bin/ubuntu/$(uname -m)/cfn-guard"}))
}

// cfnGuard is the package with cfn-guard and its rules, installed.
func (m *Prooflink) cfnGuard() *dagger.Directory {
	return dag.Container().
		From(m.NodeImage).
		WithMountedCache("/root/.npm", dag.CacheVolume("prooflink-npm")).
		WithWorkdir("/guard").
		WithExec([]string{"npm", "install", "--no-audit", "--no-fund", "--legacy-peer-deps", "@cdklabs/cdk-validator-cfnguard@" + versions.CfnGuard}).
		Directory("/guard")
}

// Lint the GitHub Actions workflows.
//
// +check
func (m *Prooflink) LintWorkflows(ctx context.Context) error {
	return done(ctx, m.golang().
		WithExec([]string{"go", "install", "github.com/rhysd/actionlint/cmd/actionlint@" + versions.Actionlint}).
		WithDirectory("/src/.github", m.Source.Directory(".github")).
		WithExec([]string{"git", "init", "--quiet", "."}).
		WithExec([]string{"actionlint", "-verbose"}))
}

// Check that the committed bindings are what Dagger generates.
//
// +check
func (m *Prooflink) Bindings(ctx context.Context) error {
	generated := m.Source.AsModuleSource().GeneratedContextDirectory()
	files, err := generated.Glob(ctx, ".dagger/**/*.gen.go")
	if err != nil {
		return err
	}
	var stale []string
	for _, file := range files {
		same, err := sameContent(ctx, generated.File(file), m.Source.File(file))
		if err != nil {
			return fmt.Errorf("compare %s with what Dagger generates: %w", file, err)
		}
		if !same {
			stale = append(stale, file)
		}
	}
	if len(stale) > 0 {
		return fmt.Errorf("stale bindings: %s: run `dagger develop` and commit what it writes", strings.Join(stale, ", "))
	}
	return nil
}

// sameContent leaves out what a checkout doesn't keep: owners and times.
func sameContent(ctx context.Context, a, b *dagger.File) (bool, error) {
	content := dagger.FileDigestOpts{ExcludeMetadata: true}
	digestA, err := a.Digest(ctx, content)
	if err != nil {
		return false, err
	}
	digestB, err := b.Digest(ctx, content)
	return digestA == digestB, err
}

// Test the infrastructure: its configuration, names and templates, and that
// each demand is met here or in another folder.
//
// +check
func (m *Prooflink) TestInfra(ctx context.Context) error {
	return done(ctx, m.golang().
		WithDirectory("/src", m.Source).
		WithExec([]string{"go", "vet", "./infra/..."}).
		WithExec(goTest("./infra/...")))
}

// Test the delivery's own packages.
//
// +check
func (m *Prooflink) TestDelivery(ctx context.Context) error {
	return done(ctx, m.golang().
		WithDirectory("/src", m.Source).
		WithWorkdir("/src/.dagger").
		WithExec([]string{"go", "vet", "./..."}).
		WithExec(goTest("./...")))
}

// goTest prints what fails and nothing else, so that a report ends with it.
func goTest(packages string) []string {
	return []string{"bash", "-o", "pipefail", "-c",
		"go test " + packages + ` | sed -e '/^ok /d' -e '/no test files/d'`}
}

// Check and test the app: format, types, lint, and tests with a real PostgreSQL.
//
// +check
func (m *Prooflink) TestApp(ctx context.Context) error {
	return done(ctx, m.npm("app", "format:check", "typecheck", "lint", "build", "test"))
}

// Check and test the batch jobs: format, types, lint, and tests with a real PostgreSQL.
//
// +check
func (m *Prooflink) TestBatch(ctx context.Context) error {
	return done(ctx, m.npm("batch", "format:check", "typecheck", "lint", "build", "test"))
}

// Synthesize every environment.
//
// +check
func (m *Prooflink) SynthAll(ctx context.Context) error {
	var all []jobs.Job
	for _, env := range config.Known() {
		all = append(all, jobs.Job{Name: "synth " + env, Run: func(ctx context.Context) (string, error) {
			templates, err := m.synth(env, nil).Glob(ctx, "*.template.json")
			if err == nil && len(templates) == 0 {
				err = fmt.Errorf("no templates")
			}
			return "", explain(err)
		}})
	}
	return jobs.All(ctx, 0, all...).Err()
}

// Build the three images.
//
// +check
func (m *Prooflink) BuildImages(ctx context.Context) error {
	environment, err := config.Load(names.DefaultEnv)
	if err != nil {
		return err
	}
	var all []jobs.Job
	for _, each := range images.All() {
		all = append(all, jobs.Job{Name: "build " + each.Name, Run: func(ctx context.Context) (string, error) {
			return "", done(ctx, m.build(each, environment))
		}})
	}
	return jobs.All(ctx, 0, all...).Err()
}

// goSource is what the Go tools look at.
func (m *Prooflink) goSource() *dagger.Directory {
	return m.Source.Filter(dagger.DirectoryFilterOpts{
		Include: []string{"go.mod", "go.sum", ".golangci.yml", "infra/**", ".dagger/**"},
	})
}

// npm runs a package's scripts, one after another, with a PostgreSQL for its tests.
func (m *Prooflink) npm(folder string, scripts ...string) *dagger.Container {
	source := m.Source.Directory(folder)
	const password = "test"
	database := dag.Container().
		From(versions.Postgres).
		WithEnvVariable("POSTGRES_PASSWORD", password).
		WithExposedPort(5432).
		AsService(dagger.ContainerAsServiceOpts{UseEntrypoint: true})
	container := dag.Container().
		From(m.NodeImage).
		WithMountedCache("/root/.npm", dag.CacheVolume("prooflink-npm")).
		WithWorkdir("/src").
		WithFiles("/src", []*dagger.File{source.File("package.json"), source.File("package-lock.json")}).
		WithExec([]string{"npm", "ci", "--no-audit", "--no-fund"}).
		WithDirectory("/src", source).
		WithServiceBinding("postgres", database).
		WithEnvVariable("TEST_DATABASE_URL", "postgresql://postgres:"+password+"@postgres:5432/postgres?sslmode=disable").
		WithEnvVariable("CI", "true")
	for _, script := range scripts {
		container = container.WithExec([]string{"npm", "run", script})
	}
	return container
}
