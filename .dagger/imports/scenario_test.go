package imports_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/prooflink/prooflink/.dagger/batchjob"
	"github.com/prooflink/prooflink/.dagger/imports"
	"github.com/prooflink/prooflink/.dagger/scripted"
	"github.com/prooflink/prooflink/.dagger/submit"
	"github.com/prooflink/prooflink/infra/config"
)

// story is a scenario, what is submitted in it, and how that must end.
type story struct {
	About string            `yaml:"about"`
	World scripted.Scenario `yaml:"world"`
	Run   runs              `yaml:"run"`
	Want  wants             `yaml:"want"`
	// Again is how the same submission must end that is made once more.
	Again *wants `yaml:"again"`
}

// runs is a submission.
type runs struct {
	Job  string `yaml:"job"`
	File string `yaml:"file"`
	// Key is of idempotency.
	Key      string        `yaml:"key"`
	NoWait   bool          `yaml:"noWait"`
	Start    time.Duration `yaml:"start"`
	Attempts int           `yaml:"attempts"`
}

// wants is how a submission ends.
type wants struct {
	// Outcome is "done", "failed", "stuck", "unfinished" or "refused".
	Outcome string `yaml:"outcome"`
	// Exit is the exit code.
	Exit int `yaml:"exit"`
	// Says are in what is told in the end, Shows in the progress, Never in neither.
	Says  []string `yaml:"says"`
	Shows []string `yaml:"shows"`
	Never []string `yaml:"never"`
	// Jobs is how many were submitted so far.
	Jobs int `yaml:"jobs"`
	// Ended says that the job was ended by this run.
	Ended bool `yaml:"ended"`
}

// stories reads all of them by name.
func stories(t *testing.T) map[string]story {
	t.Helper()
	files, err := filepath.Glob("testdata/scenarios/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	all := map[string]story{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var read story
		decoder := yaml.NewDecoder(bytes.NewReader(data))
		decoder.KnownFields(true)
		if err := decoder.Decode(&read); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[strings.TrimSuffix(filepath.Base(file), ".yaml")] = read
	}
	return all
}

func TestEveryScenarioEndsAsItShould(t *testing.T) {
	for name, story := range stories(t) {
		t.Run(name, func(t *testing.T) {
			path := ""
			if story.Run.File != "" {
				path = filepath.Join(t.TempDir(), "users.csv")
				if err := os.WriteFile(path, []byte(story.Run.File), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Test(t, func(t *testing.T) {
				world := scripted.New(story.World)
				play(t, world, story.Run, path, story.Want)
				if story.Again != nil {
					play(t, world, story.Run, path, *story.Again)
				}
				if wrong := world.Server().Nonsense(); len(wrong) > 0 {
					t.Errorf("AWS would have refused: %v", wrong)
				}
			})
		})
	}
}

// play submits and looks at the end.
func play(t *testing.T, world *scripted.World, run runs, path string, want wants) {
	t.Helper()
	environment, err := config.Load("dev")
	if err != nil {
		t.Fatal(err)
	}
	job := run.Job
	if job == "" {
		job = "user-import"
	}
	var shown bytes.Buffer
	began := time.Now()
	ended, err := imports.Run(t.Context(), world.Config(), environment,
		submit.Request{Job: job, Key: imports.Key(job), File: path, Executor: "jane", IdempotencyKey: run.Key, Attempts: run.Attempts},
		imports.Options{Wait: !run.NoWait, StartLimit: run.Start, Say: &shown})
	said := ended.Text()
	if ended.Submission.JobID == "" && err != nil {
		said = err.Error()
	}
	t.Logf("%s after %s\n%s\n%s", outcome(err), time.Since(began), shown.String(), said)
	if got := outcome(err); got != want.Outcome {
		t.Errorf("ended %s, want %s: %v", got, want.Outcome, err)
	}
	if got := ended.ExitCode(); want.Outcome != "refused" && got != want.Exit {
		t.Errorf("exit code %d, want %d", got, want.Exit)
	}
	contains(t, said, want.Says)
	contains(t, shown.String(), want.Shows)
	for _, word := range want.Never {
		if strings.Contains(said+shown.String(), word) {
			t.Errorf("%q is told", word)
		}
	}
	if got := called(world, "SubmitJob"); got != want.Jobs {
		t.Errorf("%d jobs were submitted, want %d", got, want.Jobs)
	}
	if got := called(world, "TerminateJob") > 0; got != want.Ended {
		t.Errorf("the job was ended: %v, want %v", got, want.Ended)
	}
}

// outcome is how a submission ended.
func outcome(err error) string {
	var failed *batchjob.Failed
	var stuck *batchjob.Stuck
	var unfinished *batchjob.Unfinished
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &failed):
		return "failed"
	case errors.As(err, &stuck):
		return "stuck"
	case errors.As(err, &unfinished):
		return "unfinished"
	}
	return "refused"
}

// called counts the calls of an operation that succeeded.
func called(world *scripted.World, operation string) int {
	count := 0
	for _, call := range world.Calls() {
		if call.Operation == operation && call.Error == "" {
			count++
		}
	}
	return count
}

func contains(t *testing.T, text string, wanted []string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
}
