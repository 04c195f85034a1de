package submit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/submit"
)

const (
	key = "nightly-7"
)

// keyed gives a request an idempotency key.
func keyed(r *submit.Request) { r.IdempotencyKey = key }

// claimed is the key's claim as it is stored.
func (a *account) claimed(t *testing.T) map[string]any {
	t.Helper()
	for path, stored := range a.objects {
		if strings.HasPrefix(path, "imports/submissions/user-import/") {
			var claim map[string]any
			if err := json.Unmarshal(stored.data, &claim); err != nil {
				t.Fatal(err)
			}
			return claim
		}
	}
	t.Fatal("nothing is claimed")
	return nil
}

func TestTheSameKeyFindsTheSameJob(t *testing.T) {
	for name, wait := range map[string]time.Duration{"at once": 0, "while it runs": 40 * time.Second, "after its end": time.Hour} {
		for _, end := range []int32{0, 3} {
			t.Run(fmt.Sprintf("%s, exit %d", name, end), func(t *testing.T) {
				bubble(t, func(t *testing.T, a *account) {
					a.ends = []int32{end}
					file := local(t, "email,name,role\n")
					first, _ := a.submitOne(t, request(keyed, upload(file)))
					time.Sleep(wait)
					before := len(a.changes())
					again, said := a.submitOne(t, request(keyed, upload(file)))
					if len(a.submitted) != 1 || !again.Found || first.Found {
						t.Errorf("%d jobs; %+v", len(a.submitted), again)
					}
					again.Found = false
					if diff := cmp.Diff(first, again); diff != "" {
						t.Error(diff)
					}
					if !strings.Contains(said, `idempotency key "nightly-7" has job `+first.JobName+" (job-1), ") {
						t.Errorf("said %q", said)
					}
					if diff := cmp.Diff([]string{"s3:PutObject"}, a.changes()[before:]); diff != "" { // the claim, in vain
						t.Error(diff)
					}
				})
			})
		}
	}
}

func TestTheClaimSaysWhoseTheKeyIs(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		made, _ := a.submitOne(t, request(keyed, func(r *submit.Request) { r.Run, r.Options = "https://example.com/7", []string{"--dry-run"} }))
		got := a.claimed(t)
		if len(got["token"].(string)) < 20 {
			t.Errorf("the token is %q", got["token"])
		}
		delete(got, "token")
		want := map[string]any{
			"key": key, "executor": "admin", "run": "https://example.com/7", "at": "2000-01-01T00:00:00Z", "jobId": "job-1", "jobName": made.JobName,
			"request": map[string]any{"inputKey": "imports/users.csv", "options": []any{"--dry-run"}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if made.JobName != "user-import-"+hashOf(t, a)[:12]+"-20000101-000000" {
			t.Errorf("the name is %s", made.JobName)
		}
	})
}

// hashOf are the digits in the claim's path.
func hashOf(t *testing.T, a *account) string {
	t.Helper()
	for path := range a.objects {
		if rest, ok := strings.CutPrefix(path, "imports/submissions/user-import/"); ok {
			return strings.TrimSuffix(rest, ".json")
		}
	}
	t.Fatal("nothing is claimed")
	return ""
}

func TestAJobThatWroteNothingIsSubmittedAgain(t *testing.T) {
	for name, end := range map[string]int32{"fatal": 1, "wrong usage": 2, "ended by somebody": 143, "out of memory": 137, "never started": -1} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *account) {
				a.ends = []int32{end}
				a.submitOne(t, request(keyed))
				time.Sleep(time.Hour)
				again, said := a.submitOne(t, request(keyed, func(r *submit.Request) { r.Memory = 1024 }))
				if again.JobID != "job-2" || again.Found || !strings.Contains(said, "(job-1) failed and wrote nothing (") {
					t.Errorf("%+v\n%s", again, said)
				}
				third, _ := a.submitOne(t, request(keyed))
				if third.JobID != "job-2" || !third.Found || len(a.submitted) != 2 {
					t.Errorf("%d jobs; %+v", len(a.submitted), third)
				}
			})
		})
	}
}

func TestAJobThatWasEndedAfterItsCommitHasImported(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		a.ends = []int32{137}
		a.submitOne(t, request(keyed))
		time.Sleep(time.Hour)
		a.put("imports-results/user-import/job-1.json", `{"state":"committed","finishedAt":"2000-01-01T00:01:00Z"}`)
		if again, _ := a.submitOne(t, request(keyed)); again.JobID != "job-1" || !again.Found {
			t.Errorf("%+v", again)
		}
	})
}

