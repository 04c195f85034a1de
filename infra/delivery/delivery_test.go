package delivery_test

import (
	"encoding/json"
	"fmt"
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

// statements are the role's permissions, as text, by their Sid.
func statements(t *testing.T, s infratest.Template) map[string]string {
	t.Helper()
	found := map[string]string{}
	list, _ := s.One(t, "AWS::IAM::Role").At("Policies", 0, "PolicyDocument", "Statement").([]any)
	for _, item := range list {
		statement := item.(map[string]any)
		found[fmt.Sprint(statement["Sid"])] = templates.Text(statement)
	}
	return found
}

// subjects are what a token may say about its workflow.
func subjects(t *testing.T, s infratest.Template, operator string) string {
	t.Helper()
	trust := s.One(t, "AWS::IAM::Role").At("AssumeRolePolicyDocument", "Statement", 0)
	if trust == nil {
		t.Fatal("the role has no trust")
	}
	condition := templates.Resource{Properties: trust.(map[string]any)}
	return condition.Text("Condition", operator, "token.actions.githubusercontent.com:sub")
}

func TestC86OnlyTheListedBranchesAndEnvironmentsMayDeploy(t *testing.T) {
	for name, want := range map[string]string{
		"dev":  "[repo:acme/prooflink:ref:refs/heads/main repo:acme/prooflink:ref:refs/heads/develop]",
		"prod": "[repo:acme/prooflink:ref:refs/heads/main repo:acme/prooflink:environment:prod]",
	} {
		s := synth(t, name)
		if got := subjects(t, s, "StringEquals"); got != want {
			t.Errorf("%s trusts %s, want %s", name, got, want)
		}
		trust := s.One(t, "AWS::IAM::Role").Text("AssumeRolePolicyDocument")
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
	want := "[repo:acme/prooflink:ref:refs/heads/main repo:acme/prooflink:environment:prod" +
		" repo:acme@11/prooflink@22:ref:refs/heads/main repo:acme@11/prooflink@22:environment:prod" +
		" repo:acme/other:ref:refs/heads/main]"
	if got := subjects(t, s, "StringEquals"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSubjectsWithAWildcardAreMatchedAsOne(t *testing.T) {
	s := synth(t, "dev", func(env *config.Environment) {
		env.GitHub.Subjects = []string{"repo:acme/prooflink:ref:refs/heads/release/*"}
	})
	if got := subjects(t, s, "StringLike"); !strings.Contains(got, "release/*") {
		t.Errorf("the wildcard is not one: %s", got)
	}
	if got := subjects(t, s, "StringEquals"); got != templates.Nothing {
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
	if trust := s.One(t, "AWS::IAM::Role").Text("AssumeRolePolicyDocument"); !strings.Contains(trust, "${GitHubProvider.Arn}") {
		t.Errorf("the role trusts another provider: %s", trust)
	}
}

func TestC90TheRoleMayDoWhatADeployDoes(t *testing.T) {
	s := synth(t, "prod")
	all := statements(t, s)
	const account, region = infratest.Account, "ap-northeast-1"
	wants := map[string][]string{
		"RegistryLogin": {"Action:ecr:GetAuthorizationToken", "Resource:*"},
		"Images": {"ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:BatchCheckLayerAvailability",
			":repository/prooflink-prod-app", ":repository/prooflink-prod-batch", ":repository/prooflink-prod-fluentbit"},
		"DeployStacks": {"sts:AssumeRole", ":role/cdk-hnb659fds-deploy-role-" + account + "-" + region,
			":role/cdk-hnb659fds-file-publishing-role-", ":role/cdk-hnb659fds-image-publishing-role-", ":role/cdk-hnb659fds-lookup-role-"},
		"ReadStacks":      {":stack/ComputeStack-prod/*", ":stack/DeliveryStack-prod/*"},
		"Service":         {"ecs:UpdateService", "ecs:DescribeServices", ":service/prooflink-prod-cluster/prooflink-prod-service"},
		"TaskDefinitions": {"ecs:RegisterTaskDefinition", ":task-definition/prooflink-prod-task:*", ":task-definition/prooflink-prod-migrate:*"},
		"Migrate":         {"ecs:RunTask", ":task-definition/prooflink-prod-migrate:*", "ecs:cluster:arn:${AWS::Partition}:ecs:" + region},
		"PassTaskRoles":   {"iam:PassRole", "iam:PassedToService:[ecs-tasks.amazonaws.com]", ":role/prooflink-prod-ecs-task-role"},
		"PassJobRoles":    {"iam:PassRole", ":role/prooflink-prod-batch-job-role"},
		"SubmitJobs":      {"batch:SubmitJob", ":job-queue/prooflink-prod-job-queue", ":job-definition/prooflink-prod-user-import"},
		"JobDefinitions":  {"batch:RegisterJobDefinition", ":job-definition/prooflink-prod-test-case-import:*"},
		"EndJobs":         {"batch:TerminateJob", "aws:ResourceTag/prooflink:environment:[prod]"},
		"State":           {"ssm:PutParameter", ":parameter/prooflink/prod/*"},
		"Database":        {"rds:StartDBInstance", ":db:prooflink-prod-db"},
		"Imports":         {"s3:GetObject", "prooflink-prod-files-" + account + "/imports/*"},
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
	role := s.One(t, "AWS::IAM::Role")
	if got := role.Text("RoleName") + " " + role.Text("MaxSessionDuration"); got != "prooflink-prod-github-deploy-role 3600" {
		t.Errorf("the role is %s", got)
	}
	if got := templates.Text(s.Outputs[names.OutputDeployRoleArn].Value); !strings.Contains(got, "DeployRole") {
		t.Errorf("the output is %s", got)
	}
}

func TestC69OneEnvironmentsRoleReachesNoOther(t *testing.T) {
	shared := []string{"RegistryLogin", "ReadTaskDefinitions", "ListTasks", "ReadJobs", "TagJobs", "EndJobs", "Health", "DeployStacks"}
	for sid, text := range statements(t, synth(t, "dev")) {
		if slices.Contains(shared, sid) {
			continue
		}
		if strings.Contains(text, "Resource:*") || strings.Contains(text, "prod") || !strings.Contains(text, "dev") {
			t.Errorf("%s is not limited to dev: %s", sid, text)
		}
	}
	for _, sid := range []string{"ListTasks", "TagJobs", "EndJobs"} {
		if text := statements(t, synth(t, "dev"))[sid]; !strings.Contains(text, "Condition:") || !strings.Contains(text, "dev") {
			t.Errorf("%s has no condition: %s", sid, text)
		}
	}
}

func TestAnAuroraClusterIsStartedAsACluster(t *testing.T) {
	s := synth(t, "dev", func(env *config.Environment) { env.DB.Engine = config.EngineAurora })
	if got := statements(t, s)["Database"]; !strings.Contains(got, "rds:StartDBCluster") || !strings.Contains(got, ":cluster:prooflink-dev-db") {
		t.Errorf("the database's permission is %s", got)
	}
}

// IAM takes 10,240 characters of policies in a role.
func TestThePolicyIsWithinIAMsLimit(t *testing.T) {
	document, err := json.Marshal(plain(synth(t, "prod").One(t, "AWS::IAM::Role").At("Policies", 0, "PolicyDocument")))
	if err != nil {
		t.Fatal(err)
	}
	if len(document) > 10240 || len(document) < 1000 {
		t.Errorf("the policy has %d characters", len(document))
	}
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
