package lock_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/lock"
)

// call is a request on its way: to be served, and then to be answered. Its
// caller may have given up; the request is served nevertheless, or lost.
type call struct {
	who      int
	request  *http.Request
	response *http.Response
	served   bool
	givenUp  bool
	until    time.Time // when a delay ends
	done     chan error
}

// stage is what can happen next.
type stage struct {
	call *call
	// what is "serve" (and answer), "serve and lose" (the answer), "delay" (before
	// it is served), "serve and delay" (the answer), "answer", or "drop" (a request
	// whose caller has given up).
	what string
}

func (s stage) String() string {
	operation := strings.TrimPrefix(s.call.request.Header.Get("X-Amz-Target"), "AmazonSSM.")
	return fmt.Sprintf("%s %d's %s", s.what, s.call.who, operation)
}

// network holds every call until it is told to go on, so that a test decides on
// the order in which things happen.
type network struct {
	world
	mu      sync.Mutex
	calls   []*call
	servers map[int]*awsfake.Server
	// runs are the contexts of those that believe to have the lock.
	runs map[int]context.Context
	// losses and delays are how many answers can be lost, and how many calls can
	// take that long, on their way or on their way back.
	losses, delays int
	delay          time.Duration
	open           bool
	trace          []string
	group          sync.WaitGroup
}

func newNetwork() *network {
	return &network{world: newWorld(), servers: map[int]*awsfake.Server{}, runs: map[int]context.Context{}}
}

// access is that of one contender.
func (n *network) access(who int) aws.Config {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.servers[who] == nil {
		n.servers[who] = awsfake.New()
		n.store.Serve(n.servers[who], 0)
	}
	access := n.servers[who].Config()
	access.HTTPClient = wire{n, who}
	access.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 300 * time.Millisecond, nil })
		})
	}
	return access
}

// wire is one contender's end of the network.
type wire struct {
	network *network
	who     int
}

func (w wire) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	copied := r.Clone(context.WithoutCancel(r.Context()))
	copied.Body = io.NopCloser(bytes.NewReader(body))
	c := &call{who: w.who, request: copied, done: make(chan error, 1)}
	if !w.network.send(c) {
		return c.response, nil
	}
	select {
	case err := <-c.done:
		return c.response, err
	case <-r.Context().Done():
		w.network.giveUp(c)
		return nil, r.Context().Err()
	}
}

// send puts a call on its way, or serves it at once where the network is open.
func (n *network) send(c *call) (held bool) {
	n.mu.Lock()
	open := n.open
	if !open {
		n.calls = append(n.calls, c)
	}
	n.mu.Unlock()
	if open {
		n.serve(c)
	}
	return !open
}

func (n *network) giveUp(c *call) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c.givenUp = true
	if c.served {
		n.remove(c)
	}
}

func (n *network) remove(c *call) {
	n.calls = slices.DeleteFunc(n.calls, func(other *call) bool { return other == c })
}

func (n *network) serve(c *call) {
	recorder := httptest.NewRecorder()
	n.servers[c.who].ServeHTTP(recorder, c.request)
	recorder.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	n.mu.Lock()
	defer n.mu.Unlock()
	c.response, c.served = recorder.Result(), true
	if c.givenUp {
		n.remove(c)
	}
}

// stages are all that can happen next, in a fixed order.
func (n *network) stages() []stage {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []stage
	slices.SortStableFunc(n.calls, func(a, b *call) int { return a.who - b.who })
	for _, c := range n.calls {
		if time.Now().Before(c.until) {
			continue
		}
		if c.served {
			all = append(all, stage{c, "answer"})
			continue
		}
		all = append(all, stage{c, "serve"})
		if c.givenUp {
			all = append(all, stage{c, "drop"})
			continue
		}
		if n.losses > 0 {
			all = append(all, stage{c, "serve and lose"})
		}
		if n.delays > 0 {
			all = append(all, stage{c, "delay"}, stage{c, "serve and delay"})
		}
	}
	return all
}

