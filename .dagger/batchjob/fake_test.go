package batchjob_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/batchjob"
	"github.com/prooflink/prooflink/.dagger/diagnose"
	"github.com/prooflink/prooflink/.dagger/logs/logstest"
	"github.com/prooflink/prooflink/infra/config"
)

const (
	id      = "01234567-89ab-cdef-0123-456789abcdef"
	name    = "user-import-20000101-000000"
	group   = "/aws/batch/prooflink-dev"
	bucket  = "prooflink-dev-files-123456789012"
	queue   = "arn:aws:batch:ap-northeast-1:123456789012:job-queue/prooflink-dev-job-queue"
	first   = "user-import/default/0000000000000000000000000000000a"
	second  = "user-import/default/0000000000000000000000000000000b"
	key     = "imports-results/user-import/" + id + ".json"
	rowsKey = "imports-results/user-import/" + id + ".rejected.csv"
	spot    = "Your Spot Task was interrupted."
	exited  = "Essential container in task exited"
)

// world is AWS with dev's jobs.
type world struct {
	*awsfake.Server
	env   config.Environment
	logs  *logstest.Store
	start time.Time
	jobs  []*job
	// objects are the files bucket's, by key.
	objects map[string]string
	// ends are the calls of TerminateJob, "id: reason".
	ends []string
	// causes are what keeps a job, and looks how often they were looked for.
	causes []diagnose.Cause
	looks  int
	// terminated is called when a job is told to end; nil does nothing.
	terminated func()
	// later is what is to happen.
	later []event
}

// event is something that happens to the world at a time.
type event struct {
	at time.Time
	do func()
}

// after makes something happen so long after now, seen by the next call of Batch.
func (w *world) after(d time.Duration, do func()) {
	w.later = append(w.later, event{time.Now().Add(d), do})
}

// catchUp lets happen what is due.
func (w *world) catchUp() {
	due := w.later
	w.later = nil
	for _, event := range due {
		if event.at.After(time.Now()) {
			w.later = append(w.later, event)
			continue
		}
		event.do()
	}
}

// job is a job with what happens to it.
type job struct {
	types.JobDetail
	steps []step
	// code is its exit code where it is terminated while it runs, stops how long
	// that takes; negative: it never does.
	code  int32
	stops time.Duration

	created, ended time.Time
}

// step is what happens so long after the submission.
type step struct {
	at     time.Duration
	change func(*types.JobDetail)
}

// bubble runs a test on a virtual clock. It asserts that AWS was called less than
// once a second.
func bubble(t *testing.T, test func(*testing.T, *world)) {
	synctest.Test(t, func(t *testing.T) {
		env, err := config.Load("dev")
		if err != nil {
			t.Fatal(err)
		}
		server := awsfake.New()
		w := &world{Server: server, env: env, logs: logstest.On(server, group), start: time.Now(), objects: map[string]string{}}
		w.logs.Page = 100
		awsfake.On(server, "batch", w.describe)
		awsfake.On(server, "batch", w.list)
		awsfake.On(server, "batch", w.terminate)
		awsfake.On(server, "s3", w.get)
		test(t, w)
		took := time.Since(w.start)
		if calls := len(w.Calls()); took > 20*time.Second && float64(calls) >= took.Seconds() {
			t.Errorf("%d calls in %s", calls, took)
		}
		if nonsense := server.Nonsense(); len(nonsense) > 0 {
			t.Error(nonsense)
		}
	})
}

// submit adds a job that is submitted now.
func (w *world) submit(steps ...step) *job {
	j := &job{steps: steps, code: 143, stops: 4 * time.Second, created: time.Now()}
	j.JobDetail = types.JobDetail{
		JobId: aws.String(id), JobName: aws.String(name), JobQueue: aws.String(queue), Status: types.JobStatusSubmitted,
		JobDefinition: aws.String("arn:aws:batch:ap-northeast-1:123456789012:job-definition/prooflink-dev-user-import:7"),
		CreatedAt:     aws.Int64(j.created.UnixMilli()), Tags: map[string]string{"prooflink:environment": "dev"},
		RetryStrategy: &types.RetryStrategy{Attempts: aws.Int32(3)}, Timeout: &types.JobTimeout{AttemptDurationSeconds: aws.Int32(3600)},
		Container: &types.ContainerDetail{
			Image: aws.String("registry/prooflink-dev-batch@sha256:1"), Command: []string{"node", "dist/user-import.js"},
			Environment: []types.KeyValuePair{
				{Name: aws.String("INPUT_S3_BUCKET"), Value: aws.String(bucket)}, {Name: aws.String("OUTPUT_S3_BUCKET"), Value: aws.String(bucket)},
				{Name: aws.String("INPUT_S3_KEY"), Value: aws.String("imports/users.csv")}, {Name: aws.String("EXECUTOR_NAME"), Value: aws.String("admin")},
			},
			LogConfiguration:     &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{"awslogs-group": group}},
			ResourceRequirements: []types.ResourceRequirement{{Type: types.ResourceTypeMemory, Value: aws.String("512")}},
		},
	}
	w.jobs = append(w.jobs, j)
	return j
}

