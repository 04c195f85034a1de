package monitoring_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/infra/config"
)

func TestA175TasksThatDoNotStartAreTold(t *testing.T) {
	cluster := arn("ecs") + "cluster/prooflink-prod-cluster"
	service := arn("ecs") + "service/prooflink-prod-cluster/prooflink-prod-service"
	want := map[string]string{
		"prooflink-prod-task-start-failed": "{detail:{clusterArn:[" + cluster + "] lastStatus:[STOPPED] stopCode:[TaskFailedToStart]} " +
			"detail-type:[ECS Task State Change] source:[aws.ecs]}",
		"prooflink-prod-task-start-impaired": "{detail:{eventName:[SERVICE_TASK_START_IMPAIRED]} " +
			"detail-type:[ECS Service Action] resources:[" + service + "] source:[aws.ecs]}",
		"prooflink-prod-service-deployment-failed": "{detail:{eventName:[SERVICE_DEPLOYMENT_FAILED]} " +
			"detail-type:[ECS Deployment State Change] resources:[" + service + "] source:[aws.ecs]}",
	}
	got := map[string]string{}
	for _, r := range synth(t, "prod").Of("AWS::Events::Rule") {
		got[r.Text("Name")] = r.Text("EventPattern")
		if topic := r.Text("Targets", 0, "Arn"); topic != arn("sns")+"prooflink-prod-critical-alerts" {
			t.Errorf("%s tells %s", r.Text("Name"), topic)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnEventIsToldInWords(t *testing.T) {
	r := named(t, synth(t, "prod"), "AWS::Events::Rule", "Name", "prooflink-prod-task-start-failed")
	want := `"prooflink-prod: A task of <group> could not start at <time>: <reason>. Task: <task>. Check its image, its secrets and its way to AWS."`
	if got := r.Text("Targets", 0, "InputTransformer", "InputTemplate"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	paths := "{group:$.detail.group reason:$.detail.stoppedReason task:$.detail.taskArn time:$.time}"
	if got := r.Text("Targets", 0, "InputTransformer", "InputPathsMap"); got != paths {
		t.Errorf("got %s, want %s", got, paths)
	}
}

func TestEventsBelongToTheFullSet(t *testing.T) {
	template := synth(t, "dev", func(env *config.Environment) { env.Monitoring.Alarms = config.AlarmsBasic })
	if rules := template.Of("AWS::Events::Rule"); len(rules) > 0 {
		t.Errorf("%d rules", len(rules))
	}
}
