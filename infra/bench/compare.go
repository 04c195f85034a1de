package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/infra/templates"
)

// size is how much there is to synthesize.
type size struct {
	Stacks    int `json:"stacks"`
	Resources int `json:"resources"`
}

// compare refuses two assemblies whose templates do not hold the same
// resources: a comparison of different work says nothing.
func compare(ours, theirs string) (size, error) {
	want, err := templates.Read(ours)
	if err != nil {
		return size{}, err
	}
	got, err := templates.Read(theirs)
	if err != nil {
		return size{}, err
	}
	if diff := cmp.Diff(comparable(want), comparable(got)); diff != "" {
		return size{}, fmt.Errorf("the TypeScript app makes other templates than ours (-ours +TypeScript):\n%s", diff)
	}
	total := size{Stacks: len(want)}
	for _, stack := range want {
		total.Resources += len(stack.Resources)
	}
	return total, nil
}

// comparable is what must be the same: ids, types, properties, dependencies,
// policies and outputs. Metadata is left out: a construct's path and where it
// was made are each language's own.
func comparable(stacks []templates.Stack) map[string]templates.Stack {
	named := map[string]templates.Stack{}
	for _, stack := range stacks {
		resources := map[string]templates.Resource{}
		for id, resource := range stack.Resources {
			resource.Metadata = nil
			resource.DependsOn = slices.SortedFunc(slices.Values(resource.DependsOn), strings.Compare)
			resources[id] = resource
		}
		stack.Resources = resources
		named[stack.Name] = stack
	}
	return named
}
