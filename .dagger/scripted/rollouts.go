package scripted

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// service is a service with its deployments.
type service struct {
	// CreateServiceInput is what the service was last told.
	ecs.CreateServiceInput
	name, arn string
	created   time.Time
	// rollouts are its deployments, the newest first.
	rollouts []*rollout
	// primary is the one that ECS works towards.
	primary *rollout
	// events are the newest first.
	events []types.ServiceEvent
	// launching is set while tasks are about to be started.
	launching bool
	deleted   bool
}

// desired is how many tasks it shall have.
func (s *service) desired() int { return int(aws.ToInt32(s.DesiredCount)) }

// rollout is a deployment, which ECS shows twice: as a "service deployment" with
// an ARN of its own, and among the service's deployments.
type rollout struct {
	service                             *service
	id, arn                             string
	revision                            *revision
	source                              []*revision
	status                              types.ServiceDeploymentStatus
	reason                              string
	created                             time.Time
	started, updated, finished, stopped time.Time
	// state and stateReason are those among the service's deployments.
	state       types.DeploymentRolloutState
	stateReason string
	// failures is how many tasks have failed, in a row as the circuit breaker
	// counts, and in all.
	failures, failed int
	breaker, watch   types.ServiceDeploymentRollbackMonitorsStatus
	triggered        []string
	rollback         *types.Rollback
	// returning is the deployment that this one takes back.
	returning *rollout
	// stuck never ends.
	stuck bool
	// done is told how it ended: "" or in a word what went wrong.
	done func(problem string)
}

// revision is a service's configuration at a time.
type revision struct {
	arn        string
	definition *definition
	created    time.Time
	images     []types.ContainerImage
}

// say adds an event to the service.
func (w *World) say(s *service, format string, args ...any) {
	event := types.ServiceEvent{Id: aws.String(w.uuid("service event")), CreatedAt: aws.Time(w.clock), Message: aws.String(fmt.Sprintf(format, args...))}
	s.events = append([]types.ServiceEvent{event}, s.events...)
	s.events = s.events[:min(len(s.events), 100)] // as many as ECS keeps
}

// tasksOf are a deployment's tasks that aren't leaving.
func (w *World) tasksOf(r *rollout) []*task {
	return slices.DeleteFunc(slices.Clone(w.ecs.tasks), func(t *task) bool {
		return t.rollout != r || t.leaving || t.target == "draining"
	})
}

// remaining are a deployment's tasks that haven't stopped yet.
func (w *World) remaining(r *rollout) []*task {
	return slices.DeleteFunc(slices.Clone(w.ecs.tasks), func(t *task) bool { return t.rollout != r || t.StoppedAt != nil })
}

// revise makes a revision of the service.
func (w *World) revise(s *service, d *definition, number string) *revision {
	r := &revision{arn: w.arn("ecs", "service-revision/"+w.names.Cluster()+"/"+s.name+"/"+number), definition: d, created: w.clock}
	for _, c := range d.ContainerDefinitions {
		image := types.ContainerImage{ContainerName: c.Name, Image: c.Image}
		if digest, found := w.pulled(aws.ToString(c.Image)); found {
			image.ImageDigest = aws.String(digest)
		}
		r.images = append(r.images, image)
	}
	w.ecs.revisions[r.arn] = r
	return r
}

// deploy begins a deployment; done is told "" or what went wrong.
func (w *World) deploy(s *service, d *definition, done func(problem string)) *rollout {
	number := w.number("deployment")
	r := &rollout{
		service: s, id: "ecs-svc/" + number, revision: w.revise(s, d, number), created: w.clock, updated: w.clock,
		arn:    w.arn("ecs", "service-deployment/"+w.names.Cluster()+"/"+s.name+"/"+w.unique("service deployment")[:21]),
		status: types.ServiceDeploymentStatusPending, state: types.DeploymentRolloutStateInProgress,
		breaker: types.ServiceDeploymentRollbackMonitorsStatusDisabled, watch: types.ServiceDeploymentRollbackMonitorsStatusDisabled, done: done,
	}
	r.stateReason = fmt.Sprintf("ECS deployment %s in progress.", r.id)
	if breaks(s) {
		r.breaker = types.ServiceDeploymentRollbackMonitorsStatusMonitoring
	}
	if len(w.watching()) > 0 {
		r.watch = types.ServiceDeploymentRollbackMonitorsStatusMonitoring
	}
	if before := s.primary; before != nil {
		r.source = []*revision{before.revision}
		w.supersede(before)
		// CloudFormation waits for the service to be stable, whoever's deployment
		// makes it so.
		if r.done == nil {
			r.done, before.done = before.done, nil
		}
	}
	s.TaskDefinition = d.TaskDefinitionArn
	s.rollouts = append([]*rollout{r}, s.rollouts...)
	s.primary = r
	w.ecs.rollouts[r.arn] = r
	w.begun(r)
	w.in(2*time.Second, func() {
		if r.status == types.ServiceDeploymentStatusPending {
			r.status, r.started, r.updated = types.ServiceDeploymentStatusInProgress, w.clock, w.clock
		}
		w.reconcile(s)
	})
	return r
}

