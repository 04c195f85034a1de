package migrate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/database"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/infratest"
	"github.com/prooflink/prooflink/infra/migrate"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/templates"
)

func TestMain(m *testing.M) { infratest.Main(m) }

// synth makes a database and its migration.
func synth(t *testing.T, name string, changes ...func(*config.Environment)) infratest.Template {
	t.Helper()
	env := infratest.Env(t, name, changes...)
	return infratest.Synth(t, env, func(stack awscdk.Stack) {
		data := database.New(stack, database.Props{
			Env: env, SubnetIDs: []*string{jsii.String("subnet-0123456789abcdef0"), jsii.String("subnet-0123456789abcdef1")},
			SecurityGroupID: jsii.String("sg-0123456789abcdef0"),
		})
		migrate.New(stack, migrate.Props{Env: env, Foundation: foundation.Import(stack, env), Digest: infratest.Digest("b"), Database: data})
	})
}

// byURL puts the URL into a secret, cmk encrypts with a key of the database's own.
func byURL(env *config.Environment) { env.DB.URLMode = config.URLSecret }
func cmk(env *config.Environment)   { env.DB.KMSKey = config.KeyCMK }

// container is the migration's.
func container(t *testing.T, template infratest.Template) templates.Resource {
	t.Helper()
	return infratest.Container(t, template.One(t, "AWS::ECS::TaskDefinition"), names.MigrateContainer)
}

// variables lists the secrets' variables as "<name> <secret>:<key>".
func variables(t *testing.T, template infratest.Template) []string {
	t.Helper()
	var list []string
	for name, from := range infratest.Pairs(container(t, template), "Secrets", "Name", "ValueFrom") {
		list = append(list, name+" "+from)
	}
	slices.Sort(list)
	return list
}

func TestC31TheMigrationIsATaskOfTheBatchImage(t *testing.T) {
	template := synth(t, "dev")
	definition := template.One(t, "AWS::ECS::TaskDefinition")
	infratest.Equal(t, "task", []string{definition.Text("Family"), definition.Text("Cpu"), definition.Text("Memory"), definition.Text("NetworkMode"),
		definition.Text("RequiresCompatibilities")}, []string{"prooflink-dev-migrate", "256", "512", "awsvpc", "[FARGATE]"})
	c := container(t, template)
	infratest.Equal(t, "command", c.Text("Command"), "[node dist/migrate.js]")
	if image := c.Text("Image"); !strings.HasSuffix(image, "/prooflink-dev-batch@"+infratest.Digest("b")) {
		t.Errorf("the image is %s", image)
	}
	infratest.Equal(t, "environment", infratest.Pairs(c, "Environment", "Name", "Value"), map[string]string{
		"NODE_ENV": "production", "AWS_REGION": "ap-northeast-1", "DB_SSLMODE": "verify-full", "LOG_LEVEL": "info",
	})
	if arn := templates.Text(template.Outputs[names.OutputMigrateTaskDefinitionArn].Value); !strings.HasPrefix(arn, "${Migrate") {
		t.Errorf("the pipeline is told %s", arn)
	}
}

func TestC32TheMigrationGetsTheCredentialsPartsOrTheURL(t *testing.T) {
	infratest.Equal(t, "compose", variables(t, synth(t, "dev")), []string{
		"DB_HOST ${CredentialsAttachment}:host::", "DB_NAME ${CredentialsAttachment}:dbname::",
		"DB_PASSWORD ${CredentialsAttachment}:password::", "DB_PORT ${CredentialsAttachment}:port::",
		"DB_USERNAME ${CredentialsAttachment}:username::",
	})
	for _, variable := range variables(t, synth(t, "dev", byURL)) {
		if !strings.HasPrefix(variable, "DATABASE_URL ${DatabaseUrl") || !strings.HasSuffix(variable, ".Id}:DATABASE_URL::") {
			t.Errorf("secret mode: %s", variable)
		}
	}
	infratest.Equal(t, "secret mode's variables", len(variables(t, synth(t, "dev", byURL))), 1)
}

// policies collects what a role may do, whose logical id begins so.
func policies(template infratest.Template, role string) string {
	text := ""
	for id, policy := range template.Policies() {
		if strings.HasPrefix(id, "${"+role) {
			text += policy
		}
	}
	return text
}

func TestC33C34C55TheExecutionRoleReachesItsSecretImageAndLog(t *testing.T) {
	for mode, c := range map[string]struct {
		change       func(*config.Environment)
		reads, never string
	}{
		"compose": {func(*config.Environment) {}, "${CredentialsAttachment}", "${DatabaseUrl"},
		"secret":  {byURL, "${DatabaseUrl", "${CredentialsAttachment}"},
	} {
		text := policies(synth(t, "dev", c.change), "MigrateExecutionRole")
		for _, want := range []string{"secretsmanager:GetSecretValue", c.reads, ":repository/prooflink-dev-batch", ":log-group:/ecs/prooflink-dev-migrate:*"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the role lacks %s: %s", mode, want, text)
			}
		}
		for _, never := range []string{c.never, "${AppSecret", "kms:Decrypt"} {
			if strings.Contains(text, never) {
				t.Errorf("%s: the role has %s: %s", mode, never, text)
			}
		}
		infratest.Equal(t, mode+"'s resources of any kind", strings.Count(text, "Resource:*"), 1) // ecr:GetAuthorizationToken has none
	}
	if text := policies(synth(t, "dev", cmk), "MigrateExecutionRole"); !strings.Contains(text, "Action:kms:Decrypt") || !strings.Contains(text, "Resource:${Key.Arn}") {
		t.Errorf("the task could not start: %s", text)
	}
}

func TestTheMigrationItselfMayDoNothingInAWS(t *testing.T) {
	infratest.Equal(t, "policies", policies(synth(t, "dev", cmk), "MigrateRole"), "")
}

func TestC34TheMigrationsLogIsTheFoundations(t *testing.T) {
	infratest.Equal(t, "log", container(t, synth(t, "prod")).Text("LogConfiguration"),
		"{LogDriver:awslogs Options:{awslogs-group:/ecs/prooflink-prod-migrate awslogs-region:ap-northeast-1 awslogs-stream-prefix:migrate}}")
}
