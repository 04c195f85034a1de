package rollout

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/prooflink/prooflink/.dagger/logs"
	"github.com/prooflink/prooflink/.dagger/pause"
	"github.com/prooflink/prooflink/.dagger/report"
)

const (
	// mostLines is how many of a container's last lines are kept.
	mostLines = 15
	// mostRead is of how many tasks the lines are read: a hundred that crash alike
	// tell no more.
	mostRead = 6
	// late is how long lines may take to arrive; the log router sends them every
	// few seconds.
	late = 45 * time.Second
	// again is how long it takes until a log is looked at once more.
	again = 10 * time.Second
)

// gathered is the evidence so far. The watcher's lock guards it.
type gathered struct {
	// seen are events and stopped tasks that are old or done with.
	seen map[string]bool
	// stopped are the tasks that stop or have stopped, by ARN.
	stopped map[string]*report.Task
	events  []report.Event
	// unread are containers whose lines are to be read, reading says that one is
	// being read.
	unread  []unread
	reading bool
	// read are the tasks whose lines were asked for.
	read map[string]bool
}

// unread is a container whose lines are to be read.
type unread struct {
	task       string
	definition string
	container  string
	// from and until are when they may be there.
	from, until time.Time
}

func newGathered() gathered {
	return gathered{seen: map[string]bool{}, stopped: map[string]*report.Task{}, read: map[string]bool{}}
}

// ignore leaves out what was there before.
func (g *gathered) ignore(events []types.ServiceEvent, stopped []string) {
	for _, event := range events {
		g.seen[aws.ToString(event.Id)] = true
	}
	for _, arn := range stopped {
		g.seen[arn] = true
	}
}

// evidence is a copy.
func (g *gathered) evidence() report.Evidence {
	evidence := report.Evidence{Events: slices.Clone(g.events)}
	for _, id := range slices.Sorted(maps.Keys(g.stopped)) {
		task := *g.stopped[id]
		task.Containers = slices.Clone(task.Containers)
		evidence.Tasks = append(evidence.Tasks, task)
	}
	return evidence
}

// follow looks at the service until the context ends.
func (w *Watcher) follow(ctx context.Context) {
	for w.pause(ctx); ctx.Err() == nil; w.pause(ctx) {
		w.look(ctx)
	}
}

// pause is until the next look.
func (w *Watcher) pause(ctx context.Context) {
	timer := time.NewTimer(interval)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.poke:
	case <-ctx.Done():
	}
}

// look looks at the service once, and before it says so, at the tasks that have
// stopped since: whoever learns that a deployment has failed finds out why, too.
func (w *Watcher) look(ctx context.Context) {
	w.mu.Lock()
	w.looks++
	number := w.looks
	w.mu.Unlock()
	v, err := w.see(ctx)
	v.look = number
	if err == nil && v.service != nil {
		w.collect(ctx)
	}
	w.note(v, err)
}

// see reads the service and its deployments.
func (w *Watcher) see(ctx context.Context) (view, error) {
	service, err := w.describe(ctx)
	if err != nil || service == nil {
		return view{}, err
	}
	deployments, err := w.deployments(ctx, nil)
	return view{service: service, deployments: deployments}, err
}

// note publishes what a look has seen. A look that failed says so and leaves
// what is known.
func (w *Watcher) note(v view, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
	if err == nil {
		w.view = v
		w.noteEvents(v.service)
	}
	w.tell(v, err)
	close(w.updated)
	w.updated = make(chan struct{})
}

// noteEvents keeps a service's new events, of which ECS shows the newest first.
func (w *Watcher) noteEvents(service *types.Service) {
	if service == nil {
		return
	}
	for _, event := range slices.Backward(service.Events) {
		id, text := aws.ToString(event.Id), aws.ToString(event.Message)
		if w.seen[id] {
			continue
		}
		w.seen[id] = true
		text = strings.TrimPrefix(text, "(service "+w.service+") ")
		w.events = append(w.events, report.Event{At: aws.ToTime(event.CreatedAt), Source: report.FromECS, Text: text})
		w.line(text)
	}
}

// collect keeps the tasks that have stopped. What can't be read now is read at
// the next look.
func (w *Watcher) collect(ctx context.Context) {
	arns, err := w.stopping(ctx)
	if err != nil || len(arns) == 0 {
		return
	}
	tasks, _ := w.describeTasks(ctx, arns)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, task := range tasks {
		w.keep(task)
	}
}

// stopping are the stopped tasks that are not done with.
func (w *Watcher) stopping(ctx context.Context) ([]string, error) {
	arns, err := w.listTasks(ctx, types.DesiredStatusStopped)
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(arns, func(arn string) bool { return w.seen[arn] }), err
}

