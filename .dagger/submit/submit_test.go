package submit_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/pause"
	"github.com/prooflink/prooflink/.dagger/release"
	"github.com/prooflink/prooflink/.dagger/submit"
)

// submitOne submits, which must work, and returns what was said.
func (a *account) submitOne(t *testing.T, r submit.Request) (submit.Submission, string) {
	t.Helper()
	var say strings.Builder
	made, err := submit.Submit(t.Context(), a.Config(), a.environment, r, &say)
	if err != nil {
		t.Fatalf("%v\n%s", err, say.String())
	}
	return made, say.String()
}

// refuse submits, which must not work for this reason, and change nothing.
func (a *account) refuse(t *testing.T, r submit.Request, want string) {
	t.Helper()
	before := len(a.changes())
	_, err := submit.Submit(t.Context(), a.Config(), a.environment, r, io.Discard)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
	if changed := a.changes()[before:]; len(changed) > 0 {
		t.Errorf("it has changed something: %q", changed)
	}
}

func upload(path string) func(*submit.Request) {
	return func(r *submit.Request) { r.File = path }
}

func TestAJobIsSubmittedAsTheRequestSays(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		r := request(func(r *submit.Request) {
			r.Env, r.Options = map[string]string{"Z": "1", "LOG_LEVEL": "debug"}, []string{"--dry-run"}
			r.Memory, r.Timeout, r.Attempts, r.Run = 1024, 90*time.Minute, 2, "https://github.com/prooflink/prooflink/actions/runs/7"
		})
		made, said := a.submitOne(t, r)
		in := a.submitted[0]
		if !regexp.MustCompile(`^user-import-20000101-000000-[0-9a-f]{4}$`).MatchString(*in.JobName) {
			t.Errorf("the name is %s", *in.JobName)
		}
		want := submit.Submission{JobID: "job-1", JobName: *in.JobName, Queue: queue, Definition: definition + ":1", Image: repository + "@" + digest("a"),
			Bucket: bucket, Key: "imports/users.csv", Executor: "admin"}
		if diff := cmp.Diff(want, made); diff != "" {
			t.Error(diff)
		}
		var variables, sizes []string
		for _, pair := range in.ContainerOverrides.Environment {
			variables = append(variables, *pair.Name+"="+*pair.Value)
		}
		for _, size := range in.ContainerOverrides.ResourceRequirements {
			sizes = append(sizes, string(size.Type)+"="+*size.Value)
		}
		got := fmt.Sprint(*in.JobDefinition, in.ContainerOverrides.Command, variables, sizes, *in.Timeout.AttemptDurationSeconds, *in.RetryStrategy.Attempts,
			len(in.RetryStrategy.EvaluateOnExit), in.Tags, in.PropagateTags == nil)
		expected := fmt.Sprint(definition+":1", []string{"node", "dist/user-import.js", "--dry-run"},
			[]string{"INPUT_S3_KEY=imports/users.csv", "EXECUTOR_NAME=admin", "LOG_LEVEL=debug", "Z=1"}, []string{"VCPU=0.25", "MEMORY=1024"}, 5400, 2,
			2, map[string]string{"prooflink:environment": "dev", "prooflink:run": r.Run}, true)
		if diff := cmp.Diff(expected, got); diff != "" {
			t.Error(diff)
		}
		if line := fmt.Sprintf("submitted job %s (job-1): %s:1 to queue %s\n", *in.JobName, definition, queue); said != line {
			t.Errorf("said %q", said)
		}
		if diff := cmp.Diff([]string{"batch:SubmitJob"}, a.changes()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhatIsNotSaidStaysTheDefinitions(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		a.submitOne(t, request(func(r *submit.Request) { r.Run = "no tag: #?" }))
		in := a.submitted[0]
		if in.ContainerOverrides.Command != nil || in.ContainerOverrides.ResourceRequirements != nil || in.Timeout != nil || in.RetryStrategy != nil || len(in.Tags) != 1 {
			t.Errorf("got %+v, %+v", in, in.ContainerOverrides)
		}
	})
}

