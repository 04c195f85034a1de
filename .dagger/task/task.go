// Package task runs a one-off task on ECS: it starts the task, shows its log from
// the first line to the last, waits for its end and obeys its exit code.
package task

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/prooflink/prooflink/.dagger/logs"
	"github.com/prooflink/prooflink/.dagger/pause"
)

const (
	// interval is how often the task and its log are looked at.
	interval = 5 * time.Second
	// patience is how long AWS may not answer before the run gives up.
	patience = 3 * time.Minute
	// drainInterval, silence and drainLimit end the log of a task that has
	// stopped: once it has been silent for a while, and anyhow in the end.
	drainInterval = 2 * time.Second
	silence       = 6 * time.Second
	drainLimit    = 20 * time.Second
	// attempts is how often a call is repeated that AWS throttles.
	attempts = 8
	// kept is how many of the last lines an outcome has.
	kept = 200
)

// Outcome is how a task ended.
type Outcome struct {
	// TaskARN is the task's; empty where none was started.
	TaskARN string
	// ExitCode is the container's; nil where it has none.
	ExitCode *int32
	// StopCode is ECS's, e.g. "EssentialContainerExited".
	StopCode string
	// StoppedReason is ECS's, the container's after the task's.
	StoppedReason string
	// Lines are the log's last ones, as they were shown.
	Lines []string
}

// Run starts the task, writes its log and its states to out and waits. A task
// that doesn't end with exit code 0 is an error (*Failed). Where the context
// ends, or the task takes longer than the spec's limit, it is stopped.
func Run(ctx context.Context, access aws.Config, spec Spec, out io.Writer) (Outcome, error) {
	r := newRunner(access, spec, out)
	if err := r.prepare(ctx); err != nil {
		return Outcome{}, err
	}
	if err := r.start(ctx); err != nil {
		return Outcome{}, err
	}
	limited, cancel := context.WithTimeoutCause(ctx, spec.limit(), fmt.Errorf("it takes longer than %s", spec.limit()))
	defer cancel()
	stopped, err := r.watch(limited)
	if err != nil {
		return r.outcome, r.abandon(limited, err)
	}
	r.drain(limited, stopped)
	r.outcome.ended(stopped, spec.Container)
	return r.outcome, r.outcome.failure(spec, stopped)
}

// runner is one run.
type runner struct {
	access     aws.Config
	api        *ecs.Client
	spec       Spec
	out        io.Writer
	definition types.TaskDefinition
	outcome    Outcome
	log        *logs.Follower
	// state is what was told last.
	state string
	// mute says that it was told why the log can't be read.
	mute bool
}

// newRunner calls AWS patiently.
func newRunner(access aws.Config, spec Spec, out io.Writer) *runner {
	access.RetryMaxAttempts = attempts
	return &runner{access: access, api: ecs.NewFromConfig(access), spec: spec, out: out}
}

// prepare reads the task definition and finds the container in it.
func (r *runner) prepare(ctx context.Context) error {
	out, err := r.api.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &r.spec.Definition})
	if err != nil {
		return fmt.Errorf("describe task definition %s: %w", r.spec.Definition, advise(err, r.spec))
	}
	r.definition = *out.TaskDefinition
	var names []string
	for _, container := range r.definition.ContainerDefinitions {
		names = append(names, aws.ToString(container.Name))
	}
	if !slices.Contains(names, r.spec.Container) {
		return fmt.Errorf("task definition %s has no container %q; it has %q", r.spec.Definition, r.spec.Container, names)
	}
	return nil
}

// watch looks at the task and its log until the task has stopped. A call that
// fails is repeated for a while: the task goes on meanwhile.
func (r *runner) watch(ctx context.Context) (types.Task, error) {
	answered := time.Now()
	for {
		task, err := r.describe(ctx)
		if err == nil {
			answered = time.Now()
			r.tell(task)
		}
		if ctx.Err() != nil {
			return types.Task{}, context.Cause(ctx)
		}
		if err != nil && time.Since(answered) > patience {
			return types.Task{}, err
		}
		r.copy(ctx)
		if aws.ToString(task.LastStatus) == "STOPPED" {
			return task, nil
		}
		if err := pause.For(ctx, interval); err != nil {
			return types.Task{}, err
		}
	}
}

// describe reads the task. Just after its start ECS may not know it yet.
func (r *runner) describe(ctx context.Context) (types.Task, error) {
	out, err := r.api.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &r.spec.Cluster, Tasks: []string{r.outcome.TaskARN}})
	if err != nil {
		return types.Task{}, fmt.Errorf("describe task %s: %w", r.id(), err)
	}
	if len(out.Tasks) == 0 {
		return types.Task{}, fmt.Errorf("describe task %s: cluster %s has no such task", r.id(), r.spec.Cluster)
	}
	return out.Tasks[0], nil
}

// id is the task's.
func (r *runner) id() string { return logs.TaskID(r.outcome.TaskARN) }

// tell writes a line when the task's state changes.
func (r *runner) tell(task types.Task) {
	state := aws.ToString(task.LastStatus)
	if state != r.state {
		fmt.Fprintf(r.out, "task %s: %s\n", logs.Short(r.id()), state)
	}
	r.state = state
}

// copy writes what is new in the log and returns how many lines that was. A log
// that can't be read doesn't end the run: the exit code decides.
func (r *runner) copy(ctx context.Context) int {
	if r.log == nil {
		return 0
	}
	events, err := r.log.Next(ctx)
	if err != nil && !r.mute && ctx.Err() == nil {
		fmt.Fprintf(r.out, "task %s: %s\n", logs.Short(r.id()), err)
		r.mute = true
	}
	for _, event := range events {
		line := event.Line()
		fmt.Fprintln(r.out, line)
		r.outcome.Lines = append(r.outcome.Lines, line)
	}
	r.outcome.Lines = r.outcome.Lines[max(0, len(r.outcome.Lines)-kept):]
	return len(events)
}

// drain reads the log of a stopped task to its end: lines arrive late. A task
// that never ran has none.
func (r *runner) drain(ctx context.Context, task types.Task) {
	if r.log == nil || r.mute || task.StartedAt == nil {
		return
	}
	end := time.Now().Add(drainLimit)
	last := time.Now()
	for time.Now().Before(end) && pause.For(ctx, drainInterval) == nil {
		if r.copy(ctx) > 0 {
			last = time.Now()
		}
		if len(r.outcome.Lines) > 0 && time.Since(last) >= silence {
			return
		}
	}
}

// farewell is how long stopping the task may take when the run itself has ended.
const farewell = 30 * time.Second

// reasonLength is the most that is told as the reason of a stop.
const reasonLength = 200

// abandon stops the task, so that nothing is left running, also after the
// context has ended.
func (r *runner) abandon(ctx context.Context, why error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	reason := fmt.Sprintf("%s: %s", r.spec.startedBy(), why)
	_, err := r.api.StopTask(ctx, &ecs.StopTaskInput{
		Cluster: &r.spec.Cluster, Task: &r.outcome.TaskARN, Reason: aws.String(reason[:min(len(reason), reasonLength)]),
	})
	if err != nil {
		return errors.Join(fmt.Errorf("run task definition %s: %w", r.spec.Definition, why),
			fmt.Errorf("stop task %s: %w; it may still run: stop it with `aws ecs stop-task --cluster %s --task %s`", r.id(), err, r.spec.Cluster, r.id()))
	}
	return fmt.Errorf("run task definition %s: %w; task %s was stopped", r.spec.Definition, why, r.id())
}
