package delivery

import (
	"context"
	"fmt"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/jobs"
	"github.com/prooflink/prooflink/.dagger/record"
	"github.com/prooflink/prooflink/.dagger/release"
)

// Rollback gives service and jobs the images of an earlier deployment, which the
// words say (record.Target). The database stays as it is.
func Rollback(to string) func(context.Context, Machine, Options) (Summary, error) {
	return func(ctx context.Context, machine Machine, o Options) (Summary, error) {
		r := newRun(machine, "rollback", o)
		r.command = words(r.command, when(to != "", "--to "+to))
		return r.walk(ctx, nil, []jobs.Job{
			{Name: "wait for what is in progress", Run: r.waitIdle},
			{Name: "find what to go back to", Run: func(ctx context.Context) (string, error) { return r.goBack(ctx, to) }},
			{Name: "roll out", Run: r.rollOut},
			{Name: "record", Run: r.record},
		})
	}
}

// goBack takes the images of an earlier deployment, where the registry still has
// all of them.
func (r *run) goBack(ctx context.Context, to string) (string, error) {
	target, err := r.target(ctx, to)
	if err != nil {
		return "", err
	}
	missing, err := release.Present(ctx, r.Access, r.names(), target.Images)
	if err != nil {
		return "", err
	}
	if len(missing) > 0 {
		return "", fmt.Errorf("go back to version v%d of the record: the registry no longer has %s; choose another with --to, or deploy commit %s again",
			target.Version, list(missing), target.Commit)
	}
	for _, source := range images.All() {
		r.images = append(r.images, images.Published{Name: source.Name, Digest: target.Images[source.Name], Tag: target.Tags[source.Name]})
	}
	r.Commit = target.Commit
	return fmt.Sprintf("v%d, commit %s", target.Version, target.Commit), r.protect(ctx)
}

// target finds an earlier deployment.
func (r *run) target(ctx context.Context, to string) (record.Entry, error) {
	history, err := record.History(ctx, r.Access, r.names())
	if err != nil {
		return record.Entry{}, err
	}
	return record.Target(history, to)
}
