package changes

import (
	"regexp"

	"github.com/prooflink/prooflink/infra/templates"
)

// anyEnv stands for the environment's name.
const anyEnv = "{env}"

// neutral copies the stacks with one mark for every environment in names.
func (e Environment) neutral() []templates.Stack {
	// A word of its own: in "prooflink-dev", "prooflink_dev", "NetworkStack-dev",
	// "/aws/vpc/flowlogs/dev", or all of a tag; not in "development".
	names := regexp.MustCompile(`(\b|_)` + regexp.QuoteMeta(e.Env) + `(\b|_)`)
	rename := func(text string) string { return names.ReplaceAllString(text, "${1}"+anyEnv+"${2}") }
	var stacks []templates.Stack
	for _, stack := range e.Stacks {
		stacks = append(stacks, renamed(stack, rename))
	}
	return stacks
}

// renamed copies a stack with every text changed.
func renamed(stack templates.Stack, rename func(string) string) templates.Stack {
	copied := templates.Stack{Name: rename(stack.Name), Resources: map[string]templates.Resource{}, Outputs: map[string]templates.Output{}}
	for id, resource := range stack.Resources {
		resource.Properties, _ = renamedValue(resource.Properties, rename).(map[string]any)
		copied.Resources[id] = resource
	}
	for key, output := range stack.Outputs {
		copied.Outputs[key] = templates.Output{Value: renamedValue(output.Value, rename), Export: output.Export}
	}
	return copied
}

// renamedValue copies a value with every text in it changed.
func renamedValue(value any, rename func(string) string) any {
	switch v := value.(type) {
	case string:
		return rename(v)
	case []any:
		copied := make([]any, len(v))
		for i, inner := range v {
			copied[i] = renamedValue(inner, rename)
		}
		return copied
	case map[string]any:
		copied := make(map[string]any, len(v))
		for key, inner := range v {
			copied[key] = renamedValue(inner, rename)
		}
		return copied
	}
	return value
}
