package rollout_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/report"
)

// watching watches for a while and returns what was collected.
func (w *world) watching(d time.Duration) report.Evidence {
	w.t.Helper()
	watcher := w.watch()
	time.Sleep(d)
	watcher.Stop()
	return watcher.Evidence()
}

func code(n int32) *int32 { return &n }

func TestWhatARollbackDeletesIsKept(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.tell("an old event")
		w.stop("old0", "", "", 0)
		w.then(10*time.Second, func() { w.put(13, 1); w.tell("has started 1 tasks: (task bad1).") })
		w.then(20*time.Second, func() {
			w.crash("bad1", 13, `{"level":"fatal","message":"read environment: DATABASE_URL is not set","data":{}}`)
			w.lines["firelens/log-router/bad1"] = []string{"[info] starting", "[engine] caught signal (SIGTERM)"}
		})
		w.then(70*time.Second, func() { w.forget(); w.lines = nil })
		evidence := w.watching(5 * time.Minute)
		want := report.Evidence{
			Tasks: []report.Task{{
				ID: "bad1", Definition: "prooflink-dev-task:13", StopCode: "EssentialContainerExited", StoppedReason: "Essential container in task exited",
				Containers: []report.Container{
					{Name: "prooflink-app", Digest: digest(13), ExitCode: code(1), LogGroup: "/ecs/prooflink-dev-errors", Lines: []string{"fatal read environment: DATABASE_URL is not set"}},
					{Name: "log-router", Digest: routerDigest, ExitCode: code(0), LogGroup: "/ecs/prooflink-dev-firelens", Lines: []string{"[info] starting", "[engine] caught signal (SIGTERM)"}},
				},
			}},
			Events: []report.Event{{Source: report.FromECS, Text: "has started 1 tasks: (task bad1)."}},
		}
		for i := range evidence.Tasks {
			evidence.Tasks[i].StoppedAt = time.Time{}
		}
		for i := range evidence.Events {
			evidence.Events[i].At = time.Time{}
		}
		if diff := cmp.Diff(want, evidence); diff != "" {
			t.Error(diff)
		}
		cause, _ := report.Explain(evidence, "", w.dev().Names())
		if cause != "The program refuses its configuration: prooflink-app says: read environment: DATABASE_URL is not set" {
			t.Error(cause)
		}
	})
}

func TestLinesThatArriveLateAreKept(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.then(10*time.Second, func() { w.put(13, 1) })
		w.then(20*time.Second, func() {
			w.crash("bad1", 13, "")
			delete(w.lines, "fargate-errors.prooflink-app-firelens-bad1")
		})
		w.then(45*time.Second, func() { w.lines["fargate-errors.prooflink-app-firelens-bad1"] = []string{"fatal late"} })
		evidence := w.watching(2 * time.Minute)
		if len(evidence.Tasks) != 1 || len(evidence.Tasks[0].Containers[0].Lines) != 1 {
			t.Errorf("%+v", evidence)
		}
	})
}

// A task is told to stop before its containers end; their exit codes come last.
func TestExitCodesThatComeLaterAreKept(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.then(10*time.Second, func() { w.put(13, 1); w.run("bad1", 13) })
		w.then(20*time.Second, func() {
			w.stop("bad1", types.TaskStopCodeServiceSchedulerInitiated, "Task failed ELB health checks in (target-group x)", 0)
			task := &w.tasks[len(w.tasks)-1]
			deprovisioning := "DEPROVISIONING"
			task.LastStatus = &deprovisioning
			for i := range task.Containers {
				task.Containers[i].ExitCode = nil
			}
		})
		w.then(50*time.Second, func() {
			w.stop("bad1", types.TaskStopCodeServiceSchedulerInitiated, "Task failed ELB health checks in (target-group x)", 137)
		})
		evidence := w.watching(2 * time.Minute)
		if len(evidence.Tasks) != 1 || evidence.Tasks[0].Containers[0].ExitCode == nil || *evidence.Tasks[0].Containers[0].ExitCode != 137 {
			t.Errorf("%+v", evidence.Tasks)
		}
	})
}

func TestTasksThatMakeRoomAreNoEvidence(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.replace()
		if evidence := w.watching(3 * time.Minute); len(evidence.Tasks) != 0 || len(evidence.Events) != 1 {
			t.Errorf("%+v", evidence)
		}
	})
}

// Hundreds of tasks crash alike: all are kept, and the pace holds.
func TestManyTasksThatCrashAreKept(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.then(10*time.Second, func() { w.put(13, 1) })
		w.then(20*time.Second, func() {
			for i := range 150 {
				w.crash(fmt.Sprintf("bad%03d", i), 13, "fatal x")
			}
		})
		evidence := w.watching(5 * time.Minute)
		read := 0
		for _, task := range evidence.Tasks {
			if len(task.Containers[0].Lines) > 0 {
				read++
			}
		}
		if len(evidence.Tasks) != 150 || read < 3 {
			t.Errorf("%d tasks, the lines of %d", len(evidence.Tasks), read)
		}
	})
}

// However long it takes, less than one call per second, and never more than 15
// seconds from a change to the line about it.
func TestThePaceAndTheLag(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.then(10*time.Second, func() { w.put(13, 1) })
		for i := range 20 {
			at := 30*time.Second + time.Duration(i)*73*time.Second
			w.then(at, func() { w.crash(fmt.Sprintf("bad%02d", i), 13, "fatal x"); w.tell(fmt.Sprintf("change %d", i)) })
		}
		w.watch()
		worst, seen := time.Duration(0), 0
		for time.Since(w.begun) < 26*time.Minute {
			time.Sleep(500 * time.Millisecond)
			if events := w.watcher.Evidence().Events; len(events) > seen {
				worst, seen = max(worst, time.Since(events[len(events)-1].At)), len(events)
			}
		}
		rate := float64(len(w.Calls())) / time.Since(w.begun).Seconds()
		t.Logf("worst lag %s, %.2f calls per second, %d changes", worst, rate, seen)
		if worst > 15*time.Second || rate >= 1 || seen != 20 {
			t.Errorf("worst lag %s, %.2f calls per second, %d changes", worst, rate, seen)
		}
	})
}
