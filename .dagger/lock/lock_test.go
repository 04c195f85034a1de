package lock_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/lock"
)

func TestOneOfManyTakesIt(t *testing.T) {
	before := map[string]func(*testing.T, world){
		"a lock that was never taken": func(*testing.T, world) {},
		"a lock that was released": func(t *testing.T, w world) {
			m := w.machine()
			held, _ := m.acquire(t, t.Context(), owner("before"))
			m.release(t, held)
		},
		"a lock whose run was killed long ago": func(t *testing.T, w world) {
			w.killed(t, owner("before"), "synth", time.Minute)
			time.Sleep(lease)
		},
		"a lock whose parameter was deleted by hand": func(t *testing.T, w world) {
			w.killed(t, owner("before"), "synth", time.Minute)
			w.store.Delete(parameter)
		},
	}
	for name, prepare := range before {
		for contenders := 2; contenders <= 8; contenders++ {
			t.Run(fmt.Sprintf("%s, %d contenders", name, contenders), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld()
					prepare(t, w)
					winners := contend(t, w, contenders)
					if winners != 1 {
						t.Errorf("%d have the lock at once", winners)
					}
				})
			})
		}
	}
}

// contend lets several take the lock at once and keep it for an hour, and
// returns how many have it.
func contend(t *testing.T, w world, contenders int) int {
	var mu sync.Mutex
	var group sync.WaitGroup
	winners := 0
	for i := range contenders {
		group.Go(func() {
			m := w.machine()
			held, run, err := lock.Acquire(t.Context(), m.access, dev, owner(fmt.Sprint(i)), lock.Options{}, io.Discard)
			var taken *lock.Taken
			if errors.As(err, &taken) {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			winners++
			mu.Unlock()
			time.Sleep(time.Hour)
			if run.Err() != nil {
				t.Errorf("the winner lost it: %v", context.Cause(run))
			}
			m.release(t, held)
		})
	}
	group.Wait()
	return winners
}

func TestALivingRunIsToldAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		holder, other := w.machine(), w.machine()
		held, _ := holder.acquire(t, t.Context(), lock.Owner{Who: "CI", Purpose: "deploy", Run: "https://github.com/prooflink/prooflink/actions/runs/7"})
		held.Step("push the images")
		time.Sleep(10 * time.Minute)
		held.Step("deploy ComputeStack-dev")
		time.Sleep(13 * time.Second)

		var say strings.Builder
		asked := time.Now()
		_, _, err := lock.Acquire(t.Context(), other.access, dev, owner("mika"), lock.Options{}, &say)
		var taken *lock.Taken
		if !errors.As(err, &taken) {
			t.Fatalf("not refused: %v", err)
		}
		if waited := time.Since(asked); waited > 40*time.Second {
			t.Errorf("it took %s to tell that the run goes on", waited)
		}
		want := `the lock of dev is taken: CI ("deploy") has it since 2000-01-01 00:00:00 UTC, renewed 3 seconds ago, at "deploy ComputeStack-dev", ` +
			`https://github.com/prooflink/prooflink/actions/runs/7; ` +
			`wait for it with --wait-in-progress, or, when nobody is behind it: dagger call unlock --env dev --force`
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Error(diff)
		}
		if strings.Count(say.String(), "\n") != 1 || !strings.Contains(say.String(), "looking whether its run goes on") {
			t.Errorf("said:\n%s", &say)
		}
		holder.release(t, held)
	})
}

