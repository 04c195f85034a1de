package changes

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Report writes the changes for a reader: a terminal without colour, a log, a
// pull request's comment.
func (c Changes) Report(w io.Writer) error {
	var b strings.Builder
	if c.Before+c.After != "" {
		fmt.Fprintf(&b, "%s → %s\n\n", c.Before, c.After)
	}
	c.section(&b, "SECURITY", c.Security)
	c.section(&b, "DESTRUCTIVE", c.Destructive)
	c.stacks(&b)
	c.section(&b, "OTHER", c.Rest)
	b.WriteString(c.summary())
	_, err := io.WriteString(w, b.String())
	return err
}

// Text is the report.
func (c Changes) Text() string {
	var b strings.Builder
	_ = c.Report(&b) // a Builder takes everything
	return b.String()
}

// section writes resources under a title, grouped by their stacks. Those that
// change alike are one entry.
func (c Changes) section(b *strings.Builder, title string, resources []Resource) {
	if len(resources) == 0 {
		return
	}
	b.WriteString(title + "\n")
	stack := ""
	for _, r := range alike(resources) {
		if r.Stack != stack {
			stack = r.Stack
			b.WriteString("  " + stack + "\n")
		}
		fmt.Fprintf(b, "    %s %s (%s) %s\n", c.sign(r.Action), r.ID, r.Type, c.word(r))
		for _, line := range r.Lines {
			b.WriteString("        " + c.line(line) + "\n")
		}
	}
	b.WriteString("\n")
}

// alike makes one of the resources of a stack that change alike: ten log groups
// that are kept longer.
func alike(resources []Resource) []Resource {
	var list []Resource
	for _, r := range resources {
		at := slices.IndexFunc(list, func(o Resource) bool {
			return len(r.Lines) > 0 && o.Stack == r.Stack && o.Type == r.Type && o.Action == r.Action && o.Note == r.Note && slices.Equal(o.Lines, r.Lines)
		})
		if at < 0 {
			list = append(list, r)
			continue
		}
		list[at].ID += ", " + r.ID
	}
	return list
}

// sign is "+", "-", "~" or, for a replacement, "!".
func (Changes) sign(action Action) string {
	return map[Action]string{Added: "+", Removed: "-", Changed: "~", Replaced: "!"}[action]
}

// word says what happens, and what becomes of the data.
func (c Changes) word(r Resource) string {
	said := c.action(r.Action)
	if r.Note != "" {
		said += ": " + r.Note
	}
	return said
}

// action says what happens; between two environments nothing does.
func (c Changes) action(action Action) string {
	if !c.Environments {
		return string(action)
	}
	return map[Action]string{Added: "only in " + c.After, Removed: "only in " + c.Before, Changed: "differs"}[action]
}

// line reads "path: old → new", or "+ path: new" where there was nothing.
func (c Changes) line(l Line) string {
	before, after := shorten(l.Before, l.After)
	note := ""
	if l.Replaces {
		note = "  (replaces the resource)"
	}
	switch {
	case l.Before == "":
		return "+ " + l.Path + ": " + after + note
	case l.After == "":
		return "- " + l.Path + ": " + before + note
	default:
		return "~ " + l.Path + ": " + before + " → " + after + note
	}
}

// stacks writes the stacks that only one set has.
func (c Changes) stacks(b *strings.Builder) {
	if len(c.Stacks) == 0 {
		return
	}
	b.WriteString("STACKS\n")
	for _, stack := range c.Stacks {
		fmt.Fprintf(b, "    %s %s %s%s: %d resources\n", c.sign(stack.Action), stack.Name, c.action(stack.Action), c.stays(stack), stack.total())
		for _, count := range stack.Types {
			fmt.Fprintf(b, "        %3d × %s\n", count.Count, count.Type)
		}
	}
	b.WriteString("\n")
}

// stays says that deploying deletes no stack.
func (c Changes) stays(stack Stack) string {
	if c.Environments || stack.Action != Removed {
		return ""
	}
	return " from the templates (a deployment leaves the stack as it is)"
}

// total is how many resources a stack has.
func (s Stack) total() int {
	total := 0
	for _, count := range s.Types {
		total += count.Count
	}
	return total
}

// summary counts each resource once, by the worst that happens to it.
func (c Changes) summary() string {
	if c.Empty() {
		return "No differences." + c.hidden() + "\n"
	}
	found := map[Action]int{}
	seen := map[[2]string]bool{}
	for _, r := range slices.Concat(c.Destructive, c.Security, c.Rest) {
		if key := [2]string{r.Stack, r.ID}; r.Type != OutputType && !c.withStack(r) && !seen[key] {
			seen[key] = true
			found[r.Action]++
		}
	}
	for _, stack := range c.Stacks {
		found[stack.Action] += stack.total()
	}
	var parts []string
	for _, action := range []Action{Added, Removed, Replaced, Changed} {
		if found[action] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", found[action], strings.Replace(c.action(action), "differs", "differ", 1)))
		}
	}
	if len(parts) == 0 {
		parts = []string{"none"}
	}
	return fmt.Sprintf("Resources: %s. Concerning security: %d. Destructive: %d.%s\n",
		strings.Join(parts, ", "), len(c.Security), len(c.Destructive), c.hidden())
}

// withStack says whether a resource is counted with its stack.
func (c Changes) withStack(r Resource) bool {
	for _, stack := range c.Stacks {
		if stack.Name == r.Stack {
			return true
		}
	}
	return false
}

// hidden says what isn't shown.
func (c Changes) hidden() string {
	if c.Hidden == 0 {
		return ""
	}
	return fmt.Sprintf(" Not shown: %d changed hashes of the CDK's own assets.", c.Hidden)
}

// Widths of a line's values, in characters.
const (
	widest  = 160 // of a value that is shown whole
	context = 40  // around what differs
)

// shorten cuts two long values down to where they differ. What is new or gone is
// shown whole: a rule must not lose its end.
func shorten(before, after string) (string, string) {
	b, a := []rune(before), []rune(after)
	if before == "" || after == "" || len(b) <= widest && len(a) <= widest {
		return before, after
	}
	start, end := 0, 0
	for start < min(len(b), len(a)) && b[start] == a[start] {
		start++
	}
	for end < min(len(b), len(a))-start && b[len(b)-1-end] == a[len(a)-1-end] {
		end++
	}
	return cut(b, start, end), cut(a, start, end)
}

// cut keeps what differs and some of what is around it, and of that the
// beginning.
func cut(value []rune, start, end int) string {
	from, to := max(start-context, 0), min(len(value)-end+context, len(value))
	to = min(to, from+widest)
	text := string(value[from:to])
	if from > 0 {
		text = "…" + text
	}
	if to < len(value) {
		text += "…"
	}
	return text
}
