package delivery

import (
	"context"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/jobs"
	"github.com/prooflink/prooflink/.dagger/release"
	"github.com/prooflink/prooflink/.dagger/rollout"
	"github.com/prooflink/prooflink/infra/names"
)

// Release gives service and jobs the checkout's images, without CloudFormation.
// Its error is a *report.Failure.
func Release(ctx context.Context, machine Machine, o Options) (Summary, error) {
	r := newRun(machine, "release", o)
	return r.walk(ctx, []jobs.Job{{Name: "look before", Run: r.preflight}}, []jobs.Job{
		{Name: "wait for what is in progress", Run: r.waitIdle},
		{Name: "start the database", Run: r.startDatabase},
		{Name: "publish images", Run: r.publish},
		{Name: "migrate the database", Run: r.migrateOnce},
		{Name: "roll out", Run: r.rollOut},
		{Name: "record", Run: r.record},
	})
}

// references are the run's images as definitions name them.
func (r *run) references() release.Images {
	digests := map[string]string{}
	for _, image := range r.images {
		digests[image.Name] = image.Digest
	}
	return release.Of(r.Environment, r.Registry, digests)
}

// rollOut gives the service the images where it hasn't got them yet, and follows
// its deployment to the end: until the tasks that run are those that were meant.
func (r *run) rollOut(ctx context.Context) (string, error) {
	if r.digest(images.App) == "" {
		return "", errNoImages
	}
	if r.watcher == nil {
		if err := r.watch(ctx); err != nil {
			return "", err
		}
	}
	var err error
	if r.converged, err = release.Converge(ctx, r.Access, r.names(), r.references()); err != nil {
		return "", err
	}
	r.settled, err = r.watcher.Settle(ctx, rollout.Want{Images: r.wanted(), TaskDefinition: r.converged.TaskDefinition}, r.Limit)
	return revision(r.converged.TaskDefinition), err
}

// restore gives the service back what ran before. CloudFormation rolls back to
// its own last template, and that is older than a release that came after it.
func (r *run) restore(ctx context.Context) (string, error) {
	before := r.watcher.Before()
	states, err := r.formation.States(ctx, []string{r.names().Stack(names.Compute)})
	if err != nil || !before.Exists || len(states) == 0 || states[0].Status != "UPDATE_ROLLBACK_COMPLETE" {
		return nothing, err
	}
	live, err := release.Live(ctx, r.Access, r.names())
	if err != nil || *live.Task.TaskDefinition.TaskDefinitionArn == before.TaskDefinition {
		return nothing, err
	}
	if err := release.Update(ctx, r.Access, r.names(), before.TaskDefinition); err != nil {
		return "", err
	}
	_, err = r.watcher.Settle(ctx, rollout.Want{Images: before.Images, TaskDefinition: before.TaskDefinition}, r.Limit)
	return revision(before.TaskDefinition), err
}
