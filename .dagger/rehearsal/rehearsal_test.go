//go:build rehearsal

package rehearsal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/prooflink/prooflink/.dagger/emulate"
	"github.com/prooflink/prooflink/.dagger/local"
	"github.com/prooflink/prooflink/.dagger/rehearsal"
	"github.com/prooflink/prooflink/infra/config"
)

const repository = "../.."

// tools are what .ci/setup has installed.
func tools(t *testing.T) rehearsal.Tools {
	t.Helper()
	absolute, err := filepath.Abs(filepath.Join(repository, ".tools"))
	if err != nil {
		t.Fatal(err)
	}
	postgres, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(postgres) == 0 {
		t.Fatal("no PostgreSQL in /usr/lib/postgresql: run `make setup`")
	}
	found := rehearsal.Tools{
		Node:      filepath.Join(absolute, "npm/node_modules/.bin"),
		CDK:       filepath.Join(absolute, "npm/node_modules/.bin/cdk"),
		Ministack: filepath.Join(absolute, "venv/bin/ministack"),
		Postgres:  postgres[len(postgres)-1],
	}
	for _, path := range []string{found.CDK, found.Ministack} {
		if _, err := os.Stat(path); err != nil {
			t.Fatalf("%v: run `make setup`", err)
		}
	}
	return found
}

func start(t *testing.T) *rehearsal.Processes {
	t.Helper()
	absolute, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	machine, err := rehearsal.New(absolute, t.TempDir(), tools(t), environment(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(machine.Close)
	return machine
}

func environment(t *testing.T) config.Environment {
	t.Helper()
	environment, err := config.Load("local")
	if err != nil {
		t.Fatal(err)
	}
	return environment
}

func options(t *testing.T) local.Options {
	t.Helper()
	users, err := local.ReadSample(filepath.Join(repository, "batch/samples/users.csv"))
	if err != nil {
		t.Fatal(err)
	}
	return local.Options{Environment: environment(t), Kind: "processes (a rehearsal)", UsersCSV: users}
}

func TestTheWholeDelivery(t *testing.T) {
	machine := start(t)
	summary, err := local.Deploy(t.Context(), machine, options(t))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("\n" + summary)
	t.Run("what is published is not built again", func(t *testing.T) { publishesNothing(t, machine) })
	t.Run("a file is imported into the running system", func(t *testing.T) { imports(t, machine) })
}

// imports runs a job with a good row, a bad one and one that is there already.
func imports(t *testing.T, machine *rehearsal.Processes) {
	running := options(t)
	running.Running = true
	imported, err := local.Import(t.Context(), machine, running, local.Job{Name: "user-import", Key: "imports/more.csv", Executor: "jane",
		CSV: []byte("email,name,role\nnew@prooflink.example,New,member\nnobody,No,member\n")})
	if err != nil {
		t.Fatal(err)
	}
	if imported.ExitCode != 3 {
		t.Errorf("exit code %d, want 3:\n%s", imported.ExitCode, imported.Log)
	}
	for _, want := range []string{`"executor": "jane"`, `"rows": 2`, `"rejected": 1`} {
		if !strings.Contains(string(imported.Result), want) {
			t.Errorf("%s is not in:\n%s", want, imported.Result)
		}
	}
	if !strings.Contains(string(imported.Rejected), "nobody,No,member") {
		t.Errorf("the rejected row is not in:\n%s", imported.Rejected)
	}
}

func publishesNothing(t *testing.T, machine *rehearsal.Processes) {
	images, err := machine.Publish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range images {
		if image.Built {
			t.Errorf("the %s image was built again", image.Name)
		}
	}
}

// TestTheEmulatorStillLacksWhatIsTakenOut notices a version that has learnt a
// type: it then need not be taken out any more.
func TestTheEmulatorStillLacksWhatIsTakenOut(t *testing.T) {
	machine := start(t)
	url, err := machine.StartAWS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := cloudformation.New(cloudformation.Options{
		Region: "ap-northeast-1", BaseEndpoint: &url,
		Credentials: credentials.NewStaticCredentialsProvider(local.Account, "emulated", ""),
	})
	for i, kind := range emulate.UncoveredTypes() {
		reason := refusal(t.Context(), t, client, fmt.Sprintf("probe-%d", i), kind)
		if !strings.Contains(reason, "Unrecognized resource types: ["+kind+"]") {
			t.Errorf("the emulator no longer refuses %s (it says %q): remove it from emulate's list", kind, reason)
		}
	}
}

// refusal asks for a stack of one resource and returns why it is refused.
func refusal(ctx context.Context, t *testing.T, client *cloudformation.Client, stack, kind string) string {
	t.Helper()
	template, err := json.Marshal(map[string]any{"Resources": map[string]any{"Probe": map[string]any{"Type": kind, "Properties": map[string]any{}}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: &stack, TemplateBody: aws.String(string(template))})
	if err != nil {
		return err.Error()
	}
	return ""
}

// TestAnUnknownEnvironmentListsTheKnownOnes runs the CDK app as a user does.
func TestAnUnknownEnvironmentListsTheKnownOnes(t *testing.T) {
	command := exec.CommandContext(t.Context(), "go", "run", "./infra")
	command.Dir = repository
	command.Env = append(os.Environ(), `CDK_CONTEXT_JSON={"env":"staging"}`, "CDK_OUTDIR="+t.TempDir())
	output, err := command.CombinedOutput()
	if err == nil {
		t.Fatal("want an error")
	}
	for _, want := range []string{"staging", "dev", "local", "prod"} {
		if !strings.Contains(string(output), want) {
			t.Errorf("%q is not in:\n%s", want, output)
		}
	}
}
