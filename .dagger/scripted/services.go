package scripted

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
)

func (w *World) serveServices() {
	on(w, "ecs", w.describeServices)
	on(w, "ecs", w.updateService)
	on(w, "ecs", w.describeClusters)
	on(w, "ecs", w.listServices)
}

// serviceNamed finds a service by name or ARN.
func (w *World) serviceNamed(name string) *service {
	s := w.ecs.services[last(name)]
	if s == nil || s.deleted {
		return nil
	}
	return s
}

// checkCluster refuses a cluster that isn't there.
func (w *World) checkCluster(name *string) error {
	if w.ecs.clusters[last(aws.ToString(name))] {
		return nil
	}
	return awsfake.Error("ClusterNotFoundException", "Cluster not found.")
}

func (w *World) describeClusters(in *ecs.DescribeClustersInput) (*ecs.DescribeClustersOutput, error) {
	out := &ecs.DescribeClustersOutput{}
	for _, name := range in.Clusters {
		if !w.ecs.clusters[last(name)] {
			out.Failures = append(out.Failures, types.Failure{Arn: aws.String(w.arn("ecs", "cluster/"+last(name))), Reason: aws.String("MISSING")})
			continue
		}
		out.Clusters = append(out.Clusters, w.describeCluster(last(name)))
	}
	return out, nil
}

// describeCluster is a cluster with its counts.
func (w *World) describeCluster(name string) types.Cluster {
	c := types.Cluster{ClusterName: aws.String(name), ClusterArn: aws.String(w.arn("ecs", "cluster/"+name)), Status: aws.String("ACTIVE")}
	for _, s := range w.ecs.services {
		if !s.deleted {
			c.ActiveServicesCount++
		}
	}
	for _, t := range w.ecs.tasks {
		switch aws.ToString(t.LastStatus) {
		case "RUNNING", "DEACTIVATING":
			c.RunningTasksCount++
		case "PROVISIONING", "PENDING":
			c.PendingTasksCount++
		}
	}
	return c
}

func (w *World) listServices(in *ecs.ListServicesInput) (*ecs.ListServicesOutput, error) {
	if err := w.checkCluster(in.Cluster); err != nil {
		return nil, err
	}
	var all []string
	for _, name := range sortedKeys(w.ecs.services) {
		if s := w.ecs.services[name]; !s.deleted {
			all = append(all, s.arn)
		}
	}
	some, next, err := page(w, all, in.NextToken, limit(in.MaxResults, 100))
	return &ecs.ListServicesOutput{ServiceArns: some, NextToken: next}, err
}

func (w *World) describeServices(in *ecs.DescribeServicesInput) (*ecs.DescribeServicesOutput, error) {
	if err := w.checkCluster(in.Cluster); err != nil {
		return nil, err
	}
	out := &ecs.DescribeServicesOutput{}
	for _, name := range in.Services {
		s := w.serviceNamed(name)
		if s == nil {
			out.Failures = append(out.Failures, types.Failure{
				Arn: aws.String(w.arn("ecs", "service/"+w.names.Cluster()+"/"+last(name))), Reason: aws.String("MISSING"),
			})
			continue
		}
		out.Services = append(out.Services, *w.describe(s, slices.Contains(in.Include, types.ServiceFieldTags)))
	}
	return out, nil
}

// describe is a service as ECS answers it.
func (w *World) describe(s *service, tags bool) *types.Service {
	d := &types.Service{
		ServiceName: &s.name, ServiceArn: &s.arn, ClusterArn: aws.String(w.cluster()), Status: aws.String("ACTIVE"), CreatedAt: aws.Time(s.created),
		TaskDefinition: s.TaskDefinition, DesiredCount: int32(s.desired()), LaunchType: types.LaunchTypeFargate, LoadBalancers: s.LoadBalancers,
		NetworkConfiguration: s.NetworkConfiguration, DeploymentConfiguration: w.configured(s), HealthCheckGracePeriodSeconds: s.HealthCheckGracePeriodSeconds,
		EnableExecuteCommand: s.EnableExecuteCommand, EnableECSManagedTags: s.EnableECSManagedTags, PropagateTags: s.PropagateTags,
		PlatformVersion: aws.String("LATEST"), PlatformFamily: aws.String("Linux"), SchedulingStrategy: types.SchedulingStrategyReplica,
		DeploymentController: &types.DeploymentController{Type: types.DeploymentControllerTypeEcs}, Events: slices.Clone(s.events),
	}
	if tags {
		d.Tags = s.Tags
	}
	for _, r := range w.shown(s) {
		running, pending := w.count(r)
		d.RunningCount += running
		d.PendingCount += pending
		d.Deployments = append(d.Deployments, w.deployment(r, running, pending))
		if !w.forgets(r) {
			d.CurrentServiceRevisions = append(d.CurrentServiceRevisions, types.ServiceCurrentRevisionSummary{
				Arn: &r.revision.arn, RequestedTaskCount: w.requested(r), RunningTaskCount: running, PendingTaskCount: pending,
			})
		}
	}
	slices.SortStableFunc(d.Deployments, func(a, b types.Deployment) int { return rank(a) - rank(b) })
	if len(s.rollouts) > 0 && !w.forgets(s.rollouts[0]) {
		d.CurrentServiceDeployment = &s.rollouts[0].arn
	}
	return d
}

