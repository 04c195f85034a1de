package batchjob_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/batchjob"
	"github.com/prooflink/prooflink/.dagger/diagnose"
)

func TestAJobIsFollowedFromItsFirstLineToItsLast(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(ending("SUCCEEDED", 0, exited, "")...)
		w.objects[key] = result(1, "committed", 0)
		w.line(first, 36*time.Second, 40*time.Second, record("info", "import started"))
		w.line(first, 60*time.Second, 61*time.Second, record("warn", "a column is unknown"))
		w.line(first, 61*time.Second, 62*time.Second, "not of the program")
		w.line(first, 94*time.Second, 99*time.Second, record("info", "import finished: 10 rows"))
		o, say, err := w.wait(t)
		if err != nil {
			t.Fatal(err)
		}
		want := `job 01234567: SUBMITTED after 0s
job 01234567: RUNNABLE after 5s
job 01234567: STARTING after 15s
job 01234567: RUNNING after 35s
00:00:36  info import started
00:01:00  warn a column is unknown {"rows":4}
00:01:01  not of the program
job 01234567: SUCCEEDED after 1m35s, exit code 0
00:01:34  info import finished: 10 rows
`
		if diff := cmp.Diff(want, say); diff != "" {
			t.Error(diff)
		}
		text := `user-import-20000101-000000: SUCCEEDED, exit code 0: all rows are in

Job         user-import, prooflink-dev-user-import:7
Id          01234567-89ab-cdef-0123-456789abcdef
Started by  admin
Input       s3://prooflink-dev-files-123456789012/imports/users.csv
Submitted   2000-01-01 00:00:00 UTC
Durations   35s until it started, ran 1m, 1m35s in all
Rows        10 rows, 10 inserted, 0 updated, 0 unchanged, 0 rejected (12346 rows/s, 94 MiB at most)
Result      s3://prooflink-dev-files-123456789012/imports-results/user-import/01234567-89ab-cdef-0123-456789abcdef.json
Log         /aws/batch/prooflink-dev user-import/default/0000000000000000000000000000000a
Console     https://ap-northeast-1.console.aws.amazon.com/batch/home?region=ap-northeast-1#jobs/fargate/detail/01234567-89ab-cdef-0123-456789abcdef

Next: dagger call batch-result --env dev --id 01234567-89ab-cdef-0123-456789abcdef
      dagger call batch-logs --env dev --id 01234567-89ab-cdef-0123-456789abcdef
      dagger call batch-list --env dev
`
		if diff := cmp.Diff(text, o.Text()); diff != "" {
			t.Error(diff)
		}
		if took := time.Since(w.start); took > 2*time.Minute {
			t.Errorf("it took %s", took)
		}
	})
}

func TestRejectedRowsAreAFailureThatSaysHowManyAndWhereTheyAre(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(ending("FAILED", 3, exited, "")...)
		w.objects[key] = result(1, "committed", 7)
		w.line(first, 94*time.Second, 95*time.Second, record("info", "import finished: 10 rows"))
		o, _, err := w.wait(t)
		var failed *batchjob.Failed
		if !errors.As(err, &failed) || failed.ExitCode == nil || *failed.ExitCode != 3 {
			t.Fatal(err)
		}
		want := "job " + name + " (" + id + "): exit code 3: finished with rejected rows: the others are in: 10 rows, 3 inserted, 0 updated, 0 unchanged, 7 rejected; " +
			"the rejected rows are in s3://" + bucket + "/" + rowsKey + ": `dagger call batch-result --env dev --id " + id + "`"
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Error(diff)
		}
		if o.FirstError != "" {
			t.Errorf("first error %q", o.FirstError)
		}
		for _, part := range []string{"Rejected    s3://" + bucket + "/" + rowsKey, "The first 5 problems of 7 rejected rows\n  line 3, email: is not an email address\n", "  line 7, email"} {
			if !strings.Contains(o.Text(), part) {
				t.Errorf("no %q in\n%s", part, o.Text())
			}
		}
		if strings.Contains(o.Text(), "line 8") {
			t.Error("more than five problems are shown")
		}
	})
}

