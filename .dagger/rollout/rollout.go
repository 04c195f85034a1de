// Package rollout follows a deployment of the ECS service and tells the truth
// about it: it succeeded only when the service's running tasks have the wanted
// images and their targets are healthy.
//
// Meanwhile it keeps what a rollback deletes: a stopped task can be described
// for an hour only (Amazon ECS Developer Guide, "Viewing Amazon ECS stopped task
// errors"), and with a service's first creation the service itself goes.
package rollout

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/prooflink/prooflink/.dagger/report"
	"github.com/prooflink/prooflink/infra/config"
)

// interval is how often the service is looked at: 3 calls each time, 0.6 per
// second.
const interval = 5 * time.Second

// Snapshot is what a service runs at a moment.
type Snapshot struct {
	// Exists says whether there is a service.
	Exists bool
	// TaskDefinition is the ARN.
	TaskDefinition string
	// Deployment is the ARN of the service deployment; empty where it is older
	// than the 90 days that ECS remembers.
	Deployment string
	// Images are the digests by container, "sha256:…", as far as they are known.
	Images map[string]string
	// Desired and Running are numbers of tasks.
	Desired, Running int
}

// String is what runs, e.g. "2 of 2 tasks of prooflink-dev-task:12".
func (s Snapshot) String() string {
	if !s.Exists {
		return "nothing: the service isn't there"
	}
	return fmt.Sprintf("%d of %d tasks of %s", s.Running, s.Desired, base(s.TaskDefinition))
}

// Watcher follows one service from Watch until Stop.
type Watcher struct {
	reader
	environment config.Environment
	access      aws.Config
	say         io.Writer
	begun       time.Time
	before      Snapshot
	// known are the deployments that had ended before, primary the one that was in
	// force, "ecs-svc/123"; empty where it was still in progress.
	known   map[string]bool
	primary string

	end  context.CancelFunc
	done sync.WaitGroup
	// poke makes the next look come at once.
	poke chan struct{}

	mu      sync.Mutex
	looks   int // looks that have begun
	view    view
	err     error         // of the last look
	updated chan struct{} // closed when a look has ended
	told    progress
	// forced are the deployments that came into force since Watch.
	forced []types.Deployment
	gathered
}

// view is what one look at the service has seen.
type view struct {
	// look is its number, from 1.
	look int
	// service is nil where there is none.
	service *types.Service
	// deployments are those since Watch, and some before, the newest first.
	deployments []types.ServiceDeploymentBrief
}

// Watch notes how the service is now and begins to collect evidence, whatever
// becomes of this context: until Stop. The service need not exist yet. Progress
// goes to say, a line for each change.
func Watch(ctx context.Context, access aws.Config, environment config.Environment, say io.Writer) (*Watcher, error) {
	access = paced(access)
	w := &Watcher{
		reader: newReader(access, environment.Names()), environment: environment, access: access, say: say,
		begun: time.Now(), known: map[string]bool{},
		poke: make(chan struct{}, 1), updated: make(chan struct{}), gathered: newGathered(),
	}
	if err := w.remember(ctx); err != nil {
		return nil, fmt.Errorf("watch service %s: %w", w.service, err)
	}
	ctx, w.end = context.WithCancel(context.WithoutCancel(ctx))
	w.done.Go(func() { w.follow(ctx) })
	w.done.Go(func() { w.readLogs(ctx) })
	return w, nil
}

// Before is what the service ran when Watch was called.
func (w *Watcher) Before() Snapshot { return w.before }

// Now is what the service runs, as of the last look.
func (w *Watcher) Now() Snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	return snapshot(w.view.service)
}

// Deployment is the ARN of the newest deployment since Watch, as of the last
// look; empty: none was started.
func (w *Watcher) Deployment() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.view.deployments {
		if arn := aws.ToString(d.ServiceDeploymentArn); !w.known[arn] {
			return arn
		}
	}
	return ""
}

// Stop ends the collection. What was collected stays.
func (w *Watcher) Stop() {
	w.end()
	w.done.Wait()
}

// Evidence is what was collected so far.
func (w *Watcher) Evidence() report.Evidence {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.evidence()
}

// remember notes how things are before anything is done.
func (w *Watcher) remember(ctx context.Context) error {
	service, err := w.describe(ctx)
	if err != nil || service == nil {
		return err
	}
	deployments, err := w.deployments(ctx, nil)
	if err != nil {
		return err
	}
	stopped, err := w.listTasks(ctx, types.DesiredStatusStopped)
	if err != nil {
		return err
	}
	for _, d := range deployments {
		w.known[aws.ToString(d.ServiceDeploymentArn)] = !slices.Contains(ongoing, d.Status)
		w.since(d)
	}
	w.ignore(service.Events, stopped)
	w.before, w.view.service = snapshot(service), service
	w.told.primary = aws.ToString(primary(service).Id)
	if primary(service).RolloutState != types.DeploymentRolloutStateInProgress {
		w.primary = w.told.primary
	}
	w.before.Images, err = w.imagesOf(ctx, service)
	return err
}

// snapshot is what a service runs, without its images.
func snapshot(service *types.Service) Snapshot {
	if service == nil {
		return Snapshot{}
	}
	p := primary(service)
	return Snapshot{
		Exists: true, TaskDefinition: or(aws.ToString(p.TaskDefinition), aws.ToString(service.TaskDefinition)),
		Deployment: aws.ToString(service.CurrentServiceDeployment),
		Desired:    int(service.DesiredCount), Running: int(p.RunningCount),
	}
}

// primary is the deployment that is in force.
func primary(service *types.Service) types.Deployment {
	i := slices.IndexFunc(service.Deployments, func(d types.Deployment) bool { return aws.ToString(d.Status) == "PRIMARY" })
	if i < 0 {
		return types.Deployment{}
	}
	return service.Deployments[i]
}

// base is the last part of an ARN: family and revision, a task's id.
func base(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

// or is the first text that isn't empty.
func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// includes says whether a map has everything that another one has.
func includes(have, want map[string]string) bool {
	for key := range maps.Keys(want) {
		if have[key] != want[key] {
			return false
		}
	}
	return true
}
