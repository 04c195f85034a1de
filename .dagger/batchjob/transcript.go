package batchjob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/prooflink/prooflink/.dagger/logs"
)

const (
	// drainInterval is how often the log of an attempt that has ended is read.
	drainInterval = 2 * time.Second
	// silence ends the log of such an attempt, and drainLimit where it goes on.
	silence    = 6 * time.Second
	drainLimit = 20 * time.Second
	// lateness is how long after the end its first line may come.
	lateness = 70 * time.Second
	// early is how much of the log before the submission is read: clocks differ.
	early = time.Minute
	// kept is how many of the last lines of an attempt are kept in mind.
	kept = 5
)

// transcript is a job's log, attempt by attempt: each has a stream of its own.
type transcript struct {
	account
	say   io.Writer
	tails []*tail
	// shown is the attempt whose line was shown last.
	shown int
}

// tail is the log of one attempt.
type tail struct {
	attempt int
	stream  string
	log     *logs.Follower
	// began and last are when its first and last line were read.
	began, last time.Time
	// stopped is when the attempt ended, and ended when that was seen; read says
	// that its log was read since.
	stopped, ended time.Time
	read           bool
	// failed is why it could not be read last; hopeless says that asking again
	// would not help, and told that it was told.
	failed         error
	hopeless, told bool
	// lines are its last ones, firstError its first record of level error.
	lines      []string
	firstError string
}

// streams are the log streams of a job's attempts, by attempt; the container's
// own is the newest attempt's (AWS Batch API Reference, ContainerDetail).
func streams(job types.JobDetail) []string {
	var list []string
	for _, attempt := range job.Attempts {
		list = append(list, attemptOf(attempt, 0).LogStream)
	}
	if job.Container == nil || waiting(job) {
		return list
	}
	own, n := aws.ToString(job.Container.LogStreamName), len(list)
	switch {
	case own == "" || slices.Contains(list, own):
	case over(job) && n > 0 && list[n-1] == "":
		list[n-1] = own
	default:
		list = append(list, own)
	}
	return list
}

// newest is the number of a job's last attempt that ran, or is to run.
func newest(job types.JobDetail) int { return max(1, len(streams(job))) }

// expect begins the tails of new streams, and notes which attempts have ended.
func (t *transcript) expect(job types.JobDetail) {
	for i, stream := range streams(job) {
		if stream != "" && t.tail(i+1) == nil {
			since := moment(job.CreatedAt).Add(-early)
			follower := logs.NewFollower(t.access, []logs.Source{{Group: group(t.environment.Names().BatchLogGroup(), job), Prefix: stream}}, "", since)
			t.tails = append(t.tails, &tail{attempt: i + 1, stream: stream, log: follower})
		}
	}
	for _, tail := range t.tails {
		if tail.ended.IsZero() && (over(job) || tail.attempt <= len(job.Attempts)) {
			tail.ended, tail.stopped = time.Now(), endOf(job, tail.attempt)
		}
	}
}

// endOf is when an attempt of a job that is over ended; now, by a clock that is
// ahead.
func endOf(job types.JobDetail, attempt int) time.Time {
	at, now := moment(job.StoppedAt), time.Now()
	if attempt <= len(job.Attempts) {
		at = moment(job.Attempts[attempt-1].StoppedAt)
	}
	if at.IsZero() || at.After(now) {
		return now
	}
	return at
}

// tail is an attempt's; nil where its stream isn't known.
func (t *transcript) tail(attempt int) *tail {
	for _, tail := range t.tails {
		if tail.attempt == attempt {
			return tail
		}
	}
	return nil
}

// group is the log group to which a job writes.
func group(otherwise string, job types.JobDetail) string {
	if job.Container == nil || job.Container.LogConfiguration == nil {
		return otherwise
	}
	return or(job.Container.LogConfiguration.Options["awslogs-group"], otherwise)
}

// copy shows what is new and returns how many lines that was.
func (t *transcript) copy(ctx context.Context) int {
	count := 0
	for _, tail := range t.tails {
		if !tail.complete() {
			count += t.read(ctx, tail)
		}
	}
	return count
}

// read shows what is new of one attempt. A log that can't be read doesn't end
// the watch: the exit code decides.
func (t *transcript) read(ctx context.Context, tail *tail) int {
	limited, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	events, err := tail.log.Next(limited)
	tail.failed, tail.read = err, err == nil && !tail.ended.IsZero()
	if err != nil && ctx.Err() == nil {
		t.trouble(tail)
	}
	for _, event := range events {
		t.headline(tail)
		fmt.Fprintln(t.say, line(event))
		tail.keep(event)
	}
	return len(events)
}

