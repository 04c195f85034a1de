// Package jobs runs named pieces of work, shows each in the progress display
// and reports them: one line a job, and the output of the failed ones last,
// where a reader of a long log looks first.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
)

// Job is a named piece of work. Run returns a short detail for the report.
type Job struct {
	Name string
	Run  func(context.Context) (detail string, err error)
}

// Result is how a job ended.
type Result struct {
	Name     string
	Detail   string
	Duration time.Duration
	Err      error
}

// Results are jobs in the order they were given.
type Results []Result

// One runs a job.
func One(ctx context.Context, job Job) Result {
	ctx, span := otel.Tracer("prooflink").Start(ctx, job.Name)
	defer span.End()
	start := time.Now()
	detail, err := job.Run(ctx)
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	return Result{Name: job.Name, Detail: detail, Duration: time.Since(start), Err: err}
}

// All runs jobs in parallel, at most limit at a time (0: no limit), to the end
// of each: one failure doesn't hide another.
func All(ctx context.Context, limit int, all ...Job) Results {
	if limit <= 0 {
		limit = len(all)
	}
	results := make(Results, len(all))
	slots := make(chan struct{}, max(limit, 1))
	var running sync.WaitGroup
	for i, job := range all {
		running.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			results[i] = One(ctx, job)
		})
	}
	running.Wait()
	return results
}

// Steps runs jobs one after another and stops at the first that fails.
func Steps(ctx context.Context, all ...Job) Results {
	var results Results
	for _, job := range all {
		result := One(ctx, job)
		results = append(results, result)
		if result.Err != nil {
			break
		}
	}
	return results
}

// Err joins the failures; nil when every job passed.
func (r Results) Err() error {
	var all []error
	for _, result := range r {
		if result.Err != nil {
			all = append(all, fmt.Errorf("%s: %w", result.Name, result.Err))
		}
	}
	return errors.Join(all...)
}

// Failed returns the names of the jobs that failed.
func (r Results) Failed() []string {
	var names []string
	for _, result := range r {
		if result.Err != nil {
			names = append(names, result.Name)
		}
	}
	return names
}

// Table is one line a job: outcome, name, seconds, detail.
func (r Results) Table() string {
	width := 0
	for _, result := range r {
		width = max(width, len(result.Name))
	}
	var text strings.Builder
	for _, result := range r {
		mark := "ok  "
		if result.Err != nil {
			mark = "FAIL"
		}
		line := fmt.Sprintf("%s  %-*s  %6.1fs  %s", mark, width, result.Name, result.Duration.Seconds(), result.Detail)
		text.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return text.String()
}

// Report is the table and, after it, the last lines of what each failed job
// said, so many that all of them fit in about one screen.
func (r Results) Report() string {
	failed := r.Failed()
	if len(failed) == 0 {
		return r.Table()
	}
	lines := max(5, 18/len(failed))
	var text strings.Builder
	text.WriteString(r.Table())
	for _, result := range r {
		if result.Err != nil {
			fmt.Fprintf(&text, "\n--- %s ---\n%s\n", result.Name, tail(result.Err.Error(), lines))
		}
	}
	return text.String()
}

// tail keeps the last lines that say something.
func tail(text string, lines int) string {
	var said []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, " \t\r\n"); line != "" {
			said = append(said, line)
		}
	}
	if len(said) > lines {
		said = said[len(said)-lines:]
	}
	return strings.Join(said, "\n")
}