func TestAKilledRunIsWaitedForAndTakenOver(t *testing.T) {
	for _, pause := range []time.Duration{0, 20 * time.Second, 50 * time.Second, 119 * time.Second, time.Hour} {
		t.Run(fmt.Sprintf("asked for %s after the kill", pause), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.killed(t, lock.Owner{Who: "CI", Purpose: "deploy"}, "deploy ComputeStack-dev", 40*time.Second)
				killed := time.Now()
				time.Sleep(pause)
				var say strings.Builder
				m := w.machine()
				held, _, err := lock.Acquire(t.Context(), m.access, dev, owner("mika"), lock.Options{}, &say)
				if err != nil {
					t.Fatal(err)
				}
				if waited := time.Since(killed) - pause; waited > lease+5*time.Second {
					t.Errorf("waited for %s", waited)
				}
				if held.Previous.Step != "deploy ComputeStack-dev" || !held.Previous.Expired {
					t.Errorf("found %+v", held.Previous)
				}
				lines := strings.Split(strings.TrimSpace(say.String()), "\n")
				want := `took over the lock of dev from CI ("deploy"): its run ended during "deploy ComputeStack-dev", `
				if last := lines[len(lines)-1]; !strings.HasPrefix(last, want) || !strings.HasSuffix(last, " ago") {
					t.Errorf("said:\n%s", &say)
				}
				if len(lines) > 3 {
					t.Errorf("said too much:\n%s", &say)
				}
				m.release(t, held)
			})
		})
	}
}

func TestWhatIsSaidWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		go func() {
			m := w.machine()
			held, _ := m.acquire(t, t.Context(), owner("CI"))
			time.Sleep(5 * time.Minute)
			held.Step("migrate")
			time.Sleep(5 * time.Minute)
			m.release(t, held)
		}()
		time.Sleep(time.Second)
		var say strings.Builder
		m := w.machine()
		held, _, err := lock.Acquire(t.Context(), m.access, dev, owner("mika"), lock.Options{Wait: true}, &say)
		if err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(time.Date(2000, 1, 1, 0, 10, 0, 0, time.UTC)); waited < 0 || waited > 6*time.Second {
			t.Errorf("took it %s after its release", waited)
		}
		m.release(t, held)
		want := `the lock of dev is taken, looking whether its run goes on: CI ("deploy") has it since 2000-01-01 00:00:00 UTC, renewed 1 second ago
waiting for the lock of dev: CI ("deploy") has it since 2000-01-01 00:00:00 UTC, renewed 1 second ago
waiting for the lock of dev: CI ("deploy") has it since 2000-01-01 00:00:00 UTC, renewed 1 second ago, at "migrate"
`
		if diff := cmp.Diff(want, say.String()); diff != "" {
			t.Error(diff)
		}
		if calls := len(m.server.Calls()); calls > 10*60/4 {
			t.Errorf("%d calls in ten minutes", calls)
		}
	})
}

func TestARunKeepsItsLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		m := w.machine()
		held, run := m.acquire(t, t.Context(), owner("CI"))
		for range 12 * 60 {
			time.Sleep(time.Minute)
			if state := m.read(t); !state.Held || state.Overdue() {
				t.Fatalf("after %s: %+v", time.Since(state.Since), state)
			}
		}
		if run.Err() != nil {
			t.Errorf("lost: %v", context.Cause(run))
		}
		m.release(t, held)
		if state := m.read(t); state.Held || !state.Free() || state.Who != "CI" {
			t.Errorf("after its release: %+v", state)
		}
		if cause := context.Cause(run); !errors.Is(cause, lock.ErrReleased) {
			t.Errorf("the context of a released lock ends with %v", cause)
		}
		if nonsense := m.server.Nonsense(); len(nonsense) > 0 {
			t.Error(nonsense)
		}
	})
}

func TestAStepIsSoonInTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newWorld().machine()
		held, _ := m.acquire(t, t.Context(), owner("CI"))
		before := len(m.server.Calls())
		for i := range 1000 {
			held.Step(fmt.Sprint("step ", i))
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(6 * time.Second)
		if calls := len(m.server.Calls()) - before; calls > 25 {
			t.Errorf("%d calls for steps of 100 seconds", calls)
		}
		if state := m.read(t); state.Step != "step 999" {
			t.Errorf("the lock's step is %q", state.Step)
		}
		m.release(t, held)
	})
}

