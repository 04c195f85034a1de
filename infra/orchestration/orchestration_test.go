package orchestration_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/batch"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/infratest"
	"github.com/prooflink/prooflink/infra/network"
	"github.com/prooflink/prooflink/infra/orchestration"
	"github.com/prooflink/prooflink/infra/templates"
)

func TestMain(m *testing.M) { infratest.Main(m) }

// synth makes the stack of an environment.
func synth(t *testing.T, name string) infratest.Template {
	t.Helper()
	env := infratest.Env(t, name, func(env *config.Environment) { env.Optional.Orchestration = true })
	return infratest.Synth(t, env, func(stack awscdk.Stack) {
		orchestration.New(stack, orchestration.Props{
			Env: env, Foundation: foundation.Import(stack, env),
			Network: network.Network{TaskSubnets: []*string{jsii.String("subnet-1"), jsii.String("subnet-2")},
				Groups: network.Groups{Tasks: jsii.String("sg-tasks")}},
			Jobs: batch.Jobs{QueueArn: jsii.String("arn:aws:batch:ap-northeast-1:123456789012:job-queue/queue")},
		})
	})
}

// machine is the workflow's definition.
type machine struct {
	StartAt string
	States  map[string]map[string]any
}

// workflow reads the definition.
func workflow(t *testing.T, s infratest.Template) machine {
	t.Helper()
	var made machine
	text := s.One(t, "AWS::StepFunctions::StateMachine").Text("DefinitionString")
	if err := json.Unmarshal([]byte(text), &made); err != nil {
		t.Fatalf("the definition is no JSON: %v: %s", err, text)
	}
	return made
}

// at follows keys and indices into a state, as text.
func at(state map[string]any, path ...any) string {
	return templates.Resource{Properties: state}.Text(path...)
}

func TestA251TheWorkflowMigratesInATaskAndWaitsForIt(t *testing.T) {
	migrate := workflow(t, synth(t, "prod")).States["Migrate"]
	infratest.Equal(t, "the call", at(migrate, "Resource"), "arn:aws:states:::ecs:runTask.sync")
	infratest.Equal(t, "the task", at(migrate, "Parameters", "Cluster")+" "+at(migrate, "Parameters", "TaskDefinition"),
		"prooflink-prod-cluster prooflink-prod-migrate")
	infratest.Equal(t, "its network", at(migrate, "Parameters", "NetworkConfiguration", "AwsvpcConfiguration"),
		"{AssignPublicIp:DISABLED SecurityGroups:[sg-tasks] Subnets:[subnet-1 subnet-2]}")
	infratest.Within(t, "its retry", at(migrate, "Retry"), "ECS.ServerException", "MaxAttempts:3")
}

func TestA251EachImportIsAJobWithItsFile(t *testing.T) {
	states := workflow(t, synth(t, "prod")).States
	for name, definition := range map[string]string{"UserImport": "prooflink-prod-user-import", "TestCaseImport": "prooflink-prod-test-case-import"} {
		state := states[name]
		infratest.Equal(t, "the call", at(state, "Resource"), "arn:aws:states:::batch:submitJob.sync")
		infratest.Equal(t, "the definition", at(state, "Parameters", "JobDefinition"), definition)
		infratest.Equal(t, "the tag", at(state, "Parameters", "Tags"), "{prooflink:environment:prod}")
		infratest.Equal(t, "the variables", at(state, "Parameters", "ContainerOverrides", "Environment"),
			"[{Name:INPUT_S3_KEY Value.$:$.inputKey} {Name:EXECUTOR_NAME Value.$:$.executor}]")
		infratest.Equal(t, "the patience", at(state, "TimeoutSeconds"), "28800")
		infratest.Within(t, "its retry", at(state, "Retry"), "Batch.ServerException", "BackoffRate:2")
	}
}

func TestA251EveryFailureIsToldAndFails(t *testing.T) {
	w := workflow(t, synth(t, "prod"))
	for name, state := range w.States {
		if at(state, "Type") == "Task" && name != "Notify" {
			infratest.Within(t, name+"'s catch", at(state, "Catch"), "ErrorEquals:[States.ALL]", "Next:Notify", "ResultPath:$.error")
		}
	}
	notify := w.States["Notify"]
	infratest.Equal(t, "the call", at(notify, "Resource"), "arn:aws:states:::sns:publish")
	infratest.Within(t, "the topic", at(notify, "Parameters", "TopicArn"), ":sns:ap-northeast-1:"+infratest.Account+":prooflink-prod-critical-alerts")
	infratest.Equal(t, "what follows", at(notify, "Next"), "Failed")
	infratest.Equal(t, "its type", at(w.States["Failed"], "Type"), "Fail")
	infratest.Equal(t, "a wrong input", at(w.States["CheckInput"], "Default")+" "+at(w.States["RefuseInput"], "Next"), "RefuseInput Notify")
}

