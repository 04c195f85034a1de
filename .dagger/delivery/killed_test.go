package delivery_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/prooflink/prooflink/.dagger/delivery"
	"github.com/prooflink/prooflink/.dagger/lock"
	"github.com/prooflink/prooflink/.dagger/scripted"
	"github.com/prooflink/prooflink/infra/names"
)

// killer lets so many calls through; at the next one the run is gone: nothing
// that it does from then on reaches AWS.
type killer struct {
	aws.HTTPClient
	mu   sync.Mutex
	left int
	kill context.CancelFunc
}

var errKilled = errors.New("killed")

func (k *killer) Do(request *http.Request) (*http.Response, error) {
	k.mu.Lock()
	k.left--
	dead := k.left < 0
	k.mu.Unlock()
	if dead {
		k.kill()
		return nil, errKilled
	}
	return k.HTTPClient.Do(request)
}

// TestAKilledRunIsFinishedByTheNext kills a run before each of its calls in
// turn. The next run starts at once, and must end with what was built running.
func TestAKilledRunIsFinishedByTheNext(t *testing.T) {
	deployed := scripted.Before{Deployed: map[string]string{"app": "app-old", "batch": "batch-old", "fluent-bit": "fluent-bit-old"}}
	worlds := map[string]struct {
		before scripted.Before
		run    runs
	}{
		"deploy":       {deployed, runs{Command: "deploy", Images: "new", Variant: "2"}},
		"release":      {deployed, runs{Command: "release", Images: "new"}},
		"first deploy": {scripted.Before{}, runs{Command: "deploy", Images: "new"}},
	}
	for name, world := range worlds {
		t.Run(name, func(t *testing.T) {
			after, step := 0, 1
			if testing.Short() {
				step = 17
			}
			for killed := true; killed; after += step {
				synctest.Test(t, func(t *testing.T) {
					killed = killAfter(t, scripted.New(scripted.Scenario{Before: world.before}), world.run, after)
				})
				if t.Failed() {
					t.Fatalf("killed after %d calls", after)
				}
			}
			t.Logf("killed before each of about %d calls", after)
		})
	}
}

// killAfter kills a run after some calls and runs it again; false where it had
// ended before.
func killAfter(t *testing.T, world *scripted.World, run runs, calls int) bool {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var shown bytes.Buffer
	doomed := options(t, world, run, &shown)
	doomed.Access.HTTPClient = &killer{HTTPClient: doomed.Access.HTTPClient, left: calls, kill: cancel}
	_, err := do(ctx, machine(t, world, run), doomed, run)
	if killed := ctx.Err() != nil; !killed {
		if err != nil {
			t.Errorf("not killed, but: %v", err)
		}
		return false
	}
	var again bytes.Buffer
	if _, err := do(t.Context(), machine(t, world, run), options(t, world, run, &again), run); err != nil {
		t.Errorf("the next run: %v\n%s", err, again.String())
		return true
	}
	runsImages(t, world, run.Images)
	state, err := lock.Read(t.Context(), world.Config(), options(t, world, run, &again).Environment.Names())
	if err != nil || state.Held {
		t.Errorf("the lock afterwards: %+v, %v", state, err)
	}
	return true
}

// TestTwoRunsAtOnceComeOneAfterTheOther starts two deployments of different
// checkouts together.
func TestTwoRunsAtOnceComeOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := scripted.New(scripted.Scenario{Before: scripted.Before{Deployed: map[string]string{"app": "app-old", "batch": "batch-old", "fluent-bit": "fluent-bit-old"}}})
		var both sync.WaitGroup
		var mu sync.Mutex
		ended := map[string]error{}
		for _, images := range []string{"one", "two"} {
			run := runs{Command: "deploy", Images: images}
			var shown bytes.Buffer
			m, o := machine(t, world, run), options(t, world, run, &shown)
			both.Go(func() {
				_, err := delivery.Deploy(t.Context(), m, o)
				mu.Lock()
				defer mu.Unlock()
				ended[images] = err
			})
		}
		both.Wait()
		for images, err := range ended {
			if err != nil {
				t.Errorf("%s: %v", images, err)
			}
		}
		if running := world.Running()[names.AppContainer]; running != digestsOf("one")["app"] && running != digestsOf("two")["app"] {
			t.Errorf("in the end neither runs, but %s", running)
		}
	})
}
