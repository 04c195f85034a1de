package changes

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/prooflink/prooflink/infra/templates"
)

// identities are the keys by which the items of a list are known, the first
// that all items have.
var identities = []string{"Name", "Key", "Id", "Sid", "PolicyName", "RuleId", "AttributeName", "ContainerPath", "ContainerPort", "properties.title"}

// ordered are the lists whose order counts: they are compared as one text.
var ordered = map[string]bool{"Command": true, "EntryPoint": true}

// differences lists the leaves that differ, by their paths.
func differences(path string, before, after any) []Line {
	groupB, isB := group(before)
	groupA, isA := group(after)
	if isB && isA && len(groupA)+len(groupB) > 0 {
		var lines []Line
		for _, key := range union(groupB, groupA) {
			lines = append(lines, differences(join(path, key), groupB[key], groupA[key])...)
		}
		return lines
	}
	if lines, ok := listDifferences(path, before, after); ok {
		return lines
	}
	textB, textA := text(before), text(after)
	if textB == textA {
		return nil
	}
	if dataB, dataA := parsed(textB), parsed(textA); dataB != nil && dataA != nil {
		return differences(path, dataB, dataA)
	}
	return []Line{{Path: path, Before: textB, After: textA}}
}

// parsed is what a text of JSON says, e.g. that of a dashboard; nil for any
// other text.
func parsed(text string) any {
	var value any
	if !strings.HasPrefix(text, "{\"") && !strings.HasPrefix(text, "[{") || json.Unmarshal([]byte(text), &value) != nil {
		return nil
	}
	return value
}

// group is a value as a group of keys, but for intrinsic functions. What isn't
// there is an empty group.
func group(value any) (map[string]any, bool) {
	if value == nil {
		return nil, true
	}
	keys, ok := value.(map[string]any)
	return keys, ok && !intrinsic(keys)
}

// intrinsic says whether a group is a function of CloudFormation.
func intrinsic(keys map[string]any) bool {
	for key := range keys {
		return len(keys) == 1 && (key == "Ref" || key == "Condition" || strings.HasPrefix(key, "Fn::"))
	}
	return false
}

// join appends a key to a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// unbuilt is the digest of an image that isn't built yet.
var unbuilt = "sha256:" + strings.Repeat("0", 64)

// text is a value's text; empty where there is none.
func text(value any) string {
	if value == nil {
		return ""
	}
	if keys, ok := value.(map[string]any); ok && len(keys) == 1 {
		if pattern, ok := keys["Fn::Sub"].(string); ok {
			return pattern
		}
	}
	return strings.ReplaceAll(templates.Text(value), unbuilt, "(not built yet)")
}

// listDifferences compares lists: groups by what they are known by or by their
// places, other values as sets, because their order rarely matters and a
// value in a new place isn't news.
func listDifferences(path string, before, after any) ([]Line, bool) {
	listB, isB := list(before)
	listA, isA := list(after)
	if !isB || !isA || len(listA)+len(listB) == 0 {
		return nil, false
	}
	if ordered[path[strings.LastIndex(path, ".")+1:]] {
		return nil, false
	}
	all := slices.Concat(listB, listA)
	if !slices.ContainsFunc(all, func(item any) bool { g, ok := group(item); return !ok || len(g) == 0 }) {
		return itemDifferences(path, index(listB, all), index(listA, all)), true
	}
	return setDifferences(path, listB, listA), true
}

// list is a value as a list. What isn't there is an empty list.
func list(value any) ([]any, bool) {
	if value == nil {
		return nil, true
	}
	items, ok := value.([]any)
	return items, ok
}

// index gives each item the key by which it is known.
func index(items, all []any) map[string]any {
	identity := identityOf(all)
	found := map[string]any{}
	for i, item := range items {
		key := fmt.Sprint(i)
		if identity != "" {
			key = identified(item, identity)
		}
		if _, twice := found[key]; twice {
			key = fmt.Sprintf("%s#%d", key, i)
		}
		found[key] = item
	}
	return found
}

// identityOf is the first identity that all items have; empty for none.
func identityOf(items []any) string {
	for _, key := range identities {
		if !slices.ContainsFunc(items, func(item any) bool { return identified(item, key) == templates.Nothing }) {
			return key
		}
	}
	return ""
}

// identified is an item's value of an identity, which may be a path.
func identified(item any, identity string) string {
	var path []any
	for _, key := range strings.Split(identity, ".") {
		path = append(path, key)
	}
	properties, _ := item.(map[string]any)
	return templates.Resource{Properties: properties}.Text(path...)
}

// itemDifferences compares items that are known by keys. An item that only one
// list has is one line.
func itemDifferences(path string, before, after map[string]any) []Line {
	var lines []Line
	for _, key := range union(before, after) {
		at := path + "[" + key + "]"
		if before[key] == nil || after[key] == nil {
			lines = append(lines, Line{Path: at, Before: text(before[key]), After: text(after[key])})
			continue
		}
		lines = append(lines, differences(at, before[key], after[key])...)
	}
	return lines
}

// setDifferences compares lists of values.
func setDifferences(path string, before, after []any) []Line {
	gone, come := missing(before, after), missing(after, before)
	if len(gone)+len(come) == 0 {
		return nil
	}
	if len(gone) == 1 && len(come) == 1 {
		return []Line{{Path: path, Before: gone[0], After: come[0]}}
	}
	var lines []Line
	for _, value := range gone {
		lines = append(lines, Line{Path: path, Before: value})
	}
	for _, value := range come {
		lines = append(lines, Line{Path: path, After: value})
	}
	return lines
}

// missing lists the texts of a that b hasn't got.
func missing(a, b []any) []string {
	var found []string
	for _, item := range a {
		if !slices.ContainsFunc(b, func(other any) bool { return text(other) == text(item) }) {
			found = append(found, text(item))
		}
	}
	return found
}
