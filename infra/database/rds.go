package database

import (
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsrds"
	"github.com/aws/jsii-runtime-go"
)

// instance makes an RDS instance (004_9a2c9db51dc67ef8.txt Step 6). What is nil
// doesn't apply: IOPS cannot be set on a small gp3 volume, and the zone of a
// Multi-AZ instance is RDS's choice.
func (b builder) instance(password *string) server {
	db := b.Env.DB
	instance := awsrds.NewCfnDBInstance(b.scope, jsii.String("Database"), &awsrds.CfnDBInstanceProps{
		DbInstanceIdentifier:    jsii.String(b.names.Database()),
		Engine:                  jsii.String("postgres"),
		EngineVersion:           jsii.String(db.Version),
		AutoMinorVersionUpgrade: jsii.Bool(true),
		DbInstanceClass:         b.class(),
		AllocatedStorage:        jsii.String(strconv.Itoa(db.StorageGiB)),
		MaxAllocatedStorage:     unlessZero(db.MaxStorageGiB),
		StorageType:             jsii.String("gp3"),
		Iops:                    unlessZero(db.IOPS),
		StorageEncrypted:        jsii.Bool(db.Encrypted),
		MultiAz:                 jsii.Bool(db.MultiAZ),
		AvailabilityZone:        b.zone(),
		DbName:                  jsii.String(db.Name),
		MasterUsername:          jsii.String(masterUser),
		MasterUserPassword:      password,
		Port:                    jsii.String(strconv.Itoa(postgresPort)),
		DbSubnetGroupName:       b.subnetGroup(),
		DbParameterGroupName:    b.parameterGroup(),
		VpcSecurityGroups:       &[]any{b.SecurityGroupID},
		PubliclyAccessible:      jsii.Bool(false),
		BackupRetentionPeriod:   jsii.Number(db.BackupRetentionDays),
		PreferredBackupWindow:   jsii.String(db.BackupWindow),
		DeleteAutomatedBackups:  jsii.Bool(b.disposable()),
		CopyTagsToSnapshot:      jsii.Bool(true),
		DeletionProtection:      jsii.Bool(db.DeletionProtection),
	})
	if key := b.storageKey(); key != nil {
		instance.SetKmsKeyId(key)
	}
	b.addInsights(instance)
	b.protect(instance)
	return server{kind: "Instance", id: instance.Ref(), arn: instance.AttrDbInstanceArn(), host: instance.AttrEndpointAddress()}
}

// parameterGroup is the instance's.
func (b builder) parameterGroup() *string {
	return awsrds.NewCfnDBParameterGroup(b.scope, jsii.String("ParameterGroup"), &awsrds.CfnDBParameterGroupProps{
		DbParameterGroupName: jsii.String(b.names.DatabaseParameterGroup(b.major())),
		Description:          jsii.String("Parameters of the " + b.Env.Project + " database"),
		Family:               jsii.String("postgres" + b.major()),
		Parameters:           b.parameters(),
	}).Ref()
}

// class is the instance class as RDS writes it.
func (b builder) class() *string { return jsii.String("db." + b.Env.DB.InstanceClass) }

// zone puts a single instance beside the tasks.
func (b builder) zone() *string {
	if b.Env.DB.MultiAZ {
		return nil
	}
	return jsii.String(b.Env.Network.AZs[0])
}

// unlessZero leaves a property out that isn't configured.
func unlessZero(n int) *float64 {
	if n == 0 {
		return nil
	}
	return jsii.Number(n)
}
