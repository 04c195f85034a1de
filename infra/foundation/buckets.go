package foundation

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/regioninfo"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/part"
)

// Folders of the files bucket (004_9a2c9db51dc67ef8.txt L535-541). Results are
// not under imports/, where they would expire with what was imported.
const (
	FolderEvidences    = "evidences/"
	FolderImports      = "imports/"
	FolderResults      = "imports-results/"
	FolderControlSpecs = "control-specs/"
	FolderDataflows    = "dataflows/"
)

// ArchivePrefix begins every key that Fluent Bit writes: `/year=%Y/month=…`.
const ArchivePrefix = "year="

const (
	// oldVersionDays is how long what was overwritten or deleted stays. Without
	// it an expiry deletes nothing in a versioned bucket, it only marks.
	oldVersionDays = 30
	// unfinishedDays ends uploads that were never completed.
	unfinishedDays = 7
	// emptyingLogDays is how long the log of a bucket's emptying stays, at most.
	emptyingLogDays = 7
)

// newBuckets makes the buckets of files and logs.
func newBuckets(scope constructs.Construct, env config.Environment) {
	n, suffix := env.Names(), *awscdk.Stack_Of(scope).Account()
	files := NewBucket(scope, "FilesBucket", n.FilesBucket(suffix), env, &awss3.BucketProps{
		Versioned:      jsii.Bool(env.S3.FilesVersioned),
		Cors:           uploads(env.S3.CorsOrigins),
		LifecycleRules: expireImports(env.S3.ImportExpiryDays),
	})
	if env.Optional.Orchestration {
		sendEvents(files)
	}
	part.Output(scope, names.OutputFilesBucket, files.BucketName())
	if env.Logging.ArchiveBucket {
		archive := NewBucket(scope, "LogArchiveBucket", n.LogArchiveBucket(suffix), env, archived(env.S3))
		part.Output(scope, names.OutputLogArchiveBucket, archive.BucketName())
	}
	if env.ALB.AccessLogs {
		logs := NewBucket(scope, "AccessLogBucket", n.AccessLogBucket(suffix), env, archived(env.S3))
		allowAccessLogs(logs, env.Region)
	}
}

// NewBucket fills in what every bucket has: no public access, no ACLs, S3's own
// encryption (the only one that load balancers can write with), TLS only, and an
// end that the environment decides. Other stacks make their buckets with it too.
func NewBucket(scope constructs.Construct, id, name string, env config.Environment, props *awss3.BucketProps) awss3.Bucket {
	props.BucketName = jsii.String(name)
	props.BlockPublicAccess = awss3.BlockPublicAccess_BLOCK_ALL()
	props.ObjectOwnership = awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED
	props.Encryption = awss3.BucketEncryption_S3_MANAGED
	props.EnforceSSL = jsii.Bool(true)
	props.RemovalPolicy = part.Removal(env)
	if env.Removal.EmptyOnDelete {
		props.AutoDeleteObjects = jsii.Bool(true)
	}
	bucket := awss3.NewBucket(scope, jsii.String(id), props)
	if env.Removal.EmptyOnDelete {
		endEmptyingLogs(awscdk.Stack_Of(scope))
	}
	return bucket
}

// emptying is the CDK's id of the function that empties a stack's buckets before
// they go.
const emptying = "Custom::S3AutoDeleteObjectsCustomResourceProvider"

// endEmptyingLogs gives that function a log group that ends and goes with the
// stack. Lambda makes one by itself otherwise, and it would stay for ever.
func endEmptyingLogs(stack awscdk.Stack) {
	provider := stack.Node().FindChild(jsii.String(emptying)).(constructs.Construct)
	if provider.Node().TryFindChild(jsii.String("Logs")) != nil {
		return
	}
	logs := awslogs.NewCfnLogGroup(provider, jsii.String("Logs"), &awslogs.CfnLogGroupProps{
		RetentionInDays: jsii.Number(emptyingLogDays),
	})
	logs.ApplyRemovalPolicy(awscdk.RemovalPolicy_DESTROY, nil)
	function := provider.Node().FindChild(jsii.String("Handler")).(awscdk.CfnResource)
	function.AddPropertyOverride(jsii.String("LoggingConfig.LogGroup"), logs.Ref())
}

