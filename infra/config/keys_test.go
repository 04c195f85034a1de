package config_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/prooflink/prooflink/infra/config"
)

// entry is one key of a file: its place in the group that has it.
type entry struct {
	path  string
	group *yaml.Node
	index int
}

// entries parses a file and lists its keys at every depth.
func entries(t testing.TB, text string) (*yaml.Node, []entry) {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	return &document, keysOf(document.Content[0], "")
}

// keysOf lists the keys of a group and of the groups in it.
func keysOf(node *yaml.Node, prefix string) []entry {
	if node.Kind != yaml.MappingNode {
		return nil
	}
	var all []entry
	for i := 0; i+1 < len(node.Content); i += 2 {
		path := strings.TrimPrefix(prefix+"."+node.Content[i].Value, ".")
		all = append(all, entry{path, node, i})
		all = append(all, keysOf(node.Content[i+1], path)...)
	}
	return all
}

// free says whether the key is the user's own, which nobody can know to be wrong.
func (e entry) free() bool { return strings.HasPrefix(e.path, "naming.tags.") }

// rename is the path with another last part.
func (e entry) rename(name string) string {
	return strings.TrimPrefix(e.path[:max(strings.LastIndex(e.path, "."), 0)]+"."+name, ".")
}

// siblings are the keys of the same group.
func (e entry) siblings() []string {
	var all []string
	for i := 0; i < len(e.group.Content); i += 2 {
		all = append(all, e.group.Content[i].Value)
	}
	return all
}

// problems decodes a changed file.
func problems(t testing.TB, document *yaml.Node) config.Problems {
	t.Helper()
	data, err := yaml.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	_, err = config.Decode("dev.yaml", data)
	var all config.Problems
	errors.As(err, &all)
	return all
}

// says reports whether there is a problem of that key with that reason.
func says(all config.Problems, path, reason string) bool {
	return slices.ContainsFunc(all, func(p config.Problem) bool {
		return p.Path == path && strings.Contains(p.Reason, reason)
	})
}

// misspell renames a key, and returns whether the new name was reported.
func misspell(t testing.TB, text string, at int, name string) {
	t.Helper()
	document, all := entries(t, text)
	key := all[at]
	if key.free() || slices.Contains(key.siblings(), name) {
		return
	}
	key.group.Content[key.index].SetString(name)
	found := problems(t, document)
	if !says(found, key.rename(name), "is not a known key") || !says(found, key.path, "is missing") {
		t.Errorf("%s as %q: got %v", key.path, name, found)
	}
}

// remove leaves a key out.
func remove(t testing.TB, text string, at int) {
	t.Helper()
	document, all := entries(t, text)
	key := all[at]
	if key.free() {
		return
	}
	key.group.Content = slices.Delete(key.group.Content, key.index, key.index+2)
	if found := problems(t, document); !says(found, key.path, "is missing") {
		t.Errorf("without %s: got %v", key.path, found)
	}
}

// repeat writes a key twice.
func repeat(t testing.TB, text string, at int) {
	t.Helper()
	document, all := entries(t, text)
	key := all[at]
	key.group.Content = append(key.group.Content, key.group.Content[key.index:key.index+2]...)
	if found := problems(t, document); !says(found, key.path, "occurs twice") {
		t.Errorf("%s twice: got %v", key.path, found)
	}
}

// No key can be misspelt, left out or repeated without being named. One file is
// enough: every file has every key.
func TestNoKeyIsSilentlyDefaulted(t *testing.T) {
	text := file(t, "dev")
	_, all := entries(t, text)
	if len(all) < 100 {
		t.Fatalf("the file has %d keys only", len(all))
	}
	for at, key := range all {
		last := key.path[strings.LastIndex(key.path, ".")+1:]
		misspell(t, text, at, last+"s")
		misspell(t, text, at, strings.ToUpper(last[:1])+last[1:])
		remove(t, text, at)
		repeat(t, text, at)
	}
}

func FuzzAMisspeltKeyIsNamed(f *testing.F) {
	text := file(f, "dev")
	_, all := entries(f, text)
	for at, name := range []string{"", "env ", "natGatways", "<<", "a.b", "[]", "null", "1", "\n", "true"} {
		f.Add(uint16(at*11), name)
	}
	f.Fuzz(func(t *testing.T, at uint16, name string) {
		if !readable(name) {
			return // YAML cannot have it as a key, so nobody can misspell one like that
		}
		misspell(t, text, int(at)%len(all), name)
	})
}

// readable says whether a text comes back from YAML as it went there.
func readable(text string) bool {
	data, err := yaml.Marshal(text)
	var back string
	return err == nil && utf8.ValidString(text) && yaml.Unmarshal(data, &back) == nil && back == text
}

func FuzzDecodeNeverPanics(f *testing.F) {
	for _, name := range config.Known() {
		f.Add([]byte(file(f, name)))
	}
	for _, seed := range []string{"", "[]", "a: &a [*a]", "? {}\n: 1", "network: {azs: [{}]}", "---\n---\n", "db: !!int x", "\x00", "- - - -",
		"env: !!binary x", "naming: {tags: {? [] : x}}", "waf: {allowedCidrs: [::/0, x]}", "db: {schedule: {days: '-', timezone: ../../etc/passwd}}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := config.Decode("dev.yaml", data)
		if err != nil && !strings.HasPrefix(err.Error(), "dev.yaml") {
			t.Errorf("does not name the file: %v", err)
		}
	})
}

// A value that a key's rule refuses is reported at that key, whichever it is,
// and refused by the schema.
func TestEveryRuleIsApplied(t *testing.T) {
	schema := editor(t)
	for _, key := range config.Ruled() {
		rule, _ := config.RuleOf(key)
		t.Run(key, func(t *testing.T) {
			document, all := entries(t, file(t, "dev"))
			at := slices.IndexFunc(all, func(e entry) bool { return covers(key, e.path) })
			if at < 0 {
				t.Fatal("no file has this key")
			}
			wrong := "\u2400 *"
			if rule.Most > 0 || slices.Contains(rule.OneOf, "30") || slices.Contains(rule.OneOf, "512") {
				wrong = "-7"
			}
			value := all[at].group.Content[all[at].index+1]
			path := all[at].path
			if strings.HasSuffix(key, "[]") {
				value.Content = []*yaml.Node{{Kind: yaml.ScalarNode}}
				value, path = value.Content[0], path+"[0]"
			}
			*value = yaml.Node{Kind: yaml.ScalarNode, Value: wrong}
			if found := problems(t, document); !says(found, path, rule.Reason) {
				t.Errorf("%q: got %v, want %s", wrong, found, rule.Reason)
			}
			var changed any
			if err := document.Decode(&changed); err != nil || schema.Validate(changed) == nil {
				t.Errorf("%q: the schema accepts it (%v)", wrong, err)
			}
		})
	}
}

// covers says whether a rule's key is that of a path.
func covers(key, path string) bool {
	if group, ok := strings.CutSuffix(key, "*"); ok {
		return strings.HasPrefix(path, group)
	}
	return strings.TrimSuffix(key, "[]") == path
}
