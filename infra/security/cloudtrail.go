package security

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudtrail"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
)

// newTrail records who called which API (000_e03a210ce428a44a.txt L1179), in
// every region: whoever breaks in does not stay in ours. Its files are signed.
func newTrail(scope constructs.Construct, env config.Environment) {
	stack, name := awscdk.Stack_Of(scope), env.Names().Trail()
	bucket := newAuditBucket(scope, "TrailBucket", env.Names().TrailBucket(*stack.Account()), env)
	delivery{
		service: "cloudtrail.amazonaws.com", find: []string{"s3:GetBucketAcl"}, folder: "AWSLogs/" + *stack.Account() + "/*",
		source: map[string]*string{"aws:SourceArn": stack.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("cloudtrail"), Resource: jsii.String("trail"), ResourceName: jsii.String(name),
		})},
	}.allow(bucket)
	trail := awscloudtrail.NewCfnTrail(scope, jsii.String("Trail"), &awscloudtrail.CfnTrailProps{
		TrailName: jsii.String(name), S3BucketName: bucket.BucketName(), IsLogging: jsii.Bool(true),
		IsMultiRegionTrail: jsii.Bool(true), IncludeGlobalServiceEvents: jsii.Bool(true),
		EnableLogFileValidation: jsii.Bool(true),
	})
	// CloudTrail looks whether it may write before it makes the trail.
	trail.Node().AddDependency(bucket.Policy())
}
