package batchjob_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/batchjob"
)

// other makes a job another one, with its own name and number.
func (j *job) other(number int, name, definition string) *job {
	j.JobId, j.JobName = aws.String(fmt.Sprintf("%08x-89ab-cdef-0123-456789abcdef", number)), &name
	j.JobDefinition = aws.String("arn:aws:batch:ap-northeast-1:123456789012:job-definition/" + definition)
	return j
}

// several are jobs in all states, one a minute.
func (w *world) several() {
	states := [][]step{ending("SUCCEEDED", 0, exited, ""), ending("FAILED", 3, exited, ""), begins(), {state(time.Second, "RUNNABLE")}}
	for i, steps := range states {
		definition := "prooflink-dev-user-import:7"
		if i == 1 {
			definition = "prooflink-dev-test-case-import:2"
		}
		job, _, _ := strings.Cut(strings.TrimPrefix(definition, "prooflink-dev-"), ":")
		w.submit(steps...).other(0xa0000000+i, fmt.Sprintf("%s-2000-%d", job, i), definition)
		time.Sleep(time.Minute)
	}
	time.Sleep(10 * time.Minute)
}

func TestJobsOfAllStatesAreListedTheNewestFirst(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.several()
		l, err := batchjob.List(t.Context(), w.Config(), w.env, batchjob.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		want := `ID        NAME                     STATE      EXIT  STARTED BY  INPUT              SUBMITTED                QUEUED  RAN
a0000003  user-import-2000-3       RUNNABLE   -     admin       imports/users.csv  2000-01-01 00:03:00 UTC  -       -
a0000002  user-import-2000-2       RUNNING    -     admin       imports/users.csv  2000-01-01 00:02:00 UTC  35s     -
a0000001  test-case-import-2000-1  FAILED     3     admin       imports/users.csv  2000-01-01 00:01:00 UTC  35s     1m
a0000000  user-import-2000-0       SUCCEEDED  0     admin       imports/users.csv  2000-01-01 00:00:00 UTC  35s     1m
`
		if diff := cmp.Diff(want, l.Text()); diff != "" {
			t.Error(diff)
		}
		var got struct {
			Env  string
			Jobs []struct{ JobID, Status string }
			More bool
		}
		if err := json.Unmarshal([]byte(l.JSON()), &got); err != nil || len(got.Jobs) != 4 || got.Jobs[1].Status != "RUNNING" || got.Env != "dev" {
			t.Error(err, l.JSON())
		}
	})
}

func TestAListingHasTheJobsThatAreMeant(t *testing.T) {
	cases := map[string]struct {
		filter batchjob.Filter
		want   string
		more   bool
	}{
		"of a job":                {batchjob.Filter{Job: "user-import"}, "user-import-2000-3 user-import-2000-2 user-import-2000-0", false},
		"of a status":             {batchjob.Filter{Status: "failed"}, "test-case-import-2000-1", false},
		"since":                   {batchjob.Filter{Since: "12m30s"}, "user-import-2000-3 user-import-2000-2", false},
		"of a job since":          {batchjob.Filter{Job: "user-import", Since: "12m30s"}, "user-import-2000-3 user-import-2000-2", false},
		"the newest":              {batchjob.Filter{Limit: 1}, "user-import-2000-3", true},
		"of a job and a status":   {batchjob.Filter{Job: "user-import", Status: "SUCCEEDED"}, "user-import-2000-0", false},
		"as many as there are":    {batchjob.Filter{Limit: 4}, "user-import-2000-3 user-import-2000-2 test-case-import-2000-1 user-import-2000-0", false},
		"none":                    {batchjob.Filter{Status: "STARTING"}, "", false},
		"of a status, the newest": {batchjob.Filter{Status: "RUNNING", Limit: 1}, "user-import-2000-2", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.several()
				l, err := batchjob.List(t.Context(), w.Config(), w.env, c.filter)
				var got []string
				for _, job := range l.Jobs {
					got = append(got, job.JobName)
				}
				if err != nil || strings.Join(got, " ") != c.want || l.More != c.more {
					t.Errorf("%v, more %t, %v", got, l.More, err)
				}
				if strings.Contains(l.Text(), "and older ones") != c.more {
					t.Error(l.Text())
				}
			})
		})
	}
}

func TestManyJobsAreListedWithFewCalls(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		for i := range 2500 {
			w.submit(ending("SUCCEEDED", 0, exited, "")...).other(i, fmt.Sprint("user-import-", i), "prooflink-dev-user-import:7")
		}
		time.Sleep(time.Hour)
		l, err := batchjob.List(t.Context(), w.Config(), w.env, batchjob.Filter{Limit: 250})
		if err != nil || len(l.Jobs) != 250 || !l.More || len(w.Calls()) != 6 {
			t.Error(err, len(l.Jobs), l.More, len(w.Calls()))
		}
		if _, err := batchjob.List(t.Context(), w.Config(), w.env, batchjob.Filter{Status: "FAILED"}); err != nil || len(w.Calls()) != 6+20 {
			t.Error(err, len(w.Calls()))
		}
	})
}

