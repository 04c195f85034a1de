package database_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/database"
	"github.com/prooflink/prooflink/infra/infratest"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/templates"
)

func TestMain(m *testing.M) { infratest.Main(m) }

const (
	instance = "AWS::RDS::DBInstance"
	cluster  = "AWS::RDS::DBCluster"
	secret   = "AWS::SecretsManager::Secret"
)

// synth makes an environment's database, with changes.
func synth(t *testing.T, name string, changes ...func(*config.Environment)) infratest.Template {
	t.Helper()
	template, _ := build(t, name, changes...)
	return template
}

// build is synth, with what the other stacks get.
func build(t *testing.T, name string, changes ...func(*config.Environment)) (infratest.Template, database.Database) {
	t.Helper()
	var made database.Database
	env := infratest.Env(t, name, changes...)
	return infratest.Synth(t, env, func(stack awscdk.Stack) {
		made = database.New(stack, database.Props{
			Env: env, SubnetIDs: []*string{jsii.String("subnet-0123456789abcdef0"), jsii.String("subnet-0123456789abcdef1")}, SecurityGroupID: jsii.String("sg-0123456789abcdef0"),
		})
		reader := awsiam.NewRole(stack, jsii.String("Reader"), &awsiam.RoleProps{
			AssumedBy: awsiam.NewServicePrincipal(jsii.String("ecs-tasks.amazonaws.com"), nil),
		})
		made.GrantDecrypt(reader)
	}), made
}

// aurora changes an environment to what 000_e03a210ce428a44a.txt L388-407 has.
func aurora(class string, days int) func(*config.Environment) {
	return func(env *config.Environment) {
		env.DB.Engine, env.DB.InstanceClass, env.DB.BackupRetentionDays, env.DB.Readers = config.EngineAurora, class, days, 1
	}
}

// cmk gives the database a key of its own.
func cmk(env *config.Environment) { env.DB.KMSKey = config.KeyCMK }

// byURL puts the URL into a secret.
func byURL(env *config.Environment) { env.DB.URLMode = config.URLSecret }

// properties picks properties of a resource.
func properties(r templates.Resource, keys ...string) map[string]string {
	picked := map[string]string{}
	for _, key := range keys {
		picked[key] = r.Text(key)
	}
	return picked
}

// has asserts that a resource has properties with these texts.
func has(t *testing.T, what string, r templates.Resource, want map[string]string) {
	t.Helper()
	infratest.Equal(t, what, properties(r, slices.Collect(maps.Keys(want))...), want)
}

// secretNamed finds a secret by its name.
func secretNamed(t *testing.T, template infratest.Template, name string) templates.Resource {
	t.Helper()
	for _, r := range template.Of(secret) {
		if r.Text("Name") == name {
			return r
		}
	}
	t.Fatalf("no secret %s", name)
	return templates.Resource{}
}

func TestA64ToA81TheInstanceIsTheSeeds(t *testing.T) {
	for env, differing := range map[string]map[string]string{
		"dev": {
			"DBInstanceIdentifier": "prooflink-dev-db", "DBInstanceClass": "db.t4g.micro", "AllocatedStorage": "20",
			"MaxAllocatedStorage": "<nothing>", "MultiAZ": "false", "AvailabilityZone": "ap-northeast-1a", "DBName": "prooflink_dev",
			"BackupRetentionPeriod": "0", "DeletionProtection": "false", "EnablePerformanceInsights": "false",
			"PerformanceInsightsRetentionPeriod": "<nothing>", "DeleteAutomatedBackups": "true",
		},
		"prod": {
			"DBInstanceIdentifier": "prooflink-prod-db", "DBInstanceClass": "db.t4g.medium", "AllocatedStorage": "100",
			"MaxAllocatedStorage": "500", "MultiAZ": "true", "AvailabilityZone": "<nothing>", "DBName": "prooflink_prod",
			"BackupRetentionPeriod": "7", "DeletionProtection": "true", "EnablePerformanceInsights": "true",
			"PerformanceInsightsRetentionPeriod": "7", "DeleteAutomatedBackups": "false",
		},
	} {
		template := synth(t, env)
		want := map[string]string{
			"Engine": "postgres", "EngineVersion": "15", "AutoMinorVersionUpgrade": "true", "MasterUsername": "postgres",
			"StorageType": "gp3", "Iops": "<nothing>", "StorageEncrypted": "true", "KmsKeyId": "<nothing>",
			"PubliclyAccessible": "false", "VPCSecurityGroups": "[sg-0123456789abcdef0]", "Port": "5432", "CopyTagsToSnapshot": "true",
			"PreferredBackupWindow": "17:00-18:00", "DBSubnetGroupName": "${SubnetGroup}", "DBParameterGroupName": "${ParameterGroup}",
		}
		maps.Copy(want, differing)
		has(t, env, template.One(t, instance), want)
		infratest.Equal(t, env+"'s clusters", len(template.Of(cluster)), 0)
	}
}

