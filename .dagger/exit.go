package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/prooflink/prooflink/.dagger/internal/dagger"
	"github.com/prooflink/prooflink/.dagger/record"
	"github.com/prooflink/prooflink/.dagger/report"
)

// Exit codes of `dagger call`: 0 is done and 1 failed, as ever.
const (
	exitMisuse     = 2
	exitRolledBack = 3
)

// misuse is a mistake of the caller: an argument, a configuration, credentials.
type misuse struct{ error }

func (m misuse) Unwrap() error { return m.error }

// misused makes an error one of the caller's.
func misused(err error) error {
	if err == nil {
		return nil
	}
	return misuse{err}
}

// ended ends a function on an environment: what went wrong is kept for `report`
// and decides the exit code.
func (m *Prooflink) ended(ctx context.Context, env string, err error) error {
	var failure *report.Failure
	var unclear *record.Unclear
	var mistake misuse
	switch {
	case errors.As(err, &failure) && (errors.As(err, &unclear) || errors.Is(err, record.ErrNothing)):
		return m.exit(ctx, exitMisuse, failure.Problem) // what there is to go back to is a table
	case errors.As(err, &failure):
		return m.failed(ctx, env, failure)
	case errors.As(err, &mistake):
		return m.exit(ctx, exitMisuse, err.Error())
	default:
		return err
	}
}

// failed keeps a failure's report and ends with its exit code.
func (m *Prooflink) failed(ctx context.Context, env string, failure *report.Failure) error {
	if err := m.keep(ctx, env, failure); err != nil {
		fmt.Println("the report was not kept:", err)
	}
	if failure.Outcome == report.RolledBack {
		return m.exit(ctx, exitRolledBack, failure.Text())
	}
	return failure
}

// exit is an error that `dagger call` ends with this code for: it takes over that
// of a command in a container, and prints what the command wrote.
func (m *Prooflink) exit(ctx context.Context, code int, text string) error {
	_, err := m.fresh().
		WithNewFile("/report", text+"\n").
		WithExec([]string{"sh", "-c", fmt.Sprintf("cat /report >&2; exit %d", code)}).
		Sync(ctx)
	return err
}

// fresh is a container whose commands are run, whatever was run before.
func (m *Prooflink) fresh() *dagger.Container {
	return dag.Container().
		From(m.NodeImage).
		WithEnvVariable("PROOFLINK_RUN", strconv.FormatInt(time.Now().UnixNano(), 36))
}
