package submit

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/prooflink/prooflink/.dagger/pause"
)

// once submits the job unless one of the same idempotency key is there: who
// writes the key's claim submits, and the others take what it has submitted.
func (s *session) once(ctx context.Context) (Submission, error) {
	for {
		h, found, err := s.take(ctx)
		if err != nil {
			return Submission{}, err
		}
		if found != nil {
			return *found, nil
		}
		made, err := s.under(ctx, h)
		if !errors.Is(err, errLost) {
			return made, err
		}
		fmt.Fprintf(s.say, "idempotency key %q: %v\n", s.request.IdempotencyKey, err)
	}
}

// under provides the input and submits, with the key claimed. The claim is
// renewed right before each submission, so that a run that takes it over later
// knows that none is under way.
func (s *session) under(ctx context.Context, h *held) (Submission, error) {
	err := h.during(ctx, s.provide)
	var made Submission
	if err == nil {
		made, err = s.send(ctx, h.renew)
	}
	var unsure *Unsure
	switch {
	case err == nil:
		h.leave(ctx, func(c *claim) { c.JobID, c.JobName = made.JobID, made.JobName })
	case !errors.Is(err, errLost) && !errors.As(err, &unsure):
		h.leave(ctx, func(c *claim) { c.Free = true })
	}
	return made, err
}

// take claims the key, or finds the job that was submitted with it.
func (s *session) take(ctx context.Context) (*held, *Submission, error) {
	h := &held{s: s, claim: s.newClaim()}
	for instead := ""; ; {
		etag, won, err := s.writeClaim(ctx, h.claim, instead)
		if err != nil {
			return nil, nil, err
		}
		if won {
			h.etag = etag
			return h, nil, nil
		}
		now, found, err := s.await(ctx, h.claim)
		switch {
		case err != nil || found != nil:
			return nil, found, err
		case now == nil:
			instead = ""
		default: // also this run's own, of a write whose answer was lost
			instead = now.etag
		}
	}
}

// await waits until the claim that is there has a job, which it finds, or until
// it may be replaced, or is gone.
func (s *session) await(ctx context.Context, mine claim) (*stored, *Submission, error) {
	for told := false; ; told = true {
		now, err := s.readClaim(ctx)
		if err != nil || now == nil || now.Token == mine.Token {
			return now, nil, err
		}
		ruling, found, err := s.judge(ctx, now)
		if err != nil {
			return nil, nil, err
		}
		if ruling == taken && now.JobID == "" {
			err = s.adopt(ctx, mine, *found, now.etag)
		}
		if err != nil || ruling != wait {
			return now, found, err
		}
		if !told {
			fmt.Fprintf(s.say, "idempotency key %q: %s is about to submit its job: waiting for it\n", now.Key, or(now.Run, now.Executor))
		}
		if err := pause.For(ctx, again); err != nil {
			return nil, nil, fmt.Errorf("wait for the job of idempotency key %q: %w", now.Key, err)
		}
	}
}

// adopt writes a job into the claim of a run that was killed before it could.
// With another token, so that this run submits nothing more should it go on.
func (s *session) adopt(ctx context.Context, mine claim, job Submission, instead string) error {
	mine.JobID, mine.JobName = job.JobID, job.JobName
	_, _, err := s.writeClaim(ctx, mine, instead)
	return err
}

// verdict is what a claim that is there means.
type verdict int

const (
	// wait: its run may be about to submit.
	wait verdict = iota
	// taken: it has a job that counts.
	taken
	// free: nothing was imported, and nobody is about to.
	free
)

// judge finds out what a claim means, and its job where that counts.
func (s *session) judge(ctx context.Context, now *stored) (verdict, *Submission, error) {
	if err := now.differs(s.request.fingerprint(s.file)); err != nil {
		return wait, nil, err
	}
	switch {
	case now.Free:
		return free, nil, nil
	case now.JobID != "":
		return s.judgeJob(ctx, now)
	}
	// Listed after the claim was read: a run whose claim is old submits nothing more.
	list, err := s.named(ctx, s.request.namePrefix()+"*")
	if err != nil {
		return wait, nil, err
	}
	for _, job := range list {
		if found, err := s.counting(ctx, job); err != nil || found != nil {
			return taken, found, err
		}
	}
	if now.age < lease {
		return wait, nil, nil
	}
	fmt.Fprintf(s.say, "idempotency key %q: %s ended without submitting a job: taking the key over\n", now.Key, or(now.Run, now.Executor))
	return free, nil, nil
}

// judgeJob finds out whether the claim's job counts.
func (s *session) judgeJob(ctx context.Context, now *stored) (verdict, *Submission, error) {
	list, err := s.describe(ctx, []string{now.JobID})
	if err != nil {
		return wait, nil, err
	}
	if len(list) == 0 {
		return s.judgeForgotten(ctx, now)
	}
	found, err := s.counting(ctx, list[0])
	if err != nil || found != nil {
		return taken, found, err
	}
	fmt.Fprintf(s.say, "idempotency key %q: its job %s (%s) failed and wrote nothing (%s): submitting again\n",
		now.Key, now.JobName, now.JobID, or(aws.ToString(list[0].StatusReason), "no reason is given"))
	return free, nil, nil
}

// judgeForgotten goes by the result of a job that Batch doesn't know any more: it
// keeps them for 7 days at least (AWS Batch User Guide, Job states).
func (s *session) judgeForgotten(ctx context.Context, now *stored) (verdict, *Submission, error) {
	found, err := s.result(ctx, now.JobID)
	if err != nil {
		return wait, nil, err
	}
	if found == nil {
		fmt.Fprintf(s.say, "idempotency key %q: its job %s (%s) left no complete import, and Batch has forgotten it: submitting again\n", now.Key, now.JobName, now.JobID)
		return free, nil, nil
	}
	return taken, nil, &AlreadyImported{
		IdempotencyKey: now.Key, JobID: now.JobID, At: found.FinishedAt, Bucket: s.bucket, ResultKey: s.resultPath(now.JobID),
	}
}

// rejectedRows is the exit code of an import that has finished, but for rejected
// rows.
const rejectedRows = 3

// counting is a job that goes on or has imported; nil where it has failed and
// written nothing. A job that was ended after its commit has imported, too.
func (s *session) counting(ctx context.Context, job types.JobDetail) (*Submission, error) {
	imported := job.Status != types.JobStatusFailed || aws.ToInt32(containerOf(job).ExitCode) == rejectedRows
	if !imported {
		complete, err := s.result(ctx, aws.ToString(job.JobId))
		if err != nil {
			return nil, err
		}
		imported = complete != nil
	}
	if !imported {
		return nil, nil
	}
	fmt.Fprintf(s.say, "idempotency key %q has job %s (%s), %s: nothing is submitted\n",
		s.request.IdempotencyKey, aws.ToString(job.JobName), aws.ToString(job.JobId), job.Status)
	found := submission(job, true)
	return &found, nil
}
