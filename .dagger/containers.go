package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/internal/dagger"
	"github.com/prooflink/prooflink/.dagger/local"
	"github.com/prooflink/prooflink/.dagger/versions"
	"github.com/prooflink/prooflink/infra/config"
)

const (
	// awsHost is the emulator's name in containers.
	awsHost = "aws"
	// awsPort is where the emulator listens.
	awsPort = 4566
	// postgresPort is where PostgreSQL listens.
	postgresPort = 5432
)

// containers is the local.Machine that runs everything as Dagger services and
// one-off containers.
type containers struct {
	*Prooflink
	environment config.Environment
	// run is of this run only: what has an effect must not come from a cache.
	run      string
	registry target

	published []images.Published // in the order of images.All
	emulator  *dagger.Service
	database  *dagger.Service
	dbHost    string
	app       *dagger.Service
}

var _ local.Machine = (*containers)(nil)

func (m *Prooflink) containers(ctx context.Context, environment config.Environment) (*containers, error) {
	to, err := m.target(ctx, environment, nil)
	if err != nil {
		return nil, err
	}
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	return &containers{Prooflink: m, environment: environment, run: run, registry: to}, nil
}

func (c *containers) StartAWS(ctx context.Context) (string, error) {
	if c.emulator == nil {
		c.emulator = c.ministack(c.run).AsService(dagger.ContainerAsServiceOpts{Args: []string{"ministack"}})
	}
	service, err := c.emulator.Start(ctx)
	if err != nil {
		return "", explain(err)
	}
	c.emulator = service
	return service.Endpoint(ctx, dagger.ServiceEndpointOpts{Port: awsPort, Scheme: "http"})
}

// ministack is the emulator, with an empty state in each run.
func (m *Prooflink) ministack(run string) *dagger.Container {
	return dag.Container().
		From(versions.Python).
		WithMountedCache("/root/.cache/pip", dag.CacheVolume("prooflink-pip")).
		WithFile("/requirements.txt", m.Source.File(".ci/tools/requirements.txt")).
		WithExec([]string{"pip", "install", "--requirement", "/requirements.txt"}).
		WithEnvVariable("GATEWAY_PORT", strconv.Itoa(awsPort)).
		WithEnvVariable("BIND_HOST", "0.0.0.0").
		WithEnvVariable("PROOFLINK_RUN", run).
		WithExposedPort(awsPort)
}

func (c *containers) Publish(ctx context.Context) ([]images.Published, error) {
	var err error
	c.published, err = c.publish(ctx, c.environment, c.registry)
	return c.published, err
}

func (c *containers) Synth(ctx context.Context, published []images.Published) (string, error) {
	dir, err := os.MkdirTemp(".", "assembly-")
	if err != nil {
		return "", err
	}
	_, err = c.synth(c.environment.Env, published).Export(ctx, dir)
	return dir, explain(err)
}

func (c *containers) DeployStacks(ctx context.Context, assembly string) error {
	container := c.cdk().
		WithServiceBinding(awsHost, c.emulator).
		With(variables(c.Overrides())).
		WithEnvVariable("CDK_S3_FORCE_PATH_STYLE", "1").
		WithEnvVariable("PROOFLINK_RUN", c.run).
		WithDirectory("/assembly", dag.CurrentModule().Workdir(assembly))
	for _, args := range local.CDKCommands(c.environment.Region, "/assembly") {
		container = container.WithExec(append([]string{"cdk"}, args...))
	}
	return done(ctx, container)
}

func (c *containers) StartDatabase(ctx context.Context, db local.Database) (string, error) {
	if c.database == nil {
		c.database = c.postgres(db)
	}
	service, err := c.database.Start(ctx)
	if err != nil {
		return "", explain(err)
	}
	c.database, c.dbHost = service, db.Host
	endpoint, err := service.Endpoint(ctx, dagger.ServiceEndpointOpts{Port: postgresPort})
	at := url.URL{Scheme: "postgres", User: url.UserPassword(db.User, db.Password), Host: endpoint, Path: db.Name, RawQuery: "sslmode=disable"}
	return at.String(), err
}

