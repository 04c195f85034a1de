package scripted

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
)

func (w *World) serveTasks() {
	on(w, "ecs", w.listTasks)
	on(w, "ecs", w.describeTasks)
	on(w, "ecs", w.runTask)
	on(w, "ecs", w.stopTask)
	on(w, "ecs", w.executeCommand)
}

// Running are the containers of the service's running tasks with their digests;
// where tasks differ, a container has all of its digests, comma-separated.
func (w *World) Running() map[string]string {
	found := map[string]map[string]bool{}
	w.look(func() {
		for _, t := range w.ecs.tasks {
			if t.rollout == nil || aws.ToString(t.LastStatus) != "RUNNING" {
				continue
			}
			for _, c := range t.Containers {
				if found[*c.Name] == nil {
					found[*c.Name] = map[string]bool{}
				}
				found[*c.Name][aws.ToString(c.ImageDigest)] = true
			}
		}
	})
	all := map[string]string{}
	for name, digests := range found {
		all[name] = strings.Join(sortedKeys(digests), ",")
	}
	return all
}

func (w *World) listTasks(in *ecs.ListTasksInput) (*ecs.ListTasksOutput, error) {
	if err := w.checkCluster(in.Cluster); err != nil {
		return nil, err
	}
	if in.ServiceName != nil && w.serviceNamed(*in.ServiceName) == nil {
		return nil, awsfake.Error("ServiceNotFoundException", "Service not found.")
	}
	desired := string(in.DesiredStatus)
	if desired == "" {
		desired = "RUNNING"
	}
	var all []string
	for _, t := range slices.Backward(w.visible()) {
		if aws.ToString(t.DesiredStatus) == desired && asked(t, in) {
			all = append(all, aws.ToString(t.TaskArn))
		}
	}
	some, next, err := page(w, all, in.NextToken, limit(in.MaxResults, 100))
	return &ecs.ListTasksOutput{TaskArns: some, NextToken: next}, err
}

// asked says whether a task is one of those that are asked for.
func asked(t *task, in *ecs.ListTasksInput) bool {
	return (in.ServiceName == nil || aws.ToString(t.Group) == "service:"+last(*in.ServiceName)) &&
		(in.Family == nil || aws.ToString(t.definition.Family) == *in.Family) &&
		(in.StartedBy == nil || aws.ToString(t.StartedBy) == *in.StartedBy) &&
		(in.LaunchType == "" || in.LaunchType == t.LaunchType)
}

func (w *World) describeTasks(in *ecs.DescribeTasksInput) (*ecs.DescribeTasksOutput, error) {
	if err := w.checkCluster(in.Cluster); err != nil {
		return nil, err
	}
	if len(in.Tasks) > 100 {
		return nil, awsfake.Error("InvalidParameterException", "Tasks cannot be more than 100.")
	}
	out := &ecs.DescribeTasksOutput{}
	for _, name := range in.Tasks {
		t := w.taskNamed(name)
		if t == nil {
			out.Failures = append(out.Failures, types.Failure{
				Arn: aws.String(w.arn("ecs", "task/"+w.names.Cluster()+"/"+last(name))), Reason: aws.String("MISSING"),
			})
			continue
		}
		shown := t.Task
		shown.Containers = t.withAgents()
		if !slices.Contains(in.Include, types.TaskFieldTags) {
			shown.Tags = nil
		}
		out.Tasks = append(out.Tasks, shown)
	}
	return out, nil
}

func (w *World) runTask(in *ecs.RunTaskInput) (*ecs.RunTaskOutput, error) {
	if err := w.checkCluster(in.Cluster); err != nil {
		return nil, err
	}
	d := w.definition(aws.ToString(in.TaskDefinition))
	if d == nil || d.Status != types.TaskDefinitionStatusActive {
		return nil, clientException("TaskDefinition not found.")
	}
	if err := w.overridden(d, in.Overrides); err != nil {
		return nil, err
	}
	if d.NetworkMode == types.NetworkModeAwsvpc && (in.NetworkConfiguration == nil || in.NetworkConfiguration.AwsvpcConfiguration == nil) {
		return nil, awsfake.Error("InvalidParameterException", "Network Configuration must be provided when networkMode 'awsvpc' is specified.")
	}
	token := aws.ToString(in.ClientToken)
	started := w.ecs.tokens[token]
	if token == "" || started == nil {
		started = w.starts(in, d)
	}
	if token != "" {
		w.ecs.tokens[token] = started
	}
	out := &ecs.RunTaskOutput{}
	for _, t := range started {
		out.Tasks = append(out.Tasks, t.Task)
	}
	return out, nil
}

