package scripted

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
)

// container is what ECS has: one cluster's services, tasks and definitions.
type container struct {
	// families have their revisions, the oldest first.
	families map[string][]*definition
	// services by name.
	services map[string]*service
	// tasks in the order in which they were started.
	tasks []*task
	// clusters by name.
	clusters map[string]bool
	// tokens are RunTask's client tokens with what they started.
	tokens map[string][]*task
	// old are the definitions that were there when the world began.
	old map[string]bool
	// revisions by ARN.
	revisions map[string]*revision
	// rollouts by the ARN of their service deployment.
	rollouts map[string]*rollout
}

func newContainer() container {
	return container{
		families: map[string][]*definition{}, services: map[string]*service{}, clusters: map[string]bool{}, tokens: map[string][]*task{},
		old: map[string]bool{}, revisions: map[string]*revision{}, rollouts: map[string]*rollout{},
	}
}

// definition is a task definition with its tags.
type definition struct {
	types.TaskDefinition
	tags []types.Tag
}

// arn is the definition's.
func (d *definition) arn() string { return aws.ToString(d.TaskDefinitionArn) }

// container finds one of its containers.
func (d *definition) container(name string) *types.ContainerDefinition {
	for i := range d.ContainerDefinitions {
		if aws.ToString(d.ContainerDefinitions[i].Name) == name {
			return &d.ContainerDefinitions[i]
		}
	}
	return nil
}

// TaskDefinition is a task definition by its ARN, its "family:revision" or its
// family; nil where there is none.
func (w *World) TaskDefinition(name string) *types.TaskDefinition {
	var found *types.TaskDefinition
	w.look(func() {
		if d := w.definition(name); d != nil {
			found = &d.TaskDefinition
		}
	})
	return found
}

// definition finds a definition; a family means its newest active revision.
func (w *World) definition(name string) *definition {
	family, revision, chosen := strings.Cut(strings.TrimPrefix(name, w.arn("ecs", "task-definition/")), ":")
	all := w.ecs.families[family]
	for _, d := range slices.Backward(all) {
		if chosen && strconv.Itoa(int(d.Revision)) == revision || !chosen && d.Status == types.TaskDefinitionStatusActive {
			return d
		}
	}
	return nil
}

// register adds a revision to a family.
func (w *World) register(in *ecs.RegisterTaskDefinitionInput) *definition {
	family := aws.ToString(in.Family)
	all := w.ecs.families[family]
	number := int32(1)
	if len(all) > 0 {
		number = all[len(all)-1].Revision + 1
	}
	d := &definition{tags: in.Tags, TaskDefinition: types.TaskDefinition{
		TaskDefinitionArn: aws.String(w.arn("ecs", fmt.Sprintf("task-definition/%s:%d", family, number))), Family: in.Family, Revision: number,
		Status: types.TaskDefinitionStatusActive, ContainerDefinitions: in.ContainerDefinitions, Cpu: in.Cpu, Memory: in.Memory,
		NetworkMode: in.NetworkMode, ExecutionRoleArn: in.ExecutionRoleArn, TaskRoleArn: in.TaskRoleArn, RuntimePlatform: in.RuntimePlatform,
		RequiresCompatibilities: in.RequiresCompatibilities, Volumes: in.Volumes, EphemeralStorage: in.EphemeralStorage,
		PlacementConstraints: in.PlacementConstraints, ProxyConfiguration: in.ProxyConfiguration, IpcMode: in.IpcMode, PidMode: in.PidMode,
		EnableFaultInjection: in.EnableFaultInjection, RegisteredAt: aws.Time(w.clock),
		RegisteredBy:    aws.String("arn:aws:sts::" + Account + ":assumed-role/" + w.names.DeployRole() + "/deployer"),
		Compatibilities: []types.Compatibility{types.CompatibilityEc2, types.CompatibilityFargate},
	}}
	w.ecs.families[family] = append(all, d)
	return d
}

func (w *World) serveDefinitions() {
	on(w, "ecs", w.registerTaskDefinition)
	on(w, "ecs", w.describeTaskDefinition)
	on(w, "ecs", w.deregisterTaskDefinition)
	on(w, "ecs", w.listTaskDefinitions)
}

// clientException is how ECS refuses.
func clientException(message string) error { return awsfake.Error("ClientException", message) }

func (w *World) registerTaskDefinition(in *ecs.RegisterTaskDefinitionInput) (*ecs.RegisterTaskDefinitionOutput, error) {
	if len(in.ContainerDefinitions) == 0 {
		return nil, clientException("TaskDefinition must have at least one container definition.")
	}
	d := w.register(in)
	return &ecs.RegisterTaskDefinitionOutput{TaskDefinition: &d.TaskDefinition, Tags: d.tags}, nil
}

func (w *World) describeTaskDefinition(in *ecs.DescribeTaskDefinitionInput) (*ecs.DescribeTaskDefinitionOutput, error) {
	d := w.definition(aws.ToString(in.TaskDefinition))
	if d == nil {
		return nil, clientException("Unable to describe task definition.")
	}
	out := &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &d.TaskDefinition}
	if slices.Contains(in.Include, types.TaskDefinitionFieldTags) {
		out.Tags = d.tags
	}
	return out, nil
}

func (w *World) deregisterTaskDefinition(in *ecs.DeregisterTaskDefinitionInput) (*ecs.DeregisterTaskDefinitionOutput, error) {
	name := aws.ToString(in.TaskDefinition)
	d := w.definition(name)
	if d == nil || !strings.Contains(last(name), ":") {
		return nil, clientException("The specified task definition does not exist.")
	}
	d.Status = types.TaskDefinitionStatusInactive
	d.DeregisteredAt = aws.Time(w.clock)
	return &ecs.DeregisterTaskDefinitionOutput{TaskDefinition: &d.TaskDefinition}, nil
}

func (w *World) listTaskDefinitions(in *ecs.ListTaskDefinitionsInput) (*ecs.ListTaskDefinitionsOutput, error) {
	status := in.Status
	if status == "" {
		status = types.TaskDefinitionStatusActive
	}
	var all []string
	for _, family := range sortedKeys(w.ecs.families) {
		if prefix := aws.ToString(in.FamilyPrefix); prefix != "" && family != prefix {
			continue
		}
		for _, d := range w.ecs.families[family] {
			if d.Status == status {
				all = append(all, d.arn())
			}
		}
	}
	if in.Sort == types.SortOrderDesc {
		slices.Reverse(all)
	}
	some, next, err := page(w, all, in.NextToken, limit(in.MaxResults, 100))
	return &ecs.ListTaskDefinitionsOutput{TaskDefinitionArns: some, NextToken: next}, err
}