func TestRenewalThroughTrouble(t *testing.T) {
	throttled := awsfake.Error("ThrottlingException", "Rate exceeded")
	unavailable := awsfake.ErrorStatus(503, "ServiceUnavailable", "")
	const forEver = 1_000_000
	for name, test := range map[string]struct {
		trouble error
		calls   int // that fail, one after the other
		lost    bool
	}{
		"throttling for a while":         {throttled, 12, false},
		"5xx for a while":                {unavailable, 12, false},
		"lost answers for a while":       {awsfake.ErrLost, 12, false},
		"denied for a while":             {awsfake.Error("AccessDeniedException", "no"), 10, false},
		"a busy parameter for a while":   {awsfake.Error("TooManyUpdates", ""), 10, false},
		"throttling for ever":            {throttled, forEver, true},
		"credentials that have run out":  {awsfake.Error("ExpiredTokenException", "The security token included in the request is expired"), forEver, true},
		"answers that are lost for ever": {awsfake.ErrLost, forEver, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				m := w.machine()
				held, run := m.acquire(t, t.Context(), owner("CI"))
				m.server.Fail("ssm:PutParameter", test.calls, test.trouble)
				began := time.Now()
				select {
				case <-run.Done():
				case <-time.After(time.Hour):
				}
				switch {
				case !test.lost && run.Err() != nil:
					t.Errorf("lost after %s: %v", time.Since(began), context.Cause(run))
				case test.lost && time.Since(began) > lease-margin+2*time.Second:
					t.Errorf("told only after %s", time.Since(began))
				case test.lost && m.read(t).Free():
					t.Error("the lock is free before its holder knows")
				}
				var lost *lock.Lost
				if test.lost && (!errors.As(context.Cause(run), &lost) || !strings.Contains(lost.Error(), "could not be renewed for 100 seconds: ")) {
					t.Errorf("the cause is %v", context.Cause(run))
				}
				_ = held.Release(t.Context())
			})
		})
	}
}

func TestRenewalAfterCallsThatAreNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newWorld().machine()
		held, run := m.acquire(t, t.Context(), owner("CI"))
		m.server.Latency(time.Hour)
		time.Sleep(70 * time.Second)
		m.server.Latency(0)
		time.Sleep(time.Hour)
		if run.Err() != nil {
			t.Error(context.Cause(run))
		}
		m.release(t, held)
	})
}

func TestWhyALockIsLost(t *testing.T) {
	for name, test := range map[string]struct {
		happens func(*testing.T, world)
		want    string
	}{
		"freed by force": {func(t *testing.T, w world) {
			if _, err := lock.Unlock(t.Context(), w.machine().access, dev, "mika", true); err != nil {
				t.Fatal(err)
			}
		}, "lost the lock of dev: mika freed it"},
		"written by hand": {func(_ *testing.T, w world) { w.store.Write(parameter, "free") },
			"lost the lock of dev: read the lock of dev: version 2 of the parameter /prooflink/dev/deploy/lock is not a lock: " +
				"invalid character 'r' in literal false (expecting 'a'); when no run is under way: dagger call unlock --env dev --force"},
		"deleted by hand": {func(_ *testing.T, w world) { w.store.Delete(parameter) },
			"lost the lock of dev: its parameter was deleted or written by hand"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				m := w.machine()
				held, run := m.acquire(t, t.Context(), owner("CI"))
				test.happens(t, w)
				select {
				case <-run.Done():
				case <-time.After(every + time.Second):
					t.Error("not noticed at the next renewal")
				}
				var lost *lock.Lost
				if !errors.As(context.Cause(run), &lost) {
					t.Fatalf("the cause is %v", context.Cause(run))
				}
				if diff := cmp.Diff(test.want, lost.Error()); diff != "" {
					t.Error(diff)
				}
				_ = held.Release(t.Context())
			})
		})
	}
}

