package delivery

import (
	"context"
	"fmt"

	"github.com/prooflink/prooflink/.dagger/record"
	"github.com/prooflink/prooflink/.dagger/report"
	"github.com/prooflink/prooflink/.dagger/verify"
)

// preflight stops the run before anything is changed where it could not succeed.
func (r *run) preflight(ctx context.Context) (string, error) {
	found := verify.Run(ctx, r.Access, r.Environment, verify.Options{Stacks: r.Roles})
	if blockers := found.Blockers(); len(blockers) > 0 {
		return "", &Blocked{blockers}
	}
	return found.Summary(), nil
}

// Blocked is a run that could not succeed; nothing was changed.
type Blocked struct{ Findings verify.Findings }

func (b *Blocked) Error() string {
	if len(b.Findings) == 1 {
		return "this would stop the run: " + b.Findings[0].What
	}
	return fmt.Sprintf("%d things would stop the run, the first: %s", len(b.Findings), b.Findings[0].What)
}

// hints are the findings as a report tells them.
func (b *Blocked) hints() []report.Hint {
	var hints []report.Hint
	for _, finding := range b.Findings {
		what := finding.What
		if finding.Where != "" {
			what += " (" + finding.Where + ")"
		}
		hints = append(hints, report.Hint{What: what, Fix: words(finding.Why, when(finding.Why != "", "–"), finding.Fix)})
	}
	return hints
}

// startDatabase starts the database where its schedule has stopped it: neither
// migrations nor CloudFormation can do anything with it then.
func (r *run) startDatabase(ctx context.Context) (string, error) {
	return "", verify.StartDatabase(ctx, r.Access, r.Environment, r.Say)
}

// record writes down what is deployed.
func (r *run) record(ctx context.Context) (string, error) {
	now := record.Record{
		Kind: r.kind, Images: map[string]string{}, Tags: map[string]string{}, Commit: r.Commit, Who: r.Owner.Who, Run: r.Owner.Run,
		At: r.started, TaskDefinition: r.converged.TaskDefinition, JobDefinitions: r.converged.Jobs, Migrated: r.migrated,
	}
	if now.Migrated == "" {
		now.Migrated = r.last.Migrated
	}
	for _, image := range r.images {
		now.Images[image.Name], now.Tags[image.Name] = image.Digest, image.Tag
	}
	version, err := record.Write(ctx, r.Access, r.names(), now)
	return fmt.Sprintf("v%d", version), err
}
