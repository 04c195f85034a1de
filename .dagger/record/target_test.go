package record_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/record"
)

// history is one of five deploys: the second was deployed again with another task
// definition, and the last went back to the first.
func history() []record.Entry {
	again, back := deployed(2), deployed(1)
	again.TaskDefinition = strings.Replace(again.TaskDefinition, ":42", ":50", 1)
	back.Kind, back.TaskDefinition = record.Rollback, strings.Replace(back.TaskDefinition, ":41", ":51", 1)
	return []record.Entry{
		{Version: 12, Record: back},
		{Version: 11, Record: again, Note: "version 10 can't be read"},
		{Version: 9, Record: deployed(2)},
		{Version: 8, Record: deployed(1)},
		{Version: 7, Record: deployed(3)},
	}
}

func TestWhatAWordMeans(t *testing.T) {
	for name, test := range map[string]struct {
		word string
		want int64
	}{
		"nothing: the one before with other images": {"", 11},
		"a step": {"1", 11},
		"two steps: the second deploy counts once": {"2", 8},
		"three steps":                         {"3", 7},
		"a version":                           {"v9", 9},
		"the present version":                 {"v12", 12},
		"a digest":                            {"sha256:" + digits("a", 3), 7},
		"a digest without its algorithm":      {digits("a", 2), 11},
		"a digest's beginning":                {"a030000", 7},
		"a digest's beginning with algorithm": {"sha256:a030000", 7},
		"a digest in capitals":                {"A030000", 7},
		"a commit":                            {digits("c", 2)[:40], 11},
		"a commit's beginning":                {"c010000", 12},
		"a task definition":                   {"prooflink-dev-task:42", 9},
		"a task definition's ARN":             {"arn:aws:ecs:ap-northeast-1:123456789012:task-definition/prooflink-dev-task:43", 7},
		"a revision":                          {"50", 11},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := record.Target(history(), test.word)
			if err != nil || found.Version != test.want {
				t.Errorf("%q is v%d, %v", test.word, found.Version, err)
			}
		})
	}
}

func TestWhatMeansNothing(t *testing.T) {
	for _, word := range []string{"0", "4", "-1", "v10", "v", "a03", "sha256:", "b030000", "fffffff", "main", "prooflink-dev-task", "prooflink-dev-task:1", "other-task:42", ":42", "099"} {
		found, err := record.Target(history(), word)
		var unclear *record.Unclear
		if !errors.As(err, &unclear) || len(unclear.Means) > 0 {
			t.Errorf("%q is v%d, %v", word, found.Version, err)
		}
	}
}

func TestAWordThatMeansNothingIsToldWhatThereIs(t *testing.T) {
	_, err := record.Target(history(), "main")
	want := `nothing that was deployed is "main"; there is:
  version  when                  kind      who   commit        app           batch         fluent-bit    task definition
  v12      2026-11-22 05:00 UTC  rollback  mika  c01000000000  a01000000000  b01000000000  f00000000000  prooflink-dev-task:51
  v11      2026-11-22 06:00 UTC  deploy    mika  c02000000000  a02000000000  b02000000000  f00000000000  prooflink-dev-task:50  (version 10 can't be read)
  v9       2026-11-22 06:00 UTC  deploy    mika  c02000000000  a02000000000  b02000000000  f00000000000  prooflink-dev-task:42
  v8       2026-11-22 05:00 UTC  deploy    mika  c01000000000  a01000000000  b01000000000  f00000000000  prooflink-dev-task:41
  v7       2026-11-22 07:00 UTC  deploy    mika  c03000000000  a03000000000  b03000000000  f00000000000  prooflink-dev-task:43`
	if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
		t.Error(diff)
	}
}

func TestAWordThatMeansTwoThings(t *testing.T) {
	two := history()
	two[3].TaskDefinition = strings.Replace(two[3].TaskDefinition, ":41", ":1", 1)
	two[4].Images = map[string]string{"app": two[1].Images["app"][:30] + strings.Repeat("9", 41)}
	two[4].Commit = two[1].Commit[:20] + strings.Repeat("9", 20)
	for word, want := range map[string]string{
		"1":       `"1" is unclear: 1 back is v11, revision 1 is v8; say which:`,
		"a020000": `"a020000" is unclear: the app image a020000 is v11, the app image a020000 is v7; say which:`,
		"c020000": `"c020000" is unclear: commit c020000 is v11, commit c020000 is v7; say which:`,
	} {
		_, err := record.Target(two, word)
		if line, _, _ := strings.Cut(fmt.Sprint(err), "\n"); line != want {
			t.Errorf("%v", err)
		}
	}
	// The same thing said twice is clear.
	two[1].TaskDefinition = "arn:aws:ecs:ap-northeast-1:123456789012:task-definition/prooflink-dev-task:1"
	two[3].TaskDefinition = ""
	if found, err := record.Target(two, "1"); err != nil || found.Version != 11 {
		t.Errorf("v%d, %v", found.Version, err)
	}
}

func TestThereIsNothingToGoBackTo(t *testing.T) {
	for name, entries := range map[string][]record.Entry{
		"nothing was deployed":                nil,
		"one thing was deployed":              {{Version: 1, Record: deployed(1)}},
		"the same was deployed over and over": {{Version: 2, Record: deployed(1)}, {Version: 1, Record: deployed(1)}},
	} {
		t.Run(name, func(t *testing.T) {
			if found, err := record.Target(entries, ""); !errors.Is(err, record.ErrNothing) {
				t.Errorf("v%d, %v", found.Version, err)
			}
			if _, err := record.Target(entries, "main"); err == nil {
				t.Error("it means something")
			}
		})
	}
}
