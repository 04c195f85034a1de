package rollout

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Kind is what became of a deployment that did not do what it should.
type Kind string

// Kinds of problems.
const (
	// RolledBack is a deployment after which the service is what it was before:
	// by the circuit breaker, by an alarm, by hand, or by CloudFormation.
	RolledBack Kind = "was rolled back"
	// RollbackFailed is one whose rollback failed, too.
	RollbackFailed Kind = "failed, and so did its rollback"
	// Stopped is one that ended without a rollback, by hand or because there was
	// nothing to go back to.
	Stopped Kind = "was stopped"
	// Overtaken is one after which somebody has started another.
	Overtaken Kind = "was overtaken"
	// NotStarted is one that nobody has started, though the service is not what is
	// wanted.
	NotStarted Kind = "was not started"
	// Stuck is one that has not ended in time.
	Stuck Kind = "has not ended"
	// Wrong is one that succeeded though tasks run something else.
	Wrong Kind = "is complete, but something else runs"
	// Unhealthy is one that succeeded though not all tasks run, or not all targets
	// are healthy.
	Unhealthy Kind = "is complete, but its tasks aren't healthy"
	// Idle is one of a service that is to have no tasks: nothing proves that the
	// images run.
	Idle Kind = "is complete, but nothing runs"
)

// Problem is a deployment that did not do what it should.
type Problem struct {
	// Kind is what became of it.
	Kind Kind
	// Deployment is its ARN, or what ECS's older interface calls it
	// ("ecs-svc/123"); empty where there is none.
	Deployment string
	// TaskDefinition is what it was to bring, as family and revision.
	TaskDefinition string
	// Reason is why, as far as ECS says: "the circuit breaker was triggered".
	Reason string
	// Now is what runs.
	Now Snapshot
}

// Error says what became of which deployment and why, e.g. "deployment abc of
// prooflink-dev-task:13 was rolled back: the circuit breaker was triggered".
func (p *Problem) Error() string {
	text := "the deployment"
	if p.Deployment != "" {
		text = "deployment " + base(p.Deployment)
	}
	if p.TaskDefinition != "" {
		text += " of " + p.TaskDefinition
	}
	text += " " + string(p.Kind)
	if p.Reason != "" {
		text += ": " + p.Reason
	}
	return text
}

// lacking says which digests differ from what is wanted.
func lacking(have, want map[string]string) string {
	var words []string
	for _, container := range slices.Sorted(maps.Keys(want)) {
		if have[container] != want[container] {
			words = append(words, fmt.Sprintf("%s has %s, wanted %s", container, or(brief(have[container]), "no image"), brief(want[container])))
		}
	}
	return strings.Join(words, ", ")
}

// brief is as much of a digest as tells it from others.
func brief(digest string) string {
	const enough = len("sha256:") + 12
	return digest[:min(len(digest), enough)]
}

// rounded is a time as it is told.
func rounded(d time.Duration) string { return d.Round(time.Second).String() }
