package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/prooflink/prooflink/.dagger/internal/dagger"
	"github.com/prooflink/prooflink/.dagger/local"
	"github.com/prooflink/prooflink/infra/config"
)

// localEnv needs no AWS account: everything runs beside the engine.
const localEnv = "local"

// Deploy an environment, and say what each step did.
//
// "local" builds and pushes the images to a registry beside the engine,
// deploys the infrastructure to an emulated AWS, registers the definitions
// there and runs the images by them, with a real PostgreSQL.
//
// On AWS, `--env dev --stacks Foundation,Network` deploys just these stacks, in
// the order in which they depend on each other, and publishes the images first
// where a stack needs them. Look at the changes with `--dry-run` before.
//
// +cache="never"
func (m *Prooflink) Deploy(
	ctx context.Context,
	// The environment: "local", "dev" or "prod".
	env string,
	// The users to import, as CSV; by default batch/samples/users.csv. "local" only.
	//
	// +optional
	usersCsv *dagger.File,
	// The stacks to deploy, like "Network,Database"; "NetworkStack-dev" is understood, too.
	//
	// +optional
	stacks []string,
	// Return what would change, and change nothing.
	//
	// +optional
	dryRun bool,
) (string, error) {
	if len(stacks) > 0 || dryRun {
		return m.deployStacks(ctx, env, stacks, dryRun)
	}
	summary, _, err := m.deploy(ctx, env, usersCsv, "To look at it: dagger call serve up --ports 3000:3000, then http://localhost:3000")
	return summary, err
}

// Deploy the environment "local" and keep it up: `serve up --ports 3000:3000`.
//
// +cache="never"
func (m *Prooflink) Serve(
	ctx context.Context,
	// The users to import, as CSV; by default batch/samples/users.csv.
	//
	// +optional
	usersCsv *dagger.File,
) (*dagger.Service, error) {
	summary, system, err := m.deploy(ctx, localEnv, usersCsv, "With `up --ports 3000:3000` it is at http://localhost:3000")
	if err != nil {
		return nil, err
	}
	fmt.Println(summary)
	return system.app, nil
}

func (m *Prooflink) deploy(ctx context.Context, env string, usersCsv *dagger.File, next string) (string, *containers, error) {
	environment, err := config.Load(env)
	if err != nil {
		return "", nil, err
	}
	if env != localEnv {
		return "", nil, m.refuseAWS(ctx, environment)
	}
	users, err := m.sample(ctx, usersCsv)
	if err != nil {
		return "", nil, err
	}
	system, err := m.containers(ctx, environment)
	if err != nil {
		return "", nil, err
	}
	summary, err := local.Deploy(ctx, system, local.Options{
		Environment: environment,
		Kind:        "containers",
		UsersCSV:    users,
		Next:        next,
	})
	return summary, system, err
}

// refuseAWS says what a deployment to AWS lacks, what the caller can mend first.
func (m *Prooflink) refuseAWS(ctx context.Context, environment config.Environment) error {
	if _, err := m.awsConfig(ctx, environment); err != nil {
		return err
	}
	if err := refuseExamples(environment); err != nil {
		return err
	}
	return fmt.Errorf("deploy %s: this version deploys no whole environment to AWS yet; use --stacks to deploy stacks, like --stacks Foundation,Network, or --env local for the whole path", environment.Env)
}

// refuseExamples keeps the repository's example values out of AWS.
func refuseExamples(environment config.Environment) error {
	if examples := environment.Examples(); len(examples) > 0 {
		return fmt.Errorf("deploy %s: its configuration still has examples: %s: replace them in infra/config/environments/%s.yaml", environment.Env, strings.Join(examples, ", "), environment.Env)
	}
	return nil
}

func (m *Prooflink) sample(ctx context.Context, given *dagger.File) ([]byte, error) {
	if given == nil {
		given = m.Source.File("batch/samples/users.csv")
	}
	path, err := given.Export(ctx, "users.csv")
	if err != nil {
		return nil, fmt.Errorf("read the users sample: %w", err)
	}
	defer os.Remove(path)
	return local.ReadSample(path)
}
