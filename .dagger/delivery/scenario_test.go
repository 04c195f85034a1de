package delivery_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/delivery"
	"github.com/prooflink/prooflink/.dagger/lock"
	"github.com/prooflink/prooflink/.dagger/report"
	"github.com/prooflink/prooflink/.dagger/scripted"
	"github.com/prooflink/prooflink/infra/names"
)

func TestEveryScenarioEndsAsItShould(t *testing.T) {
	for name, story := range stories(t) {
		t.Run(strings.TrimSuffix(name, ".yaml"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				world := scripted.New(story.World)
				for _, before := range story.Before {
					play(t, world, before, wants{Outcome: "done"})
				}
				if story.Hold != "" {
					hold(t, world, story.Hold)
				}
				play(t, world, story.Run, story.Want)
				if story.Again != nil {
					play(t, world, story.Run, *story.Again)
				}
				if wrong := world.Server().Nonsense(); len(wrong) > 0 {
					t.Errorf("AWS would have refused: %v", wrong)
				}
			})
		})
	}
}

// hold locks the environment for an hour.
func hold(t *testing.T, world *scripted.World, who string) {
	t.Helper()
	if _, err := lock.Hold(t.Context(), world.Config(), names.New("prooflink", "dev"), lock.Owner{Who: who, Purpose: "maintenance"}, time.Hour); err != nil {
		t.Fatal(err)
	}
}

// play runs a command and looks at its end.
func play(t *testing.T, world *scripted.World, run runs, want wants) {
	t.Helper()
	var shown bytes.Buffer
	before := len(world.Calls())
	summary, err := do(t.Context(), machine(t, world, run), options(t, world, run, &shown), run)
	said := summary.Text()
	var failure *report.Failure
	if err != nil {
		if !errors.As(err, &failure) {
			t.Fatalf("no report: %v", err)
		}
		said = failure.Text()
	}
	t.Logf("%s\n%s", shown.String(), said)
	if got := outcome(failure); got != want.Outcome {
		t.Errorf("ended %s, want %s", got, want.Outcome)
	}
	if failure != nil && !strings.Contains(failure.Cause, want.Cause) {
		t.Errorf("the first cause is %q, want %q in it", failure.Cause, want.Cause)
	}
	contains(t, said, want.Says)
	contains(t, shown.String(), want.Shows)
	if want.Runs != "" {
		runsImages(t, world, want.Runs)
	}
	if want.Leaves {
		neverCalled(t, world, before, "UpdateService", "ExecuteChangeSet")
	}
	if failure == nil && run.Command != "migrate" && run.Stacks == nil && run.Images != "" && !run.SkipBuild && run.Command != "rollback" {
		runsImages(t, world, run.Images) // never done unless that is what runs
	}
	underTheLock(t, world, before, err)
}

// outcome is how a run ended.
func outcome(failure *report.Failure) string {
	if failure == nil {
		return "done"
	}
	return failure.Outcome
}

func contains(t *testing.T, text string, wanted []string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
}

// runsImages looks at the service's running tasks.
func runsImages(t *testing.T, world *scripted.World, name string) {
	t.Helper()
	digests := digestsOf(name)
	want := map[string]string{names.AppContainer: digests["app"], names.RouterContainer: digests["fluent-bit"]}
	if diff := cmp.Diff(want, world.Running()); diff != "" {
		t.Errorf("the service does not run the %s images:\n%s", name, diff)
	}
}

func neverCalled(t *testing.T, world *scripted.World, from int, operations ...string) {
	t.Helper()
	for _, call := range world.Calls()[from:] {
		for _, operation := range operations {
			if call.Operation == operation && call.Error == "" {
				t.Errorf("%s was called", operation)
			}
		}
	}
}

// underTheLock finds mutations before the lock was written for the first time
// and after it was written for the last, which gives it back.
func underTheLock(t *testing.T, world *scripted.World, from int, err error) {
	t.Helper()
	var open bool
	calls := world.Calls()[from:]
	last := -1
	for i, call := range calls {
		if call.Operation == "PutParameter" {
			open, last = true, i
			continue
		}
		if call.Mutating && !open {
			t.Errorf("%s:%s without the lock", call.Service, call.Operation)
		}
	}
	var lost *lock.Lost
	for _, call := range calls[last+1:] {
		// Who is robbed notices at the next renewal, half a minute later at most.
		noticed := !errors.As(err, &lost) || call.At.Sub(calls[last].At) > 35*time.Second
		if call.Mutating && call.Error == "" && noticed {
			t.Errorf("%s:%s without the lock", call.Service, call.Operation)
		}
	}
}

// TestARunWithoutChangesIsShort holds what a second deployment of the same
// checkout costs: it has to look at everything and may change nothing.
func TestARunWithoutChangesIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := scripted.New(scripted.Scenario{Before: scripted.Before{Deployed: map[string]string{"app": "app-old", "batch": "batch-old", "fluent-bit": "fluent-bit-old"}}})
		run := runs{Command: "deploy", Images: "new"}
		play(t, world, run, wants{Outcome: "done"})
		before, begun := len(world.Calls()), time.Now()
		play(t, world, run, wants{Outcome: "done", Leaves: false})
		calls, took := world.Calls()[before:], time.Since(begun)
		count := map[string]int{}
		for _, call := range calls {
			count[call.Service]++
		}
		t.Logf("%d calls in %s: %v", len(calls), took, count)
		if len(calls) > 260 || took > time.Minute {
			t.Errorf("%d calls in %s", len(calls), took)
		}
		neverCalled(t, world, before, "UpdateService", "RegisterTaskDefinition", "RegisterJobDefinition", "RunTask", "ExecuteChangeSet", "PutImage")
	})
}

func TestAPlanChangesNothing(t *testing.T) {
	plans := map[string]func(t *testing.T, world *scripted.World, o delivery.Options, m delivery.Machine) (delivery.Plan, error){
		"deploy": func(t *testing.T, _ *scripted.World, o delivery.Options, m delivery.Machine) (delivery.Plan, error) {
			return delivery.PlanDeploy(t.Context(), m, o)
		},
		"release": func(t *testing.T, _ *scripted.World, o delivery.Options, m delivery.Machine) (delivery.Plan, error) {
			return delivery.PlanRelease(t.Context(), m, o)
		},
		"migrate": func(t *testing.T, _ *scripted.World, o delivery.Options, m delivery.Machine) (delivery.Plan, error) {
			return delivery.PlanMigrate(t.Context(), m, o)
		},
	}
	worlds := map[string]scripted.Before{
		"nothing is deployed":    {},
		"a deployed environment": {Deployed: map[string]string{"app": "app-old", "batch": "batch-old", "fluent-bit": "fluent-bit-old"}},
	}
	for command, plan := range plans {
		for name, before := range worlds {
			t.Run(command+" where "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					world := scripted.New(scripted.Scenario{Before: before})
					var shown bytes.Buffer
					run := runs{Command: command, Images: "new", Variant: "2"}
					planned, err := plan(t, world, options(t, world, run, &shown), machine(t, world, run))
					if err != nil {
						t.Fatal(err)
					}
					t.Log(planned.Text())
					for _, call := range world.Calls() {
						if call.Mutating {
							t.Errorf("%s:%s changes something", call.Service, call.Operation)
						}
					}
					contains(t, planned.Text(), []string{"nothing was changed", "build and push app, batch, fluent-bit", "run the migrations"})
				})
			})
		}
	}
}