func TestAJobThatSpotInterruptsIsFollowedThroughBothLogs(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(append(begins(), attempt(60*time.Second, "RUNNABLE", 137, spot, ""), state(900*time.Second, "STARTING"),
			runs(920*time.Second, second), attempt(980*time.Second, "SUCCEEDED", 0, exited, ""))...)
		w.objects[key] = result(2, "committed", 0)
		w.line(first, 40*time.Second, 41*time.Second, record("info", "one"))
		w.line(first, 59*time.Second, 64*time.Second, record("info", "interrupted"))
		w.line(second, 921*time.Second, 922*time.Second, record("info", "two"))
		w.line(second, 979*time.Second, 981*time.Second, record("info", "done"))
		o, say, err := w.wait(t)
		if err != nil || o.Result == nil {
			t.Fatal(err, o.Notes)
		}
		want := `job 01234567: RUNNING after 35s
00:00:40  info one
job 01234567: RUNNABLE after 1m, attempt 2 of 3 (attempt 1: Your Spot Task was interrupted.)
00:00:59  info interrupted
job 01234567: not started for 2m
nothing was found that keeps it
`
		if _, rest, _ := strings.Cut(say, "STARTING after 15s\n"); !strings.HasPrefix(rest, want) {
			t.Error(cmp.Diff(want, rest))
		}
		end := `log of attempt 2:
00:15:21  info two
`
		if !strings.Contains(say, end) || !strings.HasSuffix(say, "exit code 0\n00:16:19  info done\n") {
			t.Error(say)
		}
		if len(w.ends) > 0 || len(o.Attempts) != 2 || o.LogStream != second {
			t.Errorf("%q %+v", w.ends, o.Attempts)
		}
		if !strings.Contains(o.Text(), "Attempts    2 of 3\n            1: exit code 137, ran 25s, Your Spot Task was interrupted.\n            2: exit code 0, ran 1m, ") {
			t.Error(o.Text())
		}
	})
}

func TestAJobThatIsNotStartedIsExplainedAndEnded(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(state(2*time.Second, "RUNNABLE"))
		w.causes = []diagnose.Cause{{What: "the queue is disabled", Where: "prooflink-dev-job-queue", Why: "its state is DISABLED", Fix: "enable it", Certain: true}}
		w.after(7*time.Minute, func() { w.causes = append(w.causes, diagnose.Cause{What: "another cause"}) })
		o, say, err := w.wait(t)
		var stuck *batchjob.Stuck
		if !errors.As(err, &stuck) {
			t.Fatal(err)
		}
		if stuck.Status != "RUNNABLE" || len(stuck.Causes) != 2 || stuck.Waited < 15*time.Minute || stuck.Waited > 15*time.Minute+15*time.Second {
			t.Errorf("%+v", stuck)
		}
		if diff := cmp.Diff([]string{id + ": not started within 15m: the queue is disabled"}, w.ends); diff != "" {
			t.Error(diff)
		}
		if o.Status != "FAILED" || o.Meaning != "ended before it ran, nothing was written: not started within 15m: the queue is disabled" {
			t.Errorf("%s: %s", o.Status, o.Meaning)
		}
		if told := strings.Count(say, "the queue is disabled"); told != 2 {
			t.Errorf("told %d times:\n%s", told, say)
		}
		for _, part := range []string{"(" + id + ") was not started within 15m", "it is RUNNABLE\n", "the queue is disabled", "enable it", "the job was ended"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("no %q in %s", part, err)
			}
		}
		if w.looks != 7 {
			t.Errorf("looked %d times", w.looks)
		}
	})
}

func TestAStuckJobThatCannotBeEndedIsSaid(t *testing.T) {
	cases := map[string]struct {
		change func(*world)
		want   string
	}{
		"not permitted": {func(w *world) {
			w.Fail("batch:TerminateJob", 1, awsfake.Error("AccessDeniedException", "not authorized"))
		},
			"the job could not be ended: terminate job " + id + ": "},
		"not at once":             {func(w *world) { w.jobs[0].stops = -1 }, "the job was told to end (not started within 1m) and is still STARTING"},
		"the causes aren't known": {func(*world) {}, "why could not be found: describe job queue: no"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.submit(state(2*time.Second, "STARTING"))
				c.change(w)
				_, err := batchjob.Wait(t.Context(), w.Config(), w.env, id, batchjob.Options{StartLimit: time.Minute, Explain: func(context.Context, *types.JobDetail) ([]diagnose.Cause, error) {
					return nil, errors.New("describe job queue: no")
				}}, &strings.Builder{})
				var stuck *batchjob.Stuck
				if !errors.As(err, &stuck) || !strings.Contains(err.Error(), c.want) {
					t.Error(err)
				}
			})
		})
	}
}

func TestAnAttemptThatDidNotStartGivesTheNextOneItsOwnTime(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(state(2*time.Second, "STARTING"), attempt(10*time.Minute, "RUNNABLE", -1, spot, ""), runs(20*time.Minute, first),
			attempt(21*time.Minute, "SUCCEEDED", 0, exited, ""))
		w.line(first, 20*time.Minute+time.Second, 20*time.Minute+2*time.Second, "line")
		if _, say, err := w.wait(t); err != nil || len(w.ends) > 0 || !strings.Contains(say, "RUNNABLE after 10m, attempt 2 of 3 (attempt 1: Your Spot") {
			t.Error(err, w.ends, say)
		}
	})
}

