package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	balancing "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/prooflink/prooflink/.dagger/pause"
)

const (
	// appearing is how long ECS may take to show what was just started.
	appearing = time.Minute
	// lastLook is how long the last lines of failed tasks are waited for.
	lastLook = 30 * time.Second
)

// Want is what the service shall run.
type Want struct {
	// Images are the digests by container, "sha256:…", of one at least; other
	// containers may run whatever the task definition names.
	Images map[string]string
	// TaskDefinition is the ARN; empty: any with the images.
	TaskDefinition string
}

// Result is a deployment whose tasks run what is wanted.
type Result struct {
	// Deployment is the ARN, or "ecs-svc/123" where ECS has forgotten it.
	Deployment string
	// TaskDefinition is the ARN.
	TaskDefinition string
	// Started says whether there was a deployment; false: the service ran the
	// wanted images already.
	Started bool
	// Desired is how many tasks there shall be, and are.
	Desired int
	// Targets is how many targets are healthy.
	Targets int
	// Images are the digests of the running tasks, by container.
	Images map[string]string
	// Tasks are the running tasks' ids.
	Tasks []string
	// Took is the time since Watch.
	Took time.Duration
}

// Settle follows the deployment that brings what is wanted until it has ended,
// for limit at most, and then proves that its tasks run. It is the newest one
// since Watch; where nothing was started because the service has the wanted
// images, the one that is in force. A deployment that went wrong is a *Problem;
// the last log lines of its tasks are waited for, half a minute at most.
func (w *Watcher) Settle(ctx context.Context, want Want, limit time.Duration) (Result, error) {
	if err := want.check(); err != nil {
		return Result{}, err
	}
	s := settling{Watcher: w, want: want, begun: time.Now()}
	result, err := s.run(ctx, limit)
	if err != nil {
		w.lastWords(ctx)
	}
	return result, err
}

// check refuses what anything would fulfil.
func (want Want) check() error {
	for container, digest := range want.Images {
		if digest == "" {
			return fmt.Errorf("follow a deployment: the digest that container %s shall run isn't known", container)
		}
	}
	if len(want.Images) == 0 {
		return errors.New("follow a deployment: no image is wanted")
	}
	return nil
}

// lastWords waits until the lines of the tasks that failed are read.
func (w *Watcher) lastWords(ctx context.Context) {
	for end := time.Now().Add(lastLook); w.reads() && time.Now().Before(end); {
		if pause.For(ctx, time.Second) != nil {
			return
		}
	}
}

// settling is one call of Settle.
type settling struct {
	*Watcher
	want  Want
	begun time.Time
	// looks is how many looks had begun: what they saw may be older than this call.
	looks int
	// proving is since when the deployment is complete.
	proving time.Time
	// open is what the proof lacks.
	open string
	// stopped is since when the deployment counts as stopped.
	stopped time.Time
	// byHand says that somebody asked for the deployment's end.
	byHand bool
}

// deployment is one deployment, whichever of ECS's interfaces tells of it.
type deployment struct {
	id         string // ARN, or "ecs-svc/123"
	definition string
	images     map[string]string
	status     types.ServiceDeploymentStatus
	reason     string
}

// run looks after each look of the collector's.
func (s *settling) run(ctx context.Context, limit time.Duration) (Result, error) {
	limited := time.NewTimer(limit)
	defer limited.Stop()
	s.mu.Lock()
	s.looks = s.Watcher.looks
	s.mu.Unlock()
	select {
	case s.poke <- struct{}{}:
	default:
	}
	for {
		v, updated, err := s.current()
		if err == nil && v.look > s.looks {
			var result *Result
			if result, err = s.judge(ctx, v); result != nil {
				return *result, nil
			}
		}
		if err != nil && !passing(err) {
			return Result{}, err
		}
		select {
		case <-updated:
		case <-limited.C:
			return Result{}, s.stuck(ctx, limit)
		case <-ctx.Done():
			return Result{}, fmt.Errorf("follow the deployment of service %s: %w", s.service, context.Cause(ctx))
		}
	}
}

// current is the last look, and what is closed by the next.
func (s *settling) current() (view, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view, s.updated, s.err
}

