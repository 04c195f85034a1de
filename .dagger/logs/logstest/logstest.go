// Package logstest is CloudWatch Logs for tests: log groups whose lines become
// readable when the test says so.
package logstest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
)

// Line is a line of a stream.
type Line struct {
	// Stream is the stream's name.
	Stream string
	// At is the writer's time.
	At time.Time
	// Readable is when it can be read; zero means at once.
	Readable time.Time
	// Message is the line.
	Message string

	id string
}

// Store has the log groups. Fill it before it is read, or from handlers.
type Store struct {
	// Page is how many lines a page has; each reading begins with an empty one.
	Page int

	groups map[string][]Line
	count  int
}

// On makes a server answer for log groups.
func On(server *awsfake.Server, groups ...string) *Store {
	s := &Store{Page: 3, groups: map[string][]Line{}}
	for _, group := range groups {
		s.groups[group] = nil
	}
	awsfake.On(server, "cloudwatchlogs", s.filter)
	awsfake.On(server, "cloudwatchlogs", s.get)
	awsfake.On(server, "cloudwatchlogs", s.describe)
	return s
}

// Put adds lines to a group.
func (s *Store) Put(group string, lines ...Line) {
	for _, line := range lines {
		s.count++
		line.id = strconv.Itoa(s.count)
		s.groups[group] = append(s.groups[group], line)
	}
}

// readable are a group's lines that can be read now, by their time.
func (s *Store) readable(group string, meant func(Line) bool) ([]Line, error) {
	all, ok := s.groups[group]
	if !ok {
		return nil, &types.ResourceNotFoundException{Message: aws.String("The specified log group does not exist.")}
	}
	lines := slices.DeleteFunc(slices.Clone(all), func(line Line) bool { return line.Readable.After(time.Now()) || !meant(line) })
	slices.SortStableFunc(lines, func(a, b Line) int { return a.At.Compare(b.At) })
	return lines, nil
}

// filter knows patterns that are a text in quotes.
func (s *Store) filter(in *cloudwatchlogs.FilterLogEventsInput) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	pattern := aws.ToString(in.FilterPattern)
	text := strings.Trim(pattern, `"`)
	if pattern != "" && pattern == text {
		return nil, &types.InvalidParameterException{Message: aws.String("Invalid filter pattern")}
	}
	lines, err := s.readable(aws.ToString(in.LogGroupName), func(line Line) bool {
		return strings.HasPrefix(line.Stream, aws.ToString(in.LogStreamNamePrefix)) &&
			line.At.UnixMilli() >= aws.ToInt64(in.StartTime) && strings.Contains(line.Message, text)
	})
	if err != nil {
		return nil, err
	}
	first, _ := strconv.Atoi(aws.ToString(in.NextToken)) // none begins with an empty page
	out := &cloudwatchlogs.FilterLogEventsOutput{}
	if in.NextToken == nil && len(lines) > 0 {
		out.NextToken = aws.String("0")
		return out, nil
	}
	last := min(first+s.Page, len(lines))
	for _, line := range lines[min(first, last):last] {
		out.Events = append(out.Events, types.FilteredLogEvent{
			EventId: aws.String(line.id), LogStreamName: aws.String(line.Stream),
			Message: aws.String(line.Message), Timestamp: aws.Int64(line.At.UnixMilli()),
		})
	}
	if last < len(lines) {
		out.NextToken = aws.String(strconv.Itoa(last))
	}
	return out, nil
}

// get gives a stream backwards, page by page.
func (s *Store) get(in *cloudwatchlogs.GetLogEventsInput) (*cloudwatchlogs.GetLogEventsOutput, error) {
	lines, err := s.readable(aws.ToString(in.LogGroupName), func(line Line) bool { return line.Stream == aws.ToString(in.LogStreamName) })
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 {
		return nil, &types.ResourceNotFoundException{Message: aws.String("The specified log stream does not exist.")}
	}
	end := len(lines)
	if in.NextToken != nil {
		if _, err := fmt.Sscanf(*in.NextToken, "b/%d", &end); err != nil {
			return nil, &types.InvalidParameterException{Message: aws.String("The specified nextToken is invalid.")}
		}
	}
	first := max(0, end-min(s.Page, int(aws.ToInt32(in.Limit))))
	out := &cloudwatchlogs.GetLogEventsOutput{NextBackwardToken: aws.String(fmt.Sprintf("b/%d", first))}
	for _, line := range lines[first:end] {
		out.Events = append(out.Events, types.OutputLogEvent{Message: aws.String(line.Message), Timestamp: aws.Int64(line.At.UnixMilli())})
	}
	return out, nil
}

// describe lists streams, one on a page.
func (s *Store) describe(in *cloudwatchlogs.DescribeLogStreamsInput) (*cloudwatchlogs.DescribeLogStreamsOutput, error) {
	lines, err := s.readable(aws.ToString(in.LogGroupName), func(line Line) bool {
		return strings.HasPrefix(line.Stream, aws.ToString(in.LogStreamNamePrefix)) && line.Stream > aws.ToString(in.NextToken)
	})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, line := range lines {
		names = append(names, line.Stream)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	out := &cloudwatchlogs.DescribeLogStreamsOutput{}
	if len(names) > 0 {
		out.LogStreams = []types.LogStream{{LogStreamName: &names[0]}}
	}
	if len(names) > 1 {
		out.NextToken = &names[0]
	}
	return out, nil
}
