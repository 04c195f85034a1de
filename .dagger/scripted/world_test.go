package scripted_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/scripted"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// dev is the environment of all tests.
func dev(t *testing.T) config.Environment {
	t.Helper()
	environment, err := config.Load("dev")
	if err != nil {
		t.Fatal(err)
	}
	return environment
}

// n are its names.
func n() names.Names { return names.New("prooflink", "dev") }

// load reads a scenario of testdata.
func load(t *testing.T, name string) scripted.Scenario {
	t.Helper()
	scenario, err := scripted.Load(os.DirFS("testdata"), name+".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return scenario
}

// within runs a test in a bubble, in the world of a scenario.
func within(t *testing.T, scenario scripted.Scenario, test func(t *testing.T, w *scripted.World)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, scripted.New(scenario)) })
}

// assembly writes templates with these images.
func assembly(t *testing.T, images map[string]string, variant string) string {
	t.Helper()
	dir := t.TempDir()
	if err := scripted.Assembly(dir, dev(t), images, variant); err != nil {
		t.Fatal(err)
	}
	return dir
}

// old are the images that are deployed, anew those of a new build.
func old() map[string]string {
	return map[string]string{"app": "old-app", "batch": "old-batch", "fluent-bit": "router"}
}

func anew(w *scripted.World) map[string]string {
	w.Push(n().AppRepository(), "new", scripted.Digest("new-app"))
	return map[string]string{"app": "new-app", "batch": "old-batch", "fluent-bit": "router"}
}

// deploy are the command line's arguments.
func deploy(stacks ...string) []string {
	return slices.Concat([]string{"deploy"}, stacks, []string{"--exclusively", "--force", "--app", "/assembly", "--require-approval", "never", "--concurrency", "2"})
}

// code is an API error's code.
func code(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
}

// must ends the test at an error: must(call())(t).
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// ignored are the fields that the SDK keeps for itself.
var ignored = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".noSmithyDocumentSerde" }, cmp.Ignore())

// release registers a revision with the new image and updates the service; it
// returns the service deployment.
func release(t *testing.T, w *scripted.World) string {
	t.Helper()
	client := ecs.NewFromConfig(w.Config())
	anew(w)
	d := w.TaskDefinition(n().TaskFamily())
	containers := slices.Clone(d.ContainerDefinitions)
	image, _, _ := strings.Cut(*containers[0].Image, "@")
	containers[0].Image = aws.String(image + "@" + scripted.Digest("new-app"))
	made := must(client.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: d.Family, ContainerDefinitions: containers, Cpu: d.Cpu, Memory: d.Memory, NetworkMode: d.NetworkMode}))(t)
	out := must(client.UpdateService(t.Context(), &ecs.UpdateServiceInput{
		Cluster: aws.String(n().Cluster()), Service: aws.String(n().Service()), TaskDefinition: made.TaskDefinition.TaskDefinitionArn}))(t)
	return *out.Service.CurrentServiceDeployment
}

// service describes the service.
func service(t *testing.T, w *scripted.World) types.Service {
	t.Helper()
	out, err := ecs.NewFromConfig(w.Config()).DescribeServices(t.Context(), &ecs.DescribeServicesInput{
		Cluster: aws.String(n().Cluster()), Services: []string{n().Service()}})
	return must(out, err)(t).Services[0]
}

// latest describes the newest service deployment.
func latest(t *testing.T, w *scripted.World) types.ServiceDeployment {
	t.Helper()
	client := ecs.NewFromConfig(w.Config())
	list, err := client.ListServiceDeployments(t.Context(), &ecs.ListServiceDeploymentsInput{Cluster: aws.String(n().Cluster()), Service: aws.String(n().Service())})
	first := must(list, err)(t).ServiceDeployments[0]
	out, err := client.DescribeServiceDeployments(t.Context(), &ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: []string{*first.ServiceDeploymentArn}})
	return must(out, err)(t).ServiceDeployments[0]
}

// status is a stack's.
func status(t *testing.T, w *scripted.World, role names.StackRole) string {
	t.Helper()
	out, err := cloudformation.NewFromConfig(w.Config()).DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String(n().Stack(role))})
	return string(must(out, err)(t).Stacks[0].StackStatus)
}

// messages are the service's events, the oldest first, without ids.
func messages(s types.Service) []string {
	var all []string
	for _, event := range slices.Backward(s.Events) {
		words := strings.Fields(*event.Message)
		for i, word := range words {
			if strings.HasPrefix(word, "ecs-svc/") {
				words[i] = "DEPLOYMENT" + strings.TrimLeft(strings.TrimPrefix(word, "ecs-svc/"), "0123456789")
			}
			if i > 0 && words[i-1] == "(task" {
				words[i] = "ID)" + word[strings.Index(word, ")")+1:]
			}
			if strings.HasPrefix(word, "arn:") {
				words[i] = "ARN)"
			}
		}
		all = append(all, strings.TrimPrefix(strings.Join(words, " "), "(service "+n().Service()+") "))
	}
	return all
}

