// Package database is PostgreSQL, as an RDS instance or an Aurora cluster, with
// its credentials, and the application's own secret.
package database

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsrds"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/part"
)

// Props is what the database needs to know.
type Props struct {
	// Env is the environment.
	Env config.Environment
	// SubnetIDs are private and in two zones: RDS refuses a group with one.
	SubnetIDs []*string
	// SecurityGroupID lets tasks and jobs in.
	SecurityGroupID *string
}

// Database is what other stacks use of it.
type Database struct {
	// SecretArn is the complete ARN of the credentials, once they have host and port.
	SecretArn *string
	// AppSecretArn is the complete ARN of the application's secret.
	AppSecretArn *string
	// URLSecretArn is the complete ARN of the secret that has the database's URL;
	// nil where the programs compose the URL.
	URLSecretArn *string
	// KeyArn is the key that encrypts storage and secrets; nil where it is AWS's.
	KeyArn *string
}

const (
	masterUser   = "postgres"
	postgresPort = 5432
	// insightsDays is the period that costs nothing.
	insightsDays = 7
)

// builder is what the parts of this package build on.
type builder struct {
	Props
	scope  constructs.Construct
	names  names.Names
	keyArn *string
}

// server is an instance or a cluster, as the rest of the package sees it.
type server struct {
	// kind is "Instance" or "Cluster", which is how AWS names what can be done with it.
	kind string
	// id names it in a template, arn in a policy.
	id, arn *string
	// host is where to write, readers where only to read; nil without readers.
	host, readers *string
}

// New makes the database in a stack.
func New(scope constructs.Construct, props Props) Database {
	b := builder{Props: props, scope: scope, names: props.Env.Names()}
	b.keyArn = b.key()
	credentials := b.credentials()
	server := b.server(credentials)
	b.schedule(server)
	made := Database{
		SecretArn: b.attach(credentials, server), AppSecretArn: b.appSecret(),
		URLSecretArn: b.urlSecret(credentials, server), KeyArn: b.keyArn,
	}
	b.output(names.OutputDatabaseEndpoint, server.host)
	b.output(names.OutputDatabaseReaderEndpoint, server.readers)
	b.output(names.OutputDatabaseSecretArn, made.SecretArn)
	b.output(names.OutputAppSecretArn, made.AppSecretArn)
	return made
}

// server makes what the engine is.
func (b builder) server(credentials awssecretsmanager.Secret) server {
	password := credentials.SecretValueFromJson(jsii.String(passwordKey)).UnsafeUnwrap()
	if b.Env.DB.Engine == config.EngineAurora {
		return b.cluster(password)
	}
	return b.instance(password)
}

// attach writes host, port and database into the credentials. What reads them
// refers to the attachment, so that it waits for these.
func (b builder) attach(credentials awssecretsmanager.Secret, server server) *string {
	return awssecretsmanager.NewCfnSecretTargetAttachment(b.scope, jsii.String("CredentialsAttachment"),
		&awssecretsmanager.CfnSecretTargetAttachmentProps{
			SecretId: credentials.SecretArn(), TargetId: server.id, TargetType: jsii.String("AWS::RDS::DB" + server.kind),
		}).Ref()
}

// subnetGroup has both zones' private subnets.
func (b builder) subnetGroup() *string {
	var subnets []any
	for _, id := range b.SubnetIDs {
		subnets = append(subnets, id)
	}
	return awsrds.NewCfnDBSubnetGroup(b.scope, jsii.String("SubnetGroup"), &awsrds.CfnDBSubnetGroupProps{
		DbSubnetGroupName:        jsii.String(b.names.DatabaseSubnetGroup()),
		DbSubnetGroupDescription: jsii.String("Subnet group for " + b.Env.Project + " database"),
		SubnetIds:                &subnets,
	}).Ref()
}

// major is PostgreSQL's major version, which a group of parameters belongs to.
func (b builder) major() string {
	major, _, _ := strings.Cut(b.Env.DB.Version, ".")
	return major
}

// parameters refuse a connection without TLS. RDS for PostgreSQL 15 does so by
// default, Aurora doesn't; here the template says it for both.
func (b builder) parameters() map[string]string {
	if b.Env.DB.SSLMode == config.SSLDisable {
		return map[string]string{"rds.force_ssl": "0"}
	}
	return map[string]string{"rds.force_ssl": "1"}
}

// addInsights turns Performance Insights on for the period that costs nothing.
func (b builder) addInsights(instance awsrds.CfnDBInstance) {
	instance.SetEnablePerformanceInsights(jsii.Bool(b.Env.DB.PerformanceInsights))
	if b.Env.DB.PerformanceInsights {
		instance.SetPerformanceInsightsRetentionPeriod(jsii.Number(insightsDays))
	}
}

// disposable says whether the environment is there to be destroyed.
func (b builder) disposable() bool { return b.Env.Removal.Policy == config.RemovalDestroy }

// protect takes a snapshot of what CloudFormation replaces, always, and of what
// it deletes, unless the environment is there to be destroyed.
func (b builder) protect(resource awscdk.CfnResource) {
	resource.CfnOptions().SetUpdateReplacePolicy(awscdk.CfnDeletionPolicy_SNAPSHOT)
	resource.CfnOptions().SetDeletionPolicy(awscdk.CfnDeletionPolicy_SNAPSHOT)
	if b.disposable() {
		resource.CfnOptions().SetDeletionPolicy(awscdk.CfnDeletionPolicy_DELETE)
	}
}

// output makes a stack's output, whose key the pipeline knows, unless there is
// nothing to tell.
func (b builder) output(key string, value *string) {
	if value != nil {
		part.Output(b.scope, key, value)
	}
}
