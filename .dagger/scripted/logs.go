package scripted

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
)

// logGroup is a log group with its streams by name.
type logGroup struct {
	name      string
	created   time.Time
	retention int32
	streams   map[string]*logStream
}

// logStream is a stream with its records in the order of their arrival.
type logStream struct {
	name    string
	created time.Time
	records []record
}

// record is one line.
type record struct {
	id          string
	at, arrived time.Time
	text        string
}

// group makes a log group where there is none.
func (w *World) group(name string) *logGroup {
	if found, ok := w.logs[name]; ok {
		return found
	}
	made := &logGroup{name: name, created: w.clock, streams: map[string]*logStream{}}
	w.logs[name] = made
	return made
}

// log adds a line that was written at a time and arrives now. Where the group is
// missing the line is lost, as the driver loses it.
func (w *World) log(group, stream string, at time.Time, text string) {
	g, ok := w.logs[group]
	if !ok {
		return
	}
	s := g.stream(stream, w.clock)
	w.made["record"]++
	s.records = append(s.records, record{id: fmt.Sprintf("%056d", w.made["record"]), at: at, arrived: w.clock, text: text})
}

// stream makes a stream where there is none.
func (g *logGroup) stream(name string, now time.Time) *logStream {
	s, ok := g.streams[name]
	if !ok {
		s = &logStream{name: name, created: now}
		g.streams[name] = s
	}
	return s
}

// write plans the lines of a task.
func (w *World) write(t *task) {
	for _, line := range t.behaviour.Logs {
		name := line.Container
		if name == "" {
			name = t.main()
		}
		group, stream := w.destination(t, name, line.Text)
		if group == "" {
			continue
		}
		w.script(line, group, stream, w.clock, func(time.Time) bool { return true })
	}
}

// script plans a line, which nobody can read before that time, and which is
// written only where what writes it still runs then.
func (w *World) script(line Line, group, stream string, before time.Time, runs func(at time.Time) bool) {
	for i := range max(1, line.Repeat) {
		at := w.clock.Add(line.At + time.Duration(i)*time.Second)
		seen := at.Add(line.Late)
		if seen.Before(before) {
			seen = before
		}
		w.at(seen, func() {
			if runs(at) {
				w.log(group, stream, at, line.Text)
			}
		})
	}
}

// destination is where a container's line goes: with awslogs to its own stream;
// with FireLens a record of level error and above to the errors' group, and
// others only to the archive, where nobody reads them.
func (w *World) destination(t *task, name, line string) (group, stream string) {
	c := t.definition.container(name)
	if c == nil || c.LogConfiguration == nil {
		return "", ""
	}
	if c.LogConfiguration.LogDriver == ecstypes.LogDriverAwsfirelens {
		if !grave(line) {
			return "", ""
		}
		return w.names.ErrorsLogGroup(), fmt.Sprintf("fargate-errors.%s-firelens-%s", name, t.id())
	}
	options := c.LogConfiguration.Options
	return options["awslogs-group"], strings.Join([]string{options["awslogs-stream-prefix"], name, t.id()}, "/")
}

// grave says whether the router takes a line for an error: JSON with a level, or
// no JSON, which a program that dies writes to its error stream.
func grave(line string) bool {
	if !strings.HasPrefix(strings.TrimSpace(line), "{") {
		return true
	}
	lower := strings.ToLower(strings.ReplaceAll(line, " ", ""))
	return slices.ContainsFunc([]string{"error", "critical", "fatal"}, func(level string) bool {
		return strings.Contains(lower, `"level":"`+level+`"`)
	})
}

func (w *World) serveLogs() {
	on(w, "cloudwatchlogs", w.describeLogGroups)
	on(w, "cloudwatchlogs", w.describeLogStreams)
	on(w, "cloudwatchlogs", w.getLogEvents)
	on(w, "cloudwatchlogs", w.filterLogEvents)
	on(w, "cloudwatchlogs", w.putLogEvents)
	on(w, "cloudwatchlogs", w.createLogStream)
}

// groupOf finds a group by name or ARN.
func (w *World) groupOf(name, identifier *string) (*logGroup, error) {
	given := aws.ToString(name)
	if given == "" {
		given = strings.TrimSuffix(strings.TrimPrefix(aws.ToString(identifier), w.arn("logs", "log-group:")), ":*")
	}
	if g, ok := w.logs[given]; ok {
		return g, nil
	}
	return nil, awsfake.Error("ResourceNotFoundException", "The specified log group does not exist.")
}

// noStream is the answer where a stream isn't there.
func noStream() error {
	return awsfake.Error("ResourceNotFoundException", "The specified log stream does not exist.")
}

