package orchestration

import (
	"encoding/json"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/policy"
)

const (
	// dropFolder has a folder for each import; what is uploaded there is imported.
	dropFolder = foundation.FolderImports + "scheduled/"
	// dailyKey is the file that the schedule imports.
	dailyKey = dropFolder + "users.csv"
	// daily is 10:00 in Tokyo, when a database that stops at night is up.
	daily = "cron(0 1 * * ? *)"
)

// newTriggers makes the rules that start the workflow
// (000_e03a210ce428a44a.txt §8.2). Their role is for EventBridge without a
// condition on the account: it isn't documented to send one with a rule's target.
func newTriggers(scope constructs.Construct, props Props, machine awsstepfunctions.CfnStateMachine) {
	role := awsiam.NewRole(scope, jsii.String("StartRole"), &awsiam.RoleProps{
		RoleName:    jsii.String(props.Env.Names().StartRole()),
		Description: jsii.String("Starts the import workflow"),
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("events.amazonaws.com"), nil),
	})
	policy.Grant(role, policy.Permission{Sid: "Start", Actions: []string{"states:StartExecution"}, Resources: []string{*machine.AttrArn()}})
	start := target{machine: machine.AttrArn(), role: role.RoleArn()}
	for _, job := range imports(props.Env) {
		newUploadRule(scope, props, job, start)
	}
	newSchedule(scope, props.Env.Names(), start)
}

// target is what rules start.
type target struct {
	machine, role *string
}

// newUploadRule imports a CSV file when it is in the job's folder.
func newUploadRule(scope constructs.Construct, props Props, job job, start target) {
	awsevents.NewCfnRule(scope, jsii.String(job.state+"Uploaded"), &awsevents.CfnRuleProps{
		Name:        jsii.String(props.Env.Names().EventRule(job.name)),
		Description: jsii.String("Imports what is uploaded to " + dropFolder + job.name + "/"),
		State:       jsii.String("ENABLED"),
		EventPattern: map[string]any{
			"source": []string{"aws.s3"}, "detail-type": []string{"Object Created"},
			"detail": map[string]any{
				"bucket": map[string]any{"name": []*string{props.Foundation.Files.BucketName()}},
				"object": map[string]any{"key": []any{map[string]any{"wildcard": dropFolder + job.name + "/*.csv"}}},
			},
		},
		Targets: []any{awsevents.CfnRule_TargetProperty{
			Id: jsii.String("workflow"), Arn: start.machine, RoleArn: start.role,
			InputTransformer: awsevents.CfnRule_InputTransformerProperty{
				InputPathsMap: map[string]string{"key": "$.detail.object.key"},
				InputTemplate: jsii.String(`{"job": "` + job.name + `", "inputKey": <key>, "executor": "upload"}`),
			},
		}},
	})
}

// newSchedule imports the same file every day, once somebody turns the rule on:
// it is for a system that delivers at a fixed hour.
func newSchedule(scope constructs.Construct, n names.Names, start target) {
	input, _ := json.Marshal(map[string]string{ // texts always marshal
		"job": names.UserImportStreamPrefix, "inputKey": dailyKey, "executor": "schedule",
	})
	awsevents.NewCfnRule(scope, jsii.String("Daily"), &awsevents.CfnRuleProps{
		Name:               jsii.String(n.EventRule("daily-import")),
		Description:        jsii.String("Imports " + dailyKey + " every day"),
		ScheduleExpression: jsii.String(daily), State: jsii.String("DISABLED"),
		Targets: []any{awsevents.CfnRule_TargetProperty{
			Id: jsii.String("workflow"), Arn: start.machine, RoleArn: start.role, Input: jsii.String(string(input)),
		}},
	})
}
