// Package knobs varies an environment over every choice that its configuration
// offers, so that tests synthesize and check them all.
//
// knobs.yaml has the choices. Each pair of values of two knobs occurs in one
// configuration at least: most mistakes are one choice or two together.
package knobs

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/prooflink/prooflink/infra/config"
)

// Configuration is an environment with some choices made.
type Configuration struct {
	// Name lists the choices.
	Name string
	// Environment is valid.
	Environment config.Environment
}

// knob is a choice.
type knob struct {
	name   string
	values []value
}

// value is one of a knob's: what it sets in the file.
type value struct {
	name string
	set  yaml.Node
}

//go:embed knobs.yaml
var file []byte

// base is the environment that is varied; prod's rules allow few variations.
const base = "dev"

// Configurations are valid environments in which each pair of values occurs.
func Configurations() ([]Configuration, error) {
	knobs, err := parse(file)
	if err != nil {
		return nil, err
	}
	var all []Configuration
	for _, row := range pairwise(sizes(knobs)) {
		made, err := choose(knobs, row)
		if err != nil {
			return nil, err
		}
		all = append(all, made)
	}
	return all, nil
}

// parse reads knobs in their order.
func parse(data []byte) ([]knob, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("read knobs.yaml: %w", err)
	}
	var all []knob
	entries := document.Content[0].Content
	for i := 0; i < len(entries); i += 2 {
		made := knob{name: entries[i].Value}
		choices := entries[i+1].Content
		for j := 0; j < len(choices); j += 2 {
			made.values = append(made.values, value{choices[j].Value, *choices[j+1]})
		}
		all = append(all, made)
	}
	return all, nil
}

// sizes is how many values each knob has.
func sizes(knobs []knob) []int {
	list := make([]int, len(knobs))
	for i, each := range knobs {
		list[i] = len(each.values)
	}
	return list
}

// choose makes the environment of one row.
func choose(knobs []knob, row []int) (Configuration, error) {
	data, err := config.File(base)
	if err != nil {
		return Configuration{}, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return Configuration{}, err
	}
	var choices []string
	for i, each := range knobs {
		chosen := each.values[row[i]]
		choices = append(choices, each.name+": "+chosen.name)
		merge(document.Content[0], &chosen.set)
	}
	name := strings.Join(choices, ", ")
	var changed bytes.Buffer
	if err := yaml.NewEncoder(&changed).Encode(&document); err != nil {
		return Configuration{}, err
	}
	env, err := config.Decode(base+".yaml", changed.Bytes())
	if err != nil {
		return Configuration{}, fmt.Errorf("%s: %w", name, err)
	}
	return Configuration{name, env}, nil
}

// merge sets what the change has, key by key.
func merge(target, change *yaml.Node) {
	for i := 0; i+1 < len(change.Content); i += 2 {
		key, set := change.Content[i], change.Content[i+1]
		at := find(target, key.Value)
		switch {
		case at < 0:
			target.Content = append(target.Content, key, set)
		case set.Kind == yaml.MappingNode && target.Content[at].Kind == yaml.MappingNode:
			merge(target.Content[at], set)
		default:
			target.Content[at] = set
		}
	}
}

// find is where a group has the key's value, or -1.
func find(group *yaml.Node, key string) int {
	for i := 0; i+1 < len(group.Content); i += 2 {
		if group.Content[i].Value == key {
			return i + 1
		}
	}
	return -1
}
