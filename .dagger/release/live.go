package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	batchtypes "github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"github.com/prooflink/prooflink/infra/names"
)

// Absent says that there is nothing yet to release to.
type Absent struct {
	// What is missing, e.g. "service prooflink-dev-service".
	What string
	// Env is the environment.
	Env string
}

// Error says what makes it.
func (e *Absent) Error() string {
	return fmt.Sprintf("%s isn't there: deploy the environment first: dagger call deploy --env %s", e.What, e.Env)
}

// State is what an environment has registered.
type State struct {
	// Task is the service's task definition, with its tags: that of its primary
	// deployment, which is the newest, or the one that is rolled back to.
	Task *ecs.DescribeTaskDefinitionOutput
	// Images are the service's images by container.
	Images map[string]string
	// Migration is the newest active revision of the migration's task definition;
	// nil where there is none.
	Migration *ecs.DescribeTaskDefinitionOutput
	// Jobs are the newest active revisions of the job definitions, those that are
	// there: the user import first.
	Jobs []batchtypes.JobDefinition
}

// Live reads what the environment has registered. A service that isn't there is
// an Absent error.
func Live(ctx context.Context, access aws.Config, n names.Names) (State, error) {
	client := ecs.NewFromConfig(access)
	task, err := service(ctx, client, n)
	if err != nil {
		return State{}, err
	}
	state := State{Task: task, Images: map[string]string{}}
	for _, container := range task.TaskDefinition.ContainerDefinitions {
		state.Images[aws.ToString(container.Name)] = aws.ToString(container.Image)
	}
	if state.Migration, err = newest(ctx, client, n.MigrateFamily()); err != nil {
		return State{}, err
	}
	state.Jobs, err = JobDefinitions(ctx, access, n)
	return state, err
}

// service reads the task definition of the service's primary deployment.
func service(ctx context.Context, client *ecs.Client, n names.Names) (*ecs.DescribeTaskDefinitionOutput, error) {
	out, err := client.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: aws.String(n.Cluster()), Services: []string{n.Service()}})
	var cluster *ecstypes.ClusterNotFoundException
	if errors.As(err, &cluster) {
		return nil, &Absent{What: "cluster " + n.Cluster(), Env: n.Env}
	}
	if err != nil {
		return nil, fmt.Errorf("describe service %s: %w", n.Service(), err)
	}
	if len(out.Services) == 0 || aws.ToString(out.Services[0].Status) != "ACTIVE" {
		return nil, &Absent{What: "service " + n.Service(), Env: n.Env}
	}
	return describe(ctx, client, primary(out.Services[0]))
}

// primary is the task definition of the newest deployment.
func primary(service ecstypes.Service) string {
	for _, deployment := range service.Deployments {
		if aws.ToString(deployment.Status) == "PRIMARY" {
			return aws.ToString(deployment.TaskDefinition)
		}
	}
	return aws.ToString(service.TaskDefinition)
}

// describe reads a task definition with its tags.
func describe(ctx context.Context, client *ecs.Client, task string) (*ecs.DescribeTaskDefinitionOutput, error) {
	out, err := client.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{
		TaskDefinition: &task, Include: []ecstypes.TaskDefinitionField{ecstypes.TaskDefinitionFieldTags},
	})
	if err != nil {
		return nil, fmt.Errorf("describe task definition %s: %w", task, err)
	}
	if out.TaskDefinition == nil {
		return nil, fmt.Errorf("describe task definition %s: ECS answers without one", task)
	}
	return out, nil
}

// newest reads a family's newest active revision; nil where it has none, which
// ECS says with a ClientException.
func newest(ctx context.Context, client *ecs.Client, family string) (*ecs.DescribeTaskDefinitionOutput, error) {
	out, err := describe(ctx, client, family)
	var answer smithy.APIError
	if errors.As(err, &answer) && answer.ErrorCode() == "ClientException" && strings.Contains(answer.ErrorMessage(), "Unable to describe") {
		return nil, nil
	}
	return out, err
}

// JobDefinitions reads the newest active revisions of the job definitions that are
// there, the user import's first.
func JobDefinitions(ctx context.Context, access aws.Config, n names.Names) ([]batchtypes.JobDefinition, error) {
	client := batch.NewFromConfig(access)
	var found []batchtypes.JobDefinition
	for _, name := range []string{n.UserImportJob(), n.TestCaseImportJob()} {
		job, err := newestJob(ctx, client, name)
		if err != nil {
			return nil, err
		}
		if job != nil {
			found = append(found, *job)
		}
	}
	return found, nil
}

// newestJob reads a job definition's newest active revision; nil where there is
// none.
func newestJob(ctx context.Context, client *batch.Client, name string) (*batchtypes.JobDefinition, error) {
	revisions, err := JobRevisions(ctx, client, name)
	if err != nil || len(revisions) == 0 {
		return nil, err
	}
	return &revisions[0], nil
}

// JobRevisions reads a job definition's active revisions, the newest first; none
// where there is no such definition. Batch lists them in no order that it documents.
func JobRevisions(ctx context.Context, client *batch.Client, name string) ([]batchtypes.JobDefinition, error) {
	pages := batch.NewDescribeJobDefinitionsPaginator(client,
		&batch.DescribeJobDefinitionsInput{JobDefinitionName: &name, Status: aws.String("ACTIVE")})
	var revisions []batchtypes.JobDefinition
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe job definition %s: %w", name, err)
		}
		revisions = append(revisions, page.JobDefinitions...)
	}
	slices.SortFunc(revisions, func(a, b batchtypes.JobDefinition) int {
		return cmp.Compare(aws.ToInt32(b.Revision), aws.ToInt32(a.Revision))
	})
	return revisions, nil
}
