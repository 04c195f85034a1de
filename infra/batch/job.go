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

// spotAttempts is how often a job may start where Spot may interrupt it.
const spotAttempts = 3

// definition is one job definition.
type definition struct {
	// id is the construct's.
	id string
	// name is the job definition's.
	name string
	// program is dist/<program>.js, and begins the log's streams.
	program string
	// size is how much it takes.
	size config.Job
	// output is the key by which the pipeline finds it.
	output string
}

// definitions lists the jobs (004_9a2c9db51dc67ef8.txt L1299-1355).
func definitions(env config.Environment) []definition {
	n, sizes := env.Names(), env.Batch.Jobs
	return []definition{
		{"UserImport", n.UserImportJob(), names.UserImportStreamPrefix, sizes.UserImport, names.OutputUserImportJobArn},
		{"TestCaseImport", n.TestCaseImportJob(), names.TestCaseImportStreamPrefix, sizes.TestCaseImport, names.OutputTestCaseImportJobArn},
	}
}

// newJob makes a job definition. The one that it replaces stays active, for
// jobs that name it.
func newJob(scope constructs.Construct, props Props, roles roles, job definition) awsbatch.CfnJobDefinition {
	return awsbatch.NewCfnJobDefinition(scope, jsii.String(job.id), &awsbatch.CfnJobDefinitionProps{
		JobDefinitionName:    jsii.String(job.name),
		Type:                 jsii.String("container"),
		PlatformCapabilities: jsii.Strings("FARGATE"),
		PropagateTags:        jsii.Bool(true),
		Timeout:              awsbatch.CfnJobDefinition_TimeoutProperty{AttemptDurationSeconds: jsii.Number(job.size.TimeoutSeconds)},
		RetryStrategy:        retries(props.Env.Batch.Spot),
		ResourceRetentionPolicy: awsbatch.CfnJobDefinition_ResourceRetentionPolicyProperty{
			SkipDeregisterOnUpdate: jsii.Bool(true),
		},
		ContainerProperties: container(props, roles, job),
	})
}

// retries starts a job again that Spot interrupted, and no other: a wrong file
// stays wrong. The reason is what ECS gives for a task on Fargate Spot; that of
// an EC2 host ("Host EC2…") does not occur on Fargate. Batch would retry what no
// condition matches, so the last one ends the rest.
func retries(spot string) awsbatch.CfnJobDefinition_RetryStrategyProperty {
	if spot == config.SpotOff {
		return awsbatch.CfnJobDefinition_RetryStrategyProperty{Attempts: jsii.Number(1)}
	}
	return awsbatch.CfnJobDefinition_RetryStrategyProperty{
		Attempts: jsii.Number(spotAttempts),
		EvaluateOnExit: []any{
			awsbatch.CfnJobDefinition_EvaluateOnExitProperty{
				Action: jsii.String("RETRY"), OnStatusReason: jsii.String("Your Spot Task was interrupted*"),
			},
			awsbatch.CfnJobDefinition_EvaluateOnExitProperty{Action: jsii.String("EXIT"), OnReason: jsii.String("*")},
		},
	}
}

// container is what a job runs, with a log of its own.
func container(props Props, roles roles, job definition) awsbatch.CfnJobDefinition_ContainerPropertiesProperty {
	image := *props.Foundation.BatchRepository.RepositoryUri() + "@" + props.Digest
	return awsbatch.CfnJobDefinition_ContainerPropertiesProperty{
		Image:                jsii.String(image),
		Command:              jsii.Strings("node", "dist/"+job.program+".js"),
		ResourceRequirements: size(job.size),
		ExecutionRoleArn:     roles.execution.RoleArn(),
		JobRoleArn:           roles.job.RoleArn(),
		Environment:          environment(props),
		Secrets:              secrets(props.Database),
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
				"awslogs-stream-prefix": job.program,
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

// secrets are the variables with which a job reaches the database.
func secrets(db database.Database) []any {
	var list []any
	for _, variable := range db.Secrets() {
		list = append(list, awsbatch.CfnJobDefinition_SecretProperty{
			Name: jsii.String(variable.Name), ValueFrom: variable.ValueFrom(),
		})
	}
	return list
}
