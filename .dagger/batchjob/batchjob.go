// Package batchjob follows, describes, lists and ends the jobs of AWS Batch: it
// shows a job's states and log from the first line to the last, says why it
// isn't started, and what its end means.
package batchjob

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/prooflink/prooflink/.dagger/diagnose"
	"github.com/prooflink/prooflink/.dagger/logs"
	"github.com/prooflink/prooflink/infra/config"
)

// Options are how long a job is waited for.
type Options struct {
	// StartLimit is how long it may be not RUNNING before it is ended, for each
	// attempt anew; 0 means 15 minutes.
	StartLimit time.Duration
	// Limit is how long it is followed at all; it then goes on alone. 0 means as
	// long as its attempts may take.
	Limit time.Duration
	// Explain finds out why a job isn't started; nil means diagnose.Starting.
	Explain func(context.Context, *types.JobDetail) ([]diagnose.Cause, error)
}

const (
	// defaultStartLimit is how long a job may take to start unless it is said.
	defaultStartLimit = 15 * time.Minute
	// attempts is how often a call is repeated that AWS throttles.
	attempts = 8
	// lookLimit is how long one look at AWS may take.
	lookLimit = time.Minute
)

// startLimit is how long a job may be not RUNNING.
func (o Options) startLimit() time.Duration {
	if o.StartLimit > 0 {
		return o.StartLimit
	}
	return defaultStartLimit
}

// slack is what a job may take beside its attempts.
const slack = 10 * time.Minute

// limit is how long a job is followed: each of its attempts may take its timeout
// and the time to start.
func (o Options) limit(job types.JobDetail) time.Duration {
	if o.Limit > 0 {
		return o.Limit
	}
	return time.Duration(mostAttempts(job))*(timeout(job)+o.startLimit()) + slack
}

// fargateLimit is how long Fargate lets a job without a timeout run (AWS Batch
// User Guide, "Jobs on Fargate resources").
const fargateLimit = 14 * 24 * time.Hour

// timeout is how long an attempt may run.
func timeout(job types.JobDetail) time.Duration {
	if job.Timeout == nil || job.Timeout.AttemptDurationSeconds == nil {
		return fargateLimit
	}
	return time.Duration(*job.Timeout.AttemptDurationSeconds) * time.Second
}

// mostAttempts is how often a job may start.
func mostAttempts(job types.JobDetail) int {
	if job.RetryStrategy == nil || job.RetryStrategy.Attempts == nil {
		return 1
	}
	return max(1, int(*job.RetryStrategy.Attempts))
}

// account is AWS with one environment in it.
type account struct {
	access      aws.Config
	environment config.Environment
	batch       *batch.Client
}

// newAccount calls AWS patiently.
func newAccount(access aws.Config, environment config.Environment) account {
	access.RetryMaxAttempts = attempts
	return account{access, environment, batch.NewFromConfig(access)}
}

// describe reads a job; a *NotFound where Batch has none of this id.
func (a account) describe(ctx context.Context, id string) (types.JobDetail, error) {
	jobs, err := a.describeAll(ctx, []string{id})
	if err != nil {
		return types.JobDetail{}, err
	}
	if len(jobs) == 0 {
		return types.JobDetail{}, &NotFound{Env: a.environment.Env, ID: id}
	}
	return jobs[0], nil
}

// mostIDs is how many jobs DescribeJobs takes.
const mostIDs = 100

// describeAll reads jobs by their ids; those that Batch has forgotten are left out.
func (a account) describeAll(ctx context.Context, ids []string) ([]types.JobDetail, error) {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	var all []types.JobDetail
	for len(ids) > 0 {
		some := ids[:min(len(ids), mostIDs)]
		ids = ids[len(some):]
		out, err := a.batch.DescribeJobs(ctx, &batch.DescribeJobsInput{Jobs: some})
		if err != nil {
			return nil, fmt.Errorf("describe job %s: %w", strings.Join(shorts(some), ", "), err)
		}
		all = append(all, out.Jobs...)
	}
	return all, nil
}

// shorts are the beginnings of ids where they are many.
func shorts(ids []string) []string {
	if len(ids) == 1 {
		return ids
	}
	return []string{logs.Short(ids[0]), fmt.Sprintf("and %d more", len(ids)-1)}
}

// reasonLength is the most that TerminateJob takes as a reason.
const reasonLength = 1024

// terminate ends a job in whatever state (TerminateJob). Batch remembers the
// reason with the job.
func (a account) terminate(ctx context.Context, id, reason string) error {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	_, err := a.batch.TerminateJob(ctx, &batch.TerminateJobInput{JobId: &id, Reason: aws.String(cut(reason, reasonLength))})
	if err != nil {
		return fmt.Errorf("terminate job %s: %w", id, err)
	}
	return nil
}

// over says whether a job has ended.
func over(job types.JobDetail) bool {
	return job.Status == types.JobStatusSucceeded || job.Status == types.JobStatusFailed
}

// waiting says whether a job is not started yet.
func waiting(job types.JobDetail) bool {
	return !over(job) && job.Status != types.JobStatusRunning
}

// toEnd says whether a job was told to end.
func toEnd(job types.JobDetail) bool {
	return aws.ToBool(job.IsTerminated) || aws.ToBool(job.IsCancelled)
}

// command is what to type next, e.g. command("status", id).
func (a account) command(verb, id string, more ...string) string {
	return command(a.environment.Env, verb, id, more...)
}

// command is what to type next about a job.
func command(env, verb, id string, more ...string) string {
	words := append([]string{"dagger call batch-" + verb, "--env", env, "--id", id}, more...)
	return "`" + strings.Join(words, " ") + "`"
}

// cut shortens a text to so many bytes, between characters.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most-len("…")], "") + "…"
}
