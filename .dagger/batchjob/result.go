package batchjob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/prooflink/prooflink/infra/config"
)

// Result is what an import writes to imports-results/{job}/{jobId}.json.
type Result struct {
	Job   string `json:"job"`
	JobID string `json:"jobId"`
	// Attempt is which start of the job wrote it, from 1 on.
	Attempt    int    `json:"attempt"`
	Executor   string `json:"executor"`
	InputKey   string `json:"inputKey"`
	InputBytes int64  `json:"inputBytes"`
	// Encoding is "utf-8" or "cp932".
	Encoding string `json:"encoding"`
	DryRun   bool   `json:"dryRun"`
	// State is "prepared", "committed", "rolled back" (a dry run) or "failed".
	State      string `json:"state"`
	StartedAt  string `json:"startedAt"`
	FinishedAt string `json:"finishedAt"`
	// Rows is how many there are; each was inserted, updated, unchanged or rejected.
	Rows      int64 `json:"rows"`
	Inserted  int64 `json:"inserted"`
	Updated   int64 `json:"updated"`
	Unchanged int64 `json:"unchanged"`
	Rejected  int64 `json:"rejected"`
	// RowsPerSecond is the speed, PeakMemoryBytes the most that the process had.
	RowsPerSecond   float64  `json:"rowsPerSecond"`
	PeakMemoryBytes int64    `json:"peakMemoryBytes"`
	UnknownColumns  []string `json:"unknownColumns"`
	// RejectedKey is the object that has the rejected rows; nil where there are none.
	RejectedKey *string `json:"rejectedKey"`
	// Errors are the first 100 problems, in the file's order.
	Errors []Problem `json:"errors"`
	// Error is the fatal reason; nil where there is none.
	Error *string `json:"error"`
}

// Problem is what is wrong with a row.
type Problem struct {
	// Line is the row's line in the file; nil where the file as a whole is meant.
	Line *int64 `json:"line"`
	// Column is the column's name; empty where none is meant.
	Column string `json:"column"`
	Reason string `json:"reason"`
}

// Result states.
const (
	prepared  = "prepared"
	committed = "committed"
)

// counts are the rows in one line.
func (r Result) counts() string {
	return fmt.Sprintf("%d rows, %d inserted, %d updated, %d unchanged, %d rejected", r.Rows, r.Inserted, r.Updated, r.Unchanged, r.Rejected)
}

// Counted are the rows in one line, with the speed and the memory.
func (r Result) Counted() string {
	return fmt.Sprintf("%s (%.0f rows/s, %d MiB at most)", r.counts(), r.RowsPerSecond, r.PeakMemoryBytes>>20)
}

// mostResult is how large a result may be: it has 100 problems at most.
const mostResult = 4 << 20

// ErrNoResult is the error of ReadResult where a job has written no result.
var ErrNoResult = errors.New("no result")

