package orchestration

import (
	"slices"

	"github.com/aws/constructs-go/constructs/v10"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/policy"
)

// permissions are what the workflow does (AWS Step Functions developer guide,
// IAM policies for integrated services).
func permissions(scope constructs.Construct, props Props) []policy.Permission {
	a, n := policy.NewARNs(scope), props.Env.Names()
	return slices.Concat(migrating(a, n), importing(a, props), waiting(a), notifying(a, props.Env), logging())
}

// migrating starts the migration's task, and no other.
func migrating(a policy.ARNs, n names.Names) []policy.Permission {
	return []policy.Permission{
		{Sid: "Migrate", Actions: []string{"ecs:RunTask"},
			Resources:  []string{a.Regional("ecs", "task-definition/"+n.MigrateFamily()+":*")},
			Conditions: map[string]any{"ArnEquals": map[string]any{"ecs:cluster": a.Regional("ecs", "cluster/"+n.Cluster())}}},
		{Sid: "Tasks", Actions: []string{"ecs:DescribeTasks", "ecs:StopTask"},
			Resources: []string{a.Regional("ecs", "task/"+n.Cluster()+"/*")}},
		{Sid: "PassRoles", Actions: []string{"iam:PassRole"}, Resources: a.Roles(n.MigrateExecutionRole(), n.MigrateRole()),
			Conditions: policy.Equals("iam:PassedToService", "ecs-tasks.amazonaws.com")},
	}
}

// importing submits this environment's jobs. A job's ARN has only a random id,
// so those that may be ended are known by a tag.
func importing(a policy.ARNs, props Props) []policy.Permission {
	submitted := []string{*props.Jobs.QueueArn}
	for _, job := range imports(props.Env) {
		definition := a.Regional("batch", "job-definition/"+job.definition)
		submitted = append(submitted, definition, definition+":*")
	}
	anyJob := []string{a.Regional("batch", "job/*")}
	return []policy.Permission{
		{Sid: "SubmitJobs", Actions: []string{"batch:SubmitJob"}, Resources: submitted},
		{Sid: "TagJobs", Actions: []string{"batch:TagResource"}, Resources: anyJob,
			Conditions: policy.Equals("aws:RequestTag/"+names.JobTag, props.Env.Env)},
		{Sid: "EndJobs", Actions: []string{"batch:TerminateJob"}, Resources: anyJob,
			Conditions: policy.Equals("aws:ResourceTag/"+names.JobTag, props.Env.Env)},
		{Sid: "ReadJobs", Actions: []string{"batch:DescribeJobs"}, Resources: policy.Everything},
	}
}

// waiting lets Step Functions hear of the end of tasks and jobs, by the two
// rules that it keeps for it.
func waiting(a policy.ARNs) []policy.Permission {
	return []policy.Permission{{Sid: "Wait", Actions: []string{"events:DescribeRule", "events:PutRule", "events:PutTargets"},
		Resources: []string{
			a.Regional("events", "rule/StepFunctionsGetEventsForECSTaskRule"),
			a.Regional("events", "rule/StepFunctionsGetEventsForBatchJobsRule"),
		}}}
}

// notifying publishes to the topic and, where a key encrypts that, uses the
// key, which is known by its alias.
func notifying(a policy.ARNs, env config.Environment) []policy.Permission {
	all := []policy.Permission{{Sid: "Notify", Actions: []string{"sns:Publish"},
		Resources: []string{a.Regional("sns", env.Names().CriticalTopic())}}}
	if env.Monitoring.TopicKey == config.KeyCMK {
		all = append(all, policy.Permission{Sid: "NotifyWithKey", Actions: []string{"kms:Decrypt", "kms:GenerateDataKey"},
			Resources:  []string{a.Regional("kms", "key/*")},
			Conditions: map[string]any{"ForAnyValue:StringEquals": map[string]any{"kms:ResourceAliases": env.Names().TopicKey()}}})
	}
	return all
}

// logging sends the log to its group, which AWS cannot limit to one.
func logging() []policy.Permission {
	return []policy.Permission{{Sid: "Logs", Resources: policy.Everything, Actions: []string{
		"logs:CreateLogDelivery", "logs:CreateLogStream", "logs:DeleteLogDelivery", "logs:DescribeLogGroups",
		"logs:DescribeResourcePolicies", "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutLogEvents",
		"logs:PutResourcePolicy", "logs:UpdateLogDelivery",
	}}}
}
