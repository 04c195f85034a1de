package batch_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/batch"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/database"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/infratest"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/network"
	"github.com/prooflink/prooflink/infra/templates"
)

const (
	jobDefinition = "AWS::Batch::JobDefinition"
	environment   = "AWS::Batch::ComputeEnvironment"
	jobQueue      = "AWS::Batch::JobQueue"
	role          = "AWS::IAM::Role"

	credentials = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:prooflink-dev/rds-credentials-AbCdEf"
	urlSecret   = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:prooflink-dev/database-url-AbCdEf"
	key         = "arn:aws:kms:ap-northeast-1:123456789012:key/11111111-2222-3333-4444-555555555555"
)

func TestMain(m *testing.M) { infratest.Main(m) }

// synth makes the jobs alone, with changed properties.
func synth(t *testing.T, env config.Environment, changes ...func(*batch.Props)) infratest.Template {
	t.Helper()
	return infratest.Synth(t, env, func(stack awscdk.Stack) {
		props := batch.Props{
			Env: env, Foundation: foundation.Import(stack, env), Digest: infratest.Digest("a"),
			Network: network.Network{
				TaskSubnets: *jsii.Strings("subnet-3"),
				Groups:      network.Groups{Tasks: jsii.String("sg-tasks"), Batch: jsii.String("sg-batch")},
			},
			Database: database.Database{SecretArn: jsii.String(credentials)},
		}
		for _, change := range changes {
			change(&props)
		}
		batch.New(stack, props)
	})
}

// dev is dev with changes.
func dev(t *testing.T, changes ...func(*config.Environment)) config.Environment {
	t.Helper()
	return infratest.Env(t, "dev", changes...)
}

// jobs are the job definitions by their names.
func jobs(s infratest.Template) map[string]templates.Resource {
	found := map[string]templates.Resource{}
	for _, job := range s.Of(jobDefinition) {
		found[job.Text("JobDefinitionName")] = job
	}
	return found
}

// container is what a job runs.
func container(job templates.Resource) templates.Resource {
	properties, _ := job.At("ContainerProperties").(map[string]any)
	return templates.Resource{Properties: properties}
}

// statements are a role's, by their Sid or, without one, their action: what it
// may do and on what.
func statements(s infratest.Template, id string) map[string]string {
	found := map[string]string{}
	for _, p := range s.Of("AWS::IAM::Policy") {
		if !strings.HasPrefix(p.Text("Roles", 0), "${"+id) {
			continue
		}
		list, _ := p.At("PolicyDocument", "Statement").([]any)
		for _, item := range list {
			one := templates.Resource{Properties: item.(map[string]any)}
			name := one.Text("Sid")
			if name == templates.Nothing {
				name = one.Text("Action")
			}
			found[name] = one.Text("Action") + " on " + one.Text("Resource")
		}
	}
	return found
}

func TestA16TheJobsAreTheSeeds(t *testing.T) {
	cases := map[string]struct{ command, size, stream string }{
		"prooflink-dev-user-import":       {"[node dist/user-import.js]", "0.25 vCPU 512 MiB 3600 s", "user-import"},
		"prooflink-dev-test-case-import":  {"[node dist/test-case-import.js]", "0.5 vCPU 1024 MiB 3600 s", "test-case-import"},
		"prooflink-prod-user-import":      {"[node dist/user-import.js]", "0.5 vCPU 1024 MiB 7200 s", "user-import"},
		"prooflink-prod-test-case-import": {"[node dist/test-case-import.js]", "1 vCPU 2048 MiB 7200 s", "test-case-import"},
	}
	for _, env := range []string{"dev", "prod"} {
		found := jobs(synth(t, infratest.Env(t, env)))
		infratest.Equal(t, env+"'s jobs", len(found), 2)
		for name, job := range found {
			want, c := cases[name], container(job)
			infratest.Equal(t, name+"'s command", c.Text("Command"), want.command)
			sizes := infratest.Pairs(c, "ResourceRequirements", "Type", "Value")
			infratest.Equal(t, name+"'s size", sizes["VCPU"]+" vCPU "+sizes["MEMORY"]+" MiB "+job.Text("Timeout", "AttemptDurationSeconds")+" s", want.size)
			infratest.Equal(t, name+"'s log", c.Text("LogConfiguration"), "{LogDriver:awslogs Options:{awslogs-group:/aws/batch/prooflink-"+env+
				" awslogs-region:ap-northeast-1 awslogs-stream-prefix:"+want.stream+"}}")
		}
	}
}

