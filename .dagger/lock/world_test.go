package lock_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/lock"
	"github.com/prooflink/prooflink/.dagger/lock/ssmfake"
	"github.com/prooflink/prooflink/infra/names"
)

var dev = names.New("prooflink", "dev")

const parameter = "/prooflink/dev/deploy/lock"

// The lock's times, as they are promised.
const (
	every  = 30 * time.Second
	lease  = 2 * time.Minute
	margin = 20 * time.Second
)

// world is an account that several machines work on.
type world struct {
	store *ssmfake.Store
}

func newWorld() world { return world{ssmfake.New()} }

// machine is one that reaches the account through a server of its own, so that
// its calls can fail without those of the others.
type machine struct {
	server *awsfake.Server
	access aws.Config
}

func (w world) machine() machine { return w.skewed(0) }

// skewed is a machine whose clock is behind AWS's.
func (w world) skewed(ahead time.Duration) machine {
	server := awsfake.New()
	w.store.Serve(server, ahead)
	access := server.Config()
	access.HTTPClient = dated{access.HTTPClient, ahead}
	return machine{server, access}
}

// dated is a connection to an AWS whose clock is ahead.
type dated struct {
	aws.HTTPClient
	ahead time.Duration
}

func (d dated) Do(r *http.Request) (*http.Response, error) {
	response, err := d.HTTPClient.Do(r)
	if err == nil {
		response.Header.Set("Date", time.Now().Add(d.ahead).UTC().Format(http.TimeFormat))
	}
	return response, err
}

// text is where lines go to that several may write.
type text struct {
	mu sync.Mutex
	b  strings.Builder
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

func owner(who string) lock.Owner { return lock.Owner{Who: who, Purpose: "deploy"} }

// acquire takes the lock, which must work.
func (m machine) acquire(t *testing.T, ctx context.Context, who lock.Owner) (*lock.Held, context.Context) {
	t.Helper()
	held, run, err := lock.Acquire(ctx, m.access, dev, who, lock.Options{}, t.Output())
	if err != nil {
		t.Fatalf("acquire for %s: %v", who.Who, err)
	}
	return held, run
}

// read reads the lock, which must work.
func (m machine) read(t *testing.T) lock.State {
	t.Helper()
	state, err := lock.Read(t.Context(), m.access, dev)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func (m machine) release(t *testing.T, held *lock.Held) {
	t.Helper()
	if err := held.Release(t.Context()); err != nil {
		t.Errorf("release: %v", err)
	}
}

// killed is a holder that takes the lock, notes a step, and is gone with all that
// it had under way a while after.
func (w world) killed(t *testing.T, who lock.Owner, step string, after time.Duration) {
	t.Helper()
	ctx, kill := context.WithCancel(t.Context())
	m := w.machine()
	held, _ := m.acquire(t, ctx, who)
	held.Step(step)
	time.Sleep(after)
	m.server.KillAfter(0)
	kill()
}
