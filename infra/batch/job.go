package batch

import (
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsbatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/database"
	"github.com/prooflink/prooflink/infra/names"
)

// attempts is how often a job may start; only Spot's interruptions count.
const attempts = 3

// newUserImport makes the job definition of the user import. The one that it
// replaces stays active, for jobs that name it.
func newUserImport(scope constructs.Construct, props Props, roles roles) awsbatch.CfnJobDefinition {
	job := props.Env.Batch.Jobs.UserImport
	return awsbatch.NewCfnJobDefinition(scope, jsii.String("UserImport"), &awsbatch.CfnJobDefinitionProps{
		JobDefinitionName:    jsii.String(props.Env.Names().UserImportJob()),
		Type:                 jsii.String("container"),
		PlatformCapabilities: jsii.Strings("FARGATE"),
		PropagateTags:        jsii.Bool(true),
		Timeout:              awsbatch.CfnJobDefinition_TimeoutProperty{AttemptDurationSeconds: jsii.Number(job.TimeoutSeconds)},
		RetryStrategy:        retries(),
		ResourceRetentionPolicy: awsbatch.CfnJobDefinition_ResourceRetentionPolicyProperty{
			SkipDeregisterOnUpdate: jsii.Bool(true),
		},
		ContainerProperties: container(props, roles, job, names.UserImportStreamPrefix),
	})
}

// retries starts a job again that Spot interrupted, and no other: a wrong file
// stays wrong.
func retries() awsbatch.CfnJobDefinition_RetryStrategyProperty {
	return awsbatch.CfnJobDefinition_RetryStrategyProperty{
		Attempts: jsii.Number(attempts),
		EvaluateOnExit: []any{
			awsbatch.CfnJobDefinition_EvaluateOnExitProperty{
				Action: jsii.String("RETRY"), OnStatusReason: jsii.String("Your Spot Task was interrupted*"),
			},
			awsbatch.CfnJobDefinition_EvaluateOnExitProperty{
				Action: jsii.String("RETRY"), OnStatusReason: jsii.String("Host EC2*"),
			},
			awsbatch.CfnJobDefinition_EvaluateOnExitProperty{Action: jsii.String("EXIT"), OnReason: jsii.String("*")},
		},
	}
}

// container is what a job runs: dist/<name>.js with a log of its own.
func container(props Props, roles roles, job config.Job, name string) awsbatch.CfnJobDefinition_ContainerPropertiesProperty {
	image := *props.Foundation.BatchRepository.RepositoryUri() + "@" + props.Digest
	return awsbatch.CfnJobDefinition_ContainerPropertiesProperty{
		Image:                jsii.String(image),
		Command:              jsii.Strings("node", "dist/"+name+".js"),
		ResourceRequirements: size(job),
		ExecutionRoleArn:     roles.execution.RoleArn(),
		JobRoleArn:           roles.job.RoleArn(),
		Environment:          environment(props),
		Secrets:              secrets(props.SecretArn),
		NetworkConfiguration: awsbatch.CfnJobDefinition_NetworkConfigurationProperty{AssignPublicIp: jsii.String("DISABLED")},
		FargatePlatformConfiguration: awsbatch.CfnJobDefinition_FargatePlatformConfigurationProperty{
			PlatformVersion: jsii.String("LATEST"),
		},
		RuntimePlatform: awsbatch.CfnJobDefinition_RuntimePlatformProperty{
			OperatingSystemFamily: jsii.String("LINUX"), CpuArchitecture: jsii.String("X86_64"),
		},
		LogConfiguration: awsbatch.CfnJobDefinition_LogConfigurationProperty{
			LogDriver: jsii.String("awslogs"),
			Options: map[string]string{
				"awslogs-group":         props.Env.Names().BatchLogGroup(),
				"awslogs-region":        props.Env.Region,
				"awslogs-stream-prefix": name,
			},
		},
	}
}

// size is a job's CPU, which Batch has in vCPUs, and memory.
func size(job config.Job) []any {
	vcpus := strconv.FormatFloat(float64(job.CPU)/1024, 'f', -1, 64)
	return []any{
		awsbatch.CfnJobDefinition_ResourceRequirementProperty{Type: jsii.String("VCPU"), Value: jsii.String(vcpus)},
		awsbatch.CfnJobDefinition_ResourceRequirementProperty{Type: jsii.String("MEMORY"), Value: jsii.String(strconv.Itoa(job.Memory))},
	}
}

// environment is what every job reads (004_9a2c9db51dc67ef8.txt L1328-1333); a
// submission adds INPUT_S3_KEY and EXECUTOR_NAME.
func environment(props Props) []any {
	env, bucket := props.Env, *props.Foundation.Files.BucketName()
	values := [][2]string{
		{"NODE_ENV", "production"},
		{"AWS_REGION", env.Region},
		{"STORAGE_MODE", "s3"},
		{"INPUT_S3_BUCKET", bucket},
		{"OUTPUT_S3_BUCKET", bucket},
		{"AWS_S3_BUCKET_NAME", bucket},
		{"DB_SSLMODE", env.DB.SSLMode},
		{"LOG_LEVEL", env.Logging.ServerLevel},
	}
	var list []any
	for _, value := range values {
		list = append(list, awsbatch.CfnJobDefinition_EnvironmentProperty{Name: jsii.String(value[0]), Value: jsii.String(value[1])})
	}
	return list
}

// secrets are the database's credentials, one variable each.
func secrets(arn *string) []any {
	var list []any
	for _, variable := range database.Variables() {
		list = append(list, awsbatch.CfnJobDefinition_SecretProperty{
			Name: jsii.String(variable.Name), ValueFrom: jsii.String(*arn + ":" + variable.Key + "::"),
		})
	}
	return list
}
