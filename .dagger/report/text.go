package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// width is a terminal's.
	width = 80
	// widest is how much of a log line is shown.
	widest = 240
	// mostProblem is how much of a step's error is shown.
	mostProblem = 1000
	// mostEvents is how many events are shown: the first ones.
	mostEvents = 10
	// mostTasks is how many different ends of tasks are shown.
	mostTasks = 3
)

// Text is the report for a terminal.
func (f *Failure) Text() string {
	s := f.shown()
	var p page
	p.wrap("", s.headline())
	p.wrap("Cause:   ", s.Cause)
	if s.Problem != "" && oneLine(s.Problem) != s.Cause {
		p.wrap("Error:   ", cut(oneLine(s.Problem), mostProblem))
	}
	if s.Running != "" {
		p.wrap("Running: ", s.Running)
	}
	for _, hint := range s.Hints {
		p.line("")
		p.wrap("Likely:  ", hint.What)
		p.wrap("Fix:     ", hint.Fix)
	}
	p.evidence(s.Evidence)
	p.section("Console", len(s.Links))
	for _, link := range s.Links {
		p.line("  " + link.Name)
		p.line("    " + link.URL)
	}
	p.section("Next", len(s.Next))
	for _, command := range s.Next {
		p.line("  " + command)
	}
	return p.String()
}

// headline says what failed, where, when and how.
func (f Failure) headline() string {
	line := f.Command + ": " + f.Outcome
	if f.Step != "" {
		line += " in step \"" + f.Step + "\""
	}
	if f.Took > 0 {
		line += " after " + f.Took.Round(time.Second).String()
	}
	if !f.At.IsZero() {
		line += " (" + f.At.UTC().Format("2006-01-02 15:04 UTC") + ")"
	}
	return line
}

// page is text that is being written.
type page struct{ strings.Builder }

func (p *page) line(text string) { p.WriteString(text + "\n") }

// section begins a part that has so many lines, if it has any.
func (p *page) section(title string, lines int) {
	if lines > 0 {
		p.line("")
		p.line(title)
	}
}

// wrap writes words after a label, in lines of a terminal's width; those after
// the first begin below the first word.
func (p *page) wrap(label, text string) {
	line, below := label, strings.Repeat(" ", utf8.RuneCountInString(label))
	filled := false
	for _, word := range strings.Fields(text) {
		if filled && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			p.line(line)
			line, filled = below, false
		}
		if filled {
			line += " "
		}
		line, filled = line+word, true
	}
	p.line(strings.TrimRight(line, " "))
}

// evidence writes what was seen.
func (p *page) evidence(e Evidence) {
	groups, events := alike(e.Tasks), telling(e.Events)
	p.section("Seen", len(groups)+len(events))
	for _, group := range groups[:min(len(groups), mostTasks)] {
		p.task(group)
	}
	if more := len(groups) - mostTasks; more > 0 {
		p.line(fmt.Sprintf("  and tasks that ended in %d more ways", more))
	}
	for _, event := range events[:min(len(events), mostEvents)] {
		p.wrap("  "+clock(event.At)+" ", event.Source+": "+event.Text)
	}
	if more := len(events) - mostEvents; more > 0 {
		p.line(fmt.Sprintf("  and %s", count(more, "event")))
	}
}

// task writes the first of tasks that ended alike.
func (p *page) task(g group) {
	p.wrap("  "+clock(g.first.StoppedAt)+" ", g.title())
	for _, c := range g.first.Containers {
		p.wrap("    ", c.title())
		if c.LogGroup != "" && len(c.Lines) > 0 {
			p.line("      " + c.LogGroup)
		}
		for _, line := range c.Lines {
			p.line("      | " + cut(line, widest))
		}
	}
}

// title says which task ended and why.
func (g group) title() string {
	t := g.first
	line := "task " + short(t.ID) + " of " + t.Definition + " stopped"
	if t.StoppedReason != "" {
		line += ": " + t.StoppedReason
	}
	if t.StopCode != "" {
		line += " (" + t.StopCode + ")"
	}
	if g.more > 0 {
		line += fmt.Sprintf("; and %s like it", count(g.more, "task"))
	}
	return line
}

// title says how a container ended.
func (c Container) title() string {
	words := []string{c.Name}
	switch {
	case c.ExitCode != nil:
		words = append(words, fmt.Sprintf("exit code %d", *c.ExitCode))
	default:
		words = append(words, "no exit code")
	}
	if c.Health == "UNHEALTHY" {
		words = append(words, "unhealthy")
	}
	if c.Reason != "" {
		words = append(words, c.Reason)
	}
	return strings.Join(words, ", ")
}

// group is tasks that ended alike.
type group struct {
	first Task
	more  int
}

// alike groups tasks by how they ended, the earliest first; one whose lines are
// known stands for its group.
func alike(tasks []Task) []group {
	var groups []group
	for _, task := range (Evidence{Tasks: tasks}).sorted().Tasks {
		i := slices.IndexFunc(groups, func(g group) bool { return g.first.ending() == task.ending() })
		if i < 0 {
			groups = append(groups, group{first: task})
			continue
		}
		groups[i].more++
		if !groups[i].first.written() && task.written() {
			groups[i].first = task
		}
	}
	slices.SortStableFunc(groups, func(a, b group) int { return order(a.first.scaledIn()) - order(b.first.scaledIn()) })
	return groups
}

// order puts what is only scaling last.
func order(scaledIn bool) int {
	if scaledIn {
		return 1
	}
	return 0
}

// ending is what tasks that ended alike have in common.
func (t Task) ending() string {
	words := []string{t.Definition, t.StopCode, t.StoppedReason}
	for _, c := range t.Containers {
		words = append(words, c.title())
	}
	return strings.Join(words, "\x00")
}

// written says whether a container's lines are known.
func (t Task) written() bool {
	return slices.ContainsFunc(t.Containers, func(c Container) bool { return len(c.Lines) > 0 })
}

// telling are the events to show: a stack's first failures, and what ECS says
// besides its counting.
func telling(events []Event) []Event {
	var kept []Event
	for _, event := range events {
		if !routine.MatchString(event.Text) {
			kept = append(kept, event)
		}
	}
	return kept
}

// routine is what ECS says of every deployment.
var routine = regexp.MustCompile(`has (started|stopped) \d+ (running )?tasks|(de)?registered \d+ targets|has begun draining|has reached a steady state|deployment completed`)

// clock is a time of day in UTC.
func clock(at time.Time) string {
	if at.IsZero() {
		return "--:--:--"
	}
	return at.UTC().Format("15:04:05")
}

// count is a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 more " + thing
	}
	return fmt.Sprintf("%d more %ss", n, thing)
}
