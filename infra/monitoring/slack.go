package monitoring

import (
	_ "embed"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/part"
	"github.com/prooflink/prooflink/infra/policy"
)

// slackCode is the function.
//
//go:embed slack.js
var slackCode string

const (
	// slackSeconds is enough for a few messages, at five seconds each at most.
	slackSeconds = 30
	// slackMemory is in MiB.
	slackMemory = 128
	// slackVariable tells the function its secret.
	slackVariable = "WEBHOOK_SECRET"
)

// newSlack sends to Slack what the critical topic tells
// (000_e03a210ce428a44a.txt L787).
func newSlack(scope constructs.Construct, props Props) {
	topic := props.Foundation.CriticalTopic.TopicArn()
	function := newSlackFunction(scope, props.Env)
	awslambda.NewCfnPermission(scope, jsii.String("SlackPermission"), &awslambda.CfnPermissionProps{
		FunctionName: function.Ref(), Action: jsii.String("lambda:InvokeFunction"),
		Principal: jsii.String("sns.amazonaws.com"), SourceArn: topic,
	})
	awssns.NewCfnSubscription(scope, jsii.String("SlackSubscription"), &awssns.CfnSubscriptionProps{
		TopicArn: topic, Protocol: jsii.String("lambda"), Endpoint: function.AttrArn(),
	})
}

// newSlackFunction makes the function with its log group, which Lambda would
// else make without an end. It is in no VPC: Slack is on the internet.
func newSlackFunction(scope constructs.Construct, env config.Environment) awslambda.CfnFunction {
	n := env.Names()
	logs := part.LogGroup(scope, env, "SlackLogs", n.SlackLogGroup(), env.Logging.Retention.App)
	return awslambda.NewCfnFunction(scope, jsii.String("SlackFunction"), &awslambda.CfnFunctionProps{
		FunctionName: jsii.String(n.SlackFunction()), Description: jsii.String("Sends critical alerts to Slack"),
		Runtime: jsii.String("nodejs24.x"), Handler: jsii.String("index.handler"), Architectures: jsii.Strings("arm64"),
		Code:          awslambda.CfnFunction_CodeProperty{ZipFile: jsii.String(slackCode)},
		Role:          newSlackRole(scope, env, logs).RoleArn(),
		Timeout:       jsii.Number(slackSeconds),
		MemorySize:    jsii.Number(slackMemory),
		LoggingConfig: awslambda.CfnFunction_LoggingConfigProperty{LogGroup: logs.Ref()},
		Environment: awslambda.CfnFunction_EnvironmentProperty{
			Variables: map[string]string{slackVariable: env.Monitoring.SlackWebhookSecret},
		},
	})
}

// newSlackRole may read the one secret and write the one log. The secret is made
// by hand, so the end that Secrets Manager gives its ARN, a hyphen and six
// characters, isn't known.
func newSlackRole(scope constructs.Construct, env config.Environment, logs awslogs.CfnLogGroup) awsiam.Role {
	secret := awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("secretsmanager"), Resource: jsii.String("secret"), ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
		ResourceName: jsii.String(env.Monitoring.SlackWebhookSecret + "-??????"),
	})
	return awsiam.NewRole(scope, jsii.String("SlackRole"), &awsiam.RoleProps{
		RoleName:  jsii.String(env.Names().SlackRole()),
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
		InlinePolicies: &map[string]awsiam.PolicyDocument{
			"SendToSlack": policy.Document(
				policy.Permission{Sid: "ReadWebhook", Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []string{*secret}},
				policy.Permission{Sid: "WriteLog", Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"}, Resources: []string{*logs.AttrArn()}},
			),
		},
	})
}