func TestARobbedRunHasTimeToNotice(t *testing.T) {
	for name, test := range map[string]struct {
		hung    bool // the robbed run's calls don't get through
		atLeast time.Duration
		atMost  time.Duration
	}{
		"a run that notices and ends":   {false, 20 * time.Second, 40 * time.Second},
		"a run that is cut off or dead": {true, 100 * time.Second, lease + 10*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				robbed := w.machine()
				held, run := robbed.acquire(t, t.Context(), owner("CI"))
				time.Sleep(5 * time.Second)
				if test.hung {
					robbed.server.KillAfter(0)
				}
				go func() {
					<-run.Done()
					_ = held.Release(context.WithoutCancel(t.Context()))
				}()
				m := w.machine()
				was, err := lock.Unlock(t.Context(), m.access, dev, "mika", true)
				if err != nil || was.Who != "CI" || !was.Held {
					t.Fatalf("robbed %+v, %v", was, err)
				}
				forced := time.Now()
				var say strings.Builder
				next, _, err := lock.Acquire(t.Context(), m.access, dev, owner("mika"), lock.Options{}, &say)
				if err != nil {
					t.Fatal(err)
				}
				if run.Err() == nil {
					t.Error("both have the lock")
				}
				if waited := time.Since(forced); waited < test.atLeast || waited > test.atMost {
					t.Errorf("waited for %s", waited)
				}
				if !strings.HasPrefix(say.String(), `waiting for the lock of dev: mika freed that of CI ("deploy"), whose run may notice it only by 2000-01-01 00:02:00 UTC`) {
					t.Errorf("said:\n%s", &say)
				}
				m.release(t, next)
			})
		})
	}
}

func TestReleaseWorksWhenTheRunWasToldToEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		m := w.machine()
		ctx, interrupt := context.WithCancel(t.Context())
		held, run := m.acquire(t, ctx, owner("CI"))
		interrupt()
		if run.Err() == nil {
			t.Error("the run's context goes on")
		}
		if err := held.Release(ctx); err != nil {
			t.Error(err)
		}
		if !m.read(t).Free() {
			t.Error("still held")
		}
		versions := len(w.store.Versions(parameter))
		if err := held.Release(ctx); err != nil || len(w.store.Versions(parameter)) != versions {
			t.Errorf("the second time it writes %d versions, %v", len(w.store.Versions(parameter))-versions, err)
		}
	})
}

func TestReleaseTakesAFewSecondsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newWorld().machine()
		held, _ := m.acquire(t, t.Context(), owner("CI"))
		m.server.Latency(time.Hour)
		began := time.Now()
		err := held.Release(t.Context())
		if err == nil || time.Since(began) > 6*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		if want := "(it expires in 2 minutes at most)"; err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v", err)
		}
	})
}

func TestReleaseLeavesAnotherOnesLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		cut := w.machine()
		held, run := cut.acquire(t, t.Context(), owner("CI"))
		cut.server.KillAfter(0)
		m := w.machine()
		next, going := m.acquire(t, t.Context(), owner("mika"))
		cut.server.KillAfter(-1)
		var lost *lock.Lost
		if err := held.Release(t.Context()); !errors.As(err, &lost) || lost.State.Who != "mika" {
			t.Errorf("released with %v", err)
		}
		if run.Err() == nil {
			t.Error("the run goes on without its lock")
		}
		time.Sleep(time.Hour)
		if going.Err() != nil {
			t.Errorf("the next one lost it: %v", context.Cause(going))
		}
		m.release(t, next)
	})
}

func TestAnAttemptThatIsInterruptedLeavesNothing(t *testing.T) {
	for after := range 4 {
		t.Run(fmt.Sprintf("in the call after %d", after), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				m := w.machine()
				ctx, interrupt := context.WithTimeout(t.Context(), time.Duration(after)*time.Second+time.Second/2)
				defer interrupt()
				m.server.Latency(time.Second)
				held, _, err := lock.Acquire(ctx, m.access, dev, owner("mika"), lock.Options{}, io.Discard)
				if err == nil {
					m.release(t, held)
				}
				if other := w.machine(); !other.read(t).Free() {
					t.Errorf("left taken (%v): %+v", err, other.read(t))
				}
			})
		})
	}
}

func TestAnAttemptThatIsInterruptedBeforeItsAnswerFreesWhatItHasTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		m := w.machine()
		m.access.HTTPClient = &late{HTTPClient: m.access.HTTPClient, by: time.Minute}
		ctx, interrupt := context.WithTimeout(t.Context(), time.Second)
		defer interrupt()
		if _, _, err := lock.Acquire(ctx, m.access, dev, owner("mika"), lock.Options{}, io.Discard); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if versions := len(w.store.Versions(parameter)); versions != 2 {
			t.Errorf("%d versions, not one that takes it and one that frees it", versions)
		}
		if state := w.machine().read(t); !state.Free() {
			t.Errorf("left taken: %+v", state)
		}
	})
}

