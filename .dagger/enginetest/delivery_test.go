//go:build engine

package enginetest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger"

	"github.com/prooflink/prooflink/.dagger/versions"
)

// scriptedAWS serves an account that behaves as a scenario says, its clock
// twenty times faster, and returns the module that works on it.
func scriptedAWS(t *testing.T, scenario string) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	source := client.Host().Directory(root, dagger.HostDirectoryOpts{Include: []string{"go.mod", "go.sum", ".dagger/**", "infra/**"}})
	service, err := client.Container().
		From(versions.Go).
		WithMountedCache("/go/pkg/mod", client.CacheVolume("prooflink-go-mod")).
		WithMountedCache("/root/.cache/go-build", client.CacheVolume("prooflink-go-build")).
		WithDirectory("/src", source).
		WithWorkdir("/src/.dagger").
		WithExec([]string{"go", "build", "-o", "/usr/local/bin/serve", "./scripted/serve"}).
		WithNewFile("/scenario.yaml", scenario).
		WithEnvVariable("PROOFLINK_RUN", time.Now().String()).
		WithExposedPort(4566).
		AsService(dagger.ContainerAsServiceOpts{Args: []string{"serve", "-scenario", "/scenario.yaml", "-listen", "0.0.0.0:4566", "-speed", "20"}}).
		Start(t.Context())
	if err != nil {
		t.Fatal(complete(err))
	}
	id, err := service.ID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	argument, _ := json.Marshal(id)
	return "prooflink(emulator: " + string(argument) + `, who: "jane")`
}

// step is a call of the module, and what it must say.
type step struct {
	name, query string
	want        []string
	fails       bool
}

// walk makes the calls one after another.
func walk(t *testing.T, module string, steps []step) {
	t.Helper()
	for _, step := range steps {
		if !t.Run(step.name, func(t *testing.T) {
			result, err := callOf(t.Context(), module, step.query)
			said := fmt.Sprint(result)
			if err != nil {
				said = complete(err)
			}
			if (err != nil) != step.fails {
				t.Fatalf("failed: %v, want %v:\n%s", err != nil, step.fails, said)
			}
			for _, want := range step.want {
				if !strings.Contains(said, want) {
					t.Errorf("%q is not in:\n%s", want, said)
				}
			}
		}) {
			return
		}
	}
}

// complete is an error with all that it has: what a command printed, and its
// exit code, are beside the message.
func complete(err error) string {
	var exec *dagger.ExecError
	if !errors.As(err, &exec) {
		return err.Error()
	}
	return fmt.Sprintf("%s\nexit code %d\n%s\n%s", err, exec.ExitCode, exec.Stdout, exec.Stderr)
}

func TestAnEnvironmentIsDeployedAndOperated(t *testing.T) {
	walk(t, scriptedAWS(t, "openRegistry: true\n"), []step{
		{"nothing would stop it", `verify(env: "dev")`, []string{"0 blockers", "bootstrap"}, false},
		{"the plan says what there is to do", `deploy(env: "dev", plan: true)`, []string{"nothing was changed", "deploy Foundation, which has the repositories", "FoundationStack-dev added"}, false},
		{"all of it is deployed", `deploy(env: "dev")`, []string{"Deployed prooflink-dev", "run these digests", "healthy targets: 1"}, false},
		{"again, nothing is built and no migration runs", `deploy(env: "dev")`, []string{"all there already", "those of this image have run"}, false},
		{"its state is that of the record", `status(env: "dev")`, []string{"dev runs what was deployed", "by jane", "Lock         free"}, false},
		{"a release of the same checkout changes nothing", `release(env: "dev")`, []string{"Released prooflink-dev", "prooflink-dev-task:1 "}, false},
		{"the migrations are run by themselves", `migrate(env: "dev")`, []string{"Migrated prooflink-dev"}, false},
		{"there is nothing to go back to", `rollback(env: "dev")`, []string{"nothing else was deployed before"}, true},
		{"it is locked", `lock(env: "dev", purpose: "a restore", length: "10m")`, []string{"jane has the lock"}, false},
		{"a locked environment is not deployed", `release(env: "dev", waitInProgress: false)`, []string{"a restore", "unlock"}, true},
		{"and unlocked", `unlock(env: "dev")`, []string{"Freed the lock"}, false},
		{"the last run is told again", `report(env: "dev", format: "markdown")`, []string{"a restore"}, false},
		{"the live definition is rendered", `renderTaskDefinition(env: "dev")`, []string{`"family": "prooflink-dev-task"`, "@sha256:"}, false},
		{"a task is run", `runTask(env: "dev", command: ["node", "dist/migrate.js", "--status"])`, []string{"STOPPED"}, false},
		{"the logs of the migrations are there", `logs(env: "dev", part: "migration", since: "1d")`, nil, false},
		{"production asks for its name", `deploy(env: "prod")`, []string{"--confirm prod"}, true},
	})
}

// crashing is a deployed account whose new tasks end at once.
const crashing = `
openRegistry: true
before: {deployed: {app: app-old, batch: batch-old, fluent-bit: fluent-bit-old}}
tasks:
  new:
    - ends: {after: 3s, exit: 1}
      logs: [{at: 2s, text: "Error: Cannot find module '/app/server.js'"}]
`

func TestARolledBackReleaseIsNoSuccess(t *testing.T) {
	walk(t, scriptedAWS(t, crashing), []step{
		{"it fails with the first cause and the code of a roll-back", `release(env: "dev")`, []string{"Cannot find module", "exit code 3"}, true},
		{"the report says it again", `report(env: "dev", format: "json")`, []string{"rolled back", "Cannot find module"}, false},
		{"the old images run", `status(env: "dev")`, []string{"1 of 1 tasks run", "prooflink-dev-task:1"}, false},
	})
}
