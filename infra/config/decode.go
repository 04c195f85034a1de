package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Decode reads one environment's file strictly and checks it. The file has to
// be named after the environment. The error is Problems, with everything that is
// wrong.
func Decode(file string, data []byte) (Environment, error) {
	return newDecoder(file, true).environment(data)
}

// newDecoder is for one file; named says that it is named after its environment.
func newDecoder(file string, named bool) *decoder {
	return &decoder{file: file, named: named, lines: map[string]int{}, values: map[string]string{}, bad: map[string]bool{}}
}

// environment decodes and checks.
func (d *decoder) environment(data []byte) (Environment, error) {
	var env Environment
	root := d.parse(data)
	if root == nil {
		return Environment{}, d.problems.asError()
	}
	d.decode(root, "", reflect.ValueOf(&env).Elem())
	validate(d, env)
	if err := d.problems.asError(); err != nil {
		return Environment{}, err
	}
	return env, nil
}

// decoder remembers where each key is, so that checks can point at it.
type decoder struct {
	file     string
	named    bool // the file's name is the environment's
	lines    map[string]int
	values   map[string]string
	bad      map[string]bool // keys without a usable value
	problems Problems
}

// yamlLine finds the line in the YAML library's messages.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// parse returns the file's one document, or nil after reporting why not.
func (d *decoder) parse(data []byte) *yaml.Node {
	reader := yaml.NewDecoder(bytes.NewReader(data))
	var document, more yaml.Node
	if err := reader.Decode(&document); err != nil {
		d.broken(err)
		return nil
	}
	if err := reader.Decode(&more); !errors.Is(err, io.EOF) {
		d.add(Problem{Line: more.Line, Reason: "has a second document", Fix: "keep one environment per file"})
	}
	return document.Content[0]
}

// broken reports what isn't YAML.
func (d *decoder) broken(err error) {
	if errors.Is(err, io.EOF) {
		d.add(Problem{Reason: "is empty", Fix: "copy another environment's file and change it"})
		return
	}
	message := err.Error()
	match := yamlLine.FindStringSubmatch(message)
	line := 0
	if match != nil {
		line, _ = strconv.Atoi(match[1]) // 0 where it names no line
		message = strings.TrimPrefix(message, match[0])
	}
	d.add(Problem{Line: line, Reason: "is not valid YAML: " + message, Fix: "check indentation, quotes and brackets near this line"})
}

// add reports a problem in this file.
func (d *decoder) add(p Problem) {
	p.File = d.file
	d.problems = append(d.problems, p)
}

// decode stores a node in the target, whose type says what the node must be.
func (d *decoder) decode(node *yaml.Node, path string, target reflect.Value) {
	d.lines[path] = node.Line
	switch target.Kind() {
	case reflect.Struct:
		d.mapping(node, path, target)
	case reflect.Slice:
		d.sequence(node, path, target)
	case reflect.Map:
		d.texts(node, path, target)
	default:
		d.scalar(node, path, target)
	}
}

// wrongType reports a node of another kind than the target's.
func (d *decoder) wrongType(node *yaml.Node, path, want string) {
	d.bad[path] = true
	d.add(Problem{Line: node.Line, Path: path, Value: node.Value, Reason: "is " + describe(node), Fix: "write " + want})
}

// describe says what a node is, in a user's words.
func describe(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a group of keys"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias, which these files don't have"
	}
	words := map[string]string{"!!null": "empty", "!!bool": "true or false", "!!int": "a number",
		"!!float": "a number", "!!str": "text", "!!timestamp": "a date"}
	if word, ok := words[node.ShortTag()]; ok {
		return word
	}
	return "of an unknown type"
}

// mapping decodes a group of keys and reports unknown, repeated and missing ones.
func (d *decoder) mapping(node *yaml.Node, path string, target reflect.Value) {
	if node.Kind != yaml.MappingNode {
		d.wrongType(node, path, "a group of keys")
		return
	}
	fields := fieldsOf(target)
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		d.entry(node.Content[i], node.Content[i+1], path, fields, seen)
	}
	for _, name := range sortedKeys(fields) {
		if !seen[name] {
			d.bad[join(path, name)] = true
			d.add(Problem{Line: node.Line, Path: join(path, name), Reason: "is missing", Fix: "add it; every key is required"})
		}
	}
}

// entry decodes one key of a group.
func (d *decoder) entry(key, value *yaml.Node, path string, fields map[string]reflect.Value, seen map[string]bool) {
	name := key.Value
	field, ok := fields[name]
	switch {
	case !ok:
		d.add(Problem{Line: key.Line, Path: join(path, name), Reason: "is not a known key", Fix: suggest(name, sortedKeys(fields))})
	case seen[name]:
		d.add(Problem{Line: key.Line, Path: join(path, name), Reason: "occurs twice", Fix: "remove one of them"})
	default:
		seen[name] = true
		d.decode(value, join(path, name), field)
	}
}

// sequence decodes a list.
func (d *decoder) sequence(node *yaml.Node, path string, target reflect.Value) {
	if node.Kind != yaml.SequenceNode {
		d.wrongType(node, path, "a list in square brackets")
		return
	}
	list := reflect.MakeSlice(target.Type(), len(node.Content), len(node.Content))
	for i, item := range node.Content {
		d.decode(item, fmt.Sprintf("%s[%d]", path, i), list.Index(i))
	}
	target.Set(list)
}

// texts decodes a group whose keys are the user's own and whose values are texts.
func (d *decoder) texts(node *yaml.Node, path string, target reflect.Value) {
	if node.Kind != yaml.MappingNode {
		d.wrongType(node, path, "a group of keys")
		return
	}
	texts := map[string]string{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], ""
		if _, ok := texts[key.Value]; ok {
			d.add(Problem{Line: key.Line, Path: join(path, key.Value), Reason: "occurs twice", Fix: "remove one of them"})
		}
		d.decode(node.Content[i+1], join(path, key.Value), reflect.ValueOf(&value).Elem())
		texts[key.Value] = value
	}
	target.Set(reflect.ValueOf(texts))
}

// scalar decodes a text, a number or a truth value.
func (d *decoder) scalar(node *yaml.Node, path string, target reflect.Value) {
	d.values[path] = node.Value
	tag := ""
	if node.Kind == yaml.ScalarNode {
		tag = node.ShortTag()
	}
	switch {
	case target.Kind() == reflect.String && tag == "!!str":
		target.SetString(node.Value)
	case target.Kind() == reflect.Bool && tag == "!!bool" && node.Decode(target.Addr().Interface()) == nil:
	case target.Kind() == reflect.Int && tag == "!!int" && plainNumber.MatchString(node.Value) && node.Decode(target.Addr().Interface()) == nil:
	default:
		d.wrongType(node, path, wanted(target.Kind()))
	}
}

// plainNumber is as everybody reads it: YAML takes 010 for eight.
var plainNumber = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

// wanted says what a target of that kind takes.
func wanted(kind reflect.Kind) string {
	switch kind {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number in decimal digits"
	default:
		return "text; put it in double quotes"
	}
}

// fieldsOf finds a struct's fields by their YAML key.
func fieldsOf(target reflect.Value) map[string]reflect.Value {
	fields := map[string]reflect.Value{}
	for i := range target.NumField() {
		fields[target.Type().Field(i).Tag.Get("yaml")] = target.Field(i)
	}
	return fields
}

// sortedKeys lists a map's keys.
func sortedKeys(fields map[string]reflect.Value) []string {
	keys := make([]string, 0, len(fields))
	for key := range fields {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// join appends a key to a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
