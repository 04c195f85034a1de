package scripted

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"gopkg.in/yaml.v3"

	"github.com/prooflink/prooflink/.dagger/awsfake"
)

// changeSet is a change set.
type changeSet struct {
	name, id   string
	stack      *stack
	kind       types.ChangeSetType
	status     types.ChangeSetStatus
	execution  types.ExecutionStatus
	reason     string
	body       string
	template   object
	parameters map[string]string
	tags       []types.Tag
	changes    []change
	created    time.Time
	text       *string
}

// noChanges is CloudFormation's reason for a change set that fails because
// everything is as it is wanted.
const noChanges = "The submitted information didn't contain changes. Submit different information to create a change set."

func (w *World) serveChangeSets() {
	on(w, "cloudformation", w.createChangeSet)
	on(w, "cloudformation", w.describeChangeSet)
	on(w, "cloudformation", w.executeChangeSet)
	on(w, "cloudformation", w.deleteChangeSet)
}

// body is a template that was sent or uploaded.
func (w *World) body(body, url *string) (string, error) {
	if url == nil {
		return aws.ToString(body), nil
	}
	for bucket, objects := range w.buckets {
		for key, object := range objects {
			if strings.HasSuffix(*url, "/"+key) && strings.Contains(*url, bucket) {
				return string(object.data), nil
			}
		}
	}
	return "", validation("S3 error: The specified key does not exist.\nFor more information check http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html")
}

// parse reads a template in JSON or in YAML, of which JSON is a part.
func parse(body string) (object, error) {
	var parsed any
	if err := yaml.Unmarshal([]byte(body), &parsed); err != nil {
		return nil, validation("Template format error: YAML not well-formed.")
	}
	data, err := json.Marshal(parsed)
	made := object{}
	if err != nil || json.Unmarshal(data, &made) != nil {
		return nil, validation("Template format error: unsupported structure.")
	}
	return made, nil
}

// updatable refuses an update of a stack in a state that allows none.
func (s *stack) updatable() error {
	status := string(s.status)
	if strings.HasSuffix(status, "_COMPLETE") && s.status != types.StackStatusRollbackComplete && s.status != types.StackStatusDeleteComplete {
		return nil
	}
	return validation("Stack:%s is in %s state and can not be updated.", s.id, status)
}

// intended is the stack that a change set is for; a new one is made.
func (w *World) intended(in *cloudformation.CreateChangeSetInput) (*stack, error) {
	name := aws.ToString(in.StackName)
	s := w.stackNamed(name)
	if s != nil && s.status == types.StackStatusDeleteComplete {
		s = nil
	}
	switch {
	case in.ChangeSetType == types.ChangeSetTypeCreate && s == nil:
		s = w.newStack(name)
		w.tell(s, types.StackStatusReviewInProgress, "User Initiated")
		return s, nil
	case in.ChangeSetType == types.ChangeSetTypeCreate && s.status != types.StackStatusReviewInProgress:
		return nil, validation("Stack [%s] already exists and cannot be created again with the changeSet [%s].", s.name, aws.ToString(in.ChangeSetName))
	case s == nil:
		return nil, validation("Stack [%s] does not exist", name)
	case in.ChangeSetType == types.ChangeSetTypeCreate:
		return s, nil
	}
	return s, s.updatable()
}

func (w *World) createChangeSet(in *cloudformation.CreateChangeSetInput) (*cloudformation.CreateChangeSetOutput, error) {
	body, err := w.body(in.TemplateBody, in.TemplateURL)
	if err != nil {
		return nil, err
	}
	parsed, err := parse(body)
	if err != nil {
		return nil, err
	}
	s, err := w.intended(in)
	if err != nil {
		return nil, err
	}
	name := aws.ToString(in.ChangeSetName)
	if s.changeSets[name] != nil {
		return nil, awsfake.Error("AlreadyExistsException", fmt.Sprintf("ChangeSet %s already exists", name))
	}
	set := &changeSet{
		name: name, id: w.arn("cloudformation", "changeSet/"+name+"/"+w.uuid("change set")), stack: s, kind: in.ChangeSetType, created: w.clock,
		status: types.ChangeSetStatusCreatePending, execution: types.ExecutionStatusUnavailable, body: body, template: parsed,
		parameters: w.given(s, parsed, in.Parameters), tags: in.Tags, text: in.Description,
	}
	s.changeSets[name] = set
	w.in(time.Second, func() { set.status = types.ChangeSetStatusCreateInProgress })
	w.in(3*time.Second, func() { w.prepare(set) })
	return &cloudformation.CreateChangeSetOutput{Id: &set.id, StackId: &s.id}, nil
}

