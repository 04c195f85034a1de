package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// assembly makes a folder with one template.
func assembly(t *testing.T, template string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "S.template.json"), []byte(template), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestOnlyTheSameResourcesAreComparedWithEachOther(t *testing.T) {
	ours := assembly(t, `{"Resources": {"A": {"Type": "T", "DependsOn": ["C", "B"], "Metadata": {"aws:cdk:path": "x"}, "Properties": {"P": 1}}}}`)
	for name, c := range map[string]struct {
		theirs string
		same   bool
	}{
		"another order of dependencies": {`{"Resources": {"A": {"Type": "T", "DependsOn": ["B", "C"], "Properties": {"P": 1}}}}`, true},
		"another property":              {`{"Resources": {"A": {"Type": "T", "DependsOn": ["B", "C"], "Properties": {"P": 2}}}}`, false},
		"another type":                  {`{"Resources": {"A": {"Type": "U", "DependsOn": ["B", "C"], "Properties": {"P": 1}}}}`, false},
		"one missing":                   {`{"Resources": {}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			total, err := compare(ours, assembly(t, c.theirs))
			if (err == nil) != c.same {
				t.Fatalf("got %v", err)
			}
			if c.same && total != (size{Stacks: 1, Resources: 1}) {
				t.Errorf("size %+v", total)
			}
		})
	}
}

func TestAProcessIsMeasuredWithItsChildren(t *testing.T) {
	used, err := command{argv: []string{"sh", "-c", "sh -c 'sleep 0.3; :'; :"}}.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if used.Wall < 300*time.Millisecond {
		t.Errorf("wall time %s of a sleep of 0.3 s", used.Wall)
	}
	if _, err := os.Stat("/proc/self/statm"); err == nil && used.Peak == 0 {
		t.Error("no memory seen")
	}
}

func TestAFailedRunShowsWhatTheProcessSaid(t *testing.T) {
	_, err := command{argv: []string{"sh", "-c", "echo no such stack >&2; exit 3"}}.run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no such stack") {
		t.Errorf("got %v", err)
	}
}

func TestFiguresAreMediansAndTheFastest(t *testing.T) {
	s := subject{runs: []usage{{Wall: 9 * time.Second, Peak: 1e6}, {Wall: 2 * time.Second, Peak: 3e6}, {Wall: 4 * time.Second, Peak: 2e6}}}
	if got := s.figures(); got.WallMedian != 4 || got.WallBest != 2 || got.Peak != 3 {
		t.Errorf("got %+v", got)
	}
	s.runs = s.runs[:2]
	if got := s.figures().WallMedian; got != 5.5 {
		t.Errorf("median of two: %v", got)
	}
}
