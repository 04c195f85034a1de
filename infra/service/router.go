package service

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/task"
)

const (
	// routerStartSeconds is how long the application waits for the router; it is
	// Fargate's maximum. Without it a router that never becomes healthy would
	// keep the task PENDING for hours; so the task stops, and a deployment that
	// has such tasks is rolled back.
	routerStartSeconds = 120
	// routerStopSeconds lets Fluent Bit send what it still has; it waits 30.
	routerStopSeconds = 60
	// routerMemory is reserved for it.
	routerMemory = 50
	// archiveConfig and errorsConfig are in the router's own image, with the log
	// archive and without: Fargate can't read one from S3 (000_e03a210ce428a44a.txt L574).
	archiveConfig = "/fluent-bit/custom/prooflink.conf"
	errorsConfig  = "/fluent-bit/custom/errors-only.conf"
)

// routed says whether Fluent Bit routes the application's log.
func routed(logging config.Logging) bool { return logging.Driver == config.DriverFireLens }

// archives says whether it writes every record to S3.
func archives(logging config.Logging) bool { return routed(logging) && logging.ArchiveBucket }

// addRouter adds Fluent Bit. Where records go is in its image's configuration;
// which bucket and group, in its environment.
func addRouter(definition awsecs.FargateTaskDefinition, props Props) awsecs.ContainerDefinition {
	return definition.AddFirelensLogRouter(jsii.String(names.RouterContainer), &awsecs.FirelensLogRouterDefinitionOptions{
		ContainerName: jsii.String(names.RouterContainer),
		Image:         task.Image(props.Foundation.FluentBitRepository, props.Digests.FluentBit),
		Essential:     jsii.Bool(true),
		User:          jsii.String("0"),
		FirelensConfig: &awsecs.FirelensConfig{
			Type: awsecs.FirelensLogRouterType_FLUENTBIT,
			Options: &awsecs.FirelensOptions{
				ConfigFileType:  awsecs.FirelensConfigFileType_FILE,
				ConfigFileValue: jsii.String(routerConfig(props.Env.Logging)),
			},
		},
		Environment:          routerEnvironment(props),
		HealthCheck:          routerHealth(),
		Logging:              task.Logs(props.Foundation.RouterLogs, names.RouterStreamPrefix),
		MemoryReservationMiB: jsii.Number(routerMemory),
		StartTimeout:         awscdk.Duration_Seconds(jsii.Number(routerStartSeconds)),
		StopTimeout:          awscdk.Duration_Seconds(jsii.Number(routerStopSeconds)),
	})
}

// routerConfig is the file that ECS includes in the router's configuration.
func routerConfig(logging config.Logging) string {
	if archives(logging) {
		return archiveConfig
	}
	return errorsConfig
}

// routerEnvironment is what the file's variables stand for.
func routerEnvironment(props Props) *map[string]*string {
	variables := map[string]*string{
		"AWS_REGION":      jsii.String(props.Env.Region),
		"ERROR_LOG_GROUP": jsii.String(props.Env.Names().ErrorsLogGroup()),
	}
	if archives(props.Env.Logging) {
		variables["LOG_BUCKET_NAME"] = props.Foundation.LogArchive.BucketName()
	}
	return &variables
}

// routerHealth asks whether Fluent Bit answers, not whether its outputs arrive:
// with an outage of CloudWatch Logs every task would be replaced at once. It is
// the check that AWS recommends for FireLens (amazon-ecs-firelens-examples,
// health-check); AWS for Fluent Bit has curl from version 3.0.1 on. It asks often,
// because the application waits for the first answer.
func routerHealth() *awsecs.HealthCheck {
	return &awsecs.HealthCheck{
		Command:     jsii.Strings("CMD-SHELL", "curl -f http://127.0.0.1:2020/api/v1/uptime || exit 1"),
		Interval:    awscdk.Duration_Seconds(jsii.Number(5)),
		Timeout:     awscdk.Duration_Seconds(jsii.Number(3)),
		Retries:     jsii.Number(3),
		StartPeriod: awscdk.Duration_Seconds(jsii.Number(30)),
	}
}