func TestA16TheTestCaseImportsOtherSettingsAreTheUserImports(t *testing.T) {
	found := jobs(synth(t, dev(t)))
	one, other := found["prooflink-dev-user-import"], found["prooflink-dev-test-case-import"]
	for _, property := range []string{"Type", "PlatformCapabilities", "PropagateTags", "RetryStrategy", "ResourceRetentionPolicy"} {
		infratest.Equal(t, property, other.Text(property), one.Text(property))
	}
	for _, property := range []string{"Image", "Environment", "Secrets", "ExecutionRoleArn", "JobRoleArn", "NetworkConfiguration",
		"FargatePlatformConfiguration", "RuntimePlatform"} {
		infratest.Equal(t, property, container(other).Text(property), container(one).Text(property))
	}
	infratest.Equal(t, "C79: address", container(other).Text("NetworkConfiguration"), "{AssignPublicIp:DISABLED}")
	infratest.Equal(t, "platform", container(other).Text("FargatePlatformConfiguration")+container(other).Text("RuntimePlatform"),
		"{PlatformVersion:LATEST}{CpuArchitecture:X86_64 OperatingSystemFamily:LINUX}")
}

func TestThePipelineFindsQueueAndJobs(t *testing.T) {
	var made batch.Jobs
	s := infratest.Synth(t, dev(t), func(stack awscdk.Stack) {
		made = batch.New(stack, batch.Props{
			Env: dev(t), Foundation: foundation.Import(stack, dev(t)), Digest: infratest.Digest("a"),
			Network:  network.Network{TaskSubnets: *jsii.Strings("subnet-3"), Groups: network.Groups{Batch: jsii.String("sg-batch")}},
			Database: database.Database{SecretArn: jsii.String(credentials)},
		})
		for key, arn := range map[string]*string{"queue": made.QueueArn, "user import": made.UserImportArn, "test-case import": made.TestCaseImportArn} {
			output(stack, key, arn)
		}
	})
	for key, want := range map[string]string{
		names.OutputJobQueueArn: "${JobQueue}", names.OutputUserImportJobArn: "${UserImport}", names.OutputTestCaseImportJobArn: "${TestCaseImport}",
		"queue": "${JobQueue}", "userimport": "${UserImport}", "testcaseimport": "${TestCaseImport}",
	} {
		infratest.Equal(t, key, templates.Text(s.Outputs[key].Value), want)
	}
}

// output shows in the template what New returned.
func output(stack awscdk.Stack, key string, value *string) {
	awscdk.NewCfnOutput(stack, jsii.String(key), &awscdk.CfnOutputProps{Value: value})
}

func TestC85OnlySpotsInterruptionsAreRetried(t *testing.T) {
	const retried = "{Attempts:3 EvaluateOnExit:[{Action:RETRY OnStatusReason:Your Spot Task was interrupted*} {Action:EXIT OnReason:*}]}"
	for spot, want := range map[string]string{config.SpotFirst: retried, config.SpotSecond: retried, config.SpotOff: "{Attempts:1}"} {
		for name, job := range jobs(synth(t, dev(t, func(e *config.Environment) { e.Batch.Spot = spot }))) {
			infratest.Equal(t, spot+": "+name, job.Text("RetryStrategy"), want)
		}
	}
}

func TestC76TheQueueTriesSpotWhereItIsConfigured(t *testing.T) {
	for spot, want := range map[string]string{
		config.SpotOff:    "[{ComputeEnvironment:${Fargate} Order:1}]",
		config.SpotFirst:  "[{ComputeEnvironment:${FargateSpot} Order:1} {ComputeEnvironment:${Fargate} Order:2}]",
		config.SpotSecond: "[{ComputeEnvironment:${Fargate} Order:1} {ComputeEnvironment:${FargateSpot} Order:2}]",
	} {
		s := synth(t, dev(t, func(e *config.Environment) { e.Batch.Spot = spot }))
		infratest.Equal(t, spot, s.One(t, jobQueue).Text("ComputeEnvironmentOrder"), want)
		infratest.Equal(t, spot+"'s priority", s.One(t, jobQueue).Text("Priority"), "1")
	}
}

func TestA16TheComputeEnvironmentsAreTheSeeds(t *testing.T) {
	for env, vcpus := range map[string]string{"dev": "2", "prod": "4"} {
		var got []string
		for _, e := range synth(t, infratest.Env(t, env)).Of(environment) {
			got = append(got, e.Text("ComputeEnvironmentName")+" "+e.Text("ComputeResources"))
		}
		infratest.Equal(t, env, got, []string{
			"prooflink-" + env + "-compute-env {MaxvCpus:" + vcpus + " SecurityGroupIds:[sg-batch] Subnets:[subnet-3] Type:FARGATE}",
			"prooflink-" + env + "-compute-env-spot {MaxvCpus:" + vcpus + " SecurityGroupIds:[sg-batch] Subnets:[subnet-3] Type:FARGATE_SPOT}",
		})
	}
}

