package delivery

import (
	"slices"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/policy"
)

// permissions are all that the pipeline calls itself. Every name has the
// environment in it, so that the role of one doesn't reach another. What
// CloudFormation does, it does with the roles of `cdk bootstrap`: an account has
// one set of them, so only an account of its own parts an environment from those.
func permissions(scope constructs.Construct, props Props) []policy.Permission {
	a, n := policy.NewARNs(scope), props.Env.Names()
	return slices.Concat(
		images(props.Foundation), stacks(a, props.Env), service(a, n), tasks(a, n), jobs(a, n), passing(a, n),
		state(a, n), database(a, props.Env), files(props.Foundation), observation(a, n),
	)
}

// images are pushed and pulled.
func images(base foundation.Imports) []policy.Permission {
	return []policy.Permission{
		{Sid: "RegistryLogin", Actions: []string{"ecr:GetAuthorizationToken"}, Resources: policy.Everything},
		{Sid: "Images", Actions: []string{
			"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
			"ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:ListImages", "ecr:PutImage", "ecr:UploadLayerPart",
		}, Resources: []string{
			*base.AppRepository.RepositoryArn(), *base.BatchRepository.RepositoryArn(), *base.FluentBitRepository.RepositoryArn(),
		}},
	}
}

// stacks are deployed by the roles of `cdk bootstrap`, with its default
// qualifier, and looked at by the pipeline.
func stacks(a policy.ARNs, env config.Environment) []policy.Permission {
	var roles, all []string
	for _, role := range []string{"deploy", "file-publishing", "image-publishing", "lookup"} {
		roles = append(roles, "cdk-hnb659fds-"+role+"-role-"+a.Account+"-"+env.Region)
	}
	for _, stack := range env.Names().Stacks(env.Stacks()) {
		all = append(all, a.Regional("cloudformation", "stack/"+stack+"/*"))
	}
	return []policy.Permission{
		{Sid: "DeployStacks", Actions: []string{"sts:AssumeRole"}, Resources: a.Roles(roles...)},
		{Sid: "ReadStacks", Actions: []string{
			"cloudformation:DescribeStackEvents", "cloudformation:DescribeStackResources", "cloudformation:DescribeStacks",
			"cloudformation:GetTemplate", "cloudformation:ListStackResources",
		}, Resources: all},
	}
}

// service is updated, and its deployment followed to the end.
func service(a policy.ARNs, n names.Names) []policy.Permission {
	path := n.Cluster() + "/" + n.Service()
	families := []string{a.Regional("ecs", "task-definition/"+n.TaskFamily()+":*"), a.Regional("ecs", "task-definition/"+n.MigrateFamily()+":*")}
	return []policy.Permission{
		{Sid: "Service", Actions: []string{
			"ecs:DescribeServiceDeployments", "ecs:DescribeServiceRevisions", "ecs:DescribeServices",
			"ecs:ListServiceDeployments", "ecs:UpdateService",
		}, Resources: []string{
			a.Regional("ecs", "service/"+path), a.Regional("ecs", "service-deployment/"+path+"/*"),
			a.Regional("ecs", "service-revision/"+path+"/*"),
		}},
		{Sid: "TaskDefinitions", Actions: []string{"ecs:RegisterTaskDefinition"}, Resources: families},
		{Sid: "TagTaskDefinitions", Actions: []string{"ecs:TagResource"}, Resources: families,
			Conditions: policy.Equals("ecs:CreateAction", "RegisterTaskDefinition")},
		{Sid: "ReadTaskDefinitions", Actions: []string{"ecs:DescribeTaskDefinition"}, Resources: policy.Everything},
	}
}

// tasks are the migration's, which the pipeline starts, and the service's,
// whose images and stopped reasons it reads.
func tasks(a policy.ARNs, n names.Names) []policy.Permission {
	cluster := map[string]any{"ArnEquals": map[string]any{"ecs:cluster": a.Regional("ecs", "cluster/"+n.Cluster())}}
	return []policy.Permission{
		{Sid: "Migrate", Actions: []string{"ecs:RunTask"}, Conditions: cluster,
			Resources: []string{a.Regional("ecs", "task-definition/"+n.MigrateFamily()+":*")}},
		{Sid: "Tasks", Actions: []string{"ecs:DescribeTasks", "ecs:StopTask"},
			Resources: []string{a.Regional("ecs", "task/"+n.Cluster()+"/*")}},
		{Sid: "ListTasks", Actions: []string{"ecs:ListTasks"}, Resources: policy.Everything, Conditions: cluster},
	}
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
		{Sid: "ReadJobs", Actions: []string{
			"batch:DescribeJobDefinitions", "batch:DescribeJobQueues", "batch:DescribeJobs", "batch:ListJobs",
		}, Resources: policy.Everything},
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
	return []policy.Permission{{Sid: "State", Actions: []string{
		"ssm:DeleteParameter", "ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath", "ssm:PutParameter",
	}, Resources: []string{a.Regional("ssm", "parameter"+n.Parameter("*"))}}}
}

// database is started where its schedule has stopped it: neither a migration
// nor CloudFormation can do anything with one that is stopped.
func database(a policy.ARNs, env config.Environment) []policy.Permission {
	name := env.Names().Database()
	if env.DB.Engine == config.EngineAurora {
		return []policy.Permission{{Sid: "Database", Actions: []string{"rds:DescribeDBClusters", "rds:StartDBCluster"},
			Resources: []string{a.Regional("rds", "cluster:"+name)}}}
	}
	return []policy.Permission{{Sid: "Database", Actions: []string{"rds:DescribeDBInstances", "rds:StartDBInstance"},
		Resources: []string{a.Regional("rds", "db:"+name)}}}
}

// files are what a job imports. To list them is to tell one that isn't there
// from one that may not be read.
func files(base foundation.Imports) []policy.Permission {
	return []policy.Permission{
		{Sid: "Imports", Actions: []string{"s3:GetObject", "s3:PutObject"},
			Resources: []string{*base.Files.ArnForObjects(jsii.String(foundation.FolderImports + "*"))}},
		{Sid: "ListImports", Actions: []string{"s3:ListBucket"}, Resources: []string{*base.Files.BucketArn()},
			Conditions: map[string]any{"StringLike": map[string]any{"s3:prefix": foundation.FolderImports + "*"}}},
	}
}

// observation is what shows how a deploy or a job goes.
func observation(a policy.ARNs, n names.Names) []policy.Permission {
	var groups []string
	for _, group := range []string{n.AppLogGroup(), n.ServerLogGroup(), n.ClientLogGroup(), n.ErrorsLogGroup(),
		n.RouterLogGroup(), n.MigrateLogGroup(), n.BatchLogGroup()} {
		groups = append(groups, a.Regional("logs", "log-group:"+group+":*"))
	}
	return []policy.Permission{
		{Sid: "Logs", Actions: []string{"logs:DescribeLogStreams", "logs:FilterLogEvents", "logs:GetLogEvents"}, Resources: groups},
		{Sid: "Health", Actions: []string{"elasticloadbalancing:DescribeTargetHealth", "tag:GetResources"}, Resources: policy.Everything},
	}
}
