package release

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	batchtypes "github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// outputs are the members of a task definition that only ECS sets: they describe
// a revision and can't be registered.
var outputs = []string{"Compatibilities", "DeleteRequestedAt", "DeregisteredAt", "RegisteredAt", "RegisteredBy",
	"RequiresAttributes", "Revision", "Status", "TaskDefinitionArn"}

// Derive makes the next revision of a registered task definition: all that can
// be registered stays as it is, and the named containers get other images,
// "<repository>@sha256:…". changed is false where they have them already; there
// is nothing to register then. A container that isn't there is an error that
// lists those that are.
func Derive(live *ecs.DescribeTaskDefinitionOutput, references map[string]string) (next *ecs.RegisterTaskDefinitionInput, changed bool, err error) {
	next = &ecs.RegisterTaskDefinitionInput{Tags: ownTags(live.Tags)}
	carry(*live.TaskDefinition, next)
	next.ContainerDefinitions = slices.Clone(next.ContainerDefinitions) // the live one stays as it is
	var missing []error
	for _, container := range slices.Sorted(maps.Keys(references)) {
		i := slices.IndexFunc(next.ContainerDefinitions, isNamed(container))
		if i < 0 {
			missing = append(missing, fmt.Errorf("task definition %s has no container %s; it has %s",
				aws.ToString(live.TaskDefinition.TaskDefinitionArn), container, strings.Join(containersOf(next.ContainerDefinitions), ", ")))
			continue
		}
		reference := references[container]
		changed = changed || aws.ToString(next.ContainerDefinitions[i].Image) != reference
		next.ContainerDefinitions[i].Image = &reference
	}
	return next, changed, errors.Join(missing...)
}

// isNamed finds a container.
func isNamed(name string) func(ecstypes.ContainerDefinition) bool {
	return func(c ecstypes.ContainerDefinition) bool { return aws.ToString(c.Name) == name }
}

// containersOf lists the containers' names.
func containersOf(all []ecstypes.ContainerDefinition) []string {
	var list []string
	for _, container := range all {
		list = append(list, aws.ToString(container.Name))
	}
	return list
}

// deriveJob makes the next revision of a job definition with another image.
func deriveJob(live batchtypes.JobDefinition, reference string) (next *batch.RegisterJobDefinitionInput, changed bool, err error) {
	next = &batch.RegisterJobDefinitionInput{}
	carry(live, next)
	next.Tags = maps.Clone(live.Tags)
	maps.DeleteFunc(next.Tags, func(key, _ string) bool { return isReserved(key) })
	if live.ContainerProperties == nil {
		return nil, false, fmt.Errorf("job definition %s has no container", aws.ToString(live.JobDefinitionArn))
	}
	container := *live.ContainerProperties
	changed = aws.ToString(container.Image) != reference
	container.Image = &reference
	next.ContainerProperties = &container
	return next, changed, nil
}

// ownTags leaves out those that AWS has put on, like CloudFormation's
// "aws:cloudformation:stack-name": nobody else may use them, and a registration
// that does is refused. They are sorted, so that two lists can be compared.
func ownTags(all []ecstypes.Tag) []ecstypes.Tag {
	var own []ecstypes.Tag
	for _, tag := range all {
		if !isReserved(aws.ToString(tag.Key)) {
			own = append(own, tag)
		}
	}
	slices.SortFunc(own, func(a, b ecstypes.Tag) int { return strings.Compare(aws.ToString(a.Key), aws.ToString(b.Key)) })
	return own
}

// isReserved tells AWS's own tags.
func isReserved(key string) bool { return strings.HasPrefix(strings.ToLower(key), "aws:") }

// carry copies the members of a structure into those of the same name of what
// to points at. A text becomes an enumeration where the types differ, as Batch's
// "type" does.
func carry(from, to any) {
	source, target := reflect.ValueOf(from), reflect.ValueOf(to).Elem()
	for i := range source.NumField() {
		value, field := source.Field(i), target.FieldByName(source.Type().Field(i).Name)
		if !source.Type().Field(i).IsExported() || !field.IsValid() {
			continue
		}
		if value.Kind() == reflect.Pointer && field.Kind() == reflect.String && !value.IsNil() {
			value = value.Elem()
		}
		if value.Type().ConvertibleTo(field.Type()) {
			field.Set(value.Convert(field.Type()))
		}
	}
}