// do lets something happen.
func (n *network) do(s stage) {
	n.trace = append(n.trace, fmt.Sprintf("%4.0fs %s", time.Since(start).Seconds(), s))
	if strings.HasPrefix(s.what, "serve") {
		n.serve(s.call)
	}
	if strings.HasSuffix(s.what, "delay") {
		n.delays--
		s.call.until = time.Now().Add(n.delay)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.remove(s.call)
	var err error
	if s.what == "serve and lose" {
		n.losses--
		err = errors.New("connection reset")
	}
	s.call.done <- err
}

// start is when a bubble's time starts.
var start = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// believers are those that believe to have the lock.
func (n *network) believers() []int {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []int
	for who, run := range n.runs {
		if run.Err() == nil {
			all = append(all, who)
		}
	}
	return all
}

// contend takes the lock, keeps it for a while, and releases it, unless it is killed.
func (n *network) contend(t *testing.T, who int, options lock.Options, keep time.Duration, killed bool) {
	n.group.Go(func() {
		ctx, kill := context.WithCancel(t.Context())
		defer kill()
		held, run, err := lock.Acquire(ctx, n.access(who), dev, owner(fmt.Sprint(who)), options, io.Discard)
		var taken *lock.Taken
		if errors.As(err, &taken) {
			return
		}
		if err != nil {
			t.Errorf("contender %d: %v", who, err)
			return
		}
		n.believe(who, run)
		timer := time.NewTimer(keep)
		defer timer.Stop()
		select {
		case <-run.Done():
		case <-timer.C:
		}
		if killed {
			return
		}
		var lost *lock.Lost
		if err := held.Release(ctx); err != nil && !errors.As(err, &lost) && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("contender %d: %v", who, err)
		}
	})
}

// rob frees the lock by force after a while, whoever has it.
func (n *network) rob(t *testing.T, who int, after time.Duration) {
	n.group.Go(func() {
		time.Sleep(after)
		if _, err := lock.Unlock(t.Context(), n.access(who), dev, "robber", true); err != nil {
			t.Errorf("robber: %v", err)
		}
	})
}

func (n *network) believe(who int, run context.Context) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.runs[who] = run
}

// walk lets things happen until all contenders are done, and looks after each
// whether two have the lock. It returns how many choices there were each time.
func (n *network) walk(t *testing.T, choose func(step, choices int) int) []int {
	done := make(chan struct{})
	go func() { n.group.Wait(); close(done) }()
	var choices []int
	for {
		synctest.Wait()
		if believers := n.believers(); len(believers) > 1 {
			t.Fatalf("%v have the lock at once:\n%s", believers, strings.Join(n.trace, "\n"))
		}
		select {
		case <-done:
			return choices
		default:
		}
		stages := n.stages()
		switch {
		case time.Since(start) > 6*time.Hour:
			t.Fatalf("no end:\n%s", strings.Join(n.trace[max(0, len(n.trace)-50):], "\n"))
		case len(stages) == 0:
			time.Sleep(time.Second)
		default:
			next := choose(len(choices), len(stages))
			choices = append(choices, len(stages))
			n.do(stages[next])
		}
	}
}

// settle checks that whoever comes last gets the lock.
func (n *network) settle(t *testing.T) {
	n.mu.Lock()
	n.open = true
	n.calls = nil
	n.mu.Unlock()
	m := n.machine()
	held, _, err := lock.Acquire(t.Context(), m.access, dev, owner("last"), lock.Options{}, io.Discard)
	if err != nil {
		t.Fatalf("%v:\n%s", err, strings.Join(n.trace, "\n"))
	}
	m.release(t, held)
}

