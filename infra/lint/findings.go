package main

import (
	_ "embed"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// finding is what one of the tools says of one resource.
type finding struct {
	// tool is e.g. "cdk-nag".
	tool string
	// rule is the tool's name of it, e.g. "AwsSolutions-S1".
	rule string
	// resource is its path in the construct tree, e.g. "NetworkStack-dev/Vpc".
	resource string
	// message says what is wrong.
	message string
}

// exception lets a finding stand.
type exception struct {
	// Tool and Rule are the finding's.
	Tool, Rule string
	// Resources is a regular expression that the whole path must match.
	Resources string
	// Reason says why.
	Reason string

	pattern *regexp.Regexp
	used    bool
}

// exceptions are all of them.
type exceptions []*exception

//go:embed exceptions.yaml
var exceptionsFile []byte

// loadExceptions reads those of this repository.
func loadExceptions() (exceptions, error) { return parseExceptions(exceptionsFile) }

// parseExceptions reads tool, rule, and a list of resources and reasons.
func parseExceptions(data []byte) (exceptions, error) {
	var file map[string]map[string][]struct{ Resources, Reason string }
	if err := yaml.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("read exceptions.yaml: %w", err)
	}
	var all exceptions
	for tool, rules := range file {
		for rule, list := range rules {
			for _, each := range list {
				pattern, err := regexp.Compile("^(?:" + each.Resources + ")$")
				if err != nil || each.Reason == "" || each.Resources == "" {
					return nil, fmt.Errorf("read exceptions.yaml: %s %s %q: give resources, a valid regular expression, and a reason", tool, rule, each.Resources)
				}
				all = append(all, &exception{Tool: tool, Rule: rule, Resources: each.Resources, Reason: each.Reason, pattern: pattern})
			}
		}
	}
	return all, nil
}

// sort returns the findings that no exception covers, and the exceptions that
// cover none: what was mended must not stay excused.
func (all exceptions) sort(findings []finding) (left []finding, unused exceptions) {
	for _, found := range findings {
		if !all.cover(found) {
			left = append(left, found)
		}
	}
	for _, each := range all {
		if !each.used {
			unused = append(unused, each)
		}
	}
	return left, unused
}

// cover says whether an exception lets the finding stand.
func (all exceptions) cover(found finding) bool {
	covered := false
	for _, each := range all {
		if each.Tool == found.tool && each.Rule == found.rule && each.pattern.MatchString(found.resource) {
			each.used, covered = true, true
		}
	}
	return covered
}

// report says what is left, and fails where anything is.
func report(w io.Writer, made assembly, excused int, left []finding, unused exceptions) error {
	fmt.Fprintf(w, "%d configurations, %d different templates; %d findings stand with a reason\n", made.configurations, made.templates, excused)
	lines := map[string]int{}
	for _, found := range left {
		lines[fmt.Sprintf("%s %s: %s: %s", found.tool, found.rule, found.resource, found.message)]++
	}
	for _, line := range sortedKeys(lines) {
		fmt.Fprintf(w, "%s (%d times)\n", line, lines[line])
	}
	for _, each := range unused {
		fmt.Fprintf(w, "exceptions.yaml: %s %s %s covers nothing: remove it\n", each.Tool, each.Rule, each.Resources)
	}
	if len(left)+len(unused) > 0 {
		return fmt.Errorf("%d findings; mend them, or add each to infra/lint/exceptions.yaml with its reason", len(lines)+len(unused))
	}
	return nil
}

// sortedKeys lists a map's keys.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// oneLine keeps a message readable in a list.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
