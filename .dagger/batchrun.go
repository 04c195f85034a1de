package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/prooflink/prooflink/.dagger/imports"
	"github.com/prooflink/prooflink/.dagger/internal/dagger"
	"github.com/prooflink/prooflink/.dagger/local"
	"github.com/prooflink/prooflink/infra/config"
)

// Run an import here, with no AWS account: the job's own image and definition,
// a real PostgreSQL, emulated S3. It ends with the job's exit code.
//
// Beside `serve up`, it imports into what is served, and the app shows it:
// --aws tcp://localhost:4566 --database tcp://localhost:5432. By itself it makes
// the same system, and drops it in the end.
//
// +cache="never"
func (m *Prooflink) BatchRun(
	ctx context.Context,
	// "user-import" or "test-case-import".
	//
	// +default="user-import"
	job string,
	// The CSV file, like ./users.csv; by default the sample in batch/samples.
	//
	// +optional
	inputFile *dagger.File,
	// Options of the import, like "--dry-run,--encoding=cp932,--max-rejected=10".
	//
	// +optional
	options []string,
	// Who the rows are changed by; by default the caller.
	//
	// +optional
	executor string,
	// The emulated AWS of `serve up`, tcp://localhost:4566.
	//
	// +optional
	aws *dagger.Service,
	// The PostgreSQL of `serve up`, tcp://localhost:5432.
	//
	// +optional
	database *dagger.Service,
) (string, error) {
	environment, err := config.Load(localEnv)
	if err != nil {
		return "", err
	}
	if err := errors.Join(imports.Check(job), together(aws, database)); err != nil {
		return "", m.ended(ctx, localEnv, misused(err))
	}
	csv, err := m.csv(ctx, inputFile, imports.Sample(job))
	if err != nil {
		return "", m.ended(ctx, localEnv, misused(err))
	}
	system, err := m.containers(ctx, environment)
	if err != nil {
		return "", err
	}
	system.emulator, system.database = aws, database
	imported, err := local.Import(ctx, system, local.Options{Environment: environment, Running: aws != nil},
		local.Job{Name: job, Key: imports.Key(job), CSV: csv, Executor: or(executor, m.Who), Options: options})
	if err != nil {
		return "", err
	}
	said := imports.Local(imported)
	if imported.ExitCode != 0 {
		return "", m.exit(ctx, imported.ExitCode, said)
	}
	return said, nil
}

// together refuses half of a running system.
func together(aws, database *dagger.Service) error {
	if (aws == nil) == (database == nil) {
		return nil
	}
	return errors.New("--aws and --database belong together: both are ports of `dagger call serve up`, like --aws tcp://localhost:4566 --database tcp://localhost:5432")
}

// csv reads a file of the caller's, or of the repository.
func (m *Prooflink) csv(ctx context.Context, given *dagger.File, sample string) ([]byte, error) {
	if given == nil {
		given = m.Source.File(sample)
	}
	path, err := exported(ctx, given)
	if err != nil {
		return nil, err
	}
	defer os.Remove(path)
	return os.ReadFile(path)
}

// exported brings a file of the caller's here; "" for none.
func exported(ctx context.Context, given *dagger.File) (string, error) {
	if given == nil {
		return "", nil
	}
	path, err := given.Export(ctx, "input-"+strconv.FormatInt(time.Now().UnixNano(), 36)+".csv")
	if err != nil {
		return "", fmt.Errorf("read the file: %w", err)
	}
	return path, nil
}
