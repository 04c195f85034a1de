package delivery

import (
	"slices"

	"github.com/aws/constructs-go/constructs/v10"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/policy"
)

// reading shows how an environment is. Neither this nor checking changes
// anything, or reads a secret's value, a log or a file. An action on everything
// is one that AWS cannot limit (Service Authorization Reference), or, of AWS
// Config, CloudWatch and Service Quotas, that lists or reads what is no one's.
func reading(scope constructs.Construct, props Props) []policy.Permission {
	a, env, n := policy.NewARNs(scope), props.Env, props.Env.Names()
	return slices.Concat(
		readImages(props.Foundation), readStacks(a, n), readService(a, n), readDefinitions(), readState(a, n), readDatabase(a, env),
	)
}

// checking shows whether a deploy can succeed.
func checking(scope constructs.Construct, props Props) []policy.Permission {
	a, env := policy.NewARNs(scope), props.Env
	return slices.Concat(readBootstrap(a), readRoles(a, env), readSecrets(a, env), readDomain(a, env), readAccount())
}

// readImages finds images, and pulls them.
func readImages(base foundation.Imports) []policy.Permission {
	return []policy.Permission{
		{Sid: "RegistryLogin", Actions: []string{"ecr:GetAuthorizationToken"}, Resources: policy.Everything},
		{Sid: "ReadImages", Actions: []string{
			"ecr:BatchGetImage", "ecr:DescribeImages", "ecr:DescribeRepositories", "ecr:GetDownloadUrlForLayer", "ecr:ListImages",
		}, Resources: repositoryARNs(base)},
	}
}

// toolkit is the stack of `cdk bootstrap`.
const toolkit = "CDKToolkit"

// readStacks compares what is deployed and follows what is being deployed, a
// stack included that the configuration no longer has.
func readStacks(a policy.ARNs, n names.Names) []policy.Permission {
	var all []string
	for _, stack := range append(n.Stacks(names.StackRoles()), toolkit) {
		all = append(all, a.Regional("cloudformation", "stack/"+stack+"/*"))
	}
	return []policy.Permission{{Sid: "ReadStacks", Actions: []string{
		"cloudformation:DescribeStackEvents", "cloudformation:DescribeStackResources", "cloudformation:DescribeStacks",
		"cloudformation:GetTemplate", "cloudformation:ListStackResources",
	}, Resources: all}}
}

// readBootstrap tells whether the account is prepared for the CDK.
func readBootstrap(a policy.ARNs) []policy.Permission {
	return []policy.Permission{{Sid: "ReadBootstrap", Actions: []string{"ssm:GetParameter"},
		Resources: []string{a.Regional("ssm", "parameter/cdk-bootstrap/"+qualifier+"/version")}}}
}

// readService follows a deployment to its end: the images, stopped reasons and
// health of its tasks.
func readService(a policy.ARNs, n names.Names) []policy.Permission {
	path := servicePath(n)
	return []policy.Permission{
		{Sid: "ReadService", Actions: []string{
			"ecs:DescribeServiceDeployments", "ecs:DescribeServiceRevisions", "ecs:DescribeServices", "ecs:ListServiceDeployments",
		}, Resources: []string{
			a.Regional("ecs", "service/"+path), a.Regional("ecs", "service-deployment/"+path+"/*"),
			a.Regional("ecs", "service-revision/"+path+"/*"),
		}},
		{Sid: "ReadTasks", Actions: []string{"ecs:DescribeClusters", "ecs:DescribeTasks"},
			Resources: []string{a.Regional("ecs", "cluster/"+n.Cluster()), a.Regional("ecs", "task/"+n.Cluster()+"/*")}},
		{Sid: "ListTasks", Actions: []string{"ecs:ListTasks"}, Resources: policy.Everything, Conditions: inCluster(a, n)},
		{Sid: "Health", Actions: []string{
			"cloudwatch:DescribeAlarms", "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth",
			"tag:GetResources",
		}, Resources: policy.Everything},
	}
}

// readDefinitions finds what runs, and what ran before it.
func readDefinitions() []policy.Permission {
	return []policy.Permission{
		{Sid: "ReadTaskDefinitions", Actions: []string{"ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions"}, Resources: policy.Everything},
		{Sid: "ReadJobs", Actions: []string{
			"batch:DescribeComputeEnvironments", "batch:DescribeJobDefinitions", "batch:DescribeJobQueues", "batch:DescribeJobs",
			"batch:ListJobs",
		}, Resources: policy.Everything},
	}
}

