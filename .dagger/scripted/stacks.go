package scripted

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
)

// stack is a stack; a deleted one stays, for those who know its id.
type stack struct {
	name, id string
	status   types.StackStatus
	reason   string
	body     string
	template object
	// resources by logical id, exports by name.
	resources  map[string]*resource
	outputs    map[string]string
	exports    map[string]string
	parameters map[string]string
	// events are the newest first.
	events     []types.StackEvent
	changeSets map[string]*changeSet
	protected  bool
	tags       []types.Tag
	created    time.Time
	updated    time.Time
	// stuck is what a roll-back that failed has still to do.
	stuck []change
	// before is what a roll-back goes back to.
	before snapshot
}

// snapshot is a stack as it was.
type snapshot struct {
	body      string
	template  object
	resources map[string]resource
}

// resource is a resource of a stack.
type resource struct {
	logical, kind, physical string
	status                  types.ResourceStatus
	reason                  string
	at                      time.Time
	// properties are evaluated; static are, but for the stack's own resources.
	properties object
	static     string
	// declared is the resource in the template.
	declared object
}

// stackNamed finds a stack by name or id; a name never means a deleted one.
func (w *World) stackNamed(name string) *stack {
	for _, s := range w.stacks {
		if s.id == name || s.name == name && s.status != types.StackStatusDeleteComplete {
			return s
		}
	}
	return nil
}

// newStack makes a stack without resources.
func (w *World) newStack(name string) *stack {
	s := &stack{
		name: name, id: w.arn("cloudformation", "stack/"+name+"/"+w.uuid("stack")), created: w.clock, resources: map[string]*resource{},
		outputs: map[string]string{}, exports: map[string]string{}, parameters: map[string]string{}, changeSets: map[string]*changeSet{},
		template: object{}, before: snapshot{resources: map[string]resource{}},
	}
	w.stacks = append(w.stacks, s)
	return s
}

// resources are all stacks' resources of a kind.
func (w *World) resources(kind string) []*resource {
	var all []*resource
	for _, s := range w.stacks {
		for _, id := range sortedKeys(s.resources) {
			if s.resources[id].kind == kind {
				all = append(all, s.resources[id])
			}
		}
	}
	return all
}

// resource finds one by its physical id.
func (w *World) resource(kind, physical string) *resource {
	for _, r := range w.resources(kind) {
		if r.physical == physical {
			return r
		}
	}
	return nil
}

// tell adds an event about the stack itself and sets its status.
func (w *World) tell(s *stack, status types.StackStatus, reason string) {
	s.status, s.reason = status, reason
	w.event(s, s.name, "AWS::CloudFormation::Stack", s.id, types.ResourceStatus(status), reason)
}

// report adds an event about a resource and sets its status.
func (w *World) report(s *stack, r *resource, status types.ResourceStatus, reason string) {
	r.status, r.reason, r.at = status, reason, w.clock
	w.event(s, r.logical, r.kind, r.physical, status, reason)
}

// event adds an event.
func (w *World) event(s *stack, logical, kind, physical string, status types.ResourceStatus, reason string) {
	made := types.StackEvent{
		EventId: aws.String(logical + "-" + string(status) + "-" + w.uuid("stack event")), StackId: &s.id, StackName: &s.name, Timestamp: aws.Time(w.clock),
		LogicalResourceId: &logical, ResourceType: &kind, PhysicalResourceId: &physical, ResourceStatus: status, ResourceStatusReason: text(reason),
	}
	s.events = append([]types.StackEvent{made}, s.events...)
}

func (w *World) serveStacks() {
	on(w, "cloudformation", w.describeStacks)
	on(w, "cloudformation", w.getTemplate)
	on(w, "cloudformation", w.getTemplateSummary)
	on(w, "cloudformation", w.listStackResources)
	on(w, "cloudformation", w.describeStackResources)
	on(w, "cloudformation", w.describeStackEvents)
	on(w, "cloudformation", w.deleteStack)
	on(w, "cloudformation", w.continueUpdateRollback)
	on(w, "cloudformation", w.rollbackStack)
	on(w, "cloudformation", w.updateTerminationProtection)
}

// validation is how CloudFormation refuses.
func validation(format string, args ...any) error {
	return awsfake.Error("ValidationError", fmt.Sprintf(format, args...))
}

// existing finds a stack or says that it isn't there.
func (w *World) existing(name *string) (*stack, error) {
	if s := w.stackNamed(aws.ToString(name)); s != nil {
		return s, nil
	}
	return nil, validation("Stack [%s] does not exist", aws.ToString(name))
}

