package delivery_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/delivery"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/infratest"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/templates"
)

func TestMain(m *testing.M) { infratest.Main(m) }

// synth makes the stack of an environment whose workflows may deploy.
func synth(t *testing.T, name string, changes ...func(*config.Environment)) infratest.Template {
	t.Helper()
	env := infratest.Env(t, name, append([]func(*config.Environment){func(env *config.Environment) {
		env.GitHub.Owner, env.GitHub.Repo = "acme", "prooflink"
	}}, changes...)...)
	return infratest.Synth(t, env, func(stack awscdk.Stack) {
		delivery.New(stack, delivery.Props{Env: env, Foundation: foundation.Import(stack, env)})
	})
}

// role finds one of the roles by the end of its name.
func role(t *testing.T, s infratest.Template, name string) templates.Resource {
	t.Helper()
	for _, r := range s.Of("AWS::IAM::Role") {
		if strings.HasSuffix(r.Text("RoleName"), name) {
			return r
		}
	}
	t.Fatalf("no role %s", name)
	return templates.Resource{}
}

const managedPolicy = "AWS::IAM::ManagedPolicy"

const deployRole, planRole = "-github-deploy-role", "-github-plan-role"

// statements are a policy's permissions, as text, by their Sid.
func statements(t *testing.T, document any) map[string]string {
	t.Helper()
	found := map[string]string{}
	list, _ := templates.Resource{Properties: document.(map[string]any)}.At("Statement").([]any)
	for _, item := range list {
		statement := item.(map[string]any)
		found[fmt.Sprint(statement["Sid"])] = templates.Text(statement)
	}
	return found
}

// deploys are the permissions that the deploy role has beside those to read.
func deploys(t *testing.T, s infratest.Template) map[string]string {
	t.Helper()
	return statements(t, role(t, s, deployRole).At("Policies", 0, "PolicyDocument"))
}

// reads are those that both roles have.
func reads(t *testing.T, s infratest.Template) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, each := range s.Of(managedPolicy) {
		maps.Copy(all, statements(t, each.At("PolicyDocument")))
	}
	return all
}

// subjects are what a token may say about a workflow that takes a role.
func subjects(t *testing.T, s infratest.Template, name, operator string) string {
	t.Helper()
	trust := role(t, s, name).At("AssumeRolePolicyDocument", "Statement", 0)
	if trust == nil {
		t.Fatal("the role has no trust")
	}
	condition := templates.Resource{Properties: trust.(map[string]any)}
	return condition.Text("Condition", operator, "token.actions.githubusercontent.com:sub")
}

func TestC86OnlyTheListedBranchesAndEnvironmentsMayDeploy(t *testing.T) {
	for name, want := range map[string]string{
		"dev": "[repo:acme/prooflink:ref:refs/heads/main repo:acme/prooflink:ref:refs/heads/develop" +
			" repo:acme/prooflink:environment:dev]",
		"prod": "[repo:acme/prooflink:environment:prod]",
	} {
		s := synth(t, name)
		if got := subjects(t, s, deployRole, "StringEquals"); got != want {
			t.Errorf("%s trusts %s, want %s", name, got, want)
		}
		trust := role(t, s, deployRole).Text("AssumeRolePolicyDocument")
		for _, part := range []string{"token.actions.githubusercontent.com:aud:sts.amazonaws.com", "Action:sts:AssumeRoleWithWebIdentity",
			":oidc-provider/token.actions.githubusercontent.com"} {
			if !strings.Contains(trust, part) {
				t.Errorf("%s's trust lacks %q: %s", name, part, trust)
			}
		}
	}
}

func TestC87NewerRepositoriesAreKnownByTheirNumbersToo(t *testing.T) {
	s := synth(t, "prod", func(env *config.Environment) {
		env.GitHub.OwnerID, env.GitHub.RepoID = "11", "22"
		env.GitHub.Subjects = []string{"repo:acme/other:ref:refs/heads/main"}
	})
	for name, want := range map[string]string{
		deployRole: "[repo:acme/prooflink:environment:prod repo:acme@11/prooflink@22:environment:prod repo:acme/other:ref:refs/heads/main]",
		planRole:   "[repo:acme/prooflink:environment:prod-plan repo:acme@11/prooflink@22:environment:prod-plan]",
	} {
		if got := subjects(t, s, name, "StringEquals"); got != want {
			t.Errorf("%s trusts %s, want %s", name, got, want)
		}
	}
}

