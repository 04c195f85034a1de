package batchjob

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/prooflink/prooflink/.dagger/diagnose"
	"github.com/prooflink/prooflink/.dagger/logs"
	"github.com/prooflink/prooflink/.dagger/pause"
)

const (
	// lookInto is after what time a job that isn't started is looked into, and how
	// often then.
	lookInto = 2 * time.Minute
	// ending is how long the end of a job that was told to end is waited for.
	ending = time.Minute
)

// starting looks after a job that isn't started.
type starting struct {
	options Options
	// since is since when this attempt has been waiting here; zero: it doesn't.
	since   time.Time
	attempt int
	// looked is when the causes were looked for last.
	looked time.Time
	causes []diagnose.Cause
	// failed is why they could not be.
	failed error
	// told is what was told of them.
	told string
}

// check tells what keeps a job, and ends it where that takes too long. An
// attempt that Batch starts again has its own time.
func (s *starting) check(ctx context.Context, w *watcher) error {
	if !waiting(w.job) {
		s.since = time.Time{}
		return nil
	}
	if attempt := len(w.job.Attempts); s.since.IsZero() || attempt != s.attempt {
		*s = starting{options: s.options, since: time.Now(), attempt: attempt}
	}
	waited, limit := time.Since(s.since), s.options.startLimit()
	if waited >= limit && (!s.looked.IsZero() || s.look(ctx, w)) {
		return s.giveUp(ctx, w)
	}
	if waited >= lookInto && time.Since(s.looked) >= lookInto {
		s.look(ctx, w)
	}
	return nil
}

// look finds the causes and tells them where they are new; true: it was done.
func (s *starting) look(ctx context.Context, w *watcher) bool {
	explain := s.options.Explain
	if explain == nil {
		explain = func(ctx context.Context, job *types.JobDetail) ([]diagnose.Cause, error) {
			return diagnose.Starting(ctx, w.access, w.environment, job)
		}
	}
	causes, err := explain(ctx, &w.job)
	s.looked, s.failed = time.Now(), err
	if err == nil {
		s.causes = causes
	}
	if text := s.text(); text != s.told && ctx.Err() == nil {
		fmt.Fprintf(w.say, "job %s: not started for %s\n%s", logs.Short(w.id), whole(time.Since(s.since)), text)
		s.told = text
	}
	return ctx.Err() == nil
}

// text is what is told of the causes.
func (s *starting) text() string {
	switch {
	case s.failed != nil:
		return fmt.Sprintf("why could not be found: %s\n", s.failed)
	case len(s.causes) == 0:
		return "nothing was found that keeps it\n"
	}
	return strings.TrimRight(diagnose.Text(s.causes), "\n") + "\n"
}

// giveUp ends the job, unless it has just started.
func (s *starting) giveUp(ctx context.Context, w *watcher) error {
	if !w.waits(ctx) {
		return nil // the next look tells
	}
	stuck := &Stuck{
		JobID: w.id, JobName: aws.ToString(w.job.JobName), Env: w.environment.Env, Causes: slices.Clone(s.causes),
		Waited: time.Since(s.since), Status: string(w.job.Status), Unknown: s.failed,
	}
	reason := "not started within " + short(s.options.startLimit())
	if len(s.causes) > 0 {
		reason += ": " + s.causes[0].What
	}
	stuck.Done = w.end(context.WithoutCancel(ctx), reason)
	return stuck
}

// waits looks once more whether the job isn't started.
func (w *watcher) waits(ctx context.Context) bool {
	err := w.look(ctx)
	return err == nil && waiting(w.job)
}

// end ends the job and says what became of it.
func (w *watcher) end(ctx context.Context, reason string) string {
	if err := w.terminate(ctx, w.id, reason); err != nil {
		return fmt.Sprintf("the job could not be ended: %s; it starts when nothing keeps it any longer: end it with %s", err, w.command("cancel", w.id))
	}
	if w.awaitEnd(ctx, ending) {
		return fmt.Sprintf("the job was ended (%s): nothing was imported; submit it again when this is mended", reason)
	}
	return fmt.Sprintf("the job was told to end (%s) and is still %s: Batch ends it soon; see %s", reason, w.job.Status, w.command("status", w.id))
}

// awaitEnd looks at the job until it has ended; false where that takes too long.
func (w *watcher) awaitEnd(ctx context.Context, limit time.Duration) bool {
	for end := time.Now().Add(limit); time.Now().Before(end) && !over(w.job); {
		if pause.For(ctx, interval) != nil {
			break
		}
		_ = w.look(ctx) // a look that fails is repeated
	}
	return over(w.job)
}
