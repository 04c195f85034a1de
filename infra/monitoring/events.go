package monitoring

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// rule tells of an event of ECS. That a task doesn't start is an event: no
// metric has it.
type rule struct {
	// name is without project and environment.
	name string
	// description says what happened.
	description string
	// event is its detail-type.
	event string
	// match is the rest of the pattern.
	match map[string]any
	// paths find the values that message has in angle brackets.
	paths map[string]string
	// message is what the topic's receivers read.
	message string
}

// rules are those of 000_e03a210ce428a44a.txt L741. The first is of any task of
// the cluster, so that a migration which doesn't start is told too.
func (w watch) rules(cluster, service string) []rule {
	return []rule{
		{
			name: "task-start-failed", description: "A task could not start", event: "ECS Task State Change",
			match: map[string]any{"detail": map[string]any{
				"clusterArn": []string{cluster}, "lastStatus": []string{"STOPPED"}, "stopCode": []string{"TaskFailedToStart"},
			}},
			paths:   map[string]string{"time": "$.time", "task": "$.detail.taskArn", "group": "$.detail.group", "reason": "$.detail.stoppedReason"},
			message: "A task of <group> could not start at <time>: <reason>. Task: <task>. Check its image, its secrets and its way to AWS.",
		},
		{
			name: "task-start-impaired", description: "The service's tasks keep failing to start", event: "ECS Service Action",
			match: map[string]any{"resources": []string{service}, "detail": map[string]any{
				"eventName": []string{"SERVICE_TASK_START_IMPAIRED"},
			}},
			paths:   map[string]string{"time": "$.time", "service": "$.resources[0]"},
			message: "The tasks of <service> keep failing to start since <time>. Read the stopped tasks' reasons, or roll back.",
		},
		{
			name: "service-deployment-failed", description: "A deployment of the service failed", event: "ECS Deployment State Change",
			match: map[string]any{"resources": []string{service}, "detail": map[string]any{
				"eventName": []string{"SERVICE_DEPLOYMENT_FAILED"},
			}},
			paths:   map[string]string{"time": "$.time", "service": "$.resources[0]", "deployment": "$.detail.deploymentId", "reason": "$.detail.reason"},
			message: "Deployment <deployment> of <service> failed at <time>: <reason>. The version before it runs on.",
		},
	}
}

// newRules makes the rules. A topic's own policy lets them tell it.
func newRules(scope constructs.Construct, w watch) {
	cluster := ecsArn(scope, "cluster", w.names.Cluster())
	service := ecsArn(scope, "service", w.names.Cluster()+"/"+w.names.Service())
	for _, r := range w.rules(cluster, service) {
		awsevents.NewCfnRule(scope, jsii.String(logicalID(r.name)+"Rule"), &awsevents.CfnRuleProps{
			Name: jsii.String(w.names.EventRule(r.name)), Description: jsii.String(r.description),
			EventPattern: r.pattern(),
			Targets: []any{awsevents.CfnRule_TargetProperty{
				Id: jsii.String("CriticalTopic"), Arn: w.Foundation.CriticalTopic.TopicArn(),
				InputTransformer: awsevents.CfnRule_InputTransformerProperty{
					InputPathsMap: r.paths, InputTemplate: jsii.String(`"` + w.names.Prefix() + ": " + r.message + `"`),
				},
			}},
		})
	}
}

// pattern is what the rule waits for.
func (r rule) pattern() map[string]any {
	pattern := map[string]any{"source": []string{"aws.ecs"}, "detail-type": []string{r.event}}
	for key, value := range r.match {
		pattern[key] = value
	}
	return pattern
}

// ecsArn is the ARN of something of ECS in the stack's account.
func ecsArn(scope constructs.Construct, kind, name string) string {
	return *awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("ecs"), Resource: jsii.String(kind), ResourceName: jsii.String(name),
	})
}