// supersede stops a deployment that another one overtakes.
func (w *World) supersede(r *rollout) {
	if r.over() {
		return
	}
	r.status, r.updated = types.ServiceDeploymentStatusStopRequested, w.clock
	w.in(5*time.Second, func() {
		r.status, r.stopped, r.finished, r.updated = types.ServiceDeploymentStatusStopped, w.clock, w.clock, w.clock
	})
}

// finish tells who waits.
func (r *rollout) finish(problem string) {
	if r.done != nil {
		done := r.done
		r.done = nil
		done(problem)
	}
}

// over says whether it has ended.
func (r *rollout) over() bool {
	switch r.status {
	case types.ServiceDeploymentStatusPending, types.ServiceDeploymentStatusInProgress,
		types.ServiceDeploymentStatusRollbackRequested, types.ServiceDeploymentStatusRollbackInProgress:
		return false
	}
	return true
}

// breaks says whether the service has a circuit breaker.
func breaks(s *service) bool {
	c := s.DeploymentConfiguration
	return c != nil && c.DeploymentCircuitBreaker != nil && c.DeploymentCircuitBreaker.Enable
}

// returns says whether it rolls back.
func returns(s *service) bool {
	return breaks(s) && s.DeploymentConfiguration.DeploymentCircuitBreaker.Rollback
}

// threshold is how many failures in a row open the circuit breaker (Amazon ECS
// Developer Guide, "How the Amazon ECS deployment circuit breaker detects failures").
func threshold(desired int) int { return max(3, min(200, (desired+1)/2)) }

// relaunch is how long ECS takes to start tasks.
const relaunch = 5 * time.Second

// reconcile does what the service's scheduler does next.
func (w *World) reconcile(s *service) {
	p := s.primary
	if p == nil || s.deleted {
		return
	}
	mine := w.tasksOf(p)
	if missing := s.desired() - len(mine); missing > 0 && w.launches(p) && !s.launching {
		s.launching = true
		w.in(relaunch, func() { w.fill(s) })
	}
	if extra := len(mine) - s.desired(); extra > 0 {
		for _, t := range mine[:extra] {
			w.drain(t, scaling(p))
		}
	}
	w.progress(s, p, mine)
}

// scaling is why a service's scheduler stops a task.
func scaling(r *rollout) string {
	return fmt.Sprintf("Scaling activity initiated by (deployment %s)", r.id)
}

// launches says whether a deployment starts tasks: a failed one doesn't.
func (w *World) launches(r *rollout) bool { return r.state != types.DeploymentRolloutStateFailed }

// fill starts what is missing.
func (w *World) fill(s *service) {
	s.launching = false
	p := s.primary
	missing := s.desired() - len(w.tasksOf(p))
	if missing <= 0 || !w.launches(p) || s.deleted {
		return
	}
	for range missing {
		t := w.launch(p.revision.definition, w.behave(p.revision.definition), "service:"+s.name, p.id)
		t.rollout = p
		t.EnableExecuteCommand = s.EnableExecuteCommand
		w.say(s, "(service %s) has started 1 tasks: (task %s).", s.name, t.id())
	}
}

// progress retires the other deployments' tasks once the primary's serve, and
// ends the deployment once they are gone.
func (w *World) progress(s *service, p *rollout, mine []*task) {
	serving := 0
	for _, t := range mine {
		if t.healthy {
			serving++
		}
	}
	if serving < s.desired() || p.stuck || p.status == types.ServiceDeploymentStatusPending {
		return
	}
	gone := true
	for _, r := range s.rollouts {
		if r == p {
			continue
		}
		for _, t := range w.tasksOf(r) {
			w.drain(t, scaling(r))
		}
		gone = gone && len(w.remaining(r)) == 0
	}
	if gone && p.state == types.DeploymentRolloutStateInProgress {
		w.complete(s, p)
	}
}

// complete is a deployment's good end.
func (w *World) complete(s *service, p *rollout) {
	p.state, p.stateReason, p.updated = types.DeploymentRolloutStateCompleted, fmt.Sprintf("ECS deployment %s completed.", p.id), w.clock
	w.say(s, "(service %s) (deployment %s) deployment completed.", s.name, p.id)
	w.say(s, "(service %s) has reached a steady state.", s.name)
	if failed := p.returning; failed != nil {
		p.returning = nil
		failed.status, failed.finished, failed.updated = types.ServiceDeploymentStatusRollbackSuccessful, w.clock, w.clock
		failed.finish("rolled back")
		return
	}
	p.status, p.finished = types.ServiceDeploymentStatusSuccessful, w.clock
	for _, monitor := range []*types.ServiceDeploymentRollbackMonitorsStatus{&p.breaker, &p.watch} {
		if *monitor == types.ServiceDeploymentRollbackMonitorsStatusMonitoring {
			*monitor = types.ServiceDeploymentRollbackMonitorsStatusMonitoringComplete
		}
	}
	p.finish("")
}

