package cost

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/prooflink/prooflink/infra/config"
)

// file is a data file that is being read, with what is wrong in it so far.
type file struct {
	name     string
	root     *yaml.Node
	problems config.Problems
}

// decode reads a data file strictly: unknown keys and wrong types are refused.
// The target is a pointer.
func decode(name string, data []byte, target any) *file {
	f := &file{name: name, root: &yaml.Node{}}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		f.yaml(err)
		return f
	}
	if len(document.Content) > 0 {
		f.root = document.Content[0]
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(target); errors.Is(err, io.EOF) {
		f.add(0, "", "is empty", "write the entries that the package's own file has")
	} else if err != nil {
		f.yaml(err)
	}
	return f
}

// yamlLine finds the lines in the YAML library's messages.
var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)

// yaml reports what the YAML library refuses, which can be several lines.
func (f *file) yaml(err error) {
	for _, message := range strings.Split(strings.TrimPrefix(err.Error(), "yaml: unmarshal errors:\n"), "\n") {
		message, line := strings.TrimSpace(message), 0
		if match := yamlLine.FindStringSubmatch(message); match != nil {
			line, _ = strconv.Atoi(match[1]) // the pattern has digits only
			message = match[2]
		}
		f.add(line, "", message, "")
	}
}

// add reports a problem.
func (f *file) add(line int, path, reason, fix string) {
	f.problems = append(f.problems, config.Problem{File: f.name, Line: line, Path: path, Reason: reason, Fix: fix})
}

// err is every problem, in the order of their lines; nil where there is none.
func (f *file) err() error {
	if len(f.problems) == 0 {
		return nil
	}
	sort.SliceStable(f.problems, func(i, j int) bool { return f.problems[i].Line < f.problems[j].Line })
	return f.problems
}

// line is where a key of the file, or an item of the list under it, is.
func (f *file) line(key string, item int) int {
	value := child(f.root, key)
	if value == nil {
		return 0
	}
	if item >= 0 && item < len(value.Content) {
		return value.Content[item].Line
	}
	return value.Line
}

// child is a mapping's value; nil where it has no such key.
func child(node *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}