func TestMoreAttemptsNeverRepeatAnImportThatHasFinished(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		a.revisions[0].RetryStrategy = &types.RetryStrategy{Attempts: aws.Int32(1)}
		a.submitOne(t, request(func(r *submit.Request) { r.Attempts = 3 }))
		var codes []string
		for _, condition := range a.submitted[0].RetryStrategy.EvaluateOnExit {
			codes = append(codes, string(condition.Action)+" "+aws.ToString(condition.OnExitCode))
		}
		if diff := cmp.Diff([]string{"EXIT 2", "EXIT 3"}, codes); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTheRevisionWithTheDeployedImageIsSubmitted(t *testing.T) {
	for name, test := range map[string]struct {
		images   []string
		deployed string
		want     string // the revision, or the error
		said     string
	}{
		"the newest":             {[]string{"a", "b"}, "b", "2", ""},
		"the newest of several":  {[]string{"a", "b", "b", "c", "b"}, "b", "5", ""},
		"an older one":           {[]string{"a", "b", "c"}, "b", "2", "the newest revision, " + definition + ":3, has an image that isn't deployed (" + digest("c") + "): " + definition + ":2 is taken"},
		"none":                   {[]string{"a", "b"}, "d", "none has the deployed image " + digest("d") + " (the newest, " + definition + ":2, has " + digest("b") + "): make one with `dagger call release --env dev`", ""},
		"nothing was recorded":   {[]string{"a", "b"}, "", "2", "nothing is recorded as deployed: the newest revision is taken"},
		"nothing is there":       {nil, "a", "job definition " + definition + " isn't there: deploy the environment first: dagger call deploy --env dev", ""},
		"eleven, and pages of 2": {strings.Split("abcdefghijk", ""), "c", "3", definition + ":11"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *account) {
				a.page, a.revisions = 2, nil
				for _, letter := range test.images {
					a.register(digest(letter))
				}
				a.parameters.Delete("/prooflink/dev/deploy/record")
				if test.deployed != "" {
					a.deployed(t, digest(test.deployed))
				}
				var say strings.Builder
				made, err := submit.Submit(t.Context(), a.Config(), a.environment, request(), &say)
				if err != nil {
					if !strings.Contains(err.Error(), test.want) {
						t.Error(err)
					}
					return
				}
				if made.Definition != definition+":"+test.want || !strings.Contains(say.String(), test.said) {
					t.Errorf("got %s\n%s", made.Definition, say.String())
				}
			})
		})
	}
}

func TestADefinitionThatIsDeregisteredMeanwhileIsLookedForOnceAgain(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		a.register(digest("a"))
		a.Fail("batch:SubmitJob", 1, awsfake.Error("ClientException", "JobDefinition "+definition+":2 is not in ACTIVE status"))
		made, said := a.submitOne(t, request())
		if made.Definition != definition+":1" || !strings.Contains(said, definition+":2 was deregistered meanwhile: taking "+definition+":1") {
			t.Errorf("got %s\n%s", made.Definition, said)
		}
		a.Fail("batch:SubmitJob", 2, awsfake.Error("ClientException", "JobDefinition is not in ACTIVE status"))
		_, err := submit.Submit(t.Context(), a.Config(), a.environment, request(), io.Discard)
		if err == nil || !strings.Contains(err.Error(), "submit job user-import-") || !strings.Contains(err.Error(), "ACTIVE") {
			t.Error(err)
		}
		a.revisions = a.revisions[:1]
		a.Fail("batch:SubmitJob", 1, awsfake.Error("ClientException", "JobDefinition "+definition+":1 is not in ACTIVE status"))
		_, err = submit.Submit(t.Context(), a.Config(), a.environment, request(), io.Discard)
		var absent *release.Absent
		if !errors.As(err, &absent) || !strings.Contains(err.Error(), "was deregistered meanwhile") {
			t.Error(err)
		}
		if len(a.submitted) != 1 {
			t.Errorf("%d jobs", len(a.submitted))
		}
	})
}

func TestWhatDoesNotGoWithTheDefinitionIsRefused(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		a.refuse(t, request(func(r *submit.Request) { r.VCPU = "1" }), "--memory 512: Fargate does not pair it with 1 vCPU; write one of 2048, 3072")
		a.refuse(t, request(func(r *submit.Request) { r.Memory = 4096 }), "--memory 4096: Fargate does not pair it with 0.25 vCPU")
		a.revisions[0].ContainerProperties.Command = []string{"node", strings.Repeat("x", 1000)}
		a.refuse(t, request(func(r *submit.Request) {
			r.Env, r.Options = map[string]string{"A": strings.Repeat("x", 7000)}, []string{"--dry-run"}
		}), "of which Batch needs 512")
		a.revisions[0].ContainerProperties.Environment = nil
		a.refuse(t, request(), "it has no variable INPUT_S3_BUCKET")
	})
}

func TestAnInputThatIsMissingOrEmptyIsSaidWithWhatIsThere(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		a.page = 3
		missing := request(func(r *submit.Request) { r.Key = "imports/user.csv" })
		a.put("imports/", "")
		a.put("imports/submissions/user-import/x.json", "{}")
		a.put("imports/user.csv.bak", "x")
		a.refuse(t, missing, "s3://"+bucket+"/imports/user.csv isn't there; under imports/ there are imports/user.csv.bak, imports/users.csv; name one of those with --input-key, or upload a file with --input-file")
		for i := range 12 {
			a.put(fmt.Sprintf("imports/a%02d.csv", i), "x")
		}
		a.refuse(t, missing, "imports/a08.csv, imports/a09.csv and more;")
		clear(a.objects)
		a.refuse(t, missing, "nothing is there under imports/")
		a.put("imports/users.csv", "")
		a.refuse(t, request(), "imports/users.csv is empty")
	})
}

