package main

import (
	"context"

	"github.com/prooflink/prooflink/.dagger/status"
)

// Say how an environment is: what runs there, since when, and what is amiss.
//
// Stacks, service, tasks with the digests and the commit that they run, the load
// balancer's targets, the last deployment, alarms that are firing, the lock, and
// whether the database is stopped.
//
// +cache="never"
func (m *Prooflink) Status(
	ctx context.Context,
	// The environment: "dev" or "prod".
	//
	// +default="dev"
	env string,
	// "text" for a person, "json" for a program.
	//
	// +default="text"
	format string,
) (string, error) {
	if err := checkFormat(format); err != nil {
		return "", m.ended(ctx, env, misused(err))
	}
	at, err := m.reach(ctx, env)
	if err != nil {
		return "", m.ended(ctx, env, err)
	}
	found := status.Read(ctx, at.access, at.environment)
	if format == formatJSON {
		return found.JSON()
	}
	return found.Text(), nil
}
