// Package analytics is the log archive as a table (000_e03a210ce428a44a.txt §8.1).
package analytics

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsathena"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsglue"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/foundation"
)

// Props is what the stack needs to know.
type Props struct {
	// Env is the environment.
	Env config.Environment
	// Foundation has buckets, log groups, topics and repositories.
	Foundation foundation.Imports
}

const (
	// resultDays is how long a query's result stays.
	resultDays = 30
	// scanLimit ends a query that forgot to name a day: a terabyte costs dollars.
	scanLimit = 10 << 30
)

// New makes everything in a stack.
func New(scope constructs.Construct, props Props) {
	database := newDatabase(scope, props.Env)
	newTable(scope, props, database)
	workgroup := newWorkgroup(scope, props.Env)
	newQuery(scope, props.Env, database, workgroup)
}

// newDatabase is what the table is found in.
func newDatabase(scope constructs.Construct, env config.Environment) awsglue.CfnDatabase {
	return awsglue.NewCfnDatabase(scope, jsii.String("Database"), &awsglue.CfnDatabaseProps{
		CatalogId: awscdk.Stack_Of(scope).Account(),
		DatabaseInput: awsglue.CfnDatabase_DatabaseInputProperty{
			Name: jsii.String(env.Names().QueryDatabase()), Description: jsii.String("The log archive of " + env.Names().Prefix()),
		},
	})
}

// newWorkgroup decides where results go and how much a query may read; whoever
// queries cannot say otherwise.
func newWorkgroup(scope constructs.Construct, env config.Environment) awsathena.CfnWorkGroup {
	bucket := newResults(scope, env)
	return awsathena.NewCfnWorkGroup(scope, jsii.String("Workgroup"), &awsathena.CfnWorkGroupProps{
		Name: jsii.String(env.Names().Workgroup()), State: jsii.String("ENABLED"),
		Description:           jsii.String("Queries of the log archive of " + env.Names().Prefix()),
		RecursiveDeleteOption: jsii.Bool(env.Removal.Policy == config.RemovalDestroy),
		WorkGroupConfiguration: awsathena.CfnWorkGroup_WorkGroupConfigurationProperty{
			EnforceWorkGroupConfiguration:   jsii.Bool(true),
			PublishCloudWatchMetricsEnabled: jsii.Bool(true),
			BytesScannedCutoffPerQuery:      jsii.Number(scanLimit),
			ResultConfiguration: awsathena.CfnWorkGroup_ResultConfigurationProperty{
				OutputLocation:          bucket.S3UrlForObject(jsii.String("results/")),
				EncryptionConfiguration: awsathena.CfnWorkGroup_EncryptionConfigurationProperty{EncryptionOption: jsii.String("SSE_S3")},
				ExpectedBucketOwner:     awscdk.Stack_Of(scope).Account(),
			},
		},
	})
}

// newResults has the results for a while; a query can be run again.
func newResults(scope constructs.Construct, env config.Environment) awss3.Bucket {
	name := env.Names().QueryResultBucket(*awscdk.Stack_Of(scope).Account())
	return foundation.NewBucket(scope, "QueryResults", name, env, &awss3.BucketProps{
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Id: jsii.String("expire"), Expiration: awscdk.Duration_Days(jsii.Number(resultDays)),
			AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(1)),
		}},
	})
}

// newQuery saves a query to begin with. It names its day, as every query should.
func newQuery(scope constructs.Construct, env config.Environment, database awsglue.CfnDatabase, workgroup awsathena.CfnWorkGroup) {
	query := awsathena.NewCfnNamedQuery(scope, jsii.String("ErrorsOfADay"), &awsathena.CfnNamedQueryProps{
		Name:        jsii.String(env.Names().Query("archived-errors-of-a-day")),
		Description: jsii.String("Errors in the archive; days and hours are UTC"),
		Database:    database.Ref(), WorkGroup: workgroup.Ref(),
		QueryString: jsii.String(`SELECT "timestamp", logsource, message, data
FROM ` + tableName + `
WHERE year = '2026' AND month = '01' AND day = '31'
  AND level IN ('error', 'fatal')
ORDER BY "timestamp" DESC
LIMIT 100`),
	})
	query.Node().AddDependency(workgroup)
}