func TestWhatIsDeployedStands(t *testing.T) {
	within(t, load(t, "deployed"), func(t *testing.T, w *scripted.World) {
		s := service(t, w)
		if s.RunningCount != 1 || len(s.Deployments) != 1 || s.Deployments[0].RolloutState != types.DeploymentRolloutStateCompleted {
			t.Errorf("service %+v", s.Deployments)
		}
		want := map[string]string{"prooflink-app": scripted.Digest("old-app"), "log-router": scripted.Digest("router")}
		if diff := cmp.Diff(want, w.Running()); diff != "" {
			t.Error(diff)
		}
		for _, role := range dev(t).Stacks() {
			if got := status(t, w, role); got != "CREATE_COMPLETE" {
				t.Errorf("%s %s", role, got)
			}
		}
	})
}

func TestADeploymentThroughTheStacksSucceeds(t *testing.T) {
	within(t, load(t, "deployed"), func(t *testing.T, w *scripted.World) {
		begin := time.Now()
		if err := w.CDK(t.Context(), assembly(t, anew(w), ""), deploy(n().Stack(names.Compute))); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took < time.Minute || took > 5*time.Minute {
			t.Errorf("took %s", took)
		}
		if got := w.Running()["prooflink-app"]; got != scripted.Digest("new-app") {
			t.Errorf("runs %s", got)
		}
		if got := status(t, w, names.Compute); got != "UPDATE_COMPLETE" {
			t.Error(got)
		}
		d := latest(t, w)
		if d.Status != types.ServiceDeploymentStatusSuccessful || d.FinishedAt == nil || d.TargetServiceRevision.RunningTaskCount != 1 ||
			d.DeploymentCircuitBreaker.Status != types.ServiceDeploymentRollbackMonitorsStatusMonitoringComplete {
			t.Errorf("deployment %+v", d)
		}
		want := []string{
			"has reached a steady state.",
			"has started 1 tasks: (task ID).",
			"registered 1 targets in (target-group ARN)",
			"has begun draining connections on 1 tasks.",
			"has stopped 1 running tasks: (task ID).",
			"deregistered 1 targets in (target-group ARN)",
			"(deployment DEPLOYMENT) deployment completed.",
			"has reached a steady state.",
		}
		if diff := cmp.Diff(want, messages(service(t, w))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTheCircuitBreakerTakesTheStackBack(t *testing.T) {
	within(t, load(t, "crash"), func(t *testing.T, w *scripted.World) {
		before := service(t, w)
		err := w.CDK(t.Context(), assembly(t, anew(w), ""), deploy(n().Stack(names.Compute)))
		if err == nil || !strings.Contains(err.Error(), "❌  ComputeStack-dev failed to deploy: ") || !strings.Contains(err.Error(), "UPDATE_ROLLBACK_COMPLETE") ||
			!strings.Contains(err.Error(), `Resource handler returned message: "Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'." (RequestToken: `) {
			t.Errorf("error %v", err)
		}
		if got := w.Running()["prooflink-app"]; got != scripted.Digest("old-app") {
			t.Errorf("runs %s", got)
		}
		if got := *service(t, w).TaskDefinition; got != *before.TaskDefinition {
			t.Errorf("definition %s", got)
		}
		if got := status(t, w, names.Compute); got != "UPDATE_ROLLBACK_COMPLETE" {
			t.Error(got)
		}
	})
}

func TestARolloutIsRolledBackAfterThreeFailures(t *testing.T) {
	within(t, load(t, "crash"), func(t *testing.T, w *scripted.World) {
		before, client := service(t, w), ecs.NewFromConfig(w.Config())
		arn := release(t, w)
		failed := map[string]bool{}
		var d types.ServiceDeployment
		for range 60 {
			time.Sleep(5 * time.Second)
			list := must(client.ListTasks(t.Context(), &ecs.ListTasksInput{Cluster: aws.String(n().Cluster()), ServiceName: aws.String(n().Service()), DesiredStatus: types.DesiredStatusStopped}))(t)
			for _, id := range list.TaskArns {
				failed[id] = true
			}
			out := must(client.DescribeServiceDeployments(t.Context(), &ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: []string{arn}}))(t)
			if d = out.ServiceDeployments[0]; d.Status == types.ServiceDeploymentStatusRollbackSuccessful {
				break
			}
		}
		want := &types.ServiceDeploymentCircuitBreaker{Status: types.ServiceDeploymentRollbackMonitorsStatusTriggered, FailureCount: 3, Threshold: 3}
		if diff := cmp.Diff(want, d.DeploymentCircuitBreaker, ignored); diff != "" {
			t.Error(diff)
		}
		if aws.ToString(d.StatusReason) != "Service deployment rolled back because the circuit breaker threshold was exceeded." || d.Rollback == nil ||
			d.Rollback.ServiceRevisionArn == nil || d.FinishedAt == nil {
			t.Errorf("%s %s %+v", d.Status, aws.ToString(d.StatusReason), d.Rollback)
		}
		s := service(t, w)
		if *s.Deployments[0].Id != *before.Deployments[0].Id || s.Deployments[0].RolloutState != types.DeploymentRolloutStateCompleted {
			t.Errorf("primary %+v", s.Deployments[0])
		}
		if len(failed) != 3 {
			t.Errorf("%d stopped tasks", len(failed))
		}
	})
}