// overridden refuses overrides of containers that aren't there.
func (w *World) overridden(d *definition, overrides *types.TaskOverride) error {
	if overrides == nil {
		return nil
	}
	for _, c := range overrides.ContainerOverrides {
		if d.container(aws.ToString(c.Name)) == nil {
			return awsfake.Error("InvalidParameterException", "Override for container named "+aws.ToString(c.Name)+" is not a container in the TaskDefinition.")
		}
	}
	return nil
}

// starts starts the tasks of a call.
func (w *World) starts(in *ecs.RunTaskInput, d *definition) []*task {
	group := aws.ToString(in.Group)
	if group == "" {
		group = "family:" + aws.ToString(d.Family)
	}
	var all []*task
	for range max(1, int(aws.ToInt32(in.Count))) {
		t := w.launch(d, w.once(d), group, aws.ToString(in.StartedBy))
		t.Overrides, t.Tags, t.EnableExecuteCommand = in.Overrides, in.Tags, in.EnableExecuteCommand
		if t.Overrides == nil {
			t.Overrides = &types.TaskOverride{}
		}
		all = append(all, t)
	}
	return all
}

// once is how a task of RunTask goes: one of the service's definition that is
// told to do something else ends.
func (w *World) once(d *definition) Behaviour {
	if aws.ToString(d.Family) == w.names.TaskFamily() {
		return Behaviour{Ends: &End{}}
	}
	return w.behave(d)
}

func (w *World) stopTask(in *ecs.StopTaskInput) (*ecs.StopTaskOutput, error) {
	if err := w.checkCluster(in.Cluster); err != nil {
		return nil, err
	}
	t := w.taskNamed(aws.ToString(in.Task))
	if t == nil {
		return nil, awsfake.Error("InvalidParameterException", "The referenced task was not found.")
	}
	reason := aws.ToString(in.Reason)
	if reason == "" {
		reason = "Task stopped by user"
	}
	w.byHand(t, reason)
	return &ecs.StopTaskOutput{Task: &t.Task}, nil
}

// byHand is when a person stops a task: its containers are killed by SIGTERM.
func (w *World) byHand(t *task, reason string) {
	for i := range t.Containers {
		if t.StartedAt != nil && t.Containers[i].ExitCode == nil {
			t.Containers[i].ExitCode = aws.Int32(143)
		}
	}
	w.halt(t, types.TaskStopCodeUserInitiated, reason)
}

// withAgents are the containers with what ECS Exec starts in those that run.
func (t *task) withAgents() []types.Container {
	containers := slices.Clone(t.Containers)
	for i := range containers {
		if t.EnableExecuteCommand && aws.ToString(containers[i].LastStatus) == "RUNNING" {
			containers[i].ManagedAgents = []types.ManagedAgent{{Name: types.ManagedAgentNameExecuteCommandAgent, LastStatus: aws.String("RUNNING")}}
		}
	}
	return containers
}

func (w *World) executeCommand(in *ecs.ExecuteCommandInput) (*ecs.ExecuteCommandOutput, error) {
	t := w.taskNamed(aws.ToString(in.Task))
	if t == nil || t.leaving {
		return nil, awsfake.Error("InvalidParameterException", "The referenced task was not found.")
	}
	if !t.EnableExecuteCommand {
		return nil, awsfake.Error("InvalidParameterException", "The execute command failed because execute command was not enabled when the task was run or the execute command agent isn’t running. "+
			"Wait and try again or run a new task with execute command enabled and try again.")
	}
	name := aws.ToString(in.Container)
	if name == "" {
		name = t.main()
	}
	session := "ecs-execute-command-" + w.id("session", 17)
	return &ecs.ExecuteCommandOutput{
		ClusterArn: aws.String(w.cluster()), TaskArn: t.TaskArn, ContainerName: &name, Interactive: in.Interactive,
		Session: &types.Session{
			SessionId: &session, TokenValue: aws.String("scripted"),
			StreamUrl: aws.String(fmt.Sprintf("wss://ssmmessages.%s.amazonaws.com/v1/data-channel/%s?role=publish_subscribe", w.region, session)),
		},
	}, nil
}
