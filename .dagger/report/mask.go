package report

import (
	"regexp"
	"strings"
	"unicode"
)

// secrets are what credentials look like in a line, and what is shown instead.
// Words like "secret" count only where a value follows: a secret's ARN stays.
var secrets = []struct {
	looks *regexp.Regexp
	shown string
}{
	// postgresql://user:password@host
	{regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://[^\s:/@"']*:)[^\s"']+@`), "${1}***@"},
	// PASSWORD=…, "dbPassword": "…", token='…', also in a JSON text within a JSON text
	{regexp.MustCompile(`(?i)\b([\w.-]*(?:password|passwd|pwd|secret|token|api_?key|access_?key(?:_?id)?|private_?key|credentials?)\\?["']?\s*=\s*)(?:\\?"[^"]*"|\\?'[^']*'|[^\s"',;&})\]]+)`), "${1}***"},
	{regexp.MustCompile(`(?i)(\\"[\w.-]*(?:password|passwd|pwd|secret|token|api_?key|access_?key(?:_?id)?|private_?key|credentials?)\\"\s*:\s*)(?:\\"(?:[^"\\]|\\[^"])*\\"|[^\s"',;&})\]\\]+)`), "${1}***"},
	{regexp.MustCompile(`(?i)(["'][\w.-]*(?:password|passwd|pwd|secret|token|api_?key|access_?key(?:_?id)?|private_?key|credentials?)["']\s*:\s*)(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"',;&})\]]+)`), "${1}***"},
	// password: …
	{regexp.MustCompile(`(?i)\b((?:[\w.-]*_)?(?:password|passwd|pwd)\s*:\s*)[^\s"',;]+`), "${1}***"},
	// access keys and the session tokens of AWS
	{regexp.MustCompile(`\b(A[KS]IA)[A-Z0-9]{12,}`), "${1}***"},
	{regexp.MustCompile(`\b(?:IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz)[A-Za-z0-9+/=%_-]+`), "***"},
	{regexp.MustCompile(`(?i)(X-Amz-(?:Signature|Credential|Security-Token)=)[^&\s"']+`), "${1}***"},
	// Authorization headers and JSON web tokens
	{regexp.MustCompile(`(?i)\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}`), "${1}***"},
	{regexp.MustCompile(`\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?`), "***"},
	{regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|$)`), "***"},
}

// Mask hides what looks like a credential.
func Mask(text string) string {
	for _, secret := range secrets {
		text = secret.looks.ReplaceAllString(text, secret.shown)
	}
	return text
}

// colours are a terminal's commands.
var colours = regexp.MustCompile(`\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)`)

// clean is a text that may be shown: masked, and without what would command the
// terminal.
func clean(text string) string {
	text = colours.ReplaceAllString(text, "")
	text = strings.ReplaceAll(text, "\t", "    ")
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return -1
		}
		return r
	}, text)
	return Mask(text)
}

// oneLine is a clean text in one line.
func oneLine(text string) string { return strings.Join(strings.Fields(clean(text)), " ") }

// shown is the report as it may be shown.
func (f *Failure) shown() Failure {
	s := *f
	s.Command, s.Problem, s.Cause, s.Running = Mask(s.Command), clean(s.Problem), oneLine(s.Cause), oneLine(s.Running)
	s.Step = oneLine(s.Step)
	s.Evidence = s.Evidence.shown()
	s.Hints, s.Links, s.Next = listed(s.Hints), listed(s.Links), listed(s.Next)
	for i, command := range s.Next {
		s.Next[i] = oneLine(command)
	}
	return s
}

func (e Evidence) shown() Evidence {
	e = e.sorted()
	e.Tasks, e.Events = listed(e.Tasks), listed(e.Events)
	for i, event := range e.Events {
		e.Events[i].Text = oneLine(event.Text)
	}
	for i := range e.Tasks {
		e.Tasks[i] = e.Tasks[i].shown()
	}
	return e
}

func (t Task) shown() Task {
	t.StoppedReason = oneLine(t.StoppedReason)
	containers := []Container{}
	for _, c := range t.Containers {
		c.Reason = oneLine(c.Reason)
		c.Lines = lines(c.Lines)
		containers = append(containers, c)
	}
	t.Containers = containers
	return t
}

// lines are log lines as they may be shown. A key may go over several of them,
// so they are masked together.
func lines(raw []string) []string {
	if len(raw) == 0 {
		return []string{}
	}
	return strings.Split(clean(strings.Join(raw, "\n")), "\n")
}

// listed is a list that JSON shows as [] where it is empty.
func listed[T any](list []T) []T { return append([]T{}, list...) }
