package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/prooflink/prooflink/.dagger/pause"
)

const (
	// interval is how often a log that is followed is read.
	interval = 5 * time.Second
	// overlap is how much is read again each time: a line may become readable
	// after lines that are newer.
	overlap = 2 * time.Minute
	// attempts is how often a call is repeated that AWS throttles.
	attempts = 8
)

// Event is a line of a log.
type Event struct {
	// ID is CloudWatch's.
	ID string
	// At is the writer's time.
	At time.Time
	// Group and Stream are where it is.
	Group, Stream string
	// Message is the line.
	Message string
}

// Follower reads what comes into some log streams, every line once. It is not
// for use by several goroutines.
type Follower struct {
	api     *cloudwatchlogs.Client
	sources []Source
	filter  string
	since   time.Time
	newest  time.Time
	// seen are the events and records that were read.
	seen sightings
	// calls is how many the last reading took.
	calls int
}

// NewFollower reads from a time on. The filter is a pattern of CloudWatch Logs;
// empty means every line.
func NewFollower(access aws.Config, sources []Source, filter string, since time.Time) *Follower {
	return &Follower{api: client(access), sources: sources, filter: filter, since: since, newest: since, seen: sightings{}}
}

// client is patient with throttling, which CloudWatch Logs does early.
func client(access aws.Config) *cloudwatchlogs.Client {
	access.RetryMaxAttempts = attempts
	return cloudwatchlogs.NewFromConfig(access)
}

// Next reads what was not read before, the oldest first. A stream that is not
// there yet has nothing; a log group that is missing is an error
// (*types.ResourceNotFoundException).
func (f *Follower) Next(ctx context.Context) ([]Event, error) {
	f.calls = 0
	from := f.from()
	f.forget(from)
	var fresh []Event
	for _, source := range f.sources {
		events, err := f.read(ctx, source, from)
		if err != nil {
			return nil, err
		}
		fresh = append(fresh, events...)
	}
	slices.SortStableFunc(fresh, func(a, b Event) int { return a.At.Compare(b.At) })
	return slices.DeleteFunc(fresh, f.known), nil
}

// from is where reading begins: some time before the newest line.
func (f *Follower) from() time.Time {
	if from := f.newest.Add(-overlap); from.After(f.since) {
		return from
	}
	return f.since
}

// forget drops what will not be read again.
func (f *Follower) forget(before time.Time) {
	for key, sighting := range f.seen {
		if sighting.at.Before(before) {
			delete(f.seen, key)
		}
	}
}

// read reads one source from a time on, all pages of it. A page may be empty
// with more to come (FilterLogEvents).
func (f *Follower) read(ctx context.Context, source Source, from time.Time) ([]Event, error) {
	var events []Event
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(f.api, f.input(source, from))
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		f.calls++
		if noStream(err) {
			return events, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read log group %s: %w", source.Group, err)
		}
		for _, event := range page.Events {
			events = append(events, eventOf(source.Group, event))
		}
	}
	return events, nil
}

// input asks for one source.
func (f *Follower) input(source Source, from time.Time) *cloudwatchlogs.FilterLogEventsInput {
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &source.Group, StartTime: aws.Int64(from.UnixMilli())}
	if source.Prefix != "" {
		in.LogStreamNamePrefix = &source.Prefix
	}
	if f.filter != "" {
		in.FilterPattern = &f.filter
	}
	return in
}

// eventOf is an event of CloudWatch Logs.
func eventOf(group string, event types.FilteredLogEvent) Event {
	return Event{
		ID: aws.ToString(event.EventId), At: time.UnixMilli(aws.ToInt64(event.Timestamp)).UTC(),
		Group: group, Stream: aws.ToString(event.LogStreamName), Message: aws.ToString(event.Message),
	}
}

// known says whether an event, or its copy in another log group, was read before,
// and keeps it in mind.
func (f *Follower) known(event Event) bool {
	id := event.Group + " " + event.ID
	_, again := f.seen[id]
	f.seen[id] = sighting{event.Group, event.At}
	f.advance(event.At)
	return again || f.seen.copied(event)
}

// advance notes the newest line's time. A clock that is fast must not hide lines
// to come.
func (f *Follower) advance(at time.Time) {
	if at.After(f.newest) && !at.After(time.Now()) {
		f.newest = at
	}
}

// noStream says whether a log group has no such stream, or not yet.
func noStream(err error) bool {
	var missing *types.ResourceNotFoundException
	return errors.As(err, &missing) && strings.Contains(missing.ErrorMessage(), "log stream")
}

// write writes what is new and returns how many lines that was.
func (f *Follower) write(ctx context.Context, out io.Writer) (int, error) {
	events, err := f.Next(ctx)
	for _, event := range events {
		if _, failed := fmt.Fprintln(out, event.Line()); failed != nil {
			return 0, fmt.Errorf("write the log: %w", failed)
		}
	}
	return len(events), err
}

// follow writes what comes in until the context ends or reading fails.
func (f *Follower) follow(ctx context.Context, out io.Writer) error {
	for {
		if err := pause.For(ctx, f.Pause()); err != nil {
			return err
		}
		if _, err := f.write(ctx, out); err != nil {
			return err
		}
	}
}

// Pause is how long to wait before the next reading: where a reading takes many
// calls, so long that there is one in a second.
func (f *Follower) Pause() time.Duration {
	return max(interval, time.Duration(f.calls)*time.Second)
}
