package batchjob_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/batchjob"
)

// twice is a job whose first attempt Spot interrupts and whose second one ends so.
func twice(status types.JobStatus, code int32) []step {
	return append(begins(), attempt(60*time.Second, "RUNNABLE", 137, spot, ""), runs(90*time.Second, second), attempt(120*time.Second, status, code, exited, ""))
}

func TestAResultIsTakenWhereItTellsHowThisJobEnded(t *testing.T) {
	cases := map[string]struct {
		steps  []step
		result string
		fail   error
		taken  bool
		note   string
	}{
		"committed":             {ending("SUCCEEDED", 0, exited, ""), result(1, "committed", 0), nil, true, ""},
		"with rejected rows":    {ending("FAILED", 3, exited, ""), result(1, "committed", 2), nil, true, ""},
		"failed":                {ending("FAILED", 1, exited, ""), result(1, "failed", 2), nil, true, ""},
		"of the second attempt": {twice("SUCCEEDED", 0), result(2, "committed", 0), nil, true, ""},
		"prepared, of a job that finished": {ending("SUCCEEDED", 0, exited, ""), result(1, "prepared", 0), nil, true,
			"the result says prepared though the job has finished"},
		"prepared, of a job that failed": {ending("FAILED", 137, exited, ""), result(1, "prepared", 0), nil, false,
			"the result says prepared: what it counts was not committed"},
		"of the first attempt": {twice("FAILED", 1), result(1, "prepared", 0), nil, false,
			"the result is of attempt 1 (prepared, not committed) and not of attempt 2"},
		"committed by the first attempt": {twice("FAILED", 1), result(1, "committed", 0), nil, false,
			"the result is of attempt 1, which had committed 10 rows, 10 inserted, 0 updated, 0 unchanged, 0 rejected; attempt 2 ended otherwise"},
		"missing": {ending("FAILED", 137, exited, ""), "", nil, false, "no result at s3://" + bucket + "/" + key},
		"not permitted": {ending("SUCCEEDED", 0, exited, ""), result(1, "committed", 0), awsfake.ErrorStatus(403, "AccessDenied", "Access Denied"), false,
			"may not be read: allow s3:GetObject on imports-results/*"},
		"broken":        {ending("SUCCEEDED", 0, exited, ""), `{"job":`, nil, false, "s3://" + bucket + "/" + key + " is no result of this job"},
		"another job's": {ending("SUCCEEDED", 0, exited, ""), strings.ReplaceAll(result(1, "committed", 0), id, "another"), nil, false, "is no result of this job"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.submit(c.steps...)
				w.line(first, 40*time.Second, 41*time.Second, "line")
				w.line(second, 91*time.Second, 92*time.Second, "line")
				if c.result != "" {
					w.objects[key] = c.result
				}
				if c.fail != nil {
					w.Fail("s3:GetObject", 1, c.fail)
				}
				o, _, _ := w.wait(t)
				if (o.Result != nil) != c.taken {
					t.Errorf("result %+v", o.Result)
				}
				if note := strings.Join(o.Notes, "\n"); !strings.Contains(note, c.note) || c.note == "" && note != "" {
					t.Errorf("note %q", note)
				}
			})
		})
	}
}