// ReadResult reads a job's files for `batch-result`: the result as it was
// written, and the rejected rows as CSV, nil where there are none; who gets it
// closes it. The job is meant by its id or the unique beginning of its id or name.
func ReadResult(ctx context.Context, access aws.Config, environment config.Environment, id string) (result []byte, rows io.ReadCloser, err error) {
	a := newAccount(access, environment)
	job, err := a.find(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	o := outcomeOf(environment, job)
	result, err = a.object(ctx, o)
	if err != nil {
		return nil, nil, fmt.Errorf("read the result of job %s (%s, %s): %w", o.JobName, o.JobID, o.Status, a.toCome(o, err))
	}
	var read Result
	if err := json.Unmarshal(result, &read); err != nil {
		return result, nil, fmt.Errorf("read the result of job %s at s3://%s/%s: it is no JSON of an import: %w", o.JobName, o.Bucket, o.ResultKey, err)
	}
	if read.RejectedKey == nil {
		return result, nil, nil
	}
	rows, err = a.open(ctx, o.Bucket, *read.RejectedKey)
	return result, rows, err
}

// toCome says that a result is still to come.
func (a account) toCome(o Outcome, err error) error {
	if errors.Is(err, ErrNoResult) && !o.over() {
		return fmt.Errorf("%w: the job has not ended; follow it with %s", err, a.command("logs", o.JobID, "--follow"))
	}
	return err
}

// judge completes the outcome of a job that has ended: its result and the cause
// of its failure.
func (a account) judge(ctx context.Context, o *Outcome, job types.JobDetail) {
	if ran(job) {
		result, err := a.result(ctx, *o)
		if err == nil {
			o.take(result)
		} else {
			o.note("%s", err)
		}
	}
	o.explain(a.environment)
}

// take takes a result for the truth, unless it is of another attempt, or tells
// what a failed one was about to do.
func (o *Outcome) take(r Result) {
	attempt := max(1, len(o.Attempts))
	switch {
	case r.Attempt != attempt && r.State == committed:
		o.note("the result is of attempt %d, which had committed %s; attempt %d ended otherwise", r.Attempt, r.counts(), attempt)
	case r.Attempt != attempt:
		o.note("the result is of attempt %d (%s, not committed) and not of attempt %d", r.Attempt, r.State, attempt)
	case r.State == prepared && !o.finished():
		o.note("the result says prepared: what it counts was not committed, as far as is known; the import can be repeated")
	default:
		o.Result = &r
		o.complete(r)
	}
}

// complete completes what is told by what the result says.
func (o *Outcome) complete(r Result) {
	if r.State == prepared {
		o.note("the result says prepared though the job has finished: it could not be written again after the commit")
	}
	if len(r.UnknownColumns) > 0 {
		o.note("columns that aren't known were left out: %s", plain(strings.Join(r.UnknownColumns, ", ")))
	}
	if r.Error != nil && o.FirstError == "" {
		o.FirstError = plain(*r.Error)
	}
}

// note adds a note.
func (o *Outcome) note(format string, args ...any) {
	o.Notes = append(o.Notes, fmt.Sprintf(format, args...))
}

// rejectedKey is the object that has the rejected rows; empty where there is none.
func (o Outcome) rejectedKey() string {
	if o.Result == nil {
		return ""
	}
	return aws.ToString(o.Result.RejectedKey)
}

// result reads a job's result.
func (a account) result(ctx context.Context, o Outcome) (Result, error) {
	data, err := a.object(ctx, o)
	if err != nil {
		return Result{}, err
	}
	var r Result
	if err := json.Unmarshal(data, &r); err != nil || r.JobID != o.JobID {
		return Result{}, fmt.Errorf("s3://%s/%s is no result of this job", o.Bucket, o.ResultKey)
	}
	return r, nil
}

// object reads a job's result file.
func (a account) object(ctx context.Context, o Outcome) ([]byte, error) {
	if o.Bucket == "" {
		return nil, fmt.Errorf("%w: the job has no OUTPUT_S3_BUCKET", ErrNoResult)
	}
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	body, err := a.open(ctx, o.Bucket, o.ResultKey)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, mostResult))
	if err != nil {
		return nil, fmt.Errorf("read s3://%s/%s: %w", o.Bucket, o.ResultKey, err)
	}
	return data, nil
}

// open opens an object. One that is missing is ErrNoResult; S3 says 403 of it
// to callers that may not list the bucket (Amazon S3 API Reference, GetObject).
func (a account) open(ctx context.Context, bucket, key string) (io.ReadCloser, error) {
	client := s3.NewFromConfig(a.access, func(o *s3.Options) { o.UsePathStyle = a.access.BaseEndpoint != nil })
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	switch {
	case err == nil:
		return out.Body, nil
	case code(err) == "NoSuchKey":
		return nil, fmt.Errorf("%w at s3://%s/%s", ErrNoResult, bucket, key)
	case strings.HasPrefix(code(err), "AccessDenied"):
		return nil, fmt.Errorf("s3://%s/%s may not be read: allow s3:GetObject on imports-results/*, as the Delivery stack does: %w", bucket, key, err)
	}
	return nil, fmt.Errorf("read s3://%s/%s: %w", bucket, key, err)
}