func TestAStuckJobIsEndedThoughTheContextEndsMeanwhile(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(state(2*time.Second, "RUNNABLE"))
		ctx, cancel := context.WithCancel(t.Context())
		w.terminated = cancel
		_, err := batchjob.Wait(ctx, w.Config(), w.env, id, batchjob.Options{Explain: w.explain}, &strings.Builder{})
		var stuck *batchjob.Stuck
		if !errors.As(err, &stuck) || !strings.HasPrefix(stuck.Done, "the job was ended") {
			t.Error(err)
		}
	})
}

func TestAJobThatStartsInTheLastMomentIsNotEnded(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(state(time.Second, "RUNNABLE"), runs(61*time.Second, first), attempt(90*time.Second, "SUCCEEDED", 0, exited, ""))
		w.line(first, 62*time.Second, 62*time.Second, "line")
		_, err := batchjob.Wait(t.Context(), w.Config(), w.env, id, batchjob.Options{StartLimit: time.Minute, Explain: func(context.Context, *types.JobDetail) ([]diagnose.Cause, error) {
			time.Sleep(2 * time.Second)
			return nil, nil
		}}, &strings.Builder{})
		if err != nil || len(w.ends) > 0 {
			t.Error(err, w.ends)
		}
	})
}

func TestALogThatIsLateIsWaitedForAndOneThatNeverComesIsSaid(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(ending("SUCCEEDED", 0, exited, "")...)
		w.line(first, 40*time.Second, 150*time.Second, "late")
		w.line(first, 41*time.Second, 153*time.Second, "later")
		o, say, err := w.wait(t)
		if err != nil || !strings.HasSuffix(say, "00:00:40  late\n00:00:41  later\n") || time.Since(w.start) > 170*time.Second {
			t.Errorf("%v after %s\n%s", err, time.Since(w.start), say)
		}
		if len(o.Notes) != 1 { // the result is missing
			t.Error(o.Notes)
		}
	})
	for name, stream := range map[string]string{"no stream": first, "no name of a stream": ""} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.submit(runs(time.Second, stream), attempt(30*time.Second, "SUCCEEDED", 0, exited, ""))
				w.objects[key] = result(1, "committed", 0)
				o, _, err := w.wait(t)
				if took := time.Since(w.start); err != nil || took > 2*time.Minute {
					t.Error(err, took)
				}
				if len(o.Notes) != 1 || !strings.HasPrefix(o.Notes[0], "no line of its log had come 1m10s after its end: try `dagger call batch-logs") {
					t.Error(o.Notes)
				}
			})
		})
	}
}

func TestTheNameOfAStreamMayComeAfterTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(runs(time.Second, ""), attempt(20*time.Second, "SUCCEEDED", 0, exited, ""), step{50 * time.Second, func(j *types.JobDetail) {
			stream := first
			j.Container.LogStreamName = &stream
		}})
		w.line(first, 2*time.Second, 3*time.Second, "line")
		_, say, err := w.wait(t)
		if err != nil || strings.Count(say, "  line\n") != 1 || strings.Contains(say, "log of attempt 2") {
			t.Error(err, say)
		}
	})
}

func TestALogThatGoesOnIsLeftSoonAfterTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(ending("SUCCEEDED", 0, exited, "")...)
		for i := range 600 {
			w.line(first, time.Duration(i)*time.Second, time.Duration(i)*time.Second, "again")
		}
		if _, _, err := w.wait(t); err != nil || time.Since(w.start) > 130*time.Second {
			t.Error(err, time.Since(w.start))
		}
	})
}

