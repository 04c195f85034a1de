package frontend_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/frontend"
	"github.com/prooflink/prooflink/infra/infratest"
	"github.com/prooflink/prooflink/infra/templates"
)

func TestMain(m *testing.M) { infratest.Main(m) }

// synth makes the stack of an environment with a repository.
func synth(t *testing.T, name string, changes ...func(*config.Environment)) infratest.Template {
	t.Helper()
	env := infratest.Env(t, name, append([]func(*config.Environment){func(env *config.Environment) {
		env.GitHub.Owner, env.GitHub.Repo = "acme", "prooflink"
	}}, changes...)...)
	return infratest.Synth(t, env, func(stack awscdk.Stack) {
		frontend.New(stack, frontend.Props{Env: env, URL: jsii.String("https://prooflink.example.com")})
	})
}

func TestA252TheAppIsBuiltFromTheRepository(t *testing.T) {
	app := synth(t, "prod").One(t, "AWS::Amplify::App")
	infratest.Equal(t, "the app", app.Text("Name")+" "+app.Text("Platform"), "prooflink-prod-frontend WEB_COMPUTE")
	infratest.Equal(t, "its repository", app.Text("Repository"), "https://github.com/acme/prooflink")
	for _, part := range []string{"appRoot: app", "npm ci", "next build", "baseDirectory: .next"} {
		if !strings.Contains(app.Text("BuildSpec"), part) {
			t.Errorf("the build lacks %q: %s", part, app.Text("BuildSpec"))
		}
	}
	variables := infratest.Pairs(app, "EnvironmentVariables", "Name", "Value")
	for name, want := range map[string]string{"AMPLIFY_MONOREPO_APP_ROOT": "app", "NEXT_PUBLIC_API_URL": "https://prooflink.example.com",
		"NEXT_PUBLIC_CLIENT_LOG_SEND_LEVEL": "warn"} {
		infratest.Equal(t, name, variables[name], want)
	}
}

func TestA242TheTokenIsReadFromItsSecret(t *testing.T) {
	app := synth(t, "dev").One(t, "AWS::Amplify::App")
	infratest.Equal(t, "the token", app.Text("AccessToken"), "{{resolve:secretsmanager:prooflink-dev/github-token:SecretString:::}}")
}

func TestA252OnlyOutsideOfProdThereIsAPassword(t *testing.T) {
	dev, prod := synth(t, "dev"), synth(t, "prod")
	secret := dev.One(t, "AWS::SecretsManager::Secret")
	infratest.Equal(t, "the secret", secret.Text("Name")+" "+secret.DeletionPolicy, "prooflink-dev/frontend-password Delete")
	auth := dev.One(t, "AWS::Amplify::App").Text("BasicAuthConfig")
	for _, part := range []string{"EnableBasicAuth:true", "Username:prooflink", "Password:{{resolve:secretsmanager:"} {
		if !strings.Contains(auth, part) {
			t.Errorf("the password lacks %q: %s", part, auth)
		}
	}
	infratest.Equal(t, "prod's password", prod.One(t, "AWS::Amplify::App").Text("BasicAuthConfig"), templates.Nothing)
	if n := len(prod.Of("AWS::SecretsManager::Secret")); n != 0 {
		t.Errorf("%d secrets in prod", n)
	}
}

func TestA252EachBranchIsBuilt(t *testing.T) {
	for name, want := range map[string]string{"dev": "main DEVELOPMENT true, develop DEVELOPMENT true", "prod": "main PRODUCTION true"} {
		var got []string
		for _, branch := range synth(t, name).Of("AWS::Amplify::Branch") {
			got = append(got, branch.Text("BranchName")+" "+branch.Text("Stage")+" "+branch.Text("EnableAutoBuild"))
		}
		if len(got) == 2 && strings.HasPrefix(got[0], "develop") {
			got[0], got[1] = got[1], got[0]
		}
		infratest.Equal(t, name+"'s branches", strings.Join(got, ", "), want)
	}
}

func TestA252TheDomainIsBesideTheServices(t *testing.T) {
	if n := len(synth(t, "prod").Of("AWS::Amplify::Domain")); n != 0 {
		t.Errorf("%d domains without a zone", n)
	}
	domain := synth(t, "prod", func(env *config.Environment) {
		env.DNS = config.DNS{ZoneName: "example.com", ZoneID: "Z0123456789ABC", RecordName: "prooflink.example.com"}
	}).One(t, "AWS::Amplify::Domain")
	infratest.Equal(t, "the zone", domain.Text("DomainName"), "example.com")
	infratest.Equal(t, "the name", domain.Text("SubDomainSettings", 0, "Prefix"), "prooflink-prod-frontend")
}

func TestAmplifyWritesOneLogThatEnds(t *testing.T) {
	s := synth(t, "dev")
	group := s.One(t, "AWS::Logs::LogGroup")
	infratest.Equal(t, "the log", group.Text("LogGroupName")+" "+group.Text("RetentionInDays"), "/aws/amplify/${App.AppId} 7")
	role := s.One(t, "AWS::IAM::Role")
	infratest.Equal(t, "the role", role.Text("RoleName"), "prooflink-dev-frontend-role")
	if trust := role.Text("AssumeRolePolicyDocument"); !strings.Contains(trust, "Service:amplify.amazonaws.com") {
		t.Errorf("the role's trust is %s", trust)
	}
	if policy := s.One(t, "AWS::IAM::Policy").Text("PolicyDocument"); !strings.Contains(policy, "Resource:${Logs.Arn}") {
		t.Errorf("the role may write other logs: %s", policy)
	}
}
