package cost

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prooflink/prooflink/infra/config"
)

// embeddedUsage is the assumptions that the package comes with.
//
//go:embed usage.yaml
var embeddedUsage []byte

// fallback is the environment whose values others without their own have.
const fallback = "default"

// Usage is what a month is assumed to use, per environment.
type Usage struct {
	entries map[string]entry
}

// entry is one assumption, as in the file.
type entry struct {
	Unit   string             `yaml:"unit"`
	Reason string             `yaml:"reason"`
	Values map[string]float64 `yaml:"values"`
}

// Assumption is what one environment is assumed to use of something.
type Assumption struct {
	// ID is its key in the file, e.g. "nat.gb".
	ID string `json:"id"`
	// Value is in the unit.
	Value float64 `json:"value"`
	// Unit is e.g. "GB".
	Unit string `json:"unit"`
	// Reason says why it is assumed.
	Reason string `json:"reason"`
}

// LoadUsage returns the assumptions that the package comes with.
func LoadUsage() (Usage, error) {
	var usage Usage
	f := decode("infra/cost/usage.yaml", embeddedUsage, &usage.entries)
	for _, id := range slices.Sorted(maps.Keys(usage.entries)) {
		usage.check(f, id)
	}
	return usage, f.err()
}

// check wants an assumption to be complete.
func (u Usage) check(f *file, id string) {
	made := u.entries[id]
	if made.Unit == "" || made.Reason == "" {
		f.add(f.line(id, -1), id, "has no unit or no reason", "write both")
	}
	if _, ok := made.Values[fallback]; !ok {
		f.add(f.line(id, -1), id, "has no default", "write values: {default: …}")
	}
	checkValues(f, id, made.Values)
}

// checkValues wants environments that exist and amounts that can be.
func checkValues(f *file, id string, values map[string]float64) {
	for _, env := range slices.Sorted(maps.Keys(values)) {
		if env != fallback && !slices.Contains(config.Known(), env) {
			f.add(f.line(id, -1), id+".values."+env, "is not an environment",
				"use default or one of "+strings.Join(config.Known(), ", "))
		}
		if values[env] < 0 {
			f.add(f.line(id, -1), id+".values."+env, "is below zero", "write 0 or more")
		}
	}
}

// With overrides assumptions by those of a file, which needs to have only what
// differs. The name is only for messages; the error is config.Problems.
func (u Usage) With(name string, data []byte) (Usage, error) {
	changes := map[string]entry{}
	f := decode(name, data, &changes)
	changed := Usage{entries: maps.Clone(u.entries)}
	for _, id := range slices.Sorted(maps.Keys(changes)) {
		known, ok := u.entries[id]
		if !ok {
			f.add(f.line(id, -1), id, "is not an assumption", "use one of "+strings.Join(slices.Sorted(maps.Keys(u.entries)), ", "))
			continue
		}
		checkValues(f, id, changes[id].Values)
		changed.entries[id] = known.with(changes[id])
	}
	return changed, f.err()
}

// with changes what another entry has. A default there is for all environments
// that it does not name itself.
func (e entry) with(change entry) entry {
	values := maps.Clone(e.Values)
	if _, ok := change.Values[fallback]; ok {
		values = map[string]float64{}
	}
	maps.Copy(values, change.Values)
	changed := entry{Unit: e.Unit, Reason: e.Reason, Values: values}
	if change.Unit != "" {
		changed.Unit = change.Unit
	}
	if change.Reason != "" {
		changed.Reason = change.Reason
	}
	return changed
}

// of is an assumption for one environment.
func (u Usage) of(env, id string) (Assumption, error) {
	known, ok := u.entries[id]
	if !ok {
		return Assumption{}, fmt.Errorf("assume %s: usage.yaml has no such entry; add it with unit, reason and values", id)
	}
	value, ok := known.Values[env]
	if !ok {
		value = known.Values[fallback]
	}
	return Assumption{ID: id, Value: value, Unit: known.Unit, Reason: known.Reason}, nil
}