func TestALogThatCannotBeReadIsSaidOnceAndTheExitCodeDecides(t *testing.T) {
	for name, fail := range map[string]error{
		"not permitted": awsfake.Error("AccessDeniedException", "not authorized"),
		"no group":      awsfake.Error("ResourceNotFoundException", "The specified log group does not exist."),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.submit(ending("SUCCEEDED", 0, exited, "")...)
				w.objects[key] = result(1, "committed", 0)
				w.Fail("cloudwatchlogs:*", 1000, fail)
				o, say, err := w.wait(t)
				if err != nil || strings.Count(say, "log of attempt 1: read log group") != 1 || len(o.Notes) != 1 {
					t.Errorf("%v %q\n%s", err, o.Notes, say)
				}
				if took := time.Since(w.start); took > 100*time.Second {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

func TestAJobThatEndedLongAgoIsNotWaitedFor(t *testing.T) {
	for name, lines := range map[string]int{"with a log": 1, "without one": 0} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.submit(ending("SUCCEEDED", 0, exited, "")...)
				for range lines {
					w.line(first, 40*time.Second, 41*time.Second, "line")
				}
				time.Sleep(time.Hour)
				began := time.Now()
				_, say, err := w.wait(t)
				if err != nil || strings.Count(say, "  line\n") != lines {
					t.Error(err, say)
				}
				if took := time.Since(began); took > time.Second {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

func TestAMinuteOfThrottlingIsWaitedOut(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(ending("SUCCEEDED", 0, exited, "")...)
		w.line(first, 40*time.Second, 41*time.Second, "line")
		time.AfterFunc(45*time.Second, func() {
			w.Fail("batch:DescribeJobs", 9, awsfake.Error("TooManyRequestsException", "Too Many Requests"))
		})
		time.AfterFunc(45*time.Second, func() { w.Fail("cloudwatchlogs:*", 9, awsfake.Error("ThrottlingException", "Rate exceeded")) })
		if _, say, err := w.wait(t); err != nil || !strings.Contains(say, "  line\n") {
			t.Error(err, say)
		}
	})
}

func TestAJobGoesOnWhereItCannotBeFollowed(t *testing.T) {
	interrupted := errors.New("interrupted")
	cases := map[string]struct {
		change    func(*world, context.CancelCauseFunc)
		limit     time.Duration
		want      string
		from, til time.Duration
	}{
		"interrupted": {func(_ *world, cancel context.CancelCauseFunc) {
			time.AfterFunc(50*time.Second, func() { cancel(interrupted) })
		}, 0,
			"interrupted; the job goes on (it was RUNNING)", 50 * time.Second, 51 * time.Second},
		"the limit": {func(*world, context.CancelCauseFunc) {}, time.Minute,
			"it takes longer than 1m; the job goes on", time.Minute, 70 * time.Second},
		"the credentials expire": {func(w *world, _ context.CancelCauseFunc) {
			time.AfterFunc(50*time.Second, func() {
				w.Fail("*", 1000, awsfake.Error("ExpiredTokenException", "The security token included in the request is expired"))
			})
		}, 0, "the credentials have run out, get new ones; the job goes on", 50 * time.Second, 56 * time.Second},
		"AWS doesn't answer": {func(w *world, _ context.CancelCauseFunc) {
			time.AfterFunc(50*time.Second, func() { w.KillAfter(0) })
		}, 0, "the job goes on", 3*time.Minute + 50*time.Second, 7 * time.Minute},
		"not seen": {func(w *world, _ context.CancelCauseFunc) {
			w.Fail("*", 1000, awsfake.Error("AccessDeniedException", "not authorized"))
		}, 0,
			"it was not seen yet", 0, time.Second},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.submit(append(begins(), attempt(time.Hour, "SUCCEEDED", 0, exited, ""))...)
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				c.change(w, cancel)
				_, err := batchjob.Wait(ctx, w.Config(), w.env, id, batchjob.Options{Limit: c.limit, Explain: w.explain}, &strings.Builder{})
				var unfinished *batchjob.Unfinished
				if !errors.As(err, &unfinished) || !strings.Contains(err.Error(), c.want) {
					t.Fatal(err)
				}
				for _, command := range []string{"status --env dev --id " + id, "logs --env dev --id " + id + " --follow", "cancel --env dev --id " + id} {
					if !strings.Contains(err.Error(), "`dagger call batch-"+command+"`") {
						t.Errorf("no %s in %s", command, err)
					}
				}
				if took := time.Since(w.start); took < c.from || took > c.til || len(w.ends) > 0 {
					t.Errorf("after %s, ended %q", took, w.ends)
				}
			})
		})
	}
}

func TestAJobThatBatchDoesNotKnowYetIsWaitedFor(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.after(20*time.Second, func() {
			w.submit(ending("SUCCEEDED", 0, exited, "")...)
			w.line(first, 40*time.Second, 40*time.Second, "line")
		})
		if _, _, err := w.wait(t); err != nil {
			t.Error(err)
		}
	})
	bubble(t, func(t *testing.T, w *world) {
		_, _, err := w.wait(t)
		var unknown *batchjob.NotFound
		if !errors.As(err, &unknown) || time.Since(w.start) < 3*time.Minute {
			t.Error(err, time.Since(w.start))
		}
	})
}

