package submit_test

import (
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/submit"
)

// plan previews, which must work and change nothing.
func (a *account) plan(t *testing.T, r submit.Request) submit.Preview {
	t.Helper()
	before := len(a.changes())
	preview, err := submit.Plan(t.Context(), a.Config(), a.environment, r)
	if err != nil {
		t.Fatal(err)
	}
	if changed := a.changes()[before:]; len(changed) > 0 {
		t.Errorf("it has changed something: %q", changed)
	}
	return preview
}

// line is one of a preview's.
func line(t *testing.T, p submit.Preview, name string) string {
	t.Helper()
	for text := range strings.Lines(p.Text()) {
		if rest, ok := strings.CutPrefix(text, name+" "); ok {
			return strings.TrimSpace(rest)
		}
	}
	t.Errorf("it has no line %q:\n%s", name, p.Text())
	return ""
}

var suffix = regexp.MustCompile(`000000-[0-9a-f]{4}`)

func TestAPreviewShowsTheWholeSubmission(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		a.register(digest("b"))
		r := request(func(r *submit.Request) {
			r.Env, r.Options, r.Memory, r.Run = map[string]string{"LOG_LEVEL": "<debug>"}, []string{"--dry-run"}, 1024, "https://example.com/7"
		})
		preview := a.plan(t, r)
		want := `job         user-import-20000101-000000-XXXX (with the time of the submission and other digits at the end)
queue       prooflink-dev-job-queue
definition  prooflink-dev-user-import:1
image       ` + repository + "@" + digest("a") + `, as it is deployed
            the newest revision, prooflink-dev-user-import:2, has an image that isn't deployed (` + digest("b") + `): prooflink-dev-user-import:1 is taken, which has the deployed one
command     node dist/user-import.js --dry-run
input       s3://prooflink-dev-files-123456789012/imports/users.csv, 39 bytes of 1999-12-31 23:00 UTC
environment INPUT_S3_KEY=imports/users.csv
            EXECUTOR_NAME=admin
            LOG_LEVEL=<debug>
vcpu        0.25, the definition's
memory      1024 MiB, overridden
timeout     1h0m0s, the definition's
attempts    3, the definition's
tag         prooflink:environment=dev
tag         prooflink:run=https://example.com/7
`
		if diff := cmp.Diff(want, suffix.ReplaceAllString(preview.Text(), "000000-XXXX")); diff != "" {
			t.Error(diff)
		}
		if strings.HasPrefix(preview.Text(), "environment") || preview.Found != nil {
			t.Error(preview.Text())
		}
	})
}

func TestAPreviewsJSONIsWhatTheAPITakes(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		preview := a.plan(t, request(func(r *submit.Request) {
			r.Env, r.Memory, r.Timeout, r.Attempts = map[string]string{"LOG_LEVEL": "<debug>"}, 1024, time.Hour, 2
		}))
		var got any
		if err := json.Unmarshal([]byte(preview.JSON()), &got); err != nil {
			t.Fatal(err)
		}
		pair := func(name, value string) any { return map[string]any{"name": name, "value": value} }
		want := map[string]any{
			"jobName": *preview.Input.JobName, "jobQueue": queue, "jobDefinition": definition + ":1",
			"containerOverrides": map[string]any{
				"environment":          []any{pair("INPUT_S3_KEY", "imports/users.csv"), pair("EXECUTOR_NAME", "admin"), pair("LOG_LEVEL", "<debug>")},
				"resourceRequirements": []any{map[string]any{"type": "VCPU", "value": "0.25"}, map[string]any{"type": "MEMORY", "value": "1024"}},
			},
			"timeout": map[string]any{"attemptDurationSeconds": 3600.0},
			"retryStrategy": map[string]any{"attempts": 2.0, "evaluateOnExit": []any{
				map[string]any{"action": "RETRY", "onStatusReason": "Your Spot Task was interrupted*"}, map[string]any{"action": "EXIT", "onReason": "*"},
			}},
			"tags": map[string]any{"prooflink:environment": "dev"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if !strings.HasPrefix(preview.JSON(), "{\n  \"") || !strings.HasSuffix(preview.JSON(), "}\n") {
			t.Error(preview.JSON())
		}
	})
}

