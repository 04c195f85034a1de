package stacks_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/deployed"
	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/report"
	"github.com/prooflink/prooflink/.dagger/stacks"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/templates"
)

func load(t *testing.T, env string) config.Environment {
	t.Helper()
	environment, err := config.Load(env)
	if err != nil {
		t.Fatal(err)
	}
	return environment
}

// recorder is a machine and a CloudFormation that write down what is asked of
// them; a command that contains fails fails.
type recorder struct {
	did, fails []string
	reasons    []string
	reading    error
}

func (r *recorder) note(what string) error {
	r.did = append(r.did, what)
	for _, word := range r.fails {
		if strings.Contains(what, word) {
			return errors.New("exit code 1")
		}
	}
	return nil
}

func (r *recorder) Synth(_ context.Context, published []images.Published) (string, error) {
	what := "synth"
	for _, image := range published {
		what += " " + image.Digest
	}
	return "dir", r.note(what)
}

func (r *recorder) CDK(_ context.Context, assembly string, args []string) error {
	return r.note("cdk " + strings.Join(args, " ") + " in " + assembly)
}

func (r *recorder) Failures(_ context.Context, stack string, since time.Time) ([]report.Event, error) {
	if age := time.Since(since); age < 0 || age > time.Hour {
		return nil, errors.New("asked for the wrong time")
	}
	var events []report.Event
	for _, reason := range r.reasons {
		events = append(events, report.Event{Source: report.FromStack(stack), Text: reason})
	}
	return events, r.reading
}

func (r *recorder) Delete(_ context.Context, stack string) error { return r.note("delete " + stack) }

