package typescript

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/prooflink/prooflink/infra/templates"
)

// stackWriter writes one stack's class.
type stackWriter struct {
	writer
	environment environment
	modules     map[string]bool
	counts      *Counts
}

// class is the stack as a class, whose fields are its resources: other stacks
// refer to them.
func (w stackWriter) class() (string, error) {
	var fields, lines strings.Builder
	for _, id := range w.order() {
		made, kind, err := w.resource(id)
		if err != nil {
			return "", fmt.Errorf("resource %s: %w", id, err)
		}
		fmt.Fprintf(&fields, "  readonly %s: %s;\n", id, kind)
		lines.WriteString(made)
	}
	outputs, err := w.outputs()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("\nclass %s extends cdk.Stack {\n%s\n"+
		"  constructor(scope: cdk.App, id: string, props: cdk.StackProps, stacks: Stacks) {\n    super(scope, id, props);\n%s%s  }\n}\n",
		identifier(w.stack.Name), fields.String(), lines.String(), outputs), nil
}

// order lists the resources so that each comes after those it refers to.
func (w stackWriter) order() []string {
	var list []string
	seen := map[string]bool{}
	var visit func(id string)
	visit = func(id string) {
		resource, ok := w.stack.Resources[id]
		if !ok || seen[id] {
			return
		}
		seen[id] = true
		for _, needed := range append(references(resource.Properties), resource.DependsOn...) {
			visit(needed)
		}
		list = append(list, id)
	}
	for _, id := range w.stack.IDs() {
		visit(id)
	}
	return list
}

// references lists the ids that a value refers to.
func references(value any) []string {
	var ids []string
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			ids = append(ids, references(item)...)
		}
	case map[string]any:
		if name, argument, ok := intrinsic(v); ok && name == "Ref" {
			return []string{fmt.Sprint(argument)}
		} else if list, isList := argument.([]any); ok && name == "Fn::GetAtt" && isList {
			return []string{fmt.Sprint(list[0])}
		}
		for _, key := range sorted(v) {
			ids = append(ids, references(v[key])...)
		}
	}
	return ids
}

// resource writes one resource, typed where the CDK has its class and all its
// properties, and returns its type.
func (w stackWriter) resource(id string) (text, kind string, err error) {
	resource := w.stack.Resources[id]
	properties, kind, err := w.typed(resource)
	var unknown unknownProperty
	if errors.As(err, &unknown) || (err == nil && kind == "") {
		properties, kind, err = w.untyped(resource)
	} else {
		w.counts.Typed++
	}
	if err != nil {
		return "", "", err
	}
	return fmt.Sprintf("    this.%s = new %s(this, %s, %s);\n%s", id, kind, literal(id), properties, w.options(id, resource)), kind, nil
}

// typed writes a resource's properties for its class; the type is empty where
// the CDK has none.
func (w stackWriter) typed(resource templates.Resource) (properties, kind string, err error) {
	if !typed(resource.Type) {
		return "", "", nil
	}
	name := module(resource.Type)
	if w.declarations, err = w.environment.library.declarations(name); err != nil {
		return "", "", err
	}
	interfaceName := class(resource.Type) + "Props"
	members, ok := w.declarations[interfaceName]
	if !ok || w.leftOut(resource, members) {
		return "", "", nil
	}
	w.modules[name] = true
	properties, err = w.object(w.own(resource), func(key string) (member, error) {
		found, ok := members[strings.ToLower(key)]
		if !ok {
			return member{}, unknownProperty{key, interfaceName}
		}
		return found, nil
	})
	return properties, identifier(name) + "." + class(resource.Type), err
}

// leftOut says whether a resource could have the environment's tags and hasn't:
// ours made it without its class.
func (w stackWriter) leftOut(resource templates.Resource, members map[string]member) bool {
	_, taggable := members["tags"]
	return taggable && len(w.environment.tags) > 0 && reflect.DeepEqual(w.own(resource)["Tags"], resource.Properties["Tags"])
}

