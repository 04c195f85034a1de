package status

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/record"
	"github.com/prooflink/prooflink/infra/names"
)

// Service is the ECS service.
type Service struct {
	// Name is the service's.
	Name string `json:"name"`
	// State is ECS's, e.g. "ACTIVE".
	State string `json:"state"`
	// Desired, Running and Pending count tasks.
	Desired int32 `json:"desired"`
	Running int32 `json:"running"`
	Pending int32 `json:"pending"`
	// TaskDefinition is the ARN of what it runs.
	TaskDefinition string `json:"taskDefinition"`
	// Exec says that new tasks have ECS Exec.
	Exec bool `json:"exec"`
	// Deployments are those of the service, the newest first.
	Deployments []Deployment `json:"deployments"`
}

// Deployment is one of the service's; more than one where one is in flight.
type Deployment struct {
	// ID is ECS's, e.g. "ecs-svc/1234567890123456789".
	ID string `json:"id"`
	// State is "PRIMARY", "ACTIVE" or "INACTIVE"; Rollout is "COMPLETED",
	// "IN_PROGRESS" or "FAILED".
	State   string `json:"state"`
	Rollout string `json:"rollout"`
	// Reason is ECS's for the rollout.
	Reason string `json:"reason,omitempty"`
	// TaskDefinition is its ARN.
	TaskDefinition string `json:"taskDefinition"`
	// Desired, Running, Pending and Failed count its tasks.
	Desired int32 `json:"desired"`
	Running int32 `json:"running"`
	Pending int32 `json:"pending"`
	Failed  int32 `json:"failed"`
	// Created is when it began.
	Created time.Time `json:"created"`
}

// Task is one of the service's.
type Task struct {
	// ID is the task's.
	ID string `json:"id"`
	// TaskDefinition is its ARN.
	TaskDefinition string `json:"taskDefinition"`
	// State and Health are ECS's, e.g. "RUNNING" and "HEALTHY".
	State  string `json:"state"`
	Health string `json:"health"`
	// Zone is the availability zone's.
	Zone string `json:"zone"`
	// Started is when it began to run; zero where it doesn't yet.
	Started time.Time `json:"started,omitzero"`
	// Containers are in the order of their names.
	Containers []Container `json:"containers"`
}

// Container is a task's.
type Container struct {
	// Name is e.g. "prooflink-app".
	Name string `json:"name"`
	// Image is "app", "batch" or "fluent-bit"; empty where it is another.
	Image string `json:"image,omitempty"`
	// Digest is of the image that runs, "sha256:…".
	Digest string `json:"digest"`
	// State and Health are ECS's.
	State  string `json:"state"`
	Health string `json:"health"`
	// Commit is the one from which that image was first deployed, by the record;
	// empty where it isn't known.
	Commit string `json:"commit,omitempty"`
}

// imageOf names the image of each container.
var imageOf = map[string]string{
	names.AppContainer: images.App.Name, names.MigrateContainer: images.Batch.Name, names.RouterContainer: images.FluentBit.Name,
}

// describeService returns nil where there is no service.
func (r *reader) describeService(ctx context.Context) (*types.Service, error) {
	name := r.names.Service()
	out, err := ecs.NewFromConfig(r.access).DescribeServices(ctx, &ecs.DescribeServicesInput{
		Cluster: aws.String(r.names.Cluster()), Services: []string{name},
	})
	if code(err) == "ClusterNotFoundException" {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("describe service %s: %w", name, err)
	}
	if len(out.Services) == 0 || aws.ToString(out.Services[0].Status) == "INACTIVE" {
		return nil, nil
	}
	return &out.Services[0], nil
}

// service reads the service and its deployments.
func (r *reader) service(ctx context.Context) error {
	found, err := r.describeService(ctx)
	if err != nil || found == nil {
		return err
	}
	service := Service{
		Name: aws.ToString(found.ServiceName), State: aws.ToString(found.Status), TaskDefinition: aws.ToString(found.TaskDefinition),
		Desired: found.DesiredCount, Running: found.RunningCount, Pending: found.PendingCount, Exec: found.EnableExecuteCommand,
	}
	for _, d := range found.Deployments {
		service.Deployments = append(service.Deployments, Deployment{
			ID: aws.ToString(d.Id), State: aws.ToString(d.Status), Rollout: string(d.RolloutState), Reason: aws.ToString(d.RolloutStateReason),
			TaskDefinition: aws.ToString(d.TaskDefinition), Desired: d.DesiredCount, Running: d.RunningCount, Pending: d.PendingCount,
			Failed: d.FailedTasks, Created: latest(d.CreatedAt),
		})
	}
	slices.SortStableFunc(service.Deployments, func(a, b Deployment) int { return b.Created.Compare(a.Created) })
	r.status.Service = &service
	return nil
}

// tasks reads the service's tasks, page by page.
func (r *reader) tasks(ctx context.Context) error {
	api, cluster := ecs.NewFromConfig(r.access), r.names.Cluster()
	pages := ecs.NewListTasksPaginator(api, &ecs.ListTasksInput{Cluster: &cluster, ServiceName: aws.String(r.names.Service())})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if c := code(err); c == "ClusterNotFoundException" || c == "ServiceNotFoundException" {
			return nil
		}
		if err != nil {
			return fmt.Errorf("list the tasks of service %s: %w", r.names.Service(), err)
		}
		if len(page.TaskArns) == 0 {
			continue
		}
		out, err := api.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &cluster, Tasks: page.TaskArns})
		if err != nil {
			return fmt.Errorf("describe the tasks of service %s: %w", r.names.Service(), err)
		}
		for _, task := range out.Tasks {
			r.status.Tasks = append(r.status.Tasks, taskOf(task))
		}
	}
	slices.SortStableFunc(r.status.Tasks, func(a, b Task) int { return b.Started.Compare(a.Started) })
	return nil
}

// taskOf is a task of ECS's.
func taskOf(t types.Task) Task {
	task := Task{
		ID: last(aws.ToString(t.TaskArn)), TaskDefinition: aws.ToString(t.TaskDefinitionArn), State: aws.ToString(t.LastStatus),
		Health: string(t.HealthStatus), Zone: aws.ToString(t.AvailabilityZone), Started: latest(t.StartedAt),
	}
	for _, c := range t.Containers {
		task.Containers = append(task.Containers, Container{
			Name: aws.ToString(c.Name), Image: imageOf[aws.ToString(c.Name)], Digest: aws.ToString(c.ImageDigest),
			State: aws.ToString(c.LastStatus), Health: string(c.HealthStatus),
		})
	}
	slices.SortFunc(task.Containers, func(a, b Container) int { return strings.Compare(a.Name, b.Name) })
	return task
}

// last is what follows the last slash, e.g. the id in an ARN.
func last(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

// attribute gives each container the commit from which its image was first
// deployed.
func (s *Status) attribute(history []record.Entry) {
	commits := map[string]string{}
	for _, entry := range history { // the newest first, so the oldest stays
		for _, digest := range entry.Images {
			commits[digest] = entry.Commit
		}
	}
	for i := range s.Tasks {
		for j := range s.Tasks[i].Containers {
			container := &s.Tasks[i].Containers[j]
			container.Commit = commits[container.Digest]
		}
	}
}
