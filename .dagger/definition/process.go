package definition

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/batch"
	batchtypes "github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// Process is what a registered definition says of one container: all that
// starting it takes.
type Process struct {
	Image   string
	Command []string
	// Env holds plain values.
	Env map[string]string
	// Secrets holds a Secrets Manager reference ("valueFrom") per variable.
	Secrets map[string]string
}

// TaskProcess reads a container of a registered task definition.
// task is a family, family:revision or ARN.
func TaskProcess(ctx context.Context, client *ecs.Client, task, container string) (Process, error) {
	out, err := client.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &task})
	if err != nil {
		return Process{}, fmt.Errorf("describe task definition %s: %w", task, err)
	}
	for _, c := range out.TaskDefinition.ContainerDefinitions {
		if value(c.Name) == container {
			return taskProcess(c), nil
		}
	}
	return Process{}, fmt.Errorf("task definition %s has no container %s", task, container)
}

func taskProcess(c ecstypes.ContainerDefinition) Process {
	p := Process{Image: value(c.Image), Command: c.Command, Env: map[string]string{}, Secrets: map[string]string{}}
	for _, e := range c.Environment {
		p.Env[value(e.Name)] = value(e.Value)
	}
	for _, s := range c.Secrets {
		p.Secrets[value(s.Name)] = value(s.ValueFrom)
	}
	return p
}

// JobProcess reads the container of a job definition's newest active revision.
func JobProcess(ctx context.Context, client *batch.Client, name string) (Process, error) {
	active := "ACTIVE"
	pages := batch.NewDescribeJobDefinitionsPaginator(client,
		&batch.DescribeJobDefinitionsInput{JobDefinitionName: &name, Status: &active})
	var newest *batchtypes.JobDefinition
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return Process{}, fmt.Errorf("describe job definition %s: %w", name, err)
		}
		for _, d := range page.JobDefinitions {
			if newest == nil || *d.Revision > *newest.Revision {
				newest = &d
			}
		}
	}
	if newest == nil || newest.ContainerProperties == nil {
		return Process{}, fmt.Errorf("no active job definition %s is registered", name)
	}
	return jobProcess(newest.ContainerProperties), nil
}

func jobProcess(c *batchtypes.ContainerProperties) Process {
	p := Process{Image: value(c.Image), Command: c.Command, Env: map[string]string{}, Secrets: map[string]string{}}
	for _, e := range c.Environment {
		p.Env[value(e.Name)] = value(e.Value)
	}
	for _, s := range c.Secrets {
		p.Secrets[value(s.Name)] = value(s.ValueFrom)
	}
	return p
}

// ResolveSecrets returns the values of the process's secrets, as ECS does
// before it starts a container.
func (p Process) ResolveSecrets(ctx context.Context, client *secretsmanager.Client) (map[string]string, error) {
	values := make(map[string]string, len(p.Secrets))
	for name, reference := range p.Secrets {
		secret, err := ReadSecret(ctx, client, reference)
		if err != nil {
			return nil, fmt.Errorf("read secret for %s: %w", name, err)
		}
		values[name] = secret
	}
	return values, nil
}

// ReadSecret reads what a "valueFrom" names: the ARN of a secret, and after it
// optionally ":key:stage:version", where key is a key of its JSON
// (Amazon ECS Developer Guide, "Pass Secrets Manager secrets").
func ReadSecret(ctx context.Context, client *secretsmanager.Client, reference string) (string, error) {
	arn, key := splitReference(reference)
	out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn})
	if err != nil {
		return "", fmt.Errorf("get secret %s: %w", arn, err)
	}
	if key == "" {
		return value(out.SecretString), nil
	}
	return secretKey(arn, key, value(out.SecretString))
}

// splitReference: an ARN of a secret has seven parts, the key is the eighth.
func splitReference(reference string) (arn, key string) {
	parts := strings.Split(reference, ":")
	if len(parts) <= 7 {
		return reference, ""
	}
	return strings.Join(parts[:7], ":"), parts[7]
}

func secretKey(arn, key, text string) (string, error) {
	var object map[string]any
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		return "", fmt.Errorf("secret %s is not a JSON object", arn)
	}
	v, ok := object[key]
	if !ok {
		return "", fmt.Errorf("secret %s has no key %q", arn, key)
	}
	return fmt.Sprint(v), nil
}