func TestAJobThatBatchHasForgottenIsJudgedByItsResult(t *testing.T) {
	for name, test := range map[string]struct {
		result string
		again  bool
	}{
		"committed":   {`{"state":"committed","finishedAt":"2000-01-01T00:01:30Z"}`, false},
		"a dry run":   {`{"state":"rolled back","finishedAt":"2000-01-01T00:01:30Z"}`, false},
		"failed":      {`{"state":"failed","finishedAt":"2000-01-01T00:01:30Z"}`, true},
		"never ended": {`{"state":"prepared"}`, true},
		"not there":   {"", true},
		"another's":   {"other", true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, a *account) {
				a.submitOne(t, request(keyed))
				time.Sleep(10 * 24 * time.Hour)
				a.jobs = nil
				if test.result == "other" {
					a.put("imports-results/user-import/job-1.json.bak", `{"state":"committed"}`)
				} else if test.result != "" {
					a.put("imports-results/user-import/job-1.json", test.result)
				}
				made, err := submit.Submit(t.Context(), a.Config(), a.environment, request(keyed), io.Discard)
				if test.again {
					if err != nil || made.JobID != "job-2" {
						t.Errorf("%+v, %v", made, err)
					}
					return
				}
				want := &submit.AlreadyImported{IdempotencyKey: key, JobID: "job-1", At: time.Date(2000, 1, 1, 0, 1, 30, 0, time.UTC), Bucket: bucket,
					ResultKey: "imports-results/user-import/job-1.json"}
				var got *submit.AlreadyImported
				if !errors.As(err, &got) || !cmp.Equal(want, got) || len(a.submitted) != 1 {
					t.Errorf("%d jobs, %v", len(a.submitted), err)
				}
				if text := `nothing was submitted: idempotency key "nightly-7" was imported on 2000-01-01 00:01 UTC by job job-1, whose result is s3://` + bucket; !strings.HasPrefix(err.Error(), text) {
					t.Error(err)
				}
			})
		})
	}
}

func TestAKeyStandsForOneImport(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		one, other := local(t, "email,name,role\n"), local(t, "email,name,role,department\n")
		a.submitOne(t, request(keyed, upload(one)))
		for want, change := range map[string]func(*submit.Request){
			"--input-key was imports/users.csv and is imports/x.csv": func(r *submit.Request) { r.File, r.Key = one, "imports/x.csv" },
			"--options was none and is --dry-run":                    func(r *submit.Request) { r.File, r.Options = one, []string{"--dry-run"} },
			"--input-file's SHA-256 was ":                            upload(other),
			" and is none":                                           func(*submit.Request) {},
		} {
			before := len(a.submitted)
			_, err := submit.Submit(t.Context(), a.Config(), a.environment, request(keyed, change), io.Discard)
			var used *submit.Used
			if !errors.As(err, &used) || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), `--idempotency-key "nightly-7": it was used on 2000-01-01 00:00 UTC for another import: `) {
				t.Errorf("got %v, want %q", err, want)
			}
			if len(a.submitted) != before || string(a.objects["imports/users.csv"].data) != "email,name,role\n" {
				t.Error("something was changed")
			}
		}
	})
}

func TestARunThatCouldNotSubmitFreesItsKeyAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		_, err := submit.Submit(t.Context(), a.Config(), a.environment, request(keyed, func(r *submit.Request) { r.Key = "imports/none.csv" }), io.Discard)
		if err == nil || a.claimed(t)["free"] != true {
			t.Errorf("%v, %v", err, a.claimed(t))
		}
		start := time.Now()
		made, said := a.submitOne(t, request(keyed))
		if made.JobID != "job-1" || time.Since(start) > time.Second || strings.Contains(said, "waiting") {
			t.Errorf("%+v after %s\n%s", made, time.Since(start), said)
		}
	})
}

func TestOfTwoAtOnceOneSubmits(t *testing.T) {
	for lead := time.Duration(0); lead <= 20*time.Second; lead += 500 * time.Millisecond {
		for _, lost := range []string{"", "batch:SubmitJob", "s3:PutObject"} {
			bubble(t, func(t *testing.T, a *account) {
				a.Latency(time.Second)
				if lost != "" {
					a.Fail(lost, 1, awsfake.ErrLost)
				}
				file := local(t, "email,name,role\n")
				var made [2]submit.Submission
				var errs [2]error
				var running sync.WaitGroup
				for i := range made {
					running.Go(func() {
						time.Sleep(time.Duration(i) * lead)
						made[i], errs[i] = submit.Submit(t.Context(), a.Config(), a.environment, request(keyed, upload(file)), io.Discard)
					})
				}
				running.Wait()
				if err := errors.Join(errs[:]...); err != nil || len(a.submitted) != 1 || made[0].JobID != "job-1" || made[1].JobID != "job-1" {
					t.Errorf("%s apart, %q lost: %d jobs, %+v, %v", lead, lost, len(a.submitted), made, err)
				}
				if got := a.claimed(t)["jobId"]; got != "job-1" {
					t.Errorf("%s apart, %q lost: the claim has %v", lead, lost, got)
				}
			})
		}
	}
}

