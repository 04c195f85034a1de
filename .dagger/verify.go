package main

import (
	"context"
	"fmt"
	"os"

	"github.com/prooflink/prooflink/.dagger/verify"
)

// Look, before a deployment, for all that would stop it. It only reads.
//
// Account, bootstrap, roles, quotas, images, secrets, certificate, zone, log
// groups, database, Batch, what there may be only one of, and the state of
// stacks and lock: each finding has what, where and how to mend it, all at once.
//
// +cache="never"
func (m *Prooflink) Verify(
	ctx context.Context,
	// The environment: "dev" or "prod".
	env string,
	// Start the database where its schedule has stopped it, and wait for it.
	//
	// +optional
	startDB bool,
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
	if startDB {
		err := m.underLock(ctx, at, "start the database", func(ctx context.Context) error {
			return verify.StartDatabase(ctx, at.access, at.environment, os.Stdout)
		})
		if err != nil {
			return "", err
		}
	}
	found := verify.Run(ctx, at.access, at.environment, verify.Options{})
	if blockers := found.Blockers(); len(blockers) > 0 {
		return "", fmt.Errorf("%d things would stop a deployment of %s:\n\n%s", len(blockers), env, in(format, found))
	}
	return in(format, found), nil
}
