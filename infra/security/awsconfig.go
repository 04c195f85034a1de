package security

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsconfig"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/policy"
)

// findBucket is what Config asks of a bucket before it writes.
var findBucket = []string{"s3:GetBucketAcl", "s3:ListBucket"}

// newRecorder records every resource's configuration
// (000_e03a210ce428a44a.txt §3.2). IAM's and other global types are recorded
// with it, so the account should have it in one region only.
//
// Recorder and channel name no dependency on each other: CloudFormation makes
// the recorder, then the channel, and starts the recorder when both exist.
func newRecorder(scope constructs.Construct, env config.Environment) {
	account := awscdk.Stack_Of(scope).Account()
	bucket := newAuditBucket(scope, "ConfigBucket", env.Names().ConfigBucket(*account), env)
	delivery{
		service: "config.amazonaws.com", find: findBucket, folder: configFolder(account),
		source: map[string]*string{"AWS:SourceAccount": account},
	}.allow(bucket)
	role := newConfigRole(scope, env, bucket)
	awsconfig.NewCfnConfigurationRecorder(scope, jsii.String("Recorder"), &awsconfig.CfnConfigurationRecorderProps{
		RoleArn: role.RoleArn(),
		RecordingGroup: awsconfig.CfnConfigurationRecorder_RecordingGroupProperty{
			AllSupported: jsii.Bool(true), IncludeGlobalResourceTypes: jsii.Bool(true),
		},
	})
	channel := awsconfig.NewCfnDeliveryChannel(scope, jsii.String("DeliveryChannel"), &awsconfig.CfnDeliveryChannelProps{
		S3BucketName: bucket.BucketName(),
		ConfigSnapshotDeliveryProperties: awsconfig.CfnDeliveryChannel_ConfigSnapshotDeliveryPropertiesProperty{
			DeliveryFrequency: jsii.String("TwentyFour_Hours"),
		},
	})
	// Config tries to write when the channel is made.
	channel.Node().AddDependency(bucket.Policy(), role)
}

// configFolder is where Config writes.
func configFolder(account *string) string { return "AWSLogs/" + *account + "/Config/*" }

// newConfigRole may read every resource's configuration, which AWS's own policy
// for it lists, and write into the bucket.
func newConfigRole(scope constructs.Construct, env config.Environment, bucket awss3.Bucket) awsiam.Role {
	account := awscdk.Stack_Of(scope).Account()
	role := awsiam.NewRole(scope, jsii.String("ConfigRole"), &awsiam.RoleProps{
		RoleName:    jsii.String(env.Names().ConfigRole()),
		Description: jsii.String("What AWS Config records with"),
		AssumedBy:   policy.Service(scope, "config.amazonaws.com"),
		ManagedPolicies: &[]awsiam.IManagedPolicy{
			awsiam.ManagedPolicy_FromAwsManagedPolicyName(jsii.String("service-role/AWS_ConfigRole")),
		},
	})
	policy.Grant(role,
		policy.Permission{Sid: "Find", Actions: findBucket, Resources: []string{*bucket.BucketArn()}},
		policy.Permission{Sid: "Write", Actions: []string{"s3:PutObject"},
			Resources: []string{*bucket.ArnForObjects(jsii.String(configFolder(account)))}},
	)
	return role
}
