package scripted

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
)

// batchState is what Batch has.
type batchState struct {
	// definitions by name, the oldest revision first.
	definitions map[string][]*types.JobDefinition
	// jobs in the order in which they were submitted.
	jobs []*job
}

func newBatch() batchState { return batchState{definitions: map[string][]*types.JobDefinition{}} }

func (w *World) serveBatch() {
	on(w, "batch", w.describeJobDefinitions)
	on(w, "batch", w.registerJobDefinition)
	on(w, "batch", w.deregisterJobDefinition)
	w.serveQueues()
	w.serveJobs()
}

// clientError is how Batch refuses.
func clientError(format string, args ...any) error {
	return awsfake.Error("ClientException", fmt.Sprintf(format, args...))
}

// registerJob adds a revision.
func (w *World) registerJob(in *batch.RegisterJobDefinitionInput) *types.JobDefinition {
	name := aws.ToString(in.JobDefinitionName)
	all := w.batch.definitions[name]
	revision := int32(1)
	if len(all) > 0 {
		revision = *all[len(all)-1].Revision + 1
	}
	d := &types.JobDefinition{
		JobDefinitionName: in.JobDefinitionName, Revision: &revision, JobDefinitionArn: aws.String(w.arn("batch", fmt.Sprintf("job-definition/%s:%d", name, revision))),
		Status: aws.String("ACTIVE"), Type: aws.String(string(in.Type)), ContainerProperties: in.ContainerProperties, Parameters: in.Parameters,
		PlatformCapabilities: in.PlatformCapabilities, PropagateTags: in.PropagateTags, RetryStrategy: in.RetryStrategy, Timeout: in.Timeout, Tags: in.Tags,
		SchedulingPriority: in.SchedulingPriority,
	}
	w.batch.definitions[name] = append(all, d)
	return d
}

// job finds a definition by name, "name:revision" or ARN; a name means the
// newest active revision.
func (w *World) job(id string) *types.JobDefinition {
	name, revision, chosen := strings.Cut(last(id), ":")
	for _, d := range slices.Backward(w.batch.definitions[name]) {
		if chosen && itoa(*d.Revision) == revision || !chosen && aws.ToString(d.Status) == "ACTIVE" {
			return d
		}
	}
	return nil
}

// deregisterJob makes a revision inactive.
func (w *World) deregisterJob(id string) {
	if d := w.job(id); d != nil {
		d.Status = aws.String("INACTIVE")
	}
}

func (w *World) registerJobDefinition(in *batch.RegisterJobDefinitionInput) (*batch.RegisterJobDefinitionOutput, error) {
	d := w.registerJob(in)
	return &batch.RegisterJobDefinitionOutput{JobDefinitionArn: d.JobDefinitionArn, JobDefinitionName: d.JobDefinitionName, Revision: d.Revision}, nil
}

func (w *World) deregisterJobDefinition(in *batch.DeregisterJobDefinitionInput) (*batch.DeregisterJobDefinitionOutput, error) {
	w.deregisterJob(aws.ToString(in.JobDefinition))
	return &batch.DeregisterJobDefinitionOutput{}, nil
}

func (w *World) describeJobDefinitions(in *batch.DescribeJobDefinitionsInput) (*batch.DescribeJobDefinitionsOutput, error) {
	var all []types.JobDefinition
	for _, name := range sortedKeys(w.batch.definitions) {
		for _, d := range slices.Backward(w.batch.definitions[name]) {
			if in.JobDefinitionName != nil && *in.JobDefinitionName != name || in.Status != nil && *in.Status != *d.Status ||
				len(in.JobDefinitions) > 0 && !slices.ContainsFunc(in.JobDefinitions, func(id string) bool { return w.job(id) == d }) {
				continue
			}
			all = append(all, *d)
		}
	}
	some, next, err := page(w, all, in.NextToken, limit(in.MaxResults, 100))
	return &batch.DescribeJobDefinitionsOutput{JobDefinitions: some, NextToken: next}, err
}
