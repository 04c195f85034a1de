package service

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/task"
)

// newTaskRole is what the application and the router may do: use the files of
// this environment (004_9a2c9db51dc67ef8.txt L634 has a wildcard that reaches
// prod from dev) and write logs. The router's outputs run with this role, not
// with the execution role.
func newTaskRole(scope constructs.Construct, props Props) awsiam.Role {
	role := task.NewRole(scope, "TaskRole", props.Env.Names().TaskRole(), "What the application and its log router may do")
	role.AddToPolicy(fileStatement(props))
	role.AddToPolicy(listStatement(props))
	role.AddToPolicy(logStatement(props))
	role.AddToPolicy(statement("ArchiveLogs", jsii.Strings("s3:PutObject"),
		props.Foundation.LogArchive.ArnForObjects(jsii.String(foundation.ArchivePrefix+"*"))))
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

// logStatement lets the router write errors and, where it sends its log itself,
// the application write its two groups.
func logStatement(props Props) awsiam.PolicyStatement {
	groups := []*string{props.Foundation.ErrorsLogs.LogGroupArn()}
	if props.Env.Logging.DirectToCloudWatch {
		groups = append(groups, props.Foundation.ServerLogs.LogGroupArn(), props.Foundation.ClientLogs.LogGroupArn())
	}
	return statement("CloudWatchLogs", jsii.Strings("logs:CreateLogStream", "logs:PutLogEvents"), groups...)
}

// statement allows actions on resources.
func statement(sid string, actions *[]*string, resources ...*string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String(sid), Actions: actions, Resources: &resources,
	})
}
