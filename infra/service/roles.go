package service

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/foundation"
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
	role.AddToPolicy(fileStatement(props))
	role.AddToPolicy(listStatement(props))
	if groups := writtenGroups(props); len(groups) > 0 {
		role.AddToPolicy(statement("CloudWatchLogs", jsii.Strings("logs:CreateLogStream", "logs:PutLogEvents"), groups...))
	}
	if archives(props.Env.Logging) {
		role.AddToPolicy(statement("ArchiveLogs", jsii.Strings("s3:PutObject"),
			props.Foundation.LogArchive.ArnForObjects(jsii.String(foundation.ArchivePrefix+"*"))))
	}
	return role
}

// folders are those that the application uses.
func folders() []string {
	return []string{foundation.FolderEvidences, foundation.FolderImports, foundation.FolderResults,
		foundation.FolderControlSpecs, foundation.FolderDataflows}
}

// fileStatement lets the application use the objects in its folders.
func fileStatement(props Props) awsiam.PolicyStatement {
	var objects []*string
	for _, folder := range folders() {
		objects = append(objects, props.Foundation.Files.ArnForObjects(jsii.String(folder+"*")))
	}
	return statement("S3Access", jsii.Strings("s3:GetObject", "s3:PutObject", "s3:DeleteObject"), objects...)
}

// listStatement lets the application list them.
func listStatement(props Props) awsiam.PolicyStatement {
	var prefixes []*string
	for _, folder := range folders() {
		prefixes = append(prefixes, jsii.String(folder+"*"))
	}
	list := statement("S3List", jsii.Strings("s3:ListBucket"), props.Foundation.Files.BucketArn())
	list.AddCondition(jsii.String("StringLike"), map[string]any{"s3:prefix": prefixes})
	return list
}

// writtenGroups are the log groups that the task itself writes: the router that
// of the errors and, where it sends its log itself, the application its two. What
// the awslogs driver writes, it writes with the execution role.
func writtenGroups(props Props) []*string {
	var groups []*string
	if routed(props.Env.Logging) {
		groups = append(groups, props.Foundation.ErrorsLogs.LogGroupArn())
	}
	if props.Env.Logging.DirectToCloudWatch {
		groups = append(groups, props.Foundation.ServerLogs.LogGroupArn(), props.Foundation.ClientLogs.LogGroupArn())
	}
	return groups
}

// statement allows actions on resources.
func statement(sid string, actions *[]*string, resources ...*string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String(sid), Actions: actions, Resources: &resources,
	})
}
