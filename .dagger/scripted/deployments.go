package scripted

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
)

// forgotten is after how long ListServiceDeployments has a deployment no longer
// (Amazon ECS API Reference, ListServiceDeployments: 90 days).
const forgotten = 90 * 24 * time.Hour

// forgets says whether ECS has no service deployment of a rollout any more.
func (w *World) forgets(r *rollout) bool { return w.clock.Sub(r.created) > forgotten }

func (w *World) serveDeployments() {
	on(w, "ecs", w.listServiceDeployments)
	on(w, "ecs", w.describeServiceDeployments)
	on(w, "ecs", w.describeServiceRevisions)
	on(w, "ecs", w.stopServiceDeployment)
}

func (w *World) listServiceDeployments(in *ecs.ListServiceDeploymentsInput) (*ecs.ListServiceDeploymentsOutput, error) {
	if err := w.checkCluster(in.Cluster); err != nil {
		return nil, err
	}
	s := w.serviceNamed(aws.ToString(in.Service))
	if s == nil {
		return nil, awsfake.Error("ServiceNotFoundException", "Service not found.")
	}
	var all []types.ServiceDeploymentBrief
	for _, r := range s.rollouts {
		if w.forgets(r) || !within(r, in) {
			continue
		}
		all = append(all, types.ServiceDeploymentBrief{
			ServiceDeploymentArn: &r.arn, ServiceArn: &s.arn, ClusterArn: aws.String(w.cluster()), Status: r.status, StatusReason: text(r.reason),
			CreatedAt: aws.Time(r.created), StartedAt: moment(r.started), FinishedAt: moment(r.finished), TargetServiceRevisionArn: &r.revision.arn,
		})
	}
	some, next, err := page(w, all, in.NextToken, limit(in.MaxResults, 20))
	return &ecs.ListServiceDeploymentsOutput{ServiceDeployments: some, NextToken: next}, err
}

// within says whether a deployment is one of those that are asked for.
func within(r *rollout, in *ecs.ListServiceDeploymentsInput) bool {
	if len(in.Status) > 0 && !slices.Contains(in.Status, r.status) {
		return false
	}
	if in.CreatedAt == nil {
		return true
	}
	return (in.CreatedAt.After == nil || r.created.After(*in.CreatedAt.After)) && (in.CreatedAt.Before == nil || r.created.Before(*in.CreatedAt.Before))
}

// text is nil for an empty text, moment for no time.
func text(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}

func moment(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}

func (w *World) describeServiceDeployments(in *ecs.DescribeServiceDeploymentsInput) (*ecs.DescribeServiceDeploymentsOutput, error) {
	out := &ecs.DescribeServiceDeploymentsOutput{}
	for _, arn := range in.ServiceDeploymentArns {
		r := w.ecs.rollouts[arn]
		if r == nil {
			out.Failures = append(out.Failures, types.Failure{Arn: aws.String(arn), Reason: aws.String("MISSING")})
			continue
		}
		out.ServiceDeployments = append(out.ServiceDeployments, w.serviceDeployment(r))
	}
	return out, nil
}

// serviceDeployment is a deployment as DescribeServiceDeployments has it.
func (w *World) serviceDeployment(r *rollout) types.ServiceDeployment {
	d := types.ServiceDeployment{
		ServiceDeploymentArn: &r.arn, ServiceArn: &r.service.arn, ClusterArn: aws.String(w.cluster()), Status: r.status, StatusReason: text(r.reason),
		CreatedAt: aws.Time(r.created), StartedAt: moment(r.started), UpdatedAt: aws.Time(r.updated), FinishedAt: moment(r.finished), StoppedAt: moment(r.stopped),
		DeploymentConfiguration: w.configured(r.service), Rollback: r.rollback, TargetServiceRevision: w.summary(r),
		DeploymentCircuitBreaker: &types.ServiceDeploymentCircuitBreaker{
			Status: r.breaker, FailureCount: int32(r.failures), Threshold: int32(threshold(r.service.desired())),
		},
		Alarms: &types.ServiceDeploymentAlarms{Status: r.watch, AlarmNames: w.watching(), TriggeredAlarmNames: r.triggered},
	}
	for _, source := range r.source {
		d.SourceServiceRevisions = append(d.SourceServiceRevisions, *w.summaryOf(r.service, source))
	}
	return d
}

// summary is a deployment's revision with its tasks.
func (w *World) summary(r *rollout) *types.ServiceRevisionSummary {
	running, pending := w.count(r)
	return &types.ServiceRevisionSummary{
		Arn: &r.revision.arn, RequestedTaskCount: w.requested(r), RunningTaskCount: running, PendingTaskCount: pending,
	}
}

// summaryOf is that of the deployment that made a revision.
func (w *World) summaryOf(s *service, source *revision) *types.ServiceRevisionSummary {
	for _, r := range s.rollouts {
		if r.revision == source {
			return w.summary(r)
		}
	}
	return &types.ServiceRevisionSummary{Arn: &source.arn}
}

func (w *World) describeServiceRevisions(in *ecs.DescribeServiceRevisionsInput) (*ecs.DescribeServiceRevisionsOutput, error) {
	out := &ecs.DescribeServiceRevisionsOutput{}
	for _, arn := range in.ServiceRevisionArns {
		r := w.ecs.revisions[arn]
		if r == nil {
			out.Failures = append(out.Failures, types.Failure{Arn: aws.String(arn), Reason: aws.String("MISSING")})
			continue
		}
		name := strings.Split(arn, "/")[2]
		out.ServiceRevisions = append(out.ServiceRevisions, types.ServiceRevision{
			ServiceRevisionArn: &r.arn, ServiceArn: aws.String(w.arn("ecs", "service/"+w.names.Cluster()+"/"+name)), ClusterArn: aws.String(w.cluster()),
			TaskDefinition: r.definition.TaskDefinitionArn, ContainerImages: r.images, CreatedAt: aws.Time(r.created),
			LaunchType: types.LaunchTypeFargate, PlatformVersion: aws.String("1.4.0"), PlatformFamily: aws.String("Linux"),
			LoadBalancers: w.ecs.services[name].LoadBalancers, NetworkConfiguration: w.ecs.services[name].NetworkConfiguration,
		})
	}
	return out, nil
}

func (w *World) stopServiceDeployment(in *ecs.StopServiceDeploymentInput) (*ecs.StopServiceDeploymentOutput, error) {
	r := w.ecs.rollouts[aws.ToString(in.ServiceDeploymentArn)]
	if r == nil {
		return nil, awsfake.Error("ServiceDeploymentNotFoundException", "The service deploy ARN that you specified in the StopServiceDeployment doesn't exist. "+
			"You can use ListServiceDeployments to retrieve the service deployment ARNs.")
	}
	if r.over() {
		return nil, awsfake.Error("ConflictException", "The service deployment is not in a state that can be stopped.")
	}
	r.status, r.updated = types.ServiceDeploymentStatusRollbackRequested, w.clock
	w.in(3*time.Second, func() {
		if r.status != types.ServiceDeploymentStatusRollbackRequested {
			return
		}
		target := r.service.lastGood(r)
		if target == nil {
			r.status, r.reason, r.finished = types.ServiceDeploymentStatusRollbackFailed, "No rollback candidate was found to run the rollback.", w.clock
			r.finish(r.reason)
			return
		}
		r.state = types.DeploymentRolloutStateFailed
		r.stuck = false
		w.back(r.service, r, target)
	})
	return &ecs.StopServiceDeploymentOutput{ServiceDeploymentArn: &r.arn}, nil
}
