package diagnose

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/release"
	"github.com/prooflink/prooflink/.dagger/report"
	"github.com/prooflink/prooflink/.dagger/verify"
	"github.com/prooflink/prooflink/infra/names"
)

// word is what Batch says of the job at the head of its queue.
type word struct {
	// begins is how its words begin.
	begins string
	// what and fix are what they mean and what to do, with names in braces.
	what, fix string
	certain   bool
}

// words are those that Batch has (AWS Batch User Guide, "Jobs stuck in a RUNNABLE
// status"), and that of a job that Spot interrupted.
var words = []word{
	{"CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY", "AWS has no capacity for the job just now", "wait, or submit the job with another size: --vcpu, --memory", true},
	{"MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE", "the job is larger than every compute environment",
		"end the job and submit it with a smaller --vcpu, or raise batch.maxVcpus in infra/config/environments/{env}.yaml, then: dagger call deploy --env {env}", true},
	{"MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT", "no compute environment gives what the job asks for", "end the job and submit it with another --vcpu and --memory", true},
	{"MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS", "Batch's own role lacks a permission",
		"give it AWS's policy AWSBatchServiceRole, or use AWSServiceRoleForBatch: dagger call verify --env {env}", true},
	{"MISCONFIGURATION", "Batch finds a mistake in the job or its compute environments", "mend what it names: aws batch describe-compute-environments --compute-environments {environment}", true},
	{"ACTION_REQUIRED", "Batch finds that all compute environments are INVALID", "mend what their reasons name: aws batch describe-compute-environments --compute-environments {environment}", true},
	{"UNDETERMINED", "Batch finds the job stuck, and does not know why", "see the other causes; else end the job and submit it again", false},
	{"Your Spot Task was interrupted", "Spot took the capacity back, and Batch starts the job again", "wait; batch.spot: off in infra/config/environments/{env}.yaml runs jobs on Fargate only", false},
}

// said translates what Batch says of a job that waits.
func said(_ context.Context, s subject) ([]Cause, error) {
	if s.job == nil || aws.ToString(s.job.StatusReason) == "" {
		return nil, nil
	}
	reason := *s.job.StatusReason
	name := strings.NewReplacer("{env}", s.environment.Env, "{environment}", s.names.ComputeEnvironment(false))
	for _, w := range words {
		if strings.HasPrefix(reason, w.begins) {
			return []Cause{{w.what, aws.ToString(s.job.JobArn), "Batch says " + strconv.Quote(reason), name.Replace(w.fix), w.certain}}, nil
		}
	}
	return nil, nil
}

// attempts explains why attempts of the job have not started, with what is known
// of stopped tasks.
func attempts(_ context.Context, s subject) ([]Cause, error) {
	if s.job == nil {
		return nil, nil
	}
	var causes []Cause
	for i, attempt := range s.job.Attempts {
		container := attempt.Container
		if container == nil || container.ExitCode != nil || i > 0 && sameEnd(attempt, s.job.Attempts[i-1]) {
			continue // it has started, or it ended like the one before
		}
		causes = append(causes, s.explain(attempt, "attempt "+strconv.Itoa(i+1)+" of "+aws.ToString(s.job.JobArn))...)
	}
	return causes, nil
}

// sameEnd says whether two attempts ended for the same reasons.
func sameEnd(a, b types.AttemptDetail) bool {
	return b.Container != nil && aws.ToString(a.StatusReason) == aws.ToString(b.StatusReason) && aws.ToString(a.Container.Reason) == aws.ToString(b.Container.Reason)
}

// explain looks up why a task never started.
func (s subject) explain(attempt types.AttemptDetail, where string) []Cause {
	evidence := report.Evidence{Tasks: []report.Task{{
		ID: last(aws.ToString(attempt.Container.TaskArn)), StopCode: "TaskFailedToStart", StoppedReason: aws.ToString(attempt.StatusReason),
		Containers: []report.Container{{Name: "default", Reason: aws.ToString(attempt.Container.Reason)}},
	}}}
	sentence, hints := report.Explain(evidence, "", s.names)
	if sentence == "" {
		return nil
	}
	if len(hints) == 0 {
		return []Cause{{"a task of the job did not start", where, sentence, s.command("verify"), true}}
	}
	// The hints name the application's roles; a job has its own.
	own := strings.NewReplacer(s.names.ExecutionRole(), s.names.BatchExecutionRole(), s.names.TaskRole(), s.names.BatchJobRole())
	fix := own.Replace(hints[0].Fix)
	if len(hints[0].Next) > 0 {
		fix += " See: " + hints[0].Next[0]
	}
	return []Cause{{hints[0].What, where, sentence, fix, true}}
}

