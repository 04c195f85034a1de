package main

import (
	"bytes"
	"context"
	"os"

	"github.com/prooflink/prooflink/.dagger/logs"
)

// Show the logs of an environment.
//
// The parts: "app" and what it writes itself, "server" and "client"; "errors",
// where the log router sends records of level error and above; "router", its own
// log; "migration"; and "batch". Where the router takes the application's log
// (logging.driver firelens), all of its records are in the archive bucket.
//
// +cache="never"
func (m *Prooflink) Logs(
	ctx context.Context,
	// The environment: "dev" or "prod".
	env string,
	// "app", "server", "client", "errors", "router", "migration" or "batch".
	//
	// +default="app"
	part string,
	// How far back: "15m", "2h", "1d", or a time like "2026-11-22T09:00:00Z".
	//
	// +default="15m"
	since string,
	// Go on with what comes in, in the progress display, until interrupted.
	//
	// +optional
	follow bool,
	// A filter pattern of CloudWatch Logs, like '{ $.level = "error" }' or '"timed out"'.
	//
	// +optional
	filter string,
	// A task's id, or the beginning of one.
	//
	// +optional
	task string,
) (string, error) {
	at, err := m.reach(ctx, env)
	if err != nil {
		return "", m.ended(ctx, env, err)
	}
	query := logs.Query{Part: part, Since: since, Follow: follow, Filter: filter, Task: task}
	if follow {
		return "", logs.Show(ctx, at.access, at.environment, query, os.Stdout)
	}
	var lines bytes.Buffer
	err = logs.Show(ctx, at.access, at.environment, query, &lines)
	return lines.String(), err
}