func TestB39AndC77TheServiceRoleIsAWSsUnlessAnOwnIsWanted(t *testing.T) {
	for _, e := range synth(t, dev(t)).Of(environment) {
		infratest.Equal(t, "the service-linked role", e.Text("ServiceRole"), "<nothing>")
	}
	s := synth(t, dev(t, func(e *config.Environment) { e.Batch.ServiceRole = config.RoleCustom }))
	infratest.Equal(t, "environments", len(s.Of(environment)), 2)
	for _, e := range s.Of(environment) {
		if own := e.Text("ServiceRole"); !strings.HasPrefix(own, "${ServiceRole") || !strings.HasSuffix(own, ".Arn}") {
			t.Errorf("%s has the role %s", e.Text("ComputeEnvironmentName"), own)
		}
	}
	for _, r := range s.Of(role) {
		if r.Text("RoleName") != "prooflink-dev-batch-service-role" {
			continue
		}
		infratest.Equal(t, "its policy", r.Text("ManagedPolicyArns"), "[arn:${AWS::Partition}:iam::aws:policy/service-role/AWSBatchServiceRole]")
		infratest.Equal(t, "who takes it", r.Text("AssumeRolePolicyDocument", "Statement", 0, "Principal"), "{Service:batch.amazonaws.com}")
		return
	}
	t.Error("no role prooflink-dev-batch-service-role")
}

func TestC69AJobReadsImportsAndWritesResults(t *testing.T) {
	bucket := "arn:${AWS::Partition}:s3:::prooflink-dev-files-123456789012"
	infratest.Equal(t, "job role", statements(synth(t, dev(t)), "JobRole"), map[string]string{
		"ReadImports":  "s3:GetObject on " + bucket + "/imports/*",
		"WriteResults": "s3:PutObject on " + bucket + "/imports-results/*",
		"ListImports":  "s3:ListBucket on " + bucket,
	})
}

func TestC33TheExecutionRoleStartsTheJobsAndNoMore(t *testing.T) {
	logs := "arn:${AWS::Partition}:logs:ap-northeast-1:123456789012:log-group:/aws/batch/prooflink-dev:*"
	repository := "arn:${AWS::Partition}:ecr:ap-northeast-1:123456789012:repository/prooflink-dev-batch"
	pull := "[ecr:BatchCheckLayerAvailability ecr:GetDownloadUrlForLayer ecr:BatchGetImage]"
	read := "[secretsmanager:GetSecretValue secretsmanager:DescribeSecret]"
	want := map[string]string{
		pull:                        pull + " on " + repository,
		"ecr:GetAuthorizationToken": "ecr:GetAuthorizationToken on *",
		"[logs:CreateLogStream logs:PutLogEvents]": "[logs:CreateLogStream logs:PutLogEvents] on " + logs,
		read: read + " on " + credentials,
	}
	infratest.Equal(t, "with AWS's key", statements(synth(t, dev(t)), "ExecutionRole"), want)
	want["DecryptSecrets"] = "kms:Decrypt on " + key
	infratest.Equal(t, "with an own key", statements(synth(t, dev(t), func(p *batch.Props) { p.Database.KeyArn = jsii.String(key) }), "ExecutionRole"), want)
}

func TestB30AJobReachesTheDatabaseByPartsOrByURL(t *testing.T) {
	for name, job := range jobs(synth(t, dev(t))) {
		infratest.Equal(t, name, infratest.Pairs(container(job), "Secrets", "Name", "ValueFrom"), map[string]string{
			"DB_HOST": credentials + ":host::", "DB_PORT": credentials + ":port::", "DB_NAME": credentials + ":dbname::",
			"DB_USERNAME": credentials + ":username::", "DB_PASSWORD": credentials + ":password::"})
	}
	s := synth(t, dev(t), func(p *batch.Props) { p.Database.URLSecretArn = jsii.String(urlSecret) })
	for name, job := range jobs(s) {
		infratest.Equal(t, name, infratest.Pairs(container(job), "Secrets", "Name", "ValueFrom"), map[string]string{"DATABASE_URL": urlSecret + ":DATABASE_URL::"})
	}
	read := "[secretsmanager:GetSecretValue secretsmanager:DescribeSecret]"
	infratest.Equal(t, "the secret that is read", statements(s, "ExecutionRole")[read], read+" on "+urlSecret)
}

func TestB31LiteralNamesAreTheSeeds(t *testing.T) {
	s := synth(t, dev(t, func(e *config.Environment) {
		e.Naming.Scheme, e.Batch.ServiceRole = config.SchemeLiteral, config.RoleCustom
	}))
	got := map[string]bool{}
	for _, r := range s.Of(role) {
		got[r.Text("RoleName")] = true
	}
	infratest.Equal(t, "roles", got, map[string]bool{
		"prooflink-batch-service-role": true, "prooflink-batch-execution-role": true, "prooflink-batch-job-role": true})
	infratest.Equal(t, "queue", s.One(t, jobQueue).Text("JobQueueName"), "prooflink-dev-job-queue")
}
