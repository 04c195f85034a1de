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
	// longestStart is the most that ECS gives a container to become healthy.
	longestStart = 300
)

// newTask makes the task definition: the application and, unless the awslogs
// driver takes its log, the log router.
func newTask(scope constructs.Construct, props Props, url *string) awsecs.FargateTaskDefinition {
	definition := task.New(scope, "Task", task.Props{
		Family: props.Env.Names().TaskFamily(), CPU: props.Env.App.CPU, Memory: props.Env.App.Memory,
		ExecutionRole: newExecutionRole(scope, props),
		TaskRole:      newTaskRole(scope, props),
	})
	app := addApp(scope, definition, props, url)
	if routed(props.Env.Logging) {
		// The router starts first, so it stops last; the application waits until it
		// takes records, or the first ones would be lost.
		app.AddContainerDependencies(&awsecs.ContainerDependency{
			Container: addRouter(definition, props), Condition: awsecs.ContainerDependencyCondition_HEALTHY,
		})
	}
	return definition
}

// addApp adds the application.
func addApp(scope constructs.Construct, definition awsecs.FargateTaskDefinition, props Props, url *string) awsecs.ContainerDefinition {
	env := props.Env
	secrets := task.DatabaseSecrets(scope, "DatabaseCredentials", props.Database)
	secrets[database.AuthSecretKey] = awsecs.Secret_FromSecretsManager(
		task.Secret(scope, "AppSecret", props.Database.AppSecretArn), jsii.String(database.AuthSecretKey))
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
		Logging:     appLogs(props),
		StopTimeout: awscdk.Duration_Seconds(jsii.Number(appStopSeconds)),

		LinuxParameters: reaping(scope, env.App),
	})
}

// reaping lets an init process collect what commands in a running task leave
// behind (Amazon ECS Developer Guide, Using Amazon ECS Exec for debugging); the
// application doesn't.
func reaping(scope constructs.Construct, app config.App) awsecs.LinuxParameters {
	if !app.Exec {
		return nil
	}
	return awsecs.NewLinuxParameters(scope, jsii.String("Init"), &awsecs.LinuxParametersProps{InitProcessEnabled: jsii.Bool(true)})
}

// appLogs is the application's log driver; a container has one. FireLens's has
// no options: with them it would make an output of its own beside the router's
// configuration.
func appLogs(props Props) awsecs.LogDriver {
	if routed(props.Env.Logging) {
		return awsecs.LogDrivers_Firelens(&awsecs.FireLensLogDriverProps{})
	}
	return task.Logs(props.Foundation.AppLogs, names.AppStreamPrefix)
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
