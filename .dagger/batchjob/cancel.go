package batchjob

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/prooflink/prooflink/.dagger/logs"
	"github.com/prooflink/prooflink/infra/config"
)

// cancelLimit is how long the end of a job is waited for. SIGTERM makes an
// import roll back within seconds; Fargate kills it after 30 s. A job that waits
// is ended when Batch looks at it.
const cancelLimit = 3 * time.Minute

// Cancel ends a job in whatever state (TerminateJob), waits until it is over and
// says what became of it. One that had ended already is no error; one of another
// environment is refused. One that doesn't end is an *Unfinished.
func Cancel(ctx context.Context, access aws.Config, environment config.Environment, id, reason string, say io.Writer) (Outcome, error) {
	a := newAccount(access, environment)
	job, err := a.find(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	id = aws.ToString(job.JobId)
	w := newWatcher(a, id, say)
	w.job, w.state = job, stateLine(job)
	if over(job) {
		o := w.outcome()
		fmt.Fprintf(say, "job %s: had ended already: %s\n", logs.Short(id), o.verdict())
		return o, nil
	}
	if err := a.terminate(ctx, id, or(reason, "ended with batch-cancel")); err != nil {
		return w.outcome(), advised(err)
	}
	if !w.awaitEnd(ctx, cancelLimit) {
		return w.outcome(), w.left(w.unended(ctx))
	}
	o := w.outcome()
	w.judge(ctx, &o, w.job)
	fmt.Fprintf(say, "job %s: %s\n", logs.Short(id), o.ending())
	return o, nil
}

// unended is why a job's end wasn't seen.
func (w *watcher) unended(ctx context.Context) error {
	if ctx.Err() != nil {
		return fmt.Errorf("it was told to end: %w", context.Cause(ctx))
	}
	return fmt.Errorf("it was told to end and has not for %s: one that waits is ended when Batch looks at it", whole(cancelLimit))
}

// ending says what became of a job that was told to end.
func (o Outcome) ending() string {
	switch {
	case exited(stopped)(o):
		return "stopped, rolled back"
	case o.ExitCode == nil:
		return "ended before it ran, nothing was written"
	case exited(allIn)(o) || exited(rejected)(o):
		return "it finished before it could be stopped: " + o.verdict()
	}
	return "ended: " + o.verdict()
}
