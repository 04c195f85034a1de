package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/prooflink/prooflink/.dagger/exec"
	"github.com/prooflink/prooflink/.dagger/internal/dagger"
)

// Run a command in a running task, through ECS Exec, and end with its exit code.
//
// It needs app.exec: true in the environment's configuration, deployed before
// the task started. The command is a line for /bin/sh; there is no terminal.
//
// +cache="never"
func (m *Prooflink) Exec(
	ctx context.Context,
	// The environment: "dev" or "prod".
	env string,
	// The command, like "node --version".
	command string,
	// The container: "prooflink-app" or "log-router".
	//
	// +optional
	container string,
	// A task's id, or the beginning of one; by default the newest running task.
	//
	// +optional
	task string,
	// How many minutes the command may take.
	//
	// +default=10
	timeoutMinutes int,
) (string, error) {
	at, err := m.reach(ctx, env)
	if err != nil {
		return "", m.ended(ctx, env, err)
	}
	session, err := exec.Start(ctx, at.access, at.environment, exec.Request{Task: task, Container: container, Command: command})
	if err != nil {
		return "", err
	}
	output, err := m.session(ctx, session, timeoutMinutes)
	if err != nil {
		return "", err
	}
	text, code, err := exec.Result(output, session.Marker)
	if err == nil && code != 0 {
		return "", m.exit(ctx, code, text)
	}
	return text, err
}

// session runs the program that speaks with ECS Exec; it wants a terminal, which
// script(1) makes. Its first argument has the session's token.
func (m *Prooflink) session(ctx context.Context, session exec.Session, minutes int) (string, error) {
	token := dag.SetSecret("session-"+strconv.FormatInt(time.Now().UnixNano(), 36), session.Session)
	output, err := m.golang().
		WithFile("/usr/local/bin/session-manager-plugin", m.sessionPlugin()).
		WithNewFile("/run.sh", `exec session-manager-plugin "$SESSION" "$@"`).
		WithSecretVariable("SESSION", token).
		WithEnvVariable("AWS_EC2_METADATA_DISABLED", "true").
		WithExec(append([]string{"timeout", strconv.Itoa(minutes) + "m", "sh", "-c", `command="sh /run.sh"; for word; do command="$command '$word'"; done; exec script --quiet --return --command "$command" /dev/null`, "sh"}, session.Arguments...)).
		Stdout(ctx)
	if err != nil {
		return "", fmt.Errorf("run a session with task %s: %w", session.Task, explain(err))
	}
	return output, nil
}

// sessionPlugin compiles AWS's program.
func (m *Prooflink) sessionPlugin() *dagger.File {
	const program = "github.com/aws/session-manager-plugin/src/sessionmanagerplugin-main"
	return m.golang().
		WithDirectory("/src", m.Source.Directory(".dagger/exec/plugin")).
		WithExec([]string{"go", "build", "-o", "/usr/local/bin/session-manager-plugin", program}).
		File("/usr/local/bin/session-manager-plugin")
}
