package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/prooflink/prooflink/.dagger/task"
	"github.com/prooflink/prooflink/infra/names"
)

// Run a one-off task in the environment's network, show its log, and fail where
// it doesn't end with exit code 0.
//
// It is the migration's task definition, which has the batch image and the
// database's credentials, or with --definition app that of the service. An
// interrupted run stops its task. For the migrations themselves there is `migrate`.
//
// +cache="never"
func (m *Prooflink) RunTask(
	ctx context.Context,
	// The environment: "dev" or "prod".
	env string,
	// The command and its arguments, like "node,dist/migrate.js,--status"; by
	// default the container's own.
	//
	// +optional
	command []string,
	// "migrate", "app", or a task definition like "prooflink-dev-task:12".
	//
	// +default="migrate"
	definition string,
	// The container that the command is for; by default the definition's own.
	//
	// +optional
	container string,
	// Variables to add, like "LOG_LEVEL=debug,DRY_RUN=1".
	//
	// +optional
	envOverride []string,
	// How many minutes it may take.
	//
	// +default=60
	timeoutMinutes int,
) (string, error) {
	at, err := m.reach(ctx, env)
	if err != nil {
		return "", m.ended(ctx, env, err)
	}
	variables, err := assignments(envOverride)
	if err != nil {
		return "", m.ended(ctx, env, misused(err))
	}
	family, own := taskDefinition(at.environment.Names(), definition)
	spec, err := task.SpecOf(ctx, at.access, at.environment, family, or(container, own), command, variables)
	if err != nil {
		return "", err
	}
	spec.StartedBy, spec.Limit = "prooflink/run-task", time.Duration(timeoutMinutes)*time.Minute
	var lines bytes.Buffer
	outcome, err := task.Run(ctx, at.access, spec, io.MultiWriter(os.Stdout, &lines))
	var failed *task.Failed
	if errors.As(err, &failed) && outcome.ExitCode != nil && *outcome.ExitCode > 0 {
		return "", m.exit(ctx, int(*outcome.ExitCode), err.Error())
	}
	return lines.String(), err
}

// taskDefinition is what a word means: the family or definition, and its container.
func taskDefinition(n names.Names, word string) (definition, container string) {
	switch word {
	case "migrate":
		return n.MigrateFamily(), names.MigrateContainer
	case "app":
		return n.TaskFamily(), names.AppContainer
	}
	if strings.HasPrefix(word, n.MigrateFamily()) {
		return word, names.MigrateContainer
	}
	return word, names.AppContainer
}

// assignments reads variables, "NAME=value" each.
func assignments(words []string) (map[string]string, error) {
	variables := map[string]string{}
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("variable %q: write NAME=value", word)
		}
		variables[name] = value
	}
	return variables, nil
}