func TestC2TheSubnetGroupHasBothZones(t *testing.T) {
	has(t, "group", synth(t, "dev").One(t, "AWS::RDS::DBSubnetGroup"), map[string]string{
		"DBSubnetGroupName": "prooflink-dev-db-subnet-group", "SubnetIds": "[subnet-0123456789abcdef0 subnet-0123456789abcdef1]",
		"DBSubnetGroupDescription": "Subnet group for prooflink database",
	})
}

func TestC20IOPSAreSetWhereTheyAreConfigured(t *testing.T) {
	got := synth(t, "prod", func(env *config.Environment) { env.DB.StorageGiB, env.DB.IOPS = 400, 12000 }).One(t, instance)
	infratest.Equal(t, "a large volume's IOPS", got.Text("Iops"), "12000")
}

func TestC22TheStorageIsEncryptedUnlessSwitchedOff(t *testing.T) {
	off := func(env *config.Environment) { env.DB.Encrypted = false; cmk(env) }
	has(t, "rds", synth(t, "dev", off).One(t, instance), map[string]string{"StorageEncrypted": "false", "KmsKeyId": "<nothing>"})
	has(t, "aurora", synth(t, "dev", aurora("t4g.medium", 1), off).One(t, cluster),
		map[string]string{"StorageEncrypted": "false", "KmsKeyId": "<nothing>"})
}

func TestC26APlainConnectionIsRefusedByBothEngines(t *testing.T) {
	has(t, "rds", synth(t, "prod").One(t, "AWS::RDS::DBParameterGroup"), map[string]string{
		"DBParameterGroupName": "prooflink-prod-db-postgres15", "Family": "postgres15", "Parameters": "{rds.force_ssl:1}",
	})
	has(t, "aurora", synth(t, "prod", aurora("r6g.large", 30)).One(t, "AWS::RDS::DBClusterParameterGroup"), map[string]string{
		"DBClusterParameterGroupName": "prooflink-prod-db-aurora-postgres15", "Family": "aurora-postgresql15", "Parameters": "{rds.force_ssl:1}",
	})
	has(t, "local", synth(t, "local").One(t, "AWS::RDS::DBParameterGroup"), map[string]string{"Parameters": "{rds.force_ssl:0}"})
	minor := func(env *config.Environment) { env.DB.Version = "16.4" }
	has(t, "another version", synth(t, "dev", minor).One(t, "AWS::RDS::DBParameterGroup"), map[string]string{
		"DBParameterGroupName": "prooflink-dev-db-postgres16", "Family": "postgres16",
	})
}

func TestC30DevLeavesNothingAndProdASnapshot(t *testing.T) {
	for env, want := range map[string]string{"dev": "Delete", "prod": "Snapshot"} {
		for engine, r := range map[string]templates.Resource{
			"rds": synth(t, env).One(t, instance), "aurora": synth(t, env, aurora("r6g.large", 7)).One(t, cluster),
		} {
			infratest.Equal(t, env+"'s "+engine, r.DeletionPolicy+" "+r.UpdateReplacePolicy, want+" Snapshot")
			infratest.Equal(t, env+"'s automated backups of "+engine, r.Text("DeleteAutomatedBackups"), map[string]string{"dev": "true", "prod": "false"}[env])
		}
		for _, r := range synth(t, env, byURL, cmk).Resources {
			if r.Type == secret || r.Type == "AWS::KMS::Key" {
				infratest.Equal(t, env+"'s "+r.Type, r.DeletionPolicy, map[string]string{"dev": "Delete", "prod": "Retain"}[env])
			}
		}
	}
}