func TestADryRunAndUnknownColumnsAreSaid(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		j := w.submit(ending("SUCCEEDED", 0, exited, "")...)
		j.Container.Command = append(j.Container.Command, "--dry-run")
		w.line(first, 40*time.Second, 41*time.Second, "line")
		w.objects[key] = strings.NewReplacer(`"dryRun":false`, `"dryRun":true`, `"unknownColumns":[]`, `"unknownColumns":["age","shoe\u001b[31m"]`, "committed", "rolled back").Replace(result(1, "committed", 0))
		o, _, err := w.wait(t)
		if err != nil || o.Meaning != "a dry run, nothing was written: all rows would go in" {
			t.Error(err, o.Meaning)
		}
		if diff := cmp.Diff([]string{"columns that aren't known were left out: age, shoe [31m"}, o.Notes); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTheFilesOfAResultAreReadAsTheyAre(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(ending("FAILED", 3, exited, "")...)
		_, _, early := batchjob.ReadResult(t.Context(), w.Config(), w.env, id)
		if early == nil || !errors.Is(early, batchjob.ErrNoResult) || !strings.Contains(early.Error(), "has not ended; follow it with `dagger call batch-logs") {
			t.Error(early)
		}
		time.Sleep(2 * time.Minute)
		w.objects[key], w.objects[rowsKey] = result(1, "committed", 2), "line,column,reason,text\n"
		data, rows, err := batchjob.ReadResult(t.Context(), w.Config(), w.env, "user-import-2000")
		if err != nil || string(data) != w.objects[key] || rows == nil {
			t.Fatal(err, string(data))
		}
		defer rows.Close()
		if text, err := io.ReadAll(rows); err != nil || string(text) != w.objects[rowsKey] {
			t.Error(err, string(text))
		}
		w.objects[key] = result(1, "committed", 0)
		if _, rows, err := batchjob.ReadResult(t.Context(), w.Config(), w.env, id); err != nil || rows != nil {
			t.Error(err, rows)
		}
		w.objects[key] = "{"
		if data, _, err := batchjob.ReadResult(t.Context(), w.Config(), w.env, id); err == nil || string(data) != "{" {
			t.Error(err, string(data))
		}
		delete(w.objects, key)
		if _, _, err := batchjob.ReadResult(t.Context(), w.Config(), w.env, id); !errors.Is(err, batchjob.ErrNoResult) || strings.Contains(err.Error(), "has not ended") {
			t.Error(err)
		}
	})
}

// keys are those of the JSON; they are what programs rely on.
var keys = []string{"attempts", "bucket", "cause", "console", "createdAt", "definition", "dryRun", "env", "executor", "exitCode", "firstError", "fix", "image",
	"inputKey", "job", "jobId", "jobName", "logGroup", "logStream", "meaning", "mostAttempts", "next", "notes", "queuedSeconds", "ranSeconds", "rejectedKey",
	"result", "resultKey", "startedAt", "status", "statusReason", "stoppedAt", "totalSeconds", "version"}

func TestTheJSONHasTheSameKeysInEveryState(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(ending("FAILED", 3, exited, "")...)
		w.objects[key] = result(1, "committed", 2)
		w.line(first, 40*time.Second, 41*time.Second, "line")
		for _, want := range []struct {
			after  time.Duration
			queued any
			code   any
		}{{0, 0.0, nil}, {50 * time.Second, 35.0, nil}, {time.Minute, 35.0, 3.0}} {
			time.Sleep(want.after)
			o, err := batchjob.Describe(t.Context(), w.Config(), w.env, id)
			var got map[string]any
			if json.Unmarshal([]byte(o.JSON()), &got) != nil || err != nil {
				t.Fatal(err, o.JSON())
			}
			if diff := cmp.Diff(keys, slices.Sorted(maps.Keys(got))); diff != "" {
				t.Error(diff)
			}
			if got["exitCode"] != want.code || got["queuedSeconds"] != want.queued {
				t.Errorf("%s: %v, %v", o.Status, got["exitCode"], got["queuedSeconds"])
			}
		}
	})
}

func TestWhatSomebodyWroteIntoAFileDoesNotCommandThePageOrTheTerminal(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.submit(ending("FAILED", 1, exited, "")...)
		w.line(first, 40*time.Second, 41*time.Second, record("error", "a|b <img src=x> @all \u001b[31m password=hunter2"))
		w.objects[key] = strings.ReplaceAll(result(1, "failed", 2), "is not an email address", "```\\u001b[31m")
		o, _, _ := w.wait(t)
		for _, text := range []string{o.Text(), o.Markdown(), o.JSON()} {
			if strings.Contains(text, "\u001b") || strings.Contains(text, "hunter2") {
				t.Error(text)
			}
		}
		if !strings.Contains(o.Markdown(), `| First error | a\|b &lt;img src=x&gt; &#64;all`) || !strings.Contains(o.Markdown(), "\n````text\n") {
			t.Error(o.Markdown())
		}
	})
}
