package database

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/part"
)

// Services that use the key for somebody.
const (
	rdsService     = "rds"
	secretsService = "secretsmanager"
)

// key makes the database's own key and returns its ARN; nil where AWS's is used.
func (b builder) key() *string {
	if b.Env.DB.KMSKey != config.KeyCMK {
		return nil
	}
	key := awskms.NewCfnKey(b.scope, jsii.String("Key"), &awskms.CfnKeyProps{
		Description:       jsii.String("Encrypts the " + b.Env.Project + " database and its secrets"),
		EnableKeyRotation: jsii.Bool(true),
		KeyPolicy:         b.keyPolicy(),
	})
	key.ApplyRemovalPolicy(part.Removal(b.Env), nil)
	awskms.NewCfnAlias(b.scope, jsii.String("KeyAlias"), &awskms.CfnAliasProps{
		AliasName: jsii.String(b.names.DatabaseKey()), TargetKeyId: key.AttrKeyId(),
	})
	return key.AttrArn()
}

// storageKey is what the storage is encrypted with; nil for AWS's key or none.
func (b builder) storageKey() *string {
	if !b.Env.DB.Encrypted {
		return nil
	}
	return b.keyArn
}

// imported is the key as the secrets' constructs want it; nil for AWS's key. Its
// policy is written here, so they add nothing to it.
func (b builder) imported(id string) awskms.IKey {
	if b.keyArn == nil {
		return nil
	}
	return awskms.Key_FromKeyArn(b.scope, jsii.String(id), b.keyArn)
}

// keyPolicy lets the account's own policies decide, within two limits: nobody
// uses the key but through RDS and Secrets Manager, and who administers it
// cannot decrypt. The principal is the account, which stands for whomever its
// policies allow, and "*" in a key's own policy is that key.
func (b builder) keyPolicy() awsiam.PolicyDocument {
	use := b.keyStatement("UseThroughServices", "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*")
	use.AddCondition(jsii.String("StringEquals"), map[string]any{
		"kms:ViaService": []*string{viaService(b.scope, rdsService), viaService(b.scope, secretsService)},
	})
	grant := b.keyStatement("GrantToTheDatabase", "kms:CreateGrant")
	grant.AddCondition(jsii.String("StringEquals"), map[string]any{"kms:ViaService": viaService(b.scope, rdsService)})
	grant.AddCondition(jsii.String("Bool"), map[string]any{"kms:GrantIsForAWSResource": "true"})
	return awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{
		Statements: &[]awsiam.PolicyStatement{b.keyStatement("Administer", administration()...), use, grant},
	})
}

// administration is what can be done with a key besides using it.
func administration() []string {
	return []string{"kms:Describe*", "kms:List*", "kms:Get*", "kms:Put*", "kms:Update*", "kms:Enable*", "kms:Disable*",
		"kms:TagResource", "kms:UntagResource", "kms:CreateAlias", "kms:DeleteAlias", "kms:RevokeGrant",
		"kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion"}
}

// keyStatement allows the account some of the key's actions.
func (b builder) keyStatement(sid string, actions ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String(sid), Principals: &[]awsiam.IPrincipal{awsiam.NewAccountRootPrincipal()},
		Actions: jsii.Strings(actions...), Resources: jsii.Strings("*"),
	})
}

// viaService is how a key's conditions name an AWS service in the stack's region.
func viaService(scope constructs.IConstruct, service string) *string {
	return jsii.String(service + "." + *awscdk.Stack_Of(scope).Region() + ".amazonaws.com")
}
