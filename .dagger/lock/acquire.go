package lock

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/prooflink/prooflink/.dagger/pause"
	"github.com/prooflink/prooflink/infra/names"
)

// Options choose what Acquire does.
type Options struct {
	// Wait waits for whoever has the lock, as long as the context lasts.
	Wait bool
}

// Acquire takes the lock for a run. The context it returns ends when the lock is
// lost (context.Cause is a *Lost), when the run releases it, and with its parent.
//
// Who has it decides how: a person's lock and one of a run that goes on are an
// error (*Taken), unless Options.Wait. Whether a run goes on shows at its next
// renewal, half a minute later at most; one that has ended without releasing its
// lock is waited for until it expires, and say is told what it was doing.
func Acquire(ctx context.Context, access aws.Config, n names.Names, owner Owner, options Options, say io.Writer) (*Held, context.Context, error) {
	held := &Held{parameter: open(access, n), entry: entry{
		Held: true, Owner: owner, Token: rand.Text(), Renews: true, Seconds: int(lease / time.Second),
	}}
	if err := held.take(ctx, options, &teller{say: say, env: n.Env}); err != nil {
		held.abandon(ctx)
		return nil, nil, err
	}
	return held, held.keep(ctx), nil
}

// take waits for the lock and takes it.
func (h *Held) take(ctx context.Context, options Options, tell *teller) error {
	var first *State
	for {
		state, err := h.parameter.read(ctx)
		if err != nil {
			return err
		}
		if first == nil {
			first = &state
		}
		if state.Free() || h.mine(state) {
			won, err := h.try(ctx, state)
			if err != nil {
				return err
			}
			if won {
				tell.tookOver(h.Previous)
				return nil
			}
		} else if err := h.consider(judge(*first, state), state, options, tell); err != nil {
			return err
		}
		if err := pause.For(ctx, until(state)); err != nil {
			return fmt.Errorf("wait for the lock of %s: %w", h.parameter.env, err)
		}
	}
}

// try writes that the lock is taken. It has won only where the write counts;
// after a write whose answer was lost, the next one is based on that.
func (h *Held) try(ctx context.Context, found State) (bool, error) {
	if !h.mine(found) {
		h.Previous = found
	}
	h.wrote = true
	return h.write(ctx, found.Version)
}

// consider refuses a lock that somebody has, or tells that it is waited for.
func (h *Held) consider(now verdict, s State, options Options, tell *teller) error {
	if now.refused && !options.Wait {
		return &Taken{Env: h.parameter.env, State: s}
	}
	tell.waiting(now, s)
	return nil
}

// mine says whether a lock is this holder's, held or not.
func (h *Held) mine(s State) bool { return s.Token == h.entry.Token }

// abandon frees what an attempt that has failed may have taken.
func (h *Held) abandon(ctx context.Context) {
	if !h.wrote {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	_ = h.free(ctx) // it expires where this fails
}

// until is how long to wait before looking again.
func until(s State) time.Duration {
	return max(again, min(poll, s.Expires.Sub(s.Now)))
}

// verdict is how a lock that somebody has is to be seen.
type verdict struct {
	name string
	// refused is one that only Options.Wait waits for.
	refused bool
	// line is told once.
	line func(env string, s State) string
}

var (
	person = verdict{"person", true, waitingFor}
	living = verdict{"living", true, waitingFor}
	robbed = verdict{"robbed", false, waitingFor}
	ended  = verdict{"ended", false, func(env string, s State) string {
		return fmt.Sprintf("the lock of %s expires in %s, and is taken over then: its run seems to have ended: %s", env, words(s.Expires.Sub(s.Now)), s.describe())
	}}
	unsure = verdict{"unsure", false, func(env string, s State) string {
		return fmt.Sprintf("the lock of %s is taken, looking whether its run goes on: %s", env, s.describe())
	}}
)

func waitingFor(env string, s State) string {
	return fmt.Sprintf("waiting for the lock of %s: %s", env, s.describe())
}

// judge compares a lock with how it was when it was first looked at: one that
// has been written since is a run's that goes on.
func judge(first, now State) verdict {
	switch {
	case !now.Held:
		return robbed
	case !now.Renews:
		return person
	case now.Renewed.After(first.Renewed):
		if now.Overdue() {
			return ended
		}
		return living
	case now.Overdue():
		return ended
	}
	return unsure
}

// teller says what Acquire waits for, once.
type teller struct {
	say  io.Writer
	env  string
	last [3]string
}

// waiting tells when the holder, what is known of it or its step has changed.
func (t *teller) waiting(now verdict, s State) {
	if key := [3]string{now.name, s.Token, s.Step}; key != t.last {
		t.last = key
		fmt.Fprintln(t.say, now.line(t.env, s))
	}
}

// tookOver tells what the run before has left.
func (t *teller) tookOver(before State) {
	if !before.Expired || !before.Renews {
		return
	}
	during := ""
	if before.Step != "" {
		during = " during " + quote(before.Step)
	}
	fmt.Fprintf(t.say, "took over the lock of %s from %s: its run ended%s, %s\n", t.env, before.subject(), during, ago(before.Now.Sub(before.Renewed)))
}

// ErrReleased is the cause of the end of a context whose run has released its lock.
var ErrReleased = errors.New("the lock was released")
