package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/jobs"
	"github.com/prooflink/prooflink/.dagger/record"
	"github.com/prooflink/prooflink/.dagger/release"
	"github.com/prooflink/prooflink/.dagger/rollout"
	"github.com/prooflink/prooflink/.dagger/stacks"
	"github.com/prooflink/prooflink/infra/names"
)

// Deploy takes stacks, database and service to what the checkout says. Its
// error is a *report.Failure.
//
// The stacks up to the database's come first, then the migrations, a gate: only
// when they have passed does the service move.
func Deploy(ctx context.Context, machine Machine, o Options) (Summary, error) {
	r := newRun(machine, "deploy", o)
	return r.walk(ctx, []jobs.Job{{Name: "look before", Run: r.preflight}}, r.deploySteps())
}

// deploySteps lists the work. A step that has nothing to do says so.
func (r *run) deploySteps() []jobs.Job {
	first, then := r.around()
	return slices.DeleteFunc([]jobs.Job{
		{Name: "wait for what is in progress", Run: r.waitIdle},
		{Name: "start the database", Run: r.startDatabase},
		{Name: "make the registry", Run: r.makeRegistry},
		{Name: "publish images", Run: r.onlyWith(stacks.NeedImages(r.Roles), r.publish)},
		{Name: "synthesize", Run: r.synthesize},
		{Name: "mend stacks", Run: r.mend},
		{Name: "deploy " + list(short(first)), Run: r.deploys(first)},
		{Name: "migrate the database", Run: r.onlyWith(r.includes(names.Compute), r.migrateOnce)},
		{Name: "deploy " + list(short(then)), Run: r.watched(r.deploys(then))},
		{Name: "roll out", Run: r.onlyWith(r.includes(names.Compute), r.rollOut)},
		{Name: "record", Run: r.onlyWith(r.includes(names.Compute), r.record)},
	}, func(job jobs.Job) bool { return job.Name == "deploy " })
}

// around splits the stacks at the migration: those that it needs come first.
func (r *run) around() (before, after []names.StackRole) {
	at := slices.IndexFunc(r.Roles, func(role names.StackRole) bool {
		return slices.Index(names.StackRoles(), role) > slices.Index(names.StackRoles(), names.Database)
	})
	if at < 0 {
		return r.Roles, nil
	}
	return r.Roles[:at], r.Roles[at:]
}

// short are the stacks' names as people write them.
func short(roles []names.StackRole) []string {
	var words []string
	for _, role := range roles {
		words = append(words, string(role))
	}
	return words
}

// onlyWith leaves a step out.
func (r *run) onlyWith(needed bool, step func(context.Context) (string, error)) func(context.Context) (string, error) {
	if needed {
		return step
	}
	return func(context.Context) (string, error) { return nothing, nil }
}

// waitIdle waits for stacks that are being changed and for a service that is
// being deployed: by a run that was killed, or by hand. Then it reads what the
// run starts from; before it had the lock, another one could have changed that.
func (r *run) waitIdle(ctx context.Context) (_ string, err error) {
	all := stacks.Named(r.Environment, r.Environment.Stacks())
	if r.states, err = r.formation.WaitIdle(ctx, all, r.Wait, r.Say); err != nil {
		return "", err
	}
	if err := rollout.WaitUntilIdle(ctx, r.Access, r.Environment, r.Wait, r.Limit, r.Say); err != nil {
		return "", err
	}
	r.last, _, err = record.Last(ctx, r.Access, r.names())
	return "", err
}

// makeRegistry deploys the stack that has the repositories where there is none
// yet: images can't be pushed before.
func (r *run) makeRegistry(ctx context.Context) (string, error) {
	if r.there(names.Foundation) || !stacks.NeedImages(r.Roles) {
		return nothing, nil
	}
	if !r.includes(names.Foundation) {
		return "", fmt.Errorf("stack %s isn't there, so images can't be pushed: deploy it first, with --stacks Foundation, or all stacks",
			r.names().Stack(names.Foundation))
	}
	if _, err := r.synthesize(ctx); err != nil {
		return "", err
	}
	return r.deploys([]names.StackRole{names.Foundation})(ctx)
}