func (w *World) describeLogGroups(in *cloudwatchlogs.DescribeLogGroupsInput) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
	var all []types.LogGroup
	for _, name := range sortedKeys(w.logs) {
		if !strings.HasPrefix(name, aws.ToString(in.LogGroupNamePrefix)) || !strings.Contains(name, aws.ToString(in.LogGroupNamePattern)) {
			continue
		}
		g := w.logs[name]
		found := types.LogGroup{
			LogGroupName: aws.String(name), CreationTime: aws.Int64(g.created.UnixMilli()), Arn: aws.String(w.arn("logs", "log-group:"+name+":*")),
			LogGroupArn: aws.String(w.arn("logs", "log-group:"+name)),
		}
		if g.retention > 0 {
			found.RetentionInDays = aws.Int32(g.retention)
		}
		all = append(all, found)
	}
	some, next, err := page(w, all, in.NextToken, limit(in.Limit, 50))
	return &cloudwatchlogs.DescribeLogGroupsOutput{LogGroups: some, NextToken: next}, err
}

func (w *World) describeLogStreams(in *cloudwatchlogs.DescribeLogStreamsInput) (*cloudwatchlogs.DescribeLogStreamsOutput, error) {
	g, err := w.groupOf(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	var all []types.LogStream
	for _, name := range sortedKeys(g.streams) {
		if strings.HasPrefix(name, aws.ToString(in.LogStreamNamePrefix)) {
			all = append(all, w.streamed(g, g.streams[name]))
		}
	}
	if in.OrderBy == types.OrderByLastEventTime {
		slices.SortStableFunc(all, func(a, b types.LogStream) int {
			return cmp.Compare(aws.ToInt64(a.LastEventTimestamp), aws.ToInt64(b.LastEventTimestamp))
		})
	}
	if aws.ToBool(in.Descending) {
		slices.Reverse(all)
	}
	some, next, err := page(w, all, in.NextToken, limit(in.Limit, 50))
	return &cloudwatchlogs.DescribeLogStreamsOutput{LogStreams: some, NextToken: next}, err
}

// streamed is a stream as CloudWatch Logs describes it.
func (w *World) streamed(g *logGroup, s *logStream) types.LogStream {
	d := types.LogStream{
		LogStreamName: &s.name, CreationTime: aws.Int64(s.created.UnixMilli()), Arn: aws.String(w.arn("logs", "log-group:"+g.name+":log-stream:"+s.name)),
	}
	for _, r := range s.records {
		at := r.at.UnixMilli()
		if d.FirstEventTimestamp == nil || at < *d.FirstEventTimestamp {
			d.FirstEventTimestamp = &at
		}
		if d.LastEventTimestamp == nil || at > *d.LastEventTimestamp {
			d.LastEventTimestamp = &at
		}
		d.LastIngestionTime = aws.Int64(r.arrived.UnixMilli())
	}
	return d
}

// between are a stream's records of a span of time, by time and arrival. The end
// itself is not part of it for GetLogEvents, and is for FilterLogEvents.
func (s *logStream) between(from, to *int64, closed bool) []record {
	var some []record
	for _, r := range s.records {
		at := r.at.UnixMilli()
		if from != nil && at < *from || to != nil && (at > *to || at == *to && !closed) {
			continue
		}
		some = append(some, r)
	}
	slices.SortStableFunc(some, func(a, b record) int { return a.at.Compare(b.at) })
	return some
}

// getLogEvents always gives both tokens; the end is where the token that was
// given comes back (CloudWatch Logs API Reference, GetLogEvents). A line that
// arrives late with an earlier time than those that were read is behind the token.
func (w *World) getLogEvents(in *cloudwatchlogs.GetLogEventsInput) (*cloudwatchlogs.GetLogEventsOutput, error) {
	g, err := w.groupOf(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	s, ok := g.streams[aws.ToString(in.LogStreamName)]
	if !ok {
		return nil, noStream()
	}
	all := s.between(in.StartTime, in.EndTime, false)
	most := w.most(limit(in.Limit, 10_000))
	from, to, err := window(in, len(all), most)
	if err != nil {
		return nil, err
	}
	out := &cloudwatchlogs.GetLogEventsOutput{
		NextForwardToken: aws.String(fmt.Sprintf("f/%056d", to)), NextBackwardToken: aws.String(fmt.Sprintf("b/%056d", from)),
	}
	for _, r := range all[from:to] {
		out.Events = append(out.Events, types.OutputLogEvent{
			Message: aws.String(r.text), Timestamp: aws.Int64(r.at.UnixMilli()), IngestionTime: aws.Int64(r.arrived.UnixMilli()),
		})
	}
	return out, nil
}

// most is a page's size where the scenario's is smaller.
func (w *World) most(usual int) int {
	if w.scenario.Page > 0 {
		return min(usual, w.scenario.Page)
	}
	return usual
}

// window is which of the records a call of GetLogEvents gets.
func window(in *cloudwatchlogs.GetLogEventsInput, have, most int) (from, to int, err error) {
	var position int
	switch token := aws.ToString(in.NextToken); {
	case token == "" && aws.ToBool(in.StartFromHead):
		return 0, min(most, have), nil
	case token == "":
		return max(0, have-most), have, nil
	case strings.HasPrefix(token, "f/"):
		_, err = fmt.Sscanf(token[2:], "%d", &position)
		from, to = min(position, have), min(position+most, have)
	default:
		_, err = fmt.Sscanf(strings.TrimPrefix(token, "b/"), "%d", &position)
		from, to = max(0, min(position, have)-most), min(position, have)
	}
	if err != nil {
		return 0, 0, awsfake.Error("InvalidParameterException", "The specified nextToken is invalid.")
	}
	return from, to, nil
}

// found is a record with its stream.
type found struct {
	record
	stream string
}

func (w *World) filterLogEvents(in *cloudwatchlogs.FilterLogEventsInput) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	g, err := w.groupOf(in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	var all []found
	for _, name := range sortedKeys(g.streams) {
		if !strings.HasPrefix(name, aws.ToString(in.LogStreamNamePrefix)) || len(in.LogStreamNames) > 0 && !slices.Contains(in.LogStreamNames, name) {
			continue
		}
		for _, r := range g.streams[name].between(in.StartTime, in.EndTime, true) {
			if matches(r.text, aws.ToString(in.FilterPattern)) {
				all = append(all, found{r, name})
			}
		}
	}
	for _, name := range in.LogStreamNames {
		if g.streams[name] == nil {
			return nil, noStream()
		}
	}
	slices.SortStableFunc(all, func(a, b found) int { return a.at.Compare(b.at) })
	some, next, err := page(w, all, in.NextToken, limit(in.Limit, 10_000))
	out := &cloudwatchlogs.FilterLogEventsOutput{NextToken: next}
	for _, r := range some {
		out.Events = append(out.Events, types.FilteredLogEvent{
			EventId: aws.String(r.id), LogStreamName: aws.String(r.stream), Message: aws.String(r.text),
			Timestamp: aws.Int64(r.at.UnixMilli()), IngestionTime: aws.Int64(r.arrived.UnixMilli()),
		})
	}
	return out, err
}

// matches applies a filter pattern's simple forms: words that all have to be
// there, in quotes or without, "?" before those of which one is enough and "-"
// before those that must not.
func matches(line, pattern string) bool {
	any, some := false, false
	for _, word := range terms(pattern) {
		mark := word[0]
		have := strings.Contains(line, strings.Trim(strings.TrimLeft(word, "?-"), `"`))
		switch mark {
		case '?':
			any, some = true, some || have
		case '-':
			if have {
				return false
			}
		default:
			if !have {
				return false
			}
		}
	}
	return !any || some
}

// terms splits a pattern at the spaces outside quotes.
func terms(pattern string) []string {
	quoted := false
	return strings.FieldsFunc(pattern, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
}

func (w *World) createLogStream(in *cloudwatchlogs.CreateLogStreamInput) (*cloudwatchlogs.CreateLogStreamOutput, error) {
	g, err := w.groupOf(in.LogGroupName, nil)
	if err != nil {
		return nil, err
	}
	if g.streams[aws.ToString(in.LogStreamName)] != nil {
		return nil, awsfake.Error("ResourceAlreadyExistsException", "The specified log stream already exists")
	}
	g.stream(aws.ToString(in.LogStreamName), w.clock)
	return &cloudwatchlogs.CreateLogStreamOutput{}, nil
}

func (w *World) putLogEvents(in *cloudwatchlogs.PutLogEventsInput) (*cloudwatchlogs.PutLogEventsOutput, error) {
	g, err := w.groupOf(in.LogGroupName, nil)
	if err != nil {
		return nil, err
	}
	if g.streams[aws.ToString(in.LogStreamName)] == nil {
		return nil, noStream()
	}
	for _, event := range in.LogEvents {
		w.log(g.name, aws.ToString(in.LogStreamName), time.UnixMilli(aws.ToInt64(event.Timestamp)), aws.ToString(event.Message))
	}
	return &cloudwatchlogs.PutLogEventsOutput{}, nil
}
