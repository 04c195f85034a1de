// Package delivery is what lets GitHub's workflows deploy: they have no key, but
// show a token that GitHub signed and get a role of this environment for an hour
// (000_e03a210ce428a44a.txt §7.1). One role deploys. Another only reads, so that
// a plan can be made before anybody has approved anything.
package delivery

import (
	"slices"
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
	env, n := props.Env, props.Env.Names()
	issuedBy := provider(scope, env.GitHub)
	read := newReadPolicies(scope, props)
	deployer := newRole(scope, "DeployRole", awsiam.RoleProps{
		RoleName:        jsii.String(n.DeployRole()),
		Description:     jsii.String("What GitHub's workflows deploy " + env.Env + " with"),
		AssumedBy:       workflows(issuedBy, deployers(env.GitHub)),
		ManagedPolicies: read,
		InlinePolicies:  &map[string]awsiam.PolicyDocument{"Deploy": policy.Document(permissions(scope, props)...)},
	})
	part.Output(scope, names.OutputDeployRoleArn, deployer.RoleArn())
	if len(env.GitHub.PlanEnvironments) == 0 {
		return
	}
	planner := newRole(scope, "PlanRole", awsiam.RoleProps{
		RoleName:        jsii.String(n.PlanRole()),
		Description:     jsii.String("What GitHub's workflows plan a deploy of " + env.Env + " with"),
		AssumedBy:       workflows(issuedBy, environments(env.GitHub, env.GitHub.PlanEnvironments)),
		ManagedPolicies: read,
	})
	part.Output(scope, names.OutputPlanRoleArn, planner.RoleArn())
}

// newRole makes a role that lasts an hour.
func newRole(scope constructs.Construct, id string, props awsiam.RoleProps) awsiam.Role {
	props.MaxSessionDuration = awscdk.Duration_Hours(jsii.Number(sessionHours))
	return awsiam.NewRole(scope, jsii.String(id), &props)
}

// newReadPolicies makes the policies that both roles have. They are no part of a
// role because those together have 10,240 characters at most, and two because
// such a one has 6,144.
func newReadPolicies(scope constructs.Construct, props Props) *[]awsiam.IManagedPolicy {
	n, env := props.Env.Names(), props.Env.Env
	return &[]awsiam.IManagedPolicy{
		newPolicy(scope, "ReadPolicy", n.ReadPolicy(), "How "+env+" is, for GitHub's workflows", reading(scope, props)),
		newPolicy(scope, "CheckPolicy", n.CheckPolicy(), "Whether a deploy of "+env+" can succeed, for GitHub's workflows", checking(scope, props)),
	}
}

// newPolicy makes a policy beside the roles.
func newPolicy(scope constructs.Construct, id, name, description string, all []policy.Permission) awsiam.IManagedPolicy {
	return awsiam.NewManagedPolicy(scope, jsii.String(id), &awsiam.ManagedPolicyProps{
		ManagedPolicyName: jsii.String(name), Description: jsii.String(description), Document: policy.Document(all...),
	})
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

// workflows are who may take a role: those whose token is for AWS and has one of
// the subjects.
func workflows(provider *string, subjects []string) awsiam.IPrincipal {
	conditions := map[string]any{"StringEquals": map[string]any{issuer + ":aud": audience, issuer + ":sub": subjects}}
	if strings.ContainsAny(strings.Join(subjects, ""), "*?") {
		conditions = map[string]any{
			"StringEquals": map[string]any{issuer + ":aud": audience},
			"StringLike":   map[string]any{issuer + ":sub": subjects},
		}
	}
	return awsiam.NewFederatedPrincipal(provider, &conditions, jsii.String("sts:AssumeRoleWithWebIdentity"))
}

// deployers lists what a token may say about a workflow that deploys. One for
// the whole repository (000_e03a210ce428a44a.txt L869) would let in every branch,
// tag and pull request.
func deployers(github config.GitHub) []string {
	var all []string
	for _, repository := range repositories(github) {
		for _, branch := range github.Branches {
			all = append(all, "repo:"+repository+":ref:refs/heads/"+branch)
		}
	}
	return slices.Concat(all, environments(github, github.Environments), github.Subjects)
}

// environments lists what the tokens of jobs in GitHub's environments say. Such
// a token names the environment and neither branch nor tag.
func environments(github config.GitHub, names []string) []string {
	var all []string
	for _, repository := range repositories(github) {
		for _, name := range names {
			all = append(all, "repo:"+repository+":environment:"+name)
		}
	}
	return all
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