func TestB5C25AuroraHasItsWriterAndReadersInBothZones(t *testing.T) {
	template := synth(t, "prod", aurora("r6g.large", 30))
	has(t, "cluster", template.One(t, cluster), map[string]string{
		"DBClusterIdentifier": "prooflink-prod-db", "Engine": "aurora-postgresql", "EngineVersion": "15", "StorageEncrypted": "true",
		"KmsKeyId": "<nothing>", "DatabaseName": "prooflink_prod", "MasterUsername": "postgres", "Port": "5432",
		"VpcSecurityGroupIds": "[sg-0123456789abcdef0]", "DBSubnetGroupName": "${SubnetGroup}", "DBClusterParameterGroupName": "${ClusterParameterGroup}",
		"BackupRetentionPeriod": "30", "PreferredBackupWindow": "17:00-18:00", "CopyTagsToSnapshot": "true", "DeletionProtection": "true",
		"AllocatedStorage": "<nothing>", "Iops": "<nothing>", "StorageType": "<nothing>",
	})
	for i, zone := range []string{"ap-northeast-1a", "ap-northeast-1c"} {
		member := template.Of(instance)[i]
		has(t, zone, member, map[string]string{
			"DBInstanceIdentifier": fmt.Sprintf("prooflink-prod-db-%d", i+1), "DBClusterIdentifier": "${Cluster}",
			"Engine": "aurora-postgresql", "DBInstanceClass": "db.r6g.large", "AvailabilityZone": zone, "PubliclyAccessible": "false",
			"EnablePerformanceInsights": "true", "PerformanceInsightsRetentionPeriod": "7", "AutoMinorVersionUpgrade": "true",
			"PromotionTier": fmt.Sprint(i), "AllocatedStorage": "<nothing>", "MultiAZ": "<nothing>", "StorageEncrypted": "<nothing>",
		})
		infratest.Equal(t, zone+"'s data is the cluster's", member.DeletionPolicy+" "+member.UpdateReplacePolicy, "Delete Delete")
	}
	infratest.Equal(t, "the writer is first", template.Of(instance)[1].DependsOn, []string{"Instance1"})
	infratest.Equal(t, "writer", templates.Text(template.Outputs[names.OutputDatabaseEndpoint].Value), "${Cluster.Endpoint.Address}")
	infratest.Equal(t, "readers", templates.Text(template.Outputs[names.OutputDatabaseReaderEndpoint].Value), "${Cluster.ReadEndpoint.Address}")
}

func TestB7AuroraHasAsManyReadersAsConfigured(t *testing.T) {
	for readers, zones := range map[int]string{0: "a", 1: "ac", 3: "acac"} {
		template := synth(t, "dev", aurora("t4g.medium", 7), func(env *config.Environment) { env.DB.Readers = readers })
		got := ""
		for _, member := range template.Of(instance) {
			got += strings.TrimPrefix(member.Text("AvailabilityZone"), "ap-northeast-1")
		}
		infratest.Equal(t, fmt.Sprintf("%d readers", readers), got, zones)
		_, hasReaders := template.Outputs[names.OutputDatabaseReaderEndpoint]
		infratest.Equal(t, "their output", hasReaders, readers > 0)
	}
	if _, exists := synth(t, "prod").Outputs[names.OutputDatabaseReaderEndpoint]; exists {
		t.Error("an RDS instance has an output for readers")
	}
}

func TestA57ToA63SecretsAreGeneratedAndNamed(t *testing.T) {
	for env, prefix := range map[string]string{"dev": "prooflink-dev/", "prod": "prooflink-prod/"} {
		template := synth(t, env)
		infratest.Equal(t, env+"'s secrets", len(template.Of(secret)), 2)
		credentials := secretNamed(t, template, prefix+"rds-credentials")
		has(t, env+"'s credentials", credentials, map[string]string{
			"Description": "RDS PostgreSQL credentials for ProofLink", "KmsKeyId": "<nothing>", "SecretString": "<nothing>",
		})
		infratest.Equal(t, "the user", credentials.Text("GenerateSecretString", "SecretStringTemplate"), `{"username":"postgres"}`)
		infratest.Equal(t, "the password", credentials.Text("GenerateSecretString", "PasswordLength"), "30")
		app := secretNamed(t, template, prefix+"app-secrets")
		infratest.Equal(t, "C37: as strong as 64 random bytes", app.Text("GenerateSecretString", "GenerateStringKey")+" "+
			app.Text("GenerateSecretString", "PasswordLength"), "NEXTAUTH_SECRET 86")
	}
	literal := synth(t, "dev", func(env *config.Environment) { env.Naming.Scheme = config.SchemeLiteral }, byURL)
	for _, name := range []string{"prooflink/rds-credentials", "prooflink/app-secrets", "prooflink/database-url"} {
		secretNamed(t, literal, name)
	}
}

