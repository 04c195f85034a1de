package app

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/batch"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/database"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/images"
	"github.com/prooflink/prooflink/infra/migrate"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/network"
	"github.com/prooflink/prooflink/infra/service"
)

// builder makes one environment's stacks.
type builder struct {
	awscdk.App
	env     config.Environment
	digests images.Digests
	account string
}

// build makes the stacks in the order of 000_e03a210ce428a44a.txt §9: each
// depends on those before it that it uses.
func build(cdk awscdk.App, env config.Environment, digests images.Digests, account string) {
	b := builder{App: cdk, env: env, digests: digests, account: account}
	base := b.stack(names.Foundation)
	foundation.New(base, foundation.Props{Env: env})
	net := network.New(b.stack(names.Network), network.Props{Env: env})
	data := b.database(base, net)
	b.compute(base, net, data)
	b.batch(base, net, data)
	for key, value := range tags(env) {
		awscdk.Tags_Of(cdk).Add(jsii.String(key), jsii.String(value), nil)
	}
	awscdk.Validations_Of(cdk).Acknowledge(acknowledged()...)
}

// acknowledged are the findings of the CDK's own validation that stand on purpose.
func acknowledged() []*awscdk.Acknowledgment {
	return []*awscdk.Acknowledgment{{
		Id:     jsii.String("CloudFormation-Validate::W3010"),
		Reason: jsii.String("Zones are configured: subnets must be where the ranges and names say."),
	}}
}

// tags are on every resource.
func tags(env config.Environment) map[string]string {
	return map[string]string{"Project": env.Project, "Environment": env.Env, "ManagedBy": "cdk"}
}

// database makes the stack of the database and its migration.
func (b builder) database(base awscdk.Stack, net network.Network) database.Database {
	stack := b.stack(names.Database)
	stack.AddStackDependency(base, nil)
	data := database.New(stack, database.Props{
		Env: b.env, SubnetIDs: net.PrivateSubnets, SecurityGroupID: net.Groups.Database,
	})
	migrate.New(stack, migrate.Props{
		Env: b.env, Foundation: foundation.Import(stack, b.env), Digest: b.digests.Batch, SecretArn: data.SecretArn,
	})
	b.warn(stack)
	return data
}

// compute makes the stack of the service.
func (b builder) compute(base awscdk.Stack, net network.Network, data database.Database) {
	stack := b.stack(names.Compute)
	stack.AddStackDependency(base, nil)
	service.New(stack, service.Props{
		Env: b.env, Foundation: foundation.Import(stack, b.env), Network: net,
		SecretArn: data.SecretArn, AppSecretArn: data.AppSecretArn, Digests: b.digests,
	})
	b.warn(stack)
}

// batch makes the stack of the import jobs.
func (b builder) batch(base awscdk.Stack, net network.Network, data database.Database) {
	stack := b.stack(names.Batch)
	stack.AddStackDependency(base, nil)
	batch.New(stack, batch.Props{
		Env: b.env, Foundation: foundation.Import(stack, b.env), Network: net,
		SecretArn: data.SecretArn, Digest: b.digests.Batch,
	})
	b.warn(stack)
}

// stack makes an empty stack in the environment's account and region. Where
// data is kept, the stack cannot be deleted by one command either.
func (b builder) stack(role names.StackRole) awscdk.Stack {
	account := b.env.Account
	if account == "" {
		account = b.account
	}
	return awscdk.NewStack(b.App, jsii.String(b.env.Names().Stack(role)), &awscdk.StackProps{
		Description:           jsii.String(fmt.Sprintf("ProofLink %s: %s", b.env.Env, strings.ToLower(string(role)))),
		Env:                   &awscdk.Environment{Account: optional(account), Region: jsii.String(b.env.Region)},
		TerminationProtection: jsii.Bool(b.env.Removal.Policy == config.RemovalRetain),
	})
}

// warn marks a template that nobody can run.
func (b builder) warn(stack awscdk.Stack) {
	if !b.digests.Deployable() {
		awscdk.Annotations_Of(stack).AddWarningV2(jsii.String("prooflink:placeholder-digest"),
			jsii.String("An image has no digest: this template is for review, not for deploying."))
	}
}
