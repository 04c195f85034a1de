package batch

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/policy"
	"github.com/prooflink/prooflink/infra/task"
)

// roles are a job's.
type roles struct {
	execution, job awsiam.Role
}

// newRoles makes both.
func newRoles(scope constructs.Construct, props Props) roles {
	return roles{execution: newExecutionRole(scope, props), job: newJobRole(scope, props)}
}

// newExecutionRole lets Batch pull the image, read the credentials and write the log.
func newExecutionRole(scope constructs.Construct, props Props) awsiam.Role {
	role := task.NewRole(scope, "ExecutionRole", props.Env.Names().BatchExecutionRole(), "Starts the batch jobs")
	props.Foundation.BatchRepository.GrantPull(role)
	props.Foundation.BatchLogs.GrantWrite(role)
	task.Secret(scope, "DatabaseCredentials", props.Database.ReadableArn()).GrantRead(role, nil)
	props.Database.GrantDecrypt(role)
	return role
}

// newJobRole lets a job read what was uploaded and write its result.
func newJobRole(scope constructs.Construct, props Props) awsiam.Role {
	role := task.NewRole(scope, "JobRole", props.Env.Names().BatchJobRole(), "What the batch jobs may do")
	files := props.Foundation.Files
	policy.Grant(role,
		policy.Permission{Sid: "ReadImports", Actions: []string{"s3:GetObject"},
			Resources: []string{*files.ArnForObjects(jsii.String(foundation.FolderImports + "*"))}},
		policy.Permission{Sid: "WriteResults", Actions: []string{"s3:PutObject"},
			Resources: []string{*files.ArnForObjects(jsii.String(foundation.FolderResults + "*"))}},
		policy.Permission{Sid: "ListImports", Actions: []string{"s3:ListBucket"}, Resources: []string{*files.BucketArn()},
			Conditions: map[string]any{"StringLike": map[string]any{
				"s3:prefix": []string{foundation.FolderImports + "*", foundation.FolderResults + "*"},
			}}},
	)
	return role
}

// newServiceRole makes the role of 004_9a2c9db51dc67ef8.txt L1158-1169 and returns
// its ARN. It is nil unless the environment wants it: AWS recommends Batch's
// service-linked role, and a compute environment cannot change between the two.
func newServiceRole(scope constructs.Construct, env config.Environment) *string {
	if env.Batch.ServiceRole != config.RoleCustom {
		return nil
	}
	return awsiam.NewRole(scope, jsii.String("ServiceRole"), &awsiam.RoleProps{
		RoleName:    jsii.String(env.Names().BatchServiceRole()),
		Description: jsii.String("What Batch works with"),
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("batch.amazonaws.com"), nil),
		ManagedPolicies: &[]awsiam.IManagedPolicy{
			awsiam.ManagedPolicy_FromAwsManagedPolicyName(jsii.String("service-role/AWSBatchServiceRole")),
		},
	}).RoleArn()
}