// trouble tells once that a log can't be read, and gives up where asking again
// would not help.
func (t *transcript) trouble(tail *tail) {
	var missing *logstypes.ResourceNotFoundException
	tail.hopeless = refused(tail.failed) || errors.As(tail.failed, &missing)
	if !tail.told {
		fmt.Fprintf(t.say, "log of attempt %d: %s\n", tail.attempt, tail.failed)
	}
	tail.told = true
}

// headline separates the attempts' logs.
func (t *transcript) headline(tail *tail) {
	if tail.attempt != t.shown && (t.shown > 0 || tail.attempt > 1) {
		fmt.Fprintf(t.say, "log of attempt %d:\n", tail.attempt)
	}
	t.shown = tail.attempt
}

// line is a line of a job's log as it is shown: its time (UTC), then a record's
// level and message, with its data where something is wrong, or the line as it is.
func line(event logs.Event) string {
	text := logs.Brief(event.Message)
	if slices.Contains([]string{"warn", "error", "fatal"}, logs.Level(event.Message)) {
		text = logs.Text(event.Message)
	}
	return event.At.UTC().Format("15:04:05") + "  " + text
}

// keep keeps of a line what an outcome tells.
func (t *tail) keep(event logs.Event) {
	t.last = time.Now()
	if t.began.IsZero() {
		t.began = t.last
	}
	text := plain(logs.Text(event.Message))
	t.lines = append(t.lines, text)
	t.lines = t.lines[max(0, len(t.lines)-kept):]
	if level := logs.Level(event.Message); t.firstError == "" && (level == "error" || level == "fatal") {
		t.firstError = strings.TrimPrefix(text, level+" ")
	}
}

// complete says whether an attempt's log has been read to its end.
func (t *tail) complete() bool {
	switch {
	case t.hopeless:
		return true
	case t.ended.IsZero():
		return false
	case t.read && time.Since(t.stopped) >= lateness: // it ended long ago
		return true
	case t.began.IsZero():
		return time.Since(t.ended) >= lateness
	}
	return time.Since(later(t.last, t.ended)) >= silence || time.Since(later(t.began, t.ended)) >= drainLimit
}

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// complete says whether the log of a job that has ended has been read to its end.
func (t *transcript) complete(job types.JobDetail, ended time.Time) bool {
	if t.nameless(job) && time.Since(ended) < lateness {
		return false
	}
	return !slices.ContainsFunc(t.tails, func(t *tail) bool { return !t.complete() })
}

// nameless says whether the last attempt ran, but its stream isn't known.
func (t *transcript) nameless(job types.JobDetail) bool {
	return ran(job) && t.tail(newest(job)) == nil
}

// ran says whether the last attempt's container ran.
func ran(job types.JobDetail) bool {
	if n := len(job.Attempts); n > 0 {
		return job.Attempts[n-1].StartedAt != nil || attemptOf(job.Attempts[n-1], n).ExitCode != nil
	}
	return job.StartedAt != nil
}

// pause is how long to wait before the next reading, where it takes many calls.
func (t *transcript) pause() time.Duration {
	var longest time.Duration
	for _, tail := range t.tails {
		if !tail.complete() {
			longest = max(longest, tail.log.Pause())
		}
	}
	if longest <= interval {
		return 0
	}
	return longest
}

// failure is the last attempt's first error, or its last lines.
func (t *transcript) failure(job types.JobDetail) string {
	tail := t.tail(newest(job))
	switch {
	case tail == nil || job.Status != types.JobStatusFailed:
		return ""
	case tail.firstError != "" || exited(rejected)(Outcome{ExitCode: exitCode(job)}):
		return tail.firstError
	}
	return strings.Join(tail.lines, "\n")
}

// notes say what is missing of the log.
func (t *transcript) notes(job types.JobDetail) []string {
	tail := t.tail(newest(job))
	switch {
	case tail != nil && tail.failed != nil:
		return []string{"its log could not be read to the end: " + tail.failed.Error()}
	case tail == nil && ran(job), tail != nil && tail.began.IsZero():
		return []string{fmt.Sprintf("no line of its log had come %s after its end: try %s later", whole(lateness), t.command("logs", aws.ToString(job.JobId)))}
	}
	return nil
}