// state is a step to a state that isn't an end.
func state(at time.Duration, status types.JobStatus) step {
	return step{at, func(j *types.JobDetail) { j.Status = status }}
}

// runs is the start of a container.
func runs(at time.Duration, stream string) step {
	return step{at, func(j *types.JobDetail) {
		j.Status, j.StartedAt = types.JobStatusRunning, aws.Int64(*j.CreatedAt+at.Milliseconds())
		if stream != "" {
			j.Container.LogStreamName = &stream
		}
	}}
}

// attempt ends one, with a state after it. A negative code is none.
func attempt(at time.Duration, after types.JobStatus, code int32, reason, container string) step {
	return step{at, func(j *types.JobDetail) {
		stopped := aws.Int64(*j.CreatedAt + at.Milliseconds())
		end := types.AttemptContainerDetail{LogStreamName: j.Container.LogStreamName}
		if code >= 0 {
			end.ExitCode = &code
		}
		if container != "" {
			end.Reason = &container
		}
		started := j.StartedAt
		if n := len(j.Attempts); n > 0 && aws.ToString(end.LogStreamName) == aws.ToString(j.Attempts[n-1].Container.LogStreamName) {
			end.LogStreamName, started = nil, nil
		}
		j.Attempts = append(j.Attempts, types.AttemptDetail{StartedAt: started, StoppedAt: stopped, StatusReason: &reason, Container: &end})
		j.Status, j.StatusReason = after, &reason
		if after == types.JobStatusSucceeded || after == types.JobStatusFailed {
			j.StoppedAt, j.Container.ExitCode, j.Container.Reason = stopped, end.ExitCode, end.Reason
		}
	}}
}

// begins are the steps to the first RUNNING, 35 s after the submission.
func begins() []step {
	return []step{state(2*time.Second, "RUNNABLE"), state(12*time.Second, "STARTING"), runs(35*time.Second, first)}
}

// ending is a job that runs for a minute.
func ending(status types.JobStatus, code int32, reason, container string) []step {
	return append(begins(), attempt(95*time.Second, status, code, reason, container))
}

// now is the job as Batch describes it.
func (j *job) now() types.JobDetail {
	detail := j.JobDetail
	container := *j.Container
	detail.Container = &container
	age, over := time.Since(j.created), !j.ended.IsZero() && j.stops >= 0 && time.Since(j.ended) >= j.stops
	if over {
		age = j.ended.Sub(j.created)
	}
	for _, step := range j.steps {
		if step.at <= age {
			step.change(&detail)
		}
	}
	if !j.ended.IsZero() && detail.StoppedAt == nil {
		detail.IsTerminated = aws.Bool(true)
	}
	if !over || detail.StoppedAt != nil {
		return detail
	}
	code := int32(-1)
	if detail.Status == types.JobStatusRunning {
		code = j.code
	}
	reason := aws.ToString(j.StatusReason)
	if detail.Status == types.JobStatusRunning {
		attempt(j.ended.Add(j.stops).Sub(j.created), types.JobStatusFailed, code, reason, "").change(&detail)
	}
	detail.Status, detail.StatusReason, detail.StoppedAt = types.JobStatusFailed, &reason, aws.Int64(j.ended.Add(j.stops).UnixMilli())
	return detail
}

func (w *world) describe(in *batch.DescribeJobsInput) (*batch.DescribeJobsOutput, error) {
	w.catchUp()
	if len(in.Jobs) > 100 {
		return nil, awsfake.Error("ClientException", "at most 100 jobs")
	}
	out := &batch.DescribeJobsOutput{}
	for _, j := range w.jobs {
		if slices.Contains(in.Jobs, *j.JobId) {
			out.Jobs = append(out.Jobs, j.now())
		}
	}
	return out, nil
}

