// Package batch is the import jobs: compute environments, the queue and the
// job definitions (004_9a2c9db51dc67ef8.txt Step 16).
package batch

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/network"
)

// Props is what the jobs need to know.
type Props struct {
	// Env is the environment.
	Env config.Environment
	// Foundation has repository, bucket and log group.
	Foundation foundation.Imports
	// Network has the subnets and the security group.
	Network network.Network
	// SecretArn is the database's credentials.
	SecretArn *string
	// Digest is the batch image's.
	Digest string
}

// New makes everything in a stack.
func New(scope constructs.Construct, props Props) {
	queue := newQueue(scope, props)
	job := newUserImport(scope, props, newRoles(scope, props))
	output(scope, names.OutputJobQueueArn, queue.Ref())
	output(scope, names.OutputUserImportJobArn, job.Ref())
}

// newQueue tries the compute environments in their order.
func newQueue(scope constructs.Construct, props Props) awsbatch.CfnJobQueue {
	var order []any
	for i, spot := range spotOrder(props.Env.Batch.Spot) {
		order = append(order, awsbatch.CfnJobQueue_ComputeEnvironmentOrderProperty{
			ComputeEnvironment: newEnvironment(scope, props, spot), Order: jsii.Number(i + 1),
		})
	}
	return awsbatch.NewCfnJobQueue(scope, jsii.String("JobQueue"), &awsbatch.CfnJobQueueProps{
		JobQueueName: jsii.String(props.Env.Names().JobQueue()), State: jsii.String("ENABLED"),
		Priority: jsii.Number(1), ComputeEnvironmentOrder: order,
	})
}

// spotOrder says for each place in the queue whether it is Spot.
func spotOrder(spot string) []bool {
	switch spot {
	case config.SpotFirst:
		return []bool{true, false}
	case config.SpotSecond:
		return []bool{false, true}
	default:
		return []bool{false}
	}
}

// newEnvironment makes a compute environment; one environment has one type. It
// names no service role, as AWS recommends, and is never replaced: its name is
// fixed, and CloudFormation makes the new one first.
func newEnvironment(scope constructs.Construct, props Props, spot bool) *string {
	id, kind := "Fargate", "FARGATE"
	if spot {
		id, kind = "FargateSpot", "FARGATE_SPOT"
	}
	environment := awsbatch.NewCfnComputeEnvironment(scope, jsii.String(id), &awsbatch.CfnComputeEnvironmentProps{
		ComputeEnvironmentName: jsii.String(props.Env.Names().ComputeEnvironment(spot)),
		Type:                   jsii.String("MANAGED"), State: jsii.String("ENABLED"),
		ReplaceComputeEnvironment: jsii.Bool(false),
		ComputeResources: awsbatch.CfnComputeEnvironment_ComputeResourcesProperty{
			Type: jsii.String(kind), MaxvCpus: jsii.Number(props.Env.Batch.MaxVcpus),
			Subnets: &props.Network.TaskSubnets, SecurityGroupIds: &[]*string{props.Network.Groups.Tasks},
		},
	})
	return environment.Ref()
}

// output makes a stack's output, whose key the pipeline knows.
func output(scope constructs.Construct, key string, value *string) {
	awscdk.NewCfnOutput(scope, jsii.String(key), &awscdk.CfnOutputProps{Value: value})
}
