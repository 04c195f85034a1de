package typescript

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/prooflink/prooflink/infra/templates"
)

// writer writes one stack's values as TypeScript.
type writer struct {
	stack        templates.Stack
	others       map[string]templates.Stack
	declarations declarations
}

// unknownProperty is a property that the CDK's class doesn't have.
type unknownProperty struct{ name, kind string }

// Error names the property.
func (e unknownProperty) Error() string { return fmt.Sprintf("%s has no property %s", e.kind, e.name) }

// value writes a value of a property whose TypeScript type is given.
func (w writer) value(value any, kind string) (string, error) {
	switch v := value.(type) {
	case []any:
		return w.list(v, kind)
	case map[string]any:
		if name, argument, ok := intrinsic(v); ok {
			return w.function(name, argument, kind)
		}
		return w.group(v, kind)
	default:
		return literal(value), nil
	}
}

// list writes each item.
func (w writer) list(items []any, kind string) (string, error) {
	parts := make([]string, len(items))
	for i, item := range items {
		text, err := w.value(item, strings.ReplaceAll(kind, "Array<", "<"))
		if err != nil {
			return "", err
		}
		parts[i] = text
	}
	return "[" + strings.Join(parts, ", ") + "]", nil
}

// group writes an object: with the names of its structure, or with its own
// keys where it is a map or a document.
func (w writer) group(group map[string]any, kind string) (string, error) {
	ofMap, isMap := strings.CutPrefix(strings.TrimPrefix(kind, "cdk.IResolvable | "), "Record<string, ")
	if isMap {
		return w.object(group, func(key string) (member, error) { return member{key, ofMap}, nil })
	}
	members := w.declarations.members(kind)
	if members == nil {
		return w.object(group, func(key string) (member, error) { return member{key, "any"}, nil })
	}
	return w.object(group, func(key string) (member, error) {
		found, ok := members[strings.ToLower(key)]
		if !ok {
			return member{}, unknownProperty{key, kind}
		}
		return found, nil
	})
}

// object writes an object whose keys another function translates.
func (w writer) object(group map[string]any, translate func(key string) (member, error)) (string, error) {
	parts := make([]string, 0, len(group))
	for _, key := range sorted(group) {
		to, err := translate(key)
		if err != nil {
			return "", err
		}
		text, err := w.value(group[key], to.kind)
		if err != nil {
			return "", err
		}
		parts = append(parts, literal(to.name)+": "+text)
	}
	return "{ " + strings.Join(parts, ", ") + " }", nil
}

// function writes an intrinsic function as an app's author would: a reference
// as the other construct's attribute, a join as a call.
func (w writer) function(name string, argument any, kind string) (string, error) {
	if text, ok := w.reference("this", w.stack, name, argument); ok {
		return asKind(text, kind), nil
	}
	switch name {
	case "Ref":
		if constant := pseudo[fmt.Sprint(argument)]; constant != "" {
			return asKind("cdk.Aws."+constant, kind), nil
		}
	case "Fn::GetStackOutput":
		if text, ok := w.output(argument); ok {
			return asKind(text, kind), nil
		}
	case "Fn::Join":
		return w.join(argument, kind)
	}
	text, err := w.value(argument, "any")
	if err != nil {
		return "", err
	}
	return token(fmt.Sprintf("{ %s: %s }", literal(name), text), kind), nil
}

// pseudo has the constants of cdk.Aws.
var pseudo = map[string]string{
	"AWS::AccountId": "ACCOUNT_ID", "AWS::Partition": "PARTITION", "AWS::Region": "REGION",
	"AWS::StackId": "STACK_ID", "AWS::StackName": "STACK_NAME", "AWS::URLSuffix": "URL_SUFFIX",
}

// reference writes a Ref or an attribute of a resource of a stack.
func (w writer) reference(owner string, stack templates.Stack, name string, argument any) (string, bool) {
	switch argument := argument.(type) {
	case string:
		_, ok := stack.Resources[argument]
		return owner + "." + argument + ".ref", ok && name == "Ref"
	case []any:
		if name != "Fn::GetAtt" || len(argument) != 2 {
			return "", false
		}
		id, attribute := fmt.Sprint(argument[0]), fmt.Sprint(argument[1])
		_, ok := stack.Resources[id]
		return fmt.Sprintf("cdk.Token.asString(%s.%s.getAtt(%s))", owner, id, literal(attribute)), ok
	}
	return "", false
}

// output writes another stack's output as the attribute that it exports: the
// CDK makes the output out of it.
func (w writer) output(argument any) (string, bool) {
	parts, _ := argument.(map[string]any)
	other, ok := w.others[fmt.Sprint(parts["StackName"])]
	if !ok {
		return "", false
	}
	exported, _ := other.Outputs[fmt.Sprint(parts["OutputName"])].Value.(map[string]any)
	name, inner, ok := intrinsic(exported)
	if !ok {
		return "", false
	}
	return w.reference("stacks."+identifier(other.Name), other, name, inner)
}

// join writes Fn::Join.
func (w writer) join(argument any, kind string) (string, error) {
	parts, _ := argument.([]any)
	if len(parts) != 2 {
		return "", fmt.Errorf("an Fn::Join of %d arguments, not 2", len(parts))
	}
	list, err := w.value(parts[1], "Array<string>")
	if err != nil {
		return "", err
	}
	return asKind(fmt.Sprintf("cdk.Fn.join(%s, %s)", literal(parts[0]), list), kind), nil
}

// intrinsic takes an intrinsic function apart.
func intrinsic(group map[string]any) (name string, argument any, ok bool) {
	if len(group) != 1 {
		return "", nil, false
	}
	for name, argument = range group {
		ok = name == "Ref" || strings.HasPrefix(name, "Fn::")
	}
	return name, argument, ok
}

// asKind turns a text token into a list or a number where the type wants one.
func asKind(text, kind string) string {
	if strings.HasPrefix(kind, "Array<") || kind == "number" {
		return token(text, kind)
	}
	return text
}

// token wraps an expression for its type.
func token(text, kind string) string {
	switch {
	case strings.HasPrefix(kind, "Array<"):
		return "cdk.Token.asList(" + text + ")"
	case kind == "number":
		return "cdk.Token.asNumber(" + text + ")"
	default:
		return "cdk.Token.asString(" + text + ")"
	}
}

// literal is a value as JSON, which is TypeScript too.
func literal(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // it comes from JSON
	}
	return string(text)
}

// sorted lists a map's keys in order.
func sorted[V any](group map[string]V) []string {
	keys := make([]string, 0, len(group))
	for key := range group {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