// list does as ListJobs does: without a filter, those that run; with one, all,
// the newest first.
func (w *world) list(in *batch.ListJobsInput) (*batch.ListJobsOutput, error) {
	if len(in.Filters) != 1 {
		return nil, awsfake.Error("ClientException", "the test wants one filter")
	}
	filter, value := *in.Filters[0].Name, in.Filters[0].Values[0]
	var all []types.JobSummary
	for _, j := range slices.Backward(w.jobs) {
		detail := j.now()
		after, _ := strconv.ParseInt(value, 10, 64)
		definition := "job-definition/" + value + ":"
		if !strings.HasSuffix(*detail.JobQueue, "/"+*in.JobQueue) || filter == "AFTER_CREATED_AT" && *detail.CreatedAt <= after ||
			filter == "JOB_DEFINITION" && !strings.Contains(*detail.JobDefinition, definition) {
			continue
		}
		all = append(all, types.JobSummary{JobId: detail.JobId, JobName: detail.JobName, Status: detail.Status, CreatedAt: detail.CreatedAt})
	}
	from, _ := strconv.Atoi(aws.ToString(in.NextToken)) // none begins at 0
	to := min(from+100, len(all))
	out := &batch.ListJobsOutput{JobSummaryList: all[from:to]}
	if to < len(all) {
		out.NextToken = aws.String(strconv.Itoa(to))
	}
	return out, nil
}

func (w *world) terminate(in *batch.TerminateJobInput) (*batch.TerminateJobOutput, error) {
	w.ends = append(w.ends, *in.JobId+": "+*in.Reason)
	for _, j := range w.jobs {
		if *j.JobId == *in.JobId && j.ended.IsZero() {
			j.ended, j.StatusReason = time.Now(), in.Reason
		}
	}
	if w.terminated != nil {
		w.terminated()
	}
	return &batch.TerminateJobOutput{}, nil
}

func (w *world) get(in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	text, ok := w.objects[*in.Key]
	if !ok || *in.Bucket != bucket {
		return nil, awsfake.ErrorStatus(404, "NoSuchKey", "The specified key does not exist.")
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(strings.NewReader(text))}, nil
}

// line adds a line of a stream: so long after now, and when it can be read.
func (w *world) line(stream string, at, readable time.Duration, text string) {
	now := time.Now()
	w.logs.Put(group, logstest.Line{Stream: stream, At: now.Add(at), Readable: now.Add(readable), Message: text})
}

// record is a line as the imports write it.
func record(level, message string) string {
	said, _ := json.Marshal(message) // a text always has a JSON form
	return fmt.Sprintf(`{"timestamp":"2000-01-01T00:00:00.000Z","level":%q,"logSource":"batch","message":%s,"data":{"rows":4}}`, level, said)
}

// result is what an import writes.
func result(attempt int, state string, rejected int) string {
	rows := "null"
	if rejected > 0 {
		rows = `"` + rowsKey + `"`
	}
	var problems []string
	for i := range rejected {
		problems = append(problems, fmt.Sprintf(`{"line":%d,"column":"email","reason":"is not an email address"}`, i+3))
	}
	return fmt.Sprintf(`{"job":"user-import","jobId":%q,"attempt":%d,"executor":"admin","inputKey":"imports/users.csv","inputBytes":123,"encoding":"utf-8","dryRun":false,
		"state":%q,"startedAt":"2000-01-01T00:00:36Z","finishedAt":"2000-01-01T00:01:30Z","rows":10,"inserted":%d,"updated":0,"unchanged":0,"rejected":%d,
		"rowsPerSecond":12345.6,"peakMemoryBytes":98765432,"unknownColumns":[],"rejectedKey":%s,"errors":[%s],"error":null}`,
		id, attempt, state, 10-rejected, rejected, rows, strings.Join(problems, ","))
}

// explain finds the world's causes.
func (w *world) explain(context.Context, *types.JobDetail) ([]diagnose.Cause, error) {
	w.looks++
	return w.causes, nil
}

// wait follows the job.
func (w *world) wait(t *testing.T) (batchjob.Outcome, string, error) {
	t.Helper()
	var say strings.Builder
	o, err := batchjob.Wait(t.Context(), w.Config(), w.env, id, batchjob.Options{Explain: w.explain}, &say)
	return o, say.String(), err
}
