package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// named is a resource with a fixed name, which one stack makes.
type named struct {
	role names.StackRole
	// kind is for people: "repository".
	kind, name string
	// exists asks AWS for it.
	exists func(context.Context, *look, string) (bool, error)
	// away is the command that takes it away.
	away string
}

// fixed lists what a stack's deletion may leave, and what then fails the next
// creation: data that is kept, and secrets, whose names stay taken for 7 to 30
// days (AWS Secrets Manager User Guide, "Delete a secret").
func (l *look) fixed() []named {
	n := l.names
	all := []named{
		{names.Foundation, "repository", n.AppRepository(), repositoryExists, "aws ecr delete-repository --force --repository-name "},
		{names.Foundation, "repository", n.BatchRepository(), repositoryExists, "aws ecr delete-repository --force --repository-name "},
		{names.Foundation, "repository", n.FluentBitRepository(), repositoryExists, "aws ecr delete-repository --force --repository-name "},
		{names.Foundation, "bucket", n.FilesBucket(l.account), bucketExists, "aws s3 rb --force s3://"},
		{names.Database, "secret", n.DatabaseSecret(), secretExists, forgetSecret},
		{names.Database, "secret", n.AppSecret(), secretExists, forgetSecret},
		{names.Database, "database", n.Database(), databaseExists, l.renameDatabase()},
	}
	if l.environment.Logging.ArchiveBucket {
		all = append(all, named{names.Foundation, "bucket", n.LogArchiveBucket(l.account), bucketExists, "aws s3 rb --force s3://"})
	}
	if l.environment.ALB.AccessLogs {
		all = append(all, named{names.Foundation, "bucket", n.AccessLogBucket(l.account), bucketExists, "aws s3 rb --force s3://"})
	}
	return all
}

const forgetSecret = "aws secretsmanager delete-secret --force-delete-without-recovery --secret-id "

// renameDatabase keeps the data.
func (l *look) renameDatabase() string {
	kind := "instance"
	if l.environment.DB.Engine == config.EngineAurora {
		kind = "cluster"
	}
	return fmt.Sprintf("aws rds modify-db-%[1]s --apply-immediately --new-db-%[1]s-identifier %[2]s-old --db-%[1]s-identifier ", kind, l.names.Database())
}

// leftovers looks for what stands in the way of stacks that are to be made.
func leftovers(ctx context.Context, l *look) (Findings, error) {
	var found Findings
	asked := 0
	for _, one := range l.fixed() {
		fresh, err := l.toMake(one.role)
		if err != nil {
			return found, err
		}
		if !fresh {
			continue
		}
		asked++
		exists, err := one.exists(ctx, l, one.name)
		if err != nil {
			return found, err
		}
		if exists {
			found = append(found, l.leftover(one.role, one.kind, one.name, one.away+one.name))
		}
	}
	if asked == 0 {
		return Findings{{Severity: Skipped, What: "the stacks with data are deployed"}}, nil
	}
	return found.or("nothing stands in the way of the stacks that are to be made"), nil
}

// leftover is the finding of one.
func (l *look) leftover(role names.StackRole, kind, name, away string) Finding {
	return Finding{Severity: Blocker, What: "a " + kind + " of this name is there, which " + l.names.Stack(role) + " is to make", Where: name,
		Why: "a stack that was deleted has left it; CloudFormation fails to make a second one",
		Fix: "keep what you need of it, then: " + away}
}

// exists reads an answer: what isn't there is no error.
func exists(err error, what, name string) (bool, error) {
	if Absent(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for %s %s: %w", what, name, err)
	}
	return true, nil
}

func repositoryExists(ctx context.Context, l *look, name string) (bool, error) {
	_, err := ecr.NewFromConfig(l.access).DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{name}})
	return exists(err, "repository", name)
}

func bucketExists(ctx context.Context, l *look, name string) (bool, error) {
	client := s3.NewFromConfig(l.access, func(o *s3.Options) { o.UsePathStyle = l.access.BaseEndpoint != nil })
	_, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name})
	return exists(err, "bucket", name)
}

// secretExists counts one that is scheduled for deletion: its name is taken.
func secretExists(ctx context.Context, l *look, name string) (bool, error) {
	_, err := secretsmanager.NewFromConfig(l.access).DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &name})
	return exists(err, "secret", name)
}

func databaseExists(ctx context.Context, l *look, _ string) (bool, error) {
	_, err := DatabaseStatus(ctx, l.access, l.environment)
	var absent *NoDatabase
	if errors.As(err, &absent) {
		return false, nil
	}
	return err == nil, err
}

// group is a log group.
type group struct {
	name string
	// maker is the stack that makes it, writer the one whose tasks or jobs write to it.
	maker, writer names.StackRole
}

// groups are the log groups.
func (l *look) groups() []group {
	n := l.names
	all := []group{
		{n.AppLogGroup(), names.Foundation, names.Compute}, {n.ServerLogGroup(), names.Foundation, names.Compute},
		{n.ClientLogGroup(), names.Foundation, names.Compute}, {n.ErrorsLogGroup(), names.Foundation, names.Compute},
		{n.RouterLogGroup(), names.Foundation, names.Compute}, {n.MigrateLogGroup(), names.Foundation, names.Database},
		{n.BatchLogGroup(), names.Foundation, names.Batch},
	}
	if l.environment.Network.FlowLogs {
		all = append(all, group{n.FlowLogGroup(), names.Network, names.Network})
	}
	return slices.DeleteFunc(all, func(g group) bool { return !l.concerns(g.writer) })
}

// logGroups looks for groups that must be there, because no writer makes its
// own, and for groups that must not be, because a stack is to make them.
func logGroups(ctx context.Context, l *look) (Findings, error) {
	var found Findings
	for _, group := range l.groups() {
		there, err := l.there(group.maker)
		if err != nil {
			return found, err
		}
		fresh, _ := l.toMake(group.maker)
		if !there && !fresh {
			continue
		}
		exists, err := l.groupExists(ctx, group.name)
		switch {
		case err != nil:
			return found, err
		case there && !exists:
			found = append(found, Finding{Severity: Blocker, What: "a log group of " + l.names.Stack(group.maker) + " is gone", Where: group.name,
				Why: "a task whose log has nowhere to go does not start", Fix: "aws logs create-log-group --log-group-name " + group.name})
		case fresh && exists:
			found = append(found, l.leftover(group.maker, "log group", group.name, "aws logs delete-log-group --log-group-name "+group.name))
		}
	}
	return found.or("the log groups are there, or free to be made"), nil
}

// groupExists asks for a log group, which can only be asked for by the beginning
// of its name.
func (l *look) groupExists(ctx context.Context, name string) (bool, error) {
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(cloudwatchlogs.NewFromConfig(l.access),
		&cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return false, fmt.Errorf("look for log group %s: %w", name, err)
		}
		for _, group := range page.LogGroups {
			if aws.ToString(group.LogGroupName) == name {
				return true, nil
			}
		}
	}
	return false, nil
}