func (w *World) describeStacks(in *cloudformation.DescribeStacksInput) (*cloudformation.DescribeStacksOutput, error) {
	var all []types.Stack
	for _, s := range w.stacks {
		if in.StackName == nil && s.status != types.StackStatusDeleteComplete {
			all = append(all, s.describe())
		}
	}
	if in.StackName != nil {
		s := w.stackNamed(*in.StackName)
		if s == nil {
			return nil, validation("Stack with id %s does not exist", *in.StackName)
		}
		all = append(all, s.describe())
	}
	some, next, err := page(w, all, in.NextToken, 100)
	return &cloudformation.DescribeStacksOutput{Stacks: some, NextToken: next}, err
}

// describe is a stack as CloudFormation answers it.
func (s *stack) describe() types.Stack {
	d := types.Stack{
		StackName: &s.name, StackId: &s.id, StackStatus: s.status, StackStatusReason: text(s.reason), CreationTime: aws.Time(s.created),
		LastUpdatedTime: moment(s.updated), EnableTerminationProtection: aws.Bool(s.protected), Tags: s.tags, DisableRollback: aws.Bool(false),
		RollbackConfiguration: &types.RollbackConfiguration{}, DriftInformation: &types.StackDriftInformation{StackDriftStatus: types.StackDriftStatusNotChecked},
		Capabilities: []types.Capability{types.CapabilityCapabilityIam, types.CapabilityCapabilityNamedIam, types.CapabilityCapabilityAutoExpand},
	}
	if text, ok := s.template["Description"].(string); ok {
		d.Description = &text
	}
	for _, key := range sortedKeys(s.outputs) {
		d.Outputs = append(d.Outputs, types.Output{OutputKey: aws.String(key), OutputValue: aws.String(s.outputs[key])})
	}
	for _, key := range sortedKeys(s.parameters) {
		d.Parameters = append(d.Parameters, types.Parameter{ParameterKey: aws.String(key), ParameterValue: aws.String(s.parameters[key])})
	}
	return d
}

// getTemplate answers an empty template for a stack under review: the CDK's
// command line asks for it between making and executing the first change set.
func (w *World) getTemplate(in *cloudformation.GetTemplateInput) (*cloudformation.GetTemplateOutput, error) {
	s := w.stackNamed(aws.ToString(in.StackName))
	if s == nil {
		return nil, validation("Stack with id %s does not exist", aws.ToString(in.StackName))
	}
	if in.ChangeSetName != nil {
		set, err := w.changeSet(in.ChangeSetName, in.StackName)
		if err != nil {
			return nil, err
		}
		return &cloudformation.GetTemplateOutput{TemplateBody: &set.body}, nil
	}
	return &cloudformation.GetTemplateOutput{TemplateBody: &s.body, StagesAvailable: []types.TemplateStage{types.TemplateStageOriginal, types.TemplateStageProcessed}}, nil
}

func (w *World) getTemplateSummary(in *cloudformation.GetTemplateSummaryInput) (*cloudformation.GetTemplateSummaryOutput, error) {
	body, err := w.body(in.TemplateBody, in.TemplateURL)
	if in.StackName != nil {
		var s *stack
		if s, err = w.existing(in.StackName); err == nil {
			body = s.body
		}
	}
	if err != nil {
		return nil, err
	}
	parsed := object{}
	if err := json.Unmarshal([]byte(body), &parsed); err != nil {
		return nil, validation("Template format error: JSON not well-formed.")
	}
	kinds := map[string]bool{}
	for _, declared := range declarations(parsed) {
		kinds[fmt.Sprint(declared["Type"])] = true
	}
	return &cloudformation.GetTemplateSummaryOutput{ResourceTypes: sortedKeys(kinds)}, nil
}

func (w *World) listStackResources(in *cloudformation.ListStackResourcesInput) (*cloudformation.ListStackResourcesOutput, error) {
	s := w.stackNamed(aws.ToString(in.StackName))
	if s == nil {
		return nil, validation("Stack with id %s does not exist", aws.ToString(in.StackName))
	}
	var all []types.StackResourceSummary
	for _, id := range sortedKeys(s.resources) {
		r := s.resources[id]
		all = append(all, types.StackResourceSummary{
			LogicalResourceId: &r.logical, PhysicalResourceId: &r.physical, ResourceType: &r.kind, ResourceStatus: r.status,
			ResourceStatusReason: text(r.reason), LastUpdatedTimestamp: aws.Time(r.at),
		})
	}
	some, next, err := page(w, all, in.NextToken, 100)
	return &cloudformation.ListStackResourcesOutput{StackResourceSummaries: some, NextToken: next}, err
}

