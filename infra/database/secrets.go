package database

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
)

const (
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
)

// Variable is an environment variable and the credentials' key that it has.
type Variable struct {
	// Name is the variable's, e.g. "DB_HOST".
	Name string
	// Key is the secret's JSON key, e.g. "host".
	Key string
}

// Variables are how containers get the credentials. RDS's secret has these keys
// and no DATABASE_URL (004_9a2c9db51dc67ef8.txt L772 wants one); the programs
// compose it.
func Variables() []Variable {
	return []Variable{
		{"DB_HOST", "host"},
		{"DB_PORT", "port"},
		{"DB_NAME", "dbname"},
		{"DB_USERNAME", "username"},
		{"DB_PASSWORD", "password"},
	}
}

// newCredentials generates the master user's password, of letters, digits and
// symbols (004_9a2c9db51dc67ef8.txt L455).
func newCredentials(scope constructs.Construct, env config.Environment) awssecretsmanager.Secret {
	return awssecretsmanager.NewSecret(scope, jsii.String("Credentials"), &awssecretsmanager.SecretProps{
		SecretName:  jsii.String(env.Names().DatabaseSecret()),
		Description: jsii.String("RDS PostgreSQL credentials for ProofLink"),
		GenerateSecretString: &awssecretsmanager.SecretStringGenerator{
			SecretStringTemplate: jsii.String(`{"username":"` + masterUser + `"}`),
			GenerateStringKey:    jsii.String("password"),
			PasswordLength:       jsii.Number(passwordLength),
			ExcludeCharacters:    jsii.String(unsafe),
		},
		RemovalPolicy: removal(env),
	})
}

// newAppSecret generates what signs the sessions and returns its complete ARN.
func newAppSecret(scope constructs.Construct, env config.Environment) *string {
	secret := awssecretsmanager.NewSecret(scope, jsii.String("AppSecret"), &awssecretsmanager.SecretProps{
		SecretName:  jsii.String(env.Names().AppSecret()),
		Description: jsii.String("Application secrets for ProofLink"),
		GenerateSecretString: &awssecretsmanager.SecretStringGenerator{
			SecretStringTemplate: jsii.String("{}"),
			GenerateStringKey:    jsii.String(AuthSecretKey),
			PasswordLength:       jsii.Number(authSecretLength),
			ExcludeCharacters:    jsii.String(unsafe),
		},
		RemovalPolicy: removal(env),
	})
	// The attribute and the reference are the same ARN in AWS; an emulator
	// answers a reference with the name.
	return secret.Node().DefaultChild().(awssecretsmanager.CfnSecret).AttrId()
}

// removal is what becomes of a secret when its stack is deleted.
func removal(env config.Environment) awscdk.RemovalPolicy {
	if env.Removal.Policy == config.RemovalDestroy {
		return awscdk.RemovalPolicy_DESTROY
	}
	return awscdk.RemovalPolicy_RETAIN
}
