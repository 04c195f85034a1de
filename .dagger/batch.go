package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/prooflink/prooflink/.dagger/batchjob"
	"github.com/prooflink/prooflink/.dagger/imports"
	"github.com/prooflink/prooflink/.dagger/internal/dagger"
	"github.com/prooflink/prooflink/.dagger/submit"
	"github.com/prooflink/prooflink/infra/config"
)

// Import a CSV file: submit the job, follow its log to the end, and end as it does.
//
// A bare `batch-submit` imports imports/users.csv into dev. Exit code 0: all rows
// are in; 3: in, but for rejected rows, which `batch-result` has; 1: nothing was
// written. A job that does not start is looked into, and ended when it takes too
// long. An interrupted run leaves the job running: see `batch-status`.
//
// +cache="never"
func (m *Prooflink) BatchSubmit(
	ctx context.Context,
	// The environment: "dev" or "prod".
	//
	// +default="dev"
	env string,
	// "user-import" or "test-case-import".
	//
	// +default="user-import"
	job string,
	// The file's key in the files bucket; by default imports/users.csv, or
	// imports/test-cases.csv.
	//
	// +optional
	inputKey string,
	// A CSV file to upload under that key first, like ./users.csv.
	//
	// +optional
	inputFile *dagger.File,
	// Who the rows are changed by, in the database too; by default the caller.
	//
	// +optional
	executor string,
	// Options of the import, like "--dry-run,--encoding=cp932,--max-rejected=10".
	//
	// +optional
	options []string,
	// Wait for the job's end; the default.
	//
	// +default=true
	wait bool,
	// End once the job is submitted.
	//
	// +optional
	noWait bool,
	// Print the submission, and change nothing.
	//
	// +optional
	dryRun bool,
	// Variables to add, like "LOG_LEVEL=debug".
	//
	// +optional
	envOverride []string,
	// The job's vCPUs, like "0.5"; by default the definition's.
	//
	// +optional
	vcpu string,
	// Its memory in MiB, like 1024; by default the definition's.
	//
	// +optional
	memory int,
	// How long an attempt may take, like "90m"; by default the definition's.
	//
	// +optional
	timeout string,
	// How often it may be started when Spot interrupts it; by default the definition's.
	//
	// +optional
	attempts int,
	// A name for this submission, like a pipeline's run: the same name again
	// follows the job that is there. It is kept for 30 days.
	//
	// +optional
	idempotencyKey string,
	// How long the job may take to start before it is ended.
	//
	// +default=15
	startMinutes int,
	// How long to wait for its end; by default as long as it may take.
	//
	// +optional
	limitMinutes int,
	// "text" for a person, "json" for a program.
	//
	// +default="text"
	format string,
) (string, error) {
	request := submit.Request{Job: job, Key: or(inputKey, imports.Key(job)), Executor: or(executor, m.Who), Options: options,
		VCPU: vcpu, Memory: memory, Attempts: attempts, IdempotencyKey: idempotencyKey, Run: m.Run}
	at, err := m.asked(ctx, env, format, &request, asGiven{inputFile, envOverride, timeout})
	if err != nil {
		return "", m.ended(ctx, env, err)
	}
	if dryRun {
		preview, err := submit.Plan(ctx, at.access, at.environment, request)
		if err != nil {
			return "", err
		}
		return in(format, preview), nil
	}
	ended, err := imports.Run(ctx, at.access, at.environment, request, imports.Options{
		Wait: wait && !noWait, StartLimit: time.Duration(startMinutes) * time.Minute, Limit: time.Duration(limitMinutes) * time.Minute, Say: os.Stdout,
	})
	return m.imported(ctx, env, format, ended, err)
}

// asGiven are arguments of batch-submit that a request has in another form.
type asGiven struct {
	file      *dagger.File
	variables []string
	timeout   string
}

// asked completes the request, checks all that can be said of it without AWS,
// and opens the access to it.
func (m *Prooflink) asked(ctx context.Context, env, format string, request *submit.Request, given asGiven) (place, error) {
	environment, err := config.Load(env)
	if err != nil {
		return place{}, misused(err)
	}
	if env == localEnv {
		return place{}, misused(errors.New("--env local has no AWS Batch: `dagger call batch-run` runs the job here"))
	}
	var file, variables, timeout error
	request.File, file = exported(ctx, given.file)
	request.Env, variables = assignments(given.variables)
	request.Timeout, timeout = duration("--timeout", given.timeout)
	if err := errors.Join(file, variables, timeout, request.Check(environment)); err != nil {
		return place{}, misused(err)
	}
	return m.reachFor(ctx, env, format)
}

// duration reads a length of time; 0 for none.
func duration(argument, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	length, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%s %s: write a duration like 90m or 2h", argument, text)
	}
	return length, nil
}