func TestC37NoGeneratedSymbolNeedsEscapingOrIsRefusedByRDS(t *testing.T) {
	excluded := secretNamed(t, synth(t, "dev"), "prooflink-dev/rds-credentials").Text("GenerateSecretString", "ExcludeCharacters")
	for symbol := '!'; symbol <= '~'; symbol++ {
		letter := symbol >= 'a' && symbol <= 'z' || symbol >= 'A' && symbol <= 'Z' || symbol >= '0' && symbol <= '9'
		safe := letter || strings.ContainsRune("-_.", symbol)
		if safe == strings.ContainsRune(excluded, symbol) {
			t.Errorf("%q: excluded %t, safe in a URL %t", symbol, !safe, safe)
		}
	}
}

func TestC36NoSecretRotates(t *testing.T) {
	infratest.Equal(t, "schedules", len(synth(t, "prod", byURL, cmk).Of("AWS::SecretsManager::RotationSchedule")), 0)
}

func TestA57TheCredentialsAreAttachedToTheDatabase(t *testing.T) {
	const attachment = "AWS::SecretsManager::SecretTargetAttachment"
	rds, cl := synth(t, "dev"), synth(t, "dev", aurora("t4g.medium", 7))
	has(t, "rds", rds.One(t, attachment), map[string]string{"TargetType": instance, "TargetId": "${Database}"})
	has(t, "aurora", cl.One(t, attachment), map[string]string{"TargetType": cluster, "TargetId": "${Cluster}"})
	infratest.Equal(t, "C35: readers wait for host and port", templates.Text(rds.Outputs[names.OutputDatabaseSecretArn].Value), "${CredentialsAttachment}")
	infratest.Equal(t, "A82: endpoint", templates.Text(rds.Outputs[names.OutputDatabaseEndpoint].Value), "${Database.Endpoint.Address}")
	for _, r := range []templates.Resource{rds.One(t, instance), cl.One(t, cluster)} {
		if password := r.Text("MasterUserPassword"); !strings.HasPrefix(password, "{{resolve:secretsmanager:") || !strings.Contains(password, ":SecretString:password:") {
			t.Errorf("A62: the password is %s", password)
		}
	}
}

func TestC32ContainersGetTheFivePartsOrTheURL(t *testing.T) {
	_, made := build(t, "dev")
	got := map[string]string{}
	for _, variable := range made.Secrets() {
		got[variable.Name] = strings.TrimPrefix(*variable.ValueFrom(), *made.SecretArn)
	}
	infratest.Equal(t, "compose", got, map[string]string{"DB_HOST": ":host::", "DB_PORT": ":port::", "DB_NAME": ":dbname::",
		"DB_USERNAME": ":username::", "DB_PASSWORD": ":password::"})
	infratest.Equal(t, "what is read", *made.ReadableArn(), *made.SecretArn)
	_, made = build(t, "dev", byURL)
	infratest.Equal(t, "variables in secret mode", len(made.Secrets()), 1)
	url := made.Secrets()[0]
	infratest.Equal(t, "secret", url.Name+" "+*url.ValueFrom(), "DATABASE_URL "+*made.URLSecretArn+":DATABASE_URL::")
	infratest.Equal(t, "what is read", *made.ReadableArn(), *made.URLSecretArn)
}

func TestB30TheURLIsResolvedByCloudFormation(t *testing.T) {
	for engine, change := range map[string]func(*config.Environment){
		"Database": byURL,
		"Cluster":  func(env *config.Environment) { aurora("t4g.medium", 7)(env); byURL(env) },
	} {
		url := secretNamed(t, synth(t, "dev", change), "prooflink-dev/database-url").Text("SecretString")
		start, rest, _ := strings.Cut(url, "{{resolve:secretsmanager:")
		_, rest, _ = strings.Cut(rest, "}}")
		infratest.Equal(t, engine, start+"<password>"+rest,
			`{"DATABASE_URL":"postgresql://postgres:<password>@${`+engine+`.Endpoint.Address}:5432/prooflink_dev?sslmode=verify-full"}`)
	}
	infratest.Equal(t, "compose mode's secrets", len(synth(t, "dev").Of(secret)), 2)
}

