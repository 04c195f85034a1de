package frontend

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsamplify"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/part"
)

// passwordLength is the generated password's.
const passwordLength = 24

// basicAuth keeps everybody out who doesn't know the password, except in prod
// (000_e03a210ce428a44a.txt L958); nil for none.
func basicAuth(scope constructs.Construct, env config.Environment) any {
	if env.Env == config.Production {
		return nil
	}
	secret := awssecretsmanager.NewSecret(scope, jsii.String("Password"), &awssecretsmanager.SecretProps{
		SecretName:  jsii.String(env.Names().FrontendPasswordSecret()),
		Description: jsii.String("Password before the front end; the user is " + env.Project),
		GenerateSecretString: &awssecretsmanager.SecretStringGenerator{
			PasswordLength: jsii.Number(passwordLength), ExcludePunctuation: jsii.Bool(true),
		},
		RemovalPolicy: part.Removal(env),
	})
	return awsamplify.CfnApp_BasicAuthConfigProperty{
		EnableBasicAuth: jsii.Bool(true), Username: jsii.String(env.Project), Password: secret.SecretValue().UnsafeUnwrap(),
	}
}

// newBranches builds each branch when it is pushed.
func newBranches(scope constructs.Construct, env config.Environment, app awsamplify.CfnApp) []awsamplify.CfnBranch {
	stage := "DEVELOPMENT"
	if env.Env == config.Production {
		stage = "PRODUCTION"
	}
	var made []awsamplify.CfnBranch
	for _, branch := range env.Optional.AmplifyBranches {
		made = append(made, awsamplify.NewCfnBranch(scope, jsii.String("Branch-"+branch), &awsamplify.CfnBranchProps{
			AppId: app.AttrAppId(), BranchName: jsii.String(branch), Stage: jsii.String(stage),
			EnableAutoBuild: jsii.Bool(true), Framework: jsii.String("Next.js - SSR"),
		}))
	}
	return made
}

// newDomain gives the first branch a name in the zone, beside the service's own:
// "prooflink-dev-frontend.example.com". Amplify makes certificate and records.
func newDomain(scope constructs.Construct, env config.Environment, app awsamplify.CfnApp, branch awsamplify.CfnBranch) {
	awsamplify.NewCfnDomain(scope, jsii.String("Domain"), &awsamplify.CfnDomainProps{
		AppId: app.AttrAppId(), DomainName: jsii.String(env.DNS.ZoneName),
		SubDomainSettings: []any{awsamplify.CfnDomain_SubDomainSettingProperty{
			BranchName: branch.AttrBranchName(), Prefix: jsii.String(env.Names().Frontend()),
		}},
	})
}

// newLogGroup is where Amplify looks for one, by the app's id.
func newLogGroup(scope constructs.Construct, env config.Environment, app awsamplify.CfnApp) awslogs.CfnLogGroup {
	return part.LogGroup(scope, env, "Logs", "/aws/amplify/"+*app.AttrAppId(), env.Logging.Retention.App)
}

// sorted lists a map's keys in their order.
func sorted(values map[string]string) []string { return slices.Sorted(maps.Keys(values)) }