func TestAnAnswerThatComesTooLateIsNotReliedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		m := w.machine()
		m.access.HTTPClient = &late{HTTPClient: m.access.HTTPClient, by: lease - margin/2}
		held, run := m.acquire(t, t.Context(), owner("mika"))
		synctest.Wait()
		if run.Err() != nil || len(w.store.Versions(parameter)) != 2 {
			t.Errorf("%v, %d versions", context.Cause(run), len(w.store.Versions(parameter)))
		}
		m.release(t, held)
	})
}

func TestAVersionThatIsNotThereYetIsAskedForAgain(t *testing.T) {
	for times, ok := range map[int]bool{1: true, 4: true, 5: false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			m := w.machine()
			held, _ := m.acquire(t, t.Context(), owner("CI"))
			w.store.Write(parameter, w.value(t)) // overtaken: it says the same base
			m.access.HTTPClient = &stale{m.access.HTTPClient, times}
			state, err := lock.Read(t.Context(), m.access, dev)
			if ok && (err != nil || !state.Held || state.Version != 2) || !ok && err == nil {
				t.Errorf("%d times: %+v, %v", times, state, err)
			}
			m.release(t, held)
		})
	}
}

func TestALostAnswerCostsNothing(t *testing.T) {
	for name, prepare := range map[string]func(*testing.T, world){
		"the first lock ever": func(*testing.T, world) {},
		"a later one": func(t *testing.T, w world) {
			m := w.machine()
			held, _ := m.acquire(t, t.Context(), owner("before"))
			m.release(t, held)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				prepare(t, w)
				m := w.machine()
				m.server.Fail("ssm:PutParameter", 2, awsfake.ErrLost)
				held, run := m.acquire(t, t.Context(), owner("mika"))
				time.Sleep(10 * time.Minute)
				if run.Err() != nil {
					t.Error(context.Cause(run))
				}
				m.release(t, held)
			})
		})
	}
}

func TestAValueThatIsNoLock(t *testing.T) {
	for name, value := range map[string]string{"a word": "garbage", "another JSON": `{"held":false}`, "an empty list": "[]"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				m := w.machine()
				w.store.Write(parameter, value)
				calls := map[string]func() error{
					"read": func() error { _, err := lock.Read(t.Context(), m.access, dev); return err },
					"acquire": func() error {
						_, _, err := lock.Acquire(t.Context(), m.access, dev, owner("mika"), lock.Options{}, io.Discard)
						return err
					},
					"hold":   func() error { _, err := lock.Hold(t.Context(), m.access, dev, owner("mika"), time.Hour); return err },
					"unlock": func() error { _, err := lock.Unlock(t.Context(), m.access, dev, "mika", false); return err },
				}
				for call, do := range calls {
					err := do()
					var unreadable *lock.Unreadable
					if !errors.As(err, &unreadable) || !strings.Contains(err.Error(), parameter) || !strings.Contains(err.Error(), "unlock --env dev --force") {
						t.Errorf("%s: %v", call, err)
					}
				}
				if was, err := lock.Unlock(t.Context(), m.access, dev, "mika", true); err != nil || was.Who != "somebody unknown" {
					t.Errorf("by force: %+v, %v", was, err)
				}
				began := time.Now()
				held, _ := m.acquire(t, t.Context(), owner("mika"))
				if waited := time.Since(began); waited < 100*time.Second {
					t.Errorf("whoever had it had only %s to notice", waited)
				}
				m.release(t, held)
			})
		})
	}
}