// postgres is a database with a login, empty in each run.
func (c *containers) postgres(db local.Database) *dagger.Service {
	return dag.Container().
		From(versions.Postgres).
		WithEnvVariable("POSTGRES_USER", db.User).
		WithSecretVariable("POSTGRES_PASSWORD", dag.SetSecret("db-password-"+c.run, db.Password)).
		WithEnvVariable("POSTGRES_DB", db.Name).
		WithEnvVariable("PROOFLINK_RUN", c.run).
		WithExposedPort(postgresPort).
		AsService(dagger.ContainerAsServiceOpts{UseEntrypoint: true})
}

func (c *containers) Run(ctx context.Context, task local.Task) (string, error) {
	container, err := c.container(task)
	if err != nil {
		return "", err
	}
	said, err := container.
		WithEnvVariable("PROOFLINK_RUN", c.run).
		WithExec(task.Command, dagger.ContainerWithExecOpts{UseEntrypoint: true}).
		Stdout(ctx)
	var failed *dagger.ExecError
	if errors.As(err, &failed) {
		return "", &local.Exited{Command: failed.Cmd, Code: failed.ExitCode, Output: output(failed)}
	}
	return said, err
}

func (c *containers) StartApp(ctx context.Context, task local.Task) (string, error) {
	container, err := c.container(task)
	if err != nil {
		return "", err
	}
	port := c.environment.App.Port
	c.app = container.WithExposedPort(port).AsService(dagger.ContainerAsServiceOpts{UseEntrypoint: true})
	if c.app, err = c.app.Start(ctx); err != nil {
		return "", explain(err)
	}
	return c.app.Endpoint(ctx, dagger.ServiceEndpointOpts{Port: port, Scheme: "http"})
}

// Overrides point the SDKs in the containers to the emulator.
func (c *containers) Overrides() map[string]string {
	overrides := local.Credentials(c.environment.Region)
	overrides["AWS_ENDPOINT_URL"] = fmt.Sprintf("http://%s:%d", awsHost, awsPort)
	return overrides
}

// container is the published image, pulled by its digest, with a task's
// environment; PostgreSQL answers under the host name that the task is given.
func (c *containers) container(task local.Task) (*dagger.Container, error) {
	address, err := c.address(task.Image)
	if err != nil {
		return nil, err
	}
	container := dag.Container().
		From(address, dagger.ContainerFromOpts{RegistryService: c.registry.service}).
		WithServiceBinding(awsHost, c.emulator).
		WithServiceBinding(c.dbHost, c.database).
		With(variables(task.Env))
	for _, name := range slices.Sorted(maps.Keys(task.Secrets)) {
		container = container.WithSecretVariable(name, dag.SetSecret(name+"-"+c.run, task.Secrets[name]))
	}
	return container, nil
}

// address is where a published image is pulled from, by its digest.
func (c *containers) address(name string) (string, error) {
	named := c.environment.Names()
	for i, source := range images.All() {
		if source.Name == name && i < len(c.published) {
			return c.registry.address + "/" + source.Repository(named) + "@" + c.published[i].Digest, nil
		}
	}
	return "", fmt.Errorf("the image %q was not published", name)
}

// variables sets environment variables in a fixed order, for the cache's sake.
func variables(values map[string]string) dagger.WithContainerFunc {
	return func(container *dagger.Container) *dagger.Container {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			container = container.WithEnvVariable(name, values[name])
		}
		return container
	}
}

// explain says which command failed, and what it printed.
func explain(err error) error {
	var failed *dagger.ExecError
	if !errors.As(err, &failed) {
		return err
	}
	return fmt.Errorf("%s: exit code %d\n%s", strings.Join(failed.Cmd, " "), failed.ExitCode, output(failed))
}

// output is what a command printed.
func output(failed *dagger.ExecError) string {
	return strings.TrimSpace(failed.Stdout + "\n" + failed.Stderr)
}
