package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/lock"
	"github.com/prooflink/prooflink/.dagger/record"
	"github.com/prooflink/prooflink/.dagger/stacks"
	"github.com/prooflink/prooflink/.dagger/verify"
	"github.com/prooflink/prooflink/infra/changes"
	"github.com/prooflink/prooflink/infra/names"
)

// Plan is what a run would do. Nothing was changed to find it out.
type Plan struct {
	Command string `json:"command"`
	// Problems would stop the run, or are worth to know before.
	Problems verify.Findings `json:"problems"`
	// Lock is who holds the environment's lock.
	Lock lock.State `json:"lock"`
	// Steps are what would be done, in this order.
	Steps []string `json:"steps"`
	// Changes to the stacks; nil where none would be deployed.
	Changes *changes.Changes `json:"changes,omitempty"`
}

// Text is the plan for a person.
func (p Plan) Text() string {
	var text strings.Builder
	fmt.Fprintf(&text, "Plan of %s; nothing was changed\n\n", p.Command)
	for i, step := range p.Steps {
		fmt.Fprintf(&text, "%2d. %s\n", i+1, step)
	}
	if p.Lock.Held {
		fmt.Fprintf(&text, "\nThe lock is held by %s (%s) since %s.\n", p.Lock.Who, p.Lock.Purpose, p.Lock.Since.UTC().Format("2006-01-02 15:04:05Z"))
	}
	fmt.Fprintf(&text, "\n%s", p.Problems.Text())
	if p.Changes != nil {
		fmt.Fprintf(&text, "\n%s", p.Changes.Text())
	}
	return text.String()
}

// JSON is the plan for a program.
func (p Plan) JSON() string {
	text, _ := json.MarshalIndent(p, "", "  ") // plain data always has a JSON form
	return string(text) + "\n"
}

// PlanDeploy says what Deploy would do.
func PlanDeploy(ctx context.Context, machine Machine, o Options) (Plan, error) {
	r := newRun(machine, "deploy", o)
	plan, err := r.plan(ctx)
	if err != nil {
		return Plan{}, err
	}
	found, err := r.changes(ctx)
	if err != nil {
		return Plan{}, err
	}
	plan.Changes = &found
	first, then := r.around()
	needs := stacks.NeedImages(r.Roles)
	plan.Steps = steps(
		"start the database where it is stopped",
		when(needs && !r.there(names.Foundation), "deploy Foundation, which has the repositories"),
		when(needs, r.planImages()),
		when(len(first) > 0, "deploy the stacks "+list(short(first))),
		when(r.includes(names.Compute), r.planMigration()),
		when(len(then) > 0, "deploy the stacks "+list(short(then))),
		when(r.includes(names.Compute), "follow the service's deployment, compare the digests of its tasks, look at the load balancer's targets"),
		when(r.includes(names.Compute), "record what is deployed"),
	)
	return plan, nil
}

// PlanRelease says what Release would do.
func PlanRelease(ctx context.Context, machine Machine, o Options) (Plan, error) {
	r := newRun(machine, "release", o)
	plan, err := r.plan(ctx)
	if err != nil {
		return Plan{}, err
	}
	plan.Steps = []string{
		r.planImages(),
		r.planMigration(),
		"register task and job definitions that differ from the live ones in their images",
		"update the service and follow its deployment, compare the digests of its tasks, look at the load balancer's targets",
		"record what is released",
	}
	return plan, nil
}

// PlanMigrate says what Migrate would do.
func PlanMigrate(ctx context.Context, machine Machine, o Options) (Plan, error) {
	r := newRun(machine, "migrate", o)
	plan, err := r.plan(ctx)
	plan.Steps = []string{r.planImages(), "run the migrations of " + describe(r.digest(images.Batch)) + ", whatever was run before"}
	return plan, err
}

// PlanRollback says what Rollback would do.
func PlanRollback(to string) func(context.Context, Machine, Options) (Plan, error) {
	return func(ctx context.Context, machine Machine, o Options) (Plan, error) {
		r := newRun(machine, "rollback", o)
		target, err := r.target(ctx, to)
		if err != nil {
			return Plan{}, err
		}
		plan, err := r.plan(ctx)
		plan.Steps = []string{
			fmt.Sprintf("go back to version v%d of the record: commit %s, deployed %s by %s", target.Version, target.Commit, target.At.UTC().Format("2006-01-02 15:04Z"), target.Who),
			"register task and job definitions with its images, update the service and follow its deployment",
			"leave the database as it is",
		}
		return plan, err
	}
}

// plan reads what every run looks at.
func (r *run) plan(ctx context.Context) (Plan, error) {
	var err error
	plan := Plan{Command: r.command}
	if plan.Lock, err = lock.Read(ctx, r.Access, r.names()); err != nil {
		return Plan{}, err
	}
	if r.last, _, err = record.Last(ctx, r.Access, r.names()); err != nil {
		return Plan{}, err
	}
	if r.states, err = r.formation.States(ctx, stacks.Named(r.Environment, r.Environment.Stacks())); err != nil {
		return Plan{}, err
	}
	plan.Problems = verify.Run(ctx, r.Access, r.Environment, verify.Options{Stacks: r.Roles})
	return plan, r.foresee(ctx)
}

// foresee finds out which images there are, without building any.
func (r *run) foresee(ctx context.Context) (err error) {
	if r.SkipBuild {
		_, err = r.recorded()
		return err
	}
	r.images, err = r.machine.Find(ctx)
	return err
}

// changes compares what is deployed with the templates of this checkout.
func (r *run) changes(ctx context.Context) (changes.Changes, error) {
	if _, err := r.synthesize(ctx); err != nil {
		return changes.Changes{}, err
	}
	defer os.RemoveAll(r.assembly)
	return stacks.Compare(ctx, r.formation, r.Environment, r.Roles, r.assembly)
}

// planImages says which images would be built.
func (r *run) planImages() string {
	var there, missing []string
	for _, source := range images.All() {
		if r.digest(source) == "" {
			missing = append(missing, source.Name)
		} else {
			there = append(there, source.Name)
		}
	}
	switch {
	case r.SkipBuild:
		return "take the images of the last deployment, commit " + r.last.Commit
	case len(missing) == 0:
		return "build no image: the registry has all of them"
	case len(there) == 0:
		return "build and push " + list(missing)
	default:
		return "build and push " + list(missing) + "; the registry has " + list(there)
	}
}

// planMigration says whether migrations would run.
func (r *run) planMigration() string {
	digest := r.digest(images.Batch)
	if digest != "" && digest == r.last.Migrated {
		return "run no migration: those of " + describe(digest) + " have run"
	}
	return "run the migrations of " + describe(digest) + "; if they fail, the service stays as it is"
}

// describe is a digest for a line, or that there is none yet.
func describe(digest string) string {
	if digest == "" {
		return "the new batch image"
	}
	return short12(digest)
}

// short12 is as much of a digest as people compare.
func short12(digest string) string {
	_, hex, _ := strings.Cut(digest, ":")
	return hex[:min(12, len(hex))]
}

// when is a step that is done in some cases only.
func when(done bool, step string) string {
	if done {
		return step
	}
	return ""
}

// steps are the steps that are done.
func steps(steps ...string) []string {
	var done []string
	for _, step := range steps {
		if step != "" {
			done = append(done, step)
		}
	}
	return done
}