func TestAPreviewSaysWhatWouldBeUploaded(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		file, same := local(t, strings.Repeat("x", 2_345_678)), local(t, usersCSV)
		url := "s3://" + bucket + "/imports/"
		if got, want := line(t, a.plan(t, request(upload(file))), "input"), url+"users.csv, would be uploaded: "+file+" (2.3 MB), in the place of 39 bytes of 1999-12-31 23:00 UTC"; got != want {
			t.Errorf("got %s", got)
		}
		if got, want := line(t, a.plan(t, request(upload(file), func(r *submit.Request) { r.Key = "imports/new.csv" })), "input"), url+"new.csv, would be uploaded: "+file+" (2.3 MB)"; got != want {
			t.Errorf("got %s", got)
		}
		if got, want := line(t, a.plan(t, request(upload(same))), "input"), url+"users.csv, 39 bytes of 1999-12-31 23:00 UTC, which has the content of "+same; got != want {
			t.Errorf("got %s", got)
		}
	})
}

func TestAPreviewHasTheSameChecks(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		for want, change := range map[string]func(*submit.Request){
			"there is no such job":             func(r *submit.Request) { r.Job = "x" },
			"imports/none.csv isn't there":     func(r *submit.Request) { r.Key = "imports/none.csv" },
			"does not pair it with 1 vCPU":     func(r *submit.Request) { r.VCPU = "1" },
			"has yet to read what is there":    upload(local(t, "email,name,role\n")),
			"was used on 2000-01-01 00:00 UTC": func(r *submit.Request) { keyed(r); r.Options = []string{"--dry-run"} },
		} {
			if len(a.submitted) == 0 {
				a.submitOne(t, request(keyed))
				time.Sleep(5 * time.Second)
			}
			before := len(a.changes())
			_, err := submit.Plan(t.Context(), a.Config(), a.environment, request(change))
			if err == nil || !strings.Contains(err.Error(), want) || len(a.changes()) != before {
				t.Errorf("got %v, want %q", err, want)
			}
		}
	})
}

func TestAPreviewSaysWhatAnIdempotencyKeyMeans(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		a.ends = []int32{1}
		if got := line(t, a.plan(t, request(keyed)), "key"); got != `"nightly-7", which is new` {
			t.Error(got)
		}
		made, _ := a.submitOne(t, request(keyed))
		delete(a.objects, "imports/users.csv") // which doesn't matter any more
		preview := a.plan(t, request(keyed))
		if got, want := line(t, preview, "key"), `"nightly-7", which has job `+made.JobName+" (job-1): nothing would be submitted"; got != want || preview.Found == nil || preview.Found.JobID != "job-1" {
			t.Errorf("got %s, %+v", got, preview.Found)
		}
		a.put("imports/users.csv", usersCSV)
		time.Sleep(time.Hour)
		if got := line(t, a.plan(t, request(keyed)), "key"); got != `"nightly-7", whose run before has imported nothing: it would be taken over` {
			t.Error(got)
		}
		a.put("imports-results/user-import/job-1.json", `{"state":"committed","finishedAt":"2000-01-01T00:01:00Z"}`)
		a.jobs = nil
		var done *submit.AlreadyImported
		if _, err := submit.Plan(t.Context(), a.Config(), a.environment, request(keyed)); !errors.As(err, &done) {
			t.Error(err)
		}
	})
}

// Errors of AWS say what was done.
func TestErrorsSayWhatWasDone(t *testing.T) {
	for operation, want := range map[string]string{
		"ssm:GetParameter":             "read what is deployed in dev: ",
		"batch:DescribeJobDefinitions": "describe job definition " + definition + ": ",
		"s3:ListObjectsV2":             "look for s3://" + bucket + "/imports/users.csv: ",
		"s3:PutObject":                 "write the claim s3://" + bucket + "/imports/submissions/user-import/",
		"batch:SubmitJob":              "submit job user-import-",
	} {
		t.Run(operation, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *account) {
				a.Fail(operation, 1, denied)
				_, err := submit.Submit(t.Context(), a.Config(), a.environment, request(keyed), io.Discard)
				if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "AccessDenied") {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}