func TestAFileIsUploadedFirst(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		const data = "email,name,role\nb@example.com,B,admin\n"
		file := local(t, data)
		made, said := a.submitOne(t, request(upload(file), func(r *submit.Request) { r.Key = "imports/new.csv" }))
		stored := a.objects["imports/new.csv"]
		if string(stored.data) != data || stored.kind != "text/csv" || made.Key != "imports/new.csv" {
			t.Errorf("got %q of %s for %s", stored.data, stored.kind, made.Key)
		}
		if want := "uploading " + file + " (38 bytes) to s3://" + bucket + "/imports/new.csv\n"; !strings.HasPrefix(said, want) {
			t.Errorf("said %q", said)
		}
		_, said = a.submitOne(t, request(upload(file)))
		if want := "/imports/users.csv, in the place of 39 bytes of 1999-12-31 23:00 UTC\n"; !strings.Contains(said, want) {
			t.Errorf("said %q", said)
		}
		before := len(a.changes())
		_, said = a.submitOne(t, request(upload(file)))
		if !strings.Contains(said, "has the content of "+file+" already: nothing is uploaded") || len(a.changes()) != before+1 {
			t.Errorf("changed %q\n%s", a.changes()[before:], said)
		}
	})
}

func TestNothingIsReplacedThatAJobHasYetToRead(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		file := local(t, "email,name,role\n")
		for i := range 120 {
			a.put("imports/other.csv", "x")
			a.submitOne(t, request(func(r *submit.Request) { r.Key = "imports/other.csv" }))
			if i == 60 {
				a.submitOne(t, request())
			}
		}
		a.page, a.stays = 50, true
		for _, age := range []time.Duration{3 * time.Second, 40 * time.Second} {
			time.Sleep(age)
			a.refuse(t, request(upload(file)), "(job-62, ")
		}
		a.refuse(t, request(upload(file)), "has yet to read what is there; upload under another key with --input-key imports/users-20000101-000043.csv, or wait")
		a.stays = false
		time.Sleep(time.Hour)
		a.submitOne(t, request(upload(file)))
	})
}

func TestAJobThatEndsWhileItIsLookedForIsNoObstacle(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		a.submitOne(t, request())
		time.Sleep(51*time.Second + 500*time.Millisecond)
		a.Latency(time.Second) // it is listed as RUNNING, and described as SUCCEEDED
		a.submitOne(t, request(upload(local(t, "email,name,role\n"))))
	})
}

// changed is a connection before whose first upload something happens.
type changed struct {
	aws.HTTPClient
	do func()
}

func (c *changed) Do(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut && c.do != nil {
		c.do()
		c.do = nil
	}
	return c.HTTPClient.Do(r)
}

func TestAnUploadReplacesOnlyWhatWasSeen(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(t *testing.T, a *account, file string)
		want      string
	}{
		"somebody else writes there":   {func(_ *testing.T, a *account, _ string) { a.put("imports/users.csv", "theirs") }, "somebody else has just written there"},
		"somebody deletes it":          {func(_ *testing.T, a *account, _ string) { delete(a.objects, "imports/users.csv") }, "somebody else has just written there"},
		"somebody uploads the same":    {func(_ *testing.T, a *account, _ string) { a.put("imports/users.csv", "email,name,role\n") }, ""},
		"the file changes on the disk": {func(t *testing.T, _ *account, file string) { rewrite(t, file, "email,name,rolE\n") }, "the file was changed while it was uploaded"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *account) {
				file, access := local(t, "email,name,role\n"), a.Config()
				access.HTTPClient = &changed{access.HTTPClient, func() { test.meanwhile(t, a, file) }}
				_, err := submit.Submit(t.Context(), access, a.environment, request(upload(file)), io.Discard)
				if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
					t.Error(err)
				}
				if (err == nil) != (len(a.submitted) == 1) {
					t.Errorf("%d jobs", len(a.submitted))
				}
			})
		})
	}
}

func rewrite(t *testing.T, file, data string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAnUploadWhoseAnswerIsLostIsDone(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		a.Fail("s3:PutObject", 2, awsfake.ErrLost)
		file := local(t, "email,name,role\n")
		a.submitOne(t, request(upload(file)))
		if string(a.objects["imports/users.csv"].data) != "email,name,role\n" || len(a.submitted) != 1 {
			t.Errorf("%d jobs", len(a.submitted))
		}
	})
}

