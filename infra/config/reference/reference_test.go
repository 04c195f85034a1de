package reference_test

import (
	"os"
	"strings"
	"testing"

	"github.com/prooflink/prooflink/infra/config/reference"
)

// read describes the configuration, whose files have golden copies beside it.
func read(t *testing.T) reference.Key {
	t.Helper()
	source, err := os.ReadFile("../environment.go")
	if err != nil {
		t.Fatal(err)
	}
	root, err := reference.Read(source)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// leaf finds a key by its path.
func leaf(t *testing.T, path string) reference.Key {
	t.Helper()
	for _, key := range read(t).Leaves() {
		if key.Path == path {
			return key
		}
	}
	t.Fatalf("there is no %s", path)
	return reference.Key{}
}

func TestConstantsAndFieldsAreInTheWordsOfAFile(t *testing.T) {
	for path, want := range map[string]string{
		"db.engine":      "engine is rds or aurora.",
		"app.cpu":        "cpu is in units of 1/1024 vCPU, in a pair with memory that Fargate has.",
		"waf.countRules": `countRules are managed rules that only count, e.g. "SizeRestrictions_BODY", which would refuse uploads over 8 KB.`,
	} {
		if got := leaf(t, path).Doc; got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestRulesAreThoseOfTheValueOrOfItsItems(t *testing.T) {
	for path, ruled := range map[string]bool{"db.engine": true, "waf.countRules": true, "naming.tags": true, "db.encrypted": false, "waf.allowedCidrs": false} {
		if got := leaf(t, path).Rule != nil; got != ruled {
			t.Errorf("%s: got %t, want %t", path, got, ruled)
		}
	}
}

func TestAKeyIsNamedByItsLastPart(t *testing.T) {
	if got := leaf(t, "batch.jobs.userImport.cpu").Name(); got != "cpu" {
		t.Errorf("got %q", got)
	}
}

func TestBrokenSourceIsReported(t *testing.T) {
	if _, err := reference.Read([]byte("package config\ntype")); err == nil || !strings.Contains(err.Error(), "environment.go:2") {
		t.Errorf("got %v", err)
	}
}
