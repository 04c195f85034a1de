// Package infratest helps the tests of the constructs: each package tests its
// own part of a template, without the rest of the environment.
package infratest

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/templates"
)

// Equal asserts that something is what it should be.
func Equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: -want +got:\n%s", what, diff)
	}
}

// Within asserts that a text has others in it.
func Within(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s lacks %q:\n%s", what, part, text)
		}
	}
}

// Account is the account of the templates under test.
const Account = "123456789012"

// Digest is one for every image: sha256 of sixty-four times the letter.
func Digest(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

// Main runs a package's tests and ends the CDK's process. The CDK's own
// validation is left out: what a test makes around its part has no real ids, and
// whole environments are validated elsewhere.
func Main(m *testing.M) {
	if err := os.Setenv("CDK_VALIDATION", "false"); err != nil {
		panic(err) // only for a name that the system refuses
	}
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

// Env loads an environment and changes it for a test.
func Env(t *testing.T, name string, changes ...func(*config.Environment)) config.Environment {
	t.Helper()
	env, err := config.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range changes {
		change(&env)
	}
	return env
}

// Synth returns the template of one stack, with what build makes in it.
func Synth(t *testing.T, env config.Environment, build func(stack awscdk.Stack)) Template {
	t.Helper()
	cdk := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false), Outdir: jsii.String(t.TempDir())})
	stack := awscdk.NewStack(cdk, jsii.String("Test"), &awscdk.StackProps{
		Env: &awscdk.Environment{Account: jsii.String(Account), Region: jsii.String(env.Region)},
	})
	build(stack)
	return Read(t, *cdk.Synth(nil).Directory(), "Test")
}

// Read reads one stack's template from a folder.
func Read(t *testing.T, dir, name string) Template {
	t.Helper()
	stacks, err := templates.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, stack := range stacks {
		if stack.Name == name {
			return Template{stack}
		}
	}
	t.Fatalf("no stack %s in %s", name, dir)
	return Template{}
}

// Template is a stack under test.
type Template struct{ templates.Stack }

// One returns the only resource of a type.
func (s Template) One(t *testing.T, kind string) templates.Resource {
	t.Helper()
	list := s.Of(kind)
	if len(list) != 1 {
		t.Fatalf("%d resources of type %s, want one", len(list), kind)
	}
	return list[0]
}

// Policies collects what each role may do, by the policy's role.
func (s Template) Policies() map[string]string {
	texts := map[string]string{}
	for _, r := range s.Of("AWS::IAM::Policy") {
		for _, role := range r.Properties["Roles"].([]any) {
			texts[templates.Text(role)] += r.Text("PolicyDocument")
		}
	}
	return texts
}

// Container finds a container of a task definition by its name.
func Container(t *testing.T, definition templates.Resource, name string) templates.Resource {
	t.Helper()
	list, _ := definition.Properties["ContainerDefinitions"].([]any)
	for _, item := range list {
		if found, _ := item.(map[string]any); found["Name"] == name {
			return templates.Resource{Properties: found}
		}
	}
	t.Fatalf("no container %s", name)
	return templates.Resource{}
}

// Pairs turns a list of names and values into a map.
func Pairs(r templates.Resource, list, key, value string) map[string]string {
	found := map[string]string{}
	items, _ := r.Properties[list].([]any)
	for _, item := range items {
		group, _ := item.(map[string]any)
		found[templates.Text(group[key])] = templates.Text(group[value])
	}
	return found
}

// nameTag finds the Name in a list of tags.
var nameTag = regexp.MustCompile(`Key:Name Value:(\S+)}`)

// Name is a resource's Name tag; empty where it has none.
func Name(r templates.Resource) string {
	match := nameTag.FindStringSubmatch(r.Text("Tags"))
	if match == nil {
		return ""
	}
	return match[1]
}