func TestSubjectsWithAWildcardAreMatchedAsOne(t *testing.T) {
	s := synth(t, "dev", func(env *config.Environment) {
		env.GitHub.Subjects = []string{"repo:acme/prooflink:ref:refs/heads/release/*"}
	})
	if got := subjects(t, s, deployRole, "StringLike"); !strings.Contains(got, "release/*") {
		t.Errorf("the wildcard is not one: %s", got)
	}
	if got := subjects(t, s, deployRole, "StringEquals"); got != templates.Nothing {
		t.Errorf("the subjects must be equal too: %s", got)
	}
}

func TestC88AndC89TheProviderIsMadeOnceWithoutAThumbprint(t *testing.T) {
	if n := len(synth(t, "dev").Of("AWS::IAM::OIDCProvider")); n != 0 {
		t.Errorf("%d providers, and the account has one", n)
	}
	s := synth(t, "dev", func(env *config.Environment) { env.GitHub.CreateProvider = true })
	provider := s.One(t, "AWS::IAM::OIDCProvider")
	got := provider.Text("Url") + " " + provider.Text("ClientIdList") + " " + provider.Text("ThumbprintList")
	if want := "https://token.actions.githubusercontent.com [sts.amazonaws.com] " + templates.Nothing; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if trust := role(t, s, deployRole).Text("AssumeRolePolicyDocument"); !strings.Contains(trust, "${GitHubProvider.Arn}") {
		t.Errorf("the role trusts another provider: %s", trust)
	}
}

func TestC90TheRoleMayDoWhatADeployDoes(t *testing.T) {
	s := synth(t, "prod")
	all := deploys(t, s)
	maps.Copy(all, reads(t, s))
	const account, region = infratest.Account, "ap-northeast-1"
	wants := map[string][]string{
		"RegistryLogin": {"Action:ecr:GetAuthorizationToken", "Resource:*"},
		"PushImages": {"ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload",
			"ecr:BatchCheckLayerAvailability", ":repository/prooflink-prod-app", ":repository/prooflink-prod-batch", ":repository/prooflink-prod-fluentbit"},
		"DeployStacks": {"sts:AssumeRole", ":role/cdk-hnb659fds-deploy-role-" + account + "-" + region,
			":role/cdk-hnb659fds-file-publishing-role-", ":role/cdk-hnb659fds-image-publishing-role-", ":role/cdk-hnb659fds-lookup-role-"},
		"ReadStacks":      {":stack/ComputeStack-prod/*", ":stack/DeliveryStack-prod/*"},
		"Service":         {"Action:ecs:UpdateService", ":service/prooflink-prod-cluster/prooflink-prod-service"},
		"ReadService":     {"ecs:DescribeServices", "ecs:DescribeServiceDeployments", ":service/prooflink-prod-cluster/prooflink-prod-service"},
		"TaskDefinitions": {"ecs:RegisterTaskDefinition", ":task-definition/prooflink-prod-task:*", ":task-definition/prooflink-prod-migrate:*"},
		"Migrate":         {"ecs:RunTask", ":task-definition/prooflink-prod-migrate:*", "ecs:cluster:arn:${AWS::Partition}:ecs:" + region},
		"PassTaskRoles":   {"iam:PassRole", "iam:PassedToService:[ecs-tasks.amazonaws.com]", ":role/prooflink-prod-ecs-task-role"},
		"PassJobRoles":    {"iam:PassRole", ":role/prooflink-prod-batch-job-role"},
		"SubmitJobs":      {"batch:SubmitJob", ":job-queue/prooflink-prod-job-queue", ":job-definition/prooflink-prod-user-import"},
		"JobDefinitions":  {"batch:RegisterJobDefinition", ":job-definition/prooflink-prod-test-case-import:*"},
		"EndJobs":         {"batch:TerminateJob", "aws:ResourceTag/prooflink:environment:[prod]"},
		"State":           {"ssm:PutParameter", ":parameter/prooflink/prod/*"},
		"ReadState":       {"ssm:GetParameterHistory", ":parameter/prooflink/prod/*"},
		"ReadBootstrap":   {"Action:ssm:GetParameter", ":parameter/cdk-bootstrap/hnb659fds/version"},
		"ReadRoles":       {"iam:GetRole", ":role/prooflink-prod-ecs-task-role", ":role/aws-service-role/*", ":role/AWSServiceRoleFor*"},
		"ReadSecrets":     {"Action:secretsmanager:DescribeSecret", ":secret:prooflink-prod/rds-credentials*"},
		"ReadCertificate": {"Action:acm:DescribeCertificate", "Resource:arn:aws:acm:ap-northeast-1:111122223333:certificate/"},
		"ReadAccount":     {"cloudformation:ListResources", "ec2:DescribeAddresses", "servicequotas:GetServiceQuota"},
		"Database":        {"rds:StartDBInstance", ":db:prooflink-prod-db"},
		"Imports":         {"s3:GetObject", "prooflink-prod-files-" + account + "/imports/*"},
		"Results":         {"Action:s3:GetObject", "prooflink-prod-files-" + account + "/imports-results/*"},
		"ListImports":     {"s3:ListBucket", "s3:prefix:[imports/* imports-results/*]"},
		"Logs":            {"logs:GetLogEvents", ":log-group:/ecs/prooflink-prod-app-server:*", ":log-group:/aws/batch/prooflink-prod:*"},
		"Health":          {"elasticloadbalancing:DescribeTargetHealth"},
	}
	for sid, parts := range wants {
		for _, part := range parts {
			if !strings.Contains(all[sid], part) {
				t.Errorf("%s lacks %q: %s", sid, part, all[sid])
			}
		}
	}
	deployer := role(t, s, deployRole)
	if got := deployer.Text("RoleName") + " " + deployer.Text("MaxSessionDuration"); got != "prooflink-prod-github-deploy-role 3600" {
		t.Errorf("the role is %s", got)
	}
	if got := templates.Text(s.Outputs[names.OutputDeployRoleArn].Value); !strings.Contains(got, "DeployRole") {
		t.Errorf("the output is %s", got)
	}
}

