package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prooflink/prooflink/infra/names"
)

// kind is where a statement comes from.
type kind uint

const (
	logLine     kind = 1 << iota // a line that a container wrote
	exit                         // how a container ended
	reason                       // ECS's reason, of a container or a task
	ecsEvent                     // an event of the ECS service
	stackEvent                   // an event of a stack
	stepProblem                  // the step's own error
)

// rank orders causes: a lower one is nearer to the beginning. Of equal ones the
// earliest counts.
type rank int

const (
	decisive     rank = iota // ends a run whatever else is seen
	known                    // a cause that is recognized
	fatal                    // a program's last words
	own                      // another error of a program, or of CloudFormation
	health                   // a health check, or an end without words
	alarm                    // an alarm
	unnamedAlarm             // an alarm that nobody names
	stopped                  // stopped from outside
	problem                  // what the step says
	breaker                  // the circuit breaker, which only counts
	rollback                 // what follows from all that
	silent                   // tells nothing
)

// statement is one thing that somebody said about a failure.
type statement struct {
	kind kind
	// by is who said it: a container, a task or a service.
	by   string
	text string
	at   time.Time
}

// finding is a statement that is understood.
type finding struct {
	statement
	rank rank
	// cause is nil where no known cause fits.
	cause *cause
}

// mostHints is how many hints are given: the first is mostly right.
const mostHints = 3

// Explain finds the first cause in what was seen and in the step's own error,
// and what is likely behind it. A cause beats what follows from it: a program's
// own words, "essential container exited", the circuit breaker, CloudFormation's
// rollback; of two of one sort the earlier one counts.
func Explain(evidence Evidence, problem string, n names.Names) (first string, hints []Hint) {
	findings := understand(statements(evidence, problem))
	if len(findings) == 0 {
		return problem, []Hint{}
	}
	return findings[0].sentence(), likely(findings, n)
}

// likely are the hints of what is known; of what only follows, one where there
// is no other.
func likely(findings []finding, n names.Names) []Hint {
	hints := []Hint{}
	for _, f := range findings {
		if len(hints) == mostHints || len(hints) > 0 && f.rank > own {
			break
		}
		if f.cause != nil && f.cause.what != "" && !slices.ContainsFunc(hints, f.cause.is) {
			hints = append(hints, f.cause.hint(n))
		}
	}
	return hints
}

// understand ranks statements, the first cause first, without those that tell
// nothing.
func understand(statements []statement) []finding {
	var findings []finding
	for _, s := range statements {
		f := s.understood()
		if f.rank < silent {
			findings = append(findings, f)
		}
	}
	slices.SortStableFunc(findings, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), earlier(a.at, b.at))
	})
	return findings
}

// understood looks the statement up among the causes.
func (s statement) understood() finding {
	for i := range causes {
		if c := &causes[i]; c.in&s.kind != 0 && c.pattern.MatchString(s.text) {
			return finding{s, c.rank, c}
		}
	}
	return finding{s, s.rank(), nil}
}

// rank is that of a statement without a known cause.
func (s statement) rank() rank {
	switch s.kind {
	case logLine:
		return severity(s.text)
	case stackEvent, reason:
		return own
	case exit:
		return health
	case stepProblem:
		return problem
	}
	return silent
}

// sentence tells the cause and who says so.
func (f finding) sentence() string {
	text := packing.ReplaceAllString(oneLine(f.told()), "")
	if f.cause != nil && f.cause.says != "" {
		return cut(f.cause.says+": "+text, longest)
	}
	return cut(text, longest)
}

// packing is what ECS wraps its reasons in.
var packing = regexp.MustCompile(`unable to pull secrets or registry auth: |execution resource retrieval failed: |(pull image manifest|service call|create stream) has been retried \d+ times?(\(s\))?: |time\(s\): `)

// longest is how many characters of a sentence are told.
const longest = 400

// told is the statement with who said it, where that isn't plain.
func (f finding) told() string {
	switch f.kind {
	case logLine:
		return f.by + " says: " + message(f.text)
	case stackEvent:
		return f.by + ": " + f.text
	}
	return f.text
}

// statements are what was said, in the order of time.
func statements(evidence Evidence, problem string) []statement {
	evidence = evidence.sorted()
	var said []statement
	for _, task := range evidence.Tasks {
		if !task.scaledIn() {
			said = append(said, task.statements()...)
		}
	}
	for _, event := range evidence.Events {
		said = append(said, event.statement())
	}
	if problem != "" {
		said = append(said, statement{kind: stepProblem, text: problem})
	}
	return said
}

// scaling is how ECS says that it stopped a task which was only too many.
var scaling = regexp.MustCompile(`(?i)^scaling activity initiated by`)

// scaledIn says whether a task was stopped because there was one too many.
func (t Task) scaledIn() bool { return scaling.MatchString(t.StoppedReason) }

// statements are the containers' lines and ends, then ECS's reasons.
func (t Task) statements() []statement {
	var lines, ends []statement
	for _, c := range t.guilty() {
		for _, line := range c.Lines {
			lines = append(lines, statement{logLine, c.Name, line, t.StoppedAt})
		}
		if end := t.end(c); end != "" {
			ends = append(ends, statement{exit, c.Name, end, t.StoppedAt})
		}
	}
	return slices.Concat(lines, ends, t.reasons())
}

