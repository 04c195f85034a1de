package lock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prooflink/prooflink/.dagger/pause"
)

// Held is a run's lock.
type Held struct {
	// Previous is the lock as this run found it. Where it is Expired, its run has
	// ended without releasing it, at Previous.Step.
	Previous State

	parameter parameter
	entry     entry
	base      int64
	// wrote says that the lock may be taken even where taking it has failed.
	wrote bool

	// mu guards what follows and the entry's step.
	mu sync.Mutex
	// renewed is the machine's time before the last write that counts, at or
	// before AWS's time of it.
	renewed time.Time
	problem error

	hasten  chan struct{}
	cancel  context.CancelCauseFunc
	running sync.WaitGroup
}

// Step notes what the run is doing, e.g. "deploy ComputeStack-dev": who waits for
// the lock reads it, and who takes it over after a kill. It is written within a
// few seconds, with the next renewal.
func (h *Held) Step(name string) {
	h.mu.Lock()
	h.entry.Step = name
	h.mu.Unlock()
	select {
	case h.hasten <- struct{}{}:
	default:
	}
}

// keep renews the lock until the context that it returns ends.
func (h *Held) keep(parent context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(parent)
	h.cancel, h.hasten = cancel, make(chan struct{}, 1)
	h.running.Go(func() { h.renewals(ctx) })
	h.running.Go(func() { h.watch(ctx) })
	return ctx
}

// watch ends the context when the lock hasn't been renewed for so long that
// somebody else might soon take it, whatever a call under way is doing.
func (h *Held) watch(ctx context.Context) {
	for ctx.Err() == nil {
		h.mu.Lock()
		renewed, problem := h.renewed, h.problem
		h.mu.Unlock()
		if age(renewed) >= lease-margin {
			h.cancel(&Lost{Env: h.parameter.env, Err: fmt.Errorf("it could not be renewed for %s: %w", words(lease-margin), cause(problem))})
		}
		_ = pause.For(ctx, tick)
	}
}

// errAsleep is why a lock wasn't renewed where no call has even failed.
var errAsleep = errors.New("this machine was asleep, or its clock was set")

// cause is why a lock wasn't renewed.
func cause(problem error) error {
	if problem == nil {
		return errAsleep
	}
	return problem
}

// age is how long ago a time was. The clock of a program stands still while its
// machine sleeps, and the machine's time may be set: the longer of the two counts.
func age(at time.Time) time.Duration {
	now := time.Now()
	return max(now.Sub(at), now.Round(0).Sub(at.Round(0)))
}

// renewals renews the lock: when it is due or the step changes, and a little
// later after a problem.
func (h *Held) renewals(ctx context.Context) {
	due := every
	for h.rest(ctx, due) {
		if err := h.renew(ctx); err != nil {
			h.fail(err)
			due = poll
			continue
		}
		due = every
	}
}

// rest waits until the next renewal is due, which a new step hastens, but not to
// more than one in a few seconds.
func (h *Held) rest(ctx context.Context, due time.Duration) bool {
	if pause.For(ctx, poll) != nil {
		return false
	}
	timer := time.NewTimer(due - poll)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-h.hasten:
	case <-timer.C:
	}
	return true
}

// renew writes the lock again, until the write counts. It gives up on a call that
// isn't answered, or that the SDK tries again less and less often, while there is
// time for others.
func (h *Held) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*poll)
	defer cancel()
	for {
		won, err := h.write(ctx, h.base)
		if won || err != nil {
			return err
		}
		state, err := h.parameter.read(ctx)
		if err != nil {
			return err
		}
		if !h.mine(state) || !state.Held {
			return &Lost{Env: h.parameter.env, State: state}
		}
		h.base = state.Version
		if err := pause.For(ctx, again); err != nil {
			return err
		}
	}
}

// fail notes a problem, which may pass, and ends the context for one that can't.
func (h *Held) fail(err error) {
	var lost *Lost
	var unreadable *Unreadable
	switch {
	case errors.As(err, &lost):
		h.cancel(lost)
	case errors.As(err, &unreadable):
		h.cancel(&Lost{Env: h.parameter.env, Err: unreadable})
	default:
		h.mu.Lock()
		defer h.mu.Unlock()
		h.problem = err
	}
}

// write writes that the lock is held, on a base, and notes it where it counts and
// the answer came in time to rely on it.
func (h *Held) write(ctx context.Context, base int64) (bool, error) {
	h.mu.Lock()
	next := h.entry
	h.mu.Unlock()
	started := time.Now()
	won, at, err := h.parameter.put(ctx, next, base)
	if !won || err != nil || age(started) >= lease-margin {
		return false, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.base, h.renewed, h.problem = base+1, started, nil
	if h.entry.Since.IsZero() {
		h.entry.Since = at
	}
	return true, nil
}

// patience is how long a lock's release may take after its run was told to end: a
// cancelled job of GitHub Actions has 7.5 seconds before SIGTERM, and 2.5 more
// before it is killed.
const patience = 5 * time.Second

// Release frees the lock, and ends the context that Acquire has returned. It
// works after the caller's own context has ended too, for a few seconds. A lock
// that was lost is left to whoever has it, with a *Lost error.
func (h *Held) Release(ctx context.Context) error {
	h.cancel(ErrReleased)
	h.running.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return h.free(ctx)
}

// free writes that the lock is free, where it is still this holder's: held,
// expired, or freed by somebody who leaves this run the time to notice.
func (h *Held) free(ctx context.Context) error {
	for {
		state, err := h.parameter.read(ctx)
		switch {
		case err != nil:
			return fmt.Errorf("release: %w (it expires in %s at most)", err, words(lease))
		case !h.mine(state):
			return &Lost{Env: h.parameter.env, State: state}
		case state.Expires.IsZero():
			return nil
		}
		won, err := h.parameter.step(ctx, state.freed(0, state.FreedBy), state.Version)
		if err != nil {
			return fmt.Errorf("release: %w (it expires in %s at most)", err, words(lease))
		}
		if won {
			return nil
		}
	}
}

// freed is the entry that frees a lock, after some time. It keeps whose it was.
func (s State) freed(after time.Duration, by string) entry {
	// A part of a second counts as a whole one.
	seconds := int((after + time.Second - 1) / time.Second)
	return entry{Owner: s.Owner, Token: s.Token, Renews: s.Renews, Step: s.Step, Since: s.Since, Seconds: seconds, FreedBy: by}
}
