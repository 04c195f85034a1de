package submit

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/batch"

	"github.com/prooflink/prooflink/.dagger/pause"
)

const (
	// patience is how long one submission may take, its throttling included: less
	// than until another run takes its idempotency key over.
	patience = 90 * time.Second
	// again is how long to wait before looking for a job again, and looks how often,
	// until a submission whose answer was lost counts as not accepted: ListJobs may
	// show a job some seconds late.
	again = 5 * time.Second
	looks = 6
	// tries is how often a submission is made whose answer was lost and that Batch
	// has not accepted.
	tries = 3
)

// send submits the job once. SubmitJob has no token that would make it the same
// submission when it is repeated, so where the answer is lost, the job is looked
// for by its name before it is submitted again. before is called before each
// submission.
func (s *session) send(ctx context.Context, before func(context.Context) error) (Submission, error) {
	name := s.request.jobName(time.Now(), suffix())
	looked := false
	for try := 1; ; {
		if err := before(ctx); err != nil {
			return Submission{}, err
		}
		id, err := s.call(ctx, s.request.input(s.names, s.definition, name))
		switch {
		case err == nil:
			return s.sent(id, name), nil
		case gone(err) && !looked:
			looked = true
			if err := s.chooseAgain(ctx); err != nil {
				return Submission{}, err
			}
			continue
		case refused(err) && try == 1:
			return Submission{}, fmt.Errorf("submit job %s: %w", name, err)
		}
		fmt.Fprintf(s.say, "the answer to the submission of job %s was lost (%v): looking whether Batch has it\n", name, err)
		accepted, lookErr := s.accepted(ctx, name)
		if accepted != "" {
			return s.sent(accepted, name), nil
		}
		if try++; lookErr != nil || try > tries {
			return Submission{}, &Unsure{JobName: name, Env: s.names.Env, Err: errors.Join(err, lookErr)}
		}
	}
}

// suffix makes a name unique among those of a second: four hexadecimal digits.
func suffix() string {
	random := make([]byte, 2)
	_, _ = rand.Read(random) // it never fails
	return hex.EncodeToString(random)
}

// call submits. It is repeated where Batch has refused it for the number of
// calls, and nowhere else: what got no answer, or 5xx, may have been done.
func (s *session) call(ctx context.Context, in *batch.SubmitJobInput) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out, err := s.batch.SubmitJob(ctx, in, func(o *batch.Options) {
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.MaxAttempts = attempts
			r.Retryables = []retry.IsErrorRetryable{retry.RetryableErrorCode{Codes: retry.DefaultThrottleErrorCodes}}
		})
	})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.JobId), nil
}

// chooseAgain takes another revision than the one that Batch has refused.
func (s *session) chooseAgain(ctx context.Context) error {
	before := s.definition.id()
	if err := s.choose(ctx, before); err != nil {
		return fmt.Errorf("job definition %s was deregistered meanwhile: %w", before, err)
	}
	fmt.Fprintf(s.say, "job definition %s was deregistered meanwhile: taking %s\n", before, s.definition.id())
	return nil
}

// accepted looks for the job of a submission whose answer was lost; empty where
// it isn't there.
func (s *session) accepted(ctx context.Context, name string) (string, error) {
	for range looks {
		if err := pause.For(ctx, again); err != nil {
			return "", err
		}
		found, err := s.named(ctx, name)
		if err != nil {
			return "", err
		}
		if len(found) > 0 {
			return aws.ToString(found[0].JobId), nil
		}
	}
	return "", nil
}

// sent is the submission, which it tells.
func (s *session) sent(id, name string) Submission {
	d := s.definition
	fmt.Fprintf(s.say, "submitted job %s (%s): %s to queue %s\n", name, id, d.id(), s.names.JobQueue())
	return Submission{
		JobID: id, JobName: name, Queue: s.names.JobQueue(), Definition: d.id(), Image: d.image(), Bucket: s.bucket,
		Key: s.request.Key, Executor: s.request.Executor,
	}
}
