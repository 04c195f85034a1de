package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	balancing "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/prooflink/prooflink/infra/names"
)

// reader reads what ECS and the load balancer have of one service. Task
// definitions and service revisions never change, so each is read once.
type reader struct {
	ecs              *ecs.Client
	balancer         *elasticloadbalancingv2.Client
	cluster, service string

	cache       *sync.Mutex
	definitions map[string]*types.TaskDefinition
	revisions   map[string]types.ServiceRevision
	// after is since when deployments are listed, by ECS's clock; zero: ever.
	after time.Time
}

func newReader(access aws.Config, n names.Names) reader {
	return reader{
		ecs: ecs.NewFromConfig(access), balancer: elasticloadbalancingv2.NewFromConfig(access),
		cluster: n.Cluster(), service: n.Service(), cache: &sync.Mutex{},
		definitions: map[string]*types.TaskDefinition{}, revisions: map[string]types.ServiceRevision{},
	}
}

// describe returns nil where there is no service: never made, or deleted.
func (r *reader) describe(ctx context.Context) (*types.Service, error) {
	out, err := r.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &r.cluster, Services: []string{r.service}})
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("describe service %s: %w", r.service, err)
	}
	if len(out.Services) == 0 || aws.ToString(out.Services[0].Status) == "INACTIVE" {
		return nil, nil
	}
	return &out.Services[0], nil
}

// absent says whether ECS answers that cluster or service aren't there.
func absent(err error) bool {
	var cluster *types.ClusterNotFoundException
	var service *types.ServiceNotFoundException
	return errors.As(err, &cluster) || errors.As(err, &service)
}

// ongoing are the states of a deployment that has not ended (Amazon ECS
// Developer Guide, "View service history using Amazon ECS service deployments").
var ongoing = []types.ServiceDeploymentStatus{
	types.ServiceDeploymentStatusPending, types.ServiceDeploymentStatusInProgress,
	types.ServiceDeploymentStatusStopRequested, types.ServiceDeploymentStatusRollbackRequested, types.ServiceDeploymentStatusRollbackInProgress,
}

// since makes later lists of deployments begin with the first of these, given the
// newest first, or an earlier one that has not ended.
func (r *reader) since(d types.ServiceDeploymentBrief) {
	created := aws.ToTime(d.CreatedAt).Add(-time.Second)
	if r.after.IsZero() || slices.Contains(ongoing, d.Status) && created.Before(r.after) {
		r.after = created
	}
}

// deployments lists the service's deployments in some states (nil: all), the
// newest first. ECS remembers them for 90 days: a service that was not deployed
// since has none.
func (r *reader) deployments(ctx context.Context, states []types.ServiceDeploymentStatus) ([]types.ServiceDeploymentBrief, error) {
	in := &ecs.ListServiceDeploymentsInput{Cluster: &r.cluster, Service: &r.service, Status: states, MaxResults: aws.Int32(100)}
	if !r.after.IsZero() {
		in.CreatedAt = &types.CreatedAt{After: &r.after}
	}
	var all []types.ServiceDeploymentBrief
	for {
		out, err := r.ecs.ListServiceDeployments(ctx, in)
		if absent(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list the deployments of service %s: %w", r.service, err)
		}
		all = append(all, out.ServiceDeployments...)
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			break
		}
	}
	slices.SortStableFunc(all, func(a, b types.ServiceDeploymentBrief) int {
		return aws.ToTime(b.CreatedAt).Compare(aws.ToTime(a.CreatedAt))
	})
	return all, nil
}

// errNotYet is something that one of ECS's answers names and another doesn't have,
// or not yet.
var errNotYet = errors.New("it isn't there")

// deployment reads one service deployment.
func (r *reader) deployment(ctx context.Context, arn string) (types.ServiceDeployment, error) {
	out, err := r.ecs.DescribeServiceDeployments(ctx, &ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: []string{arn}})
	if err != nil {
		return types.ServiceDeployment{}, fmt.Errorf("describe service deployment %s: %w", base(arn), err)
	}
	if len(out.ServiceDeployments) == 0 {
		return types.ServiceDeployment{}, fmt.Errorf("describe service deployment %s: %w%s", base(arn), errNotYet, failure(out.Failures))
	}
	return out.ServiceDeployments[0], nil
}

// revision reads one service revision.
func (r *reader) revision(ctx context.Context, arn string) (types.ServiceRevision, error) {
	r.cache.Lock()
	defer r.cache.Unlock()
	if known, ok := r.revisions[arn]; ok {
		return known, nil
	}
	out, err := r.ecs.DescribeServiceRevisions(ctx, &ecs.DescribeServiceRevisionsInput{ServiceRevisionArns: []string{arn}})
	if err != nil {
		return types.ServiceRevision{}, fmt.Errorf("describe service revision %s: %w", base(arn), err)
	}
	if len(out.ServiceRevisions) == 0 {
		return types.ServiceRevision{}, fmt.Errorf("describe service revision %s: %w%s", base(arn), errNotYet, failure(out.Failures))
	}
	r.revisions[arn] = out.ServiceRevisions[0]
	return out.ServiceRevisions[0], nil
}