// given are a template's parameters with their values.
func (w *World) given(s *stack, parsed object, in []types.Parameter) map[string]string {
	all := map[string]string{}
	declared, _ := parsed["Parameters"].(object)
	for key, value := range declared {
		properties, _ := value.(object)
		if usual, ok := properties["Default"]; ok {
			all[key] = fmt.Sprint(usual)
		}
		if before, ok := s.parameters[key]; ok {
			all[key] = before
		}
	}
	for _, p := range in {
		if !aws.ToBool(p.UsePreviousValue) {
			all[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
		}
	}
	for key, value := range all {
		properties, _ := declared[key].(object)
		if strings.HasPrefix(fmt.Sprint(properties["Type"]), "AWS::SSM::Parameter::Value") && w.parameters[value] != nil {
			all[key] = w.parameters[value].newest().value
		}
	}
	return all
}

// prepare finds out what the change set changes.
func (w *World) prepare(set *changeSet) {
	if set.stack.changeSets[set.name] != set {
		return
	}
	var missing []string
	set.changes, missing = w.plan(set.stack, set.template, set.parameters)
	same := canonical(set.template["Outputs"]) == canonical(set.stack.template["Outputs"])
	switch {
	case len(missing) > 0:
		set.status = types.ChangeSetStatusFailed
	case len(set.changes) == 0 && same && set.kind == types.ChangeSetTypeUpdate:
		set.status, set.reason = types.ChangeSetStatusFailed, noChanges
	default:
		set.status, set.execution = types.ChangeSetStatusCreateComplete, types.ExecutionStatusAvailable
	}
}

// changeSet finds a change set by name, with its stack, or by id.
func (w *World) changeSet(name, stackName *string) (*changeSet, error) {
	for _, s := range w.stacks {
		for _, set := range s.changeSets {
			if set.id == aws.ToString(name) || set.name == aws.ToString(name) && s == w.stackNamed(aws.ToString(stackName)) {
				return set, nil
			}
		}
	}
	return nil, awsfake.ErrorStatus(404, "ChangeSetNotFound", fmt.Sprintf("ChangeSet [%s] does not exist", aws.ToString(name)))
}

func (w *World) describeChangeSet(in *cloudformation.DescribeChangeSetInput) (*cloudformation.DescribeChangeSetOutput, error) {
	if !strings.HasPrefix(aws.ToString(in.ChangeSetName), "arn:") {
		if _, err := w.existing(in.StackName); err != nil {
			return nil, err
		}
	}
	set, err := w.changeSet(in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	var all []types.Change
	for _, c := range set.changes {
		all = append(all, c.described(set.stack))
	}
	some, next, err := page(w, all, in.NextToken, 100)
	return &cloudformation.DescribeChangeSetOutput{
		ChangeSetName: &set.name, ChangeSetId: &set.id, StackName: &set.stack.name, StackId: &set.stack.id, Status: set.status, StatusReason: text(set.reason),
		ExecutionStatus: set.execution, CreationTime: aws.Time(set.created), Changes: some, NextToken: next, Description: set.text, Tags: set.tags,
	}, err
}

// described is a change as CloudFormation answers it.
func (c change) described(s *stack) types.Change {
	d := &types.ResourceChange{
		Action: c.action, LogicalResourceId: aws.String(c.logical), ResourceType: aws.String(c.kind), Scope: []types.ResourceAttribute{},
		Details: []types.ResourceChangeDetail{},
	}
	if r := s.resources[c.logical]; r != nil {
		d.PhysicalResourceId = aws.String(r.physical)
	}
	if c.action == types.ChangeActionModify {
		d.Replacement, d.Scope = types.ReplacementFalse, []types.ResourceAttribute{types.ResourceAttributeProperties}
		if c.replaces {
			d.Replacement = types.ReplacementTrue
		}
	}
	return types.Change{Type: types.ChangeTypeResource, ResourceChange: d}
}

func (w *World) executeChangeSet(in *cloudformation.ExecuteChangeSetInput) (*cloudformation.ExecuteChangeSetOutput, error) {
	set, err := w.changeSet(in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	if set.execution != types.ExecutionStatusAvailable {
		return nil, awsfake.Error("InvalidChangeSetStatus", fmt.Sprintf("ChangeSet [%s] cannot be executed in its current execution status of [%s]", set.id, set.execution))
	}
	s := set.stack
	if set.kind == types.ChangeSetTypeUpdate {
		if err := s.updatable(); err != nil {
			return nil, err
		}
	}
	set.execution = types.ExecutionStatusExecuteInProgress
	s.parameters, s.tags = set.parameters, set.tags
	w.apply(s, set)
	return &cloudformation.ExecuteChangeSetOutput{}, nil
}

func (w *World) deleteChangeSet(in *cloudformation.DeleteChangeSetInput) (*cloudformation.DeleteChangeSetOutput, error) {
	if !strings.HasPrefix(aws.ToString(in.ChangeSetName), "arn:") {
		if _, err := w.existing(in.StackName); err != nil {
			return nil, err
		}
	}
	if set, err := w.changeSet(in.ChangeSetName, in.StackName); err == nil {
		delete(set.stack.changeSets, set.name)
	}
	return &cloudformation.DeleteChangeSetOutput{}, nil
}
