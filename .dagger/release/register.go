package release

import (
	"context"
	"fmt"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/prooflink/prooflink/infra/names"
)

// Revision is one of a task or job definition.
type Revision struct {
	// ARN names it, with its number.
	ARN string
	// New says that it was registered now.
	New bool
}

// Register registers a task definition and returns the revision's ARN.
func Register(ctx context.Context, access aws.Config, input *ecs.RegisterTaskDefinitionInput) (string, error) {
	out, err := ecs.NewFromConfig(access).RegisterTaskDefinition(ctx, input)
	if err != nil {
		return "", fmt.Errorf("register task definition %s: %w", aws.ToString(input.Family), err)
	}
	return aws.ToString(out.TaskDefinition.TaskDefinitionArn), nil
}

// once registers a task definition unless the family's newest revision is the
// same: a run that was interrupted between registering and using it has left it.
func once(ctx context.Context, access aws.Config, input *ecs.RegisterTaskDefinitionInput) (Revision, error) {
	last, err := newest(ctx, ecs.NewFromConfig(access), aws.ToString(input.Family))
	if err != nil {
		return Revision{}, err
	}
	if last != nil {
		if same, _, _ := Derive(last, nil); reflect.DeepEqual(same, input) {
			return Revision{ARN: aws.ToString(last.TaskDefinition.TaskDefinitionArn)}, nil
		}
	}
	arn, err := Register(ctx, access, input)
	return Revision{ARN: arn, New: true}, err
}

// Update gives the service a task definition, which starts a deployment where it
// has another. Nothing else of the service is touched: the number of tasks is
// the autoscaling's.
func Update(ctx context.Context, access aws.Config, n names.Names, taskDefinition string) error {
	_, err := ecs.NewFromConfig(access).UpdateService(ctx, &ecs.UpdateServiceInput{
		Cluster: aws.String(n.Cluster()), Service: aws.String(n.Service()), TaskDefinition: &taskDefinition,
	})
	if err != nil {
		return fmt.Errorf("update service %s to %s: %w", n.Service(), taskDefinition, err)
	}
	return nil
}

// Migration returns the migration's task definition with an image,
// "<repository>@sha256:…": the newest revision, or a new one where that has
// another image. It is an Absent error where there is none to start from.
func Migration(ctx context.Context, access aws.Config, n names.Names, reference string) (Revision, error) {
	live, err := newest(ctx, ecs.NewFromConfig(access), n.MigrateFamily())
	if err != nil {
		return Revision{}, err
	}
	if live == nil {
		return Revision{}, &Absent{What: "task definition " + n.MigrateFamily(), Env: n.Env}
	}
	next, changed, err := Derive(live, map[string]string{names.MigrateContainer: reference})
	if err != nil || !changed {
		return Revision{ARN: aws.ToString(live.TaskDefinition.TaskDefinitionArn)}, err
	}
	arn, err := Register(ctx, access, next)
	return Revision{ARN: arn, New: true}, err
}

// Jobs returns the job definitions with an image, "<repository>@sha256:…": the
// newest revision of each, or a new one where that has another image. Those
// that aren't there are left out.
func Jobs(ctx context.Context, access aws.Config, n names.Names, reference string) ([]Revision, error) {
	client := batch.NewFromConfig(access)
	live, err := JobDefinitions(ctx, access, n)
	if err != nil {
		return nil, err
	}
	var all []Revision
	for _, job := range live {
		next, changed, err := deriveJob(job, reference)
		if err != nil {
			return all, err
		}
		revision := Revision{ARN: aws.ToString(job.JobDefinitionArn), New: changed}
		if changed {
			if revision.ARN, err = registerJob(ctx, client, next); err != nil {
				return all, err
			}
		}
		all = append(all, revision)
	}
	return all, nil
}

// registerJob registers a job definition and returns the revision's ARN.
func registerJob(ctx context.Context, client *batch.Client, input *batch.RegisterJobDefinitionInput) (string, error) {
	out, err := client.RegisterJobDefinition(ctx, input)
	if err != nil {
		return "", fmt.Errorf("register job definition %s: %w", aws.ToString(input.JobDefinitionName), err)
	}
	return aws.ToString(out.JobDefinitionArn), nil
}
