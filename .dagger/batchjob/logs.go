package batchjob

import (
	"context"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/prooflink/prooflink/.dagger/logs"
	"github.com/prooflink/prooflink/infra/config"
)

// Logs writes the log of a job's attempts in their order; the job is meant by
// its id or the unique beginning of its id or name. With follow it goes on, with
// the changes of state, until the job has ended; where the context ends before,
// that is no error.
func Logs(ctx context.Context, access aws.Config, environment config.Environment, id string, follow bool, out io.Writer) error {
	a := newAccount(access, environment)
	job, err := a.find(ctx, id)
	if err != nil {
		return err
	}
	w := newWatcher(a, aws.ToString(job.JobId), out)
	if follow && !over(job) {
		return w.follow(ctx)
	}
	w.job = job
	w.log.expect(job)
	if len(w.log.tails) == 0 {
		fmt.Fprintf(out, "job %s is %s (%s): it has no log%s\n", logs.Short(w.id), job.Status, w.outcome().Meaning, w.laterLog())
		return nil
	}
	return w.print(ctx)
}

// print writes the attempts' logs one after another.
func (w *watcher) print(ctx context.Context) error {
	for _, tail := range w.log.tails {
		count := w.log.read(ctx, tail)
		if tail.failed != nil {
			return advised(tail.failed)
		}
		if count == 0 {
			fmt.Fprintf(w.say, "log of attempt %d: no line yet in stream %s\n", tail.attempt, tail.stream)
		}
	}
	return nil
}

// follow writes what comes until the job has ended.
func (w *watcher) follow(ctx context.Context) error {
	err := w.watch(ctx, func(types.JobDetail) time.Duration { return math.MaxInt64 })
	if interrupted(ctx) {
		return nil
	}
	if err != nil {
		return w.left(err)
	}
	w.drain(ctx)
	for _, note := range w.log.notes(w.job) {
		fmt.Fprintln(w.say, note)
	}
	return nil
}

// interrupted says whether a context has ended.
func interrupted(ctx context.Context) bool { return ctx.Err() != nil }

// laterLog says how to wait for a log.
func (w *watcher) laterLog() string {
	if over(w.job) {
		return ""
	}
	return " yet: " + w.command("logs", w.id, "--follow")
}
