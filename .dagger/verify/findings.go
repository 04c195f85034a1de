// Package verify looks, before anything is changed, for what would stop a
// deployment: one look over the whole plan that tells everything at once, each
// with where it is and how to mend it. It only reads.
package verify

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Severity is what a finding means for a deployment.
type Severity string

const (
	// Blocker stops it, and it can't mend that itself.
	Blocker Severity = "blocker"
	// Warning is what it waits for or mends itself, what may go wrong in it, or
	// what could not be looked at.
	Warning Severity = "warning"
	// OK is what was looked at and is fine.
	OK Severity = "ok"
	// Skipped is what the environment's configuration or state makes pointless to
	// look at.
	Skipped Severity = "skipped"
)

// order is how findings are listed.
var order = []Severity{Blocker, Warning, OK, Skipped}

// Finding is one thing that was found.
type Finding struct {
	// Check is the name of what looked, e.g. "certificate".
	Check    string   `json:"check"`
	Severity Severity `json:"severity"`
	// What is the case, e.g. "the certificate is PENDING_VALIDATION".
	What string `json:"what"`
	// Where it is: an ARN, a name in AWS, or a key of a configuration file.
	Where string `json:"where,omitempty"`
	// Why it matters, or how it comes about.
	Why string `json:"why,omitempty"`
	// Fix is what to do, as a command where there is one.
	Fix string `json:"fix,omitempty"`
}

// Findings are a look's, the blockers first.
type Findings []Finding

// Of are those of a severity.
func (f Findings) Of(severity Severity) Findings {
	var some Findings
	for _, finding := range f {
		if finding.Severity == severity {
			some = append(some, finding)
		}
	}
	return some
}

// Blockers are those that stop a deployment.
func (f Findings) Blockers() Findings { return f.Of(Blocker) }

// Summary counts them: "1 blocker, 2 warnings, 12 ok, 3 skipped".
func (f Findings) Summary() string {
	var parts []string
	for _, severity := range order {
		n := len(f.Of(severity))
		word := string(severity)
		if n != 1 && (severity == Blocker || severity == Warning) {
			word += "s"
		}
		parts = append(parts, fmt.Sprintf("%d %s", n, word))
	}
	return strings.Join(parts, ", ")
}

// Text is for a person: a line each, and below it why it matters and the fix.
func (f Findings) Text() string {
	var text strings.Builder
	for _, finding := range f {
		text.WriteString(finding.text())
	}
	text.WriteString(f.Summary() + "\n")
	return text.String()
}

// margin is as wide as the longest severity and two spaces.
const margin = 9

func (f Finding) text() string {
	line := fmt.Sprintf("%-*s%s: %s", margin, f.Severity, f.Check, f.What)
	if f.Where != "" {
		line += " (" + f.Where + ")"
	}
	for _, more := range [][2]string{{"why", f.Why}, {"fix", f.Fix}} {
		if more[1] != "" {
			line += fmt.Sprintf("\n%*s%s: %s", margin, "", more[0], more[1])
		}
	}
	return line + "\n"
}

// JSON is for a program: a list, with what was skipped and why.
func (f Findings) JSON() string {
	text, _ := json.MarshalIndent(append(Findings{}, f...), "", "  ") // texts always have a JSON form
	return string(text) + "\n"
}

// sorted puts the blockers first and leaves the order of the checks otherwise.
func sorted(all Findings) Findings {
	slices.SortStableFunc(all, func(a, b Finding) int {
		return slices.Index(order, a.Severity) - slices.Index(order, b.Severity)
	})
	return all
}
