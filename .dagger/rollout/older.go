package rollout

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// inForce judges where ECS lists no deployment since Watch: nothing was started,
// or it doesn't show yet, or never will.
func (s *settling) inForce(ctx context.Context, v view) (*Result, error) {
	p := primary(v.service)
	started := aws.ToString(p.Id) != s.primary
	d := deployment{id: aws.ToString(p.Id), definition: aws.ToString(p.TaskDefinition), status: rollout(v.service), reason: aws.ToString(p.RolloutStateReason)}
	if !started {
		d.id = or(aws.ToString(v.service.CurrentServiceDeployment), d.id)
	}
	var err error
	if d.images, err = s.imagesOf(ctx, v.service); err != nil {
		return nil, err
	}
	wanted, patient := s.wanted(d), time.Since(s.begun) < appearing
	switch {
	case patient && (started || !wanted):
		return nil, nil
	case !wanted:
		return nil, s.other(ctx, v, d)
	case d.status == types.ServiceDeploymentStatusSuccessful:
		return s.prove(ctx, v, d, started)
	case d.status == types.ServiceDeploymentStatusStopped:
		return nil, s.problem(v, d, Stopped, d.reason)
	}
	return nil, nil
}

// other judges where something else is in force than what is wanted.
func (s *settling) other(ctx context.Context, v view, d deployment) error {
	ours, found, err := s.wasForced(ctx)
	if err != nil {
		return err
	}
	switch {
	case !found:
		return s.problem(v, deployment{}, NotStarted, "the service has "+base(d.definition)+": "+s.difference(d))
	case d.definition != s.before.TaskDefinition:
		return s.problem(v, ours, Overtaken, s.whose(ctx, d)+" took over from ours")
	case d.status == types.ServiceDeploymentStatusInProgress:
		return nil
	}
	return s.problem(v, ours, RolledBack, or(ours.reason, base(d.definition)+" is back"))
}

// wasForced finds a deployment that brought what is wanted, and was in force.
func (s *settling) wasForced(ctx context.Context) (deployment, bool, error) {
	s.mu.Lock()
	forced := slices.Clone(s.forced)
	s.mu.Unlock()
	for _, p := range slices.Backward(forced) {
		d := deployment{id: aws.ToString(p.Id), definition: aws.ToString(p.TaskDefinition), reason: aws.ToString(p.RolloutStateReason)}
		var err error
		if d.images, err = s.definitionImages(ctx, d.definition); err != nil || s.wanted(d) {
			return d, err == nil, err
		}
	}
	return deployment{}, false, nil
}

// rollout is the state of the deployment in force, by ECS's older interface.
// Where that has none, the deployment has ended when all tasks are its own.
func rollout(service *types.Service) types.ServiceDeploymentStatus {
	switch p := primary(service); {
	case p.RolloutState == types.DeploymentRolloutStateFailed:
		return types.ServiceDeploymentStatusStopped
	case p.RolloutState == types.DeploymentRolloutStateCompleted,
		p.RolloutState == "" && len(service.Deployments) == 1 && p.RunningCount == p.DesiredCount:
		return types.ServiceDeploymentStatusSuccessful
	}
	return types.ServiceDeploymentStatusInProgress
}