func TestAPersonsLock(t *testing.T) {
	maintenance := lock.Owner{Who: "mika", Purpose: "maintenance"}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		m := w.machine()
		state, err := lock.Hold(t.Context(), m.access, dev, maintenance, 2*time.Hour)
		if err != nil || !state.Held || state.Expires.Sub(state.Renewed) != 2*time.Hour {
			t.Fatalf("%+v, %v", state, err)
		}
		time.Sleep(time.Hour)
		_, _, err = lock.Acquire(t.Context(), m.access, dev, owner("CI"), lock.Options{}, io.Discard)
		want := `the lock of dev is taken: mika ("maintenance") has it since 2000-01-01 00:00:00 UTC, until 2000-01-01 02:00:00 UTC; ` +
			`wait for it with --wait-in-progress, or, when mika agrees: dagger call unlock --env dev --force`
		if diff := cmp.Diff(want, fmt.Sprint(err)); diff != "" {
			t.Error(diff)
		}
		if since := time.Since(state.Since); since > time.Hour+time.Second {
			t.Errorf("refused only after %s", since-time.Hour)
		}
		if _, err := lock.Hold(t.Context(), m.access, dev, owner("ken"), time.Hour); err == nil {
			t.Error("two hold it")
		}
		longer, err := lock.Hold(t.Context(), m.access, dev, maintenance, 2*time.Hour)
		if err != nil || !longer.Since.Equal(state.Since) || longer.Expires.Sub(state.Expires).Round(time.Minute) != time.Hour {
			t.Errorf("held longer: %+v, %v", longer, err)
		}
		held, _, err := lock.Acquire(t.Context(), m.access, dev, owner("CI"), lock.Options{Wait: true}, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(longer.Expires); waited < 0 || waited > 6*time.Second {
			t.Errorf("taken %s after it ended", waited)
		}
		m.release(t, held)
	})
}

func TestHowLongAPersonCanHaveIt(t *testing.T) {
	for length, ok := range map[time.Duration]bool{
		-time.Hour: false, 0: false, time.Second: false, time.Minute: true, 7 * 24 * time.Hour: true, 8 * 24 * time.Hour: false,
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newWorld().machine()
			if _, err := lock.Hold(t.Context(), m.access, dev, owner("mika"), length); (err == nil) != ok {
				t.Errorf("for %s: %v", length, err)
			}
		})
	}
}

func TestWhoMayUnlock(t *testing.T) {
	for name, test := range map[string]struct {
		who   string
		force bool
		want  string // the error's beginning
	}{
		"who has it":               {"mika", false, ""},
		"somebody else":            {"ken", false, "the lock of dev is taken: mika"},
		"somebody else, by force":  {"ken", true, ""},
		"who has it, by force too": {"mika", true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newWorld().machine()
				if _, err := lock.Hold(t.Context(), m.access, dev, owner("mika"), time.Hour); err != nil {
					t.Fatal(err)
				}
				was, err := lock.Unlock(t.Context(), m.access, dev, test.who, test.force)
				if test.want == "" && err != nil || test.want != "" && !strings.HasPrefix(fmt.Sprint(err), test.want) {
					t.Errorf("%v", err)
				}
				if !was.Held || was.Who != "mika" {
					t.Errorf("robbed %+v", was)
				}
				state := m.read(t)
				if state.Free() != (test.want == "") {
					t.Errorf("left %+v", state)
				}
				if test.want == "" && state.FreedBy != test.who {
					t.Errorf("freed by %q", state.FreedBy)
				}
			})
		})
	}
}

func TestThereIsNothingToUnlock(t *testing.T) {
	for name, prepare := range map[string]func(*testing.T, world){
		"never taken": func(*testing.T, world) {},
		"expired": func(t *testing.T, w world) {
			w.killed(t, owner("CI"), "synth", time.Second)
			time.Sleep(time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				prepare(t, w)
				m := w.machine()
				state, err := lock.Unlock(t.Context(), m.access, dev, "mika", true)
				if err != nil || state.Held {
					t.Errorf("%+v, %v", state, err)
				}
				for _, call := range m.server.Calls() {
					if call.Mutating {
						t.Errorf("called %s", call.Operation)
					}
				}
			})
		})
	}
}

