package batchjob

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/prooflink/prooflink/infra/config"
)

// Outcome is a job, at any state.
type Outcome struct {
	// Env is the environment, e.g. "dev".
	Env string
	// JobID is Batch's id, JobName e.g. "user-import-20261122-090000", Job what is
	// run, e.g. "user-import".
	JobID, JobName, Job string
	// Status is Batch's state, e.g. "SUCCEEDED", StatusReason why, in its words.
	Status, StatusReason string
	// Definition is name and revision, e.g. "prooflink-dev-user-import:7".
	Definition string
	// Image is what runs, by digest.
	Image string
	// DryRun says that nothing is to be written.
	DryRun bool
	// Executor is who started the job, InputKey the object that is imported.
	Executor, InputKey string
	// ExitCode is the last attempt's; nil where it has none.
	ExitCode *int32
	// Meaning is what the state or the end means.
	Meaning string
	// Cause is what is behind a failure, Fix what to do about it; empty where
	// FirstError says it all.
	Cause, Fix string
	// Attempts are the starts, the oldest first; MostAttempts is how many there may be.
	Attempts     []Attempt
	MostAttempts int
	// Created is the submission, Started the last attempt's start, Stopped its
	// end; zero where that is to come.
	Created, Started, Stopped time.Time
	// LogGroup and LogStream are where the last attempt's log is. FirstError is a
	// failed job's first record of level error or fatal, or else its last lines.
	LogGroup, LogStream, FirstError string
	// Result is the result file's content; nil where there is none that tells how
	// this job ended. It is at Bucket and ResultKey.
	Result            *Result
	Bucket, ResultKey string
	// Notes are what could not be told, and why.
	Notes []string
	// Console is the job's page in the console.
	Console string

	// inputBucket has InputKey.
	inputBucket string
	// ended says that the job was told to end.
	ended bool
	// timeout is how long an attempt may run.
	timeout time.Duration
	// memory is what it has, in MiB; empty where Batch doesn't say.
	memory string
}

// Attempt is one start of a job.
type Attempt struct {
	// Number begins with 1.
	Number int
	// Started and Stopped are its times; zero where it never ran, or still runs.
	Started, Stopped time.Time
	// ExitCode is the container's; nil where it has none.
	ExitCode *int32
	// StatusReason is Batch's reason, Reason the container's.
	StatusReason, Reason string
	// LogStream is its log's; empty where it never ran.
	LogStream string
}

// outcomeOf is a job as Batch describes it.
func outcomeOf(environment config.Environment, job types.JobDetail) Outcome {
	definition := last(aws.ToString(job.JobDefinition))
	o := Outcome{
		Env: environment.Env, JobID: aws.ToString(job.JobId), JobName: aws.ToString(job.JobName), Job: jobOf(environment, definition),
		Status: string(job.Status), StatusReason: aws.ToString(job.StatusReason), Definition: definition,
		Executor: variable(job, "EXECUTOR_NAME"), InputKey: variable(job, "INPUT_S3_KEY"), Bucket: variable(job, "OUTPUT_S3_BUCKET"),
		ExitCode: exitCode(job), Attempts: attemptsOf(job), MostAttempts: mostAttempts(job),
		Created: moment(job.CreatedAt), Started: moment(job.StartedAt), Stopped: moment(job.StoppedAt),
		LogGroup: group(environment.Names().BatchLogGroup(), job), Console: console(environment.Region, aws.ToString(job.JobId)),
		inputBucket: variable(job, "INPUT_S3_BUCKET"), ended: toEnd(job), timeout: timeout(job), memory: memory(job),
	}
	if job.Container != nil {
		o.Image, o.DryRun = aws.ToString(job.Container.Image), slices.Contains(job.Container.Command, "--dry-run")
	}
	if n := len(o.Attempts); n > 0 {
		o.LogStream = o.Attempts[n-1].LogStream
	}
	o.ResultKey = resultKey(o)
	o.Meaning, o.Fix = o.means()
	return o
}

// resultKey is where an import writes its result.
func resultKey(o Outcome) string { return "imports-results/" + o.Job + "/" + o.JobID + ".json" }

// jobOf is what a definition runs: "user-import" for prooflink-dev-user-import:7.
func jobOf(environment config.Environment, definition string) string {
	name, _, _ := strings.Cut(definition, ":")
	return strings.TrimPrefix(name, environment.Names().Prefix()+"-")
}

