package templates

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// Nothing is the text of a property that isn't there.
const Nothing = "<nothing>"

// Text writes a value on one line, its intrinsic functions as "${…}": a
// reference as "${Id}", an attribute as "${Id.Arn}", another stack's output as
// "${Stack:Key}", groups with sorted keys as "{Key:value}".
func Text(value any) string {
	switch v := value.(type) {
	case nil:
		return Nothing
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		return "[" + strings.Join(texts(v), " ") + "]"
	case map[string]any:
		return textOfGroup(v)
	default:
		return fmt.Sprint(v)
	}
}

// textOfGroup writes a group of keys, or an intrinsic function.
func textOfGroup(group map[string]any) string {
	if join, ok := group["Fn::Join"].([]any); ok {
		parts, _ := join[1].([]any)
		return strings.Join(texts(parts), Text(join[0]))
	}
	if ref, ok := group["Ref"]; ok {
		return "${" + Text(ref) + "}"
	}
	if attribute, ok := group["Fn::GetAtt"].([]any); ok {
		return "${" + strings.Join(texts(attribute), ".") + "}"
	}
	if output, ok := group["Fn::GetStackOutput"].(map[string]any); ok {
		return "${" + Text(output["StackName"]) + ":" + Text(output["OutputName"]) + "}"
	}
	keys := make([]string, 0, len(group))
	for key := range group {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for i, key := range keys {
		keys[i] = key + ":" + Text(group[key])
	}
	return "{" + strings.Join(keys, " ") + "}"
}

// texts is Text for each.
func texts(values []any) []string {
	parts := make([]string, len(values))
	for i, value := range values {
		parts[i] = Text(value)
	}
	return parts
}
