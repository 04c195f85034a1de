package batchjob

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/prooflink/prooflink/.dagger/report"
)

// mostProblems is how many rejections are shown.
const mostProblems = 5

// Text is the job for people: how it ended and what that means first, then its
// times, counts, first rejections, where its files are, and what to type next.
func (o Outcome) Text() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n\n", o.headline())
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range o.rows() {
		fmt.Fprintf(table, "%s\t%s\n", row[0], strings.ReplaceAll(row[1], "\n", "\n\t"))
	}
	_ = table.Flush() // a Builder takes everything
	if title, problems := o.problems(); len(problems) > 0 {
		fmt.Fprintf(&text, "\n%s\n  %s\n", title, strings.Join(problems, "\n  "))
	}
	fmt.Fprintf(&text, "\nNext: %s\n", strings.Join(o.next(), "\n      "))
	return text.String()
}

// headline says which job it is, its state and what that means.
func (o Outcome) headline() string {
	text := o.JobName + ": " + o.Status
	if o.ExitCode != nil {
		text += fmt.Sprintf(", exit code %d", *o.ExitCode)
	}
	return text + ": " + o.Meaning
}

// rows are what fits into a table of two columns; those without a value are
// left out.
func (o Outcome) rows() [][2]string {
	all := [][2]string{
		{"Job", o.Job + ", " + o.Definition}, {"Id", o.JobID}, {"Started by", o.Executor}, {"Input", place(o.inputBucket, o.InputKey)},
		{"Submitted", stamp(o.Created)}, {"Durations", o.durations()}, {"Attempts", o.attempts()}, {"Rows", o.counted()},
		{"Reason", o.given()}, {"Cause", o.Cause}, {"First error", o.FirstError}, {"Fix", o.Fix},
		{"Result", o.resultPlace()}, {"Rejected", place(o.Bucket, o.rejectedKey())},
	}
	for _, note := range o.Notes {
		all = append(all, [2]string{"Note", note})
	}
	all = append(all, [][2]string{{"Log", o.log()}, {"Console", o.Console}}...)
	var rows [][2]string
	for _, row := range all {
		if row[1] != "" {
			rows = append(rows, row)
		}
	}
	return rows
}

// given is the reason that Batch gives, where the job failed and the meaning
// doesn't have it.
func (o Outcome) given() string {
	if o.Status == "SUCCEEDED" || strings.Contains(o.Meaning, o.reason()) || o.reason() == usual {
		return ""
	}
	return o.reason()
}

// usual is the reason of a job whose container ended by itself.
const usual = "Essential container in task exited"

// durations are how long it waited, ran and took.
func (o Outcome) durations() string {
	var parts []string
	for _, part := range []struct {
		form string
		took time.Duration
	}{{"%s until it started", o.queued()}, {"ran %s", o.ran()}, {"%s in all", o.took()}} {
		if part.took > 0 {
			parts = append(parts, fmt.Sprintf(part.form, whole(part.took)))
		}
	}
	return strings.Join(parts, ", ")
}

// attempts are how each attempt ended, where there was more than one.
func (o Outcome) attempts() string {
	if len(o.Attempts) < 2 {
		return ""
	}
	lines := []string{fmt.Sprintf("%d of %d", len(o.Attempts), o.MostAttempts)}
	for _, a := range o.Attempts {
		lines = append(lines, a.line())
	}
	return strings.Join(lines, "\n")
}

// line is an attempt in one line.
func (a Attempt) line() string {
	line := fmt.Sprintf("%d: ", a.Number)
	switch {
	case a.Stopped.IsZero():
		return line + "since " + stamp(a.Started)
	case a.ExitCode != nil:
		line += fmt.Sprintf("exit code %d, ", *a.ExitCode)
	}
	if a.ran() > 0 {
		line += "ran " + whole(a.ran()) + ", "
	}
	return line + a.end()
}

// counted are the rows with their speed, of an import that came to its end.
func (o Outcome) counted() string {
	if o.Result == nil || !o.finished() {
		return ""
	}
	return o.Result.Counted()
}

// resultPlace is where the result is, if there is one.
func (o Outcome) resultPlace() string {
	if o.Result == nil {
		return ""
	}
	return place(o.Bucket, o.ResultKey)
}

// log is where the last attempt's log is, if there is one.
func (o Outcome) log() string {
	if o.LogStream == "" {
		return ""
	}
	return o.LogGroup + " " + o.LogStream
}

// place is an object's address.
func place(bucket, key string) string {
	if key == "" || bucket == "" {
		return key
	}
	return "s3://" + bucket + "/" + key
}

// problems are the first rows that were rejected, with a title.
func (o Outcome) problems() (title string, lines []string) {
	if o.Result == nil {
		return "", nil
	}
	some := o.Result.Errors[:min(len(o.Result.Errors), mostProblems)]
	for _, problem := range some {
		lines = append(lines, problem.String())
	}
	title = "Problems"
	if o.Result.Rejected > int64(len(some)) || len(o.Result.Errors) > len(some) {
		title = fmt.Sprintf("The first %d problems of %d rejected rows", len(some), o.Result.Rejected)
	}
	return title, lines
}

// String is a problem in one line.
func (p Problem) String() string {
	where := "the file"
	if p.Line != nil {
		where = fmt.Sprintf("line %d", *p.Line)
	}
	if p.Column != "" {
		where += ", " + plain(p.Column)
	}
	return where + ": " + plain(p.Reason)
}

// next are the commands that help now.
func (o Outcome) next() []string {
	id := o.JobID
	if !o.over() {
		return []string{bare(command(o.Env, "logs", id, "--follow")), bare(command(o.Env, "cancel", id))}
	}
	var list []string
	if o.Result != nil {
		list = append(list, bare(command(o.Env, "result", id)))
	}
	if o.LogStream != "" {
		list = append(list, bare(command(o.Env, "logs", id)))
	}
	return append(list, "dagger call batch-list --env "+o.Env)
}

// bare is a command without its quotes.
func bare(quoted string) string { return strings.Trim(quoted, "`") }

// whole is a length of time in seconds: "2m5s"; one of less than ten has a
// decimal.
func whole(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return short(d.Round(time.Second))
}

// short is a length of time without what is zero: "15m", not "15m0s".
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// stamp is a time as it is shown; empty where it isn't known.
func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02 15:04:05 UTC")
}

// plain is a text that may be shown: without credentials, and without what would
// command a terminal.
func plain(text string) string {
	return report.Mask(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return ' '
		}
		return r
	}, text))
}

// firstLine is a text's.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
