package security

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/foundation"
)

// oldVersionDays is how long an overwritten or deleted record can be recovered.
const oldVersionDays = 90

// newAuditBucket keeps records as long as the other logs, and those that
// somebody overwrites or deletes a while longer.
func newAuditBucket(scope constructs.Construct, id, name string, env config.Environment) awss3.Bucket {
	return foundation.NewBucket(scope, id, name, env, &awss3.BucketProps{
		Versioned: jsii.Bool(true),
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Id: jsii.String("expire"), Expiration: awscdk.Duration_Days(jsii.Number(env.S3.ExpireDays)),
			NoncurrentVersionExpiration:         awscdk.Duration_Days(jsii.Number(oldVersionDays)),
			AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(7)),
		}},
	})
}

// delivery is a service of AWS that writes into a bucket for this account.
type delivery struct {
	// service is its principal.
	service string
	// find are what it asks of the bucket first.
	find []string
	// folder is where it writes, e.g. "AWSLogs/123456789012/*".
	folder string
	// source is the condition that keeps other accounts from using it.
	source map[string]*string
}

// allow lets the service write into its folder, with no ACL but the one that
// gives everything to the bucket's owner.
func (d delivery) allow(bucket awss3.Bucket) {
	bucket.AddToResourcePolicy(d.statement("Find", bucket.BucketArn(), d.source, d.find...))
	write := map[string]*string{"s3:x-amz-acl": jsii.String("bucket-owner-full-control")}
	for key, value := range d.source {
		write[key] = value
	}
	bucket.AddToResourcePolicy(d.statement("Write", bucket.ArnForObjects(jsii.String(d.folder)), write, "s3:PutObject"))
}

// statement allows the service actions on a resource.
func (d delivery) statement(sid string, resource *string, equal map[string]*string, actions ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String(sid), Actions: jsii.Strings(actions...), Resources: &[]*string{resource},
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String(d.service), nil)},
		Conditions: &map[string]any{"StringEquals": equal},
	})
}