func TestStacksAreFoundByEachOfTheirNames(t *testing.T) {
	tests := map[string]struct {
		wanted []string
		want   []names.StackRole
	}{
		"in their order, not the user's": {[]string{"Database", "Network"}, []names.StackRole{names.Network, names.Database}},
		"by their whole names, once":     {[]string{"NetworkStack-dev", "network", "NetworkStack"}, []names.StackRole{names.Network}},
		"with spaces":                    {[]string{" Foundation "}, []names.StackRole{names.Foundation}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := stacks.Select(load(t, "dev"), test.wanted)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if got, err := stacks.Select(load(t, "dev"), nil); err != nil || len(got) != len(load(t, "dev").Stacks()) {
		t.Errorf("without names: %v, %v", got, err)
	}
}

func TestUnknownStacksAreRefusedWithWhatThereIs(t *testing.T) {
	tests := map[string][]string{
		"Networks":          {`"Networks"`, "did you mean Network?", "Foundation, Network"},
		"NetworkStack-prod": {`"NetworkStack-prod"`, "dev"},
		"Orchestration":     {"OrchestrationStack-dev", "dev.yaml"},
		"":                  {`""`, "use one of"},
	}
	for word, wanted := range tests {
		_, err := stacks.Select(load(t, "dev"), []string{"Network", word})
		if err == nil {
			t.Errorf("%q is accepted", word)
			continue
		}
		for _, want := range wanted {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %q is not in: %v", word, want, err)
			}
		}
	}
}

func TestStacksAreDeployedTogetherAndWithoutTheirDependencies(t *testing.T) {
	got := strings.Join(stacks.DeployCommand([]string{"FoundationStack-dev", "NetworkStack-dev"}, 2), " ")
	const want = "deploy FoundationStack-dev NetworkStack-dev --exclusively --force --app /assembly --require-approval never --method change-set --progress events --concurrency 2 --ci --no-notices"
	if got != want {
		t.Errorf("got %s", got)
	}
}

func TestReasonsThatCannotBeReadHideNoFailure(t *testing.T) {
	r := &recorder{fails: []string{"destroy NetworkStack"}, reading: errors.New("no permission")}
	_, err := stacks.Destroy(t.Context(), r, r, load(t, "dev"), []deployed.Stack{there(t, "NetworkStack-dev", "", false)})
	if err == nil || !strings.Contains(err.Error(), "exit code 1") || !strings.Contains(err.Error(), "no permission") {
		t.Errorf("got %v", err)
	}
}

func TestBootstrapNamesAccountAndRegion(t *testing.T) {
	got := strings.Join(stacks.BootstrapCommand("123456789012", "ap-northeast-1"), " ")
	if got != "bootstrap aws://123456789012/ap-northeast-1 --ci --no-notices" {
		t.Errorf("got %s", got)
	}
}

// there is a deployed stack with these resources, as JSON.
func there(t *testing.T, name, resources string, protected bool) deployed.Stack {
	t.Helper()
	stack, err := templates.Parse(name, []byte(`{"Resources": {`+resources+`}}`))
	if err != nil {
		t.Fatal(err)
	}
	return deployed.Stack{Stack: stack, Status: "CREATE_COMPLETE", Protected: protected}
}

func TestDestroyingGoesBackwards(t *testing.T) {
	r := &recorder{}
	present := []deployed.Stack{there(t, "FoundationStack-dev", "", false), there(t, "NetworkStack-dev", "", false), there(t, "OrchestrationStack-dev", "", false)}
	if _, err := stacks.Destroy(t.Context(), r, r, load(t, "dev"), present); err != nil {
		t.Fatal(err)
	}
	const destroy = " --exclusively --force --app /assembly --ci --no-notices in dir"
	want := []string{"synth", "delete OrchestrationStack-dev", "cdk destroy NetworkStack-dev" + destroy, "cdk destroy FoundationStack-dev" + destroy}
	if diff := cmp.Diff(want, r.did); diff != "" {
		t.Error(diff)
	}
}

func TestWithoutStacksThereIsNothingToSynthesize(t *testing.T) {
	r := &recorder{}
	if results, err := stacks.Destroy(t.Context(), r, r, load(t, "dev"), nil); err != nil || len(results)+len(r.did) != 0 {
		t.Errorf("%v, %v, %v", results, err, r.did)
	}
}

func TestAStackThatStaysEndsTheDestruction(t *testing.T) {
	r := &recorder{fails: []string{"NetworkStack"}, reasons: []string{"DELETE_FAILED Vpc (AWS::EC2::VPC): has dependencies"}}
	present := []deployed.Stack{there(t, "FoundationStack-dev", "", false), there(t, "NetworkStack-dev", "", false)}
	_, err := stacks.Destroy(t.Context(), r, r, load(t, "dev"), present)
	if err == nil || !strings.Contains(err.Error(), "has dependencies") || !strings.Contains(err.Error(), "goes on from there") {
		t.Errorf("got %v", err)
	}
	if len(r.did) != 2 {
		t.Errorf("it went on: %v", r.did)
	}
}

func TestProductionIsNotDestroyed(t *testing.T) {
	err := stacks.CheckDestroyable(load(t, "prod"))
	if err == nil {
		t.Fatal("prod can be destroyed")
	}
	for _, want := range []string{"removal.policy is retain", "db.deletionProtection is true", "Nothing was deleted", "--no-deletion-protection", "FoundationStack-prod", "prooflink-prod-last"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
	if err := stacks.CheckDestroyable(load(t, "dev")); err != nil {
		t.Errorf("dev: %v", err)
	}
}

func TestAnAuroraClusterHasItsOwnCommands(t *testing.T) {
	environment := load(t, "prod")
	environment.DB.Engine = config.EngineAurora
	err := stacks.CheckDestroyable(environment)
	if err == nil || !strings.Contains(err.Error(), "create-db-cluster-snapshot --db-cluster-identifier prooflink-prod-db") || !strings.Contains(err.Error(), "modify-db-cluster") {
		t.Errorf("got %v", err)
	}
}

func TestAnotherEnvironmentThatKeepsDataIsToldWhatToWrite(t *testing.T) {
	environment := load(t, "dev")
	environment.Removal.Policy = config.RemovalRetain
	err := stacks.CheckDestroyable(environment)
	if err == nil || !strings.Contains(err.Error(), "removal.policy: destroy") || !strings.Contains(err.Error(), "deploy --env dev --stacks Foundation,Network") {
		t.Errorf("got %v", err)
	}
}

// The configuration may have been changed and not deployed.
func TestWhatIsDeployedWithProtectionIsNotBegunToBeDestroyed(t *testing.T) {
	database := `"Database": {"Type": "AWS::RDS::DBInstance", "Properties": {"DeletionProtection": true}}`
	balancer := `"Alb": {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": {"LoadBalancerAttributes": [{"Key": "deletion_protection.enabled", "Value": "true"}]}}`
	tests := map[string]deployed.Stack{
		"Alb of ComputeStack-dev has deletion protection":       there(t, "ComputeStack-dev", balancer, false),
		"has termination protection":                            there(t, "DatabaseStack-dev", "", true),
		"Database of DatabaseStack-dev has deletion protection": there(t, "DatabaseStack-dev", database, false),
	}
	for want, stack := range tests {
		err := stacks.CheckUnprotected(load(t, "dev"), []deployed.Stack{stack})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if err := stacks.CheckUnprotected(load(t, "dev"), []deployed.Stack{there(t, "DatabaseStack-dev", strings.ReplaceAll(database, "true", "false"), false)}); err != nil {
		t.Error(err)
	}
}

func TestNothingIsDestroyedWithoutTheRightConfirmation(t *testing.T) {
	present := []deployed.Stack{
		there(t, "FoundationStack-dev", `"Files": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Delete"}, "Kept": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}`, false),
		there(t, "NetworkStack-dev", `"Vpc": {"Type": "AWS::EC2::VPC"}`, false),
	}
	for _, given := range []string{"", "yes", "prooflink-prod"} {
		err := stacks.CheckConfirmed(load(t, "dev"), given, "123456789012", present, "  swept things\n")
		if err == nil {
			t.Fatalf("%q is accepted", given)
		}
		for _, want := range []string{"nothing was deleted", "123456789012", "LOST: Files (AWS::S3::Bucket)", "stays: Kept", "swept things", "--confirm prooflink-dev"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q is not in:\n%v", want, err)
			}
		}
		if text := err.Error(); strings.Index(text, "NetworkStack-dev") > strings.Index(text, "FoundationStack-dev") {
			t.Errorf("the order is not that of the deletion:\n%s", text)
		}
	}
	if err := stacks.CheckConfirmed(load(t, "dev"), "prooflink-dev", "1", present, ""); err != nil {
		t.Error(err)
	}
}
