package lock_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
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

// late is a connection whose first write is answered late, though it is done.
type late struct {
	aws.HTTPClient
	by   time.Duration
	done bool
}

func (l *late) Do(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if l.done || !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutParameter") {
		return l.HTTPClient.Do(r)
	}
	l.done = true
	response, err := l.HTTPClient.Do(r.WithContext(context.WithoutCancel(ctx)))
	select {
	case <-ctx.Done():
		if err == nil {
			response.Body.Close()
		}
		return nil, ctx.Err()
	case <-time.After(l.by):
		return response, err
	}
}

// stale is a connection to a copy of Parameter Store that doesn't know of a
// version for a few calls.
type stale struct {
	aws.HTTPClient
	times int
}

func (s *stale) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if s.times == 0 || !bytes.Contains(body, []byte(parameter+":")) {
		return s.HTTPClient.Do(r)
	}
	s.times--
	return &http.Response{
		StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
		Body: io.NopCloser(strings.NewReader(`{"__type":"ParameterVersionNotFound","message":"not yet"}`)),
	}, nil
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

// value is what the parameter has.
func (w world) value(t *testing.T) string {
	t.Helper()
	versions := w.store.Versions(parameter)
	return *versions[len(versions)-1].Value
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
