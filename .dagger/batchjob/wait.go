package batchjob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/prooflink/prooflink/.dagger/logs"
	"github.com/prooflink/prooflink/.dagger/pause"
	"github.com/prooflink/prooflink/infra/config"
)

const (
	// interval and slowly are how often a job is looked at: slowly where nothing
	// has happened for a while.
	interval = 5 * time.Second
	slowly   = 10 * time.Second
	// quiet is how long nothing has to happen for that.
	quiet = 2 * time.Minute
	// patience is how long AWS may not answer before the job is left alone.
	patience = 3 * time.Minute
)

// Wait follows a job to its end and writes its states and its log to say. An end
// otherwise than with exit code 0 is a *Failed beside the outcome. A job that
// isn't started in time is ended, which is a *Stuck. Where the context or the
// limit ends, or AWS doesn't answer, the job goes on, which is an *Unfinished.
func Wait(ctx context.Context, access aws.Config, environment config.Environment, id string, o Options, say io.Writer) (Outcome, error) {
	w := newWatcher(newAccount(access, environment), id, say)
	w.start = &starting{options: o}
	if err := w.watch(ctx, o.limit); err != nil {
		return w.outcome(), w.left(err)
	}
	w.drain(ctx)
	outcome := w.ended(ctx)
	return outcome, outcome.failure()
}

// watcher follows one job.
type watcher struct {
	account
	id  string
	say io.Writer
	// job is the job as it was seen last.
	job types.JobDetail
	// state is what was told last.
	state string
	// moved is when something happened last.
	moved time.Time
	log   transcript
	// start looks after a job that isn't started; nil lets it wait.
	start *starting
}

func newWatcher(a account, id string, say io.Writer) *watcher {
	return &watcher{account: a, id: id, say: say, moved: time.Now(), log: transcript{account: a, say: say}}
}

// watch looks at the job and its log until the job has ended. A call that fails
// is repeated for a while: the job goes on meanwhile.
func (w *watcher) watch(ctx context.Context, limit func(types.JobDetail) time.Duration) error {
	begun, answered := time.Now(), time.Now()
	for {
		err := w.look(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			answered = time.Now()
		case refused(err) || time.Since(answered) > patience:
			return advised(err)
		}
		w.copy(ctx)
		if over(w.job) {
			return nil
		}
		if err == nil && w.start != nil {
			err = w.start.check(ctx, w)
			if err != nil {
				return err
			}
		}
		if most := limit(w.job); w.seen() && time.Since(begun) > most {
			return fmt.Errorf("it takes longer than %s", whole(most))
		}
		if err := pause.For(ctx, w.pause()); err != nil {
			return err
		}
	}
}

// seen says whether the job was ever seen.
func (w *watcher) seen() bool { return w.job.JobId != nil }

// look reads the job and tells what has changed.
func (w *watcher) look(ctx context.Context) error {
	job, err := w.describe(ctx, w.id)
	if err != nil {
		return err
	}
	w.job = job
	w.log.expect(job)
	if line := stateLine(job); line != w.state {
		fmt.Fprintf(w.say, "job %s: %s\n", logs.Short(w.id), timed(job, line))
		w.state, w.moved = line, time.Now()
	}
	return nil
}

// copy shows what is new in the log.
func (w *watcher) copy(ctx context.Context) {
	if w.log.copy(ctx) > 0 {
		w.moved = time.Now()
	}
}

// pause is how long to wait before the next look.
func (w *watcher) pause() time.Duration {
	between := interval
	if time.Since(w.moved) > quiet {
		between = slowly
	}
	return max(between, w.log.pause())
}

// drain reads the log of a job that has ended to its end: lines are late, and so
// may be the stream itself and its name.
func (w *watcher) drain(ctx context.Context) {
	ended := time.Now()
	for !w.log.complete(w.job, ended) && pause.For(ctx, max(drainInterval, w.log.pause())) == nil {
		if w.log.nameless(w.job) {
			// Where this fails, the name stays unknown, which is told in the end.
			_ = w.look(ctx)
		}
		w.log.copy(ctx)
	}
}

// ended is the outcome of a job that has ended, with its result.
func (w *watcher) ended(ctx context.Context) Outcome {
	outcome := w.outcome()
	outcome.Notes = append(outcome.Notes, w.log.notes(w.job)...)
	outcome.FirstError = w.log.failure(w.job)
	w.judge(ctx, &outcome, w.job)
	return outcome
}

// outcome is the job as it was seen last.
func (w *watcher) outcome() Outcome {
	if !w.seen() {
		return Outcome{Env: w.environment.Env, JobID: w.id}
	}
	return outcomeOf(w.environment, w.job)
}

// left is why the job isn't followed any longer.
func (w *watcher) left(err error) error {
	var stuck *Stuck
	var unknown *NotFound
	if errors.As(err, &stuck) || errors.As(err, &unknown) {
		return err
	}
	return &Unfinished{JobID: w.id, JobName: aws.ToString(w.job.JobName), Env: w.environment.Env, Status: string(w.job.Status), Err: err}
}

// stateLine is a job's state, as it is told where it changes.
func stateLine(job types.JobDetail) string {
	line := string(job.Status)
	if last := exitCode(job); last != nil {
		line += fmt.Sprintf(", exit code %d", *last)
	}
	if over(job) {
		return line
	}
	ended := len(job.Attempts)
	if ended > 0 {
		line += fmt.Sprintf(", attempt %d of %d", ended+1, mostAttempts(job))
	}
	if toEnd(job) {
		line += ", being ended"
	}
	return line + waitingFor(job, ended)
}

// waitingFor is why a job waits: for another attempt, or for what Batch says.
func waitingFor(job types.JobDetail, ended int) string {
	reason := plain(aws.ToString(job.StatusReason))
	switch {
	case job.Status == types.JobStatusRunnable && ended > 0:
		return fmt.Sprintf(" (attempt %d: %s)", ended, attemptOf(job.Attempts[ended-1], ended).end())
	case waiting(job) && ended == 0 && reason != "":
		return ": " + reason
	}
	return ""
}

// timed puts the time since the submission after the state.
func timed(job types.JobDetail, line string) string {
	state, until := string(job.Status), time.Now()
	if over(job) && job.StoppedAt != nil {
		until = moment(job.StoppedAt)
	}
	return state + " after " + whole(between(moment(job.CreatedAt), until)) + line[len(state):]
}
