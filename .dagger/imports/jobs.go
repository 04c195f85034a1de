package imports

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/prooflink/prooflink/.dagger/batchjob"
	"github.com/prooflink/prooflink/infra/config"
)

// files are the jobs with the name of the file that each imports by default,
// under imports/ of the files bucket and among the samples.
var files = map[string]string{"user-import": "users.csv", "test-case-import": "test-cases.csv"}

// Key is the key of a job's file unless it is said
// (004_9a2c9db51dc67ef8.txt 16-8: imports/users.csv).
func Key(job string) string { return "imports/" + files[job] }

// Check refuses a job that isn't one of them.
func Check(job string) error {
	if files[job] == "" {
		return fmt.Errorf("--job %q: there is no such job; write one of %s", job, strings.Join(slices.Sorted(maps.Keys(files)), ", "))
	}
	return nil
}

// Sample is where the repository has a sample for a job.
func Sample(job string) string { return "batch/samples/" + files[job] }

// Save writes what a job has left into a folder: result.json and, where rows were
// rejected, rejected.csv.
func Save(ctx context.Context, access aws.Config, environment config.Environment, id, dir string) error {
	result, rejected, err := batchjob.ReadResult(ctx, access, environment, id)
	if err != nil {
		return err
	}
	if rejected != nil {
		defer rejected.Close()
		if err := save(filepath.Join(dir, "rejected.csv"), rejected); err != nil {
			return fmt.Errorf("save the rejected rows of job %s: %w", id, err)
		}
	}
	return os.WriteFile(filepath.Join(dir, "result.json"), result, 0o600)
}

// save writes a file.
func save(path string, from io.Reader) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(file, from)
	return err
}