func TestEveryEndSaysWhatItMeans(t *testing.T) {
	pull := "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref x@sha256:1: not found"
	cases := map[string]struct {
		steps []step
		code  int32 // -1: none
		want  string
		fix   string
	}{
		"failed":          {ending("FAILED", 1, exited, ""), 1, "exit code 1: failed, nothing was written: password authentication failed", "User or password in the secret"},
		"wrong usage":     {ending("FAILED", 2, exited, ""), 2, "exit code 2: wrong usage, nothing was written", ""},
		"stopped":         {ending("FAILED", 143, exited, ""), 143, "exit code 143: stopped, rolled back", ""},
		"killed":          {ending("FAILED", 137, exited, ""), 137, "exit code 137: killed: memory or timeout", ""},
		"another code":    {ending("FAILED", 9, exited, ""), 9, "exit code 9: failed, what was not committed is rolled back", ""},
		"out of memory":   {ending("FAILED", 137, exited, "OutOfMemoryError: Container killed due to memory usage"), 137, "exit code 137: out of memory: it has 512 MiB; killed", "--memory"},
		"timeout":         {ending("FAILED", 143, "Job attempt duration exceeded timeout", ""), 143, "exit code 143: ended by its timeout of 1h; stopped, rolled back", "--timeout"},
		"Spot at the end": {ending("FAILED", 137, spot, ""), 137, "exit code 137: AWS took the Spot capacity back at attempt 1 of 3; killed", "submit it again"},
		"never started": {[]step{state(2*time.Second, "STARTING"), attempt(40*time.Second, "FAILED", -1, "Task failed to start", pull)}, -1,
			"FAILED: never started, nothing was written: The image can't be pulled", "registry does not have that digest"},
		"without a code": {ending("FAILED", -1, "Host terminated", ""), -1, "FAILED: ended without an exit code: Host terminated", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.submit(c.steps...)
				w.line(first, 40*time.Second, 41*time.Second, record("info", "import started"))
				w.line(first, 50*time.Second, 51*time.Second, record("error", "password authentication failed"))
				w.line(first, 51*time.Second, 52*time.Second, record("error", "another error"))
				o, _, err := w.wait(t)
				want := fmt.Sprintf("job %s (%s): %s", "user-import-20000101-000000", id, c.want)
				if err == nil || !strings.HasPrefix(err.Error(), want) {
					t.Errorf("got  %v\nwant %s", err, want)
				}
				if !strings.Contains(o.Fix, c.fix) {
					t.Errorf("fix %q", o.Fix)
				}
				if code := o.ExitCode; (code == nil) != (c.code < 0) || code != nil && *code != c.code {
					t.Errorf("exit code %v", code)
				}
			})
		})
	}
}

func TestAJobThatSomebodyEndsIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		at   time.Duration
		want string
	}{
		"while it runs":  {50 * time.Second, "exit code 143: ended by somebody: no longer wanted; Essential"},
		"while it waits": {5 * time.Second, "FAILED: ended before it ran, nothing was written: no longer wanted"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				j := w.submit(append(begins(), attempt(time.Hour, "SUCCEEDED", 0, exited, ""))...)
				w.after(c.at, func() {
					reason := "no longer wanted"
					j.ended, j.StatusReason = time.Now(), &reason
				})
				w.line(first, 40*time.Second, 41*time.Second, "line")
				_, say, err := w.wait(t)
				want := strings.TrimSuffix(c.want, "; Essential")
				if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(say, ", being ended") {
					t.Error(err, say)
				}
			})
		})
	}
}

func TestTheLastLinesStandInForAnErrorThatWasNotWritten(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(ending("FAILED", 1, exited, "")...)
		for i := range 8 {
			w.line(first, 40*time.Second+time.Duration(i), 41*time.Second, fmt.Sprint("line ", i))
		}
		o, _, _ := w.wait(t)
		if diff := cmp.Diff("line 3\nline 4\nline 5\nline 6\nline 7", o.FirstError); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAnHourOfWatchingTakesLessThanACallASecond(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(append(begins(), attempt(time.Hour, "SUCCEEDED", 0, exited, ""))...)
		for i := range 360 {
			at := 40*time.Second + time.Duration(i)*10*time.Second
			w.line(first, at, at, record("info", "progress"))
		}
		if _, say, err := w.wait(t); err != nil || strings.Count(say, "progress") < 355 {
			t.Error(err, strings.Count(say, "progress"))
		}
		if calls := len(w.Calls()); calls > 2400 { // 3 each 5 s: the fake's first page of a log is empty
			t.Errorf("%d calls", calls)
		}
	})
}
