package database

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/part"
)

const (
	// passwordKey is the credentials' key that is generated.
	passwordKey = "password"
	// passwordLength is the generated master password's.
	passwordLength = 30
	// authSecretLength gives NEXTAUTH_SECRET the strength of the seed's 64
	// random bytes in base64 (004_9a2c9db51dc67ef8.txt L790-794).
	authSecretLength = 86
	// unsafe leaves "-", "_" and "." of the punctuation. RDS refuses some of the
	// rest, and all of it would have to be escaped in a URL.
	unsafe = "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~"
	// AuthSecretKey is the key of the application's secret.
	AuthSecretKey = "NEXTAUTH_SECRET"
	// URLKey is the key of the secret with the database's URL, and the variable.
	URLKey = "DATABASE_URL"
)

// SecretVariable is an environment variable whose value is a key of a secret.
type SecretVariable struct {
	// Name is the variable's, e.g. "DB_HOST".
	Name string
	// Key is the secret's JSON key, e.g. "host".
	Key string
	// SecretArn is the complete ARN of the secret.
	SecretArn *string
}

// ValueFrom is how ECS and Batch name the key of a secret.
func (v SecretVariable) ValueFrom() *string {
	return jsii.String(*v.SecretArn + ":" + v.Key + "::")
}

// Secrets are the variables by which a container reaches the database: the parts
// of the credentials, of which the programs compose the URL, or the URL itself.
// RDS's own secret has no DATABASE_URL (004_9a2c9db51dc67ef8.txt L772 wants one).
func (d Database) Secrets() []SecretVariable {
	if d.URLSecretArn != nil {
		return []SecretVariable{{Name: URLKey, Key: URLKey, SecretArn: d.URLSecretArn}}
	}
	return []SecretVariable{
		{"DB_HOST", "host", d.SecretArn},
		{"DB_PORT", "port", d.SecretArn},
		{"DB_NAME", "dbname", d.SecretArn},
		{"DB_USERNAME", "username", d.SecretArn},
		{"DB_PASSWORD", "password", d.SecretArn},
	}
}

// ReadableArn is the complete ARN of the one secret that Secrets has variables of.
func (d Database) ReadableArn() *string { return d.Secrets()[0].SecretArn }

// GrantDecrypt lets a role read secrets that the database's own key encrypts,
// through Secrets Manager only. It adds nothing where that is AWS's key, which
// lets every reader of a secret use it.
func (d Database) GrantDecrypt(role awsiam.IRole) {
	if d.KeyArn == nil {
		return
	}
	role.AddToPrincipalPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("DecryptSecrets"), Actions: jsii.Strings("kms:Decrypt"), Resources: &[]*string{d.KeyArn},
		Conditions: &map[string]any{"StringEquals": map[string]*string{"kms:ViaService": viaService(role, secretsService)}},
	}))
}

// credentials generates the master user's password, of letters, digits and
// symbols (004_9a2c9db51dc67ef8.txt L455).
func (b builder) credentials() awssecretsmanager.Secret {
	return b.secret("Credentials", b.names.DatabaseSecret(), "RDS PostgreSQL credentials for ProofLink",
		&awssecretsmanager.SecretStringGenerator{
			SecretStringTemplate: jsii.String(`{"username":"` + masterUser + `"}`),
			GenerateStringKey:    jsii.String(passwordKey),
			PasswordLength:       jsii.Number(passwordLength),
			ExcludeCharacters:    jsii.String(unsafe),
		})
}

// appSecret generates what signs the sessions and returns its complete ARN.
func (b builder) appSecret() *string {
	return completeArn(b.secret("AppSecret", b.names.AppSecret(), "Application secrets for ProofLink",
		&awssecretsmanager.SecretStringGenerator{
			SecretStringTemplate: jsii.String("{}"),
			GenerateStringKey:    jsii.String(AuthSecretKey),
			PasswordLength:       jsii.Number(authSecretLength),
			ExcludeCharacters:    jsii.String(unsafe),
		}))
}

// secret makes a secret that Secrets Manager generates, encrypted with the
// database's key or else with AWS's.
func (b builder) secret(id, name, description string, generator *awssecretsmanager.SecretStringGenerator) awssecretsmanager.Secret {
	return awssecretsmanager.NewSecret(b.scope, jsii.String(id), &awssecretsmanager.SecretProps{
		SecretName: jsii.String(name), Description: jsii.String(description),
		EncryptionKey: b.imported(id + "Key"), GenerateSecretString: generator, RemovalPolicy: part.Removal(b.Env),
	})
}

// urlSecret makes the secret with the database's URL and returns its complete
// ARN; nil where the programs compose the URL. CloudFormation puts the password
// in, so the template doesn't have it; after a rotation the old one stays until
// the secret changes. Nothing in it needs escaping: see unsafe.
func (b builder) urlSecret(credentials awssecretsmanager.Secret, server server) *string {
	if b.Env.DB.URLMode != config.URLSecret {
		return nil
	}
	url := fmt.Sprintf("postgresql://%s:%s@%s:%d/%s?sslmode=%s", masterUser,
		*credentials.SecretValueFromJson(jsii.String(passwordKey)).UnsafeUnwrap(), *server.host, postgresPort,
		b.Env.DB.Name, b.Env.DB.SSLMode)
	return completeArn(awssecretsmanager.NewSecret(b.scope, jsii.String("DatabaseUrl"), &awssecretsmanager.SecretProps{
		SecretName: jsii.String(b.names.DatabaseURLSecret()), Description: jsii.String("The URL of the ProofLink database"),
		EncryptionKey: b.imported("DatabaseUrlKey"), RemovalPolicy: part.Removal(b.Env),
		SecretObjectValue: &map[string]awscdk.SecretValue{URLKey: awscdk.SecretValue_UnsafePlainText(&url)},
	}))
}

// completeArn is a secret's ARN. The attribute and the reference are the same in
// AWS; an emulator answers a reference with the name.
func completeArn(secret awssecretsmanager.Secret) *string {
	return secret.Node().DefaultChild().(awssecretsmanager.CfnSecret).AttrId()
}
