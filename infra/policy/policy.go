// Package policy is how roles get what they may do: as tables of permissions on
// things that other stacks have, by their names.
package policy

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Everything is the resource of actions that AWS cannot limit to one.
var Everything = []string{"*"}

// Permission is one statement of a role's policy.
type Permission struct {
	// Sid says what it is for, e.g. "PushImages".
	Sid string
	// Actions are allowed.
	Actions []string
	// Resources are what they are allowed on.
	Resources []string
	// Conditions limit them further; nil for none.
	Conditions map[string]any
}

// statement is the permission as the CDK has it.
func (p Permission) statement() awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String(p.Sid), Actions: jsii.Strings(p.Actions...), Resources: jsii.Strings(p.Resources...),
		Conditions: &p.Conditions,
	})
}

// Grant adds permissions to a role.
func Grant(role awsiam.Role, permissions ...Permission) {
	for _, p := range permissions {
		role.AddToPolicy(p.statement())
	}
}

// Document is a policy that a role is made with. However long, it stays one,
// where Grant would have the CDK cut it by what it guesses of its length.
func Document(permissions ...Permission) awsiam.PolicyDocument {
	var statements []awsiam.PolicyStatement
	for _, p := range permissions {
		statements = append(statements, p.statement())
	}
	return awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &statements})
}

// Equals is the condition that a key has one of the values.
func Equals(key string, values ...string) map[string]any {
	return map[string]any{"StringEquals": map[string]any{key: values}}
}

// Service is a service of AWS that takes a role, for this account only: without
// the condition another account could make it use the role.
func Service(scope constructs.Construct, name string) awsiam.IPrincipal {
	account := *awscdk.Stack_Of(scope).Account()
	conditions := Equals("aws:SourceAccount", account)
	return awsiam.NewServicePrincipal(jsii.String(name), &awsiam.ServicePrincipalOpts{Conditions: &conditions})
}

// ARNs makes the ARNs of things from their names.
type ARNs struct {
	// Partition is "aws", or that of China or the government.
	Partition string
	// Region is the stack's.
	Region string
	// Account is the stack's.
	Account string
}

// NewARNs knows where a construct is.
func NewARNs(scope constructs.Construct) ARNs {
	stack := awscdk.Stack_Of(scope)
	return ARNs{Partition: *stack.Partition(), Region: *stack.Region(), Account: *stack.Account()}
}

// Regional is the ARN of something that is in the region, e.g.
// Regional("ecs", "cluster/prooflink-dev-cluster").
func (a ARNs) Regional(service, resource string) string {
	return "arn:" + a.Partition + ":" + service + ":" + a.Region + ":" + a.Account + ":" + resource
}

// Global is the ARN of something that the whole account has, e.g.
// Global("iam", "role/prooflink-dev-ecs-task-role").
func (a ARNs) Global(service, resource string) string {
	return "arn:" + a.Partition + ":" + service + "::" + a.Account + ":" + resource
}

// Roles are the ARNs of roles.
func (a ARNs) Roles(names ...string) []string {
	var all []string
	for _, name := range names {
		all = append(all, a.Global("iam", "role/"+name))
	}
	return all
}
