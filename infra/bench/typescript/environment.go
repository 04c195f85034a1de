package typescript

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/prooflink/prooflink/infra/templates"
)

// environment is one environment's stacks and what is known of them.
type environment struct {
	library   library
	tags      map[string]string
	stacks    []templates.Stack
	artifacts map[string]artifact
	about     map[string]string // what each stack says of itself
	rules     []acknowledgement
}

// artifact is what an assembly's manifest says of a stack.
type artifact struct {
	Environment  string
	Dependencies []string
	Properties   struct{ TerminationProtection bool }
}

// acknowledgement is a finding of the CDK's validation that stands on purpose.
type acknowledgement struct {
	ID     string `json:"acknowledgedId"`
	Reason string `json:"reason"`
}

// newEnvironment reads what our synth wrote.
func newEnvironment(library library, tags map[string]string, assembly string) (environment, error) {
	e := environment{library: library, tags: tags}
	var err error
	if e.stacks, err = templates.Read(assembly); err != nil {
		return environment{}, err
	}
	var manifest struct{ Artifacts map[string]artifact }
	if err := readJSON(filepath.Join(assembly, "manifest.json"), &manifest); err != nil {
		return environment{}, err
	}
	e.artifacts = manifest.Artifacts
	if e.about, err = descriptions(assembly, e.stacks); err != nil {
		return environment{}, err
	}
	var report struct {
		PluginReports []struct{ SuppressedViolations []acknowledgement }
	}
	if err := readJSON(filepath.Join(assembly, "validation-report.json"), &report); err != nil {
		return environment{}, err
	}
	for _, plugin := range report.PluginReports {
		e.rules = append(e.rules, plugin.SuppressedViolations...)
	}
	return e, nil
}

// descriptions reads each stack's.
func descriptions(assembly string, stacks []templates.Stack) (map[string]string, error) {
	texts := map[string]string{}
	for _, stack := range stacks {
		var template struct{ Description string }
		if err := readJSON(filepath.Join(assembly, stack.Name+".template.json"), &template); err != nil {
			return nil, err
		}
		texts[stack.Name] = template.Description
	}
	return texts, nil
}

// readJSON reads one file of an assembly.
func readJSON(file string, into any) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read assembly: %w", err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("read assembly: %s: %w", file, err)
	}
	return nil
}

// text is the environment's file: a class for each stack, and the function
// that makes them all.
func (e environment) text(counts *Counts) (string, error) {
	modules := map[string]bool{}
	var classes, fields, steps []string
	known := map[string]templates.Stack{}
	for _, stack := range e.stacks {
		w := stackWriter{writer{stack: stack, others: known}, e, modules, counts}
		class, err := w.class()
		if err != nil {
			return "", fmt.Errorf("stack %s: %w", stack.Name, err)
		}
		known[stack.Name] = stack
		classes = append(classes, class)
		fields = append(fields, fmt.Sprintf("  %s: %[1]s;\n", identifier(stack.Name)))
		steps = append(steps, e.steps(stack, known)...)
	}
	return importLines(modules) + "\ninterface Stacks {\n" + strings.Join(fields, "") + "}\n" + strings.Join(classes, "") +
		"\nexport function build(app: cdk.App): void {\n  const stacks = {} as Stacks;\n" +
		strings.Join(append(steps, e.settings()...), "") + "}\n", nil
}

// importLines imports the modules in use.
func importLines(modules map[string]bool) string {
	lines := "import * as cdk from 'aws-cdk-lib';\n"
	for _, name := range sorted(modules) {
		lines += fmt.Sprintf("import * as %s from 'aws-cdk-lib/%s';\n", identifier(name), name)
	}
	return lines
}

// steps make a stack and its dependencies on those that are made already.
func (e environment) steps(stack templates.Stack, known map[string]templates.Stack) []string {
	about := e.artifacts[stack.Name]
	name := identifier(stack.Name)
	properties := fmt.Sprintf("{ description: %s, terminationProtection: %v%s }",
		literal(e.about[stack.Name]), about.Properties.TerminationProtection, placement(about.Environment))
	lines := []string{fmt.Sprintf("  stacks.%s = new %[1]s(app, %s, %s, stacks);\n", name, literal(stack.Name), properties)}
	for _, needed := range about.Dependencies {
		if _, ok := known[needed]; ok {
			lines = append(lines, fmt.Sprintf("  stacks.%s.addStackDependency(stacks.%s);\n", name, identifier(needed)))
		}
	}
	return lines
}

// place takes an environment's address apart.
var place = regexp.MustCompile(`^aws://(.+)/(.+)$`)

// placement is a stack's account and region, where they are known.
func placement(address string) string {
	match := place.FindStringSubmatch(address)
	if match == nil {
		return ""
	}
	text := ""
	for i, key := range []string{"account", "region"} {
		if !strings.HasPrefix(match[i+1], "unknown-") {
			text += fmt.Sprintf("%s: %s, ", key, literal(match[i+1]))
		}
	}
	return ", env: { " + text + "}"
}

// settings are what holds for the whole app: tags and acknowledged findings.
func (e environment) settings() []string {
	var lines []string
	for _, key := range sorted(e.tags) {
		lines = append(lines, fmt.Sprintf("  cdk.Tags.of(app).add(%s, %s);\n", literal(key), literal(e.tags[key])))
	}
	for i, rule := range e.rules {
		if !slices.Contains(e.rules[:i], rule) {
			lines = append(lines, fmt.Sprintf("  cdk.Validations.of(app).acknowledge({ id: %s, reason: %s });\n", literal(rule.ID), literal(rule.Reason)))
		}
	}
	return lines
}

// notInNames are characters that an identifier can't have.
var notInNames = regexp.MustCompile(`\W`)

// identifier makes a name of a stack or a module TypeScript's.
func identifier(name string) string { return notInNames.ReplaceAllString(name, "_") }