func TestAFilterThatMeansNothingIsRefused(t *testing.T) {
	for want, filter := range map[string]batchjob.Filter{
		`job "users" is unknown; use one of user-import, test-case-import`:                                        {Job: "users"},
		`status "DONE" is unknown; use one of SUBMITTED, PENDING, RUNNABLE, STARTING, RUNNING, SUCCEEDED, FAILED`: {Status: "done"},
		`limit -1: write a number from 1 to 500`:                                                                  {Limit: -1},
		`since "yesterday": write how long ago, like 15m, 2h or 1d, or a time like 2026-11-22T09:00:00Z`:          {Since: "yesterday"},
	} {
		bubble(t, func(t *testing.T, w *world) {
			_, err := batchjob.List(t.Context(), w.Config(), w.env, filter)
			if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" || len(w.Calls()) > 0 {
				t.Error(diff)
			}
		})
	}
}

func TestAJobIsMeantByItsIdOrTheBeginningOfItsIdOrName(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.several()
		w.submit(begins()...).other(0xb0000000, "user-import-2000-30", "prooflink-dev-user-import:7")
		for given, want := range map[string]string{
			"a0000001-89ab-cdef-0123-456789abcdef": "test-case-import-2000-1",
			"a0000001":                             "test-case-import-2000-1",
			" b\n":                                 "user-import-2000-30",
			"test":                                 "test-case-import-2000-1",
			"user-import-2000-3":                   "user-import-2000-3",
			"arn:aws:batch:ap-northeast-1:123456789012:job/a0000002-89ab-cdef-0123-456789abcdef": "user-import-2000-2",
		} {
			if o, err := batchjob.Describe(t.Context(), w.Config(), w.env, given); err != nil || o.JobName != want {
				t.Errorf("%q: %s, %v", given, o.JobName, err)
			}
		}
		for given, want := range map[string]string{
			"user-import-2000":                     "\"user-import-2000\" is the beginning of several jobs; give more of it:\n  b0000000-89ab-cdef-0123-456789abcdef  user-import-2000-30  SUBMITTED\n  a0000003-89ab-cdef-0123-456789abcdef  user-import-2000-3  RUNNABLE\n",
			"c0":                                   "job c0 isn't in environment dev: Batch keeps a job for about 7 days after its end; `dagger call batch-list --env dev` shows those that it has",
			"c0000001-89ab-cdef-0123-456789abcdef": "job c0000001-89ab-cdef-0123-456789abcdef isn't in environment dev: ",
			"":                                     "say which job: its id, or the beginning of its id or name; `dagger call batch-list --env dev` shows the jobs",
		} {
			if _, err := batchjob.Describe(t.Context(), w.Config(), w.env, given); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%q: %v", given, err)
			}
		}
	})
}

func TestAJobThatFailedIsDescribedWithItsFirstError(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(ending("FAILED", 1, exited, "")...)
		w.line(first, 40*time.Second, 41*time.Second, record("error", "the first"))
		w.line(first, 41*time.Second, 41*time.Second, record("fatal", "the second"))
		time.Sleep(time.Hour)
		o, err := batchjob.Describe(t.Context(), w.Config(), w.env, id)
		if err != nil || o.FirstError != `the first {"rows":4}` || len(o.Notes) != 1 {
			t.Errorf("%v %q %q", err, o.FirstError, o.Notes)
		}
		w.Fail("cloudwatchlogs:*", 1, awsfake.Error("AccessDeniedException", "not authorized"))
		if o, err = batchjob.Describe(t.Context(), w.Config(), w.env, id); err != nil || len(o.Notes) != 2 {
			t.Errorf("%v %q", err, o.Notes)
		}
	})
}

func TestEveryStateSaysWhatItMeans(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(append(begins(), attempt(time.Hour, "SUCCEEDED", 0, exited, ""))...)
		for _, want := range []string{"SUBMITTED: not looked at yet", "RUNNABLE: waits for capacity", "STARTING: its container is being started", "STARTING: ", "RUNNING: runs"} {
			o, err := batchjob.Describe(t.Context(), w.Config(), w.env, id)
			if err != nil || !strings.HasPrefix(o.Text(), name+": "+want) {
				t.Error(err, o.Text())
			}
			if next := "Next: dagger call batch-logs --env dev --id " + id + " --follow\n      dagger call batch-cancel --env dev --id " + id; !strings.Contains(o.Text(), next) {
				t.Error(o.Text())
			}
			time.Sleep(10 * time.Second)
		}
	})
}
