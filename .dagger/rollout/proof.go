package rollout

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	balancing "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// agreeing is how long tasks and targets may take to show what a completed
// deployment says; a task that autoscaling adds takes longer to start.
var agreeing = map[Kind]time.Duration{Wrong: 90 * time.Second, Unhealthy: 3 * time.Minute}

// prove compares what runs with what is wanted. ECS's answers may lag behind each
// other, so what is lacking may still come, for a while.
func (s *settling) prove(ctx context.Context, v view, d deployment, started bool) (*Result, error) {
	result := Result{
		Deployment: d.id, TaskDefinition: d.definition, Started: started, Desired: int(v.service.DesiredCount),
		Images: maps.Clone(s.want.Images), Took: time.Since(s.Watcher.begun),
	}
	if result.Desired == 0 {
		return nil, s.problem(v, d, Idle, "the service's desired count is 0")
	}
	kind, open, err := s.lacks(ctx, v.service, d, &result)
	if err != nil {
		return nil, err
	}
	if open == "" {
		s.tells(fmt.Sprintf("proved: %s of %s with the wanted images, %s", number(result.Desired, "task"), base(d.definition), number(result.Targets, "healthy target")))
		return &result, nil
	}
	if s.proving.IsZero() {
		s.proving = time.Now()
	}
	s.wait(open)
	if time.Since(s.proving) < agreeing[kind] {
		return nil, nil
	}
	return nil, s.problem(v, d, kind, open)
}

// wait says what the proof lacks, once.
func (s *settling) wait(open string) {
	if s.open != open {
		s.tells("not yet: " + open)
	}
	s.open = open
}

// tells says a line.
func (s *settling) tells(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line(text)
}

// lacks is what a completed deployment lacks of being proved; empty: nothing.
func (s *settling) lacks(ctx context.Context, service *types.Service, d deployment, result *Result) (Kind, string, error) {
	arns, err := s.listTasks(ctx, types.DesiredStatusRunning)
	if err != nil {
		return "", "", err
	}
	tasks, err := s.describeTasks(ctx, arns)
	if err != nil {
		return "", "", err
	}
	if open := s.otherTask(running(tasks), d); open != "" {
		return Wrong, open, nil
	}
	for _, task := range tasks {
		result.Tasks = append(result.Tasks, base(aws.ToString(task.TaskArn)))
	}
	if len(tasks) != result.Desired {
		return Unhealthy, fmt.Sprintf("%d of %d tasks run", len(tasks), result.Desired), nil
	}
	if open := notRunning(tasks); open != "" {
		return Unhealthy, open, nil
	}
	targets, err := s.targets(ctx, service)
	if err != nil {
		return "", "", err
	}
	result.Targets = len(targets)
	return Unhealthy, unhealthy(targets, tasks, len(service.LoadBalancers) > 0), nil
}

// otherTask says which task is not of the deployment, or runs something else than
// it names.
func (s *settling) otherTask(tasks []types.Task, d deployment) string {
	for _, task := range tasks {
		name := "task " + short(aws.ToString(task.TaskArn))
		images := map[string]string{}
		for _, c := range task.Containers {
			images[aws.ToString(c.Name)] = aws.ToString(c.ImageDigest)
		}
		switch {
		case !includes(images, s.want.Images):
			return name + ": " + lacking(images, s.want.Images)
		case base(aws.ToString(task.TaskDefinitionArn)) != base(d.definition):
			return name + " is of " + base(aws.ToString(task.TaskDefinitionArn)) + ", not " + base(d.definition)
		}
	}
	return ""
}

// running are the tasks that run; the others have no digests yet.
func running(tasks []types.Task) []types.Task {
	return slices.DeleteFunc(slices.Clone(tasks), func(t types.Task) bool {
		return aws.ToString(t.LastStatus) != string(types.DesiredStatusRunning)
	})
}

// notRunning says which task does not run yet.
func notRunning(tasks []types.Task) string {
	for _, task := range tasks {
		if status := aws.ToString(task.LastStatus); status != string(types.DesiredStatusRunning) {
			return "task " + short(aws.ToString(task.TaskArn)) + " is " + status
		}
	}
	return ""
}

// unhealthy says which target isn't healthy, or which task has none.
func unhealthy(targets []balancing.TargetHealthDescription, tasks []types.Task, balanced bool) string {
	healthy := map[string]bool{}
	for _, t := range targets {
		if t.TargetHealth == nil || t.TargetHealth.State != balancing.TargetHealthStateEnumHealthy {
			return targetText(t)
		}
		healthy[aws.ToString(t.Target.Id)] = true
	}
	for _, task := range tasks {
		if address := address(task); balanced && address != "" && !healthy[address] {
			return "task " + short(aws.ToString(task.TaskArn)) + " at " + address + " is no target"
		}
	}
	if balanced && len(targets) < len(tasks) {
		return fmt.Sprintf("%d of %d tasks are targets", len(targets), len(tasks))
	}
	return ""
}

// targetText is a target and its health, e.g. "target 10.0.11.5:3000 is
// unhealthy: Health checks failed with these codes: [404]".
func targetText(t balancing.TargetHealthDescription) string {
	text := "target"
	if t.Target != nil {
		text = fmt.Sprintf("target %s:%d", aws.ToString(t.Target.Id), aws.ToInt32(t.Target.Port))
	}
	if t.TargetHealth == nil {
		return text + " has no health"
	}
	text += " is " + string(t.TargetHealth.State)
	if why := or(aws.ToString(t.TargetHealth.Description), string(t.TargetHealth.Reason)); why != "" {
		text += ": " + why
	}
	return text
}

// address is a task's private address; empty where ECS doesn't tell.
func address(task types.Task) string {
	for _, c := range task.Containers {
		for _, i := range c.NetworkInterfaces {
			return aws.ToString(i.PrivateIpv4Address)
		}
	}
	return ""
}
