package logs

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/prooflink/prooflink/.dagger/pause"
	"github.com/prooflink/prooflink/infra/config"
)

// Container is a container of a task, with the log configuration of its
// definition.
type Container struct {
	// TaskID is the task's id or ARN.
	TaskID string
	// Name is the container's.
	Name string
	// Driver is "awslogs", "awsfirelens" or empty.
	Driver string
	// Options are the driver's, e.g. "awslogs-group".
	Options map[string]string
}

// Drivers whose log can be read.
const (
	awsLogs  = "awslogs"
	fireLens = "awsfirelens"
)

// lateness is how long a container's last lines may take to become readable.
const lateness = 3 * time.Second

// OfContainer returns the last lines of a container, the oldest first, and the
// log group that has them. With FireLens these are its errors and what the
// application sent itself. Where there is no line yet, it looks once more after
// three seconds. A container without a log, and a stream that was never written,
// have no lines, which is no error.
func OfContainer(ctx context.Context, access aws.Config, environment config.Environment, container Container, lines int) (group string, last []string, err error) {
	if container.Driver == "" || lines <= 0 {
		return "", nil, nil
	}
	tail := tail{api: client(access), lines: lines}
	group, events, err := tail.read(ctx, environment, container)
	if err == nil && len(events) == 0 && pause.For(ctx, lateness) == nil {
		group, events, err = tail.read(ctx, environment, container)
	}
	for _, event := range events {
		last = append(last, Text(event.Message))
	}
	return group, last, err
}

// tail reads the last lines.
type tail struct {
	api   *cloudwatchlogs.Client
	lines int
}

// read reads them from where the container's driver puts them.
func (t tail) read(ctx context.Context, environment config.Environment, container Container) (string, []Event, error) {
	switch container.Driver {
	case awsLogs:
		group := container.Options["awslogs-group"]
		events, err := t.stream(ctx, group, AWSLogsStream(container.Options, container.Name, container.TaskID))
		return group, events, err
	case fireLens:
		return t.routed(ctx, environment, container)
	}
	return "", nil, fmt.Errorf("read the log of container %s: its driver is %s, awslogs and awsfirelens can be read", container.Name, container.Driver)
}

// AWSLogsStream is the stream of the awslogs driver's options:
// "<prefix>/<container>/<task id>" (Amazon ECS Developer Guide, "Send Amazon ECS
// logs to CloudWatch").
func AWSLogsStream(options map[string]string, container, task string) string {
	return options["awslogs-stream-prefix"] + "/" + container + "/" + TaskID(task)
}

// routed reads what FireLens and the application itself have sent.
func (t tail) routed(ctx context.Context, environment config.Environment, container Container) (string, []Event, error) {
	n, task := environment.Names(), TaskID(container.TaskID)
	events, err := t.stream(ctx, n.ErrorsLogGroup(), errorStreams(container.Name)+task)
	if err != nil {
		return n.ErrorsLogGroup(), nil, err
	}
	if environment.Logging.DirectToCloudWatch {
		own, err := t.own(ctx, n.ServerLogGroup(), task)
		if err != nil {
			return n.ServerLogGroup(), nil, err
		}
		events = t.merge(append(events, own...))
	}
	if len(events) == 0 {
		return n.ErrorsLogGroup(), nil, nil
	}
	return events[len(events)-1].Group, events, nil
}

// own reads what the application sent itself: a stream for each day, named
// "<task id>/<date>".
func (t tail) own(ctx context.Context, group, task string) ([]Event, error) {
	var all []Event
	prefix := task + "/"
	pages := cloudwatchlogs.NewDescribeLogStreamsPaginator(t.api, &cloudwatchlogs.DescribeLogStreamsInput{
		LogGroupName: &group, LogStreamNamePrefix: &prefix,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the streams of task %s in log group %s: %w", task, group, err)
		}
		for _, stream := range page.LogStreams {
			events, err := t.stream(ctx, group, aws.ToString(stream.LogStreamName))
			if err != nil {
				return nil, err
			}
			all = t.merge(append(all, events...))
		}
	}
	return all, nil
}

// merge keeps the last lines, without copies of a record.
func (t tail) merge(events []Event) []Event {
	slices.SortStableFunc(events, func(a, b Event) int { return a.At.Compare(b.At) })
	events = slices.DeleteFunc(events, sightings{}.copied)
	return events[max(0, len(events)-t.lines):]
}

// stream reads the last lines of a stream. A page may be empty though there are
// older lines; the last page gives its own token back (GetLogEvents).
func (t tail) stream(ctx context.Context, group, stream string) ([]Event, error) {
	var events []Event
	in := &cloudwatchlogs.GetLogEventsInput{LogGroupName: &group, LogStreamName: &stream, Limit: aws.Int32(int32(t.lines))}
	for len(events) < t.lines {
		page, err := t.api.GetLogEvents(ctx, in)
		if noStream(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read stream %s of log group %s: %w", stream, group, err)
		}
		events = append(eventsOf(group, stream, page.Events), events...)
		if aws.ToString(page.NextBackwardToken) == aws.ToString(in.NextToken) {
			break
		}
		in.NextToken = page.NextBackwardToken
	}
	return events[max(0, len(events)-t.lines):], nil
}

// eventsOf are a stream's events.
func eventsOf(group, stream string, page []types.OutputLogEvent) []Event {
	var events []Event
	for _, event := range page {
		events = append(events, Event{
			At: time.UnixMilli(aws.ToInt64(event.Timestamp)).UTC(), Group: group, Stream: stream, Message: aws.ToString(event.Message),
		})
	}
	return events
}
