package diagnose

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/prooflink/prooflink/infra/config"
)

// unitsPerVCPU are ECS's CPU units.
const unitsPerVCPU = 1024

// resource is how much of something a job asks for, 0 where it doesn't say.
func resource(job *types.JobDetail, kind types.ResourceType) float64 {
	if job == nil || job.Container == nil {
		return 0
	}
	for _, r := range job.Container.ResourceRequirements {
		if r.Type == kind {
			n, _ := strconv.ParseFloat(aws.ToString(r.Value), 64) // Batch takes numbers only
			return n
		}
	}
	return 0
}

// most is how many vCPUs a compute environment gives.
func most(d types.ComputeEnvironmentDetail) float64 {
	if d.ComputeResources == nil {
		return 0
	}
	return float64(aws.ToInt32(d.ComputeResources.MaxvCpus))
}

// vcpus writes a number of them: "0.25".
func vcpus(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// room looks whether the compute environments have vCPUs left for the job. Batch
// counts those of jobs that are starting or running against maxvCpus.
func room(ctx context.Context, s subject) ([]Cause, error) {
	wanted, memory := resource(s.job, types.ResourceTypeVcpu), resource(s.job, types.ResourceTypeMemory)
	var causes []Cause
	if sizes := config.FargateMemories(int(wanted * unitsPerVCPU)); wanted > 0 && !slices.Contains(sizes, int(memory)) {
		causes = append(causes, Cause{fmt.Sprintf("Fargate has no size of %s vCPU and %s MiB", vcpus(wanted), vcpus(memory)), aws.ToString(s.job.JobDefinition),
			"a task of that size can't be started", "end the job and submit it with a size that Fargate has: --vcpu 0.25 --memory 512, for example", true})
	}
	total, largest := 0.0, 0.0
	for _, d := range s.serving() {
		total, largest = total+most(d), max(largest, most(d))
	}
	switch {
	case total == 0:
		return causes, nil // nothing serves, which is told elsewhere
	case wanted > largest:
		return append(causes, Cause{fmt.Sprintf("the job asks for %s vCPU, and no compute environment gives more than %s", vcpus(wanted), vcpus(largest)),
			s.names.JobQueue(), "it would wait for ever", "end the job and submit it with a smaller --vcpu, or raise " + s.setting("batch.maxVcpus"), true}), nil
	}
	used, err := s.used(ctx)
	if err != nil {
		return causes, err
	}
	return append(causes, s.full(wanted, total, used)...), nil
}

// usage are the jobs that have vCPUs.
type usage struct {
	vcpus float64
	jobs  []types.JobDetail
}

// used asks for the jobs that are starting or running, but for this one.
func (s subject) used(ctx context.Context) (usage, error) {
	client, u := batch.NewFromConfig(s.access), usage{}
	var ids []string
	for _, status := range []types.JobStatus{types.JobStatusStarting, types.JobStatusRunning} {
		jobs, err := s.list(ctx, client, status)
		if err != nil {
			return u, err
		}
		for _, job := range jobs {
			ids = append(ids, aws.ToString(job.JobId))
		}
	}
	for some := range slices.Chunk(ids, mostDescribed) {
		out, err := client.DescribeJobs(ctx, &batch.DescribeJobsInput{Jobs: some})
		if err != nil {
			return u, fmt.Errorf("describe jobs: %w", err)
		}
		for _, job := range out.Jobs {
			u.vcpus += resource(&job, types.ResourceTypeVcpu)
			u.jobs = append(u.jobs, job)
		}
	}
	return u, nil
}

// mostDescribed is how many jobs a call describes (AWS Batch API Reference,
// DescribeJobs).
const mostDescribed = 100

// list are the queue's jobs of a status, but for this one, the newest first.
func (s subject) list(ctx context.Context, client *batch.Client, status types.JobStatus) ([]types.JobSummary, error) {
	pages := batch.NewListJobsPaginator(client, &batch.ListJobsInput{JobQueue: aws.String(s.names.JobQueue()), JobStatus: status})
	var all []types.JobSummary
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the %s jobs of %s: %w", status, s.names.JobQueue(), err)
		}
		all = append(all, page.JobSummaryList...)
	}
	if s.job == nil {
		return all, nil
	}
	return slices.DeleteFunc(all, func(one types.JobSummary) bool { return aws.ToString(one.JobId) == aws.ToString(s.job.JobId) }), nil
}

// leastVCPU is the smallest size of a task that Fargate has.
const leastVCPU = 0.25

// full says that others have the vCPUs. Batch doesn't tell which compute
// environment a job is in: what is left in all of them may be too little in each.
func (s subject) full(wanted, total float64, u usage) []Cause {
	wanted = max(wanted, leastVCPU)
	left := total - u.vcpus
	has := s.job != nil && s.job.Status == types.JobStatusStarting
	if has || len(u.jobs) == 0 || left >= wanted*float64(len(s.serving())) {
		return nil
	}
	first := slices.MinFunc(u.jobs, func(a, b types.JobDetail) int { return cmp.Compare(aws.ToInt64(a.CreatedAt), aws.ToInt64(b.CreatedAt)) })
	id := aws.ToString(first.JobId)
	return []Cause{{
		What:    fmt.Sprintf("other jobs (%d) have %s of the compute environments' %s vCPUs", len(u.jobs), vcpus(u.vcpus), vcpus(total)),
		Where:   fmt.Sprintf("%s; the oldest: %s (%s)", s.names.JobQueue(), aws.ToString(first.JobName), id),
		Why:     "a job waits until there is room",
		Fix:     "wait, end one: " + s.cancel(id) + ", or raise " + s.setting("batch.maxVcpus"),
		Certain: left < wanted,
	}}
}

// line looks at the jobs that wait longer: Batch takes them first, and one at the
// head that it can't place keeps all others waiting.
func line(ctx context.Context, s subject) ([]Cause, error) {
	if s.job == nil || s.job.Status != types.JobStatusRunnable {
		return nil, nil
	}
	all, err := s.list(ctx, batch.NewFromConfig(s.access), types.JobStatusRunnable)
	before := slices.DeleteFunc(all, func(one types.JobSummary) bool { return aws.ToInt64(one.CreatedAt) >= aws.ToInt64(s.job.CreatedAt) })
	if err != nil || len(before) == 0 {
		return nil, err
	}
	head := before[len(before)-1]
	cause := Cause{
		What:  fmt.Sprintf("jobs wait before this one (%d)", len(before)),
		Where: fmt.Sprintf("the first: %s (%s), since %s", aws.ToString(head.JobName), aws.ToString(head.JobId), time.UnixMilli(aws.ToInt64(head.CreatedAt)).UTC().Format(time.RFC3339)),
		Why:   "Batch starts the oldest first",
		Fix:   "wait, or end it: " + s.cancel(aws.ToString(head.JobId)),
	}
	if reason := aws.ToString(head.StatusReason); reason != "" {
		cause.Why, cause.Certain = "Batch can't start the first, which keeps the others waiting, and says "+strconv.Quote(reason), true
	}
	return []Cause{cause}, nil
}