// readState tells who has the lock and what was deployed.
func readState(a policy.ARNs, n names.Names) []policy.Permission {
	return []policy.Permission{{Sid: "ReadState", Actions: []string{
		"ssm:GetParameter", "ssm:GetParameterHistory", "ssm:GetParameters", "ssm:GetParametersByPath",
	}, Resources: []string{a.Regional("ssm", "parameter"+n.Parameter("*"))}}}
}

// readDatabase tells whether the database runs.
func readDatabase(a policy.ARNs, env config.Environment) []policy.Permission {
	kind, arn := databaseARN(a, env)
	return []policy.Permission{{Sid: "ReadDatabase", Actions: []string{"rds:Describe" + kind + "s"}, Resources: []string{arn}}}
}

// linked has the service-linked roles, which AWS makes. IAM knows the path of
// one only where it is there; without its name alone, a missing one would be
// refused instead of missing.
var linked = []string{"aws-service-role/*", "AWSServiceRoleFor*"}

// readRoles tells whether the roles are there and whom they trust.
func readRoles(a policy.ARNs, env config.Environment) []policy.Permission {
	n := env.Names()
	all := []string{n.ExecutionRole(), n.TaskRole(), n.MigrateExecutionRole(), n.MigrateRole(), n.BatchExecutionRole(), n.BatchJobRole(),
		n.BatchServiceRole(), n.DeployRole(), n.PlanRole()}
	made := bootstrapRoles(a, env, "deploy", "file-publishing", "image-publishing", "lookup", "cfn-exec")
	return []policy.Permission{{Sid: "ReadRoles", Actions: []string{"iam:GetRole"}, Resources: a.Roles(slices.Concat(all, made, linked)...)}}
}

// readSecrets tells whether the secrets are there. Their values, and so their
// keys, are not the pipeline's to read. The ARN of a secret that is there ends in
// a hyphen and six characters, which one that isn't lacks.
func readSecrets(a policy.ARNs, env config.Environment) []policy.Permission {
	n := env.Names()
	var all []string
	for _, name := range []string{n.DatabaseSecret(), n.AppSecret(), n.DatabaseURLSecret(), env.Monitoring.SlackWebhookSecret} {
		if name != "" {
			all = append(all, a.Regional("secretsmanager", "secret:"+name+"*"))
		}
	}
	return []policy.Permission{{Sid: "ReadSecrets", Actions: []string{"secretsmanager:DescribeSecret"}, Resources: all}}
}

// readDomain tells whether the certificate is issued and the zone is there.
func readDomain(a policy.ARNs, env config.Environment) []policy.Permission {
	var all []policy.Permission
	if env.ALB.TLS.Enabled {
		certificate := env.ALB.TLS.CertificateArn
		if certificate == "" {
			certificate = a.Regional("acm", "certificate/*")
		}
		all = append(all, policy.Permission{Sid: "ReadCertificate", Actions: []string{"acm:DescribeCertificate"}, Resources: []string{certificate}})
	}
	if env.DNS.ZoneID != "" {
		zone := "arn:" + a.Partition + ":route53:::hostedzone/" + env.DNS.ZoneID
		all = append(all, policy.Permission{Sid: "ReadZone", Actions: []string{"route53:GetHostedZone"}, Resources: []string{zone}})
	}
	return all
}

// readAccount tells what the account has, of things that it has once or so many
// of. Cloud Control (cloudformation:GetResource and ListResources) reads
// addresses and networks with the caller's own permissions.
func readAccount() []policy.Permission {
	return []policy.Permission{{Sid: "ReadAccount", Actions: []string{
		"acm:ListCertificates", "cloudformation:GetResource", "cloudformation:ListResources", "config:DescribeConfigurationRecorders",
		"ec2:DescribeAddresses", "ec2:DescribeNatGateways", "ec2:DescribeNetworkAcls", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups",
		"ec2:DescribeSubnets", "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs", "guardduty:ListDetectors", "iam:ListOpenIDConnectProviders",
		"logs:DescribeLogGroups", "servicequotas:GetAWSDefaultServiceQuota", "servicequotas:GetServiceQuota",
	}, Resources: policy.Everything}}
}
