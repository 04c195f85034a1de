// Package database is PostgreSQL on RDS with its credentials, and the
// application's own secret.
package database

import (
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsrds"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
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
}

const (
	masterUser   = "postgres"
	postgresPort = 5432
	// insightsDays is the period that costs nothing.
	insightsDays = 7
)

// New makes the database in a stack.
func New(scope constructs.Construct, props Props) Database {
	secret := newCredentials(scope, props.Env)
	instance := newInstance(scope, props, secret)
	attachment := awssecretsmanager.NewCfnSecretTargetAttachment(scope, jsii.String("CredentialsAttachment"),
		&awssecretsmanager.CfnSecretTargetAttachmentProps{
			SecretId: secret.SecretArn(), TargetId: instance.Ref(), TargetType: jsii.String("AWS::RDS::DBInstance"),
		})
	made := Database{SecretArn: attachment.Ref(), AppSecretArn: newAppSecret(scope, props.Env)}
	output(scope, names.OutputDatabaseEndpoint, instance.AttrEndpointAddress())
	output(scope, names.OutputDatabaseSecretArn, made.SecretArn)
	output(scope, names.OutputAppSecretArn, made.AppSecretArn)
	return made
}

// newInstance makes the instance (004_9a2c9db51dc67ef8.txt Step 6). What is nil
// doesn't apply: IOPS cannot be set on a small gp3 volume, and the zone of a
// Multi-AZ instance is RDS's choice.
func newInstance(scope constructs.Construct, props Props, secret awssecretsmanager.Secret) awsrds.CfnDBInstance {
	db, n := props.Env.DB, props.Env.Names()
	instance := awsrds.NewCfnDBInstance(scope, jsii.String("Database"), &awsrds.CfnDBInstanceProps{
		DbInstanceIdentifier:    jsii.String(n.Database()),
		Engine:                  jsii.String("postgres"),
		EngineVersion:           jsii.String(db.Version),
		AutoMinorVersionUpgrade: jsii.Bool(true),
		DbInstanceClass:         jsii.String("db." + db.InstanceClass),
		AllocatedStorage:        jsii.String(strconv.Itoa(db.StorageGiB)),
		MaxAllocatedStorage:     unlessZero(db.MaxStorageGiB),
		StorageType:             jsii.String("gp3"),
		Iops:                    unlessZero(db.IOPS),
		StorageEncrypted:        jsii.Bool(db.Encrypted),
		MultiAz:                 jsii.Bool(db.MultiAZ),
		AvailabilityZone:        zone(props.Env),
		DbName:                  jsii.String(db.Name),
		MasterUsername:          jsii.String(masterUser),
		MasterUserPassword:      secret.SecretValueFromJson(jsii.String("password")).UnsafeUnwrap(),
		Port:                    jsii.String(strconv.Itoa(postgresPort)),
		DbSubnetGroupName:       newSubnetGroup(scope, props).Ref(),
		DbParameterGroupName:    newParameterGroup(scope, props.Env).Ref(),
		VpcSecurityGroups:       &[]any{props.SecurityGroupID},
		PubliclyAccessible:      jsii.Bool(false),
		BackupRetentionPeriod:   jsii.Number(db.BackupRetentionDays),
		PreferredBackupWindow:   jsii.String(db.BackupWindow),
		CopyTagsToSnapshot:      jsii.Bool(true),
		DeletionProtection:      jsii.Bool(db.DeletionProtection),
	})
	addInsights(instance, db)
	protect(instance, props.Env)
	return instance
}

// addInsights turns Performance Insights on for the period that costs nothing.
func addInsights(instance awsrds.CfnDBInstance, db config.DB) {
	instance.SetEnablePerformanceInsights(jsii.Bool(db.PerformanceInsights))
	if db.PerformanceInsights {
		instance.SetPerformanceInsightsRetentionPeriod(jsii.Number(insightsDays))
	}
}

// protect takes a snapshot of what CloudFormation replaces, always, and of what
// it deletes, unless the environment is there to be destroyed.
func protect(instance awsrds.CfnDBInstance, env config.Environment) {
	instance.CfnOptions().SetUpdateReplacePolicy(awscdk.CfnDeletionPolicy_SNAPSHOT)
	instance.CfnOptions().SetDeletionPolicy(awscdk.CfnDeletionPolicy_SNAPSHOT)
	if env.Removal.Policy == config.RemovalDestroy {
		instance.CfnOptions().SetDeletionPolicy(awscdk.CfnDeletionPolicy_DELETE)
	}
}

// zone puts a single instance beside the tasks.
func zone(env config.Environment) *string {
	if env.DB.MultiAZ {
		return nil
	}
	return jsii.String(env.Network.AZs[0])
}

// unlessZero leaves a property out that isn't configured.
func unlessZero(n int) *float64 {
	if n == 0 {
		return nil
	}
	return jsii.Number(n)
}

// newSubnetGroup has both zones' private subnets.
func newSubnetGroup(scope constructs.Construct, props Props) awsrds.CfnDBSubnetGroup {
	var subnets []any
	for _, id := range props.SubnetIDs {
		subnets = append(subnets, id)
	}
	return awsrds.NewCfnDBSubnetGroup(scope, jsii.String("SubnetGroup"), &awsrds.CfnDBSubnetGroupProps{
		DbSubnetGroupName:        jsii.String(props.Env.Names().DatabaseSubnetGroup()),
		DbSubnetGroupDescription: jsii.String("Subnet group for " + props.Env.Project + " database"),
		SubnetIds:                &subnets,
	})
}

// newParameterGroup says in the template what RDS for PostgreSQL 15 does by
// default: a connection without TLS is refused.
func newParameterGroup(scope constructs.Construct, env config.Environment) awsrds.CfnDBParameterGroup {
	major, _, _ := strings.Cut(env.DB.Version, ".")
	force := "1"
	if env.DB.SSLMode == config.SSLDisable {
		force = "0"
	}
	return awsrds.NewCfnDBParameterGroup(scope, jsii.String("ParameterGroup"), &awsrds.CfnDBParameterGroupProps{
		DbParameterGroupName: jsii.String(env.Names().DatabaseParameterGroup(major)),
		Description:          jsii.String("Parameters of the " + env.Project + " database"),
		Family:               jsii.String("postgres" + major),
		Parameters:           map[string]string{"rds.force_ssl": force},
	})
}

// output makes a stack's output, whose key the pipeline knows.
func output(scope constructs.Construct, key string, value *string) {
	awscdk.NewCfnOutput(scope, jsii.String(key), &awscdk.CfnOutputProps{Value: value})
}
