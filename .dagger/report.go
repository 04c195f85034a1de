package main

import (
	"context"
	"fmt"
	"os"

	"github.com/prooflink/prooflink/.dagger/internal/dagger"
	"github.com/prooflink/prooflink/infra/config"
)

// outcome is what is told of a run's end, good or bad.
type outcome interface {
	Text() string
	Markdown() string
	JSON() string
}

// reports are where outcomes are kept, a file per environment and format. They
// are the engine's: a pipeline's next step finds them there.
const reports = "/reports"

// Report the last deploy, release, rollback or migration that this engine ran.
//
// A pipeline's summary is `report --env dev --format markdown`, whether the run
// succeeded or not: what it says is in it, from the first cause to the next command.
//
// +cache="never"
func (m *Prooflink) Report(
	ctx context.Context,
	// The environment: "dev" or "prod".
	//
	// +default="dev"
	env string,
	// "text", "markdown" for GitHub's step summary, or "json".
	//
	// +default="text"
	format string,
) (string, error) {
	if _, err := config.Load(env); err != nil {
		return "", m.ended(ctx, env, misused(err))
	}
	if format != "text" && format != "markdown" && format != formatJSON {
		return "", m.ended(ctx, env, misused(fmt.Errorf("format %q is unknown; use text, markdown or json", format)))
	}
	said, err := m.kept().
		WithExec([]string{"sh", "-c", "test ! -e " + reports + "/" + env + "." + format + " || cat " + reports + "/" + env + "." + format}).
		Stdout(ctx)
	if err == nil && said == "" {
		said = "This engine has run nothing on " + env + " yet.\n"
	}
	return said, explain(err)
}

// keep keeps an outcome for Report.
func (m *Prooflink) keep(ctx context.Context, env string, end outcome) error {
	dir, err := os.MkdirTemp(".", "report-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for format, text := range map[string]string{"text": end.Text(), "markdown": end.Markdown(), formatJSON: end.JSON()} {
		if err := os.WriteFile(dir+"/"+env+"."+format, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return done(ctx, m.kept().
		WithDirectory("/new", dag.CurrentModule().Workdir(dir)).
		WithExec([]string{"sh", "-c", "cp /new/* " + reports}))
}

// kept is a container with the outcomes.
func (m *Prooflink) kept() *dagger.Container {
	return m.fresh().WithMountedCache(reports, dag.CacheVolume("prooflink-reports"))
}
