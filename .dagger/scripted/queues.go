package scripted

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

func (w *World) serveQueues() {
	on(w, "batch", w.describeJobQueues)
	on(w, "batch", w.describeComputeEnvironments)
}

// isAmong says whether a list of names and ARNs has this one; an empty one has all.
func isAmong(wanted []string, arn string) bool {
	return len(wanted) == 0 || slices.Contains(wanted, arn) || slices.Contains(wanted, last(arn))
}

func (w *World) describeJobQueues(in *batch.DescribeJobQueuesInput) (*batch.DescribeJobQueuesOutput, error) {
	var all []types.JobQueueDetail
	for _, r := range w.resources("AWS::Batch::JobQueue") {
		if isAmong(in.JobQueues, r.physical) {
			all = append(all, w.queued(r))
		}
	}
	some, next, err := page(w, all, in.NextToken, limit(in.MaxResults, 100))
	return &batch.DescribeJobQueuesOutput{JobQueues: some, NextToken: next}, err
}

// queued is a queue as Batch describes it.
func (w *World) queued(r *resource) types.JobQueueDetail {
	queue := types.JobQueueDetail{
		JobQueueName: aws.String(last(r.physical)), JobQueueArn: aws.String(r.physical), State: types.JQStateEnabled, Status: types.JQStatusValid,
		StatusReason: aws.String("JobQueue Healthy"), Priority: aws.Int32(1),
	}
	if w.unwell("queue-disabled") {
		queue.State = types.JQStateDisabled
	}
	if w.unwell("queue-invalid") {
		queue.Status, queue.StatusReason = types.JQStatusInvalid, nil // no public text says why one is
	}
	data := struct {
		ComputeEnvironmentOrder []types.ComputeEnvironmentOrder
	}{}
	_ = decode(r.properties, &data) // a template's values encode
	queue.ComputeEnvironmentOrder = data.ComputeEnvironmentOrder
	return queue
}

func (w *World) describeComputeEnvironments(in *batch.DescribeComputeEnvironmentsInput) (*batch.DescribeComputeEnvironmentsOutput, error) {
	var all []types.ComputeEnvironmentDetail
	for _, r := range w.resources("AWS::Batch::ComputeEnvironment") {
		if isAmong(in.ComputeEnvironments, r.physical) {
			all = append(all, w.computing(r))
		}
	}
	some, next, err := page(w, all, in.NextToken, limit(in.MaxResults, 100))
	return &batch.DescribeComputeEnvironmentsOutput{ComputeEnvironments: some, NextToken: next}, err
}

// computing is a compute environment as Batch describes it.
func (w *World) computing(r *resource) types.ComputeEnvironmentDetail {
	d := types.ComputeEnvironmentDetail{
		ComputeEnvironmentName: aws.String(last(r.physical)), ComputeEnvironmentArn: aws.String(r.physical), State: types.CEStateEnabled,
		Status: types.CEStatusValid, StatusReason: aws.String("ComputeEnvironment Healthy"), Type: types.CETypeManaged,
		ContainerOrchestrationType: types.OrchestrationTypeEcs,
	}
	data := struct{ ComputeResources *types.ComputeResource }{}
	_ = decode(r.properties, &data) // a template's values encode
	d.ComputeResources = data.ComputeResources
	if w.unwell("environment-disabled") {
		d.State = types.CEStateDisabled
	}
	if w.unwell("environment-invalid") {
		d.Status, d.StatusReason = types.CEStatusInvalid, aws.String("CLIENT_ERROR - Not authorized to perform sts:AssumeRole")
	}
	return d
}

// vcpus is how many a job asks for.
func vcpus(c *types.ContainerDetail) float64 {
	for _, r := range c.ResourceRequirements {
		if r.Type == types.ResourceTypeVcpu {
			n, _ := strconv.ParseFloat(aws.ToString(r.Value), 64)
			return n
		}
	}
	return 0
}

// room is how many vCPUs a compute environment has left.
func (w *World) room(environment types.ComputeEnvironmentDetail) float64 {
	left := 0.0
	if environment.ComputeResources != nil {
		left = float64(aws.ToInt32(environment.ComputeResources.MaxvCpus))
	}
	for _, j := range w.batch.jobs {
		if j.place == aws.ToString(environment.ComputeEnvironmentArn) && !j.over() {
			left -= vcpus(j.Container)
		}
	}
	return left
}