func TestC69OneEnvironmentsRoleReachesNoOther(t *testing.T) {
	shared := []string{"RegistryLogin", "ReadTaskDefinitions", "ListTasks", "ReadJobs", "TagJobs", "EndJobs", "Health", "DeployStacks",
		"ReadBootstrap", "ReadAccount"}
	s := synth(t, "dev")
	all := deploys(t, s)
	maps.Copy(all, reads(t, s))
	for sid, text := range all {
		if slices.Contains(shared, sid) {
			continue
		}
		if strings.Contains(text, "Resource:*") || strings.Contains(text, "prod") || !strings.Contains(text, "dev") {
			t.Errorf("%s is not limited to dev: %s", sid, text)
		}
	}
	for _, sid := range []string{"ListTasks", "TagJobs", "EndJobs"} {
		if text := all[sid]; !strings.Contains(text, "Condition:") || !strings.Contains(text, "dev") {
			t.Errorf("%s has no condition: %s", sid, text)
		}
	}
}

func TestAnAuroraClusterIsStartedAsACluster(t *testing.T) {
	s := synth(t, "dev", func(env *config.Environment) { env.DB.Engine = config.EngineAurora })
	infratest.Within(t, "the database's permission", deploys(t, s)["Database"], "rds:StartDBCluster", ":cluster:prooflink-dev-db")
	infratest.Within(t, "what is read of it", reads(t, s)["ReadDatabase"], "rds:DescribeDBClusters", ":cluster:prooflink-dev-db")
}

func TestAPlanIsMadeWithARoleThatOnlyReads(t *testing.T) {
	s := synth(t, "prod")
	planner := role(t, s, planRole)
	if inline := planner.Text("Policies"); inline != templates.Nothing {
		t.Errorf("the plan role may do more than read: %s", inline)
	}
	infratest.Equal(t, "its policies", planner.Text("ManagedPolicyArns"), role(t, s, deployRole).Text("ManagedPolicyArns"))
	reading := regexp.MustCompile(`^[a-z0-9-]+:(BatchGet|Describe|Get|List)[A-Za-z]+$`)
	for _, each := range s.Of(managedPolicy) {
		for _, action := range actions(each) {
			if !reading.MatchString(action) {
				t.Errorf("%s changes something", action)
			}
			for _, private := range []string{"secretsmanager:Get", "logs:Get", "logs:Filter", "s3:"} {
				if strings.HasPrefix(action, private) {
					t.Errorf("%s shows users' data or a secret", action)
				}
			}
		}
	}
	if got := templates.Text(s.Outputs[names.OutputPlanRoleArn].Value); !strings.Contains(got, "PlanRole") {
		t.Errorf("the output is %s", got)
	}
}

