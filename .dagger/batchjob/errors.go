package batchjob

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/smithy-go"

	"github.com/prooflink/prooflink/.dagger/diagnose"
)

// Failed is a job that ended otherwise than with exit code 0: also one that
// finished with rejected rows, exit code 3.
type Failed struct {
	// Outcome is how it ended.
	Outcome Outcome
	// ExitCode is the container's; nil where it never ran to an end.
	ExitCode *int32
}

// Error says in one line how it ended, what that means and why.
func (f *Failed) Error() string {
	o := f.Outcome
	text := fmt.Sprintf("job %s (%s): %s", o.JobName, o.JobID, o.verdict())
	if o.finished() && o.Result != nil {
		text += ": " + o.Result.counts()
	}
	cause := firstLine(o.cause())
	switch {
	case o.finished() && o.rejectedKey() != "":
		text += fmt.Sprintf("; the rejected rows are in s3://%s/%s: %s", o.Bucket, o.rejectedKey(), command(o.Env, "result", o.JobID))
	case cause != "" && !strings.Contains(text, cause):
		text += ": " + cause
	}
	return text
}

// Stuck is a job that was not started in time and was ended for that.
type Stuck struct {
	// JobID and JobName are the job's, Env is where.
	JobID, JobName, Env string
	// Causes are what keeps it, the likeliest first.
	Causes []diagnose.Cause
	// Waited is how long it was not started.
	Waited time.Duration
	// Status is the state in which it waited, e.g. "RUNNABLE".
	Status string
	// Done is what was done with the job.
	Done string
	// Unknown is why the causes could not be looked for; nil where they could.
	Unknown error
}

// Error is the report: what, where, why, what to do, and what was done with the
// job.
func (s *Stuck) Error() string {
	lines := []string{fmt.Sprintf("job %s (%s) was not started within %s: it is %s", s.JobName, s.JobID, whole(s.Waited), s.Status)}
	if len(s.Causes) > 0 {
		lines = append(lines, strings.TrimRight(diagnose.Text(s.Causes), "\n"))
	}
	if s.Unknown != nil {
		lines = append(lines, "why could not be found: "+s.Unknown.Error())
	}
	return strings.Join(append(lines, s.Done), "\n")
}

// Unfinished is a job that goes on and isn't followed any longer.
type Unfinished struct {
	// JobID and JobName are the job's, Env is where.
	JobID, JobName, Env string
	// Status is its state as it was seen last; empty where it was never seen.
	Status string
	// Err is why it isn't followed.
	Err error
}

// Error says why, and how to look at the job and to end it.
func (u *Unfinished) Error() string {
	seen := "it was not seen yet"
	if u.Status != "" {
		seen = "it was " + u.Status
	}
	return fmt.Sprintf("follow job %s: %s; the job goes on (%s): look at it with %s, follow it with %s, end it with %s",
		strings.TrimSpace(u.JobName+" "+u.JobID), u.Err, seen, command(u.Env, "status", u.JobID),
		command(u.Env, "logs", u.JobID, "--follow"), command(u.Env, "cancel", u.JobID))
}

// Unwrap is why.
func (u *Unfinished) Unwrap() error { return u.Err }

// NotFound is an id or a name that means no job, or several.
type NotFound struct {
	// Env is where it was looked for, ID what.
	Env, ID string
	// Candidates are the jobs that are meant as well, "id name state"; none where
	// there is no such job.
	Candidates []string
}

// Error says what to give instead.
func (n *NotFound) Error() string {
	if len(n.Candidates) == 0 {
		return fmt.Sprintf("job %s isn't in environment %s: Batch keeps a job for about 7 days after its end; `dagger call batch-list --env %s` shows those that it has",
			n.ID, n.Env, n.Env)
	}
	return fmt.Sprintf("%q is the beginning of several jobs; give more of it:\n  %s", n.ID, strings.Join(n.Candidates, "\n  "))
}

// code is AWS's code of an error; empty where it is none of AWS's.
func code(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
}

// expired are the codes of credentials that have run out.
var expired = []string{"ExpiredTokenException", "ExpiredToken", "RequestExpired"}

// refused says whether asking again would not help.
func refused(err error) bool {
	return slices.Contains(append([]string{"AccessDeniedException", "AccessDenied"}, expired...), code(err))
}

// advised adds what to do to an error.
func advised(err error) error {
	if slices.Contains(expired, code(err)) {
		return fmt.Errorf("%w: the credentials have run out, get new ones", err)
	}
	return err
}
