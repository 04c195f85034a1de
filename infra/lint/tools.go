package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/prooflink/prooflink/infra/templates"
)

// tools are the checkers of templates.
type tools struct {
	cfnLint, cfnLintConfig string
	cfnGuard, guardRules   string
}

// check runs the checkers on a folder of templates, at the same time.
func (t tools) check(ctx context.Context, dir string) ([]finding, error) {
	checkers := []func(context.Context, string) ([]finding, error){t.lint, t.guard}
	found, problems := make([][]finding, len(checkers)), make([]error, len(checkers))
	var running sync.WaitGroup
	for i, checker := range checkers {
		running.Go(func() { found[i], problems[i] = checker(ctx, dir) })
	}
	running.Wait()
	return slices.Concat(found...), errors.Join(problems...)
}

// lint runs cfn-lint. Its exceptions are in its own configuration.
func (t tools) lint(ctx context.Context, dir string) ([]finding, error) {
	files, _ := filepath.Glob(filepath.Join(dir, "*.template.json"))
	out, err := output(ctx, t.cfnLint, append([]string{"--config-file", t.cfnLintConfig, "--format", "json", "--template"}, files...)...)
	if err != nil {
		return nil, err
	}
	var matches []struct {
		Filename, Message string
		Rule              struct{ ID string }
		Location          struct{ Path []any }
	}
	if err := json.Unmarshal(out, &matches); err != nil {
		return nil, fmt.Errorf("read cfn-lint's report: %w", err)
	}
	var findings []finding
	for _, match := range matches {
		resource := stackOf(match.Filename) + " " + templates.Text(match.Location.Path)
		findings = append(findings, finding{"cfn-lint", match.Rule.ID, resource, oneLine(match.Message)})
	}
	return findings, nil
}

// guard runs cfn-guard with AWS Control Tower's proactive controls.
func (t tools) guard(ctx context.Context, dir string) ([]finding, error) {
	stacks, err := templates.Read(dir)
	if err != nil {
		return nil, err
	}
	out, err := output(ctx, t.cfnGuard, "validate", "--rules", t.guardRules, "--data", dir,
		"--structured", "--output-format", "json", "--show-summary", "none")
	if err != nil {
		return nil, err
	}
	var reports []guardReport
	if err := json.Unmarshal(out, &reports); err != nil {
		return nil, fmt.Errorf("read cfn-guard's report: %w", err)
	}
	var findings []finding
	for _, report := range reports {
		for _, rule := range report.NotCompliant {
			findings = append(findings, guardFindings(rule, stackOf(report.Name))...)
		}
	}
	if len(reports) != len(stacks) {
		return nil, fmt.Errorf("cfn-guard reported on %d of %d templates", len(reports), len(stacks))
	}
	return findings, nil
}

// guardReport is cfn-guard's on one template; a rule's tree is kept as text.
type guardReport struct {
	Name         string            `json:"name"`
	NotCompliant []json.RawMessage `json:"not_compliant"`
}

var (
	// control is what Control Tower calls a rule, e.g. "[CT.ECS.PR.3]: Require …".
	control = regexp.MustCompile(`\[(CT\.[A-Z0-9.]+)\]: ((?:[^\\"])*)`)
	// pathInTemplate is where a rule failed.
	pathInTemplate = regexp.MustCompile(`"path":\s*"/Resources/([A-Za-z0-9]+)`)
)

// guardFindings finds control and resources in what cfn-guard says of a rule.
func guardFindings(rule json.RawMessage, stack string) []finding {
	name := control.FindSubmatch(rule)
	if name == nil {
		return []finding{{"cfn-guard", "unknown", stack, oneLine(string(rule))}}
	}
	seen := map[string]bool{}
	var findings []finding
	for _, match := range pathInTemplate.FindAllSubmatch(rule, -1) {
		id := string(match[1])
		if !seen[id] {
			seen[id] = true
			findings = append(findings, finding{"cfn-guard", string(name[1]), stack + "/" + id, oneLine(string(name[2]))})
		}
	}
	return findings
}

// stackOf is the stack whose template a file has.
func stackOf(file string) string {
	name, _, _ := strings.Cut(filepath.Base(file), hashMark)
	return name
}

// output is what a checker printed. Its exit code says that it found something,
// which is no error; that it could not work is one.
func output(ctx context.Context, program string, arguments ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, program, arguments...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, fmt.Errorf("run %s: %w", program, err)
	}
	if !json.Valid(stdout.Bytes()) {
		return nil, fmt.Errorf("run %s: it printed no report: %s", program, oneLine(stderr.String()))
	}
	return stdout.Bytes(), nil
}
