// Package emulate fits synthesized templates to the AWS emulator (ministack)
// that stands in for AWS in the environment "local", and says what got lost.
//
// The emulator fails a stack that has a resource type it doesn't know. Such
// resources are taken out of a copy of the templates; what refers to them gets
// a text that names them. Everything else is deployed as AWS would get it.
package emulate

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/prooflink/prooflink/.dagger/definition"
)

// uncovered are the types that the pinned ministack refuses ("Unrecognized
// resource types"). The rehearsal asks the emulator about each, so that a
// version that has learnt one is noticed.
var uncovered = []string{
	"AWS::ApplicationAutoScaling::ScalableTarget",
	"AWS::ApplicationAutoScaling::ScalingPolicy",
	"AWS::Batch::ComputeEnvironment",
	"AWS::Batch::JobDefinition",
	"AWS::Batch::JobQueue",
	"AWS::EC2::EIP",
	"AWS::EC2::FlowLog",
	"AWS::EC2::NatGateway",
	"AWS::EC2::SecurityGroupEgress",
	"AWS::EC2::SecurityGroupIngress",
}

// knownLosses are those of them that the environment "local" has and goes without.
var knownLosses = []string{
	"AWS::Batch::ComputeEnvironment",
	"AWS::Batch::JobDefinition",
	"AWS::Batch::JobQueue",
	"AWS::EC2::SecurityGroupIngress",
}

// UncoveredTypes returns the resource types that the emulator doesn't know, sorted.
func UncoveredTypes() []string { return slices.Clone(uncovered) }

// Loss is the resources of one type that an assembly has and the emulator
// doesn't get.
type Loss struct {
	Type  string
	Count int
}

// Assembly is a synthesized assembly that has been fitted.
type Assembly struct {
	// Definitions by the name of their stack.
	Definitions map[string][]definition.Definition
	// Lost, sorted by type.
	Lost []Loss
}

// CheckLosses fails when what "local" loses to the emulator has changed, so that
// nobody loses more without having decided it.
func CheckLosses(lost []Loss) error {
	var types []string
	for _, loss := range lost {
		types = append(types, loss.Type)
	}
	if slices.Equal(types, knownLosses) {
		return nil
	}
	return fmt.Errorf("the resource types that the emulator does not cover have changed: they are %s; the known ones are %s: if that is meant, change knownLosses in .dagger/emulate",
		strings.Join(types, ", "), strings.Join(knownLosses, ", "))
}

// Fit rewrites each stack's template in the assembly's folder.
func Fit(dir string) (Assembly, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"+templateSuffix))
	if err != nil {
		return Assembly{}, err
	}
	if len(files) == 0 {
		return Assembly{}, fmt.Errorf("no *%s in %s: is it the output of a synth?", templateSuffix, dir)
	}
	fitted := Assembly{Definitions: map[string][]definition.Definition{}}
	lost := map[string]int{}
	for _, file := range files {
		stack := strings.TrimSuffix(filepath.Base(file), templateSuffix)
		definitions, err := fitFile(file, lost)
		if err != nil {
			return Assembly{}, fmt.Errorf("fit template of %s to the emulator: %w", stack, err)
		}
		fitted.Definitions[stack] = definitions
	}
	for _, kind := range slices.Sorted(maps.Keys(lost)) {
		fitted.Lost = append(fitted.Lost, Loss{Type: kind, Count: lost[kind]})
	}
	return fitted, nil
}

const templateSuffix = ".template.json"

func fitFile(file string, lost map[string]int) ([]definition.Definition, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var template map[string]any
	if err := json.Unmarshal(text, &template); err != nil {
		return nil, err
	}
	definitions := definition.In(template)
	addOutputs(template, definitions)
	fitted := prune(template, lost)
	text, err = json.MarshalIndent(fitted, "", " ")
	return definitions, errors.Join(err, os.WriteFile(file, text, 0o644))
}

// addOutputs lets CloudFormation tell what the definitions' expressions come to.
func addOutputs(template map[string]any, definitions []definition.Definition) {
	outputs, _ := template["Outputs"].(map[string]any)
	if outputs == nil {
		outputs = map[string]any{}
		template["Outputs"] = outputs
	}
	for _, d := range definitions {
		for key, expression := range d.Expressions() {
			outputs[key] = map[string]any{"Value": expression}
		}
	}
}

// prune takes uncovered resources out and counts them in lost by type.
func prune(template map[string]any, lost map[string]int) map[string]any {
	resources, _ := template["Resources"].(map[string]any)
	gone := map[string]bool{}
	for id, resource := range resources {
		kind, _ := resource.(map[string]any)["Type"].(string)
		if slices.Contains(uncovered, kind) {
			gone[id] = true
			lost[kind]++
			delete(resources, id)
		}
	}
	for _, resource := range resources {
		dropDependencies(resource.(map[string]any), gone)
	}
	pruned, _ := withoutReferences(template, gone).(map[string]any)
	return pruned
}

// dropDependencies removes what is gone from DependsOn, a text or a list.
func dropDependencies(resource map[string]any, gone map[string]bool) {
	switch on := resource["DependsOn"].(type) {
	case string:
		if gone[on] {
			delete(resource, "DependsOn")
		}
	case []any:
		resource["DependsOn"] = slices.DeleteFunc(on, func(id any) bool {
			name, _ := id.(string)
			return gone[name]
		})
	}
}

// withoutReferences copies a JSON value with Ref, Fn::GetAtt and Fn::Sub of
// what is gone replaced by a text.
func withoutReferences(value any, gone map[string]bool) any {
	switch v := value.(type) {
	case map[string]any:
		if id, ok := referenced(v); ok && gone[id] {
			return absent(id)
		}
		out := make(map[string]any, len(v))
		for key, inner := range v {
			out[key] = withoutReferences(inner, gone)
		}
		if text, ok := out["Fn::Sub"].(string); ok {
			out["Fn::Sub"] = withoutVariables(text, gone)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = withoutReferences(inner, gone)
		}
		return out
	}
	return value
}

// referenced returns the logical id that a Ref or Fn::GetAtt names.
func referenced(v map[string]any) (id string, ok bool) {
	if len(v) != 1 {
		return "", false
	}
	if id, ok = v["Ref"].(string); ok {
		return id, true
	}
	switch attribute := v["Fn::GetAtt"].(type) {
	case []any:
		id, ok = attribute[0].(string)
	case string:
		id, _, ok = strings.Cut(attribute, ".")
	}
	return id, ok
}

var variable = regexp.MustCompile(`\$\{([A-Za-z0-9]+)(\.[A-Za-z0-9.]+)?\}`)

func withoutVariables(text string, gone map[string]bool) string {
	return variable.ReplaceAllStringFunc(text, func(match string) string {
		if id := variable.FindStringSubmatch(match)[1]; gone[id] {
			return absent(id)
		}
		return match
	})
}

func absent(id string) string { return "not-emulated-" + id }