// sendEvents tells EventBridge of every object. The construct's own switch would
// add a function that may configure every bucket of the account.
func sendEvents(bucket awss3.Bucket) {
	bucket.Node().DefaultChild().(awss3.CfnBucket).SetNotificationConfiguration(awss3.CfnBucket_NotificationConfigurationProperty{
		EventBridgeConfiguration: awss3.CfnBucket_EventBridgeConfigurationProperty{EventBridgeEnabled: jsii.Bool(true)},
	})
}

// uploads lets browsers of these origins upload and download directly.
func uploads(origins []string) *[]*awss3.CorsRule {
	return &[]*awss3.CorsRule{{
		AllowedHeaders: jsii.Strings("*"),
		AllowedMethods: &[]awss3.HttpMethods{awss3.HttpMethods_GET, awss3.HttpMethods_PUT, awss3.HttpMethods_POST, awss3.HttpMethods_DELETE},
		AllowedOrigins: jsii.Strings(origins...),
		ExposedHeaders: jsii.Strings("ETag"),
	}}
}

// expireImports deletes old imports (004_9a2c9db51dc67ef8.txt L1511-1518).
func expireImports(days int) *[]*awss3.LifecycleRule {
	rules := []*awss3.LifecycleRule{cleanUp()}
	if days > 0 {
		rules = append(rules, &awss3.LifecycleRule{
			Id:                          jsii.String("delete-old-imports"),
			Prefix:                      jsii.String(FolderImports),
			Expiration:                  awscdk.Duration_Days(jsii.Number(days)),
			NoncurrentVersionExpiration: awscdk.Duration_Days(jsii.Number(1)),
		})
	}
	return &rules
}

// archived moves logs to Glacier and deletes them later
// (000_e03a210ce428a44a.txt L663-674).
func archived(s3 config.S3) *awss3.BucketProps {
	return &awss3.BucketProps{
		Versioned: jsii.Bool(s3.LogsVersioned),
		LifecycleRules: &[]*awss3.LifecycleRule{cleanUp(), {
			Id: jsii.String("archive-then-delete"),
			Transitions: &[]*awss3.Transition{{
				StorageClass:    awss3.StorageClass_GLACIER(),
				TransitionAfter: awscdk.Duration_Days(jsii.Number(s3.GlacierDays)),
			}},
			Expiration: awscdk.Duration_Days(jsii.Number(s3.ExpireDays)),
		}},
	}
}

// cleanUp removes old versions, the markers they leave and unfinished uploads.
func cleanUp() *awss3.LifecycleRule {
	return &awss3.LifecycleRule{
		Id:                                  jsii.String("clean-up"),
		NoncurrentVersionExpiration:         awscdk.Duration_Days(jsii.Number(oldVersionDays)),
		ExpiredObjectDeleteMarker:           jsii.Bool(true),
		AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(unfinishedDays)),
	}
}

// allowAccessLogs lets the region's load balancers write this account's logs.
// They do so as an account of AWS: 582318560864 in Tokyo.
func allowAccessLogs(bucket awss3.Bucket, region string) {
	account := regioninfo.RegionInfo_Get(jsii.String(region)).Elbv2Account()
	principal := fmt.Sprintf("arn:%s:iam::%s:root", *awscdk.Aws_PARTITION(), *account)
	bucket.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("LoadBalancerAccessLogs"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewArnPrincipal(jsii.String(principal))},
		Actions:    jsii.Strings("s3:PutObject"),
		Resources:  &[]*string{bucket.ArnForObjects(jsii.String("AWSLogs/" + *awscdk.Stack_Of(bucket).Account() + "/*"))},
	}))
}
