package delivery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prooflink/prooflink/.dagger/jobs"
	"github.com/prooflink/prooflink/.dagger/release"
	"github.com/prooflink/prooflink/.dagger/report"
	"github.com/prooflink/prooflink/.dagger/rollout"
	"github.com/prooflink/prooflink/.dagger/stacks"
	"github.com/prooflink/prooflink/.dagger/task"
)

// asking is how long the report's own questions may take.
const asking = time.Minute

// failure is the report of a run that failed: what its steps said, with what
// was seen of tasks and stacks meanwhile.
func (r *run) failure(ctx context.Context, results jobs.Results) *report.Failure {
	ctx, cancel := context.WithTimeout(ctx, asking)
	defer cancel()
	step := failed(results)
	evidence := r.evidence(ctx, step.Err)
	failure := report.Failure{
		Command: r.command, Step: step.Name, Outcome: r.outcome(step.Err, evidence), Problem: problem(results),
		Running: r.running(ctx), Evidence: evidence, Deployment: r.deployment(step.Err),
		At: time.Now(), Took: time.Since(r.started), Run: r.Owner.Run, Err: step.Err,
	}
	var blocked *Blocked
	if errors.As(step.Err, &blocked) {
		failure.Cause, failure.Hints = blocked.Error(), blocked.hints()
	}
	return report.New(r.Environment, failure)
}

// failed is the first result that is an error.
func failed(results jobs.Results) jobs.Result {
	for _, result := range results {
		if result.Err != nil {
			return result
		}
	}
	return jobs.Result{}
}

// problem is what the step said that failed, and what failed after it.
func problem(results jobs.Results) string {
	var said []string
	for _, result := range results {
		switch {
		case result.Err == nil:
		case len(said) == 0:
			said = append(said, result.Err.Error())
		default:
			said = append(said, fmt.Sprintf("then %q failed, too: %s", result.Name, result.Err))
		}
	}
	return strings.Join(said, "; ")
}

// evidence is what was seen of tasks, and why stacks failed.
func (r *run) evidence(ctx context.Context, err error) report.Evidence {
	var evidence report.Evidence
	if r.watcher != nil {
		evidence = r.watcher.Evidence()
	}
	evidence.Tasks = append(evidence.Tasks, r.oneOff(err)...)
	for _, stack := range stacks.Named(r.Environment, r.Roles) {
		events, reading := r.formation.Failures(ctx, stack, r.started.Add(-time.Minute)) // clocks differ
		evidence.Events = append(evidence.Events, events...)
		if reading != nil {
			evidence.Events = append(evidence.Events, report.Event{At: time.Now(), Source: "this report", Text: reading.Error()})
			break
		}
	}
	return evidence
}

// outcome tells a run after which the service is what it was from one that ended
// before its end.
func (r *run) outcome(err error, evidence report.Evidence) string {
	var problem *rollout.Problem
	if errors.As(err, &problem) && problem.Kind == rollout.RolledBack {
		return report.RolledBack
	}
	for _, event := range evidence.Events {
		if strings.HasPrefix(event.Source, report.FromStack("")) {
			return report.RolledBack
		}
	}
	return report.Failed
}

// deployment is the ECS service deployment that failed, or the newest that was
// seen.
func (r *run) deployment(err error) string {
	var problem *rollout.Problem
	if errors.As(err, &problem) && problem.Deployment != "" {
		return problem.Deployment
	}
	if r.watcher == nil {
		return ""
	}
	return r.watcher.Deployment()
}

// running says what the service runs now.
func (r *run) running(ctx context.Context) string {
	live, err := release.Live(ctx, r.Access, r.names())
	var absent *release.Absent
	switch {
	case errors.As(err, &absent):
		return "nothing: " + absent.What + " isn't there"
	case err != nil:
		return "unknown: " + err.Error()
	}
	var images []string
	for container, image := range live.Images {
		_, digest, _ := strings.Cut(image, "@")
		images = append(images, fmt.Sprintf("%s %s", container, short12(digest)))
	}
	return revision(*live.Task.TaskDefinition.TaskDefinitionArn) + " (" + list(sorted(images)) + ")"
}

// oneOff is the task that failed, where the run ended with one.
func (r *run) oneOff(err error) []report.Task {
	var failed *task.Failed
	if !errors.As(err, &failed) {
		return nil
	}
	return []report.Task{{
		ID: revision(failed.Task), Definition: revision(failed.Definition), StopCode: failed.StopCode, StoppedReason: failed.Reason, StoppedAt: time.Now(),
		Containers: []report.Container{{Name: failed.Container, ExitCode: failed.ExitCode, LogGroup: r.names().MigrateLogGroup(), Lines: failed.Lines}},
	}}
}