// actions are all that a policy allows.
func actions(policy templates.Resource) []string {
	var all []string
	list, _ := policy.At("PolicyDocument", "Statement").([]any)
	for _, item := range list {
		all = append(all, strings.Fields(strings.Trim(templates.Text(item.(map[string]any)["Action"]), "[]"))...)
	}
	return all
}

func TestWithoutAnEnvironmentThatPlansThereIsNoRoleForIt(t *testing.T) {
	s := synth(t, "dev", func(env *config.Environment) { env.GitHub.PlanEnvironments = nil })
	if got := s.One(t, "AWS::IAM::Role").Text("RoleName"); got != "prooflink-dev-github-deploy-role" {
		t.Errorf("the role is %s", got)
	}
	if _, ok := s.Outputs[names.OutputPlanRoleArn]; ok {
		t.Error("its output is there without it")
	}
}

// What is read follows the configuration: the zone that is used, the certificate
// that is requested, the secrets that there are.
func TestTheDomainsPermissionsAreThoseOfTheConfiguration(t *testing.T) {
	if dev := reads(t, synth(t, "dev")); dev["ReadCertificate"]+dev["ReadZone"] != "" {
		t.Errorf("dev has no domain, and may read %s %s", dev["ReadCertificate"], dev["ReadZone"])
	}
	all := reads(t, synth(t, "dev", func(env *config.Environment) {
		env.ALB.TLS = config.TLS{Enabled: true}
		env.DNS = config.DNS{ZoneName: "example.com", ZoneID: "Z0123456789ABC", RecordName: "app.example.com"}
		env.Monitoring.SlackWebhookSecret = "prooflink/slack"
	}))
	infratest.Within(t, "the certificate's", all["ReadCertificate"], "acm:ap-northeast-1:"+infratest.Account+":certificate/*")
	infratest.Within(t, "the zone's", all["ReadZone"], "Action:route53:GetHostedZone", ":route53:::hostedzone/Z0123456789ABC")
	infratest.Within(t, "the secrets'", all["ReadSecrets"], ":secret:prooflink/slack*")
}

// IAM takes 10,240 characters of policies in a role and 6,144 in a managed
// policy, whitespace left out (IAM and AWS STS quotas). Names are at most as long
// as a load balancer's lets them be.
func TestThePoliciesAreWithinIAMsLimits(t *testing.T) {
	for name, change := range map[string]func(*config.Environment){"prod": func(*config.Environment) {}, "the longest": longest} {
		s := synth(t, "prod", change)
		within(t, name+": in the role", role(t, s, deployRole).At("Policies", 0, "PolicyDocument"), 10240)
		for _, each := range s.Of(managedPolicy) {
			within(t, name+": "+each.Text("ManagedPolicyName"), each.At("PolicyDocument"), 6144)
		}
	}
}

// within checks a policy's length as it is in Tokyo.
func within(t *testing.T, what string, document any, limit int) {
	t.Helper()
	data, err := json.Marshal(plain(document))
	if err != nil {
		t.Fatal(err)
	}
	size := len(strings.ReplaceAll(string(data), "${AWS::Partition}", "aws"))
	t.Logf("%s: %d of %d", what, size, limit)
	if size > limit || size < 1000 {
		t.Errorf("%s: the policy has %d characters, IAM takes %d", what, size, limit)
	}
}

// longest has names as long as they may be, and all that has a permission.
func longest(env *config.Environment) {
	env.Project = strings.Repeat("p", 23)
	env.DNS.ZoneID = "Z" + strings.Repeat("0", 31)
	env.Monitoring.SlackWebhookSecret = strings.Repeat("s", 64)
	env.Optional = config.Optional{Athena: true, Orchestration: true, Amplify: true}
}

// plain is a value with its intrinsic functions as text.
func plain(value any) any {
	switch v := value.(type) {
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		if _, joined := v["Fn::Join"]; joined {
			return templates.Text(v)
		}
		for key := range v {
			v[key] = plain(v[key])
		}
	}
	return value
}
