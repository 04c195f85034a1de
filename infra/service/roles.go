package service

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/policy"
	"github.com/prooflink/prooflink/infra/task"
)

// newExecutionRole starts the tasks. What its containers need is granted where
// they are added; the database's own key is not part of that.
func newExecutionRole(scope constructs.Construct, props Props) awsiam.Role {
	role := task.NewRole(scope, "ExecutionRole", props.Env.Names().ExecutionRole(), "Execution role for ECS tasks")
	props.Database.GrantDecrypt(role)
	return role
}

// newTaskRole is what the application and the router may do: use the files of
// this environment (004_9a2c9db51dc67ef8.txt L634 has a wildcard that reaches
// prod from dev) and write logs. The router's outputs run with this role, not
// with the execution role.
func newTaskRole(scope constructs.Construct, props Props) awsiam.Role {
	role := task.NewRole(scope, "TaskRole", props.Env.Names().TaskRole(), "What the application and its log router may do")
	policy.Grant(role, slices.Concat(files(props.Foundation.Files), logs(props), commands(props.Env.App))...)
	return role
}

// commands let ECS Exec's agent, which runs beside the application, ask for
// commands; its channels have no ARN (Amazon ECS Developer Guide, Using Amazon
// ECS Exec for debugging). Who may run one is the business of that person's role.
func commands(app config.App) []policy.Permission {
	if !app.Exec {
		return nil
	}
	return []policy.Permission{{Sid: "Commands", Actions: []string{
		"ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
		"ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
	}, Resources: policy.Everything}}
}

// folders are those that the application uses.
func folders() []string {
	return []string{foundation.FolderEvidences, foundation.FolderImports, foundation.FolderResults,
		foundation.FolderControlSpecs, foundation.FolderDataflows}
}

// files are what the application may do with the objects in its folders.
func files(bucket awss3.IBucket) []policy.Permission {
	var objects, prefixes []string
	for _, folder := range folders() {
		objects = append(objects, *bucket.ArnForObjects(jsii.String(folder + "*")))
		prefixes = append(prefixes, folder+"*")
	}
	return []policy.Permission{
		{Sid: "S3Access", Actions: []string{"s3:GetObject", "s3:PutObject", "s3:DeleteObject"}, Resources: objects},
		{Sid: "S3List", Actions: []string{"s3:ListBucket"}, Resources: []string{*bucket.BucketArn()},
			Conditions: map[string]any{"StringLike": map[string]any{"s3:prefix": prefixes}}},
	}
}

// logs are what the task writes itself.
func logs(props Props) []policy.Permission {
	var all []policy.Permission
	if groups := writtenGroups(props); len(groups) > 0 {
		all = append(all, policy.Permission{
			Sid: "CloudWatchLogs", Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"}, Resources: groups,
		})
	}
	if archives(props.Env.Logging) {
		all = append(all, policy.Permission{
			Sid: "ArchiveLogs", Actions: []string{"s3:PutObject"},
			Resources: []string{*props.Foundation.LogArchive.ArnForObjects(jsii.String(foundation.ArchivePrefix + "*"))},
		})
	}
	return all
}

// writtenGroups are the log groups that the task itself writes: the router that
// of the errors and, where it sends its log itself, the application its two. What
// the awslogs driver writes, it writes with the execution role.
func writtenGroups(props Props) []string {
	var groups []string
	if routed(props.Env.Logging) {
		groups = append(groups, *props.Foundation.ErrorsLogs.LogGroupArn())
	}
	if props.Env.Logging.DirectToCloudWatch {
		groups = append(groups, *props.Foundation.ServerLogs.LogGroupArn(), *props.Foundation.ClientLogs.LogGroupArn())
	}
	return groups
}
