package reference

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/prooflink/prooflink/infra/config"
)

// Markdown is the table of all keys, with the value that each of the
// environments has.
func Markdown(root Key, environments []config.Environment) string {
	var b strings.Builder
	b.WriteString("# Configuration reference\n\n" +
		"Made from [environment.go](environment.go) by `go test ./infra/config -update`; do not edit.\n\n" +
		"An environment is a file in [environments](environments). Every key is required; unknown keys are refused.\n")
	b.WriteString(section("The environment", "", single(root.Keys), environments))
	for _, key := range root.Keys {
		if key.Keys != nil {
			b.WriteString(section("`"+key.Path+"`", key.Doc, key.Leaves(), environments))
		}
	}
	return b.String()
}

// single are the keys that are no groups.
func single(keys []Key) []Key {
	var all []Key
	for _, key := range keys {
		if key.Keys == nil {
			all = append(all, key)
		}
	}
	return all
}

// section is the table of one group.
func section(title, doc string, keys []Key, environments []config.Environment) string {
	header, line := "| Key | Meaning | Accepts |", "|---|---|---|"
	for _, env := range environments {
		header, line = header+" "+env.Env+" |", line+"---|"
	}
	rows := []string{"", "## " + title, ""}
	if doc != "" {
		rows = append(rows, escape(doc), "")
	}
	rows = append(rows, header, line)
	for _, key := range keys {
		rows = append(rows, row(key, environments))
	}
	return strings.Join(rows, "\n") + "\n"
}

// row is one key's.
func row(key Key, environments []config.Environment) string {
	cells := []string{"`" + key.Path + "`", escape(key.Doc), escape(accepts(key))}
	for _, env := range environments {
		cells = append(cells, code(find(reflect.ValueOf(env), strings.Split(key.Path, "."))))
	}
	return "| " + strings.Join(cells, " | ") + " |"
}

// kinds are what values are where no rule says more.
var kinds = map[reflect.Kind]string{reflect.String: "text", reflect.Int: "a whole number", reflect.Bool: "true, false",
	reflect.Slice: "a list of texts", reflect.Map: "texts"}

// accepts says which values a key takes.
func accepts(key Key) string {
	words := kinds[key.Type.Kind()]
	switch rule := key.Rule; {
	case rule == nil:
		return words
	case rule.OneOf != nil:
		words = choices(rule.OneOf)
	case rule.Pattern != nil:
		words = strings.TrimPrefix(strings.TrimPrefix(rule.Fix, "write "), "use ")
	default:
		words = fmt.Sprintf("%d to %d", rule.Least, rule.Most)
	}
	return lists[key.Type.Kind()] + words
}

// lists precede what their items are.
var lists = map[reflect.Kind]string{reflect.Slice: "a list, each "}

// many is how many values a table lists.
const many = 12

// choices lists values, of many the first ones.
func choices(values []string) string {
	if len(values) <= many {
		return strings.Join(values, ", ")
	}
	return fmt.Sprintf("%s … (one of %d in schema.json)", strings.Join(values[:3], ", "), len(values))
}

// find returns the value at a path.
func find(group reflect.Value, path []string) reflect.Value {
	for i := range group.NumField() {
		if group.Type().Field(i).Tag.Get("yaml") != path[0] {
			continue
		}
		if len(path) == 1 {
			return group.Field(i)
		}
		return find(group.Field(i), path[1:])
	}
	return reflect.Value{}
}

// code writes a value as a file has it.
func code(value reflect.Value) string {
	text := fmt.Sprint(value.Interface())
	switch value.Kind() {
	case reflect.Slice:
		text = strings.ReplaceAll(text, " ", ", ")
	case reflect.Map:
		text = "{" + strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(text, "map["), "]"), " ", ", ") + "}"
		text = strings.ReplaceAll(text, ":", ": ")
	case reflect.String:
		if text == "" {
			text = `""`
		}
	}
	return "`" + text + "`"
}

// escaper has what Markdown and HTML read otherwise than people.
var escaper = strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;", "*", `\*`, "_", `\_`)

// escape makes a text plain for Markdown.
func escape(text string) string { return escaper.Replace(text) }
