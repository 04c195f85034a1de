package logs

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"
)

// stamp is a time as it is shown: UTC, RFC 3339.
func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05Z") }

// record is what application and jobs write as a line, of which FireLens keeps
// the keys.
type record struct {
	Timestamp string          `json:"timestamp"`
	Level     string          `json:"level"`
	Message   string          `json:"message"`
	Data      json.RawMessage `json:"data"`
	// Log is the line itself where FireLens could not read it as JSON.
	Log string `json:"log"`
}

// parse reads a line as a record; false where it is none.
func parse(line string) (record, bool) {
	var r record
	if !strings.HasPrefix(strings.TrimSpace(line), "{") || json.Unmarshal([]byte(line), &r) != nil {
		return record{}, false
	}
	return r, r.Message != "" || r.Log != ""
}

// Text is a line as people read it: a record's level, message and data, or the
// line as it is, in one line.
func Text(line string) string {
	r, ok := parse(line)
	if !ok {
		return single(line)
	}
	if r.Message == "" {
		return single(r.Log)
	}
	return single(strings.TrimSpace(r.Level+" "+r.Message) + r.data())
}

// Brief is Text without a record's data.
func Brief(line string) string {
	r, ok := parse(line)
	if !ok || r.Message == "" {
		return Text(line)
	}
	return single(strings.TrimSpace(r.Level + " " + r.Message))
}

// Level is a record's level, e.g. "error"; empty where the line is no record.
func Level(line string) string {
	r, _ := parse(line)
	return r.Level
}

// data is what a record has beside its message.
func (r record) data() string {
	switch text := string(r.Data); text {
	case "", "{}", "null":
		return ""
	default:
		return " " + text
	}
}

// breaks are what begins a new line in a terminal.
var breaks = strings.NewReplacer("\r\n", `\n`, "\n", `\n`, "\r", `\n`)

// single is a text in one line.
func single(text string) string { return breaks.Replace(strings.TrimRight(text, "\r\n ")) }

// taskIDs finds a task's id in a stream's name, wherever it is.
var taskIDs = regexp.MustCompile(`[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// taskOf is the id of the task that writes a stream, or else the stream's name.
func taskOf(stream string) string { return or(taskIDs.FindString(stream), stream) }

// TaskID is the id in a task's ARN; an id stays as it is.
func TaskID(task string) string { return task[strings.LastIndex(task, "/")+1:] }

// short is how many characters of a task's id tell it from others.
const short = 8

// Short is the beginning of a task's id or ARN, as it is shown.
func Short(task string) string {
	id := TaskID(task)
	return id[:min(len(id), short)]
}

// Line is an event as it is shown.
func (e Event) Line() string {
	return stamp(e.At) + "  " + Short(taskOf(e.Stream)) + "  " + Text(e.Message)
}

// same is what two copies of a record have in common: with FireLens an error is
// in the errors' group and in the server's.
func (e Event) same() string {
	r, ok := parse(e.Message)
	if !ok || r.Timestamp == "" {
		return ""
	}
	return strings.Join([]string{taskOf(e.Stream), r.Timestamp, r.Level, r.Message, string(r.Data)}, "\x00")
}

// sighting is where something was read, and of when it is.
type sighting struct {
	group string
	at    time.Time
}

// sightings are events and records that were read.
type sightings map[string]sighting

// copied says whether another log group had the same record, and keeps it in
// mind. Equal records of one group are two.
func (s sightings) copied(event Event) bool {
	key := event.same()
	if key == "" {
		return false
	}
	first, ok := s[key]
	if !ok {
		s[key] = sighting{event.Group, event.At}
	}
	return ok && first.group != event.Group
}

// or is a value, or another where it is empty.
func or(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}
