package knobs

import (
	"slices"
	"strings"
	"testing"
)

func TestEveryPairOfChoicesOccurs(t *testing.T) {
	sizes := []int{3, 4, 2, 3, 4}
	rows := pairwise(sizes)
	missing := allPairs(sizes)
	for _, row := range rows {
		for i, size := range sizes {
			if row[i] < 0 || row[i] >= size {
				t.Fatalf("row %v has no value of knob %d", row, i)
			}
		}
		for _, each := range pairsOf(row) {
			delete(missing, each)
		}
	}
	if len(missing) > 0 {
		t.Errorf("missing: %v", missing)
	}
	if len(rows) > 30 {
		t.Errorf("%d rows; all combinations are %d", len(rows), 3*4*2*3*4)
	}
	if again := pairwise(sizes); !slices.EqualFunc(rows, again, slices.Equal) {
		t.Error("other rows the second time")
	}
}

func TestEveryConfigurationIsValidAndHasItsChoices(t *testing.T) {
	all, err := Configurations()
	if err != nil {
		t.Fatal(err)
	}
	engines := map[string]bool{}
	for _, each := range all {
		engines[each.Environment.DB.Engine] = true
		if strings.Contains(each.Name, "jobs: none") == each.Environment.Batch.Enabled {
			t.Errorf("%s: batch.enabled is %v", each.Name, each.Environment.Batch.Enabled)
		}
	}
	if len(engines) != 2 {
		t.Errorf("engines: %v", engines)
	}
	t.Logf("%d configurations", len(all))
}

func TestAChoiceChangesOnlyItsKeys(t *testing.T) {
	knobs, err := parse([]byte("a: {x: {app: {cpu: 1024, memory: 2048}}}"))
	if err != nil {
		t.Fatal(err)
	}
	made, err := choose(knobs, []int{0})
	if err != nil {
		t.Fatal(err)
	}
	if app := made.Environment.App; app.CPU != 1024 || app.Memory != 2048 || app.Port != 3000 {
		t.Errorf("got %+v", app)
	}
}

func TestAnImpossibleChoiceSaysWhich(t *testing.T) {
	knobs, err := parse([]byte("size: {odd: {app: {cpu: 500}}}"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := choose(knobs, []int{0}); err == nil || !strings.Contains(err.Error(), "size: odd: ") || !strings.Contains(err.Error(), "app.cpu") {
		t.Errorf("got %v", err)
	}
}
