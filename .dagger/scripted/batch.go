package scripted

import (
	"fmt"
	"slices"
	"strings"
	"time"

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

// job is a job with how it goes.
type job struct {
	types.JobDetail
	behaviour Behaviour
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

func (w *World) serveBatch() {
	on(w, "batch", w.describeJobDefinitions)
	on(w, "batch", w.registerJobDefinition)
	on(w, "batch", w.deregisterJobDefinition)
	on(w, "batch", w.describeJobQueues)
	on(w, "batch", w.describeComputeEnvironments)
	on(w, "batch", w.submitJob)
	on(w, "batch", w.describeJobs)
	on(w, "batch", w.listJobs)
	on(w, "batch", w.terminateJob)
	on(w, "batch", w.cancelJob)
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

func (w *World) describeJobQueues(in *batch.DescribeJobQueuesInput) (*batch.DescribeJobQueuesOutput, error) {
	var all []types.JobQueueDetail
	for _, r := range w.resources("AWS::Batch::JobQueue") {
		name := last(r.physical)
		if len(in.JobQueues) > 0 && !slices.Contains(in.JobQueues, name) && !slices.Contains(in.JobQueues, r.physical) {
			continue
		}
		queue := types.JobQueueDetail{
			JobQueueName: &name, JobQueueArn: aws.String(r.physical), State: types.JQStateEnabled, Status: types.JQStatusValid,
			StatusReason: aws.String("JobQueue Healthy"), Priority: aws.Int32(1),
		}
		for i, environment := range w.resources("AWS::Batch::ComputeEnvironment") {
			queue.ComputeEnvironmentOrder = append(queue.ComputeEnvironmentOrder, types.ComputeEnvironmentOrder{
				ComputeEnvironment: aws.String(environment.physical), Order: aws.Int32(int32(i + 1)),
			})
		}
		all = append(all, queue)
	}
	some, next, err := page(w, all, in.NextToken, limit(in.MaxResults, 100))
	return &batch.DescribeJobQueuesOutput{JobQueues: some, NextToken: next}, err
}

func (w *World) describeComputeEnvironments(in *batch.DescribeComputeEnvironmentsInput) (*batch.DescribeComputeEnvironmentsOutput, error) {
	var all []types.ComputeEnvironmentDetail
	for _, r := range w.resources("AWS::Batch::ComputeEnvironment") {
		name := last(r.physical)
		if len(in.ComputeEnvironments) > 0 && !slices.Contains(in.ComputeEnvironments, name) && !slices.Contains(in.ComputeEnvironments, r.physical) {
			continue
		}
		d := types.ComputeEnvironmentDetail{
			ComputeEnvironmentName: &name, ComputeEnvironmentArn: aws.String(r.physical), State: types.CEStateEnabled, Status: types.CEStatusValid,
			StatusReason: aws.String("ComputeEnvironment Healthy"), Type: types.CETypeManaged,
		}
		if w.unwell("compute-environment") {
			d.Status, d.StatusReason = types.CEStatusInvalid, aws.String("CLIENT_ERROR - Not authorized to perform sts:AssumeRole")
		}
		all = append(all, d)
	}
	some, next, err := page(w, all, in.NextToken, limit(in.MaxResults, 100))
	return &batch.DescribeComputeEnvironmentsOutput{ComputeEnvironments: some, NextToken: next}, err
}

// clientError is how Batch refuses.
func clientError(format string, args ...any) error {
	return awsfake.Error("ClientException", fmt.Sprintf(format, args...))
}

func (w *World) submitJob(in *batch.SubmitJobInput) (*batch.SubmitJobOutput, error) {
	d := w.job(aws.ToString(in.JobDefinition))
	if d == nil || aws.ToString(d.Status) != "ACTIVE" {
		return nil, clientError("JobDefinition %s does not exist", aws.ToString(in.JobDefinition))
	}
	queue := w.resource("AWS::Batch::JobQueue", w.arn("batch", "job-queue/"+last(aws.ToString(in.JobQueue))))
	if queue == nil {
		return nil, clientError("JobQueue %s not found.", aws.ToString(in.JobQueue))
	}
	id := w.uuid("job")
	j := &job{behaviour: Behaviour{Ends: &End{After: 30 * time.Second}}}
	if list := w.scenario.Tasks.Jobs; len(list) > 0 {
		w.made["behaviour jobs"]++
		j.behaviour = list[min(w.made["behaviour jobs"], len(list))-1]
	}
	j.JobDetail = types.JobDetail{
		JobId: &id, JobName: in.JobName, JobArn: aws.String(w.arn("batch", "job/"+id)), JobQueue: aws.String(queue.physical), JobDefinition: d.JobDefinitionArn,
		Status: types.JobStatusSubmitted, CreatedAt: aws.Int64(w.clock.UnixMilli()), Parameters: in.Parameters, Tags: in.Tags, DependsOn: in.DependsOn,
		Container: contained(d, in.ContainerOverrides), PlatformCapabilities: d.PlatformCapabilities, RetryStrategy: d.RetryStrategy, Timeout: d.Timeout,
	}
	w.batch.jobs = append(w.batch.jobs, j)
	w.in(2*time.Second, func() { w.runnable(j) })
	return &batch.SubmitJobOutput{JobId: &id, JobName: in.JobName, JobArn: j.JobArn}, nil
}

// contained is a job's container: the definition's with what the caller overrides.
func contained(d *types.JobDefinition, overrides *types.ContainerOverrides) *types.ContainerDetail {
	c := d.ContainerProperties
	detail := &types.ContainerDetail{Image: c.Image, Command: c.Command, Environment: c.Environment, LogConfiguration: c.LogConfiguration, ResourceRequirements: c.ResourceRequirements,
		JobRoleArn: c.JobRoleArn, ExecutionRoleArn: c.ExecutionRoleArn}
	if overrides == nil {
		return detail
	}
	if len(overrides.Command) > 0 {
		detail.Command = overrides.Command
	}
	detail.Environment = append(slices.Clone(detail.Environment), overrides.Environment...)
	return detail
}

// runnable waits for room; Waits "RUNNABLE" keeps it there.
func (w *World) runnable(j *job) {
	if j.over() {
		return
	}
	j.Status = types.JobStatusRunnable
	if j.behaviour.Waits == "RUNNABLE" {
		return
	}
	w.in(10*time.Second, func() {
		if j.over() {
			return
		}
		j.Status = types.JobStatusStarting
		w.in(or(j.behaviour.Pull, 20*time.Second), func() { w.runJob(j) })
	})
}

// over says whether a job has ended.
func (j *job) over() bool {
	return j.Status == types.JobStatusSucceeded || j.Status == types.JobStatusFailed
}

// runJob is the container's start.
func (w *World) runJob(j *job) {
	if j.over() {
		return
	}
	if j.behaviour.Fails != "" {
		w.endJob(j, types.JobStatusFailed, "Task failed to start", &End{Reason: j.behaviour.Fails}, nil)
		return
	}
	stream := strings.Join([]string{options(j)["awslogs-stream-prefix"], "default", w.id("job task", 32)}, "/")
	j.Status, j.StartedAt, j.Container.LogStreamName = types.JobStatusRunning, aws.Int64(w.clock.UnixMilli()), &stream
	for _, line := range j.behaviour.Logs {
		at := w.clock.Add(line.At)
		w.at(at.Add(line.Late), func() { w.log(options(j)["awslogs-group"], stream, at, line.Text) })
	}
	end := j.behaviour.Ends
	if end == nil {
		return
	}
	w.in(or(end.After, 30*time.Second), func() {
		if j.over() {
			return
		}
		status := types.JobStatusSucceeded
		if end.Exit != 0 {
			status = types.JobStatusFailed
		}
		w.endJob(j, status, "Essential container in task exited", end, aws.Int32(end.Exit))
	})
}

// options are a job's log options.
func options(j *job) map[string]string {
	if j.Container.LogConfiguration == nil {
		return nil
	}
	return j.Container.LogConfiguration.Options
}

// endJob ends a job with its one attempt.
func (w *World) endJob(j *job, status types.JobStatus, reason string, end *End, code *int32) {
	j.Status, j.StatusReason, j.StoppedAt = status, aws.String(reason), aws.Int64(w.clock.UnixMilli())
	j.Container.ExitCode, j.Container.Reason = code, text(end.Reason)
	j.Attempts = append(j.Attempts, types.AttemptDetail{
		StartedAt: j.StartedAt, StoppedAt: j.StoppedAt, StatusReason: j.StatusReason,
		Container: &types.AttemptContainerDetail{ExitCode: code, Reason: text(end.Reason), LogStreamName: j.Container.LogStreamName},
	})
}

// jobOf finds a job.
func (w *World) jobOf(id string) *job {
	for _, j := range w.batch.jobs {
		if aws.ToString(j.JobId) == id {
			return j
		}
	}
	return nil
}

func (w *World) describeJobs(in *batch.DescribeJobsInput) (*batch.DescribeJobsOutput, error) {
	out := &batch.DescribeJobsOutput{}
	for _, id := range in.Jobs {
		if j := w.jobOf(id); j != nil {
			out.Jobs = append(out.Jobs, j.JobDetail)
		}
	}
	return out, nil
}

func (w *World) listJobs(in *batch.ListJobsInput) (*batch.ListJobsOutput, error) {
	status := in.JobStatus
	if status == "" && len(in.Filters) == 0 {
		status = types.JobStatusRunning // what ListJobs lists by default
	}
	var all []types.JobSummary
	for _, j := range slices.Backward(w.batch.jobs) {
		if status != "" && j.Status != status || in.JobQueue != nil && last(*in.JobQueue) != last(aws.ToString(j.JobQueue)) {
			continue
		}
		all = append(all, types.JobSummary{
			JobId: j.JobId, JobArn: j.JobArn, JobName: j.JobName, Status: j.Status, StatusReason: j.StatusReason, CreatedAt: j.CreatedAt,
			StartedAt: j.StartedAt, StoppedAt: j.StoppedAt, JobDefinition: j.JobDefinition,
		})
	}
	some, next, err := page(w, all, in.NextToken, limit(in.MaxResults, 100))
	return &batch.ListJobsOutput{JobSummaryList: some, NextToken: next}, err
}

func (w *World) terminateJob(in *batch.TerminateJobInput) (*batch.TerminateJobOutput, error) {
	if j := w.jobOf(aws.ToString(in.JobId)); j != nil && !j.over() {
		var code *int32
		if j.Status == types.JobStatusRunning {
			code = aws.Int32(143)
		}
		w.endJob(j, types.JobStatusFailed, aws.ToString(in.Reason), &End{}, code)
	}
	return &batch.TerminateJobOutput{}, nil
}

func (w *World) cancelJob(in *batch.CancelJobInput) (*batch.CancelJobOutput, error) {
	j := w.jobOf(aws.ToString(in.JobId))
	if j != nil && slices.Contains([]types.JobStatus{types.JobStatusSubmitted, types.JobStatusPending, types.JobStatusRunnable}, j.Status) {
		w.endJob(j, types.JobStatusFailed, aws.ToString(in.Reason), &End{}, nil)
	}
	return &batch.CancelJobOutput{}, nil
}
