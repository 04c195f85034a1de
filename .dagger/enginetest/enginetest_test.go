//go:build engine

// Package enginetest calls the module's functions through a real Dagger
// engine, as a user does, bad arguments included. `make test-engine` runs it,
// with `dagger run`.
package enginetest_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/versions"
	"github.com/prooflink/prooflink/infra/config"
)

// module is loaded once: the client's session has its functions afterwards.
var client *dagger.Client

func TestMain(m *testing.M) {
	ctx := context.Background()
	os.Exit(run(ctx, m))
}

func run(ctx context.Context, m *testing.M) int {
	// The real credentials of whoever runs the tests are never seen by them.
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		if err := os.Unsetenv(name); err != nil {
			panic(err)
		}
	}
	var err error
	if client, err = dagger.Connect(ctx, dagger.WithLogOutput(os.Stderr)); err != nil {
		panic(err)
	}
	defer func() { _ = client.Close() }() // the session ends with the process in any case
	root, err := filepath.Abs("../..")
	if err != nil {
		panic(err)
	}
	if err := client.ModuleSource(root).AsModule().Serve(ctx); err != nil {
		panic(err)
	}
	return m.Run()
}

// call runs a query of the module and returns what "into" selects.
func call(ctx context.Context, query string) (map[string]any, error) {
	return callOf(ctx, "prooflink", query)
}

// callOf is call of a module that is made with arguments, `prooflink(…)`.
func callOf(ctx context.Context, module, query string) (map[string]any, error) {
	response := map[string]any{}
	err := client.Do(ctx, &dagger.Request{Query: "query { " + module + " {" + query + "} }"}, &dagger.Response{Data: &response})
	if err != nil {
		return nil, err
	}
	result, _ := response["prooflink"].(map[string]any)
	return result, nil
}

func text(t *testing.T, query, field string) string {
	t.Helper()
	result, err := call(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	value, ok := result[field].(string)
	if !ok {
		t.Fatalf("%s answers %v", field, result)
	}
	return value
}

func failure(t *testing.T, query string) string {
	t.Helper()
	_, err := call(t.Context(), query)
	if err == nil {
		t.Fatalf("%s: want an error", query)
	}
	return complete(err)
}

func TestBadArgumentsSayHowToMendThem(t *testing.T) {
	tests := map[string]struct {
		query string
		want  []string
	}{
		"an unknown environment to deploy lists the known ones": {
			`deploy(env: "staging")`, []string{"staging", "dev", "local", "prod"}},
		"an unknown environment to synthesize lists the known ones": {
			`synth(env: "staging") { entries }`, []string{"staging", "dev", "local", "prod"}},
		"an unknown environment to publish lists the known ones": {
			`publish(env: "../etc")`, []string{"dev", "local", "prod"}},
		"a deployment to AWS without credentials names the variables": {
			`deploy(env: "dev")`, []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}},
		"publishing to AWS without credentials names the variables": {
			`publish(env: "prod")`, []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}},
		"a comparison with AWS without credentials names the variables": {
			`diff(env: "dev")`, []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}},
		"a bootstrap without credentials names the variables": {
			`bootstrap(env: "dev")`, []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}},
		"an environment is not compared with itself": {
			`diff(env: "dev", against: "dev")`, []string{"itself"}},
		"a stack that there isn't has one that was meant": {
			`deploy(env: "dev", stacks: ["Networks"])`, []string{"did you mean Network?", "Foundation"}},
		"production is not destroyed, whoever asks": {
			`destroy(env: "prod", confirm: "prooflink-prod")`, []string{"removal.policy is retain", "Nothing was deleted", "--no-deletion-protection"}},
		"local has no account to prepare": {
			`bootstrap(env: "local")`, []string{"local", "emulator"}},
		"a format that there isn't lists the others": {
			`cost(format: "yaml")`, []string{"yaml", "text", "json"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := failure(t, test.query)
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("%q is not in:\n%s", want, got)
				}
			}
		})
	}
}

// usersFile is a file as an argument.
func usersFile(t *testing.T, contents string) string {
	t.Helper()
	file, err := client.Directory().WithNewFile("users.csv", contents).File("users.csv").ID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	id, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(id)
}

func TestBadSamplesAreRefusedBeforeAnythingIsStarted(t *testing.T) {
	got := failure(t, `deploy(env: "local", usersCsv: `+usersFile(t, "email,name\n\"unclosed,x\n")+`)`)
	if !strings.Contains(got, "read the users sample") || !strings.Contains(got, "line") {
		t.Errorf("the error names neither the sample nor the line:\n%s", got)
	}
}

func TestEveryEnvironmentIsSynthesized(t *testing.T) {
	for _, env := range []string{"dev", "prod", "local"} {
		t.Run(env, func(t *testing.T) {
			result, err := call(t.Context(), `synth(env: "`+env+`") { glob(pattern: "*.template.json") }`)
			if err != nil {
				t.Fatal(err)
			}
			templates, _ := json.Marshal(result)
			if !strings.Contains(string(templates), "ComputeStack-"+env+".template.json") {
				t.Errorf("templates = %s", templates)
			}
		})
	}
}

