package exec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// choose finds the task: the one that is named, of the whole cluster, or the
// service's newest that runs.
func (s starter) choose(ctx context.Context) (types.Task, error) {
	tasks, err := s.running(ctx)
	if err != nil {
		return types.Task{}, err
	}
	if s.request.Task == "" {
		return s.newest(tasks)
	}
	return s.named(tasks)
}

// running are the cluster's running tasks, the newest first.
func (s starter) running(ctx context.Context) ([]types.Task, error) {
	var tasks []types.Task
	pages := ecs.NewListTasksPaginator(s.api, &ecs.ListTasksInput{Cluster: aws.String(s.cluster()), DesiredStatus: types.DesiredStatusRunning})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the tasks of cluster %s: %w", s.cluster(), s.advise(err))
		}
		if len(page.TaskArns) == 0 {
			continue
		}
		out, err := s.api.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: aws.String(s.cluster()), Tasks: page.TaskArns})
		if err != nil {
			return nil, fmt.Errorf("describe the tasks of cluster %s: %w", s.cluster(), err)
		}
		tasks = append(tasks, out.Tasks...)
	}
	tasks = slices.DeleteFunc(tasks, func(t types.Task) bool { return aws.ToString(t.LastStatus) != "RUNNING" })
	slices.SortStableFunc(tasks, func(a, b types.Task) int { return aws.ToTime(b.StartedAt).Compare(aws.ToTime(a.StartedAt)) })
	return tasks, nil
}

// newest is the service's.
func (s starter) newest(tasks []types.Task) (types.Task, error) {
	service := s.environment.Names().Service()
	for _, task := range tasks {
		if aws.ToString(task.Group) == "service:"+service {
			return task, nil
		}
	}
	return types.Task{}, fmt.Errorf("service %s has no running task: see `dagger call status --env %s`", service, s.environment.Env)
}

// named is the one whose id begins like that.
func (s starter) named(tasks []types.Task) (types.Task, error) {
	want := s.request.Task[strings.LastIndex(s.request.Task, "/")+1:]
	var found []types.Task
	for _, task := range tasks {
		if strings.HasPrefix(id(task), want) {
			found = append(found, task)
		}
	}
	switch len(found) {
	case 0:
		return types.Task{}, fmt.Errorf("cluster %s runs no task %s; it runs %s", s.cluster(), want, list(tasks))
	case 1:
		return found[0], nil
	}
	return types.Task{}, fmt.Errorf("task %s may be one of %s: write more of its id", want, list(found))
}

// list names tasks.
func list(tasks []types.Task) string {
	var ids []string
	for _, task := range tasks {
		ids = append(ids, id(task))
	}
	if len(ids) == 0 {
		return "none"
	}
	return strings.Join(ids, ", ")
}

// ready finds the container, and says why ECS Exec can't reach it.
func (s starter) ready(task types.Task) (types.Container, error) {
	if !task.EnableExecuteCommand {
		return types.Container{}, fmt.Errorf("task %s was started without ECS Exec: %s", id(task), s.enable())
	}
	at := slices.IndexFunc(task.Containers, func(c types.Container) bool { return aws.ToString(c.Name) == s.container() })
	if at < 0 {
		return types.Container{}, fmt.Errorf("task %s has no container %q; it has %q", id(task), s.container(), containers(task))
	}
	container := task.Containers[at]
	if status := aws.ToString(container.LastStatus); status != "RUNNING" {
		return types.Container{}, fmt.Errorf("container %s of task %s is %s: a command needs one that runs", s.container(), id(task), status)
	}
	return container, s.agent(task, container)
}

// enable is how tasks get ECS Exec.
func (s starter) enable() string {
	deploy := fmt.Sprintf("deploy with `dagger call deploy --env %s`: tasks that start after that have it", s.environment.Env)
	if s.environment.App.Exec {
		return "app.exec is true, but the service doesn't have it yet or the task is older: " + deploy
	}
	return fmt.Sprintf("set app.exec: true in infra/config/environments/%s.yaml and %s", s.environment.Env, deploy)
}

// containers names a task's.
func containers(task types.Task) []string {
	var list []string
	for _, container := range task.Containers {
		list = append(list, aws.ToString(container.Name))
	}
	return list
}

// agent says why the container's agent isn't there.
func (s starter) agent(task types.Task, container types.Container) error {
	at := slices.IndexFunc(container.ManagedAgents, func(a types.ManagedAgent) bool {
		return a.Name == types.ManagedAgentNameExecuteCommandAgent
	})
	where := fmt.Sprintf("container %s of task %s", s.container(), id(task))
	if at < 0 {
		return fmt.Errorf("%s has no ExecuteCommandAgent: ECS Exec needs Fargate's platform 1.4.0 or later, the task has %s", where, aws.ToString(task.PlatformVersion))
	}
	agent := container.ManagedAgents[at]
	switch status := aws.ToString(agent.LastStatus); status {
	case "RUNNING":
		return nil
	case "PENDING":
		return fmt.Errorf("the ExecuteCommandAgent of %s is still starting: try again in some seconds", where)
	default:
		return fmt.Errorf("the ExecuteCommandAgent of %s is %s (%s): %s", where, status, orUnknown(aws.ToString(agent.Reason)), s.way())
	}
}

// orUnknown is a reason, where ECS gives one.
func orUnknown(reason string) string {
	if reason == "" {
		return "ECS gives no reason"
	}
	return reason
}

// way is what an agent needs to reach Systems Manager, and this environment may
// lack (Amazon ECS Developer Guide, "Monitor Amazon ECS containers with ECS Exec").
func (s starter) way() string {
	const role = "its task role needs ssmmessages:CreateControlChannel, CreateDataChannel, OpenControlChannel and OpenDataChannel, which app.exec: true gives it"
	network := s.environment.Network
	if network.NatGateways == 0 && !slices.Contains(network.InterfaceEndpoints, "ssmmessages") {
		return "without a NAT gateway it needs the endpoint ssmmessages: add it to network.interfaceEndpoints and deploy; and " + role
	}
	return role + "; a container whose root file system is read-only can't run it"
}

// advices are what to do about errors of ECS, by their codes or words.
func (s starter) advices() [][2]string {
	return [][2]string{
		{"ClusterNotFoundException", "the cluster isn't there: deploy with `dagger call deploy --env " + s.environment.Env + "`"},
		{"TargetNotConnectedException", "the agent has no connection: " + s.way()},
		{"execute command was not enabled", "set app.exec: true and deploy; then try again in some seconds"},
		{"AccessDenied", "the credentials need ecs:ListTasks, ecs:DescribeTasks and ecs:ExecuteCommand on the cluster and its tasks"},
	}
}

// advise adds what to do to an error.
func (s starter) advise(err error) error {
	for _, advice := range s.advices() {
		if strings.Contains(err.Error(), advice[0]) {
			return fmt.Errorf("%w: %s", err, advice[1])
		}
	}
	return err
}

// ErrCut is the error of an output without an exit code.
var ErrCut = errors.New("the session ended without the command's exit code")
