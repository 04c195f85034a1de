package delivery

import (
	"slices"

	"github.com/aws/constructs-go/constructs/v10"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/policy"
)

// permissions are all that the pipeline does itself, beside what it reads. Every
// name has the environment in it, so that the role of one doesn't reach another.
// What CloudFormation does, it does with the roles of `cdk bootstrap`: an account
// has one set of them, so only an account of its own parts an environment from
// those. A person's commands in a task (ECS Exec) are none of the pipeline's.
func permissions(scope constructs.Construct, props Props) []policy.Permission {
	a, n := policy.NewARNs(scope), props.Env.Names()
	return slices.Concat(
		images(props.Foundation), stacks(a, props.Env), service(a, n), tasks(a, n), jobs(a, n), passing(a, n),
		state(a, n), database(a, props.Env), files(props.Foundation), logs(a, n),
	)
}

// images are pushed, and tagged once more when they are deployed.
func images(base foundation.Imports) []policy.Permission {
	return []policy.Permission{{Sid: "PushImages", Actions: []string{
		"ecr:BatchCheckLayerAvailability", "ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
	}, Resources: repositoryARNs(base)}}
}

// repositoryARNs are the image repositories'.
func repositoryARNs(base foundation.Imports) []string {
	return []string{*base.AppRepository.RepositoryArn(), *base.BatchRepository.RepositoryArn(), *base.FluentBitRepository.RepositoryArn()}
}

// qualifier is in the names of what `cdk bootstrap` makes; this is its default.
const qualifier = "hnb659fds"

// stacks are deployed by the roles of `cdk bootstrap`.
func stacks(a policy.ARNs, env config.Environment) []policy.Permission {
	return []policy.Permission{{Sid: "DeployStacks", Actions: []string{"sts:AssumeRole"},
		Resources: a.Roles(bootstrapRoles(a, env, "deploy", "file-publishing", "image-publishing", "lookup")...)}}
}

// bootstrapRoles are the names of roles of `cdk bootstrap`.
func bootstrapRoles(a policy.ARNs, env config.Environment, kinds ...string) []string {
	var all []string
	for _, kind := range kinds {
		all = append(all, "cdk-"+qualifier+"-"+kind+"-role-"+a.Account+"-"+env.Region)
	}
	return all
}

// service is updated.
func service(a policy.ARNs, n names.Names) []policy.Permission {
	families := []string{a.Regional("ecs", "task-definition/"+n.TaskFamily()+":*"), a.Regional("ecs", "task-definition/"+n.MigrateFamily()+":*")}
	return []policy.Permission{
		{Sid: "Service", Actions: []string{"ecs:UpdateService"}, Resources: []string{a.Regional("ecs", "service/"+servicePath(n))}},
		{Sid: "TaskDefinitions", Actions: []string{"ecs:RegisterTaskDefinition"}, Resources: families},
		{Sid: "TagTaskDefinitions", Actions: []string{"ecs:TagResource"}, Resources: families,
			Conditions: policy.Equals("ecs:CreateAction", "RegisterTaskDefinition")},
	}
}

// servicePath is the service in ARNs.
func servicePath(n names.Names) string { return n.Cluster() + "/" + n.Service() }

// tasks are the migration's: the pipeline starts them, and ends those that it
// doesn't wait for any more.
func tasks(a policy.ARNs, n names.Names) []policy.Permission {
	return []policy.Permission{
		{Sid: "Migrate", Actions: []string{"ecs:RunTask"}, Conditions: inCluster(a, n),
			Resources: []string{a.Regional("ecs", "task-definition/"+n.MigrateFamily()+":*")}},
		{Sid: "StopTasks", Actions: []string{"ecs:StopTask"}, Resources: []string{a.Regional("ecs", "task/"+n.Cluster()+"/*")}},
	}
}

// inCluster is the condition that it happens in the environment's cluster.
func inCluster(a policy.ARNs, n names.Names) map[string]any {
	return map[string]any{"ArnEquals": map[string]any{"ecs:cluster": a.Regional("ecs", "cluster/"+n.Cluster())}}
}

