// Package definition takes ECS task definitions and Batch job definitions from
// a synthesized template to the services' own APIs.
//
// A template's definition has CloudFormation's intrinsic functions in it. Only
// CloudFormation can tell what they come to, so it is asked: each expression
// becomes an output of its stack (Expressions), and the deployed stack's
// outputs are put back in the expressions' places (Resolve).
package definition

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Types of resource that are definitions.
const (
	TaskType = "AWS::ECS::TaskDefinition"
	JobType  = "AWS::Batch::JobDefinition"
)

// Definition is one task or job definition of a template.
type Definition struct {
	LogicalID  string
	Type       string
	Properties map[string]any
}

// In returns the definitions of a parsed template, ordered by logical id.
func In(template map[string]any) []Definition {
	var found []Definition
	resources, _ := template["Resources"].(map[string]any)
	for _, id := range slices.Sorted(maps.Keys(resources)) {
		resource, _ := resources[id].(map[string]any)
		kind, _ := resource["Type"].(string)
		properties, _ := resource["Properties"].(map[string]any)
		if kind == TaskType || kind == JobType {
			found = append(found, Definition{LogicalID: id, Type: kind, Properties: properties})
		}
	}
	return found
}

// Expressions returns the definition's intrinsic functions, outermost ones
// only, by the key of the output that is to tell their value.
func (d Definition) Expressions() map[string]any {
	found := map[string]any{}
	replace(d.Properties, func(key string, expression any) any {
		found[key] = expression
		return expression
	})
	return found
}

// Resolve returns the properties with each expression replaced by the output
// of its key. An expression without output is an error.
func (d Definition) Resolve(outputs map[string]string) (map[string]any, error) {
	var missing []error
	resolved := replace(d.Properties, func(key string, expression any) any {
		value, ok := outputs[key]
		if !ok {
			text, _ := json.Marshal(expression)
			missing = append(missing, fmt.Errorf("%s: the stack has no output %s for %s", d.LogicalID, key, text))
		}
		return value
	})
	properties, _ := resolved.(map[string]any)
	return properties, errors.Join(missing...)
}

// replace copies a JSON value and swaps every outermost intrinsic function.
func replace(value any, swap func(key string, expression any) any) any {
	switch v := value.(type) {
	case map[string]any:
		if isIntrinsic(v) {
			return swap(outputKey(v), v)
		}
		out := make(map[string]any, len(v))
		for key, inner := range v {
			out[key] = replace(inner, swap)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = replace(inner, swap)
		}
		return out
	}
	return value
}

// isIntrinsic tells {"Ref": …} and {"Fn::…": …}, which have just that key.
func isIntrinsic(v map[string]any) bool {
	if len(v) != 1 {
		return false
	}
	for key := range v {
		return key == "Ref" || strings.HasPrefix(key, "Fn::")
	}
	return false
}

// outputKey is the expression's hash: the same expression has the same output
// wherever it occurs. encoding/json sorts keys, so the text is canonical.
func outputKey(expression any) string {
	text, _ := json.Marshal(expression)
	sum := sha256.Sum256(text)
	return "Definition" + hex.EncodeToString(sum[:])[:16]
}