// judge says what became of the deployment: a result, an error, or neither yet.
func (s *settling) judge(ctx context.Context, v view) (*Result, error) {
	if v.service == nil {
		return nil, s.missing()
	}
	fresh, err := s.fresh(ctx, v)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(fresh, s.wanted)
	switch {
	case i == 0:
		return s.ours(ctx, v, fresh[0])
	case i > 0:
		return nil, s.replacedBy(ctx, v, fresh[i], fresh[0])
	case len(fresh) > 0:
		return nil, s.instead(ctx, v, fresh[0])
	}
	return s.inForce(ctx, v)
}

// missing is an error when there is no service. CloudFormation deletes one whose
// creation failed.
func (s *settling) missing() error {
	s.mu.Lock()
	made := slices.Clone(s.forced)
	s.mu.Unlock()
	switch {
	case len(made) > 0 && !s.before.Exists:
		d := deployment{id: aws.ToString(made[0].Id), definition: aws.ToString(made[0].TaskDefinition)}
		return s.problem(view{}, d, RolledBack, "the service that it made was deleted again")
	case !s.before.Exists && time.Since(s.begun) < appearing:
		return nil
	}
	return fmt.Errorf("service %s is not in cluster %s: dagger call deploy --env %s makes it", s.service, s.cluster, s.environment.Env)
}

// fresh are the deployments since Watch, the newest first.
func (s *settling) fresh(ctx context.Context, v view) ([]deployment, error) {
	var fresh []deployment
	for _, d := range v.deployments {
		if s.known[aws.ToString(d.ServiceDeploymentArn)] {
			continue
		}
		revision, err := s.revision(ctx, aws.ToString(d.TargetServiceRevisionArn))
		if err != nil {
			return nil, err
		}
		fresh = append(fresh, deployment{
			id: aws.ToString(d.ServiceDeploymentArn), definition: aws.ToString(revision.TaskDefinition), images: revisionImages(revision),
			status: d.Status, reason: aws.ToString(d.StatusReason),
		})
	}
	return fresh, nil
}

// wanted says whether a deployment brings what is wanted.
func (s *settling) wanted(d deployment) bool {
	return (s.want.TaskDefinition == "" || base(s.want.TaskDefinition) == base(d.definition)) && includes(d.images, s.want.Images)
}

// ours judges the deployment that brings what is wanted and is the newest.
func (s *settling) ours(ctx context.Context, v view, d deployment) (*Result, error) {
	switch d.status {
	case types.ServiceDeploymentStatusSuccessful:
		return s.prove(ctx, v, d, true)
	case types.ServiceDeploymentStatusRollbackRequested, types.ServiceDeploymentStatusStopRequested:
		s.byHand = true
	case types.ServiceDeploymentStatusRollbackSuccessful:
		return nil, s.ended(ctx, v, d, RolledBack)
	case types.ServiceDeploymentStatusRollbackFailed:
		return nil, s.ended(ctx, v, d, RollbackFailed)
	case types.ServiceDeploymentStatusStopped:
		return nil, s.halted(ctx, v, d)
	}
	return nil, nil
}

// halted judges a deployment that was stopped: ECS stops one for a newer one, too,
// which may show a little later.
func (s *settling) halted(ctx context.Context, v view, d deployment) error {
	if s.stopped.IsZero() {
		s.stopped = time.Now()
	}
	if time.Since(s.stopped) < interval {
		return nil
	}
	return s.ended(ctx, v, d, Stopped)
}

// ended is the problem of a deployment that ended badly, with ECS's reason.
func (s *settling) ended(ctx context.Context, v view, d deployment, kind Kind) error {
	detail, err := s.deployment(ctx, d.id)
	if err != nil {
		if passing(err) && !errors.Is(err, errNotYet) {
			return err
		}
		return s.problem(v, d, kind, d.reason)
	}
	return s.problem(v, d, kind, cause(detail, s.byHand))
}

// stoppedByHand is the cause of an end that nothing else explains.
const stoppedByHand = "it was stopped by hand"

// cause is why a deployment ended badly. ECS names the alarms and says whether
// its circuit breaker has counted too many failures; what neither has ended,
// somebody has.
func cause(d types.ServiceDeployment, byHand bool) string {
	said := aws.ToString(d.StatusReason)
	if said == "" && d.Rollback != nil {
		said = aws.ToString(d.Rollback.Reason)
	}
	switch {
	case d.Alarms != nil && len(d.Alarms.TriggeredAlarmNames) > 0:
		return "alarm " + strings.Join(d.Alarms.TriggeredAlarmNames, ", ") + " was triggered"
	case d.DeploymentCircuitBreaker != nil && d.DeploymentCircuitBreaker.Status == types.ServiceDeploymentRollbackMonitorsStatusTriggered:
		return "the circuit breaker was triggered, after " + number(int(d.DeploymentCircuitBreaker.FailureCount), "failed task")
	case said == "":
		return stoppedByHand
	case byHand:
		return stoppedByHand + ": " + said
	}
	return said
}

