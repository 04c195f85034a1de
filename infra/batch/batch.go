// Package batch is the import jobs: compute environments, the queue and the
// job definitions (004_9a2c9db51dc67ef8.txt Step 16).
package batch

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/database"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/network"
	"github.com/prooflink/prooflink/infra/part"
)

// Props is what the jobs need to know.
type Props struct {
	// Env is the environment.
	Env config.Environment
	// Foundation has repository, bucket and log group.
	Foundation foundation.Imports
	// Network has the subnets and the security group.
	Network network.Network
	// Database has the secret.
	Database database.Database
	// Digest is the batch image's.
	Digest string
}

// Jobs is what other stacks use of it.
type Jobs struct {
	// QueueArn is the job queue.
	QueueArn *string
	// UserImportArn and TestCaseImportArn are the job definitions.
	UserImportArn, TestCaseImportArn *string
}

// New makes everything in a stack.
func New(scope constructs.Construct, props Props) Jobs {
	queue, roles := newQueue(scope, props), newRoles(scope, props)
	part.Output(scope, names.OutputJobQueueArn, queue.Ref())
	arns := map[string]*string{}
	for _, job := range definitions(props.Env) {
		arns[job.program] = newJob(scope, props, roles, job).Ref()
		part.Output(scope, job.output, arns[job.program])
	}
	return Jobs{
		QueueArn:          queue.Ref(),
		UserImportArn:     arns[names.UserImportStreamPrefix],
		TestCaseImportArn: arns[names.TestCaseImportStreamPrefix],
	}
}

// newQueue tries the compute environments in their order.
func newQueue(scope constructs.Construct, props Props) awsbatch.CfnJobQueue {
	var order []any
	role := newServiceRole(scope, props.Env)
	for i, spot := range spotOrder(props.Env.Batch.Spot) {
		order = append(order, awsbatch.CfnJobQueue_ComputeEnvironmentOrderProperty{
			ComputeEnvironment: newEnvironment(scope, props, role, spot), Order: jsii.Number(i + 1),
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
// is never replaced: its name is fixed, and CloudFormation makes the new one
// first.
func newEnvironment(scope constructs.Construct, props Props, role *string, spot bool) *string {
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
			Subnets: &props.Network.TaskSubnets, SecurityGroupIds: &[]*string{props.Network.Groups.Batch},
		},
	})
	if role != nil {
		environment.SetServiceRole(role)
	}
	return environment.Ref()
}
