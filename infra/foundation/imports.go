package foundation

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
)

// Imports is the foundation as another stack sees it.
type Imports struct {
	// AppRepository, BatchRepository and FluentBitRepository have the images.
	AppRepository, BatchRepository, FluentBitRepository awsecr.IRepository
	// Files is the application's bucket, LogArchive the log router's where the
	// environment has an archive.
	Files, LogArchive awss3.IBucket
	// AppLogs is written by the application's awslogs driver, where it has that.
	AppLogs awslogs.ILogGroup
	// ServerLogs and ClientLogs are what the application writes itself.
	ServerLogs, ClientLogs awslogs.ILogGroup
	// ErrorsLogs is what the log router writes.
	ErrorsLogs awslogs.ILogGroup
	// RouterLogs, MigrateLogs and BatchLogs are written by the awslogs driver.
	RouterLogs, MigrateLogs, BatchLogs awslogs.ILogGroup
	// CriticalTopic tells what needs somebody now, WarningTopic what needs
	// somebody soon.
	CriticalTopic, WarningTopic awssns.ITopic
	// Cluster is its name.
	Cluster string
	// AccessLogs is the name of the access logs' bucket.
	AccessLogs string
}

// Import finds the foundation by its names, in the stack of scope. That stack
// must depend on the foundation's.
func Import(scope constructs.Construct, env config.Environment) Imports {
	n, suffix := env.Names(), *awscdk.Stack_Of(scope).Account()
	inner := constructs.NewConstruct(scope, jsii.String("Foundation"))
	return Imports{
		AppRepository:       repository(inner, "AppRepository", n.AppRepository()),
		BatchRepository:     repository(inner, "BatchRepository", n.BatchRepository()),
		FluentBitRepository: repository(inner, "FluentBitRepository", n.FluentBitRepository()),
		Files:               bucket(inner, "Files", n.FilesBucket(suffix)),
		LogArchive:          bucket(inner, "LogArchive", n.LogArchiveBucket(suffix)),
		AppLogs:             logGroup(inner, "AppLogs", n.AppLogGroup()),
		ServerLogs:          logGroup(inner, "ServerLogs", n.ServerLogGroup()),
		ClientLogs:          logGroup(inner, "ClientLogs", n.ClientLogGroup()),
		ErrorsLogs:          logGroup(inner, "ErrorsLogs", n.ErrorsLogGroup()),
		RouterLogs:          logGroup(inner, "RouterLogs", n.RouterLogGroup()),
		MigrateLogs:         logGroup(inner, "MigrateLogs", n.MigrateLogGroup()),
		BatchLogs:           logGroup(inner, "BatchLogs", n.BatchLogGroup()),
		CriticalTopic:       topic(inner, "CriticalTopic", n.CriticalTopic()),
		WarningTopic:        topic(inner, "WarningTopic", n.WarningTopic()),
		Cluster:             n.Cluster(),
		AccessLogs:          n.AccessLogBucket(suffix),
	}
}

// repository finds a repository by its name.
func repository(scope constructs.Construct, id, name string) awsecr.IRepository {
	return awsecr.Repository_FromRepositoryName(scope, jsii.String(id), jsii.String(name))
}

// bucket finds a bucket by its name.
func bucket(scope constructs.Construct, id, name string) awss3.IBucket {
	return awss3.Bucket_FromBucketName(scope, jsii.String(id), jsii.String(name))
}

// logGroup finds a log group by its name; its ARN ends in ":*", as policies
// need it.
func logGroup(scope constructs.Construct, id, name string) awslogs.ILogGroup {
	return awslogs.LogGroup_FromLogGroupName(scope, jsii.String(id), jsii.String(name))
}

// topic finds a topic by its name.
func topic(scope constructs.Construct, id, name string) awssns.ITopic {
	arn := awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{Service: jsii.String("sns"), Resource: jsii.String(name)})
	return awssns.Topic_FromTopicArn(scope, jsii.String(id), arn)
}
