// Package jobqueue reads the environment's job queue and its compute environments.
package jobqueue

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/prooflink/prooflink/infra/config"
)

// State is how they are.
type State struct {
	// Queue is the queue; nil where it isn't there.
	Queue *types.JobQueueDetail
	// Environments are the compute environments that are there, by their names.
	Environments map[string]types.ComputeEnvironmentDetail
}

// Environments are the names of the compute environments that the configuration has.
func Environments(environment config.Environment) []string {
	n := environment.Names()
	if environment.Batch.Spot == config.SpotOff {
		return []string{n.ComputeEnvironment(false)}
	}
	return []string{n.ComputeEnvironment(false), n.ComputeEnvironment(true)}
}

// Read asks Batch for them.
func Read(ctx context.Context, access aws.Config, environment config.Environment) (State, error) {
	client := batch.NewFromConfig(access)
	state := State{Environments: map[string]types.ComputeEnvironmentDetail{}}
	wanted := Environments(environment)
	pages := batch.NewDescribeComputeEnvironmentsPaginator(client, &batch.DescribeComputeEnvironmentsInput{ComputeEnvironments: wanted})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return State{}, fmt.Errorf("describe compute environments %s: %w", strings.Join(wanted, ", "), err)
		}
		for _, one := range page.ComputeEnvironments {
			state.Environments[aws.ToString(one.ComputeEnvironmentName)] = one
		}
	}
	name := environment.Names().JobQueue()
	queues := batch.NewDescribeJobQueuesPaginator(client, &batch.DescribeJobQueuesInput{JobQueues: []string{name}})
	for queues.HasMorePages() {
		page, err := queues.NextPage(ctx)
		if err != nil {
			return State{}, fmt.Errorf("describe job queue %s: %w", name, err)
		}
		for _, one := range page.JobQueues {
			state.Queue = &one
		}
	}
	return state, nil
}
