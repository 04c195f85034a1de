package scripted

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"strings"

	"github.com/prooflink/prooflink/.dagger/awsfake"
)

// secret is a secret with its value.
type secret struct {
	name, arn, value, version string
	created                   time.Time
}

// secretCalled makes a secret where there is none. Its value has the keys that
// the application and the jobs read.
func (w *World) secretCalled(name, arn string) {
	if w.secrets[name] != nil {
		return
	}
	value := `{"username":"prooflink","password":"scripted","host":"` + w.names.Database() + `","port":5432,"dbname":"` + w.environment.DB.Name + `","engine":"postgres"}`
	if name == w.names.AppSecret() {
		value = `{"NEXTAUTH_SECRET":"scripted"}`
		if w.unwell("key") {
			value = `{}`
		}
	}
	w.secrets[name] = &secret{name: name, arn: arn, value: value, version: w.uuid("secret version"), created: w.clock}
	if name == w.names.AppSecret() && w.unwell("secret") {
		delete(w.secrets, name)
	}
}

// secretOf finds a secret by name or ARN, of which the end may be left out.
func (w *World) secretOf(id string) *secret {
	for _, s := range w.secrets {
		if id == s.name || id == s.arn || id == s.arn[:len(s.arn)-7] {
			return s
		}
	}
	return nil
}

// unreadable is the first of a container's secrets that isn't there.
func (w *World) unreadable(list []ecstypes.Secret) string {
	prefix := w.arn("secretsmanager", "secret:")
	for _, s := range list {
		rest, ok := strings.CutPrefix(aws.ToString(s.ValueFrom), prefix)
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(rest, ":")
		if w.secretOf(prefix+name) == nil {
			return prefix + name
		}
	}
	return ""
}

func (w *World) serveSecrets() {
	on(w, "secretsmanager", w.getSecretValue)
	on(w, "secretsmanager", w.describeSecret)
}

// noSecret is the answer where a secret isn't there.
func noSecret() error {
	return awsfake.Error("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

func (w *World) getSecretValue(in *secretsmanager.GetSecretValueInput) (*secretsmanager.GetSecretValueOutput, error) {
	s := w.secretOf(aws.ToString(in.SecretId))
	if s == nil {
		return nil, noSecret()
	}
	return &secretsmanager.GetSecretValueOutput{
		ARN: &s.arn, Name: &s.name, SecretString: &s.value, VersionId: &s.version, VersionStages: []string{"AWSCURRENT"}, CreatedDate: aws.Time(s.created),
	}, nil
}

func (w *World) describeSecret(in *secretsmanager.DescribeSecretInput) (*secretsmanager.DescribeSecretOutput, error) {
	s := w.secretOf(aws.ToString(in.SecretId))
	if s == nil {
		return nil, noSecret()
	}
	return &secretsmanager.DescribeSecretOutput{
		ARN: &s.arn, Name: &s.name, CreatedDate: aws.Time(s.created), LastChangedDate: aws.Time(s.created),
		VersionIdsToStages: map[string][]string{s.version: {"AWSCURRENT"}},
	}, nil
}
