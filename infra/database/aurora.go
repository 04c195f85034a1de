package database

import (
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsrds"
	"github.com/aws/jsii-runtime-go"
)

// auroraEngine is Aurora PostgreSQL, of the cluster and of its instances.
const auroraEngine = "aurora-postgresql"

// cluster makes an Aurora cluster with a writer and readers
// (000_e03a210ce428a44a.txt L388-407). Storage grows by itself in both zones and
// beyond, so size, IOPS and Multi-AZ don't apply.
func (b builder) cluster(password *string) server {
	db := b.Env.DB
	cluster := awsrds.NewCfnDBCluster(b.scope, jsii.String("Cluster"), &awsrds.CfnDBClusterProps{
		DbClusterIdentifier:         jsii.String(b.names.Database()),
		Engine:                      jsii.String(auroraEngine),
		EngineVersion:               jsii.String(db.Version),
		StorageEncrypted:            jsii.Bool(db.Encrypted),
		DatabaseName:                jsii.String(db.Name),
		MasterUsername:              jsii.String(masterUser),
		MasterUserPassword:          password,
		Port:                        jsii.Number(postgresPort),
		DbSubnetGroupName:           b.subnetGroup(),
		DbClusterParameterGroupName: b.clusterParameterGroup(),
		VpcSecurityGroupIds:         &[]any{b.SecurityGroupID},
		BackupRetentionPeriod:       jsii.Number(db.BackupRetentionDays),
		PreferredBackupWindow:       jsii.String(db.BackupWindow),
		DeleteAutomatedBackups:      jsii.Bool(b.disposable()),
		CopyTagsToSnapshot:          jsii.Bool(true),
		DeletionProtection:          jsii.Bool(db.DeletionProtection),
	})
	if key := b.storageKey(); key != nil {
		cluster.SetKmsKeyId(key)
	}
	b.protect(cluster)
	b.members(cluster)
	made := server{kind: "Cluster", id: cluster.Ref(), arn: cluster.AttrDbClusterArn(), host: cluster.AttrEndpointAddress()}
	if db.Readers > 0 {
		made.readers = cluster.AttrReadEndpointAddress()
	}
	return made
}

// members makes the writer, beside the tasks, and the readers, the first of them
// in the other zone. A reader follows the one before it: the writer is the
// cluster's first instance, so it must be there first.
func (b builder) members(cluster awsrds.CfnDBCluster) {
	previous := b.member(cluster, 0)
	for i := range b.Env.DB.Readers {
		reader := b.member(cluster, i+1)
		reader.AddResourceDependency(previous, nil)
		previous = reader
	}
}

// member makes the i-th instance of a cluster. The data is the cluster's, so
// there is nothing of an instance to keep. A lower tier is promoted earlier.
func (b builder) member(cluster awsrds.CfnDBCluster, i int) awsrds.CfnDBInstance {
	zones := b.Env.Network.AZs
	instance := awsrds.NewCfnDBInstance(b.scope, jsii.String("Instance"+strconv.Itoa(i+1)), &awsrds.CfnDBInstanceProps{
		DbInstanceIdentifier:    jsii.String(b.names.DatabaseInstance(i + 1)),
		DbClusterIdentifier:     cluster.Ref(),
		Engine:                  jsii.String(auroraEngine),
		DbInstanceClass:         b.class(),
		AvailabilityZone:        jsii.String(zones[i%len(zones)]),
		PubliclyAccessible:      jsii.Bool(false),
		AutoMinorVersionUpgrade: jsii.Bool(true),
		PromotionTier:           jsii.Number(min(i, lastTier)),
	})
	b.addInsights(instance)
	instance.CfnOptions().SetUpdateReplacePolicy(awscdk.CfnDeletionPolicy_DELETE)
	instance.CfnOptions().SetDeletionPolicy(awscdk.CfnDeletionPolicy_DELETE)
	return instance
}

// lastTier is the last in the order of promotion.
const lastTier = 15

// clusterParameterGroup is the cluster's.
func (b builder) clusterParameterGroup() *string {
	return awsrds.NewCfnDBClusterParameterGroup(b.scope, jsii.String("ClusterParameterGroup"), &awsrds.CfnDBClusterParameterGroupProps{
		DbClusterParameterGroupName: jsii.String(b.names.DatabaseClusterParameterGroup(b.major())),
		Description:                 jsii.String("Parameters of the " + b.Env.Project + " database"),
		Family:                      jsii.String(auroraEngine + b.major()),
		Parameters:                  b.parameters(),
	}).Ref()
}