// dependencies are the jobs that this one waits for.
func dependencies(ctx context.Context, s subject) ([]Cause, error) {
	if s.job == nil || len(s.job.DependsOn) == 0 || s.job.Status != types.JobStatusPending && s.job.Status != types.JobStatusSubmitted {
		return nil, nil
	}
	var ids []string
	for _, one := range s.job.DependsOn {
		ids = append(ids, aws.ToString(one.JobId))
	}
	out, err := batch.NewFromConfig(s.access).DescribeJobs(ctx, &batch.DescribeJobsInput{Jobs: ids}) // 20 at most
	if err != nil {
		return nil, fmt.Errorf("describe jobs %s: %w", strings.Join(ids, ", "), err)
	}
	var causes []Cause
	for _, job := range out.Jobs {
		if job.Status != types.JobStatusSucceeded {
			causes = append(causes, Cause{"the job waits for another one, which is " + string(job.Status), aws.ToString(job.JobName) + " (" + aws.ToString(job.JobId) + ")",
				"it depends on it, and starts when that has succeeded", "wait, or end it: " + s.cancel(aws.ToString(job.JobId)), true})
		}
	}
	return causes, nil
}

// database looks whether the job would find its database: one that is stopped
// lets it start, and fail.
func database(ctx context.Context, s subject) ([]Cause, error) {
	const why = "the job would start, and fail because it can't connect"
	name := s.names.Database()
	status, err := verify.DatabaseStatus(ctx, s.access, s.environment)
	var none *verify.NoDatabase
	switch {
	case errors.As(err, &none):
		return []Cause{{"the database is gone", name, why, "restore a snapshot under this name: aws rds describe-db-snapshots --db-instance-identifier " + name, true}}, nil
	case err != nil || verify.Serves(status):
		return nil, err
	case status == "stopped" || status == "stopping":
		return []Cause{{"the database is " + status, name, verify.WhyStopped(s.environment) + "; " + why, s.command("verify") + " --start-db", true}}, nil
	case status == "starting":
		return []Cause{{"the database is starting", name, why, "wait until it is available: " + s.command("verify") + " --start-db", true}}, nil
	}
	return []Cause{{"the database is " + status, name, "it may not answer in this state: " + why,
		"see what AWS says of it: aws rds describe-events --duration 1440 --source-identifier " + name, false}}, nil
}

// credentialsError says that the credentials don't work for the environment.
type credentialsError struct{ what, fix string }

func (e *credentialsError) Error() string { return e.what + "; " + e.fix }

// needs looks whether what a job's task starts with is there.
func needs(ctx context.Context, s subject) ([]Cause, error) {
	found := verify.Run(ctx, s.access, s.environment, verify.Options{
		Checks: []string{"log groups", "roles", "secrets"}, Part: names.Batch, Limit: callLimit,
	})
	var causes []Cause
	for _, f := range found {
		switch {
		case f.Check == "credentials" && f.Severity == verify.Blocker:
			return nil, &credentialsError{f.What, f.Fix}
		case f.Severity == verify.Blocker:
			causes = append(causes, Cause{f.What, f.Where, f.Why, f.Fix, true})
		case f.Severity == verify.Warning:
			causes = append(causes, Cause{f.Check + ": " + f.What, f.Where, f.Why, f.Fix, false})
		}
	}
	return causes, nil
}

// image looks whether the registry has what the job runs; before a submission, what
// the newest definitions name.
func image(ctx context.Context, s subject) ([]Cause, error) {
	references, err := s.references(ctx)
	if err != nil {
		return nil, err
	}
	var causes []Cause
	for _, reference := range references {
		_, digest, pinned := strings.Cut(reference, "@")
		if !pinned {
			continue
		}
		missing, err := release.Present(ctx, s.access, s.names, map[string]string{images.Batch.Name: digest})
		if err != nil {
			return causes, err
		}
		for _, what := range missing {
			causes = append(causes, Cause{what, reference, "no task can be started with it",
				"build it again: " + s.command("publish") + ", then: " + s.command("deploy") + "; then end the job and submit it again", true})
		}
	}
	return causes, nil
}

// references are the images that are to run.
func (s subject) references(ctx context.Context) ([]string, error) {
	if s.job != nil && s.job.Container != nil {
		return []string{aws.ToString(s.job.Container.Image)}, nil
	}
	definitions, err := release.JobDefinitions(ctx, s.access, s.names)
	var all []string
	for _, d := range definitions {
		if d.ContainerProperties != nil {
			all = append(all, aws.ToString(d.ContainerProperties.Image))
		}
	}
	slices.Sort(all)
	return slices.Compact(all), err
}
