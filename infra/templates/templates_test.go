package templates_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prooflink/prooflink/infra/templates"
)

// write makes a folder with these files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestStacksComeInTheOrderOfTheirDependencies(t *testing.T) {
	dir := write(t, map[string]string{
		"A.template.json": `{}`, "B.template.json": `{}`, "C.template.json": `{}`,
		"manifest.json": `{"artifacts": {"A": {"dependencies": ["B"]}, "B": {"dependencies": ["C"]}, "C": {}}}`,
	})
	stacks, err := templates.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, stack := range stacks {
		got += stack.Name
	}
	if got != "CBA" {
		t.Errorf("got %s, want CBA", got)
	}
}

func TestAFolderThatIsNoAssemblyIsRefused(t *testing.T) {
	for name, dir := range map[string]string{
		"no templates": write(t, map[string]string{"notes.txt": "x"}),
		"broken JSON":  write(t, map[string]string{"A.template.json": "{"}),
		"no folder":    filepath.Join(t.TempDir(), "absent"),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := templates.Read(dir); err == nil || !strings.Contains(err.Error(), dir) {
				t.Errorf("got %v, want an error that names %s", err, dir)
			}
		})
	}
}

func TestTextShowsWhatAValueRefersTo(t *testing.T) {
	stack, err := templates.Parse("S", []byte(`{"Resources": {"A": {"Type": "T", "Properties": {
		"Join": {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":x"]]},
		"Attribute": {"Fn::GetAtt": ["B", "Arn"]},
		"Output": {"Fn::GetStackOutput": {"StackName": "Other", "OutputName": "Key"}},
		"List": [1, true, 2.5], "Group": {"b": 1, "a": "x"}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	a := stack.Of("T")[0]
	for key, want := range map[string]string{"Join": "arn:${AWS::Partition}:x", "Attribute": "${B.Arn}",
		"Output": "${Other:Key}", "List": "[1 true 2.5]", "Group": "{a:x b:1}", "Absent": templates.Nothing} {
		if got := a.Text(key); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
	if got := a.Text("List", 2); got != "2.5" {
		t.Errorf("an item: %q", got)
	}
	if got := a.Text("List", 3); got != templates.Nothing {
		t.Errorf("an item that isn't there: %q", got)
	}
}
