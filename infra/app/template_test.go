package app_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/app"
	"github.com/prooflink/prooflink/infra/names"
)

func TestMain(m *testing.M) {
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

// Digests that tell the images apart.
var (
	appDigest    = "sha256:" + strings.Repeat("a", 64)
	batchDigest  = "sha256:" + strings.Repeat("b", 64)
	routerDigest = "sha256:" + strings.Repeat("f", 64)
)

// template is a synthesized stack.
type template struct {
	Resources map[string]resource
	Outputs   map[string]struct {
		Value  any
		Export any
	}
}

// resource is one of its resources.
type resource struct {
	Type                string
	Properties          map[string]any
	DependsOn           []string
	DeletionPolicy      string
	UpdateReplacePolicy string
}

// folders has each environment's assembly, synthesized once: it takes seconds.
var folders = map[string]string{}

// synth returns the folder of an environment's templates.
func synth(t *testing.T, env string) string {
	t.Helper()
	if folders[env] == "" {
		dir, err := os.MkdirTemp("", "prooflink-synth-") //nolint:usetesting // other tests read it too
		if err != nil {
			t.Fatal(err)
		}
		folders[env], err = app.Synth(app.Options{Outdir: dir, Account: "123456789012", Context: map[string]any{
			names.ContextEnv: env, names.ContextAppDigest: appDigest,
			names.ContextBatchDigest: batchDigest, names.ContextFluentBitDigest: routerDigest,
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	return folders[env]
}

// stack reads one stack's template.
func stack(t *testing.T, env string, role names.StackRole) template {
	t.Helper()
	var read template
	path := filepath.Join(synth(t, env), names.New("prooflink", env).Stack(role)+".template.json")
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &read)
	}
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// of lists the resources of a type, in the order of their ids.
func (s template) of(kind string) []resource {
	var ids []string
	for id, r := range s.Resources {
		if r.Type == kind {
			ids = append(ids, id)
		}
	}
	sort.Strings(ids)
	var list []resource
	for _, id := range ids {
		list = append(list, s.Resources[id])
	}
	return list
}

// one returns the only resource of a type.
func (s template) one(t *testing.T, kind string) resource {
	t.Helper()
	list := s.of(kind)
	if len(list) != 1 {
		t.Fatalf("%d resources of type %s, want one", len(list), kind)
	}
	return list[0]
}

// at follows keys and indices into a property and returns it as readable text.
func (r resource) at(path ...any) string {
	var value any = r.Properties
	for _, key := range path {
		switch k := key.(type) {
		case string:
			group, _ := value.(map[string]any)
			value = group[k]
		case int:
			list, _ := value.([]any)
			if k >= len(list) {
				return "<nothing>"
			}
			value = list[k]
		}
	}
	return plain(value)
}

// plain writes a value with its intrinsic functions as "${…}".
func plain(value any) string {
	switch v := value.(type) {
	case nil:
		return "<nothing>"
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = plain(item)
		}
		return "[" + strings.Join(parts, " ") + "]"
	case map[string]any:
		return plainMap(v)
	default:
		return fmt.Sprint(v)
	}
}

// plainMap writes a group of keys, or an intrinsic function.
func plainMap(group map[string]any) string {
	if join, ok := group["Fn::Join"].([]any); ok {
		parts, _ := join[1].([]any)
		return strings.Trim(strings.Join(plainEach(parts), plain(join[0])), "")
	}
	if ref, ok := group["Ref"]; ok {
		return "${" + plain(ref) + "}"
	}
	if attribute, ok := group["Fn::GetAtt"].([]any); ok {
		return "${" + strings.Join(plainEach(attribute), ".") + "}"
	}
	if output, ok := group["Fn::GetStackOutput"].(map[string]any); ok {
		return "${" + plain(output["StackName"]) + ":" + plain(output["OutputName"]) + "}"
	}
	keys := make([]string, 0, len(group))
	for key := range group {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for i, key := range keys {
		keys[i] = key + ":" + plain(group[key])
	}
	return "{" + strings.Join(keys, " ") + "}"
}

// plainEach is plain for each.
func plainEach(values []any) []string {
	parts := make([]string, len(values))
	for i, value := range values {
		parts[i] = plain(value)
	}
	return parts
}

// container finds a container of a task definition by its name.
func container(t *testing.T, definition resource, name string) resource {
	t.Helper()
	list, _ := definition.Properties["ContainerDefinitions"].([]any)
	for _, item := range list {
		if found, _ := item.(map[string]any); found["Name"] == name {
			return resource{Properties: found}
		}
	}
	t.Fatalf("no container %s", name)
	return resource{}
}

// pairs reads a list of name and value as a map.
func pairs(r resource, key, name, value string) map[string]string {
	found := map[string]string{}
	list, _ := r.Properties[key].([]any)
	for _, item := range list {
		pair, _ := item.(map[string]any)
		found[plain(pair[name])] = plain(pair[value])
	}
	return found
}

// policies is the text of every policy of a stack, by the roles that have it.
func (s template) policies() map[string]string {
	found := map[string]string{}
	for _, r := range s.of("AWS::IAM::Policy") {
		found[r.at("Roles", 0)] += r.at("PolicyDocument", "Statement")
	}
	return found
}
