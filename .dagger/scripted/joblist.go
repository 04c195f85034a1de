package scripted

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/prooflink/prooflink/infra/config"
)

func (w *World) serveJobs() {
	on(w, "batch", w.submitJob)
	on(w, "batch", w.describeJobs)
	on(w, "batch", w.listJobs)
	on(w, "batch", w.terminateJob)
	on(w, "batch", w.cancelJob)
	on(w, "batch", w.tagJob)
}

// jobName is what a job may be called, leastTimeout and mostAttempts what it may
// ask for (AWS Batch API Reference, SubmitJob, JobTimeout and RetryStrategy).
var jobName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$`)

const (
	leastTimeout = 60
	mostAttempts = 10
)

func (w *World) submitJob(in *batch.SubmitJobInput) (*batch.SubmitJobOutput, error) {
	d := w.job(aws.ToString(in.JobDefinition))
	if d == nil || aws.ToString(d.Status) != "ACTIVE" {
		return nil, clientError("JobDefinition name %s does not exist or is not in ACTIVE status", aws.ToString(in.JobDefinition))
	}
	queue := w.resource("AWS::Batch::JobQueue", w.arn("batch", "job-queue/"+last(aws.ToString(in.JobQueue))))
	if queue == nil {
		return nil, clientError("JobQueue %s not found.", aws.ToString(in.JobQueue))
	}
	if err := w.submittable(in, d, queue); err != nil {
		return nil, err
	}
	behaviour := Behaviour{Ends: &End{}}
	if list := w.scenario.Tasks.Jobs; len(list) > 0 {
		w.made["behaviour jobs"]++
		behaviour = list[min(w.made["behaviour jobs"], len(list))-1]
	}
	j := w.newJob(queue, d, in, behaviour)
	w.in(submitting, func() { w.submitted(j) })
	return &batch.SubmitJobOutput{JobId: j.JobId, JobName: in.JobName, JobArn: j.JobArn}, nil
}

// submittable refuses what Batch refuses. Where no public source has its words
// they are the API Reference's.
func (w *World) submittable(in *batch.SubmitJobInput, d *types.JobDefinition, queue *resource) error {
	timeout, retries := in.Timeout, in.RetryStrategy
	switch size := unfit(contained(d, in.ContainerOverrides)); {
	case w.queued(queue).State != types.JQStateEnabled:
		return clientError("The job queue %s is DISABLED: new jobs can't be added to the queue", last(queue.physical))
	case !jobName.MatchString(aws.ToString(in.JobName)):
		return clientError("Error executing request, Exception : Job name should match valid pattern, RequestId: %s", w.uuid("request"))
	case size != "":
		return clientError("Error executing request, Exception : Fargate resource requirements (%s) not valid., RequestId: %s", size, w.uuid("request"))
	case timeout != nil && aws.ToInt32(timeout.AttemptDurationSeconds) < leastTimeout:
		return clientError("The minimum value for the timeout is %d seconds", leastTimeout)
	case retries != nil && (aws.ToInt32(retries.Attempts) < 1 || aws.ToInt32(retries.Attempts) > mostAttempts):
		return clientError("You can specify between 1 and %d attempts", mostAttempts)
	}
	return nil
}

// unfit is a job's size where Fargate doesn't have it.
func unfit(c *types.ContainerDetail) string {
	memory := 0
	for _, r := range c.ResourceRequirements {
		if r.Type == types.ResourceTypeMemory {
			memory, _ = strconv.Atoi(aws.ToString(r.Value))
		}
	}
	if slices.Contains(config.FargateMemories(int(vcpus(c)*1024)), memory) {
		return ""
	}
	return fmt.Sprintf("%.2f vCPU, %d MiB", vcpus(c), memory)
}

// newJob makes a job. What a submission says goes before what its definition says.
func (w *World) newJob(queue *resource, d *types.JobDefinition, in *batch.SubmitJobInput, behaviour Behaviour) *job {
	id := w.uuid("job")
	j := &job{behaviour: behaviour}
	j.JobDetail = types.JobDetail{
		JobId: &id, JobName: in.JobName, JobArn: aws.String(w.arn("batch", "job/"+id)), JobQueue: aws.String(queue.physical), JobDefinition: d.JobDefinitionArn,
		Status: types.JobStatusSubmitted, CreatedAt: aws.Int64(w.clock.UnixMilli()), Parameters: in.Parameters, Tags: in.Tags, DependsOn: in.DependsOn,
		Container: contained(d, in.ContainerOverrides), PlatformCapabilities: d.PlatformCapabilities, RetryStrategy: d.RetryStrategy, Timeout: d.Timeout,
		PropagateTags: d.PropagateTags,
	}
	if in.RetryStrategy != nil {
		j.RetryStrategy = in.RetryStrategy
	}
	if in.Timeout != nil {
		j.Timeout = in.Timeout
	}
	if in.PropagateTags != nil {
		j.PropagateTags = in.PropagateTags
	}
	w.batch.jobs = append(w.batch.jobs, j)
	return j
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

// mostDescribed is how many jobs a call describes (AWS Batch API Reference,
// DescribeJobs).
const mostDescribed = 100

func (w *World) describeJobs(in *batch.DescribeJobsInput) (*batch.DescribeJobsOutput, error) {
	if len(in.Jobs) > mostDescribed {
		return nil, clientError("DescribeJobs takes up to %d job IDs", mostDescribed)
	}
	out := &batch.DescribeJobsOutput{}
	for _, id := range in.Jobs {
		if j := w.jobOf(id); j != nil {
			out.Jobs = append(out.Jobs, j.JobDetail)
		}
	}
	return out, nil
}

// filters are what ListJobs selects by, whatever the jobs' status.
var filters = map[string]func(j *job, value string) bool{
	"JOB_NAME": func(j *job, value string) bool {
		return fits(aws.String(strings.ToLower(value)), strings.ToLower(aws.ToString(j.JobName)))
	},
	"JOB_DEFINITION":    func(j *job, value string) bool { return definedBy(aws.ToString(j.JobDefinition), value) },
	"BEFORE_CREATED_AT": func(j *job, value string) bool { return aws.ToInt64(j.CreatedAt) < millis(value) },
	"AFTER_CREATED_AT":  func(j *job, value string) bool { return aws.ToInt64(j.CreatedAt) > millis(value) },
}

// definedBy compares a job's definition with an ARN, or a name of any revision.
func definedBy(arn, value string) bool {
	name, _, _ := strings.Cut(last(arn), ":")
	return arn == value || fits(&value, name)
}

// millis reads a time of ListJobs.
func millis(value string) int64 {
	at, _ := strconv.ParseInt(value, 10, 64)
	return at
}

// selection is what ListJobs is asked for, and how many go on a page.
func selection(in *batch.ListJobsInput) (wanted func(*job) bool, most int, err error) {
	status := in.JobStatus
	if status == "" {
		status = types.JobStatusRunning // what ListJobs lists by default
	}
	wanted, most = func(j *job) bool { return j.Status == status }, 1000
	if len(in.Filters) > 1 {
		return nil, 0, clientError("Only one filter can be used at a time")
	}
	for _, filter := range in.Filters {
		matches, known := filters[aws.ToString(filter.Name)]
		if !known || len(filter.Values) != 1 {
			return nil, 0, clientError("The filter %s is not valid", aws.ToString(filter.Name))
		}
		wanted, most = func(j *job) bool { return matches(j, filter.Values[0]) }, 100
	}
	return wanted, most, nil
}

func (w *World) listJobs(in *batch.ListJobsInput) (*batch.ListJobsOutput, error) {
	if in.JobQueue == nil {
		return nil, clientError("You must specify exactly one of jobQueue, arrayJobId and multiNodeJobId")
	}
	wanted, most, err := selection(in)
	if err != nil {
		return nil, err
	}
	var all []types.JobSummary
	for _, j := range slices.Backward(w.batch.jobs) { // the newest first
		if wanted(j) && last(*in.JobQueue) == last(aws.ToString(j.JobQueue)) {
			all = append(all, j.summary())
		}
	}
	some, next, err := page(w, all, in.NextToken, limit(in.MaxResults, most))
	return &batch.ListJobsOutput{JobSummaryList: some, NextToken: next}, err
}

// summary is a job as ListJobs shows it.
func (j *job) summary() types.JobSummary {
	return types.JobSummary{
		JobId: j.JobId, JobArn: j.JobArn, JobName: j.JobName, Status: j.Status, StatusReason: j.StatusReason, CreatedAt: j.CreatedAt,
		StartedAt: j.StartedAt, StoppedAt: j.StoppedAt, JobDefinition: j.JobDefinition,
		Container: &types.ContainerSummary{ExitCode: j.Container.ExitCode, Reason: j.Container.Reason},
	}
}

func (w *World) terminateJob(in *batch.TerminateJobInput) (*batch.TerminateJobOutput, error) {
	if j := w.jobOf(aws.ToString(in.JobId)); j != nil && !j.over() {
		w.terminate(j, aws.ToString(in.Reason))
	}
	return &batch.TerminateJobOutput{}, nil
}

func (w *World) cancelJob(in *batch.CancelJobInput) (*batch.CancelJobOutput, error) {
	j := w.jobOf(aws.ToString(in.JobId))
	if j != nil && slices.Contains([]types.JobStatus{types.JobStatusSubmitted, types.JobStatusPending, types.JobStatusRunnable}, j.Status) {
		j.IsCancelled = aws.Bool(true)
		w.finish(j, types.JobStatusFailed, aws.ToString(in.Reason))
	}
	return &batch.CancelJobOutput{}, nil
}

func (w *World) tagJob(in *batch.TagResourceInput) (*batch.TagResourceOutput, error) {
	j := w.jobOf(last(aws.ToString(in.ResourceArn)))
	if j == nil {
		return nil, clientError("The resource %s was not found", aws.ToString(in.ResourceArn))
	}
	if j.Tags == nil {
		j.Tags = map[string]string{}
	}
	for key, value := range in.Tags {
		j.Tags[key] = value
	}
	return &batch.TagResourceOutput{}, nil
}
