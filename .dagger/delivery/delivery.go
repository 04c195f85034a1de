// Package delivery takes an environment on AWS to what a checkout says, and is
// done only when that is what runs: deploy, release, rollback and migrate, each
// a list of steps under the environment's lock.
//
// A run that is killed leaves nothing that needs a hand: the same command again
// goes on from wherever it was.
package delivery

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/prooflink/prooflink/.dagger/deployed"
	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/jobs"
	"github.com/prooflink/prooflink/.dagger/lock"
	"github.com/prooflink/prooflink/.dagger/record"
	"github.com/prooflink/prooflink/.dagger/release"
	"github.com/prooflink/prooflink/.dagger/rollout"
	"github.com/prooflink/prooflink/.dagger/stacks"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// Machine does what needs a container.
type Machine interface {
	stacks.Machine
	// Publish builds and pushes what the environment's registry lacks.
	Publish(context.Context) ([]images.Published, error)
	// Find says which images the registry has, without building any: one that it
	// lacks is left out.
	Find(context.Context) ([]images.Published, error)
}

// Options are what the caller decides.
type Options struct {
	Environment config.Environment
	// Access is the caller's access to the environment's account.
	Access aws.Config
	// Registry is the host of the account's registry.
	Registry string
	// Owner is who runs this; the lock and the record name them.
	Owner lock.Owner
	// Commit is what the checkout is at.
	Commit string
	// Roles are the stacks to deploy, in their order.
	Roles []names.StackRole
	// SkipBuild takes the images that the record names.
	SkipBuild bool
	// Concurrency is how many stacks are worked on at a time.
	Concurrency int
	// Wait waits for what somebody else is doing, instead of failing.
	Wait bool
	// Limit is how long the service's deployment and a migration may each take.
	Limit time.Duration
	// Say gets the progress, a line at a time.
	Say io.Writer
}

// run is what one run has come to know.
type run struct {
	Options
	machine   Machine
	formation deployed.Account
	// command is what the user typed, for the report.
	command string
	kind    string
	started time.Time

	held      *lock.Held
	states    []deployed.State
	last      record.Record
	images    []images.Published
	assembly  string
	watcher   *rollout.Watcher
	converged release.Done
	settled   rollout.Result
	migrated  string
}

// newRun begins a run.
func newRun(machine Machine, kind string, o Options) *run {
	return &run{Options: o, machine: machine, formation: deployed.In(o.Access), kind: kind,
		command: kind + " --env " + o.Environment.Env, started: time.Now()}
}

func (r *run) names() names.Names { return r.Environment.Names() }

// walk does what only reads, takes the lock and does the rest under it.
func (r *run) walk(ctx context.Context, before, steps []jobs.Job) (Summary, error) {
	results := jobs.Steps(ctx, before...)
	if results.Err() == nil {
		results = append(results, r.locked(ctx, steps)...)
	}
	if len(results.Failed()) > 0 {
		return Summary{}, r.failure(context.WithoutCancel(ctx), results)
	}
	return r.summary(ctx, results), nil
}

// locked takes the lock, does the steps, each named in the lock, and gives the
// lock back.
func (r *run) locked(ctx context.Context, steps []jobs.Job) jobs.Results {
	var held context.Context
	owner := r.Owner
	owner.Purpose = r.kind
	took := jobs.One(ctx, jobs.Job{Name: "take the lock", Run: func(ctx context.Context) (_ string, err error) {
		r.held, held, err = lock.Acquire(ctx, r.Access, r.names(), owner, lock.Options{Wait: r.Wait}, r.Say)
		return "", err
	}})
	if took.Err != nil {
		return jobs.Results{took}
	}
	defer func() {
		if err := r.held.Release(ctx); err != nil {
			fmt.Fprintf(r.Say, "the lock was not given back and expires by itself: %v\n", err)
		}
	}()
	defer r.stopWatching()
	results := append(jobs.Results{took}, jobs.Steps(held, r.told(steps)...)...)
	if len(results.Failed()) > 0 && r.watcher != nil && r.kind == "deploy" {
		results = append(results, jobs.One(held, jobs.Job{Name: "put back what ran before", Run: r.restore}))
	}
	return results
}

// told are steps that tell the lock which of them is being done.
func (r *run) told(steps []jobs.Job) []jobs.Job {
	var told []jobs.Job
	for _, step := range steps {
		told = append(told, jobs.Job{Name: step.Name, Run: func(ctx context.Context) (string, error) {
			r.held.Step(step.Name)
			fmt.Fprintf(r.Say, "%s\n", step.Name)
			detail, err := step.Run(ctx)
			if err != nil && ctx.Err() != nil {
				err = fmt.Errorf("%w (%w)", context.Cause(ctx), err)
			}
			return detail, err
		}})
	}
	return told
}

// stopWatching ends the collection of evidence, where there is one.
func (r *run) stopWatching() {
	if r.watcher != nil {
		r.watcher.Stop()
	}
}

// digest is the digest of one of the images; empty where it isn't known.
func (r *run) digest(source images.Source) string {
	for _, image := range r.images {
		if image.Name == source.Name {
			return image.Digest
		}
	}
	return ""
}

// wanted are the digests that the service's containers are to run.
func (r *run) wanted() map[string]string {
	wanted := map[string]string{names.AppContainer: r.digest(images.App)}
	if r.Environment.Logging.Driver == config.DriverFireLens {
		wanted[names.RouterContainer] = r.digest(images.FluentBit)
	}
	return wanted
}

// includes says whether a stack is among those to deploy.
func (r *run) includes(role names.StackRole) bool { return slices.Contains(r.Roles, role) }

// there says whether a stack was there when the run began.
func (r *run) there(role names.StackRole) bool {
	return slices.ContainsFunc(r.states, func(s deployed.State) bool {
		return s.Name == r.names().Stack(role) && s.Status != "REVIEW_IN_PROGRESS"
	})
}

// nothing is the detail of a step that has nothing to do.
const nothing = "nothing to do"

// list joins names for a line.
func list(words []string) string { return strings.Join(words, ", ") }