// serving are a queue's compute environments in its order, with those that serve.
func (w *World) serving(queue types.JobQueueDetail) (all, serve []types.ComputeEnvironmentDetail) {
	for _, order := range queue.ComputeEnvironmentOrder {
		r := w.resource("AWS::Batch::ComputeEnvironment", aws.ToString(order.ComputeEnvironment))
		if r == nil {
			continue
		}
		d := w.computing(r)
		all = append(all, d)
		if d.Status == types.CEStatusValid && d.State == types.CEStateEnabled {
			serve = append(serve, d)
		}
	}
	return all, serve
}

// queueOf is the queue that a job is in.
func (w *World) queueOf(j *job) types.JobQueueDetail {
	return w.queued(w.resource("AWS::Batch::JobQueue", aws.ToString(j.JobQueue)))
}

// schedule starts what there is room for, first in, first out: a job that can't be
// placed keeps those behind it waiting (AWS Batch User Guide, "Jobs stuck in a
// RUNNABLE status").
func (w *World) schedule() {
	for _, j := range w.batch.jobs {
		if j.Status != types.JobStatusRunnable || !j.ready {
			continue
		}
		place := w.placeFor(j)
		if place == "" {
			w.block(j)
			return
		}
		j.blocked = false
		w.starting(j, place)
	}
}

// placeFor is the compute environment that takes a job, if one does.
func (w *World) placeFor(j *job) string {
	queue := w.queueOf(j)
	if j.attempt().Waits == string(types.JobStatusRunnable) || queue.Status != types.JQStatusValid || w.unwell("subnet") || w.unwell("security-group") {
		return ""
	}
	_, serve := w.serving(queue)
	for _, environment := range serve {
		if w.room(environment) >= vcpus(j.Container) {
			return aws.ToString(environment.ComputeEnvironmentArn)
		}
	}
	return ""
}

// noticing is about how long Batch takes to say that a job blocks its queue; no
// public source tells it.
const noticing = 5 * time.Minute

// block notes that a job blocks its queue, which Batch says after a time.
func (w *World) block(j *job) {
	if j.blocked {
		return
	}
	j.blocked = true
	w.in(noticing, func() {
		if why := w.blocks(j); j.blocked && j.Status == types.JobStatusRunnable && why != "" {
			j.StatusReason = &why
		}
	})
}

// blocks is what Batch says of the job at the head of the queue, word for word
// (AWS Batch User Guide, "Jobs stuck in a RUNNABLE status"). Of one that waits for
// others to end, or for an environment that is disabled, it says nothing.
func (w *World) blocks(j *job) string {
	all, serve := w.serving(w.queueOf(j))
	fits := func(d types.ComputeEnvironmentDetail) bool {
		return d.ComputeResources != nil && float64(aws.ToInt32(d.ComputeResources.MaxvCpus)) >= vcpus(j.Container)
	}
	invalid := func(d types.ComputeEnvironmentDetail) bool { return d.Status != types.CEStatusInvalid }
	switch {
	case j.attempt().StatusReason != "":
		return j.attempt().StatusReason
	case !slices.ContainsFunc(all, invalid):
		return "ACTION_REQUIRED - CE(s) associated with the job queue are invalid."
	case !slices.ContainsFunc(all, fits):
		return "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - CE(s) associated with the job queue cannot meet the CPU requirement of the job."
	case len(serve) > 0 && (w.unwell("subnet") || w.unwell("security-group")):
		return "UNDETERMINED - Batch job is blocked, root cause is undetermined."
	}
	return ""
}

// occupy lets other jobs of the queue have every vCPU.
func (w *World) occupy() {
	definition := w.job(w.names.TestCaseImportJob())
	for _, r := range w.resources("AWS::Batch::JobQueue") {
		all, _ := w.serving(w.queued(r))
		for i, environment := range all {
			if definition == nil || environment.ComputeResources == nil {
				continue
			}
			most := strconv.Itoa(int(aws.ToInt32(environment.ComputeResources.MaxvCpus)))
			j := w.newJob(r, definition, &batch.SubmitJobInput{
				JobName: aws.String("nightly-" + strconv.Itoa(i+1)),
				ContainerOverrides: &types.ContainerOverrides{ResourceRequirements: []types.ResourceRequirement{
					{Type: types.ResourceTypeVcpu, Value: &most}}},
			}, Behaviour{})
			j.place, j.Status, j.StartedAt = aws.ToString(environment.ComputeEnvironmentArn), types.JobStatusRunning, aws.Int64(w.clock.UnixMilli())
			j.Container.LogStreamName = aws.String(j.program() + "/default/" + strings.ReplaceAll(aws.ToString(j.JobId), "-", ""))
		}
	}
}
