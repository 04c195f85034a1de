// Package task is what the ECS task definitions have in common.
package task

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/database"
)

// Props is what a Fargate task definition needs to know.
type Props struct {
	// Family is its name.
	Family string
	// CPU is in units of 1/1024 vCPU.
	CPU int
	// Memory is in MiB.
	Memory int
	// ExecutionRole starts it; what its containers need is granted to it.
	ExecutionRole awsiam.IRole
	// TaskRole is what its containers may do.
	TaskRole awsiam.IRole
}

// New makes a task definition without containers. A revision that is replaced
// stays registered, so that a rollback finds it.
func New(scope constructs.Construct, id string, props Props) awsecs.FargateTaskDefinition {
	definition := awsecs.NewFargateTaskDefinition(scope, jsii.String(id), &awsecs.FargateTaskDefinitionProps{
		Family:         jsii.String(props.Family),
		Cpu:            jsii.Number(props.CPU),
		MemoryLimitMiB: jsii.Number(props.Memory),
		ExecutionRole:  props.ExecutionRole,
		TaskRole:       props.TaskRole,
		RuntimePlatform: &awsecs.RuntimePlatform{
			OperatingSystemFamily: awsecs.OperatingSystemFamily_LINUX(),
			CpuArchitecture:       awsecs.CpuArchitecture_X86_64(),
		},
	})
	resource := definition.Node().DefaultChild().(awsecs.CfnTaskDefinition)
	resource.CfnOptions().SetUpdateReplacePolicy(awscdk.CfnDeletionPolicy_RETAIN)
	resource.CfnOptions().SetDeletionPolicy(awscdk.CfnDeletionPolicy_DELETE)
	return definition
}

// NewRole makes a role that only ECS tasks can take, with no permission yet. It
// doesn't have AmazonECSTaskExecutionRolePolicy (004_9a2c9db51dc67ef8.txt L591),
// which allows every repository and log group; what a task needs is granted.
func NewRole(scope constructs.Construct, id, name, description string) awsiam.Role {
	return awsiam.NewRole(scope, jsii.String(id), &awsiam.RoleProps{
		RoleName:    jsii.String(name),
		Description: jsii.String(description),
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("ecs-tasks.amazonaws.com"), nil),
	})
}

// Image is an image of our own registry by its digest.
func Image(repository awsecr.IRepository, digest string) awsecs.ContainerImage {
	return awsecs.ContainerImage_FromEcrRepository(repository, jsii.String(digest))
}

// Logs sends a container's log to a group that exists.
func Logs(group awslogs.ILogGroup, prefix string) awsecs.LogDriver {
	return awsecs.LogDrivers_AwsLogs(&awsecs.AwsLogDriverProps{LogGroup: group, StreamPrefix: jsii.String(prefix)})
}

// Secret finds a secret by its complete ARN; part of one is not enough for IAM.
func Secret(scope constructs.Construct, id string, arn *string) awssecretsmanager.ISecret {
	return awssecretsmanager.Secret_FromSecretCompleteArn(scope, jsii.String(id), arn)
}

// DatabaseSecrets are the variables by which a container reaches the database.
func DatabaseSecrets(scope constructs.Construct, id string, data database.Database) map[string]awsecs.Secret {
	credentials := Secret(scope, id, data.ReadableArn())
	secrets := map[string]awsecs.Secret{}
	for _, variable := range data.Secrets() {
		secrets[variable.Name] = awsecs.Secret_FromSecretsManager(credentials, jsii.String(variable.Key))
	}
	return secrets
}