func TestAnUnlockWhoseAnswerWasLostSaysWhomItRobbed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newWorld().machine()
		if _, err := lock.Hold(t.Context(), m.access, dev, owner("mika"), time.Hour); err != nil {
			t.Fatal(err)
		}
		m.server.Fail("ssm:PutParameter", 1, awsfake.ErrLost)
		was, err := lock.Unlock(t.Context(), m.access, dev, "ken", true)
		if err != nil || !was.Held || was.Who != "mika" {
			t.Errorf("%+v, %v", was, err)
		}
	})
}

func TestClocksThatAreWrong(t *testing.T) {
	for _, ahead := range []time.Duration{-10 * time.Minute, 10 * time.Minute} {
		for name, run := range map[string]func(*testing.T, machine, machine){
			"doesn't take a lock that is held": func(t *testing.T, holder, wrong machine) {
				held, run := holder.acquire(t, t.Context(), owner("CI"))
				time.Sleep(time.Minute)
				_, _, err := lock.Acquire(t.Context(), wrong.access, dev, owner("mika"), lock.Options{}, io.Discard)
				var taken *lock.Taken
				if !errors.As(err, &taken) || run.Err() != nil {
					t.Errorf("%v; the holder's: %v", err, context.Cause(run))
				}
				holder.release(t, held)
			},
			"waits two minutes for a killed one": func(t *testing.T, holder, wrong machine) {
				ctx, kill := context.WithCancel(t.Context())
				holder.acquire(t, ctx, owner("CI"))
				kill()
				took(t, wrong, lease)
			},
			"is waited for two minutes itself": func(t *testing.T, holder, wrong machine) {
				ctx, kill := context.WithCancel(t.Context())
				wrong.acquire(t, ctx, owner("CI"))
				kill()
				took(t, holder, lease)
			},
			"keeps its own lock": func(t *testing.T, holder, wrong machine) {
				held, run := wrong.acquire(t, t.Context(), owner("CI"))
				time.Sleep(time.Hour)
				if _, _, err := lock.Acquire(t.Context(), holder.access, dev, owner("mika"), lock.Options{}, io.Discard); err == nil || run.Err() != nil {
					t.Errorf("lost: %v", context.Cause(run))
				}
				wrong.release(t, held)
			},
		} {
			t.Run(fmt.Sprintf("a machine whose clock is %s behind AWS's %s", ahead, name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld()
					run(t, w.machine(), w.skewed(ahead))
				})
			})
		}
	}
}

// took takes the lock, after about some time.
func took(t *testing.T, m machine, about time.Duration) {
	t.Helper()
	began := time.Now()
	held, _ := m.acquire(t, t.Context(), owner("mika"))
	if waited := time.Since(began); waited < about-2*time.Second || waited > about+7*time.Second {
		t.Errorf("waited for %s", waited)
	}
	m.release(t, held)
}

func TestTheValueFitsIntoAParameter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		m := w.machine()
		for _, text := range []string{strings.Repeat(`"\`, 5000), strings.Repeat("証跡", 5000), strings.Repeat("{{}}", 5000), "a\nb\x00c\xff", ""} {
			held, _ := m.acquire(t, t.Context(), lock.Owner{Who: text, Purpose: text, Run: text})
			held.Step(text)
			time.Sleep(time.Minute)
			if state := m.read(t); !state.Held || strings.ContainsAny(state.Step, "\n\x00") {
				t.Errorf("%+v", state)
			}
			m.release(t, held)
			for range 2 {
				if _, err := lock.Hold(t.Context(), m.access, dev, owner(text), time.Hour); err != nil {
					t.Error(err)
				}
			}
			if _, err := lock.Unlock(t.Context(), m.access, dev, text, false); err != nil {
				t.Error(err)
			}
		}
		if nonsense := m.server.Nonsense(); len(nonsense) > 0 {
			t.Error(nonsense)
		}
	})
}

func TestTheStateIsJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newWorld().machine()
		held, _ := m.acquire(t, t.Context(), lock.Owner{Who: "CI", Purpose: "deploy", Run: "https://example.com/7"})
		state := m.read(t)
		data, err := json.Marshal(state)
		var back lock.State
		if err != nil || json.Unmarshal(data, &back) != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(state, back); diff != "" {
			t.Error(diff)
		}
		m.release(t, held)
	})
}