// keep keeps a task that stops, or has stopped. It is done with when it has: its
// exit codes come last.
func (w *Watcher) keep(task types.Task) {
	arn := aws.ToString(task.TaskArn)
	ended := aws.ToString(task.LastStatus) == string(types.DesiredStatusStopped)
	if ended {
		w.seen[arn] = true
	}
	if w.replaced(task) {
		return
	}
	if _, known := w.stopped[arn]; !known {
		w.line("task " + short(arn) + " of " + base(aws.ToString(task.TaskDefinitionArn)) + " stops: " + aws.ToString(task.StoppedReason))
	}
	w.stopped[arn] = told(task)
	if ended {
		w.ask(task)
	}
}

// replaced says whether a task only makes room for a newer one.
func (w *Watcher) replaced(task types.Task) bool {
	return w.before.Exists && aws.ToString(task.TaskDefinitionArn) == w.before.TaskDefinition &&
		strings.HasPrefix(aws.ToString(task.StoppedReason), "Scaling activity initiated by")
}

// ask puts the containers that ran into the queue of those whose lines are read.
func (w *Watcher) ask(task types.Task) {
	arn := aws.ToString(task.TaskArn)
	if w.read[arn] || len(w.read) == mostRead {
		return
	}
	w.read[arn] = true
	now := time.Now()
	for _, container := range task.Containers {
		if container.ExitCode != nil || container.RuntimeId != nil {
			w.unread = append(w.unread, unread{arn, aws.ToString(task.TaskDefinitionArn), aws.ToString(container.Name), now, now.Add(late)})
		}
	}
}

// told is a task as it is reported, without its lines.
func told(task types.Task) *report.Task {
	t := &report.Task{
		ID: base(aws.ToString(task.TaskArn)), Definition: base(aws.ToString(task.TaskDefinitionArn)),
		StopCode: string(task.StopCode), StoppedReason: aws.ToString(task.StoppedReason), StoppedAt: stoppedAt(task),
	}
	for _, c := range task.Containers {
		t.Containers = append(t.Containers, report.Container{
			Name: aws.ToString(c.Name), Image: aws.ToString(c.Image), Digest: aws.ToString(c.ImageDigest),
			Reason: aws.ToString(c.Reason), Health: health(c), ExitCode: c.ExitCode,
		})
	}
	return t
}

// health is a container's health, where it has a check.
func health(c types.Container) string {
	if c.HealthStatus == types.HealthStatusUnknown {
		return ""
	}
	return string(c.HealthStatus)
}

// stoppedAt is when a task stopped, or began to.
func stoppedAt(task types.Task) time.Time {
	for _, at := range []*time.Time{task.ExecutionStoppedAt, task.StoppedAt, task.StoppingAt} {
		if at != nil {
			return *at
		}
	}
	return time.Time{}
}

// readLogs reads the lines of stopped containers, one after another, until the
// context ends.
func (w *Watcher) readLogs(ctx context.Context) {
	for pause.For(ctx, time.Second) == nil {
		if next, ok := w.next(); ok {
			group, lines, err := w.readLog(ctx, next)
			w.keepLines(next, group, lines, err)
		}
	}
}

// next takes the first container from the queue whose time has come.
func (w *Watcher) next() (unread, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.unread, func(u unread) bool { return !time.Now().Before(u.from) })
	if i < 0 {
		return unread{}, false
	}
	next := w.unread[i]
	w.unread = slices.Delete(w.unread, i, i+1)
	w.reading = true
	return next, true
}

// readLog reads a container's last lines from where its task definition sends them.
func (w *Watcher) readLog(ctx context.Context, u unread) (string, []string, error) {
	definition, err := w.definition(ctx, u.definition)
	if err != nil {
		return "", nil, err
	}
	for _, c := range definition.ContainerDefinitions {
		if aws.ToString(c.Name) == u.container && c.LogConfiguration != nil {
			return logs.OfContainer(ctx, w.access, w.environment, logs.Container{
				TaskID: base(u.task), Name: u.container,
				Driver: string(c.LogConfiguration.LogDriver), Options: c.LogConfiguration.Options,
			}, mostLines)
		}
	}
	return "", nil, nil
}

// keepLines keeps a container's lines, or puts it back where they may come later.
func (w *Watcher) keepLines(u unread, group string, lines []string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reading = false
	containers := w.stopped[u.task].Containers
	if i := slices.IndexFunc(containers, func(c report.Container) bool { return c.Name == u.container }); i >= 0 && group != "" {
		containers[i].LogGroup, containers[i].Lines = group, lines
	}
	if u.from = time.Now().Add(again); len(lines) == 0 && (err != nil || group != "") && u.from.Before(u.until) {
		w.unread = append(w.unread, u)
	}
}

// reads says whether lines are still to be read.
func (w *Watcher) reads() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reading || len(w.unread) > 0
}

// passing says whether an error may be gone at the next look: throttling, a fault
// of AWS, a connection that broke.
func passing(err error) bool {
	return errors.Is(err, errNotYet) || retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err).Bool() ||
		retry.IsErrorThrottles(retry.DefaultThrottles).IsErrorThrottle(err).Bool()
}