func TestEveryStateIsReachedAndExists(t *testing.T) {
	w := workflow(t, synth(t, "dev"))
	next := []string{w.StartAt}
	for _, state := range w.States {
		for _, part := range strings.FieldsFunc(templates.Text(state), func(r rune) bool { return strings.ContainsRune(" {}[]", r) }) {
			for _, key := range []string{"Next:", "Default:"} {
				if name, ok := strings.CutPrefix(part, key); ok {
					next = append(next, name)
				}
			}
		}
	}
	for name := range w.States {
		if !slices.Contains(next, name) {
			t.Errorf("nothing goes to %s", name)
		}
	}
	for _, name := range next {
		if w.States[name] == nil {
			t.Errorf("no state %s", name)
		}
	}
}

func TestA251TheLogHasTheStatesAndNotTheirData(t *testing.T) {
	s := synth(t, "prod")
	infratest.Equal(t, "the log", s.One(t, "AWS::StepFunctions::StateMachine").Text("LoggingConfiguration"),
		"{Destinations:[{CloudWatchLogsLogGroup:{LogGroupArn:${Logs.Arn}}}] IncludeExecutionData:false Level:ALL}")
	group := s.One(t, "AWS::Logs::LogGroup")
	infratest.Equal(t, "the group", group.Text("LogGroupName")+" "+group.Text("RetentionInDays")+" "+group.DeletionPolicy,
		"/aws/vendedlogs/states/prooflink-prod-imports 30 Retain")
}

func TestTheWorkflowsRoleDoesNoMore(t *testing.T) {
	s := synth(t, "prod")
	var text string
	for role, policy := range s.Policies() {
		if !strings.Contains(role, "StartRole") {
			text = policy
		}
	}
	infratest.Within(t, "the role", text, "rule/StepFunctionsGetEventsForECSTaskRule", "rule/StepFunctionsGetEventsForBatchJobsRule",
		":task-definition/prooflink-prod-migrate:*", "iam:PassedToService:[ecs-tasks.amazonaws.com]", ":job-definition/prooflink-prod-user-import",
		"aws:ResourceTag/prooflink:environment:[prod]", "kms:ResourceAliases:alias/prooflink-prod-topics")
	if n := strings.Count(text, "Resource:*"); n != 2 {
		t.Errorf("%d statements are on everything, want those of jobs and logs: %s", n, text)
	}
	trusts := map[string]string{
		"prooflink-prod-imports-role":       "{StringEquals:{aws:SourceAccount:[" + infratest.Account + "]}} Effect:Allow Principal:{Service:states.amazonaws.com}",
		"prooflink-prod-imports-start-role": "Principal:{Service:events.amazonaws.com}",
	}
	for _, role := range s.Of("AWS::IAM::Role") {
		infratest.Within(t, "a trust", role.Text("AssumeRolePolicyDocument"), trusts[role.Text("RoleName")])
	}
}

func TestATopicWithoutAKeyNeedsNone(t *testing.T) {
	for _, policy := range synth(t, "dev").Policies() {
		if strings.Contains(policy, "kms:") {
			t.Errorf("a key is used: %s", policy)
		}
	}
}

func TestA250UploadsAndAScheduleStartTheWorkflow(t *testing.T) {
	s := synth(t, "prod")
	rules := map[string]templates.Resource{}
	for _, rule := range s.Of("AWS::Events::Rule") {
		rules[rule.Text("Name")] = rule
		infratest.Equal(t, "the target", rule.Text("Targets", 0, "Arn"), "${StateMachine.Arn}")
		infratest.Within(t, "the target's role", rule.Text("Targets", 0, "RoleArn"), "StartRole")
	}
	for _, job := range []string{"user-import", "test-case-import"} {
		rule := rules["prooflink-prod-"+job]
		infratest.Equal(t, job+"'s rule", rule.Text("State"), "ENABLED")
		infratest.Within(t, job+"'s event", rule.Text("EventPattern"), "detail-type:[Object Created]",
			"name:[prooflink-prod-files-"+infratest.Account+"]", "wildcard:imports/scheduled/"+job+"/*.csv")
		infratest.Equal(t, job+"'s input", rule.Text("Targets", 0, "InputTransformer", "InputTemplate"),
			`{"job": "`+job+`", "inputKey": <key>, "executor": "upload"}`)
	}
	daily := rules["prooflink-prod-daily-import"]
	infratest.Equal(t, "the schedule", daily.Text("State")+" "+daily.Text("ScheduleExpression"), "DISABLED cron(0 1 * * ? *)")
	infratest.Equal(t, "its input", daily.Text("Targets", 0, "Input"),
		`{"executor":"schedule","inputKey":"imports/scheduled/users.csv","job":"user-import"}`)
}

func TestTheFilesBucketTellsOfItsObjects(t *testing.T) {
	for on, want := range map[bool]string{true: "{EventBridgeConfiguration:{EventBridgeEnabled:true}}", false: templates.Nothing} {
		env := infratest.Env(t, "dev", func(env *config.Environment) { env.Optional.Orchestration = on })
		s := infratest.Synth(t, env, func(stack awscdk.Stack) { foundation.New(stack, foundation.Props{Env: env}) })
		for _, bucket := range s.Of("AWS::S3::Bucket") {
			if strings.Contains(bucket.Text("BucketName"), "-files-") {
				infratest.Equal(t, "the bucket's events", bucket.Text("NotificationConfiguration"), want)
			}
		}
	}
}
