package task

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/prooflink/prooflink/.dagger/logs"
)

// Failed is a task that didn't end with exit code 0.
type Failed struct {
	// Task is the task's ARN.
	Task string
	// Definition and Container are what was run.
	Definition, Container string
	// ExitCode is the container's; nil where it never ran to an end.
	ExitCode *int32
	// StopCode is ECS's, e.g. "TaskFailedToStart".
	StopCode string
	// Reason is why the task stopped, in ECS's words.
	Reason string
	// Lines are the last ones of its log.
	Lines []string
}

// told is how many of the last lines a failure has.
const told = 20

// Error says how it ended and why, in one line.
func (f *Failed) Error() string {
	text := fmt.Sprintf("run task definition %s: container %s of task %s %s", f.Definition, f.Container, logs.TaskID(f.Task), f.verdict())
	if f.Reason != "" {
		text += ": " + f.Reason
	}
	return text
}

// verdict is how it ended.
func (f *Failed) verdict() string {
	switch {
	case f.StopCode == string(types.TaskStopCodeTaskFailedToStart):
		return "never started"
	case f.ExitCode == nil:
		return "ended without an exit code"
	}
	return fmt.Sprintf("ended with exit code %d", *f.ExitCode)
}

// ended notes how the task ended.
func (o *Outcome) ended(task types.Task, container string) {
	o.StopCode = string(task.StopCode)
	reasons := []string{aws.ToString(task.StoppedReason)}
	at := slices.IndexFunc(task.Containers, func(c types.Container) bool { return aws.ToString(c.Name) == container })
	if at >= 0 {
		o.ExitCode = task.Containers[at].ExitCode
		reasons = append(reasons, aws.ToString(task.Containers[at].Reason))
	}
	o.StoppedReason = strings.Join(distinct(reasons), "; ")
}

// distinct are the texts that say something new.
func distinct(texts []string) []string {
	var list []string
	for _, text := range texts {
		if text != "" && !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return list
}

// failure is nil where the exit code is 0. Another container may have ended
// first and taken this one along; which, the reason says.
func (o *Outcome) failure(spec Spec, task types.Task) error {
	if o.ExitCode != nil && *o.ExitCode == 0 && task.StopCode != types.TaskStopCodeTaskFailedToStart {
		return nil
	}
	return &Failed{
		Task: o.TaskARN, Definition: spec.Definition, Container: spec.Container, ExitCode: o.ExitCode, StopCode: o.StopCode,
		Reason: strings.Join(distinct(append([]string{o.StoppedReason}, others(task, spec.Container)...)), "; "),
		Lines:  o.Lines[max(0, len(o.Lines)-told):],
	}
}

// others are the reasons of the task's other containers.
func others(task types.Task, container string) []string {
	var list []string
	for _, other := range task.Containers {
		if name, reason := aws.ToString(other.Name), aws.ToString(other.Reason); name != container && reason != "" {
			list = append(list, name+": "+reason)
		}
	}
	return list
}
