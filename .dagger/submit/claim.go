package submit

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/prooflink/prooflink/.dagger/pause"
)

const (
	// every is how often a claim is renewed while its run uploads.
	every = 30 * time.Second
	// lease is how long a claim stands without a job and without being renewed: its
	// run has ended then.
	lease = 2 * time.Minute
)

// claim is an object of the files bucket that says whose an idempotency key is:
// imports/submissions/<job>/<beginning of the key's SHA-256>.json.
type claim struct {
	// Key is the idempotency key.
	Key string `json:"key"`
	// Token is the run's that has claimed it.
	Token string `json:"token"`
	// Executor, Run and At are for people: who, the run's page, and when.
	Executor string    `json:"executor"`
	Run      string    `json:"run,omitempty"`
	At       time.Time `json:"at"`
	// Request is what the key stands for.
	Request fingerprint `json:"request"`
	// JobID and JobName are the job's, once it is submitted.
	JobID   string `json:"jobId,omitempty"`
	JobName string `json:"jobName,omitempty"`
	// Free says that its run has ended without submitting anything.
	Free bool `json:"free,omitempty"`
}

// fingerprint is what makes two requests the same import. Sizes and limits are
// not in it: a job that ran out of memory is tried again with more.
type fingerprint struct {
	InputKey string   `json:"inputKey"`
	SHA256   string   `json:"sha256,omitempty"`
	Options  []string `json:"options,omitempty"`
}

func (r Request) fingerprint(f file) fingerprint {
	return fingerprint{InputKey: r.Key, SHA256: f.digest(), Options: r.Options}
}

// differs is an error where the claim stands for another import.
func (c claim) differs(now fingerprint) error {
	var list []string
	for _, part := range []struct{ name, before, now string }{
		{"--input-key", c.Request.InputKey, now.InputKey},
		{"--input-file's SHA-256", c.Request.SHA256, now.SHA256},
		{"--options", strings.Join(c.Request.Options, " "), strings.Join(now.Options, " ")},
	} {
		if part.before != part.now {
			list = append(list, fmt.Sprintf("%s was %s and is %s", part.name, or(part.before, "none"), or(part.now, "none")))
		}
	}
	if len(list) == 0 || c.Free {
		return nil
	}
	return &Used{IdempotencyKey: c.Key, At: c.At, Differences: list}
}

// claimPath is the key's object.
func (s *session) claimPath() string {
	return claimsFolder + s.request.Job + "/" + hash(s.request.IdempotencyKey)[:32] + ".json"
}

// stored is a claim as it was read.
type stored struct {
	claim
	etag string
	// age is how long ago it was written, by S3's clock.
	age time.Duration
}

// readClaim reads the key's claim; nil where there is none.
func (s *session) readClaim(ctx context.Context) (*stored, error) {
	path := s.claimPath()
	if there, err := s.object(ctx, path); err != nil || there == nil {
		return nil, err
	}
	out, err := s.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &path})
	if code(err) == "NoSuchKey" {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the claim s3://%s/%s: %w", s.bucket, path, err)
	}
	defer out.Body.Close()
	found := &stored{etag: aws.ToString(out.ETag)}
	if err := json.NewDecoder(out.Body).Decode(&found.claim); err != nil {
		return nil, fmt.Errorf("read the claim s3://%s/%s: %w: write another --idempotency-key, or delete the object", s.bucket, path, err)
	}
	now, ok := awsmiddleware.GetServerTime(out.ResultMetadata)
	if !ok || now.IsZero() {
		now = time.Now()
	}
	found.age = now.Sub(aws.ToTime(out.LastModified))
	return found, nil
}

