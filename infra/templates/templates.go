// Package templates reads synthesized CloudFormation: what the tests, the cost
// estimate and the comparison of environments look at. It needs no CDK.
package templates

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

// suffix ends the name of a template's file.
const suffix = ".template.json"

// Stack is one stack's template.
type Stack struct {
	// Name is the stack's, e.g. "NetworkStack-dev".
	Name string `json:"-"`
	// Resources are known by their logical ids.
	Resources map[string]Resource
	// Outputs are known by their keys.
	Outputs map[string]Output
}

// Resource is one of a stack's resources.
type Resource struct {
	// Type is e.g. "AWS::EC2::VPC".
	Type string
	// Properties are as in the template, with their intrinsic functions.
	Properties map[string]any
	// DependsOn lists logical ids.
	DependsOn []string
	// DeletionPolicy is "Delete", "Retain", "Snapshot" or empty.
	DeletionPolicy string
	// UpdateReplacePolicy is the same for what a replacement leaves.
	UpdateReplacePolicy string
	// Metadata is the CDK's, e.g. "aws:cdk:path".
	Metadata map[string]any
}

// Output is one of a stack's outputs.
type Output struct {
	// Value is as in the template.
	Value any
	// Export is nil for one that no other stack imports.
	Export any
}

// Read reads every template of a folder, in the order in which the stacks are
// deployed; without a manifest, in the order of their names.
func Read(dir string) ([]Stack, error) {
	files, _ := filepath.Glob(filepath.Join(dir, "*"+suffix)) // the pattern is well-formed
	if len(files) == 0 {
		return nil, fmt.Errorf("read templates: %s has no file that ends in %s; give a folder that `synth` wrote", dir, suffix)
	}
	order, err := deployOrder(dir)
	if err != nil {
		return nil, err
	}
	var stacks []Stack
	for _, file := range files {
		stack, err := readStack(file)
		if err != nil {
			return nil, err
		}
		stacks = append(stacks, stack)
	}
	slices.SortStableFunc(stacks, func(a, b Stack) int { return order[a.Name] - order[b.Name] })
	return stacks, nil
}

// readStack reads one template.
func readStack(file string) (Stack, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return Stack{}, fmt.Errorf("read template: %w", err)
	}
	stack, err := Parse(strings.TrimSuffix(filepath.Base(file), suffix), data)
	if err != nil {
		return Stack{}, fmt.Errorf("read template %s: %w", file, err)
	}
	return stack, nil
}

// Parse reads one template's JSON.
func Parse(name string, data []byte) (Stack, error) {
	stack := Stack{Name: name}
	err := json.Unmarshal(data, &stack)
	return stack, err
}

// deployOrder is each stack's depth in the manifest's dependencies.
func deployOrder(dir string) (map[string]int, error) {
	data, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	var manifest struct {
		Artifacts map[string]struct{ Dependencies []string }
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		return nil, fmt.Errorf("read %s: %w", filepath.Join(dir, "manifest.json"), err)
	}
	depths := map[string]int{}
	var depth func(name string) int
	depth = func(name string) int {
		if known, ok := depths[name]; ok {
			return known
		}
		depths[name] = 0 // the CDK refuses cycles; this ends one all the same
		deepest := 0
		for _, needed := range manifest.Artifacts[name].Dependencies {
			deepest = max(deepest, depth(needed)+1)
		}
		depths[name] = deepest
		return deepest
	}
	for name := range manifest.Artifacts {
		depth(name)
	}
	return depths, nil
}

// Of lists the resources of a type, in the order of their ids.
func (s Stack) Of(kind string) []Resource {
	var list []Resource
	for _, id := range s.IDs() {
		if s.Resources[id].Type == kind {
			list = append(list, s.Resources[id])
		}
	}
	return list
}

// IDs lists the resources' logical ids, sorted.
func (s Stack) IDs() []string {
	ids := make([]string, 0, len(s.Resources))
	for id := range s.Resources {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	return ids
}

// At follows keys and indices into the properties; nil where there is nothing.
func (r Resource) At(path ...any) any {
	var value any = r.Properties
	for _, key := range path {
		switch k := key.(type) {
		case string:
			group, _ := value.(map[string]any)
			value = group[k]
		case int:
			list, _ := value.([]any)
			if k >= len(list) {
				return nil
			}
			value = list[k]
		}
	}
	return value
}

// Text is At, readable: see the function Text.
func (r Resource) Text(path ...any) string { return Text(r.At(path...)) }
