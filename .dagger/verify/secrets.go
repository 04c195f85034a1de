package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/prooflink/prooflink/.dagger/release"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// wanted are the keys that a secret has to have, by the secret's name or ARN. No
// keys means that the secret is one text.
type wanted map[string][]string

// add notes a key.
func (w wanted) add(secret, key string) {
	if key != "" && !slices.Contains(w[secret], key) {
		w[secret] = append(w[secret], key)
	}
	if _, there := w[secret]; !there {
		w[secret] = nil
	}
}

// secrets looks whether the secrets are there with the keys that containers are
// given. Their values stay here.
func secrets(ctx context.Context, l *look) (Findings, error) {
	want := wanted{}
	l.byHand(want)
	there, err := l.there(names.Database)
	if err != nil {
		return nil, err
	}
	if there {
		l.made(want)
		if err := l.referred(ctx, want); err != nil {
			return nil, err
		}
	}
	if len(want) == 0 {
		return Findings{{Severity: Skipped, What: l.names.Stack(names.Database) + " makes the secrets, and is not deployed yet"}}, nil
	}
	client := secretsmanager.NewFromConfig(l.access)
	var found Findings
	var unseen error
	for _, secret := range sortedKeys(want) {
		finding, err := lacking(ctx, client, secret, want[secret])
		found = append(found, finding...)
		if unseen == nil {
			unseen = err // one says it: the others lack the same permission
		}
	}
	return found.or(fmt.Sprintf("%d secrets are there with their keys", len(want))), unseen
}

// byHand are those that somebody has to make before the first deployment.
func (l *look) byHand(want wanted) {
	if name := l.environment.Monitoring.SlackWebhookSecret; name != "" && l.planned(names.Monitoring) && l.concerns(names.Monitoring) {
		want.add(name, "")
	}
	if l.planned(names.Frontend) && l.concerns(names.Frontend) {
		want.add(l.names.GitHubTokenSecret(), "")
	}
}

// made are those that the database's stack makes, with the keys that the
// templates name.
func (l *look) made(want wanted) {
	for _, key := range []string{"host", "port", "dbname", "username", "password"} {
		want.add(l.names.DatabaseSecret(), key)
	}
	if l.concerns(names.Compute) {
		want.add(l.names.AppSecret(), "NEXTAUTH_SECRET")
	}
	if l.environment.DB.URLMode == config.URLSecret {
		want.add(l.names.DatabaseURLSecret(), "DATABASE_URL")
	}
}

// referred are those that the registered definitions name, by their ARNs: a
// secret that was made anew has another one, and the old definitions miss it.
func (l *look) referred(ctx context.Context, want wanted) error {
	live, err := l.registered(ctx)
	if err != nil {
		return err
	}
	var references []string
	if live.Task != nil {
		references = append(references, ofTask(live.Task.TaskDefinition)...)
	}
	if live.Migration != nil {
		references = append(references, ofTask(live.Migration.TaskDefinition)...)
	}
	for _, job := range live.Jobs {
		if job.ContainerProperties == nil {
			continue
		}
		for _, secret := range job.ContainerProperties.Secrets {
			references = append(references, aws.ToString(secret.ValueFrom))
		}
	}
	for _, reference := range references {
		if arn, key, ok := split(reference); ok {
			want.add(arn, key)
		}
	}
	return nil
}

// registered are the definitions that are to start: the jobs' alone where only
// they are looked at.
func (l *look) registered(ctx context.Context) (release.State, error) {
	if l.options.Part == names.Batch {
		jobs, err := release.JobDefinitions(ctx, l.access, l.names)
		return release.State{Jobs: jobs}, err
	}
	live, err := release.Live(ctx, l.access, l.names)
	var absent *release.Absent
	if errors.As(err, &absent) {
		err = nil
	}
	return live, err
}

// ofTask lists what a task definition's containers are given.
func ofTask(task *ecstypes.TaskDefinition) []string {
	var references []string
	for _, container := range task.ContainerDefinitions {
		for _, secret := range container.Secrets {
			references = append(references, aws.ToString(secret.ValueFrom))
		}
	}
	return references
}

// arnParts is how many parts the ARN of a secret has; a key may follow.
const arnParts = 7

// split reads a reference, "<ARN of a secret>:<key>:<stage>:<version>" (Amazon
// ECS Developer Guide, "Pass Secrets Manager secrets"); others are not a secret's.
func split(reference string) (arn, key string, ok bool) {
	parts := strings.Split(reference, ":")
	if len(parts) < arnParts || parts[2] != "secretsmanager" {
		return "", "", false
	}
	if len(parts) > arnParts {
		key = parts[arnParts]
	}
	return strings.Join(parts[:arnParts], ":"), key, true
}

// lacking says what a secret lacks. Whether it is there can be told without its
// value, which not everybody may read who deploys.
func lacking(ctx context.Context, client *secretsmanager.Client, secret string, keys []string) (Findings, error) {
	gone := Findings{{Severity: Blocker, What: "a secret is not there, or has no value", Where: secret, Why: "a task that is given it does not start",
		Fix: "aws secretsmanager restore-secret --secret-id " + secret + " brings back one that was deleted lately; else make it: aws secretsmanager create-secret --name …"}}
	described, err := client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &secret})
	if Absent(err) || err == nil && described.DeletedDate != nil { // scheduled for deletion
		return gone, nil
	}
	if err != nil {
		return nil, fmt.Errorf("describe secret %s: %w", secret, err)
	}
	if len(keys) == 0 {
		return nil, nil
	}
	out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &secret})
	if Absent(err) {
		return gone, nil
	}
	if err != nil {
		return nil, fmt.Errorf("secret %s is there, but whether it has the keys %s is not known: %w", secret, strings.Join(keys, ", "), err)
	}
	return lackingKeys(secret, keys, aws.ToString(out.SecretString)), nil
}

// lackingKeys looks at a secret's value, which stays here: the error of reading
// it may quote it.
func lackingKeys(secret string, keys []string, value string) Findings {
	var object map[string]any
	if json.Unmarshal([]byte(value), &object) != nil {
		return Findings{{Severity: Blocker, What: "a secret is not a JSON object", Where: secret, Why: "containers are given its keys " + strings.Join(keys, ", "),
			Fix: "aws secretsmanager put-secret-value --secret-id " + secret}}
	}
	missing := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { _, there := object[key]; return there })
	if len(missing) == 0 {
		return nil
	}
	return Findings{{Severity: Blocker, What: "a secret has no key " + strings.Join(missing, ", "), Where: secret, Why: "a task that is given it does not start",
		Fix: "add it to the JSON: aws secretsmanager put-secret-value --secret-id " + secret}}
}
