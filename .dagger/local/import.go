package local

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prooflink/prooflink/.dagger/definition"
	"github.com/prooflink/prooflink/.dagger/jobs"
)

// Job is an import to run.
type Job struct {
	// Name is "user-import" or "test-case-import".
	Name string
	// Key is where the file goes in the files bucket, and CSV the file.
	Key string
	CSV []byte
	// Executor is who runs it.
	Executor string
	// Options are added to the definition's command, like "--dry-run".
	Options []string
}

// Imported is how a job ended.
type Imported struct {
	// ID is what stands for AWS Batch's job id.
	ID string
	// Input is the file, "s3://bucket/key".
	Input string
	// ExitCode is the program's: 0 all rows in, 3 finished with rejected rows, 1
	// nothing written, 2 wrong usage.
	ExitCode int
	// Log is what it printed, a JSON record a line.
	Log string
	// Result is the result's JSON and Rejected the CSV of the rejected rows; nil
	// where the job left none.
	Result, Rejected []byte
}

const userImport = "user-import"

// Import runs one import, in a system that is made for it or that runs already.
// That the program ends with an exit code other than 0 is no error here.
func Import(ctx context.Context, machine Machine, options Options, job Job) (Imported, error) {
	d := &deployment{machine: machine, options: options}
	var imported Imported
	results := jobs.Steps(ctx, append(d.prepare(), jobs.Job{Name: "run " + job.Name, Run: func(ctx context.Context) (string, error) {
		var err error
		imported, err = d.run(ctx, job)
		return imported.Input, err
	}})...)
	if failed := results.Failed(); len(failed) > 0 {
		return imported, fmt.Errorf("run %s in %s: step %q failed\n\n%s", job.Name, options.Environment.Env, failed[0], results.Report())
	}
	return imported, nil
}

// run puts the file into the files bucket, runs the job as its definition says,
// with what a submission and AWS Batch would add, and reads what it left.
func (d *deployment) run(ctx context.Context, job Job) (Imported, error) {
	process, err := definition.JobProcess(ctx, d.aws.batch, d.names().Prefix()+"-"+job.Name)
	if err != nil {
		return Imported{}, err
	}
	task, err := d.task(ctx, process)
	if err != nil {
		return Imported{}, err
	}
	bucket := task.Env["INPUT_S3_BUCKET"]
	imported := Imported{ID: "local-" + time.Now().UTC().Format("20060102T150405.000"), Input: "s3://" + bucket + "/" + job.Key}
	if err := d.aws.put(ctx, bucket, job.Key, job.CSV); err != nil {
		return imported, err
	}
	task.Command = append(task.Command, job.Options...)
	task.Env["INPUT_S3_KEY"], task.Env["EXECUTOR_NAME"], task.Env["AWS_BATCH_JOB_ID"] = job.Key, job.Executor, imported.ID
	imported.Log, err = d.machine.Run(ctx, task)
	var exited *Exited
	if errors.As(err, &exited) {
		imported.ExitCode, imported.Log = exited.Code, exited.Output
	} else if err != nil {
		return imported, err
	}
	return imported, d.readResult(ctx, task.Env["OUTPUT_S3_BUCKET"], job.Name, &imported)
}

// readResult reads what a job has left under imports-results/.
func (d *deployment) readResult(ctx context.Context, bucket, job string, imported *Imported) (err error) {
	key := "imports-results/" + job + "/" + imported.ID
	if imported.Result, err = d.aws.get(ctx, bucket, key+".json"); err == nil {
		imported.Rejected, err = d.aws.get(ctx, bucket, key+".rejected.csv")
	}
	return err
}

// failure is an error where the job has not imported every row.
func (i Imported) failure() error {
	if i.ExitCode == 0 {
		return nil
	}
	return fmt.Errorf("the import ended with exit code %d:\n%s", i.ExitCode, strings.TrimSpace(i.Log))
}