// jobs are submitted with this environment's definitions to its queue. A job's
// ARN has only a random id, so those that may be ended are known by a tag.
func jobs(a policy.ARNs, n names.Names) []policy.Permission {
	var definitions []string
	for _, name := range []string{n.UserImportJob(), n.TestCaseImportJob()} {
		definition := a.Regional("batch", "job-definition/"+name)
		definitions = append(definitions, definition, definition+":*")
	}
	anyJob := []string{a.Regional("batch", "job/*")}
	return []policy.Permission{
		{Sid: "JobDefinitions", Actions: []string{"batch:RegisterJobDefinition", "batch:TagResource"}, Resources: definitions},
		{Sid: "SubmitJobs", Actions: []string{"batch:SubmitJob"},
			Resources: append(definitions, a.Regional("batch", "job-queue/"+n.JobQueue()))},
		{Sid: "TagJobs", Actions: []string{"batch:TagResource"}, Resources: anyJob,
			Conditions: policy.Equals("aws:RequestTag/"+names.JobTag, n.Env)},
		{Sid: "EndJobs", Actions: []string{"batch:TerminateJob"}, Resources: anyJob,
			Conditions: policy.Equals("aws:ResourceTag/"+names.JobTag, n.Env)},
	}
}

// passing lets the pipeline name these roles in a definition: whoever may pass
// any role may do what any role may. Batch hands its jobs' roles on to ECS.
func passing(a policy.ARNs, n names.Names) []policy.Permission {
	const ecs, batch = "ecs-tasks.amazonaws.com", "batch.amazonaws.com"
	return []policy.Permission{
		{Sid: "PassTaskRoles", Actions: []string{"iam:PassRole"}, Conditions: policy.Equals("iam:PassedToService", ecs),
			Resources: a.Roles(n.ExecutionRole(), n.TaskRole(), n.MigrateExecutionRole(), n.MigrateRole())},
		{Sid: "PassJobRoles", Actions: []string{"iam:PassRole"}, Conditions: policy.Equals("iam:PassedToService", ecs, batch),
			Resources: a.Roles(n.BatchExecutionRole(), n.BatchJobRole())},
	}
}

// state is the lock and what was deployed, in parameters.
func state(a policy.ARNs, n names.Names) []policy.Permission {
	return []policy.Permission{{Sid: "State", Actions: []string{"ssm:DeleteParameter", "ssm:PutParameter"},
		Resources: []string{a.Regional("ssm", "parameter"+n.Parameter("*"))}}}
}

// database is started where its schedule has stopped it: neither a migration
// nor CloudFormation can do anything with one that is stopped.
func database(a policy.ARNs, env config.Environment) []policy.Permission {
	kind, arn := databaseARN(a, env)
	return []policy.Permission{{Sid: "Database", Actions: []string{"rds:Start" + kind}, Resources: []string{arn}}}
}

// databaseARN is the database's ARN, and what RDS's actions call such a thing.
func databaseARN(a policy.ARNs, env config.Environment) (kind, arn string) {
	if env.DB.Engine == config.EngineAurora {
		return "DBCluster", a.Regional("rds", "cluster:"+env.Names().Database())
	}
	return "DBInstance", a.Regional("rds", "db:"+env.Names().Database())
}

// files are what a job imports, and what it says became of that: a result may
// have rejected rows in it, so only who may deploy reads it. To list them is to
// tell one that isn't there from one that may not be read.
func files(base foundation.Imports) []policy.Permission {
	imports, results := foundation.FolderImports+"*", foundation.FolderResults+"*"
	return []policy.Permission{
		{Sid: "Imports", Actions: []string{"s3:GetObject", "s3:PutObject"}, Resources: []string{*base.Files.ArnForObjects(&imports)}},
		{Sid: "Results", Actions: []string{"s3:GetObject"}, Resources: []string{*base.Files.ArnForObjects(&results)}},
		{Sid: "ListImports", Actions: []string{"s3:ListBucket"}, Resources: []string{*base.Files.BucketArn()},
			Conditions: map[string]any{"StringLike": map[string]any{"s3:prefix": []string{imports, results}}}},
	}
}

// logs show how a deploy or a job goes. They may have users' data in them, so
// only who may deploy reads them.
func logs(a policy.ARNs, n names.Names) []policy.Permission {
	var groups []string
	for _, group := range []string{n.AppLogGroup(), n.ServerLogGroup(), n.ClientLogGroup(), n.ErrorsLogGroup(),
		n.RouterLogGroup(), n.MigrateLogGroup(), n.BatchLogGroup()} {
		groups = append(groups, a.Regional("logs", "log-group:"+group+":*"))
	}
	return []policy.Permission{{Sid: "Logs", Actions: []string{"logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"},
		Resources: groups}}
}