func (w *World) describeStackResources(in *cloudformation.DescribeStackResourcesInput) (*cloudformation.DescribeStackResourcesOutput, error) {
	s := w.stackNamed(aws.ToString(in.StackName))
	if s == nil {
		return nil, validation("Stack with id %s does not exist", aws.ToString(in.StackName))
	}
	out := &cloudformation.DescribeStackResourcesOutput{}
	for _, id := range sortedKeys(s.resources) {
		r := s.resources[id]
		if in.LogicalResourceId == nil || *in.LogicalResourceId == id {
			out.StackResources = append(out.StackResources, types.StackResource{
				LogicalResourceId: &r.logical, PhysicalResourceId: &r.physical, ResourceType: &r.kind, ResourceStatus: r.status, StackName: &s.name,
				StackId: &s.id, ResourceStatusReason: text(r.reason), Timestamp: aws.Time(r.at),
			})
		}
	}
	return out, nil
}

func (w *World) describeStackEvents(in *cloudformation.DescribeStackEventsInput) (*cloudformation.DescribeStackEventsOutput, error) {
	s, err := w.existing(in.StackName)
	if err != nil {
		return nil, err
	}
	some, next, err := page(w, s.events, in.NextToken, 100)
	return &cloudformation.DescribeStackEventsOutput{StackEvents: slices.Clone(some), NextToken: next}, err
}

func (w *World) deleteStack(in *cloudformation.DeleteStackInput) (*cloudformation.DeleteStackOutput, error) {
	s := w.stackNamed(aws.ToString(in.StackName))
	if s == nil || s.status == types.StackStatusDeleteComplete || s.status == types.StackStatusDeleteInProgress {
		return &cloudformation.DeleteStackOutput{}, nil
	}
	if s.protected {
		return nil, validation("Stack [%s] cannot be deleted while TerminationProtection is enabled", s.name)
	}
	if s.busy() && s.status != types.StackStatusReviewInProgress {
		return nil, validation("Stack [%s] cannot be deleted while in status %s", s.name, s.status)
	}
	w.remove(s)
	return &cloudformation.DeleteStackOutput{}, nil
}

// busy says whether something is done to the stack.
func (s *stack) busy() bool { return strings.HasSuffix(string(s.status), "_IN_PROGRESS") }

func (w *World) continueUpdateRollback(in *cloudformation.ContinueUpdateRollbackInput) (*cloudformation.ContinueUpdateRollbackOutput, error) {
	s, err := w.existing(in.StackName)
	if err != nil {
		return nil, err
	}
	if s.status != types.StackStatusUpdateRollbackFailed {
		return nil, validation("Stack:%s is in %s state and can not be rolled back.", s.id, s.status)
	}
	stuck := slices.DeleteFunc(slices.Clone(s.stuck), func(c change) bool { return slices.Contains(in.ResourcesToSkip, c.logical) })
	w.tell(s, types.StackStatusUpdateRollbackInProgress, "User Initiated")
	w.restore(s, stuck)
	return &cloudformation.ContinueUpdateRollbackOutput{}, nil
}

func (w *World) rollbackStack(in *cloudformation.RollbackStackInput) (*cloudformation.RollbackStackOutput, error) {
	s, err := w.existing(in.StackName)
	if err != nil {
		return nil, err
	}
	switch s.status {
	case types.StackStatusUpdateFailed:
		w.tell(s, types.StackStatusUpdateRollbackInProgress, "User Initiated")
		w.restore(s, s.stuck)
	case types.StackStatusCreateFailed:
		w.tell(s, types.StackStatusRollbackInProgress, "User Initiated")
		w.clear(s, types.StackStatusRollbackComplete)
	default:
		return nil, validation("Stack:%s is in %s state and can not be rolled back.", s.id, s.status)
	}
	return &cloudformation.RollbackStackOutput{StackId: &s.id}, nil
}

func (w *World) updateTerminationProtection(in *cloudformation.UpdateTerminationProtectionInput) (*cloudformation.UpdateTerminationProtectionOutput, error) {
	s, err := w.existing(in.StackName)
	if err != nil {
		return nil, err
	}
	s.protected = aws.ToBool(in.EnableTerminationProtection)
	return &cloudformation.UpdateTerminationProtectionOutput{StackId: &s.id}, nil
}
