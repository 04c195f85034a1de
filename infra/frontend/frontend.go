// Package frontend is the front end on Amplify (000_e03a210ce428a44a.txt §8.4):
// the pages of app/, which ask the service for everything else.
package frontend

import (
	_ "embed" // for the build's specification

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsamplify"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/policy"
)

// Props is what the stack needs to know.
type Props struct {
	// Env is the environment.
	Env config.Environment
	// URL is where the service answers.
	URL *string
}

// buildSpec is how Amplify builds.
//
//go:embed amplify.yml
var buildSpec string

// New makes everything in a stack.
func New(scope constructs.Construct, props Props) {
	role := awsiam.NewRole(scope, jsii.String("Role"), &awsiam.RoleProps{
		RoleName:    jsii.String(props.Env.Names().FrontendRole()),
		Description: jsii.String("What Amplify builds and logs with"),
		AssumedBy:   policy.Service(scope, "amplify.amazonaws.com"),
	})
	app := newApp(scope, props, role)
	allowLogs(scope, props.Env, role, app)
	branches := newBranches(scope, props.Env, app)
	if props.Env.DNS.ZoneID != "" && len(branches) > 0 {
		newDomain(scope, props.Env, app, branches[0])
	}
}

// newApp connects the repository. GitHub wants a token for that: a person puts
// one into the secret before the first deploy, and it is in no template.
func newApp(scope constructs.Construct, props Props, role awsiam.Role) awsamplify.CfnApp {
	env, github := props.Env, props.Env.GitHub
	token := awscdk.SecretValue_SecretsManager(jsii.String(env.Names().GitHubTokenSecret()), nil)
	return awsamplify.NewCfnApp(scope, jsii.String("App"), &awsamplify.CfnAppProps{
		Name: jsii.String(env.Names().Frontend()), Platform: jsii.String("WEB_COMPUTE"),
		Description: jsii.String("The pages of " + env.Names().Prefix()),
		Repository:  jsii.String("https://github.com/" + github.Owner + "/" + github.Repo),
		AccessToken: token.UnsafeUnwrap(), BuildSpec: jsii.String(buildSpec), IamServiceRole: role.RoleArn(),
		EnvironmentVariables: variables(props),
		BasicAuthConfig:      basicAuth(scope, env),
	})
}

// variables are the build's: where the service is, where in the repository the
// pages are, and what the browsers' log is told.
func variables(props Props) []any {
	list := []any{variable("AMPLIFY_MONOREPO_APP_ROOT", "app"), variable("NEXT_PUBLIC_API_URL", *props.URL)}
	logging := props.Env.Logging.ClientVariables()
	for _, name := range sorted(logging) {
		list = append(list, variable(name, logging[name]))
	}
	return list
}

// variable is one of them.
func variable(name, value string) any {
	return awsamplify.CfnApp_EnvironmentVariableProperty{Name: jsii.String(name), Value: jsii.String(value)}
}

// allowLogs lets the pages' server write its log, in a group that ends.
func allowLogs(scope constructs.Construct, env config.Environment, role awsiam.Role, app awsamplify.CfnApp) {
	group := newLogGroup(scope, env, app)
	arn := *group.AttrArn()
	policy.Grant(role,
		policy.Permission{Sid: "WriteLogs", Actions: []string{"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"},
			Resources: []string{arn}},
		policy.Permission{Sid: "FindLogs", Actions: []string{"logs:DescribeLogGroups"}, Resources: policy.Everything},
	)
}
