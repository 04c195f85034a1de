package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/prooflink/prooflink/.dagger/delivery"
	"github.com/prooflink/prooflink/.dagger/internal/dagger"
	"github.com/prooflink/prooflink/.dagger/local"
	"github.com/prooflink/prooflink/infra/config"
)

// localEnv needs no AWS account: everything runs beside the engine.
const localEnv = "local"

// Deploy an environment, and be done only when what was built is what runs.
//
// "local" builds and pushes the images to a registry beside the engine,
// deploys the infrastructure to an emulated AWS, registers the definitions
// there and runs the images by them, with a real PostgreSQL.
//
// On AWS it checks first, takes the environment's lock, publishes the images
// that the registry lacks, deploys the stacks, runs the migrations before the
// service moves, follows the service's deployment to its end, and compares the
// digests of the running tasks with those that were built. `--plan` says what it
// would do. The exit code is 0 when it runs, 1 when something failed, 2 for
// wrong arguments or configuration, and 3 when it was rolled back; `report`
// shows the last run again.
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
	// The stacks to deploy, like "Network,Database"; by default all. "NetworkStack-dev" is understood, too.
	//
	// +optional
	stacks []string,
	// Say what would be done, and change nothing.
	//
	// +optional
	plan bool,
	// Take the images of the last deployment instead of this checkout's.
	//
	// +optional
	skipBuild bool,
	// How many stacks are deployed at a time.
	//
	// +default=4
	concurrency int,
	// Wait for a deployment that somebody else has under way; false fails instead.
	//
	// +default=true
	waitInProgress bool,
	// How many minutes the service's deployment, and the migration, may each take.
	//
	// +default=30
	timeoutMinutes int,
	// The environment again, which "prod" asks for: --confirm prod.
	//
	// +optional
	confirm string,
	// "text" for a person, "json" for a program.
	//
	// +default="text"
	format string,
) (string, error) {
	if env == localEnv && m.Emulator == nil {
		summary, _, err := m.deploy(ctx, usersCsv, "To look at it: dagger call serve up --ports 3000:3000, then http://localhost:3000")
		return summary, m.ended(ctx, env, err)
	}
	return m.delivered(ctx, request{
		env: env, stacks: stacks, plan: plan, skipBuild: skipBuild, concurrency: concurrency,
		wait: waitInProgress, minutes: timeoutMinutes, confirm: confirm, format: format,
	}, delivery.Deploy, delivery.PlanDeploy)
}

// deploy deploys the environment "local".
func (m *Prooflink) deploy(ctx context.Context, usersCsv *dagger.File, next string) (string, *containers, error) {
	environment, err := config.Load(localEnv)
	if err != nil {
		return "", nil, err
	}
	users, err := m.sample(ctx, usersCsv)
	if err != nil {
		return "", nil, misused(err)
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