// writeClaim writes it in the place of the version with an ETag, or where there is
// none. It has lost where that isn't what is there; after a write whose answer was
// lost, the claim has to be read again.
func (s *session) writeClaim(ctx context.Context, c claim, over string) (etag string, won bool, err error) {
	data, err := json.Marshal(c)
	if err != nil {
		return "", false, err
	}
	in := &s3.PutObjectInput{
		Bucket: &s.bucket, Key: aws.String(s.claimPath()), Body: bytes.NewReader(data), ContentType: aws.String("application/json"),
	}
	if in.IfMatch = &over; over == "" {
		in.IfMatch, in.IfNoneMatch = nil, aws.String("*")
	}
	out, err := s.s3.PutObject(ctx, in)
	if outrun(err) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("write the claim s3://%s/%s: %w", s.bucket, s.claimPath(), err)
	}
	return aws.ToString(out.ETag), true, nil
}

// held is a claim of this run.
type held struct {
	s *session
	// mu guards what follows: an upload's renewals write, too.
	mu    sync.Mutex
	claim claim
	etag  string
}

// newClaim is this run's.
func (s *session) newClaim() claim {
	return claim{
		Key: s.request.IdempotencyKey, Token: rand.Text(), Executor: s.request.Executor, Run: s.request.Run, At: time.Now().UTC(),
		Request: s.request.fingerprint(s.file),
	}
}

// change writes a changed claim; errLost where another run has taken it over.
func (h *held) change(ctx context.Context, how func(*claim)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	next := h.claim
	next.At = time.Now().UTC()
	how(&next)
	for {
		etag, won, err := h.s.writeClaim(ctx, next, h.etag)
		if err != nil {
			return err
		}
		if won {
			h.claim, h.etag = next, etag
			return nil
		}
		now, err := h.s.readClaim(ctx)
		if err != nil {
			return err
		}
		if now == nil || now.Token != next.Token {
			return errLost
		}
		h.etag = now.etag
	}
}

// renew says that the run goes on.
func (h *held) renew(ctx context.Context) error { return h.change(ctx, func(*claim) {}) }

// during does something that may take long, and renews the claim. When that is
// lost, what it does is ended.
func (h *held) during(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() {
		for pause.For(ctx, every) == nil {
			if err := h.renew(ctx); errors.Is(err, errLost) {
				cancel(err)
			}
		}
	})
	err := do(ctx)
	lost := context.Cause(ctx)
	cancel(nil)
	renewing.Wait()
	if errors.Is(lost, errLost) {
		return errLost
	}
	return err
}

// farewell is how long writing down how it went may take when the run itself has
// ended.
const farewell = 30 * time.Second

// leave writes down how it went: the job, or that there is none. Where it can't,
// the next run waits until the claim is old, and finds the job by its name.
func (h *held) leave(ctx context.Context, how func(*claim)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if err := h.change(ctx, how); err != nil && !errors.Is(err, errLost) {
		fmt.Fprintf(h.s.say, "idempotency key %q: how this run went can't be written down, a next one finds it out: %v\n", h.claim.Key, err)
	}
}

// result is what is needed of the result that a job writes.
type result struct {
	State      string    `json:"state"`
	FinishedAt time.Time `json:"finishedAt"`
}

// resultPath is where a job writes its result.
func (s *session) resultPath(id string) string {
	return resultsFolder + s.request.Job + "/" + id + ".json"
}

// done are the states of a result whose import is complete; a dry run's is rolled
// back in the end.
var done = []string{"committed", "rolled back"}

// result reads what a job has written; nil where its import isn't complete.
func (s *session) result(ctx context.Context, id string) (*result, error) {
	path := s.resultPath(id)
	if there, err := s.object(ctx, path); err != nil || there == nil {
		return nil, err
	}
	out, err := s.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &path})
	if err != nil {
		return nil, fmt.Errorf("read the result s3://%s/%s: %w", s.bucket, path, err)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(out.Body)
	if err != nil {
		return nil, fmt.Errorf("read the result s3://%s/%s: %w", s.bucket, path, err)
	}
	var found result
	if err := json.Unmarshal(data, &found); err != nil {
		return nil, fmt.Errorf("read the result s3://%s/%s: %w", s.bucket, path, err)
	}
	if !slices.Contains(done, found.State) {
		return nil, nil
	}
	return &found, nil
}
