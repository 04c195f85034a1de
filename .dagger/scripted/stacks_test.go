package scripted_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/scripted"
	"github.com/prooflink/prooflink/infra/names"
)

func TestADeploymentWithoutChangesDoesNothing(t *testing.T) {
	within(t, load(t, "deployed"), func(t *testing.T, w *scripted.World) {
		if err := w.CDK(t.Context(), assembly(t, old(), ""), deploy(n().Stacks(dev(t).Stacks())...)); err != nil {
			t.Fatal(err)
		}
		for _, call := range w.Calls() {
			if call.Operation == "ExecuteChangeSet" {
				t.Error("a change set was executed")
			}
		}
		if got := status(t, w, names.Compute); got != "CREATE_COMPLETE" {
			t.Error(got)
		}
	})
}

func TestAChangeSetWithoutChangesFailsWithAWSsWords(t *testing.T) {
	within(t, load(t, "deployed"), func(t *testing.T, w *scripted.World) {
		client, name := cloudformation.NewFromConfig(w.Config()), n().Stack(names.Network)
		body := must(client.GetTemplate(t.Context(), &cloudformation.GetTemplateInput{StackName: &name}))(t).TemplateBody
		made := must(client.CreateChangeSet(t.Context(), &cloudformation.CreateChangeSetInput{
			StackName: &name, ChangeSetName: aws.String("same"), ChangeSetType: types.ChangeSetTypeUpdate, TemplateBody: body}))(t)
		time.Sleep(10 * time.Second)
		set := must(client.DescribeChangeSet(t.Context(), &cloudformation.DescribeChangeSetInput{ChangeSetName: made.Id}))(t)
		if set.Status != types.ChangeSetStatusFailed || set.ExecutionStatus != types.ExecutionStatusUnavailable ||
			!strings.HasPrefix(*set.StatusReason, "The submitted information didn't contain changes.") {
			t.Errorf("%s %s %s", set.Status, set.ExecutionStatus, *set.StatusReason)
		}
	})
}

