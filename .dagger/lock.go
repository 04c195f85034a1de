package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/prooflink/prooflink/.dagger/lock"
)

// Lock an environment, for work that no deployment may come between.
//
// Deployments are refused, or wait, until the time is over or `unlock` frees it.
//
// +cache="never"
func (m *Prooflink) Lock(
	ctx context.Context,
	// The environment: "dev" or "prod".
	env string,
	// What for, like "restore the database".
	purpose string,
	// How long, like "90m"; from a minute to a week.
	//
	// +default="1h"
	length string,
) (string, error) {
	held, err := duration("--length", length)
	if err != nil {
		return "", m.ended(ctx, env, misused(err))
	}
	at, err := m.reach(ctx, env)
	if err != nil {
		return "", m.ended(ctx, env, err)
	}
	state, err := lock.Hold(ctx, at.access, at.environment.Names(), lock.Owner{Who: m.Who, Purpose: purpose, Run: m.Run}, held)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s has the lock of %s for %q until %s.\nTo give it back before: dagger call unlock --env %s\n",
		state.Who, env, state.Purpose, state.Expires.UTC().Format(time.RFC1123), env), nil
}

// Unlock an environment.
//
// Without --force it frees only a lock of your own. A lock of a run that was
// killed needs no hand: it expires within two minutes.
//
// +cache="never"
func (m *Prooflink) Unlock(
	ctx context.Context,
	// The environment: "dev" or "prod".
	env string,
	// Free it, whoever has it.
	//
	// +optional
	force bool,
) (string, error) {
	at, err := m.reach(ctx, env)
	if err != nil {
		return "", m.ended(ctx, env, err)
	}
	state, err := lock.Unlock(ctx, at.access, at.environment.Names(), m.Who, force)
	switch {
	case err != nil:
		return "", err
	case !state.Held:
		return "The lock of " + env + " was free.\n", nil
	default:
		return fmt.Sprintf("Freed the lock of %s, which %s had for %q since %s.\n", env, state.Who, state.Purpose, state.Since.UTC().Format(time.RFC1123)), nil
	}
}

// underLock does something that changes an environment, as the only one.
func (m *Prooflink) underLock(ctx context.Context, at place, purpose string, do func(context.Context) error) error {
	owner := lock.Owner{Who: m.Who, Purpose: purpose, Run: m.Run}
	held, locked, err := lock.Acquire(ctx, at.access, at.environment.Names(), owner, lock.Options{}, os.Stdout)
	if err != nil {
		return err
	}
	return errors.Join(do(locked), held.Release(ctx))
}