// publish publishes the images, or takes those of the record.
func (r *run) publish(ctx context.Context) (string, error) {
	detail, err := r.obtain(ctx)
	if err != nil {
		return "", err
	}
	return detail, r.protect(ctx)
}

func (r *run) obtain(ctx context.Context) (_ string, err error) {
	if r.SkipBuild {
		return r.recorded()
	}
	r.images, err = r.machine.Publish(ctx)
	return said(r.images), err
}

// protect keeps the images from the registry's clean-up, before anything runs
// them: the registry counts an image's age from its push, however long ago that was.
func (r *run) protect(ctx context.Context) error {
	digests := map[string]string{}
	for _, image := range r.images {
		digests[image.Name] = image.Digest
	}
	return release.Protect(ctx, r.Access, r.names(), digests)
}

// recorded takes the images that the last deployment recorded.
func (r *run) recorded() (string, error) {
	for _, source := range images.All() {
		digest := r.last.Images[source.Name]
		if digest == "" {
			return "", fmt.Errorf("no digest of the %s image is recorded for %s: leave --skip-build out", source.Name, r.Environment.Env)
		}
		r.images = append(r.images, images.Published{Name: source.Name, Digest: digest, Tag: r.last.Tags[source.Name]})
	}
	return "those of " + r.last.Commit, nil
}

// said tells which images were built.
func said(published []images.Published) string {
	var built []string
	for _, image := range published {
		if image.Built {
			built = append(built, image.Name)
		}
	}
	if len(built) == 0 {
		return "all there already"
	}
	return "built and pushed " + list(built)
}

// synthesize writes the templates with the images that are known so far.
func (r *run) synthesize(ctx context.Context) (_ string, err error) {
	r.assembly, err = r.machine.Synth(ctx, r.images)
	return "", err
}

// mend finishes roll-backs that got stuck: such a stack can't be deployed.
func (r *run) mend(ctx context.Context) (string, error) {
	var mended []string
	for _, state := range r.states {
		if state.Status != "UPDATE_ROLLBACK_FAILED" {
			continue
		}
		if err := r.machine.CDK(ctx, r.assembly, stacks.RollbackCommand(state.Name)); err != nil {
			return "", fmt.Errorf("finish the roll-back of stack %s, which got stuck: %w", state.Name, err)
		}
		mended = append(mended, state.Name)
	}
	if len(mended) == 0 {
		return nothing, nil
	}
	return "rolled back " + list(mended), nil
}

// deploys deploys some stacks, as many at a time as depend on none of the others.
func (r *run) deploys(roles []names.StackRole) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		if len(roles) == 0 {
			return nothing, nil
		}
		return "", r.machine.CDK(ctx, r.assembly, stacks.DeployCommand(stacks.Named(r.Environment, roles), max(r.Concurrency, 1)))
	}
}

// watched collects what ECS says while a step goes on: when CloudFormation rolls
// back, the tasks that failed are gone. CloudFormation would wait for a service
// for hours, so the step has a limit.
func (r *run) watched(step func(context.Context) (string, error)) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		if err := r.watch(ctx); err != nil {
			return "", err
		}
		limited, cancel := context.WithTimeoutCause(ctx, r.Limit, fmt.Errorf("CloudFormation is not done after %s, and goes on", r.Limit))
		defer cancel()
		detail, err := step(limited)
		if err != nil && limited.Err() != nil {
			err = fmt.Errorf("%w (%w)", context.Cause(limited), err)
		}
		return detail, err
	}
}

func (r *run) watch(ctx context.Context) (err error) {
	r.watcher, err = rollout.Watch(ctx, r.Access, r.Environment, r.Say)
	return err
}

// errNoImages is a run that has nothing to put into the service.
var errNoImages = errors.New("no image is known")
