// Package exec runs a command in a container of a running task through ECS Exec.
//
// ECS opens the session; the connection is made by AWS's session-manager-plugin,
// which knows nothing of exit codes (aws/session-manager-plugin#59). So the
// command is wrapped in one that writes its exit code between marks.
package exec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// attempts is how often a call is repeated that AWS throttles.
const attempts = 8

// Request is what to run and where.
type Request struct {
	// Task is a task's id or the beginning of one; empty means the service's
	// newest running task.
	Task string
	// Container is "prooflink-app" unless it is said.
	Container string
	// Command is a line for /bin/sh, e.g. "node --version".
	Command string
}

// Session is an open session. Whoever has its token can use it: it is a secret.
type Session struct {
	// Task is the task's ARN, Container the container's name.
	Task, Container string
	// Marker is what Result finds the command's output and exit code by.
	Marker string
	// Session is the first argument of the plugin, JSON with the token.
	Session string
	// Arguments are the plugin's others.
	Arguments []string
}

// Start opens a session that runs the command. The session-manager-plugin gets
// Session and then Arguments; Result reads what it prints.
func Start(ctx context.Context, access aws.Config, environment config.Environment, request Request) (Session, error) {
	if strings.TrimSpace(request.Command) == "" {
		return Session{}, errors.New("say what to run, e.g. \"node --version\": there is no terminal to type into")
	}
	access.RetryMaxAttempts = attempts
	s := starter{ecs.NewFromConfig(access), environment, request}
	task, err := s.choose(ctx)
	if err != nil {
		return Session{}, err
	}
	container, err := s.ready(task)
	if err != nil {
		return Session{}, err
	}
	return s.open(ctx, task, container)
}

// starter starts one session.
type starter struct {
	api         *ecs.Client
	environment config.Environment
	request     Request
}

// cluster is the cluster's name.
func (s starter) cluster() string { return s.environment.Names().Cluster() }

// container is the name of the container that is meant.
func (s starter) container() string {
	if s.request.Container == "" {
		return names.AppContainer
	}
	return s.request.Container
}

// open calls ECS, which knows interactive sessions only (ExecuteCommand).
func (s starter) open(ctx context.Context, task types.Task, container types.Container) (Session, error) {
	marker := newMarker()
	out, err := s.api.ExecuteCommand(ctx, &ecs.ExecuteCommandInput{
		Cluster: aws.String(s.cluster()), Task: task.TaskArn, Container: container.Name,
		Command: aws.String(wrap(s.request.Command, marker)), Interactive: true,
	})
	if err != nil {
		return Session{}, fmt.Errorf("execute a command in task %s: %w", id(task), s.advise(err))
	}
	session, err := json.Marshal(map[string]*string{
		"SessionId": out.Session.SessionId, "StreamUrl": out.Session.StreamUrl, "TokenValue": out.Session.TokenValue,
	})
	if err != nil {
		return Session{}, fmt.Errorf("execute a command in task %s: write the session: %w", id(task), err)
	}
	return Session{
		Task: aws.ToString(task.TaskArn), Container: aws.ToString(container.Name), Marker: marker,
		Session: string(session), Arguments: s.arguments(task, container),
	}, nil
}

// arguments are the plugin's after the session: region, operation, profile, the
// target "ecs:<cluster>_<task id>_<runtime id>", and the endpoint at which it
// resumes a session that was cut (aws-cli, customizations/ecs/executecommand.py).
func (s starter) arguments(task types.Task, container types.Container) []string {
	region := s.environment.Region
	target := fmt.Sprintf(`{"Target":"ecs:%s_%s_%s"}`, s.cluster(), id(task), aws.ToString(container.RuntimeId))
	return []string{region, "StartSession", "", target, "https://ssm." + region + ".amazonaws.com"}
}

// id is a task's id.
func id(task types.Task) string {
	arn := aws.ToString(task.TaskArn)
	return arn[strings.LastIndex(arn, "/")+1:]
}