// explore walks every order of what a scenario makes possible.
func explore(t *testing.T, scenario func(*testing.T, *network)) int {
	var path []int
	for walks := 1; ; walks++ {
		var choices []int
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork()
			scenario(t, n)
			choices = n.walk(t, func(step, choices int) int {
				if step < len(path) {
					// Two timers at one instant may make a walk differ from the one before.
					return min(path[step], choices-1)
				}
				return 0
			})
			n.settle(t)
		})
		if t.Failed() {
			return walks
		}
		for len(path) < len(choices) {
			path = append(path, 0)
		}
		last := len(choices) - 1
		for last >= 0 && path[last]+1 >= choices[last] {
			last--
		}
		if last < 0 {
			return walks
		}
		path = path[:last+1]
		path[last]++
	}
}

func TestEveryOrderOfTwo(t *testing.T) {
	released := func(t *testing.T, n *network) {
		m := n.machine()
		held, _ := m.acquire(t, t.Context(), owner("before"))
		m.release(t, held)
	}
	expired := func(t *testing.T, n *network) {
		n.killed(t, owner("before"), "synth", time.Second)
		time.Sleep(lease)
	}
	fresh := func(*testing.T, *network) {}
	for name, test := range map[string]struct {
		contenders     int // 2 where it is 0
		before         func(*testing.T, *network)
		keep           time.Duration
		losses, delays int
		delay          time.Duration
	}{
		"on one that was never taken":                          {before: fresh},
		"on one that was released":                             {before: released},
		"on one that has expired":                              {before: expired},
		"on one that was released, kept a second":              {before: released, keep: time.Second},
		"on one that was never taken, an answer is lost":       {before: fresh, losses: 1, keep: time.Second},
		"on one that was released, a call takes 50 seconds":    {before: released, delays: 1, delay: 50 * time.Second, keep: 7 * time.Second},
		"on one that was released, a call takes three minutes": {before: released, delays: 1, delay: 3 * time.Minute, keep: time.Second},
		"on one that has expired, a call takes 115 seconds":    {before: expired, delays: 1, delay: 115 * time.Second, keep: 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			walks := explore(t, func(t *testing.T, n *network) {
				test.before(t, n)
				n.losses, n.delays, n.delay = test.losses, test.delays, test.delay
				for who := range 2 {
					n.contend(t, who, lock.Options{}, test.keep, false)
				}
			})
			t.Logf("%d orders", walks)
		})
	}
}

func TestEveryOrderOfAHolderAndAnother(t *testing.T) {
	for _, test := range []struct {
		losses int
		delay  time.Duration
	}{{0, 0}, {0, 40}, {0, 69}, {0, 75}, {0, 99}, {0, 115}, {0, 200}, {1, 0}, {1, 40}, {1, 200}} {
		t.Run(fmt.Sprintf("a call takes %d seconds, %d answers are lost", test.delay, test.losses), func(t *testing.T) {
			walks := explore(t, func(t *testing.T, n *network) {
				n.open = true
				n.contend(t, 0, lock.Options{}, 150*time.Second, false)
				time.Sleep(every - time.Second)
				n.mu.Lock()
				n.open, n.losses, n.delays, n.delay = false, test.losses, min(int(test.delay), 1), test.delay*time.Second
				n.mu.Unlock()
				n.contend(t, 1, lock.Options{}, 30*time.Second, false)
			})
			t.Logf("%d orders", walks)
		})
	}
}

func TestRandomOrdersOfMany(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork()
			n.losses, n.delays, n.delay = 3, 20, time.Duration(1+random.IntN(180))*time.Second
			for who := range 3 + random.IntN(6) {
				keep := time.Duration(random.IntN(200)) * time.Second
				n.contend(t, who, lock.Options{Wait: random.IntN(2) == 0}, keep, random.IntN(4) == 0)
			}
			n.rob(t, 100, time.Duration(random.IntN(300))*time.Second)
			n.walk(t, func(_, choices int) int { return random.IntN(choices) })
			n.settle(t)
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
