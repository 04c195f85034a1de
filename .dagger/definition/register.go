package definition

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
)

// TaskInput reads resolved properties of a task definition. CloudFormation's
// property names are the API's, so the SDK's own type takes them; a property
// that the API doesn't know is an error.
func TaskInput(properties map[string]any) (*ecs.RegisterTaskDefinitionInput, error) {
	var input ecs.RegisterTaskDefinitionInput
	return &input, decode(properties, &input)
}

// JobInput reads resolved properties of a job definition, without what only
// CloudFormation knows (ResourceRetentionPolicy holds SkipDeregisterOnUpdate).
func JobInput(properties map[string]any) (*batch.RegisterJobDefinitionInput, error) {
	properties = without(properties, "ResourceRetentionPolicy")
	var input batch.RegisterJobDefinitionInput
	return &input, decode(properties, &input)
}

func decode(properties map[string]any, into any) error {
	text, err := json.Marshal(properties)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("read definition from the template: %w", err)
	}
	return nil
}

func without(properties map[string]any, key string) map[string]any {
	out := make(map[string]any, len(properties))
	for k, v := range properties {
		if k != key {
			out[k] = v
		}
	}
	return out
}

// Registrar is what registers definitions: the ECS and Batch clients.
type Registrar struct {
	ECS interface {
		RegisterTaskDefinition(context.Context, *ecs.RegisterTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.RegisterTaskDefinitionOutput, error)
	}
	Batch interface {
		RegisterJobDefinition(context.Context, *batch.RegisterJobDefinitionInput, ...func(*batch.Options)) (*batch.RegisterJobDefinitionOutput, error)
	}
}

// Register registers resolved properties as a new revision and returns its ARN.
func (r Registrar) Register(ctx context.Context, kind string, properties map[string]any) (string, error) {
	if kind == TaskType {
		return r.registerTask(ctx, properties)
	}
	return r.registerJob(ctx, properties)
}

func (r Registrar) registerTask(ctx context.Context, properties map[string]any) (string, error) {
	input, err := TaskInput(properties)
	if err != nil {
		return "", err
	}
	out, err := r.ECS.RegisterTaskDefinition(ctx, input)
	if err != nil {
		return "", fmt.Errorf("register task definition %s: %w", value(input.Family), err)
	}
	return value(out.TaskDefinition.TaskDefinitionArn), nil
}

func (r Registrar) registerJob(ctx context.Context, properties map[string]any) (string, error) {
	input, err := JobInput(properties)
	if err != nil {
		return "", err
	}
	out, err := r.Batch.RegisterJobDefinition(ctx, input)
	if err != nil {
		return "", fmt.Errorf("register job definition %s: %w", value(input.JobDefinitionName), err)
	}
	return value(out.JobDefinitionArn), nil
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
