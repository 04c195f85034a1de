package status

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/smithy-go"

	"github.com/prooflink/prooflink/.dagger/lock"
	"github.com/prooflink/prooflink/.dagger/record"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// reader reads one environment.
type reader struct {
	access  aws.Config
	env     config.Environment
	names   names.Names
	status  Status
	history []record.Entry
}

// Stack is a CloudFormation stack.
type Stack struct {
	// Name is e.g. "ComputeStack-dev".
	Name string `json:"name"`
	// State is CloudFormation's, e.g. "UPDATE_COMPLETE"; empty where the stack is
	// missing.
	State string `json:"state"`
	// Reason is CloudFormation's for the state, where it has one.
	Reason string `json:"reason,omitempty"`
	// Changed is when it last changed.
	Changed time.Time `json:"changed,omitzero"`
}

// stacks reads the environment's stacks, and those of the others where one can't
// be read.
func (r *reader) stacks(ctx context.Context) error {
	var unread []string
	var first error
	for _, role := range r.env.Stacks() {
		stack, err := r.stack(ctx, role)
		if err == nil {
			r.status.Stacks = append(r.status.Stacks, stack)
			continue
		}
		unread, first = append(unread, stack.Name), cmp.Or(first, err)
	}
	if first == nil {
		return nil
	}
	return fmt.Errorf("describe %s: %w", strings.Join(unread, ", "), first)
}

// stack reads one; a missing stack has no state.
func (r *reader) stack(ctx context.Context, role names.StackRole) (Stack, error) {
	stack := Stack{Name: r.names.Stack(role)}
	out, err := cloudformation.NewFromConfig(r.access).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &stack.Name})
	if code(err) == "ValidationError" && strings.Contains(err.Error(), "does not exist") {
		return stack, nil
	}
	if err != nil {
		return stack, err
	}
	if len(out.Stacks) > 0 && out.Stacks[0].StackStatus != cfntypes.StackStatusDeleteComplete {
		r.fill(&stack, role, out.Stacks[0])
	}
	return stack, nil
}

// fill notes a stack's state, and what the Compute stack tells of the service.
func (r *reader) fill(stack *Stack, role names.StackRole, described cfntypes.Stack) {
	stack.State, stack.Reason = string(described.StackStatus), aws.ToString(described.StackStatusReason)
	stack.Changed = latest(described.CreationTime, described.LastUpdatedTime)
	if role != names.Compute {
		return
	}
	for _, output := range described.Outputs {
		switch aws.ToString(output.OutputKey) {
		case names.OutputServiceURL:
			r.status.URL = aws.ToString(output.OutputValue)
		case names.OutputTaskDefinitionArn:
			r.status.Template = aws.ToString(output.OutputValue)
		}
	}
}

// latest is the newest of some times.
func latest(times ...*time.Time) time.Time {
	var newest time.Time
	for _, at := range times {
		if at != nil && at.After(newest) {
			newest = at.UTC()
		}
	}
	return newest
}

// Target is a task as the load balancer sees it.
type Target struct {
	// Address is its address and port, e.g. "10.0.11.7:3000".
	Address string `json:"address"`
	// Health is ELB's, e.g. "healthy".
	Health string `json:"health"`
	// Reason is why it isn't healthy.
	Reason string `json:"reason,omitempty"`
}

// targets asks the load balancer for the service's targets.
func (r *reader) targets(ctx context.Context) error {
	service, err := r.describeService(ctx)
	if err != nil || service == nil || len(service.LoadBalancers) == 0 {
		return err
	}
	arn := service.LoadBalancers[0].TargetGroupArn
	out, err := elb.NewFromConfig(r.access).DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: arn})
	if err != nil {
		return fmt.Errorf("describe the health of target group %s: %w", aws.ToString(arn), err)
	}
	for _, described := range out.TargetHealthDescriptions {
		target := Target{Address: fmt.Sprintf("%s:%d", aws.ToString(described.Target.Id), aws.ToInt32(described.Target.Port))}
		if health := described.TargetHealth; health != nil {
			target.Health, target.Reason = string(health.State), join(": ", string(health.Reason), aws.ToString(health.Description))
		}
		r.status.Targets = append(r.status.Targets, target)
	}
	slices.SortFunc(r.status.Targets, func(a, b Target) int { return strings.Compare(a.Address, b.Address) })
	return nil
}

// join joins the texts that aren't empty.
func join(separator string, texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(text string) bool { return text == "" }), separator)
}

// Alarm is one that fires.
type Alarm struct {
	// Name is e.g. "prooflink-dev-ecs-cpu-high".
	Name string `json:"name"`
	// Reason is CloudWatch's.
	Reason string `json:"reason"`
	// Since is when it began.
	Since time.Time `json:"since"`
}

// alarms asks for those of the environment that fire.
func (r *reader) alarms(ctx context.Context) error {
	pages := cloudwatch.NewDescribeAlarmsPaginator(cloudwatch.NewFromConfig(r.access), &cloudwatch.DescribeAlarmsInput{
		AlarmNamePrefix: aws.String(r.names.Alarm("")), StateValue: cwtypes.StateValueAlarm,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("describe the alarms that begin with %s: %w", r.names.Alarm(""), err)
		}
		for _, alarm := range page.MetricAlarms {
			r.status.Alarms = append(r.status.Alarms, Alarm{aws.ToString(alarm.AlarmName), aws.ToString(alarm.StateReason), latest(alarm.StateTransitionedTimestamp, alarm.StateUpdatedTimestamp)})
		}
	}
	return nil
}

// record reads what was deployed, now and before.
func (r *reader) record(ctx context.Context) error {
	history, err := record.History(ctx, r.access, r.names)
	if err != nil {
		return err
	}
	r.history = history
	if len(history) > 0 {
		r.status.Last = &history[0].Record
	}
	return nil
}

// lock reads who works on the environment.
func (r *reader) lock(ctx context.Context) error {
	state, err := lock.Read(ctx, r.access, r.names)
	if err != nil {
		return err
	}
	state.Token = "" // it's the holder's
	r.status.Lock = &state
	return nil
}

// code is AWS's code of an error; empty where it is none of AWS's.
func code(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
}
