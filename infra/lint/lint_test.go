package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// program writes a script that prints a text and ends with a code.
func program(t *testing.T, prints string, code string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(file, []byte("#!/bin/sh\ncat <<'END'\n"+prints+"\nEND\nexit "+code+"\n"), 0o700); err != nil { //nolint:gosec // a test's program
		t.Fatal(err)
	}
	return file
}

func TestOurExceptionsAreWellFormed(t *testing.T) {
	all, err := loadExceptions()
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range all {
		if len(each.Reason) < 20 || !strings.HasSuffix(each.Reason, ".") {
			t.Errorf("%s %s: %q is no reason", each.Tool, each.Rule, each.Reason)
		}
	}
}

func TestAnExceptionNeedsAReasonAndAPattern(t *testing.T) {
	for _, text := range []string{
		"cdk-nag: {R: [{resources: A}]}", "cdk-nag: {R: [{reason: because}]}", "cdk-nag: {R: [{resources: '(', reason: because}]}", "[]",
	} {
		if _, err := parseExceptions([]byte(text)); err == nil || !strings.Contains(err.Error(), "exceptions.yaml") {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func TestFindingsWithoutExceptionAndExceptionsWithoutFindingAreLeft(t *testing.T) {
	all, err := parseExceptions([]byte("cdk-nag: {R: [{resources: S/A.*, reason: x}], Q: [{resources: S/A, reason: x}]}"))
	if err != nil {
		t.Fatal(err)
	}
	left, unused := all.sort([]finding{{"cdk-nag", "R", "S/A1", ""}, {"cdk-nag", "R", "T/S/A1", ""}, {"cfn-guard", "R", "S/A1", ""}})
	if len(left) != 2 || left[0].resource != "T/S/A1" || left[1].tool != "cfn-guard" {
		t.Errorf("left: %v", left)
	}
	if len(unused) != 1 || unused[0].Rule != "Q" {
		t.Errorf("unused: %v", unused)
	}
	var text strings.Builder
	if err := report(&text, assembly{}, 1, left, unused); err == nil || !strings.Contains(text.String(), "covers nothing: remove it") {
		t.Errorf("got %v and\n%s", err, &text)
	}
	if err := report(&text, assembly{}, 1, nil, nil); err != nil {
		t.Errorf("nothing is left, got %v", err)
	}
}

func TestGuardsReportNamesControlAndResource(t *testing.T) {
	rule := json.RawMessage(`{"Rule": {"name": "x", "checks": [{"messages": {"custom_message": "\n [CT.ECS.PR.3]: Require a user\n [FIX]: Set it"},
		"path": "/Resources/Task1/Properties/User", "other": {"path": "/Resources/Task1"}}]}}`)
	found := guardFindings(rule, "ComputeStack-dev")
	if len(found) != 1 || found[0].rule != "CT.ECS.PR.3" || found[0].resource != "ComputeStack-dev/Task1" || !strings.HasPrefix(found[0].message, "Require a user") {
		t.Errorf("got %+v", found)
	}
	if odd := guardFindings(json.RawMessage(`{}`), "S"); len(odd) != 1 || odd[0].rule != "unknown" {
		t.Errorf("a rule without a control is lost: %+v", odd)
	}
}

func TestACheckerThatDoesNotWorkIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "S#1.template.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, checker := range map[string]tools{
		"it is absent":         {cfnLint: "/nowhere/cfn-lint", cfnGuard: "/nowhere/cfn-guard"},
		"it prints no report":  {cfnLint: program(t, "usage: …", "0"), cfnGuard: program(t, "usage: …", "0")},
		"it skips a template":  {cfnLint: program(t, "{}", "0"), cfnGuard: program(t, "[]", "0")},
		"it was killed midway": {cfnLint: program(t, `[{"Rule"`, "2"), cfnGuard: program(t, `[{"name"`, "2")},
	} {
		t.Run(name, func(t *testing.T) {
			if found, err := checker.lint(t.Context(), dir); err == nil {
				t.Errorf("cfn-lint: no error, and %v", found)
			}
			if found, err := checker.guard(t.Context(), dir); err == nil {
				t.Errorf("cfn-guard: no error, and %v", found)
			}
		})
	}
}

func TestLintsFindingsAreRead(t *testing.T) {
	lint := program(t, `[{"Filename": "/x/NetworkStack-dev#ab.template.json", "Message": "m", "Rule": {"Id": "E1"}, "Location": {"Path": ["Resources", "Vpc"]}}]`, "2")
	found, err := tools{cfnLint: lint}.lint(t.Context(), t.TempDir())
	if err != nil || len(found) != 1 || found[0].rule != "E1" || found[0].resource != "NetworkStack-dev [Resources Vpc]" {
		t.Errorf("got %v, %v", found, err)
	}
}