// reasons are ECS's.
func (t Task) reasons() []statement {
	var said []statement
	for _, c := range t.Containers {
		if c.Reason != "" {
			said = append(said, statement{reason, c.Name, "container " + c.Name + ": " + c.Reason, t.StoppedAt})
		}
	}
	if t.StoppedReason != "" {
		said = append(said, statement{reason, t.ID, t.StoppedReason, t.StoppedAt})
	}
	if t.StopCode != "" {
		said = append(said, statement{reason, t.ID, "stop code " + t.StopCode, t.StoppedAt})
	}
	return said
}

// guilty are the containers that ended by themselves: ECS then stops the others,
// whose end tells nothing. Where none did, it may have been any.
func (t Task) guilty() []Container {
	var guilty []Container
	for _, c := range t.Containers {
		if c.failed() {
			guilty = append(guilty, c)
		}
	}
	if guilty == nil {
		return t.Containers
	}
	return guilty
}

// Exit codes of a container that was killed, and of one that was told to stop.
const (
	killed    = 137
	toldToEnd = 143
)

// failed says whether a container ended badly and by itself.
func (c Container) failed() bool {
	if c.ExitCode == nil || *c.ExitCode == 0 || *c.ExitCode == toldToEnd {
		return false
	}
	return *c.ExitCode != killed || strings.Contains(c.Reason, "OutOfMemory")
}

// Stop codes of a task that ended by itself.
const (
	essentialExited = "EssentialContainerExited"
	failedToStart   = "TaskFailedToStart"
)

// byItself says whether a task ended by itself. Where ECS or somebody else ended
// it, its containers' exit codes tell nothing.
func (t Task) byItself() bool {
	return t.StopCode == essentialExited || t.StopCode == failedToStart || t.StopCode == ""
}

// end is how a container ended, where that was not well.
func (t Task) end(c Container) string {
	switch {
	case c.Health == "UNHEALTHY":
		return "container " + c.Name + " is UNHEALTHY"
	case c.ExitCode != nil && t.byItself() && (*c.ExitCode != 0 || t.StopCode == essentialExited):
		return fmt.Sprintf("container %s exited with code %d%s", c.Name, *c.ExitCode, c.lastWords())
	}
	return ""
}

// lastWords are the last line of a container.
func (c Container) lastWords() string {
	for _, line := range slices.Backward(c.Lines) {
		if strings.TrimSpace(line) != "" {
			return `; its last line is "` + message(line) + `"`
		}
	}
	return ""
}

// statement is what an event says. One of another source than these is shown,
// and is never a cause.
func (e Event) statement() statement {
	s := statement{by: e.Source, text: e.Text, at: e.At}
	switch {
	case e.Source == FromECS:
		s.kind = ecsEvent
	case strings.HasPrefix(e.Source, fromStack):
		s.kind = stackEvent
	}
	return s
}

var (
	// lastCall is how programs say that they give up; Node prints the class of the
	// error that nobody caught at the beginning of a line.
	lastCall = regexp.MustCompile(`(?i)^\s*"?(fatal|critical|panic)\b|^\s*(Uncaught\s+)?\w*(Error|Exception)\b.*:|UnhandledPromiseRejection`)
	// complaint is how they say that something is wrong.
	complaint = regexp.MustCompile(`^\s*(?i:error)\b|^\s*(\S+\s+){0,3}(\[ *(?i:error) *\]|ERROR\b)|\blevel"?[=:]\s*"?error\b`)
)

// severity is how bad a log line is.
func severity(line string) rank {
	level := parse(line).Level
	switch {
	case level == "fatal" || level == "critical" || lastCall.MatchString(line):
		return fatal
	case level == "error" || complaint.MatchString(line):
		return own
	}
	return silent
}

// record is what application and jobs write as a line.
type record struct {
	Level   string         `json:"level"`
	Message string         `json:"message"`
	Data    map[string]any `json:"data"`
}

// told is a record as people read it: its level, message and data.
var told = regexp.MustCompile(`^(debug|info|warn|error|fatal|critical) (.*?)(?: (\{.*\}))?$`)

// parse reads a line as a record, as JSON or as people read it; one that is none
// is its own message.
func parse(line string) record {
	var r record
	if json.Unmarshal([]byte(line), &r) == nil && r.Message != "" {
		return r
	}
	if parts := told.FindStringSubmatch(line); parts != nil && parts[2] != "" {
		r = record{Level: parts[1], Message: parts[2]}
		if parts[3] != "" && json.Unmarshal([]byte(parts[3]), &r.Data) != nil {
			r.Message += " " + parts[3]
		}
		return r
	}
	return record{Message: line}
}

// details are what of a record's data tells more than its message.
var details = []string{"code", "error", "cause"}

// message is a line as people say it: a record's message, with the code or the
// error that its data has.
func message(line string) string {
	r := parse(line)
	said := r.Message
	for _, key := range details {
		if detail := text(r.Data[key]); detail != "" && !strings.Contains(said, detail) {
			said += " (" + detail + ")"
		}
	}
	return said
}

// text is a value of a record's data: itself, or its message.
func text(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case map[string]any:
		return text(v["message"])
	}
	return ""
}

// cut shortens a text to so many characters.
func cut(text string, longest int) string {
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	return text
}