// severed is a connection that is cut in the middle of a call: it is done, and
// nothing is answered any more.
type severed struct {
	aws.HTTPClient
	left int
	kill context.CancelFunc
}

func (s *severed) Do(r *http.Request) (*http.Response, error) {
	s.left--
	if s.left > 0 {
		return s.HTTPClient.Do(r)
	}
	if s.left == 0 {
		if response, err := s.HTTPClient.Do(r); err == nil {
			response.Body.Close()
		}
	}
	s.kill()
	return nil, io.ErrUnexpectedEOF
}

func TestARunThatIsKilledAtAnyCallLeavesOneJobToTheNext(t *testing.T) {
	for _, way := range []string{"before a call", "within a call"} {
		for calls, whole := 0, false; !whole; calls++ {
			bubble(t, func(t *testing.T, a *account) {
				file := local(t, "email,name,role\n")
				ctx, kill := context.WithCancel(t.Context())
				defer kill()
				access := a.Config()
				if way == "before a call" {
					a.KillAfter(calls)
				} else {
					access.HTTPClient = &severed{access.HTTPClient, calls + 1, kill}
				}
				_, err := submit.Submit(ctx, access, a.environment, request(keyed, upload(file)), io.Discard)
				whole = err == nil && len(a.claimed(t)) > 0 && a.claimed(t)["jobId"] != nil
				a.KillAfter(-1)
				start := time.Now()
				made, said := a.submitOne(t, request(keyed, upload(file)))
				if took := time.Since(start); took > 150*time.Second {
					t.Errorf("killed %s, after %d calls: the next run took %s", way, calls, took)
				}
				if standing := a.standing(); !slices.Equal(standing, []string{made.JobID}) || len(a.submitted) != 1 {
					t.Errorf("killed %s, after %d calls: %d jobs, %v stand, and the next run had %+v\n%s", way, calls, len(a.submitted), standing, made, said)
				}
				if got := a.claimed(t)["jobId"]; got != made.JobID {
					t.Errorf("killed %s, after %d calls: the claim has %v", way, calls, got)
				}
			})
			if calls > 30 {
				t.Fatal("it never ends")
			}
		}
	}
}

func TestALongUploadKeepsItsKey(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		file, access := local(t, strings.Repeat("x", 400*64<<10)), a.Config()
		access.HTTPClient = slow{access.HTTPClient}
		var made submit.Submission
		var err error
		var running sync.WaitGroup
		running.Go(func() {
			made, err = submit.Submit(t.Context(), access, a.environment, request(keyed, upload(file)), io.Discard)
		})
		time.Sleep(time.Minute)
		start := time.Now()
		again, said := a.submitOne(t, request(keyed, upload(file)))
		running.Wait()
		if err != nil || len(a.submitted) != 1 || !again.Found || again.JobID != made.JobID || time.Since(start) < 5*time.Minute {
			t.Errorf("%d jobs after %s: %+v, %v\n%s", len(a.submitted), time.Since(start), again, err, said)
		}
		if strings.Count(said, "waiting for it") != 1 {
			t.Errorf("said %q", said)
		}
	})
}

// asleep is a connection whose machine sleeps before a write.
type asleep struct {
	aws.HTTPClient
	before string
	length time.Duration
	once   sync.Once
}

func (s *asleep) Do(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, s.before) {
		s.once.Do(func() { time.Sleep(s.length) })
	}
	return s.HTTPClient.Do(r)
}

func TestARunThatWasLeftBehindTakesTheOthersJob(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		file, access := local(t, "email,name,role\n"), a.Config()
		// Without renewals, as where the whole machine sleeps.
		access.HTTPClient = &asleep{
			HTTPClient: &mute{access.HTTPClient, time.Now().Add(time.Second), time.Now().Add(10 * time.Minute)}, before: "users.csv", length: 10 * time.Minute,
		}
		var made submit.Submission
		var err error
		var said strings.Builder
		var running sync.WaitGroup
		running.Go(func() {
			made, err = submit.Submit(t.Context(), access, a.environment, request(keyed, upload(file)), &said)
		})
		time.Sleep(3 * time.Minute)
		other, _ := a.submitOne(t, request(keyed, upload(file)))
		running.Wait()
		if err != nil || len(a.submitted) != 1 || made.JobID != other.JobID || !made.Found || !strings.Contains(said.String(), "another run has taken the idempotency key over") {
			t.Errorf("%d jobs, %+v and %+v, %v\n%s", len(a.submitted), made, other, err, said.String())
		}
	})
}

// mute is a connection that can't reach anything for a time.
type mute struct {
	aws.HTTPClient
	from, to time.Time
}

