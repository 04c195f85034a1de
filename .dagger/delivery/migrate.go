package delivery

import (
	"context"
	"fmt"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/jobs"
	"github.com/prooflink/prooflink/.dagger/release"
	"github.com/prooflink/prooflink/.dagger/task"
	"github.com/prooflink/prooflink/infra/names"
)

// Migrate runs the migrations of the checkout's batch image, whatever was run
// before. Its error is a *report.Failure.
func Migrate(ctx context.Context, machine Machine, o Options) (Summary, error) {
	r := newRun(machine, "migrate", o)
	return r.walk(ctx, []jobs.Job{{Name: "look before", Run: r.preflight}}, []jobs.Job{
		{Name: "wait for what is in progress", Run: r.waitIdle},
		{Name: "start the database", Run: r.startDatabase},
		{Name: "publish images", Run: r.publish},
		{Name: "migrate the database", Run: r.migrate},
	})
}

// migrateOnce runs the migrations unless those of this image have run: the
// record says so.
func (r *run) migrateOnce(ctx context.Context) (string, error) {
	digest := r.digest(images.Batch)
	if digest != "" && digest == r.last.Migrated {
		r.migrated = digest
		return "those of this image have run", nil
	}
	return r.migrate(ctx)
}

// migrate runs the migrations as a one-off task and obeys their exit code.
func (r *run) migrate(ctx context.Context) (string, error) {
	digest := r.digest(images.Batch)
	if digest == "" {
		return "", errNoImages
	}
	definition, err := release.Migration(ctx, r.Access, r.names(), r.references().Batch.Reference())
	if err != nil {
		return "", err
	}
	spec, err := task.SpecOf(ctx, r.Access, r.Environment, definition.ARN, names.MigrateContainer, nil, nil)
	if err != nil {
		return "", err
	}
	spec.StartedBy = "prooflink/migrate"
	ctx, cancel := context.WithTimeoutCause(ctx, r.Limit, fmt.Errorf("the migration did not end within %s", r.Limit))
	defer cancel()
	if _, err := task.Run(ctx, r.Access, spec, r.Say); err != nil {
		return "", err
	}
	r.migrated = digest
	return revision(definition.ARN), nil
}