// failure is ECS's reason for having left something out.
func failure(failures []types.Failure) string {
	if len(failures) == 0 {
		return ""
	}
	return ": " + aws.ToString(failures[0].Reason)
}

// definition reads a task definition.
func (r *reader) definition(ctx context.Context, arn string) (*types.TaskDefinition, error) {
	r.cache.Lock()
	defer r.cache.Unlock()
	if known, ok := r.definitions[arn]; ok {
		return known, nil
	}
	out, err := r.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &arn})
	if err != nil {
		return nil, fmt.Errorf("describe task definition %s: %w", base(arn), err)
	}
	r.definitions[arn] = out.TaskDefinition
	return out.TaskDefinition, nil
}

// imagesOf are the digests that a service has in force.
func (r *reader) imagesOf(ctx context.Context, service *types.Service) (map[string]string, error) {
	for _, summary := range service.CurrentServiceRevisions {
		revision, err := r.revision(ctx, aws.ToString(summary.Arn))
		if err == nil && aws.ToString(revision.TaskDefinition) == aws.ToString(primary(service).TaskDefinition) {
			return revisionImages(revision), nil
		}
	}
	return r.definitionImages(ctx, aws.ToString(primary(service).TaskDefinition))
}

// revisionImages are the digests of a service revision, which ECS has looked up
// where the task definition names a tag.
func revisionImages(revision types.ServiceRevision) map[string]string {
	images := map[string]string{}
	for _, image := range revision.ContainerImages {
		images[aws.ToString(image.ContainerName)] = or(aws.ToString(image.ImageDigest), digest(aws.ToString(image.Image)))
	}
	return images
}

// definitionImages are the digests that a task definition names.
func (r *reader) definitionImages(ctx context.Context, arn string) (map[string]string, error) {
	images := map[string]string{}
	if arn == "" {
		return images, nil
	}
	definition, err := r.definition(ctx, arn)
	if err != nil {
		return nil, err
	}
	for _, container := range definition.ContainerDefinitions {
		images[aws.ToString(container.Name)] = digest(aws.ToString(container.Image))
	}
	return images, nil
}

// digest is the digest that an image is named by; empty where it has a tag.
func digest(image string) string {
	_, digest, _ := strings.Cut(image, "@")
	return digest
}

// listTasks lists the service's tasks that ought to have this status.
func (r *reader) listTasks(ctx context.Context, status types.DesiredStatus) ([]string, error) {
	var arns []string
	pages := ecs.NewListTasksPaginator(r.ecs, &ecs.ListTasksInput{Cluster: &r.cluster, ServiceName: &r.service, DesiredStatus: status})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if absent(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list the tasks of service %s: %w", r.service, err)
		}
		arns = append(arns, page.TaskArns...)
	}
	return arns, nil
}

// perCall is how many tasks ECS describes at once.
const perCall = 100

// describeTasks reads tasks; those that ECS has forgotten are left out.
func (r *reader) describeTasks(ctx context.Context, arns []string) ([]types.Task, error) {
	var tasks []types.Task
	for chunk := range slices.Chunk(arns, perCall) {
		out, err := r.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &r.cluster, Tasks: chunk})
		if err != nil {
			return tasks, fmt.Errorf("describe tasks of service %s: %w", r.service, err)
		}
		tasks = append(tasks, out.Tasks...)
	}
	return tasks, nil
}

// targets are a service's targets that are not on their way out.
func (r *reader) targets(ctx context.Context, service *types.Service) ([]balancing.TargetHealthDescription, error) {
	var all []balancing.TargetHealthDescription
	for _, balancer := range service.LoadBalancers {
		if aws.ToString(balancer.TargetGroupArn) == "" {
			continue
		}
		out, err := r.balancer.DescribeTargetHealth(ctx, &elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: balancer.TargetGroupArn})
		if err != nil {
			return nil, fmt.Errorf("describe the targets of service %s: %w", r.service, err)
		}
		all = append(all, out.TargetHealthDescriptions...)
	}
	return slices.DeleteFunc(all, func(t balancing.TargetHealthDescription) bool {
		return t.TargetHealth != nil && (t.TargetHealth.State == balancing.TargetHealthStateEnumDraining || t.TargetHealth.State == balancing.TargetHealthStateEnumUnhealthyDraining)
	}), nil
}