// attemptsOf are the attempts that have ended and the one that runs.
func attemptsOf(job types.JobDetail) []Attempt {
	var list []Attempt
	names := streams(job)
	for i, detail := range job.Attempts {
		attempt := attemptOf(detail, i+1)
		attempt.LogStream = names[i]
		list = append(list, attempt)
	}
	if n := len(list); n < len(names) || n == 0 && job.StartedAt != nil {
		attempt := Attempt{Number: n + 1, Started: moment(job.StartedAt), Stopped: moment(job.StoppedAt), ExitCode: exitCode(job)}
		if n < len(names) {
			attempt.LogStream = names[n]
		}
		list = append(list, attempt)
	}
	return list
}

// attemptOf is an attempt that has ended.
func attemptOf(detail types.AttemptDetail, number int) Attempt {
	a := Attempt{Number: number, Started: moment(detail.StartedAt), Stopped: moment(detail.StoppedAt), StatusReason: aws.ToString(detail.StatusReason)}
	if c := detail.Container; c != nil {
		a.ExitCode, a.Reason, a.LogStream = c.ExitCode, aws.ToString(c.Reason), aws.ToString(c.LogStreamName)
	}
	return a
}

// end is how an attempt ended.
func (a Attempt) end() string {
	return or(join("; ", plain(a.StatusReason), plain(a.Reason)), "no reason is given")
}

// ran is how long an attempt ran; 0 where it didn't, or still does.
func (a Attempt) ran() time.Duration { return between(a.Started, a.Stopped) }

// exitCode is the last attempt's. While an attempt waits or runs, there is none.
func exitCode(job types.JobDetail) *int32 {
	if !over(job) {
		return nil
	}
	if job.Container != nil && job.Container.ExitCode != nil {
		return job.Container.ExitCode
	}
	if n := len(job.Attempts); n > 0 {
		return attemptOf(job.Attempts[n-1], n).ExitCode
	}
	return nil
}

// variable is the value of a variable of a job's container; empty where it has none.
func variable(job types.JobDetail, name string) string {
	if job.Container == nil {
		return ""
	}
	for _, pair := range slices.Backward(job.Container.Environment) {
		if aws.ToString(pair.Name) == name {
			return aws.ToString(pair.Value)
		}
	}
	return ""
}

// memory is what a job has, in MiB.
func memory(job types.JobDetail) string {
	if job.Container == nil {
		return ""
	}
	for _, resource := range job.Container.ResourceRequirements {
		if resource.Type == types.ResourceTypeMemory {
			return aws.ToString(resource.Value)
		}
	}
	return ""
}

// console is a job's page.
func console(region, id string) string {
	return "https://" + region + ".console.aws.amazon.com/batch/home?region=" + region + "#jobs/fargate/detail/" + id
}

// over says whether the job has ended.
func (o Outcome) over() bool {
	return o.Status == string(types.JobStatusSucceeded) || o.Status == string(types.JobStatusFailed)
}

// queued is how long the first attempt waited to start; ran how long the last
// one ran; whole both with all that was between. Each is 0 where it isn't known.
func (o Outcome) queued() time.Duration {
	if len(o.Attempts) == 0 {
		return 0
	}
	return between(o.Created, o.Attempts[0].Started)
}

func (o Outcome) ran() time.Duration { return between(o.Started, o.Stopped) }

func (o Outcome) took() time.Duration { return between(o.Created, o.Stopped) }

// between is the time from one moment to another; 0 where one isn't known.
func between(from, to time.Time) time.Duration {
	if from.IsZero() || to.IsZero() {
		return 0
	}
	return max(0, to.Sub(from))
}

// moment is a time of Batch's: milliseconds since 1970; zero where it has none.
func moment(at *int64) time.Time {
	if at == nil || *at == 0 {
		return time.Time{}
	}
	return time.UnixMilli(*at).UTC()
}

// last is the last part of an ARN or a path.
func last(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

// or is the first text that isn't empty.
func or(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// join joins the texts that say something new.
func join(between string, texts ...string) string {
	var list []string
	for _, text := range texts {
		if text != "" && !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return strings.Join(list, between)
}
