// Package logs reads an environment's logs in CloudWatch Logs: which log group
// has what, the lines of a time range, those that come in, and the last ones of
// one container of one task.
//
// With FireLens the application's container has no log group of its own: its
// error records are in the errors' group, what it sends itself is in the
// server's, and every record is in the archive in S3.
package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/prooflink/prooflink/.dagger/caller"
	"github.com/prooflink/prooflink/infra/config"
)

// Query is what to show.
type Query struct {
	// Part is one of Parts, e.g. "errors"; empty means "app".
	Part string
	// Since is how far back: "15m", "2h", "1d" or a time like
	// "2026-11-22T09:00:00Z"; empty means the last 15 minutes.
	Since string
	// Follow goes on until the context ends.
	Follow bool
	// Filter is a pattern of CloudWatch Logs, e.g. `{ $.level = "error" }`.
	Filter string
	// Task is a task's id or the beginning of one; empty means all tasks.
	Task string
}

// Show writes the lines of a part of the environment, the oldest first, one line
// each: when (UTC), the task's short id, level and message. With Follow it goes
// on until the context ends, which is no error then. Where there is nothing to
// show, it writes where it has looked.
func Show(ctx context.Context, access aws.Config, environment config.Environment, query Query, out io.Writer) error {
	view, err := newView(environment, query)
	if err != nil {
		return err
	}
	follower := NewFollower(access, view.place.sources(query.Task), query.Filter, view.since)
	count, err := follower.write(ctx, out)
	if err == nil && count == 0 {
		fmt.Fprintln(out, view.nothing(account(ctx, access, environment)))
	}
	if err == nil && query.Follow {
		err = follower.follow(ctx, out)
	}
	if query.Follow && over(ctx) {
		return nil
	}
	return view.explain(err)
}

// over says whether a context has ended.
func over(ctx context.Context) bool { return ctx.Err() != nil }

// account is the account's id for a name, or a word where it can't be told.
func account(ctx context.Context, access aws.Config, environment config.Environment) string {
	id, err := caller.Account(ctx, access, environment.Account)
	if err != nil {
		return "<account>"
	}
	return id
}

// part is what is asked for.
func (q Query) part() string {
	if q.Part == "" {
		return App
	}
	return q.Part
}

// defaultSince is how far back is shown unless it is said.
const defaultSince = 15 * time.Minute

// ParseSince reads the beginning of a time range: how long ago ("15m", "2h",
// "1d") or a time like "2026-11-22T09:00:00Z"; empty means 15 minutes ago.
func ParseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return now.Add(-defaultSince), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return earlier(text, at, now)
	}
	ago, err := parseDuration(text)
	if err != nil || ago <= 0 {
		return time.Time{}, fmt.Errorf("since %q: write how long ago, like 15m, 2h or 1d, or a time like 2026-11-22T09:00:00Z", text)
	}
	return now.Add(-ago), nil
}

// earlier refuses a time to come.
func earlier(text string, at, now time.Time) (time.Time, error) {
	if at.After(now) {
		return time.Time{}, fmt.Errorf("since %q: is in the future, it is %s now", text, now.UTC().Format(time.RFC3339))
	}
	return at, nil
}

// parseDuration is time.ParseDuration with days, e.g. "1d".
func parseDuration(text string) (time.Duration, error) {
	days, ok := strings.CutSuffix(text, "d")
	if !ok {
		return time.ParseDuration(text)
	}
	hours, err := time.ParseDuration(days + "h")
	if err == nil && hours > maxDays*time.Hour {
		return 0, errors.New("too long ago")
	}
	return 24 * hours, err
}

// maxDays is ten years: CloudWatch Logs keeps no record longer.
const maxDays = 3653