// problem is a problem with what runs now.
func (s *settling) problem(v view, d deployment, kind Kind, reason string) *Problem {
	return &Problem{Kind: kind, Deployment: d.id, TaskDefinition: base(d.definition), Reason: reason, Now: snapshot(v.service)}
}

// replacedBy judges our deployment where there is a newer one that brings
// something else. One that brings back what ran before is a rollback, by
// CloudFormation mostly, and so is ours where ECS has rolled it back itself.
func (s *settling) replacedBy(ctx context.Context, v view, ours, newer deployment) error {
	switch ours.status {
	case types.ServiceDeploymentStatusRollbackSuccessful:
		return s.ended(ctx, v, ours, RolledBack)
	case types.ServiceDeploymentStatusRollbackFailed:
		return s.ended(ctx, v, ours, RollbackFailed)
	}
	if s.before.Exists && newer.definition == s.before.TaskDefinition {
		if unended(newer) {
			return nil
		}
		return s.problem(v, ours, RolledBack, "deployment "+base(newer.id)+" has brought "+base(newer.definition)+" back")
	}
	return s.problem(v, ours, Overtaken, s.whose(ctx, newer)+" took over from ours")
}

// unended says whether a deployment has not ended.
func unended(d deployment) bool { return slices.Contains(ongoing, d.status) }

// whose says what a deployment brings and who registered that.
func (s *settling) whose(ctx context.Context, d deployment) string {
	text := "deployment " + base(d.id) + " of " + base(d.definition)
	definition, err := s.definition(ctx, d.definition)
	if err == nil && aws.ToString(definition.RegisteredBy) != "" {
		text += ", registered by " + aws.ToString(definition.RegisteredBy)
		if definition.RegisteredAt != nil {
			text += " at " + definition.RegisteredAt.UTC().Format("15:04:05 UTC")
		}
	}
	return text
}

// instead judges where all that was started brings something else. Ours may
// still appear.
func (s *settling) instead(ctx context.Context, v view, newest deployment) error {
	if time.Since(s.begun) < appearing {
		return nil
	}
	return s.problem(v, deployment{}, Overtaken, s.whose(ctx, newest)+" was started, which lacks what is wanted: "+s.difference(newest))
}

// difference says how a deployment differs from what is wanted.
func (s *settling) difference(d deployment) string {
	if text := lacking(d.images, s.want.Images); text != "" {
		return text
	}
	return "it has " + base(d.definition) + ", wanted " + base(s.want.TaskDefinition)
}

// stuck is the problem of a deployment that has not ended in time, with what it
// waits for.
func (s *settling) stuck(ctx context.Context, limit time.Duration) error {
	v, _, err := s.current()
	reason := "after " + rounded(limit)
	if err != nil {
		return &Problem{Kind: Stuck, Reason: reason + " AWS does not answer: " + err.Error(), Now: s.Now()}
	}
	if v.service == nil {
		return s.missing()
	}
	d := deployment{id: aws.ToString(v.service.CurrentServiceDeployment), definition: aws.ToString(primary(v.service).TaskDefinition)}
	if fresh, err := s.fresh(ctx, v); err == nil && len(fresh) > 0 {
		d = fresh[0]
	}
	return s.problem(v, d, Stuck, reason+": "+s.waitsFor(ctx, v.service))
}

// waitsFor is what a deployment waits for.
func (s *settling) waitsFor(ctx context.Context, service *types.Service) string {
	waits := []string{counts(service)}
	if s.open != "" {
		waits = append(waits, s.open)
	}
	if targets, err := s.targets(ctx, service); err == nil {
		for _, t := range targets {
			if t.TargetHealth == nil || t.TargetHealth.State != balancing.TargetHealthStateEnumHealthy {
				waits = append(waits, targetText(t))
			}
		}
	}
	if events := s.Evidence().Events; len(events) > 0 {
		waits = append(waits, `ECS said last: "`+events[len(events)-1].Text+`"`)
	}
	return strings.Join(slices.Compact(waits), "; ")
}