func TestEnvironmentsAreComparedWithoutAWS(t *testing.T) {
	got := text(t, `diff(env: "dev", against: "prod")`, "diff")
	security, other := strings.Index(got, "SECURITY"), strings.Index(got, "OTHER")
	if security < 0 || other < security {
		t.Errorf("security is not first:\n%s", got)
	}
	for _, want := range []string{"prod → dev", "DBInstanceClass: db.t4g.medium → db.t4g.micro"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "prooflink-prod-db") {
		t.Errorf("a name is called a difference:\n%s", got)
	}
}

func TestTemplatesOfTheSameCheckoutDoNotDiffer(t *testing.T) {
	result, err := call(t.Context(), `synth(env: "local") { id }`)
	if err != nil {
		t.Fatal(err)
	}
	folder, _ := json.Marshal(result["synth"].(map[string]any)["id"])
	if got := text(t, `diff(env: "local", againstTemplates: `+string(folder)+`, fail: true)`, "diff"); !strings.Contains(got, "No differences.") {
		t.Errorf("got:\n%s", got)
	}
}

func TestCostsOfAnotherConfigurationAreCompared(t *testing.T) {
	yaml, err := os.ReadFile("../../infra/config/environments/dev.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cheaper := strings.Replace(string(yaml), "natGateways: 1", "natGateways: 0", 1)
	file, err := client.Directory().WithNewFile("cheaper.yaml", cheaper).File("cheaper.yaml").ID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	id, _ := json.Marshal(file)
	if got := text(t, `cost(env: "dev", compare: `+string(id)+`)`, "cost"); !strings.Contains(got, "NAT") {
		t.Errorf("got:\n%s", got)
	}
}

// TestTheLifeOfAStack is bootstrap, deploy, diff and destroy on an emulator.
func TestTheLifeOfAStack(t *testing.T) {
	emulator := client.Container().
		From(versions.Python).
		WithExec([]string{"pip", "install", "ministack==" + versions.Ministack}).
		WithEnvVariable("GATEWAY_PORT", "4566").
		WithEnvVariable("BIND_HOST", "0.0.0.0").
		WithEnvVariable("PROOFLINK_RUN", time.Now().String()).
		WithExposedPort(4566).
		AsService(dagger.ContainerAsServiceOpts{Args: []string{"ministack"}})
	emulator, err := emulator.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	id, err := emulator.ID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	argument, _ := json.Marshal(id)
	module := "prooflink(emulator: " + string(argument) + ")"
	walk(t, module, []step{
		{"an account is prepared", `bootstrap(env: "local")`, []string{"Account 000000000000 is ready", "cdk-hnb659fds-assets"}, false},
		{"what would be made is said", `deploy(env: "local", stacks: ["Foundation"], plan: true)`, []string{"FoundationStack-local added", "SECURITY"}, false},
		{"one stack is deployed alone", `deploy(env: "local", stacks: ["Foundation"])`, []string{"Deployed prooflink-local", "deploy Foundation"}, false},
		{"deployed, it has no differences", `diff(env: "local", stacks: ["Foundation"], fail: true)`, []string{"No differences."}, false},
		{"the others are still to be deployed", `diff(env: "local", stacks: ["Foundation", "Network"], fail: true)`, []string{"there are differences", "NetworkStack-local added"}, true},
		{"nothing is destroyed without a confirmation", `destroy(env: "local")`, []string{"nothing was deleted", "FoundationStack-local", "LOST", "--confirm prooflink-local"}, true},
		{"it is destroyed", `destroy(env: "local", confirm: "prooflink-local")`, []string{"delete FoundationStack-local", "Destroyed prooflink-local"}, false},
		{"destroying again finds nothing", `destroy(env: "local", confirm: "prooflink-local")`, []string{"Destroyed prooflink-local"}, false},
	})
}

var digest = regexp.MustCompile(`sha256:[0-9a-f]{64}`)

func TestLocalDeploymentRunsTheImages(t *testing.T) {
	summary := text(t, `deploy(env: "local")`, "deploy")
	for _, want := range []string{"Deployed prooflink-local as containers", "/api/health answers 200", "25 users", "Not covered by the emulator"} {
		if !strings.Contains(summary, want) {
			t.Errorf("%q is not in:\n%s", want, summary)
		}
	}
	if found := digest.FindAllString(summary, -1); len(found) != 3 {
		t.Errorf("%d digests in the summary, want 3:\n%s", len(found), summary)
	}
}

func TestPublishFindsWhatIsThere(t *testing.T) {
	first := text(t, `publish(env: "local")`, "publish")
	second := text(t, `publish(env: "local")`, "publish")
	if strings.Contains(second, "built") {
		t.Errorf("the second publish built something:\n%s", second)
	}
	if a, b := digest.FindAllString(first, -1), digest.FindAllString(second, -1); strings.Join(a, " ") != strings.Join(b, " ") {
		t.Errorf("digests differ: %v and %v", a, b)
	}
}

// A cold runner and a warm laptop must know an image by the same tag.
func TestTagsAreThoseOfTheCheckout(t *testing.T) {
	published := text(t, `publish(env: "local")`, "publish")
	environment, err := config.Load("local")
	if err != nil {
		t.Fatal(err)
	}
	bases := map[string]string{images.App.Name: versions.Node, images.Batch.Name: versions.Node, images.FluentBit.Name: versions.FluentBit}
	for _, source := range images.All() {
		tag, err := source.Tag(os.DirFS(filepath.Join("../..", source.Folder)), source.Args(bases[source.Name], environment))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(published, tag) {
			t.Errorf("the %s image of this checkout is %s, published was:\n%s", source.Name, tag, published)
		}
	}
}
