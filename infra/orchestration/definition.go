package orchestration

import (
	"encoding/json"

	"github.com/aws/constructs-go/constructs/v10"

	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/policy"
)

// Names of the states; each import has one more.
const (
	checkState   = "CheckInput"
	refuseState  = "RefuseInput"
	migrateState = "Migrate"
	chooseState  = "ChooseImport"
	notifyState  = "Notify"
	failedState  = "Failed"
)

const (
	// migrateSeconds is how long a migration may take.
	migrateSeconds = 1800
	// patience is how many attempts long an import may wait and run: Batch starts
	// it up to three times, and it may have to queue.
	patience = 4
)

// state is a part of the definition, in Amazon States Language.
type state = map[string]any

// definition is the workflow: check the input, bring the schema up to date,
// import the file. Whatever goes wrong is told before it fails.
func definition(scope constructs.Construct, props Props) string {
	jobs := imports(props.Env)
	states := map[string]any{
		checkState: check(jobs), refuseState: refuse(), migrateState: migrate(props), chooseState: choose(jobs),
		notifyState: notify(scope, props),
		// An error of its own kind would hide the one that there was.
		failedState: state{"Type": "Fail", "ErrorPath": "$.error.Error", "CausePath": "$.error.Cause"},
	}
	for _, job := range jobs {
		states[job.state] = job.task(props)
	}
	text, _ := json.Marshal(state{ // maps of texts and numbers always marshal
		"Comment": "Imports a file", "StartAt": checkState, "States": states,
	})
	return string(text)
}

// check looks for what the later states need, and for a file where jobs may read.
func check(jobs []job) state {
	var known []any
	for _, job := range jobs {
		known = append(known, state{"Variable": "$.job", "StringEquals": job.name})
	}
	conditions := []any{
		state{"Variable": "$.job", "IsPresent": true}, state{"Or": known},
		state{"Variable": "$.inputKey", "IsPresent": true},
		state{"Variable": "$.inputKey", "StringMatches": foundation.FolderImports + "*"},
		state{"Variable": "$.executor", "IsPresent": true}, state{"Variable": "$.executor", "IsString": true},
	}
	return state{"Type": "Choice", "Choices": []any{state{"And": conditions, "Next": migrateState}}, "Default": refuseState}
}

// refuse says what an input looks like.
func refuse() state {
	return state{"Type": "Pass", "ResultPath": "$.error", "Next": notifyState, "Result": state{
		"Error": "InvalidInput",
		"Cause": `Give {"job": "user-import" or "test-case-import", "inputKey": "imports/…", "executor": "who"}`,
	}}
}

// migrate runs the migration's newest revision as a task of ECS and waits for
// it. It changes nothing where the schema is up to date.
func migrate(props Props) state {
	return task("ecs:runTask.sync", chooseState, migrateSeconds, []string{"ECS.AmazonECSException", "ECS.ServerException"}, state{
		"Cluster": props.Foundation.Cluster, "LaunchType": "FARGATE",
		"TaskDefinition": props.Env.Names().MigrateFamily(),
		"NetworkConfiguration": state{"AwsvpcConfiguration": state{
			"Subnets": props.Network.TaskSubnets, "SecurityGroups": []*string{props.Network.Groups.Tasks},
			"AssignPublicIp": "DISABLED",
		}},
	})
}

// choose goes to the import that the input names.
func choose(jobs []job) state {
	var choices []any
	for _, job := range jobs {
		choices = append(choices, state{"Variable": "$.job", "StringEquals": job.name, "Next": job.state})
	}
	return state{"Type": "Choice", "Choices": choices}
}

// task submits the job and waits for its end.
func (j job) task(props Props) state {
	errors := []string{"Batch.AWSBatchException", "Batch.ServerException", "Batch.TooManyRequestsException"}
	return task("batch:submitJob.sync", "", patience*j.timeoutSeconds, errors, state{
		"JobName.$": "States.Format('" + j.name + "-{}', $$.Execution.Name)",
		"JobQueue":  props.Jobs.QueueArn, "JobDefinition": j.definition,
		"Tags": state{names.JobTag: props.Env.Env},
		"ContainerOverrides": state{"Environment": []any{
			state{"Name": "INPUT_S3_KEY", "Value.$": "$.inputKey"},
			state{"Name": "EXECUTOR_NAME", "Value.$": "$.executor"},
		}},
	})
}

// task is a call of a service that waits for the end of what it started. The
// service's own errors pass and are tried again; a task or job that failed is
// not, because it would fail again.
func task(resource, next string, seconds int, transient []string, parameters state) state {
	made := state{
		"Type": "Task", "Resource": "arn:aws:states:::" + resource, "Parameters": parameters,
		"TimeoutSeconds": seconds, "ResultPath": nil,
		"Retry": []any{state{"ErrorEquals": transient, "IntervalSeconds": 10, "BackoffRate": 2, "MaxAttempts": 3}},
		"Catch": []any{state{"ErrorEquals": []string{"States.ALL"}, "ResultPath": "$.error", "Next": notifyState}},
	}
	if next == "" {
		made["End"] = true
	} else {
		made["Next"] = next
	}
	return made
}

// notify tells what failed, then lets the execution fail with it.
func notify(scope constructs.Construct, props Props) state {
	return state{
		"Type": "Task", "Resource": "arn:aws:states:::sns:publish", "ResultPath": nil, "Next": failedState,
		"Parameters": state{
			"TopicArn": policy.NewARNs(scope).Regional("sns", props.Env.Names().CriticalTopic()),
			"Subject":  props.Env.Names().Prefix() + ": an import failed",
			"Message.$": "States.Format('Import {} failed. Look at its execution in Step Functions: {}', " +
				"States.JsonToString($), $$.Execution.Id)",
		},
		"Catch": []any{state{"ErrorEquals": []string{"States.ALL"}, "ResultPath": "$.unsent", "Next": failedState}},
	}
}
