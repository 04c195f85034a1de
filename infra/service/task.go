package service

import (
	"fmt"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/database"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/task"
)

const (
	// appStopSeconds is how long the application may take to stop.
	appStopSeconds = 30
	// routerStopSeconds lets Fluent Bit send what it still has; it waits 30.
	routerStopSeconds = 60
	// routerMemory is reserved for it.
	routerMemory = 50
	// routerConfig is in the router's own image: Fargate can't read it from S3
	// (000_e03a210ce428a44a.txt L574).
	routerConfig = "/fluent-bit/custom/prooflink.conf"
	// longestStart is the most that ECS gives a container to become healthy.
	longestStart = 300
)

// newTask makes the task definition: the application and its log router.
func newTask(scope constructs.Construct, props Props, url *string) awsecs.FargateTaskDefinition {
	n := props.Env.Names()
	definition := task.New(scope, "Task", task.Props{
		Family: n.TaskFamily(), CPU: props.Env.App.CPU, Memory: props.Env.App.Memory,
		ExecutionRole: task.NewRole(scope, "ExecutionRole", n.ExecutionRole(), "Execution role for ECS tasks"),
		TaskRole:      newTaskRole(scope, props),
	})
	app := addApp(scope, definition, props, url)
	router := addRouter(definition, props)
	// The router starts first, so it stops last and loses nothing.
	app.AddContainerDependencies(&awsecs.ContainerDependency{Container: router, Condition: awsecs.ContainerDependencyCondition_START})
	return definition
}

// addApp adds the application. Its log driver has no options: with them FireLens
// would make an output of its own beside the router's configuration.
func addApp(scope constructs.Construct, definition awsecs.FargateTaskDefinition, props Props, url *string) awsecs.ContainerDefinition {
	env := props.Env
	secrets := task.DatabaseSecrets(task.Secret(scope, "DatabaseCredentials", props.SecretArn))
	secrets[database.AuthSecretKey] = awsecs.Secret_FromSecretsManager(
		task.Secret(scope, "AppSecret", props.AppSecretArn), jsii.String(database.AuthSecretKey))
	return definition.AddContainer(jsii.String(names.AppContainer), &awsecs.ContainerDefinitionOptions{
		ContainerName: jsii.String(names.AppContainer),
		Image:         task.Image(props.Foundation.AppRepository, props.Digests.App),
		Essential:     jsii.Bool(true),
		PortMappings: &[]*awsecs.PortMapping{{
			Name: jsii.String(names.PortName(env.App.Port)), ContainerPort: jsii.Number(env.App.Port), Protocol: awsecs.Protocol_TCP,
		}},
		Environment: environment(props, url),
		Secrets:     &secrets,
		HealthCheck: healthCheck(env.App),
		Logging:     awsecs.LogDrivers_Firelens(&awsecs.FireLensLogDriverProps{}),
		StopTimeout: awscdk.Duration_Seconds(jsii.Number(appStopSeconds)),
	})
}

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
				ConfigFileValue: jsii.String(routerConfig),
			},
		},
		Environment: &map[string]*string{
			"AWS_REGION":      jsii.String(props.Env.Region),
			"LOG_BUCKET_NAME": props.Foundation.LogArchive.BucketName(),
			"ERROR_LOG_GROUP": jsii.String(props.Env.Names().ErrorsLogGroup()),
		},
		Logging:              task.Logs(props.Foundation.RouterLogs, names.RouterStreamPrefix),
		MemoryReservationMiB: jsii.Number(routerMemory),
		StopTimeout:          awscdk.Duration_Seconds(jsii.Number(routerStopSeconds)),
	})
}

// healthCheck asks the application itself; its image has node but no curl.
func healthCheck(app config.App) *awsecs.HealthCheck {
	script := fmt.Sprintf("fetch('http://127.0.0.1:%d%s').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))",
		app.Port, app.HealthPath)
	return &awsecs.HealthCheck{
		Command:     jsii.Strings("CMD", "node", "-e", script),
		Interval:    awscdk.Duration_Seconds(jsii.Number(30)),
		Timeout:     awscdk.Duration_Seconds(jsii.Number(5)),
		Retries:     jsii.Number(3),
		StartPeriod: awscdk.Duration_Seconds(jsii.Number(min(app.GraceSeconds, longestStart))),
	}
}

// environment is what the application reads besides its secrets
// (004_9a2c9db51dc67ef8.txt L757-766).
func environment(props Props, url *string) *map[string]*string {
	env, n := props.Env, props.Env.Names()
	logging := env.Logging
	variables := map[string]*string{
		"NODE_ENV":                    jsii.String("production"),
		"PORT":                        jsii.String(strconv.Itoa(env.App.Port)),
		"NEXTAUTH_URL":                url,
		"AUTH_TRUST_HOST":             jsii.String("true"),
		"KEEP_ALIVE_TIMEOUT":          jsii.String(strconv.Itoa(keepAliveMs)),
		"AWS_REGION":                  jsii.String(env.Region),
		"AWS_S3_BUCKET_NAME":          props.Foundation.Files.BucketName(),
		"DB_SSLMODE":                  jsii.String(env.DB.SSLMode),
		"LOG_LEVEL":                   jsii.String(logging.ServerLevel),
		"ENABLE_CLOUDWATCH_LOGS":      jsii.String(strconv.FormatBool(logging.DirectToCloudWatch)),
		"CLOUDWATCH_SERVER_LOG_GROUP": jsii.String(n.ServerLogGroup()),
		"CLOUDWATCH_CLIENT_LOG_GROUP": jsii.String(n.ClientLogGroup()),
	}
	for name, value := range logging.ClientVariables() {
		variables[name] = jsii.String(value)
	}
	return &variables
}
