package batchjob

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// Describe returns a job at any state, by its id or the unique beginning of its
// id or name (*NotFound where there is none or several). Of one that failed, the
// log's first error is read, too.
func Describe(ctx context.Context, access aws.Config, environment config.Environment, id string) (Outcome, error) {
	a := newAccount(access, environment)
	job, err := a.find(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	o := outcomeOf(environment, job)
	if !over(job) {
		return o, nil
	}
	if job.Status == types.JobStatusFailed && ran(job) {
		a.lastError(ctx, &o, job)
	}
	a.judge(ctx, &o, job)
	return o, nil
}

// lastError reads the first error in the log of the last attempt.
func (a account) lastError(ctx context.Context, o *Outcome, job types.JobDetail) {
	log := transcript{account: a, say: io.Discard}
	log.expect(job)
	tail := log.tail(newest(job))
	if tail == nil {
		o.note("the last attempt has no log")
		return
	}
	log.read(ctx, tail)
	o.FirstError = log.failure(job)
	switch {
	case tail.failed != nil:
		o.note("its log can't be read: %s", tail.failed)
	case tail.began.IsZero():
		o.note("its log has no line")
	}
}

// wholeID is what Batch's ids look like.
var wholeID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// find reads the job that is meant. One of another environment's queue is
// refused.
func (a account) find(ctx context.Context, id string) (types.JobDetail, error) {
	id = last(strings.TrimSpace(id))
	if id == "" {
		return types.JobDetail{}, fmt.Errorf("say which job: its id, or the beginning of its id or name; `dagger call batch-list --env %s` shows the jobs", a.environment.Env)
	}
	if !wholeID.MatchString(id) {
		var err error
		if id, err = a.complete(ctx, id); err != nil {
			return types.JobDetail{}, err
		}
	}
	job, err := a.describe(ctx, id)
	if err != nil {
		return job, advised(err)
	}
	return job, a.ours(job)
}

// complete is the id of the one job whose id or name begins like that; a whole
// name means that job.
func (a account) complete(ctx context.Context, beginning string) (string, error) {
	jobs, _, err := a.list(ctx, Filter{}, func(job types.JobSummary) bool {
		return strings.HasPrefix(aws.ToString(job.JobId), beginning) || strings.HasPrefix(aws.ToString(job.JobName), beginning)
	})
	if err != nil {
		return "", err
	}
	if named := slices.DeleteFunc(slices.Clone(jobs), func(job types.JobSummary) bool { return aws.ToString(job.JobName) != beginning }); len(named) == 1 {
		jobs = named
	}
	if len(jobs) != 1 {
		return "", &NotFound{Env: a.environment.Env, ID: beginning, Candidates: candidates(jobs)}
	}
	return aws.ToString(jobs[0].JobId), nil
}

// mostCandidates is how many jobs are named that may be meant.
const mostCandidates = 10

// candidates are jobs that may be meant.
func candidates(jobs []types.JobSummary) []string {
	var list []string
	for _, job := range jobs[:min(len(jobs), mostCandidates)] {
		list = append(list, strings.Join([]string{aws.ToString(job.JobId), aws.ToString(job.JobName), string(job.Status)}, "  "))
	}
	if more := len(jobs) - mostCandidates; more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	return list
}

// ours refuses a job of another environment: of another queue, or with another
// tag.
func (a account) ours(job types.JobDetail) error {
	id, queue := aws.ToString(job.JobId), last(aws.ToString(job.JobQueue))
	if want := a.environment.Names().JobQueue(); queue != want {
		return fmt.Errorf("job %s (%s) is of queue %s, environment %s has %s: give the environment that it is of with --env",
			aws.ToString(job.JobName), id, queue, a.environment.Env, want)
	}
	if tag := job.Tags[names.JobTag]; tag != "" && tag != a.environment.Env {
		return fmt.Errorf("job %s (%s) is tagged %s=%s, so it is not environment %s's: give --env %s",
			aws.ToString(job.JobName), id, names.JobTag, tag, a.environment.Env, tag)
	}
	return nil
}