func (m *mute) Do(r *http.Request) (*http.Response, error) {
	if now := time.Now(); now.After(m.from) && now.Before(m.to) {
		return nil, io.ErrUnexpectedEOF
	}
	return m.HTTPClient.Do(r)
}

func TestWaitingForAKeyIsCheapAndEndsWithTheRun(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		ctx, cancel := context.WithCancel(t.Context())
		access := a.Config()
		access.HTTPClient = &severed{access.HTTPClient, 5, cancel}
		_, _ = submit.Submit(ctx, access, a.environment, request(keyed), io.Discard)
		if len(a.submitted) > 0 || a.claimed(t)["free"] != nil {
			t.Fatalf("%d jobs, %v", len(a.submitted), a.claimed(t))
		}
		enough := errors.New("enough")
		ctx, stop := context.WithTimeoutCause(t.Context(), 62*time.Second, enough)
		defer stop()
		before := len(a.Calls())
		_, err := submit.Submit(ctx, a.Config(), a.environment, request(keyed), io.Discard)
		if !errors.Is(err, enough) || len(a.Calls())-before > 90 {
			t.Errorf("%d calls, %v", len(a.Calls())-before, err)
		}
	})
}

func TestAClaimThatIsNoClaimIsSaid(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		a.submitOne(t, request(keyed))
		path := "imports/submissions/user-import/" + hashOf(t, a) + ".json"
		a.put(path, "garbage")
		_, err := submit.Submit(t.Context(), a.Config(), a.environment, request(keyed), io.Discard)
		if err == nil || !strings.Contains(err.Error(), "read the claim s3://"+bucket+"/"+path) || !strings.Contains(err.Error(), "write another --idempotency-key, or delete the object") {
			t.Error(err)
		}
	})
}

// forgetful is a connection that loses the answer of one write.
type forgetful struct {
	aws.HTTPClient
	left int
}

func (f *forgetful) Do(r *http.Request) (*http.Response, error) {
	response, err := f.HTTPClient.Do(r)
	if r.Method == http.MethodPut || r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/submitjob") {
		if f.left--; f.left == 0 && err == nil {
			response.Body.Close()
			return nil, io.ErrUnexpectedEOF
		}
	}
	return response, err
}

func TestAnyOneAnswerThatIsLostChangesNothing(t *testing.T) {
	for n := 1; n <= 5; n++ { // the claim, the upload, the claim's renewal, the submission, the claim's job
		bubble(t, func(t *testing.T, a *account) {
			a.Latency(time.Second)
			access, start := a.Config(), time.Now()
			lossy := &forgetful{access.HTTPClient, n}
			access.HTTPClient = lossy
			made, err := submit.Submit(t.Context(), access, a.environment, request(keyed, upload(local(t, "email,name,role\n"))), io.Discard)
			if err != nil || len(a.submitted) != 1 || made.Found || a.claimed(t)["jobId"] != "job-1" || lossy.left > 0 || time.Since(start) > time.Minute {
				t.Errorf("write %d: %d jobs after %s, %+v, %v, %v", n, len(a.submitted), time.Since(start), made, a.claimed(t), err)
			}
		})
	}
}

func TestAnUploadEndsWhenItsKeyIsTakenOver(t *testing.T) {
	bubble(t, func(t *testing.T, a *account) {
		file, access := local(t, strings.Repeat("x", 400*64<<10)), a.Config()
		access.HTTPClient = slow{access.HTTPClient}
		var made submit.Submission
		var err error
		var running sync.WaitGroup
		running.Go(func() {
			made, err = submit.Submit(t.Context(), access, a.environment, request(keyed, upload(file)), io.Discard)
		})
		time.Sleep(time.Minute + 20*time.Second)
		synctest.Wait()
		path := "imports/submissions/user-import/" + hashOf(t, a) + ".json"
		claim := a.objects[path]
		claim.at = claim.at.Add(-3 * time.Minute)
		a.objects[path] = claim
		other, said := a.submitOne(t, request(keyed, upload(file)))
		start := time.Now()
		running.Wait()
		if err != nil || len(a.submitted) != 1 || made.JobID != other.JobID || !made.Found || time.Since(start) > 2*time.Minute {
			t.Errorf("%d jobs after %s, %+v and %+v, %v", len(a.submitted), time.Since(start), made, other, err)
		}
		if !strings.Contains(said, `idempotency key "nightly-7": admin ended without submitting a job: taking the key over`) {
			t.Errorf("said %q", said)
		}
		preview := a.plan(t, request(keyed, upload(file)))
		if !strings.Contains(preview.Text(), "which has job") {
			t.Error(preview.Text())
		}
		claim.at = time.Now()
		a.objects[path], a.jobs = claim, nil
		if got := line(t, a.plan(t, request(keyed, upload(file))), "key"); got != `"nightly-7", which admin is about to submit a job with: it would be waited for` {
			t.Error(got)
		}
	})
}
