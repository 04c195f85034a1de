package batchjob_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/batchjob"
)

func TestAJobIsEndedInWhateverStateAndItIsSaidWhatBecameOfIt(t *testing.T) {
	cases := map[string]struct {
		after time.Duration
		code  int32
		want  string
		ended bool
	}{
		"waiting":                {5 * time.Second, 0, "job 01234567: FAILED after 9s\njob 01234567: ended before it ran, nothing was written\n", true},
		"starting":               {20 * time.Second, 0, "job 01234567: FAILED after 24s\njob 01234567: ended before it ran, nothing was written\n", true},
		"running":                {50 * time.Second, 143, "job 01234567: FAILED after 54s, exit code 143\njob 01234567: stopped, rolled back\n", true},
		"running, and it hangs":  {50 * time.Second, 137, "job 01234567: FAILED after 54s, exit code 137\njob 01234567: ended: exit code 137: ended by somebody: wrong file; Essential", true},
		"ended by itself before": {2 * time.Minute, 0, "job 01234567: had ended already: exit code 0: all rows are in\n", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.submit(ending("SUCCEEDED", 0, exited, "")...).code = c.code
				time.Sleep(c.after)
				var say strings.Builder
				_, err := batchjob.Cancel(t.Context(), w.Config(), w.env, "user-import", "wrong file", &say)
				if got := say.String(); err != nil || !strings.HasPrefix(got, strings.TrimSuffix(c.want, "; Essential")) {
					t.Errorf("%v\n%s", err, cmp.Diff(c.want, got))
				}
				if want := []string{id + ": wrong file"}; c.ended != cmp.Equal(want, w.ends) {
					t.Errorf("ended %q", w.ends)
				}
			})
		})
	}
}

func TestAJobThatFinishesWhileItIsEndedIsSaid(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(ending("SUCCEEDED", 0, exited, "")...).stops = -1
		time.Sleep(93 * time.Second)
		var say strings.Builder
		o, err := batchjob.Cancel(t.Context(), w.Config(), w.env, id, "", &say)
		if err != nil || o.Status != "SUCCEEDED" || !strings.HasSuffix(say.String(), "it finished before it could be stopped: exit code 0: all rows are in\n") {
			t.Error(err, say.String())
		}
		if diff := cmp.Diff([]string{id + ": ended with batch-cancel"}, w.ends); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAJobThatDoesNotEndIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		limit time.Duration
		want  string
	}{
		"for long":    {time.Hour, "it was told to end and has not for 3m: one that waits is ended when Batch looks at it; the job goes on (it was RUNNABLE)"},
		"interrupted": {20 * time.Second, "it was told to end: context deadline exceeded; the job goes on"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.submit(state(2*time.Second, "RUNNABLE")).stops = -1
				time.Sleep(10 * time.Second)
				ctx, cancel := context.WithTimeout(t.Context(), c.limit)
				defer cancel()
				_, err := batchjob.Cancel(ctx, w.Config(), w.env, id, "x", &strings.Builder{})
				var unfinished *batchjob.Unfinished
				if !errors.As(err, &unfinished) || !strings.Contains(err.Error(), c.want) {
					t.Error(err)
				}
			})
		})
	}
}

func TestAJobOfAnotherEnvironmentIsLeftAlone(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*job)
		want   string
	}{
		"another queue": {func(j *job) { j.JobQueue = aws.String(strings.ReplaceAll(queue, "dev", "prod")) },
			"is of queue prooflink-prod-job-queue, environment dev has prooflink-dev-job-queue: give the environment that it is of with --env"},
		"another tag": {func(j *job) { j.Tags = map[string]string{"prooflink:environment": "prod"} },
			"is tagged prooflink:environment=prod, so it is not environment dev's: give --env prod"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				c.change(w.submit(begins()...))
				_, err := batchjob.Cancel(t.Context(), w.Config(), w.env, id, "", &strings.Builder{})
				if err == nil || !strings.HasSuffix(err.Error(), c.want) || len(w.ends) > 0 {
					t.Error(err, w.ends)
				}
			})
		})
	}
}

func TestAnEndThatIsNotPermittedIsSaid(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(begins()...)
		w.Fail("batch:TerminateJob", 1, awsfake.Error("AccessDeniedException", "not authorized"))
		_, err := batchjob.Cancel(t.Context(), w.Config(), w.env, id, "", &strings.Builder{})
		if err == nil || !strings.HasPrefix(err.Error(), "terminate job "+id+": ") {
			t.Error(err)
		}
	})
}
