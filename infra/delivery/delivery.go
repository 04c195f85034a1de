// Package delivery is what lets GitHub's workflows deploy: they have no key, but
// show a token that GitHub signed and get a role of this environment for an hour
// (000_e03a210ce428a44a.txt §7.1).
package delivery

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/part"
	"github.com/prooflink/prooflink/infra/policy"
)

// Props is what the stack needs to know.
type Props struct {
	// Env is the environment.
	Env config.Environment
	// Foundation has buckets, log groups, topics and repositories.
	Foundation foundation.Imports
}

const (
	// issuer signs the tokens of GitHub's workflows.
	issuer = "token.actions.githubusercontent.com"
	// audience is for whom a workflow asks its token.
	audience = "sts.amazonaws.com"
	// sessionHours is how long a workflow has the role.
	sessionHours = 1
)

// New makes everything in a stack.
func New(scope constructs.Construct, props Props) {
	role := awsiam.NewRole(scope, jsii.String("DeployRole"), &awsiam.RoleProps{
		RoleName:           jsii.String(props.Env.Names().DeployRole()),
		Description:        jsii.String("What GitHub's workflows deploy " + props.Env.Env + " with"),
		AssumedBy:          workflows(provider(scope, props.Env.GitHub), props.Env.GitHub),
		MaxSessionDuration: awscdk.Duration_Hours(jsii.Number(sessionHours)),
		InlinePolicies:     &map[string]awsiam.PolicyDocument{"Deploy": policy.Document(permissions(scope, props)...)},
	})
	part.Output(scope, names.OutputDeployRoleArn, role.RoleArn())
}

// provider makes the account's OIDC provider, or names the one that it has: there
// is one per issuer. AWS knows GitHub's certificates, so it has no thumbprint.
func provider(scope constructs.Construct, github config.GitHub) *string {
	if !github.CreateProvider {
		return jsii.String(policy.NewARNs(scope).Global("iam", "oidc-provider/"+issuer))
	}
	return awsiam.NewCfnOIDCProvider(scope, jsii.String("GitHubProvider"), &awsiam.CfnOIDCProviderProps{
		Url: jsii.String("https://" + issuer), ClientIdList: jsii.Strings(audience),
	}).AttrArn()
}

// workflows are who may take the role: those whose token is for AWS and has one
// of the subjects.
func workflows(provider *string, github config.GitHub) awsiam.IPrincipal {
	subjects := subjects(github)
	conditions := map[string]any{"StringEquals": map[string]any{issuer + ":aud": audience, issuer + ":sub": subjects}}
	if strings.ContainsAny(strings.Join(subjects, ""), "*?") {
		conditions = map[string]any{
			"StringEquals": map[string]any{issuer + ":aud": audience},
			"StringLike":   map[string]any{issuer + ":sub": subjects},
		}
	}
	return awsiam.NewFederatedPrincipal(provider, &conditions, jsii.String("sts:AssumeRoleWithWebIdentity"))
}

// subjects lists what a token may say about its workflow. One for the whole
// repository (000_e03a210ce428a44a.txt L869) would let in every branch, tag and
// pull request.
func subjects(github config.GitHub) []string {
	var all []string
	for _, repository := range repositories(github) {
		for _, branch := range github.Branches {
			all = append(all, "repo:"+repository+":ref:refs/heads/"+branch)
		}
		for _, environment := range github.Environments {
			all = append(all, "repo:"+repository+":environment:"+environment)
		}
	}
	return append(all, github.Subjects...)
}

// repositories is how tokens name the repository: by its names and, where it was
// made, renamed or moved since July 2026, with the numbers that it keeps for ever.
func repositories(github config.GitHub) []string {
	all := []string{github.Owner + "/" + github.Repo}
	if github.OwnerID != "" && github.RepoID != "" {
		all = append(all, github.Owner+"@"+github.OwnerID+"/"+github.Repo+"@"+github.RepoID)
	}
	return all
}