// slow is a connection that takes a second for each 64 KiB.
type slow struct{ aws.HTTPClient }

func (s slow) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body = struct {
			io.Reader
			io.Closer
		}{slowReader{r.Context(), r.Body}, r.Body}
	}
	return s.HTTPClient.Do(r)
}

type slowReader struct {
	ctx context.Context
	io.Reader
}

func (s slowReader) Read(to []byte) (int, error) {
	if err := pause.For(s.ctx, time.Second); err != nil {
		return 0, err
	}
	return s.Reader.Read(to[:min(len(to), 64<<10)])
}

func TestALongUploadTellsHowFarItIs(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		file, access := local(t, strings.Repeat("x", 45*64<<10)), a.Config()
		access.HTTPClient = slow{access.HTTPClient}
		var say strings.Builder
		if _, err := submit.Submit(t.Context(), access, a.environment, request(upload(file)), &say); err != nil {
			t.Fatal(err)
		}
		lines := regexp.MustCompile(`(?m)^uploading s3://.*/imports/users.csv: .* of .*$`).FindAllString(say.String(), -1)
		if len(lines) < 2 || len(lines) > 6 || !strings.HasSuffix(lines[0], "of 2.9 MB") {
			t.Errorf("%q", lines)
		}
	})
}

func TestASubmissionWhoseAnswerIsLostIsMadeOnce(t *testing.T) {
	for name, test := range map[string]struct {
		fail     func(*account)
		unlisted time.Duration
		jobs     int
	}{
		"executed, and the connection breaks": {func(a *account) { a.Fail("batch:SubmitJob", 1, awsfake.ErrLost) }, 3 * time.Second, 1},
		"executed, and listed late":           {func(a *account) { a.Fail("batch:SubmitJob", 1, awsfake.ErrLost) }, 28 * time.Second, 1},
		"5xx that was not executed":           {func(a *account) { a.Fail("batch:SubmitJob", 1, awsfake.ErrorStatus(503, "ServerException", "busy")) }, 3 * time.Second, 1},
		"5xx twice":                           {func(a *account) { a.Fail("batch:SubmitJob", 2, awsfake.ErrorStatus(500, "ServerException", "oh")) }, 3 * time.Second, 1},
		"throttled often": {func(a *account) {
			a.Fail("batch:SubmitJob", 6, awsfake.ErrorStatus(429, "TooManyRequestsException", "Too Many Requests"))
		}, 3 * time.Second, 1},
		"everything is throttled, then it's lost": {func(a *account) {
			a.Fail("*", 4, awsfake.Error("ThrottlingException", "Rate exceeded"))
			a.Fail("batch:SubmitJob", 1, awsfake.ErrLost)
		}, 3 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *account) {
				a.unlisted = test.unlisted
				test.fail(a)
				made, said := a.submitOne(t, request())
				if len(a.submitted) != test.jobs || made.JobID != "job-1" || made.JobName != *a.jobs[0].JobName {
					t.Errorf("%d jobs, %+v\n%s", len(a.submitted), made, said)
				}
			})
		})
	}
}

func TestWhereNobodyKnowsWhetherItWasSubmittedItIsSaid(t *testing.T) {
	for name, prepare := range map[string]func(*account){
		"Batch is down": func(a *account) { a.Fail("batch:SubmitJob", 100, awsfake.ErrorStatus(500, "ServerException", "oh")) },
		"no list is there": func(a *account) {
			a.Fail("batch:SubmitJob", 1, awsfake.ErrLost)
			a.Fail("batch:ListJobs", 100, awsfake.Error("AccessDeniedException", "no"))
		},
		"the run is ending": func(*account) {},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *account) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				prepare(a)
				if name == "the run is ending" {
					a.Latency(time.Second)
					time.AfterFunc(3500*time.Millisecond, cancel)
				}
				_, err := submit.Submit(ctx, a.Config(), a.environment, request(), io.Discard)
				var unsure *submit.Unsure
				if !errors.As(err, &unsure) || !strings.Contains(err.Error(), "whether Batch has it isn't known: look for that name with `dagger call batch-list --env dev`") {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestWhatBatchRefusesIsNotTriedAgain(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		a.Fail("batch:SubmitJob", 1, awsfake.ErrorStatus(403, "AccessDeniedException", "not authorized to perform: batch:SubmitJob"))
		_, err := submit.Submit(t.Context(), a.Config(), a.environment, request(), io.Discard)
		if err == nil || !strings.HasPrefix(err.Error(), "submit job user-import-") || !strings.Contains(err.Error(), "batch:SubmitJob") || len(a.submitted) > 0 {
			t.Errorf("%v, %d jobs", err, len(a.submitted))
		}
	})
}
