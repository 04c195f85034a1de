package scripted

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
)

// aim changes a task's state in the target group.
func (t *task) aim(state string, at time.Time) { t.target, t.since = state, at }

// attach registers a service's task with the target group.
func (w *World) attach(t *task) {
	s := t.rollout.service
	group := s.group()
	if group == "" {
		t.aim("healthy", w.clock)
		w.settle(t)
		return
	}
	t.aim("initial", w.clock)
	w.say(s, "(service %s) registered 1 targets in (target-group %s)", s.name, group)
	if w.never(t) {
		w.in(30*time.Second, func() { w.unhealthy(t) })
		return
	}
	w.in(or(w.scenario.Targets.Healthy, 20*time.Second), func() {
		if t.target == "initial" {
			t.aim("healthy", w.clock)
			w.settle(t)
		}
	})
}

// never says whether a task's target never becomes healthy.
func (w *World) never(t *task) bool {
	old := w.ecs.old[t.definition.arn()]
	switch w.scenario.Targets.Never {
	case "new":
		return !old
	case "old":
		return old
	case "all":
		return true
	}
	return false
}

// unhealthy is when the health check has failed often enough. ECS heeds it only
// after the service's grace period.
func (w *World) unhealthy(t *task) {
	if t.target != "initial" {
		return
	}
	t.aim("unhealthy", w.clock)
	s := t.rollout.service
	grace := t.StartedAt.Add(time.Duration(aws.ToInt32(s.HealthCheckGracePeriodSeconds)) * time.Second)
	if grace.Before(w.clock) {
		grace = w.clock
	}
	w.at(grace, func() {
		if t.leaving || t.target != "unhealthy" {
			return
		}
		w.say(s, "(service %s) (task %s) (port %d) is unhealthy in (target-group %s) due to (reason Health checks failed with these codes: [%s]).",
			s.name, t.id(), w.environment.App.Port, s.group(), w.codes())
		w.say(s, "(service %s) has stopped 1 running tasks: (task %s).", s.name, t.id())
		w.halt(t, ecstypes.TaskStopCodeServiceSchedulerInitiated, "Task failed ELB health checks in (target-group "+s.group()+")")
	})
}

// codes is what an unhealthy target answers.
func (w *World) codes() string {
	if w.scenario.Targets.Codes != "" {
		return w.scenario.Targets.Codes
	}
	return "502"
}

// detach takes a task out of the target group.
func (w *World) detach(t *task) {
	if t.target == "" || t.rollout == nil {
		return
	}
	if group := t.rollout.service.group(); group != "" {
		w.say(t.rollout.service, "(service %s) deregistered 1 targets in (target-group %s)", t.rollout.service.name, group)
	}
	t.aim("", w.clock)
}

// group is the service's target group.
func (s *service) group() string {
	if len(s.LoadBalancers) == 0 {
		return ""
	}
	return aws.ToString(s.LoadBalancers[0].TargetGroupArn)
}

// targetGroup is the environment's target group's ARN.
func (w *World) targetGroup(name string) string {
	return w.arn("elasticloadbalancing", "targetgroup/"+name+"/"+hash(name)[:16])
}

// loadBalancer is a load balancer's ARN.
func (w *World) loadBalancer(name string) string {
	return w.arn("elasticloadbalancing", "loadbalancer/app/"+name+"/"+hash(name)[:16])
}

// address is a load balancer's name in DNS.
func (w *World) address(name string) string {
	return name + "-1234567890." + w.region + ".elb.amazonaws.com"
}

func (w *World) serveBalancing() {
	on(w, "elasticloadbalancingv2", w.describeTargetHealth)
	on(w, "elasticloadbalancingv2", w.describeTargetGroups)
	on(w, "elasticloadbalancingv2", w.describeLoadBalancers)
}

// targetReasons are ELB's descriptions of a target's state.
func (w *World) targetReasons(state string) *types.TargetHealth {
	h := &types.TargetHealth{State: types.TargetHealthStateEnum(state)}
	switch state {
	case "initial":
		h.Reason, h.Description = types.TargetHealthReasonEnumRegistrationInProgress, aws.String("Target registration is in progress")
	case "unhealthy":
		h.Reason, h.Description = types.TargetHealthReasonEnumResponseCodeMismatch, aws.String("Health checks failed with these codes: ["+w.codes()+"]")
	case "draining":
		h.Reason, h.Description = types.TargetHealthReasonEnumDeregistrationInProgress, aws.String("Target deregistration is in progress")
	}
	return h
}

