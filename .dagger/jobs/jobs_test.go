package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prooflink/prooflink/.dagger/jobs"
)

func pass(name string) jobs.Job {
	return jobs.Job{Name: name, Run: func(context.Context) (string, error) { return "fine", nil }}
}

func fail(name, output string) jobs.Job {
	return jobs.Job{Name: name, Run: func(context.Context) (string, error) { return "", errors.New(output) }}
}

func TestAllRunsEveryJobThoughOneFails(t *testing.T) {
	results := jobs.All(t.Context(), 0, fail("lint", "x"), pass("test"), fail("build", "y"))
	if got := strings.Join(results.Failed(), ","); got != "lint,build" {
		t.Errorf("failed = %s", got)
	}
	if err := results.Err(); err == nil || !strings.Contains(err.Error(), "build: y") {
		t.Errorf("err = %v", err)
	}
}

func TestAllKeepsToItsLimit(t *testing.T) {
	var running, most atomic.Int32
	job := jobs.Job{Run: func(context.Context) (string, error) {
		if n := running.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer running.Add(-1)
		return "", nil
	}}
	jobs.All(t.Context(), 2, job, job, job, job, job, job)
	if most.Load() > 2 {
		t.Errorf("%d jobs ran at once", most.Load())
	}
}

func TestStepsStopAtTheFirstFailure(t *testing.T) {
	results := jobs.Steps(t.Context(), pass("one"), fail("two", "no"), pass("three"))
	if len(results) != 2 || results.Err() == nil {
		t.Errorf("results = %+v", results)
	}
}

func TestAReportEndsWithTheCause(t *testing.T) {
	var output strings.Builder
	for i := range 500 {
		fmt.Fprintf(&output, "noise %d\n\n", i)
	}
	output.WriteString("the cause\n")
	report := jobs.All(t.Context(), 0, pass("a"), fail("b", output.String()), pass("c")).Report()
	lines := strings.Split(strings.TrimSpace(report), "\n")
	last := strings.Join(lines[max(0, len(lines)-20):], "\n")
	for _, want := range []string{"--- b ---", "the cause"} {
		if !strings.Contains(last, want) {
			t.Errorf("%q is not in the last 20 lines:\n%s", want, last)
		}
	}
}
