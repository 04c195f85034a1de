package lock

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/prooflink/prooflink/.dagger/pause"
	"github.com/prooflink/prooflink/infra/names"
)

// The shortest and the longest time for which a person can have a lock: a
// forgotten one shouldn't stop a project.
const (
	shortest = time.Minute
	week     = 7 * 24 * time.Hour
)

// Hold takes the lock for a person, from a minute to a week; nothing renews it.
// Who has it already can have it longer. Anybody else's is a *Taken error.
func Hold(ctx context.Context, access aws.Config, n names.Names, owner Owner, length time.Duration) (State, error) {
	if length < shortest || length > week {
		return State{}, fmt.Errorf("hold the lock of %s for %s: it is held from a minute to a week, e.g. dagger call lock --env %s --for 2h", n.Env, length, n.Env)
	}
	p := open(access, n)
	owner.Who = clip(owner.Who)
	mine := entry{Held: true, Owner: owner, Token: rand.Text(), Seconds: int(length / time.Second)}
	for {
		state, err := p.read(ctx)
		switch {
		case err != nil:
			return State{}, err
		case state.Held && state.Token == mine.Token:
			return state, nil
		case state.heldBy(owner.Who):
			mine.Since = state.Since
		case !state.Free():
			return State{}, &Taken{Env: n.Env, State: state}
		}
		if _, err := p.step(ctx, mine, state.Version); err != nil {
			return State{}, err
		}
	}
}

// heldBy says whether a person has the lock.
func (s State) heldBy(who string) bool { return s.Held && !s.Renews && s.Who == who }

// step writes an entry. Where it doesn't count, the caller reads again.
func (p parameter) step(ctx context.Context, e entry, base int64) (won bool, err error) {
	won, _, err = p.put(ctx, e, base)
	if won || err != nil {
		return won, err
	}
	return false, pause.For(ctx, again)
}

// Unlock frees a lock and returns it as it was: whose it was, where it is Held,
// and nothing to free otherwise. Without force it frees only one of the same who;
// anybody else's is a *Taken error. With force it frees what can't be read too.
//
// A run that is robbed notices it at its next renewal, and in any case before its
// lock would have expired. Until then, two minutes at most, nobody can take the
// lock, unless the run releases it itself.
func Unlock(ctx context.Context, access aws.Config, n names.Names, who string, force bool) (State, error) {
	p, who := open(access, n), clip(who)
	var before State
	for {
		state, err := p.robbable(ctx, force)
		switch {
		case err != nil:
			return State{}, err
		case !state.Held && before.Held && state.Token == before.Token && state.FreedBy == who:
			return before, nil // by a write whose answer was lost
		case !state.Held:
			return state, nil
		case state.Who != who && !force:
			return state, &Taken{Env: n.Env, State: state}
		}
		won, err := p.step(ctx, state.freed(state.grace(), who), state.Version)
		if won || err != nil {
			return state, err
		}
		before = state
	}
}

// robbable reads a lock; by force also one that can't be read: whoever has it
// gets as long to notice as a run has that has just renewed its lock.
func (p parameter) robbable(ctx context.Context, force bool) (State, error) {
	state, err := p.read(ctx)
	var unreadable *Unreadable
	if force && errors.As(err, &unreadable) {
		now := time.Now()
		return State{
			Held: true, Renews: true, Owner: Owner{Who: "somebody unknown"}, Version: unreadable.newest, Now: now, Expires: now.Add(lease),
		}, nil
	}
	return state, err
}

// grace is how long a run may believe that it has a lock that was freed.
func (s State) grace() time.Duration {
	if !s.Renews {
		return 0
	}
	return s.Expires.Sub(s.Now)
}
