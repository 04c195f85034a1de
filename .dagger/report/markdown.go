package report

import (
	"fmt"
	"html"
	"strings"
)

// Markdown is the report for GitHub's step summary: what to know on top, the
// details folded.
func (f *Failure) Markdown() string {
	s := f.shown()
	var p page
	p.line("## " + Escape(s.headline()))
	p.line("")
	p.line("**" + Escape(s.Cause) + "**")
	p.line("")
	if s.Problem != "" && oneLine(s.Problem) != s.Cause {
		p.line("Error: " + Escape(cut(oneLine(s.Problem), mostProblem)) + "\n")
	}
	if s.Running != "" {
		p.line("Running now: " + Escape(s.Running) + "\n")
	}
	p.hints(s.Hints)
	p.folded(s.Evidence)
	p.commands(s.Next)
	p.links(s.Links)
	return p.String()
}

// hints writes a table.
func (p *page) hints(hints []Hint) {
	if len(hints) == 0 {
		return
	}
	p.line("| Likely cause | Fix |\n|---|---|")
	for _, hint := range hints {
		p.line("| " + Escape(hint.What) + " | " + Escape(hint.Fix) + " |")
	}
	p.line("")
}

// folded writes the evidence.
func (p *page) folded(e Evidence) {
	groups, events := alike(e.Tasks), telling(e.Events)
	for _, group := range groups[:min(len(groups), mostTasks)] {
		p.foldedTask(group)
	}
	if len(events) == 0 {
		return
	}
	p.line(fmt.Sprintf("<details><summary>Events (%d)</summary>\n", len(events)))
	p.line("| Time (UTC) | Who | What |\n|---|---|---|")
	for _, event := range events[:min(len(events), mostEvents)] {
		p.line("| " + clock(event.At) + " | " + Escape(event.Source) + " | " + Escape(event.Text) + " |")
	}
	p.line("\n</details>\n")
}

// foldedTask writes the first of tasks that ended alike.
func (p *page) foldedTask(g group) {
	p.line("<details><summary>" + html.EscapeString(clock(g.first.StoppedAt)+" "+g.title()) + "</summary>\n")
	p.line("| Container | End | Log group |\n|---|---|---|")
	for _, c := range g.first.Containers {
		p.line("| " + Escape(c.Name) + " | " + Escape(strings.TrimPrefix(c.title(), c.Name+", ")) + " | " + Escape(c.LogGroup) + " |")
	}
	for _, c := range g.first.Containers {
		if len(c.Lines) > 0 {
			p.line("\nLast lines of " + Escape(c.Name) + ":\n")
			p.fence(c.Lines)
		}
	}
	p.line("\n</details>\n")
}

// fence writes lines as they are, between fences that are longer than any in them.
func (p *page) fence(lines []string) {
	fence := "```"
	for strings.Contains(strings.Join(lines, "\n"), fence) {
		fence += "`"
	}
	p.line(fence + "text")
	for _, line := range lines {
		p.line(cut(line, widest))
	}
	p.line(fence)
}

// commands writes what to type.
func (p *page) commands(commands []string) {
	if len(commands) > 0 {
		p.line("Next:\n")
		p.fence(commands)
		p.line("")
	}
}

// links writes where to look.
func (p *page) links(links []Link) {
	var list []string
	for _, link := range links {
		list = append(list, "["+Escape(link.Name)+"](<"+strings.NewReplacer("<", "%3C", ">", "%3E").Replace(link.URL)+">)")
	}
	if len(list) > 0 {
		p.line(strings.Join(list, " · "))
	}
}

// Escape makes a text say itself in Markdown, in a table's cell too.
func Escape(text string) string {
	text = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
	return strings.NewReplacer(
		`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "|", `\|`, "[", `\[`, "]", `\]`, "#", `\#`, "~", `\~`, "@", "&#64;",
		"\r", "", "\n", "<br>",
	).Replace(text)
}
