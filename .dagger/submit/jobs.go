package submit

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
)

// list is the ids of the queue's jobs that a status or a filter has.
func (s *session) list(ctx context.Context, in *batch.ListJobsInput) ([]string, error) {
	in.JobQueue = aws.String(s.names.JobQueue())
	var ids []string
	pages := batch.NewListJobsPaginator(s.batch, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the jobs of queue %s: %w", s.names.JobQueue(), err)
		}
		for _, job := range page.JobSummaryList {
			ids = append(ids, aws.ToString(job.JobId))
		}
	}
	return ids, nil
}

// named are the jobs of a name, or of its beginning where it ends in "*", the
// newest first (ListJobs, JOB_NAME).
func (s *session) named(ctx context.Context, name string) ([]types.JobDetail, error) {
	ids, err := s.list(ctx, &batch.ListJobsInput{Filters: []types.KeyValuesPair{{Name: aws.String("JOB_NAME"), Values: []string{name}}}})
	if err != nil {
		return nil, err
	}
	found, err := s.describe(ctx, ids)
	found = slices.DeleteFunc(found, func(job types.JobDetail) bool { return !matches(aws.ToString(job.JobName), name) })
	slices.SortFunc(found, func(a, b types.JobDetail) int { return int(aws.ToInt64(b.CreatedAt) - aws.ToInt64(a.CreatedAt)) })
	return found, err
}

// matches compares a job's name with one to look for: Batch doesn't tell capitals.
func matches(name, wanted string) bool {
	beginning, open := strings.CutSuffix(wanted, "*")
	if open {
		return strings.HasPrefix(name, beginning)
	}
	return name == wanted
}

// describes is how many jobs one call describes (DescribeJobs).
const describes = 100

// describe reads jobs; those that Batch doesn't know are left out.
func (s *session) describe(ctx context.Context, ids []string) ([]types.JobDetail, error) {
	var found []types.JobDetail
	for some := range slices.Chunk(ids, describes) {
		out, err := s.batch.DescribeJobs(ctx, &batch.DescribeJobsInput{Jobs: some})
		if err != nil {
			return nil, fmt.Errorf("describe the jobs of queue %s: %w", s.names.JobQueue(), err)
		}
		found = append(found, out.Jobs...)
	}
	return found, nil
}

// over says whether a job has ended.
func over(job types.JobDetail) bool {
	return job.Status == types.JobStatusSucceeded || job.Status == types.JobStatusFailed
}

// containerOf is a job's container; an empty one where it has none.
func containerOf(job types.JobDetail) types.ContainerDetail {
	if job.Container == nil {
		return types.ContainerDetail{}
	}
	return *job.Container
}

func inputOf(job types.JobDetail) string {
	return variable(containerOf(job).Environment, inputVariable)
}

// submission is what a job that is there was submitted as.
func submission(job types.JobDetail, found bool) Submission {
	container := containerOf(job)
	return Submission{
		JobID: aws.ToString(job.JobId), JobName: aws.ToString(job.JobName), Queue: last(job.JobQueue), Definition: last(job.JobDefinition),
		Image: aws.ToString(container.Image), Bucket: variable(container.Environment, bucketVariable), Key: inputOf(job),
		Executor: variable(container.Environment, executorVariable), Found: found,
	}
}

// last is the name at an ARN's end, e.g. "prooflink-dev-user-import:7".
func last(arn *string) string {
	text := aws.ToString(arn)
	return text[strings.LastIndex(text, "/")+1:]
}
