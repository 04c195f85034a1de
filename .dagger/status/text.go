package status

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/prooflink/prooflink/.dagger/record"
)

// Text is everything, for people: the verdict first, then part by part.
func (s Status) Text() string {
	var text strings.Builder
	fmt.Fprintln(&text, s.Verdict)
	if s.empty() {
		return text.String()
	}
	fmt.Fprintln(&text)
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range s.summary() {
		fmt.Fprintf(table, "%s\t%s\n", row[0], row[1])
	}
	_ = table.Flush() // a Builder takes everything
	for _, section := range s.sections() {
		section.write(&text)
	}
	return text.String()
}

// summary has what fits into a line.
func (s Status) summary() [][2]string {
	rows := [][2]string{
		{"URL", s.urlLine()},
		{"Last deploy", s.lastDeploy()},
		{"Lock", s.lockLine()},
		{"Service", s.serviceLine()},
		{"Database", s.databaseLine()},
	}
	for _, note := range s.Notes {
		rows = append(rows, [2]string{"Note", note})
	}
	for _, problem := range s.Problems {
		rows = append(rows, [2]string{"Problem", problem})
	}
	return rows
}

// notRead is what a line has whose part could not be read.
const notRead = "not read, see below"

// urlLine is where users go.
func (s Status) urlLine() string {
	if s.URL == "" && s.unread("stacks") {
		return notRead
	}
	return or(s.URL, "none yet")
}

// lastDeploy is who deployed what and when.
func (s Status) lastDeploy() string {
	switch {
	case s.unread("last deploy"):
		return notRead
	case s.Last == nil:
		return "none on record"
	}
	r := s.Last
	text := fmt.Sprintf("%s at %s (%s ago) by %s", kind(*r), stamp(r.At), age(s.At.Sub(r.At)), r.Who)
	return join(", ", text, prefixed("commit ", short(r.Commit)), r.Run)
}

// kind is the record's.
func kind(r record.Record) string { return or(r.Kind, "deploy") }

// lockLine is who has the lock.
func (s Status) lockLine() string {
	switch l := s.Lock; {
	case l == nil:
		return notRead
	case l.Held:
		return join(", ", fmt.Sprintf("%s (%s) since %s", l.Who, l.Purpose, stamp(l.Since)), prefixed("at ", l.Step), prefixed("until ", until(l.Renews, l.Expires)), l.Run)
	case l.Expired && l.Renews:
		return fmt.Sprintf("free; the run of %s (%s) had it since %s and was last seen at %s", l.Who, l.Purpose, stamp(l.Since), stamp(l.Renewed))
	}
	return "free"
}

// until is when a person's lock ends; a run renews its own.
func until(renews bool, at time.Time) string {
	if renews {
		return ""
	}
	return stamp(at)
}

// serviceLine is the service in short.
func (s Status) serviceLine() string {
	switch {
	case s.unread("service"):
		return notRead
	case s.Service == nil:
		return "none yet"
	}
	v := s.Service
	return fmt.Sprintf("%s %s: %d of %d tasks run, %d pending; %s", v.Name, v.State, v.Running, v.Desired, v.Pending, last(v.TaskDefinition))
}

// databaseLine is the database's state.
func (s Status) databaseLine() string {
	if s.Database == nil {
		return notRead
	}
	return s.Database.ID + " " + or(s.Database.State, "missing")
}

// section is a table with a title.
type section struct {
	title string
	rows  [][]string
	none  string // what to say where there are no rows; empty leaves it out
}

// write writes it.
func (t section) write(text *strings.Builder) {
	if len(t.rows) == 0 && t.none == "" {
		return
	}
	fmt.Fprintf(text, "\n%s\n", t.title)
	if len(t.rows) == 0 {
		fmt.Fprintf(text, "  %s\n", t.none)
	}
	table := tabwriter.NewWriter(text, 0, 0, 2, ' ', 0)
	for _, row := range t.rows {
		for len(row) > 0 && row[len(row)-1] == "" {
			row = row[:len(row)-1]
		}
		fmt.Fprintln(table, "  "+strings.Join(row, "\t"))
	}
	_ = table.Flush() // a Builder takes everything
}

// sections are the tables in their order. A part that could not be read is in the
// last one only.
func (s Status) sections() []section {
	return slices.Concat(
		s.section("service", "Deployments", "none", s.deploymentRows()),
		s.section("tasks", "Tasks", "none", s.taskRows()),
		s.section("targets", "Targets", "none", s.targetRows()),
		s.section("alarms", "Alarms", "none fires", s.alarmRows()),
		s.section("", "Stacks", "", s.stackRows()),
		s.section("", "Not read", "", s.unreadRows()),
	)
}

// section is one table, or none where its part could not be read.
func (s Status) section(part, title, none string, rows [][]string) []section {
	if part != "" && s.unread(part) {
		return nil
	}
	return []section{{title, rows, none}}
}

// deploymentRows are the service's deployments.
func (s Status) deploymentRows() (rows [][]string) {
	if s.Service == nil {
		return nil
	}
	for _, d := range s.Service.Deployments {
		tasks := fmt.Sprintf("%d of %d run, %d failed", d.Running, d.Desired, d.Failed)
		rows = append(rows, []string{d.State, d.Rollout, last(d.TaskDefinition), tasks, stamp(d.Created), oneLine(d.Reason)})
	}
	return rows
}

// taskRows are the tasks, each with its containers below.
func (s Status) taskRows() (rows [][]string) {
	for _, task := range s.Tasks {
		rows = append(rows, []string{short(task.ID), task.State, task.Health, last(task.TaskDefinition), task.Zone, s.since(task.Started)})
		for _, c := range task.Containers {
			rows = append(rows, []string{"  " + c.Name, c.State, c.Health, digest(c.Digest), prefixed("commit ", short(c.Commit))})
		}
	}
	return rows
}

// since is how long ago something began.
func (s Status) since(at time.Time) string {
	if at.IsZero() {
		return "not started"
	}
	return "for " + age(s.At.Sub(at))
}

// targetRows are the load balancer's targets.
func (s Status) targetRows() (rows [][]string) {
	for _, target := range s.Targets {
		rows = append(rows, []string{target.Address, target.Health, oneLine(target.Reason)})
	}
	return rows
}

// alarmRows are those that fire.
func (s Status) alarmRows() (rows [][]string) {
	for _, alarm := range s.Alarms {
		rows = append(rows, []string{alarm.Name, stamp(alarm.Since), oneLine(alarm.Reason)})
	}
	return rows
}

// stackRows are the stacks.
func (s Status) stackRows() (rows [][]string) {
	for _, stack := range s.Stacks {
		changed := ""
		if !stack.Changed.IsZero() {
			changed = stamp(stack.Changed)
		}
		rows = append(rows, []string{stack.Name, or(stack.State, "missing"), changed, oneLine(stack.Reason)})
	}
	return rows
}

// unreadRows are the parts that could not be read.
func (s Status) unreadRows() (rows [][]string) {
	for _, unread := range s.Unread {
		rows = append(rows, []string{unread.Part, oneLine(unread.Why)})
	}
	return rows
}
