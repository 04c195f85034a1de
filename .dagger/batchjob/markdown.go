package batchjob

import (
	"fmt"
	"strings"

	"github.com/prooflink/prooflink/.dagger/report"
)

// Markdown is the job for GitHub's step summary.
func (o Outcome) Markdown() string {
	var text strings.Builder
	fmt.Fprintf(&text, "## %s\n\n| | |\n|---|---|\n", cell(o.headline()))
	for _, row := range o.rows() {
		fmt.Fprintf(&text, "| %s | %s |\n", row[0], cell(row[1]))
	}
	if title, problems := o.problems(); len(problems) > 0 {
		fmt.Fprintf(&text, "\n%s:\n\n%s", title, fenced(problems))
	}
	fmt.Fprintf(&text, "\nNext:\n\n%s", fenced(o.next()))
	return text.String()
}

// fenced are lines as they are, between fences that are longer than any in them.
func fenced(lines []string) string {
	fence, body := "```", strings.Join(lines, "\n")
	for strings.Contains(body, fence) {
		fence += "`"
	}
	return fence + "text\n" + body + "\n" + fence + "\n"
}

// cell makes a text say itself in a table's cell; an address stays a link.
func cell(text string) string {
	if strings.HasPrefix(text, "https://") {
		return "<" + text + ">"
	}
	return report.Escape(text)
}