// settle lets a task serve once all its checks have succeeded.
func (w *World) settle(t *task) {
	if t.leaving || t.healthy || t.rollout == nil || t.target != "healthy" || t.HealthStatus == types.HealthStatusUnhealthy {
		return
	}
	for i, c := range t.definition.ContainerDefinitions {
		if c.HealthCheck != nil && t.Containers[i].HealthStatus != types.HealthStatusHealthy {
			return
		}
	}
	t.healthy = true
	t.rollout.failures = 0
	w.reconcile(t.rollout.service)
}

// lost is when a service's task stops; where that is a failure it counts.
func (w *World) lost(t *task) {
	r := t.rollout
	if failure(t) && !t.failed {
		t.failed = true
		r.failed++
		r.failures++
		r.updated = w.clock
		if r.state == types.DeploymentRolloutStateInProgress && breaks(r.service) && r.failures >= threshold(r.service.desired()) && !r.stuck {
			r.breaker = types.ServiceDeploymentRollbackMonitorsStatusTriggered
			w.fail(r, "tasks failed to start.", "ECS deployment circuit breaker: tasks failed to start.",
				"Service deployment rolled back because the circuit breaker threshold was exceeded.")
		}
	}
	w.reconcile(r.service)
}

// failure says whether a task's end is one that the circuit breaker counts.
func failure(t *task) bool {
	switch t.StopCode {
	case types.TaskStopCodeTaskFailedToStart, types.TaskStopCodeEssentialContainerExited:
		return true
	case types.TaskStopCodeServiceSchedulerInitiated:
		return !t.scaledIn()
	}
	return false
}

// scaledIn says whether the scheduler stopped it without a fault of its own.
func (t *task) scaledIn() bool {
	return len(aws.ToString(t.StoppedReason)) > 7 && (*t.StoppedReason)[:7] == "Scaling"
}

// fail ends a deployment badly: ECS goes back to the one before, where it may
// and where one has ever been complete. It is that deployment, with its old id,
// that is the primary then.
func (w *World) fail(r *rollout, event, stateReason, reason string) {
	s := r.service
	r.state, r.stateReason, r.updated = types.DeploymentRolloutStateFailed, stateReason, w.clock
	w.say(s, "(service %s) (deployment %s) deployment failed: %s", s.name, r.id, event)
	if failed := r.returning; failed != nil { // the roll-back itself fails
		r.returning = nil
		failed.status, failed.finished, failed.updated = types.ServiceDeploymentStatusRollbackFailed, w.clock, w.clock
		failed.finish("rolled back")
		return
	}
	if !returns(s) && r.watch != types.ServiceDeploymentRollbackMonitorsStatusTriggered {
		r.status, r.stopped, r.finished = types.ServiceDeploymentStatusStopped, w.clock, w.clock
		r.finish("failed")
		return
	}
	r.reason = reason
	target := s.lastGood(r)
	if target == nil {
		r.status, r.reason, r.finished = types.ServiceDeploymentStatusRollbackFailed, "No rollback candidate was found to run the rollback.", w.clock
		r.finish("failed")
		return
	}
	w.back(s, r, target)
}

// lastGood is the newest deployment before r that was complete.
func (s *service) lastGood(r *rollout) *rollout {
	for _, other := range s.rollouts[slices.Index(s.rollouts, r)+1:] {
		if other.status == types.ServiceDeploymentStatusSuccessful {
			return other
		}
	}
	return nil
}

// back makes an earlier deployment the primary again.
func (w *World) back(s *service, failed, target *rollout) {
	failed.status = types.ServiceDeploymentStatusRollbackInProgress
	failed.rollback = &types.Rollback{Reason: aws.String(failed.reason), ServiceRevisionArn: aws.String(target.revision.arn), StartedAt: aws.Time(w.clock)}
	if failed.reason == "" {
		failed.rollback.Reason = nil
	}
	target.state, target.failures, target.updated = types.DeploymentRolloutStateInProgress, 0, w.clock
	target.stateReason = ""
	if failed.breaker == types.ServiceDeploymentRollbackMonitorsStatusTriggered {
		target.stateReason = fmt.Sprintf("ECS deployment circuit breaker: rolling back to deploymentId %s.", target.id)
	}
	target.returning = failed
	s.primary = target
	s.TaskDefinition = target.revision.definition.TaskDefinitionArn
	w.say(s, "(service %s) rolling back to deployment %s.", s.name, target.id)
	w.in(time.Second, func() {
		for _, t := range w.tasksOf(failed) {
			w.drain(t, scaling(failed))
		}
		w.reconcile(s)
	})
}

// shown are the deployments that DescribeServices has: the primary and those
// that still have tasks or are being taken back.
func (w *World) shown(s *service) []*rollout {
	return slices.DeleteFunc(slices.Clone(s.rollouts), func(r *rollout) bool {
		return r != s.primary && len(w.remaining(r)) == 0 && r.over()
	})
}
