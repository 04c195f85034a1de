package batchjob_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/batchjob"
)

func TestTheLogsOfAllAttemptsAreShownInOrder(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(twice("SUCCEEDED", 0)...)
		w.line(second, 91*time.Second, 92*time.Second, record("info", "two"))
		w.line(first, 40*time.Second, 41*time.Second, record("info", "one"))
		time.Sleep(time.Hour)
		var out strings.Builder
		for _, follow := range []bool{false, true} {
			out.Reset()
			if err := batchjob.Logs(t.Context(), w.Config(), w.env, "0123", follow, &out); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff("00:00:40  info one\nlog of attempt 2:\n00:01:31  info two\n", out.String()); diff != "" {
				t.Error(diff)
			}
		}
		w.Fail("cloudwatchlogs:*", 1, awsfake.Error("AccessDeniedException", "not authorized"))
		if err := batchjob.Logs(t.Context(), w.Config(), w.env, id, false, &out); err == nil || !strings.HasPrefix(err.Error(), "read log group "+group) {
			t.Error(err)
		}
	})
}

func TestAJobThatHasNoLogYetSaysSoAndIsWaitedFor(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(append([]step{state(2*time.Second, "RUNNABLE")}, runs(time.Hour, first), attempt(61*time.Minute, "FAILED", 1, exited, ""))...)
		w.line(first, time.Hour+time.Second, time.Hour+2*time.Second, record("info", "at last"))
		time.Sleep(10 * time.Second)
		var out strings.Builder
		if err := batchjob.Logs(t.Context(), w.Config(), w.env, id, false, &out); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff("job 01234567 is RUNNABLE (waits for capacity): it has no log yet: `dagger call batch-logs --env dev --id "+id+" --follow`\n", out.String()); diff != "" {
			t.Error(diff)
		}
		out.Reset()
		if err := batchjob.Logs(t.Context(), w.Config(), w.env, id, true, &out); err != nil {
			t.Fatal(err)
		}
		want := "job 01234567: RUNNABLE after 10s\njob 01234567: RUNNING after 1h0m5s\n01:00:01  info at last\njob 01234567: FAILED after 1h1m, exit code 1\n"
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Error(diff)
		}
		if len(w.ends) > 0 {
			t.Errorf("ended %q", w.ends)
		}
	})
}

func TestFollowingALogEndsWithItsContext(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(begins()...)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := batchjob.Logs(ctx, w.Config(), w.env, id, true, &strings.Builder{}); err != nil {
			t.Error(err)
		}
		if calls := len(w.Calls()); calls > 3600/10*2+100 {
			t.Errorf("%d calls", calls)
		}
	})
}