func TestEverythingIsMadeFromNothing(t *testing.T) {
	within(t, load(t, "nothing"), func(t *testing.T, w *scripted.World) {
		foundation := n().Stack(names.Foundation)
		if err := w.CDK(t.Context(), assembly(t, old(), ""), deploy(foundation)); err != nil {
			t.Fatal(err)
		}
		w.Push(n().AppRepository(), "a", scripted.Digest("old-app"))
		w.Push(n().BatchRepository(), "b", scripted.Digest("old-batch"))
		w.Push(n().FluentBitRepository(), "f", scripted.Digest("router"))
		if err := w.CDK(t.Context(), assembly(t, old(), ""), deploy(n().Stacks(dev(t).Stacks())...)); err != nil {
			t.Fatal(err)
		}
		for _, role := range dev(t).Stacks() {
			if got := status(t, w, role); got != "CREATE_COMPLETE" {
				t.Errorf("%s %s", role, got)
			}
		}
		want := map[string]string{"prooflink-app": scripted.Digest("old-app"), "log-router": scripted.Digest("router")}
		if diff := cmp.Diff(want, w.Running()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestACreationThatFailsIsRolledBackAndMadeAgain(t *testing.T) {
	scenario := load(t, "nothing")
	scenario.Resources = map[string]scripted.Resource{"AWS::ECS::Cluster": {Reason: "no such role"}}
	within(t, scenario, func(t *testing.T, w *scripted.World) {
		foundation := n().Stack(names.Foundation)
		err := w.CDK(t.Context(), assembly(t, old(), ""), deploy(foundation))
		if err == nil || !strings.Contains(err.Error(), "failed creation") || !strings.Contains(err.Error(), "no such role") {
			t.Errorf("error %v", err)
		}
		if got := status(t, w, names.Foundation); got != "ROLLBACK_COMPLETE" {
			t.Error(got)
		}
		if err := w.CDK(t.Context(), assembly(t, old(), ""), deploy(foundation)); err != nil {
			t.Error(err)
		}
	})
}

func TestAStackThatIsBusyRefusesAnUpdate(t *testing.T) {
	scenario := load(t, "deployed")
	scenario.Before.Stacks = map[string]scripted.StackState{"Network": {Status: "UPDATE_IN_PROGRESS", For: 90 * time.Second}}
	within(t, scenario, func(t *testing.T, w *scripted.World) {
		dir := assembly(t, old(), "other")
		err := w.CDK(t.Context(), dir, deploy(n().Stack(names.Network)))
		if err == nil || !strings.Contains(err.Error(), "is in UPDATE_IN_PROGRESS state and can not be updated.") {
			t.Errorf("error %v", err)
		}
		time.Sleep(2 * time.Minute)
		if got := status(t, w, names.Network); got != "UPDATE_COMPLETE" {
			t.Error(got)
		}
		if err := w.CDK(t.Context(), dir, deploy(n().Stack(names.Network))); err != nil {
			t.Error(err)
		}
	})
}

func TestARollBackThatGotStuckIsFinished(t *testing.T) {
	scenario := load(t, "deployed")
	scenario.Before.Stacks = map[string]scripted.StackState{"Compute": {Status: "UPDATE_ROLLBACK_FAILED"}}
	within(t, scenario, func(t *testing.T, w *scripted.World) {
		stack := n().Stack(names.Compute)
		err := w.CDK(t.Context(), assembly(t, old(), "other"), deploy(stack))
		if err == nil || !strings.Contains(err.Error(), "is in UPDATE_ROLLBACK_FAILED state and can not be updated.") {
			t.Errorf("error %v", err)
		}
		if err := w.CDK(t.Context(), assembly(t, old(), ""), []string{"rollback", stack, "--app", "/assembly"}); err != nil {
			t.Fatal(err)
		}
		if got := status(t, w, names.Compute); got != "UPDATE_ROLLBACK_COMPLETE" {
			t.Error(got)
		}
		if err := w.CDK(t.Context(), assembly(t, old(), "other"), deploy(stack)); err != nil {
			t.Error(err)
		}
	})
}

func TestAReviewThatWasLeftOverIsCreated(t *testing.T) {
	scenario := load(t, "deployed")
	scenario.Before.Stacks = map[string]scripted.StackState{"Batch": {Status: "REVIEW_IN_PROGRESS"}}
	within(t, scenario, func(t *testing.T, w *scripted.World) {
		if err := w.CDK(t.Context(), assembly(t, old(), ""), deploy(n().Stack(names.Batch))); err != nil {
			t.Fatal(err)
		}
		if got := status(t, w, names.Batch); got != "CREATE_COMPLETE" {
			t.Error(got)
		}
	})
}

func TestEventsAreTheNewestFirstAndPaged(t *testing.T) {
	within(t, load(t, "crash"), func(t *testing.T, w *scripted.World) {
		_ = w.CDK(t.Context(), assembly(t, anew(w), ""), deploy(n().Stack(names.Compute)))
		pages := cloudformation.NewDescribeStackEventsPaginator(cloudformation.NewFromConfig(w.Config()), &cloudformation.DescribeStackEventsInput{StackName: aws.String(n().Stack(names.Compute))})
		var all []string
		count := 0
		for pages.HasMorePages() {
			some := must(pages.NextPage(t.Context()))(t)
			count++
			for _, event := range some.StackEvents {
				all = append(all, string(event.ResourceStatus)+" "+*event.LogicalResourceId)
			}
		}
		slices.Reverse(all)
		want := []string{
			"UPDATE_IN_PROGRESS ComputeStack-dev", "UPDATE_IN_PROGRESS Task", "UPDATE_COMPLETE Task", "UPDATE_IN_PROGRESS Service", "UPDATE_FAILED Service",
			"UPDATE_ROLLBACK_IN_PROGRESS ComputeStack-dev", "UPDATE_COMPLETE Task", "UPDATE_IN_PROGRESS Service", "UPDATE_COMPLETE Service",
			"UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS ComputeStack-dev", "UPDATE_ROLLBACK_COMPLETE ComputeStack-dev",
		}
		if diff := cmp.Diff(want, all[len(all)-len(want):]); diff != "" {
			t.Error(diff)
		}
		if count < 4 {
			t.Errorf("%d pages", count)
		}
	})
}

func TestAStackIsDestroyed(t *testing.T) {
	within(t, load(t, "deployed"), func(t *testing.T, w *scripted.World) {
		name := n().Stack(names.Compute)
		if err := w.CDK(t.Context(), assembly(t, old(), ""), []string{"destroy", name, "--exclusively", "--force"}); err != nil {
			t.Fatal(err)
		}
		_, err := cloudformation.NewFromConfig(w.Config()).DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name})
		if code(err) != "ValidationError" || !strings.Contains(err.Error(), "Stack with id "+name+" does not exist") {
			t.Errorf("error %v", err)
		}
		time.Sleep(time.Minute)
		if running := w.Running(); len(running) > 0 {
			t.Errorf("runs %v", running)
		}
	})
}

// The templates that the CDK really makes are understood, too.
func TestTheRealTemplatesAreDeployed(t *testing.T) {
	const golden = "../../infra/testdata/golden/dev/"
	within(t, load(t, "nothing"), func(t *testing.T, w *scripted.World) {
		dir := t.TempDir()
		if err := scripted.Assembly(dir, dev(t), nil, ""); err != nil {
			t.Fatal(err)
		}
		for _, stack := range n().Stacks(dev(t).Stacks()) {
			data := must(os.ReadFile(golden + stack + ".json"))(t)
			if err := os.WriteFile(dir+"/"+stack+".template.json", data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.CDK(t.Context(), dir, deploy(n().Stack(names.Foundation))); err != nil {
			t.Fatal(err)
		}
		digest := func(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }
		w.Push(n().AppRepository(), "a", digest("a"))
		w.Push(n().BatchRepository(), "b", digest("b"))
		w.Push(n().FluentBitRepository(), "f", digest("f"))
		if err := w.CDK(t.Context(), dir, deploy(n().Stacks(dev(t).Stacks())...)); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"prooflink-app": digest("a"), "log-router": digest("f")}
		if diff := cmp.Diff(want, w.Running()); diff != "" {
			t.Error(diff)
		}
	})
}
