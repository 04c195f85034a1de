// Package part is what the stacks' packages have in common.
package part

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
)

// Output makes a stack's output, whose key the pipeline knows.
func Output(scope constructs.Construct, key string, value *string) {
	awscdk.NewCfnOutput(scope, jsii.String(key), &awscdk.CfnOutputProps{Value: value})
}

// Removal is what becomes of data when its stack is deleted.
func Removal(env config.Environment) awscdk.RemovalPolicy {
	if env.Removal.Policy == config.RemovalDestroy {
		return awscdk.RemovalPolicy_DESTROY
	}
	return awscdk.RemovalPolicy_RETAIN
}

// LogGroup makes a log group that ends: what writes to one that is missing makes
// its own, without an end, or loses the records.
func LogGroup(scope constructs.Construct, env config.Environment, id, name string, days int) awslogs.CfnLogGroup {
	group := awslogs.NewCfnLogGroup(scope, jsii.String(id), &awslogs.CfnLogGroupProps{
		LogGroupName: jsii.String(name), RetentionInDays: jsii.Number(days),
	})
	group.ApplyRemovalPolicy(Removal(env), nil)
	return group
}