func TestB9TheOwnKeyEncryptsStorageAndSecrets(t *testing.T) {
	for engine, change := range map[string]func(*config.Environment){instance: cmk, cluster: func(env *config.Environment) { aurora("r6g.large", 7)(env); cmk(env) }} {
		template, made := build(t, "prod", change, byURL)
		key := template.One(t, "AWS::KMS::Key")
		infratest.Equal(t, "rotation", key.Text("EnableKeyRotation"), "true")
		has(t, "alias", template.One(t, "AWS::KMS::Alias"), map[string]string{"AliasName": "alias/prooflink-prod-database", "TargetKeyId": "${Key.KeyId}"})
		infratest.Equal(t, engine, template.One(t, engine).Text("KmsKeyId"), "${Key.Arn}")
		for _, r := range template.Of(secret) {
			infratest.Equal(t, r.Text("Name"), r.Text("KmsKeyId"), "${Key.Arn}")
		}
		if made.KeyArn == nil {
			t.Error("nobody learns of the key")
		}
	}
	template, made := build(t, "prod")
	infratest.Equal(t, "keys by default", len(template.Of("AWS::KMS::Key")), 0)
	infratest.Equal(t, "their ARN", made.KeyArn, (*string)(nil))
}

func TestB9TheKeyIsUsedThroughItsServicesOnly(t *testing.T) {
	statements := map[string]string{}
	for _, item := range synth(t, "prod", cmk).One(t, "AWS::KMS::Key").At("KeyPolicy", "Statement").([]any) {
		statement := templates.Resource{Properties: item.(map[string]any)}
		statements[statement.Text("Sid")] = statement.Text("Action") + " " + statement.Text("Condition")
		infratest.Equal(t, "who", statement.Text("Principal"), "{AWS:arn:${AWS::Partition}:iam::123456789012:root}")
	}
	infratest.Equal(t, "use", statements["UseThroughServices"], "[kms:Encrypt kms:Decrypt kms:ReEncrypt* kms:GenerateDataKey*] "+
		"{StringEquals:{kms:ViaService:[rds.ap-northeast-1.amazonaws.com secretsmanager.ap-northeast-1.amazonaws.com]}}")
	infratest.Equal(t, "grants", statements["GrantToTheDatabase"], "kms:CreateGrant {Bool:{kms:GrantIsForAWSResource:true} "+
		"StringEquals:{kms:ViaService:rds.ap-northeast-1.amazonaws.com}}")
	for _, action := range []string{"crypt", "GenerateDataKey", "kms:*", "kms:Create*", "CreateGrant"} {
		if strings.Contains(statements["Administer"], action) {
			t.Errorf("who administers the key may %s: %s", action, statements["Administer"])
		}
	}
	infratest.Equal(t, "statements", len(statements), 3)
}

func TestC33ReadersOfSecretsMayDecryptThem(t *testing.T) {
	policies := synth(t, "prod", cmk).Policies()
	text := ""
	for _, policy := range policies {
		text += policy
	}
	infratest.Equal(t, "own key", text, "{Statement:[{Action:kms:Decrypt Condition:{StringEquals:{kms:ViaService:secretsmanager.ap-northeast-1.amazonaws.com}} "+
		"Effect:Allow Resource:${Key.Arn} Sid:DecryptSecrets}] Version:2012-10-17}")
	infratest.Equal(t, "AWS's key", len(synth(t, "prod").Policies()), 0)
}

func TestC27InsightsAreKeptForSevenDaysOrOff(t *testing.T) {
	off := func(env *config.Environment) { env.DB.PerformanceInsights = false }
	for _, r := range synth(t, "prod", aurora("r6g.large", 7), off).Of(instance) {
		has(t, "aurora without", r, map[string]string{"EnablePerformanceInsights": "false", "PerformanceInsightsRetentionPeriod": "<nothing>"})
	}
}

func TestLocalHasOnlyWhatTheEmulatorKnows(t *testing.T) {
	known := []string{instance, "AWS::RDS::DBSubnetGroup", "AWS::RDS::DBParameterGroup", secret, "AWS::SecretsManager::SecretTargetAttachment"}
	for _, r := range synth(t, "local").Resources {
		if r.Type != "AWS::IAM::Role" && !slices.Contains(known, r.Type) { // the role is this test's
			t.Errorf("%s", r.Type)
		}
	}
}
