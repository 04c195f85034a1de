package config

import (
	"fmt"
	"sort"
	"strings"
)

// Problem is one mistake in a file.
type Problem struct {
	// File is as the user would open it.
	File string
	// Line is counted from 1; 0 means the file as a whole.
	Line int
	// Path is the key, e.g. "network.natGateways".
	Path string
	// Value is what is written there, where it is a single value.
	Value string
	// Reason says why it is refused.
	Reason string
	// Fix says what to write instead.
	Fix string
}

// Error reads "file:line: path: value: reason; fix".
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	for _, part := range []string{p.Path, p.Value, p.Reason} {
		if part != "" {
			b.WriteString(": " + part)
		}
	}
	if p.Fix != "" {
		b.WriteString("; " + p.Fix)
	}
	return b.String()
}

// Problems is every mistake in a file, in the order of their lines.
type Problems []Problem

// Error has one problem per line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives errors.As each problem.
func (p Problems) Unwrap() []error {
	all := make([]error, len(p))
	for i, problem := range p {
		all[i] = problem
	}
	return all
}

// asError is nil where there is no problem.
func (p Problems) asError() error {
	if len(p) == 0 {
		return nil
	}
	sort.SliceStable(p, func(i, j int) bool { return p[i].Line < p[j].Line })
	return p
}