// untyped writes a resource without a class.
func (w stackWriter) untyped(resource templates.Resource) (properties, kind string, err error) {
	w.counts.Untyped++
	properties, err = w.value(resource.Properties, "any")
	return fmt.Sprintf("{ type: %s, properties: %s }", literal(resource.Type), properties), "cdk.CfnResource", err
}

// own is a resource's properties without the tags that every resource gets.
func (w stackWriter) own(resource templates.Resource) map[string]any {
	properties := map[string]any{}
	for key, value := range resource.Properties {
		if strings.HasSuffix(key, "Tags") {
			value = w.ownTags(value)
		}
		if value != nil {
			properties[key] = value
		}
	}
	return properties
}

// ownTags leaves out the environment's tags, which the CDK adds; nil where
// there are no others.
func (w stackWriter) ownTags(tags any) any {
	switch tags := tags.(type) {
	case []any:
		left := slices.DeleteFunc(slices.Clone(tags), func(item any) bool {
			pair, _ := item.(map[string]any)
			return pair["Value"] == w.environment.tags[fmt.Sprint(pair["Key"])]
		})
		if len(left) > 0 {
			return left
		}
	case map[string]any:
		left := map[string]any{}
		for key, value := range tags {
			if value != w.environment.tags[key] {
				left[key] = value
			}
		}
		if len(left) > 0 {
			return left
		}
	default:
		return tags // a setting that is called like them
	}
	return nil
}

// options writes a resource's policies, dependencies and metadata.
func (w stackWriter) options(id string, resource templates.Resource) string {
	var lines strings.Builder
	for option, policy := range map[string]string{
		"deletionPolicy": resource.DeletionPolicy, "updateReplacePolicy": resource.UpdateReplacePolicy,
	} {
		if policy != "" {
			fmt.Fprintf(&lines, "    this.%s.cfnOptions.%s = cdk.CfnDeletionPolicy.%s;\n", id, option, policies[policy])
		}
	}
	for _, needed := range resource.DependsOn {
		fmt.Fprintf(&lines, "    this.%s.addResourceDependency(this.%s);\n", id, needed)
	}
	for _, key := range sorted(resource.Metadata) {
		if key != "aws:cdk:path" {
			fmt.Fprintf(&lines, "    this.%s.addMetadata(%s, %s);\n", id, literal(key), literal(resource.Metadata[key]))
		}
	}
	return lines.String()
}

// policies has the members of cdk.CfnDeletionPolicy.
var policies = map[string]string{
	"Delete": "DELETE", "Retain": "RETAIN", "Snapshot": "SNAPSHOT", "RetainExceptOnCreate": "RETAIN_EXCEPT_ON_CREATE",
}

// outputs writes the outputs that are the app's own; the CDK makes those that
// another stack reads.
func (w stackWriter) outputs() (string, error) {
	var lines strings.Builder
	for _, key := range sorted(w.stack.Outputs) {
		if w.readByAnother(key) {
			continue
		}
		value, err := w.value(w.stack.Outputs[key].Value, "string")
		if err != nil {
			return "", fmt.Errorf("output %s: %w", key, err)
		}
		fmt.Fprintf(&lines, "    new cdk.CfnOutput(this, %s, { value: %s });\n", literal(key), value)
	}
	return lines.String(), nil
}

// readByAnother says whether another stack reads an output.
func (w stackWriter) readByAnother(key string) bool {
	return slices.ContainsFunc(w.environment.stacks, func(other templates.Stack) bool {
		return slices.ContainsFunc(other.IDs(), func(id string) bool {
			return reads(other.Resources[id].Properties, w.stack.Name, key)
		})
	})
}

// reads finds a reference to another stack's output in a value.
func reads(value any, stack, key string) bool {
	switch v := value.(type) {
	case []any:
		return slices.ContainsFunc(v, func(item any) bool { return reads(item, stack, key) })
	case map[string]any:
		if output, ok := v["Fn::GetStackOutput"].(map[string]any); ok {
			return output["StackName"] == stack && output["OutputName"] == key
		}
		for _, item := range v {
			if reads(item, stack, key) {
				return true
			}
		}
	}
	return false
}