// imported tells how a submission ended, and ends with the job's exit code.
func (m *Prooflink) imported(ctx context.Context, env, format string, ended imports.Ended, err error) (string, error) {
	if ended.Submission.JobID == "" && err != nil {
		return "", m.ended(ctx, env, err)
	}
	if err := m.keep(ctx, env, ended); err != nil {
		fmt.Println("the report was not kept:", err)
	}
	if err != nil {
		return "", m.exit(ctx, ended.ExitCode(), in(format, ended))
	}
	return in(format, ended), nil
}

// List the import jobs of an environment, in all states, the newest first.
//
// AWS Batch remembers a job for about seven days after its end.
//
// +cache="never"
func (m *Prooflink) BatchList(
	ctx context.Context,
	// The environment: "dev" or "prod".
	//
	// +default="dev"
	env string,
	// "user-import" or "test-case-import"; by default both.
	//
	// +optional
	job string,
	// Those in one state: "submitted", "runnable", "starting", "running",
	// "succeeded" or "failed".
	//
	// +optional
	status string,
	// How far back: "2h", "1d", or a time like "2026-11-22T09:00:00Z".
	//
	// +optional
	since string,
	// At most so many.
	//
	// +default=20
	limit int,
	// "text" for a person, "json" for a program.
	//
	// +default="text"
	format string,
) (string, error) {
	at, err := m.reachFor(ctx, env, format)
	if err != nil {
		return "", m.ended(ctx, env, err)
	}
	listing, err := batchjob.List(ctx, at.access, at.environment, batchjob.Filter{Job: job, Status: status, Since: since, Limit: limit})
	if err != nil {
		return "", err
	}
	return in(format, listing), nil
}

// Say how an import job is: its state, attempts, times and result.
//
// +cache="never"
func (m *Prooflink) BatchStatus(
	ctx context.Context,
	// The job's id, or the beginning of its id or name.
	id string,
	// The environment: "dev" or "prod".
	//
	// +default="dev"
	env string,
	// "text" for a person, "json" for a program.
	//
	// +default="text"
	format string,
) (string, error) {
	at, err := m.reachFor(ctx, env, format)
	if err != nil {
		return "", m.ended(ctx, env, err)
	}
	outcome, err := batchjob.Describe(ctx, at.access, at.environment, id)
	if err != nil {
		return "", err
	}
	return in(format, outcome), nil
}

// Show the log of an import job, all of its attempts.
//
// +cache="never"
func (m *Prooflink) BatchLogs(
	ctx context.Context,
	// The job's id, or the beginning of its id or name.
	id string,
	// The environment: "dev" or "prod".
	//
	// +default="dev"
	env string,
	// Go on until the job's end, in the progress display.
	//
	// +optional
	follow bool,
) (string, error) {
	at, err := m.reach(ctx, env)
	if err != nil {
		return "", m.ended(ctx, env, err)
	}
	if follow {
		return "", batchjob.Logs(ctx, at.access, at.environment, id, true, os.Stdout)
	}
	var lines bytes.Buffer
	err = batchjob.Logs(ctx, at.access, at.environment, id, false, &lines)
	return lines.String(), err
}

// End an import job, and wait until it has.
//
// An import that runs rolls back: nothing of it is written.
//
// +cache="never"
func (m *Prooflink) BatchCancel(
	ctx context.Context,
	// The job's id, or the beginning of its id or name.
	id string,
	// The environment: "dev" or "prod".
	//
	// +default="dev"
	env string,
	// Why, for those who look at the job later.
	//
	// +optional
	reason string,
) (string, error) {
	at, err := m.reach(ctx, env)
	if err != nil {
		return "", m.ended(ctx, env, err)
	}
	outcome, err := batchjob.Cancel(ctx, at.access, at.environment, id, or(reason, "ended by "+m.Who), os.Stdout)
	if err != nil {
		return "", err
	}
	return outcome.Text(), nil
}

// Get what an import left: result.json and, where rows were rejected,
// rejected.csv with each row's line, column, reason and text.
//
//	dagger call batch-result --id 4f1c… export --path ./result
//
// +cache="never"
func (m *Prooflink) BatchResult(
	ctx context.Context,
	// The job's id, or the beginning of its id or name.
	id string,
	// The environment: "dev" or "prod".
	//
	// +default="dev"
	env string,
) (*dagger.Directory, error) {
	at, err := m.reach(ctx, env)
	if err != nil {
		return nil, m.ended(ctx, env, err)
	}
	dir, err := os.MkdirTemp(".", "result-")
	if err != nil {
		return nil, err
	}
	if err := imports.Save(ctx, at.access, at.environment, id, dir); err != nil {
		return nil, err
	}
	return dag.CurrentModule().Workdir(dir), nil
}

// reachFor is reach, for a result in a format.
func (m *Prooflink) reachFor(ctx context.Context, env, format string) (place, error) {
	if err := checkFormat(format); err != nil {
		return place{}, misused(err)
	}
	return m.reach(ctx, env)
}
