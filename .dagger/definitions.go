package main

import (
	"context"
	"fmt"

	"github.com/prooflink/prooflink/.dagger/internal/dagger"
	"github.com/prooflink/prooflink/.dagger/release"
)

// Render the task definition that `release` would register: the live one with
// this checkout's images, as `aws ecs register-task-definition --cli-input-json`
// takes it. An image that the registry lacks keeps the live one's digest.
//
// +cache="never"
func (m *Prooflink) RenderTaskDefinition(
	ctx context.Context,
	// The environment: "dev" or "prod".
	env string,
) (string, error) {
	options, err := m.options(ctx, request{env: env, plan: true, format: "text"})
	if err != nil {
		return "", m.ended(ctx, env, err)
	}
	found, err := m.account(options.Environment).Find(ctx)
	if err != nil {
		return "", err
	}
	digests := map[string]string{}
	for _, image := range found {
		digests[image.Name] = image.Digest
	}
	input, err := release.Next(ctx, options.Access, options.Environment.Names(), release.Of(options.Environment, options.Registry, digests))
	if err != nil {
		return "", err
	}
	text, err := release.Rendered(input)
	return string(text), err
}

// Register a task definition of the environment from a file, and print its ARN.
//
// The service stays as it is. The file is what `render-task-definition` prints;
// an unknown key, or a family that isn't the environment's, is refused.
//
// +cache="never"
func (m *Prooflink) RegisterTaskDefinition(
	ctx context.Context,
	// The environment: "dev" or "prod".
	env string,
	// The definition, as JSON.
	definition *dagger.File,
) (string, error) {
	at, err := m.reach(ctx, env)
	if err != nil {
		return "", m.ended(ctx, env, err)
	}
	text, err := definition.Contents(ctx)
	if err != nil {
		return "", m.ended(ctx, env, misused(fmt.Errorf("read the definition: %w", err)))
	}
	input, err := release.Read([]byte(text), at.environment.Names())
	if err != nil {
		return "", m.ended(ctx, env, misused(err))
	}
	var arn string
	err = m.underLock(ctx, at, "register a task definition", func(ctx context.Context) error {
		arn, err = release.Register(ctx, at.access, input)
		return err
	})
	return arn + "\n", err
}