func (w *World) describeTargetHealth(in *elb.DescribeTargetHealthInput) (*elb.DescribeTargetHealthOutput, error) {
	group := aws.ToString(in.TargetGroupArn)
	if w.resource("AWS::ElasticLoadBalancingV2::TargetGroup", group) == nil {
		return nil, awsfake.Error("TargetGroupNotFound", "One or more target groups not found")
	}
	out := &elb.DescribeTargetHealthOutput{}
	for _, t := range w.ecs.tasks {
		if t.rollout == nil || t.target == "" || t.rollout.service.group() != group {
			continue
		}
		port := int32(w.environment.App.Port)
		out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, types.TargetHealthDescription{
			HealthCheckPort: aws.String("traffic-port"), TargetHealth: w.targetReasons(t.target),
			Target: &types.TargetDescription{Id: aws.String(t.address), Port: &port, AvailabilityZone: t.AvailabilityZone},
		})
	}
	return out, nil
}

func (w *World) describeTargetGroups(in *elb.DescribeTargetGroupsInput) (*elb.DescribeTargetGroupsOutput, error) {
	var all []types.TargetGroup
	for _, r := range w.resources("AWS::ElasticLoadBalancingV2::TargetGroup") {
		name := strings.Split(r.physical, "/")[1]
		if len(in.TargetGroupArns) > 0 && !slices.Contains(in.TargetGroupArns, r.physical) || len(in.Names) > 0 && !slices.Contains(in.Names, name) {
			continue
		}
		all = append(all, types.TargetGroup{
			TargetGroupArn: aws.String(r.physical), TargetGroupName: &name, TargetType: types.TargetTypeEnumIp, Protocol: types.ProtocolEnumHttp,
			Port: aws.Int32(int32(w.environment.App.Port)), HealthCheckPath: &w.environment.App.HealthPath, HealthCheckIntervalSeconds: aws.Int32(30),
			HealthCheckTimeoutSeconds: aws.Int32(5), HealthyThresholdCount: aws.Int32(2), UnhealthyThresholdCount: aws.Int32(3),
			Matcher: &types.Matcher{HttpCode: aws.String("200")}, LoadBalancerArns: []string{w.loadBalancer(w.names.Alb())},
		})
	}
	if len(all) == 0 && len(in.TargetGroupArns)+len(in.Names) > 0 {
		return nil, awsfake.Error("TargetGroupNotFound", "One or more target groups not found")
	}
	some, next, err := page(w, all, in.Marker, limit(in.PageSize, 400))
	return &elb.DescribeTargetGroupsOutput{TargetGroups: some, NextMarker: next}, err
}

func (w *World) describeLoadBalancers(in *elb.DescribeLoadBalancersInput) (*elb.DescribeLoadBalancersOutput, error) {
	var all []types.LoadBalancer
	for _, r := range w.resources("AWS::ElasticLoadBalancingV2::LoadBalancer") {
		name := strings.Split(r.physical, "/")[2]
		if len(in.LoadBalancerArns) > 0 && !slices.Contains(in.LoadBalancerArns, r.physical) || len(in.Names) > 0 && !slices.Contains(in.Names, name) {
			continue
		}
		all = append(all, types.LoadBalancer{
			LoadBalancerArn: aws.String(r.physical), LoadBalancerName: &name, DNSName: aws.String(w.address(name)), Type: types.LoadBalancerTypeEnumApplication,
			Scheme: types.LoadBalancerSchemeEnumInternetFacing, State: &types.LoadBalancerState{Code: types.LoadBalancerStateEnumActive}, CreatedTime: aws.Time(r.at),
		})
	}
	if len(all) == 0 && len(in.LoadBalancerArns)+len(in.Names) > 0 {
		return nil, awsfake.Error("LoadBalancerNotFound", "One or more load balancers not found")
	}
	some, next, err := page(w, all, in.Marker, limit(in.PageSize, 400))
	return &elb.DescribeLoadBalancersOutput{LoadBalancers: some, NextMarker: next}, err
}
