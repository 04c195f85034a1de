package config_test

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/config/reference"
)

var update = flag.Bool("update", false, "write schema.json and README.md anew")

// described reads all keys with their comments.
func described(t testing.TB) reference.Key {
	t.Helper()
	source, err := os.ReadFile("environment.go")
	if err != nil {
		t.Fatal(err)
	}
	root, err := reference.Read(source)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// golden compares a file with what is made, or writes it.
func golden(t *testing.T, path string, made []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, made, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(kept), string(made)); diff != "" {
		t.Errorf("%s is stale (go test ./infra/config -update writes it):\n%s", path, diff)
	}
}

func TestSchemaIsUpToDate(t *testing.T) {
	made, err := reference.Schema(described(t))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "schema.json", made)
}

func TestReferenceIsUpToDate(t *testing.T) {
	var all []config.Environment
	for _, name := range []string{"dev", "prod", "local"} {
		all = append(all, load(t, name))
	}
	golden(t, "README.md", []byte(reference.Markdown(described(t), all)))
}

// goName is a constant's or a field's, which no user of a file knows.
var goName = regexp.MustCompile(`\b(Scheme|Egress|Engine|Key|URL|Mechanism|HTTP|WAF|Driver|Spot|Role|Group|Alarms|Removal)[A-Z][A-Za-z]+`)

func TestEveryKeyIsDescribedInTheWordsOfAFile(t *testing.T) {
	for _, key := range described(t).Leaves() {
		if !strings.HasSuffix(key.Doc, ".") || goName.MatchString(key.Doc) {
			t.Errorf("%s: %q", key.Path, key.Doc)
		}
	}
}

func TestEveryRuleHasAKey(t *testing.T) {
	var known []string
	for _, key := range described(t).Leaves() {
		known = append(known, key.Path+map[reflect.Kind]string{reflect.Slice: "[]", reflect.Map: ".*"}[key.Type.Kind()])
	}
	for _, key := range config.Ruled() {
		if !slices.Contains(known, key) {
			t.Errorf("%s has a rule, and no file has it", key)
		}
	}
}

// editor checks files as an editor does.
func editor(t testing.TB) *jsonschema.Schema {
	t.Helper()
	data, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// plain decodes a file without its types.
func plain(t testing.TB, text string) any {
	t.Helper()
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestEveryFileIsWithinTheSchemaThatItNames(t *testing.T) {
	schema := editor(t)
	for _, name := range append(config.Known(), slices.Collect(maps.Keys(variants))...) {
		_, text := base(t, name)
		if err := schema.Validate(plain(t, text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.HasPrefix(text, "# yaml-language-server: $schema=../schema.json\n") {
			t.Errorf("%s does not name the schema", name)
		}
	}
}

func TestTheSchemaRefusesWhatTheTypesRefuse(t *testing.T) {
	schema := editor(t)
	for name, c := range formMistakes {
		_, text := base(t, c.env)
		var value any
		if yaml.Unmarshal([]byte(edit(t, text, c.from, c.to)), &value) != nil || readAnyway[name] {
			continue // YAML itself refuses it, or an editor reads it otherwise
		}
		if schema.Validate(value) == nil {
			t.Errorf("%s: the schema accepts it", name)
		}
	}
}

// readAnyway are mistakes that no schema can see.
var readAnyway = map[string]bool{"a second document": true, "a number that YAML reads otherwise than a person": true}
