package sweep

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// deletable is how many task definitions one DeleteTaskDefinitions takes.
const deletable = 10

// taskDefinitions deregisters every revision and then deletes all that are
// inactive. ECS keeps a deleted one until no task runs it.
func (s sweeper) taskDefinitions(ctx context.Context) (string, error) {
	var deleted tally
	for _, family := range s.Families {
		active, err := s.revisions(ctx, family, types.TaskDefinitionStatusActive)
		if err != nil {
			deleted.add(err, "list task definitions "+family)
			continue
		}
		for _, arn := range active {
			if _, err := s.ecs.DeregisterTaskDefinition(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: &arn}); err != nil {
				deleted.add(err, "deregister "+arn)
			}
		}
		inactive, err := s.revisions(ctx, family, types.TaskDefinitionStatusInactive)
		if err != nil {
			deleted.add(err, "list task definitions "+family)
		}
		for _, part := range chunks(inactive, deletable) {
			s.deleteTaskDefinitions(ctx, part, &deleted)
		}
	}
	return deleted.report("revisions deleted")
}

// revisions lists a family's revisions in a state.
func (s sweeper) revisions(ctx context.Context, family string, status types.TaskDefinitionStatus) ([]string, error) {
	list := ecs.NewListTaskDefinitionsPaginator(s.ecs, &ecs.ListTaskDefinitionsInput{FamilyPrefix: &family, Status: status})
	return pages(list.HasMorePages, func() ([]string, error) {
		page, err := list.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		return page.TaskDefinitionArns, nil
	})
}

// deleteTaskDefinitions counts what ECS deletes and what it refuses.
func (s sweeper) deleteTaskDefinitions(ctx context.Context, arns []string, deleted *tally) {
	out, err := s.ecs.DeleteTaskDefinitions(ctx, &ecs.DeleteTaskDefinitionsInput{TaskDefinitions: arns})
	if err != nil {
		deleted.add(err, fmt.Sprintf("delete %d task definitions from %s on", len(arns), arns[0]))
		return
	}
	for _, failure := range out.Failures {
		deleted.add(errors.New(aws.ToString(failure.Reason)), "delete "+aws.ToString(failure.Arn))
	}
	deleted.done += len(arns) - len(out.Failures)
}

// jobDefinitions deregisters every active revision; Batch forgets them after 180
// days by itself.
func (s sweeper) jobDefinitions(ctx context.Context) (string, error) {
	var deregistered tally
	for _, name := range s.Jobs {
		list := batch.NewDescribeJobDefinitionsPaginator(s.batch, &batch.DescribeJobDefinitionsInput{JobDefinitionName: &name, Status: aws.String("ACTIVE")})
		arns, err := pages(list.HasMorePages, func() ([]string, error) {
			page, err := list.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			var arns []string
			for _, definition := range page.JobDefinitions {
				arns = append(arns, aws.ToString(definition.JobDefinitionArn))
			}
			return arns, nil
		})
		if err != nil {
			deregistered.add(err, "list job definitions "+name)
		}
		for _, arn := range arns {
			_, err := s.batch.DeregisterJobDefinition(ctx, &batch.DeregisterJobDefinitionInput{JobDefinition: &arn})
			deregistered.add(err, "deregister "+arn)
		}
	}
	return deregistered.report("revisions deregistered")
}
