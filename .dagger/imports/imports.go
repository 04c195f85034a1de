// Package imports is what `batch-submit` does: it warns of what would keep a job
// from starting, submits it, follows it and tells how it ended.
package imports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/prooflink/prooflink/.dagger/batchjob"
	"github.com/prooflink/prooflink/.dagger/diagnose"
	"github.com/prooflink/prooflink/.dagger/submit"
	"github.com/prooflink/prooflink/infra/config"
)

// Options are how a submission is waited for.
type Options struct {
	// Wait follows the job to its end.
	Wait bool
	// StartLimit is how long it may take to start before it is ended; 0 is
	// batchjob's default.
	StartLimit time.Duration
	// Limit is how long it is followed; 0 is as long as it may take.
	Limit time.Duration
	// Say gets the progress and the job's log.
	Say io.Writer
}

// Ended is how a submission ended.
type Ended struct {
	Env        string            `json:"environment"`
	Submission submit.Submission `json:"submission"`
	// Outcome is the job's end; nil where it was not waited for, or never came.
	Outcome *batchjob.Outcome `json:"-"`
	// Before says that the same was imported before, and when; empty where it wasn't.
	Before string `json:"before,omitempty"`
	// Problem is why there is no good end; empty where there is.
	Problem string `json:"problem,omitempty"`
}

// ExitCode is the job's, or 1 where it has none and there is a problem.
func (e Ended) ExitCode() int {
	switch {
	case e.Outcome != nil && e.Outcome.ExitCode != nil:
		return int(*e.Outcome.ExitCode)
	case e.Problem != "":
		return 1
	}
	return 0
}

// Run submits an import and, if asked, follows it to its end. A job that ends
// otherwise than with exit code 0 is an error (*batchjob.Failed), and so is one
// that is not started in time (*batchjob.Stuck) or is no longer followed
// (*batchjob.Unfinished). What Ended has is there with an error, too.
func Run(ctx context.Context, access aws.Config, environment config.Environment, request submit.Request, o Options) (Ended, error) {
	ended := Ended{Env: environment.Env}
	if err := request.Check(environment); err != nil {
		return ended, err
	}
	warn(ctx, access, environment, o.Say)
	var err error
	ended.Submission, err = submit.Submit(ctx, access, environment, request, o.Say)
	var before *submit.AlreadyImported
	if errors.As(err, &before) {
		ended.Before = before.Error()
		return ended, nil
	}
	if err != nil {
		return ended, err
	}
	if !o.Wait {
		return ended, nil
	}
	outcome, err := batchjob.Wait(ctx, access, environment, ended.Submission.JobID, batchjob.Options{StartLimit: o.StartLimit, Limit: o.Limit}, o.Say)
	var failed *batchjob.Failed
	if err == nil || errors.As(err, &failed) {
		ended.Outcome = &outcome
	}
	if err != nil {
		ended.Problem = err.Error()
	}
	return ended, err
}

// warn tells what would keep the job from starting. It is submitted all the
// same: what keeps it may be over in a moment.
func warn(ctx context.Context, access aws.Config, environment config.Environment, say io.Writer) {
	causes, err := diagnose.Starting(ctx, access, environment, nil)
	var certain []diagnose.Cause
	for _, cause := range causes {
		if cause.Certain {
			certain = append(certain, cause)
		}
	}
	if len(certain) > 0 {
		fmt.Fprintf(say, "warning: as things are, the job would not be started:\n%s", diagnose.Text(certain))
	}
	if err != nil {
		fmt.Fprintf(say, "warning: what would keep the job from starting could not be looked at: %s\n", err)
	}
}

// Text is for a person.
func (e Ended) Text() string {
	switch {
	case e.Outcome != nil:
		return e.Outcome.Text()
	case e.Problem+e.Before != "":
		return e.Problem + e.Before + "\n"
	}
	s := e.Submission
	return fmt.Sprintf("Submitted job %s (%s)\n\n  input  s3://%s/%s\n  runs   %s, %s\n\nIt is not waited for:\n  dagger call batch-status --env %s --id %s\n  dagger call batch-logs --env %s --id %s --follow\n",
		s.JobName, s.JobID, s.Bucket, s.Key, s.Definition, s.Image, e.Env, s.JobID, e.Env, s.JobID)
}

// Markdown is for GitHub's step summary.
func (e Ended) Markdown() string {
	if e.Outcome != nil {
		return e.Outcome.Markdown()
	}
	return "## Import: " + e.Env + "\n\n````text\n" + strings.TrimRight(e.Text(), "\n") + "\n````\n"
}

// JSON is for a program.
func (e Ended) JSON() string {
	type plain Ended
	all := struct {
		plain
		Job json.RawMessage `json:"job,omitempty"`
	}{plain: plain(e)}
	if e.Outcome != nil {
		all.Job = json.RawMessage(e.Outcome.JSON())
	}
	text, _ := json.MarshalIndent(all, "", "  ") // plain data
	return string(text) + "\n"
}