// rank puts the primary first.
func rank(d types.Deployment) int {
	if aws.ToString(d.Status) == "PRIMARY" {
		return 0
	}
	return 1
}

// configured is the deployment configuration with what ECS adds.
func (w *World) configured(s *service) *types.DeploymentConfiguration {
	c := types.DeploymentConfiguration{}
	if s.DeploymentConfiguration != nil {
		c = *s.DeploymentConfiguration
	}
	names := w.watching()
	c.Strategy = types.DeploymentStrategyRolling
	c.Alarms = &types.DeploymentAlarms{AlarmNames: names, Enable: len(names) > 0, Rollback: len(names) > 0}
	return &c
}

// count counts a deployment's tasks.
func (w *World) count(r *rollout) (running, pending int32) {
	for _, t := range w.remaining(r) {
		switch aws.ToString(t.LastStatus) {
		case "RUNNING":
			running++
		case "PROVISIONING", "PENDING":
			pending++
		}
	}
	return running, pending
}

// requested is how many tasks a deployment shall have.
func (w *World) requested(r *rollout) int32 {
	if r == r.service.primary && w.launches(r) {
		return int32(r.service.desired())
	}
	return 0
}

// deployment is a deployment as DescribeServices has it.
func (w *World) deployment(r *rollout, running, pending int32) types.Deployment {
	status := "ACTIVE"
	if r == r.service.primary {
		status = "PRIMARY"
	}
	d := types.Deployment{
		Id: &r.id, Status: &status, TaskDefinition: r.revision.definition.TaskDefinitionArn, DesiredCount: w.requested(r),
		RunningCount: running, PendingCount: pending, FailedTasks: int32(r.failed), CreatedAt: aws.Time(r.created), UpdatedAt: aws.Time(r.updated),
		RolloutState: r.state, LaunchType: types.LaunchTypeFargate, PlatformVersion: aws.String("1.4.0"), PlatformFamily: aws.String("Linux"),
		NetworkConfiguration: r.service.NetworkConfiguration,
	}
	if r.stateReason != "" {
		d.RolloutStateReason = aws.String(r.stateReason)
	}
	return d
}

func (w *World) updateService(in *ecs.UpdateServiceInput) (*ecs.UpdateServiceOutput, error) {
	if err := w.checkCluster(in.Cluster); err != nil {
		return nil, err
	}
	s := w.serviceNamed(aws.ToString(in.Service))
	if s == nil {
		return nil, awsfake.Error("ServiceNotFoundException", "Service not found.")
	}
	d := s.primary.revision.definition
	if in.TaskDefinition != nil {
		if d = w.definition(*in.TaskDefinition); d == nil || d.Status != types.TaskDefinitionStatusActive {
			return nil, clientException("TaskDefinition is inactive")
		}
	}
	if in.DesiredCount != nil {
		s.DesiredCount = in.DesiredCount
	}
	if in.EnableExecuteCommand != nil {
		s.EnableExecuteCommand = *in.EnableExecuteCommand
	}
	if in.DeploymentConfiguration != nil {
		s.DeploymentConfiguration = in.DeploymentConfiguration
	}
	changed := in.ForceNewDeployment || d.arn() != aws.ToString(s.TaskDefinition) || in.NetworkConfiguration != nil || in.EnableExecuteCommand != nil
	if in.NetworkConfiguration != nil {
		s.NetworkConfiguration = in.NetworkConfiguration
	}
	if changed {
		w.deploy(s, d, nil)
	} else {
		w.in(time.Second, func() { w.reconcile(s) })
	}
	return &ecs.UpdateServiceOutput{Service: w.describe(s, true)}, nil
}
