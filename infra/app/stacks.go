package app

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/analytics"
	"github.com/prooflink/prooflink/infra/batch"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/database"
	"github.com/prooflink/prooflink/infra/delivery"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/frontend"
	"github.com/prooflink/prooflink/infra/images"
	"github.com/prooflink/prooflink/infra/migrate"
	"github.com/prooflink/prooflink/infra/monitoring"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/network"
	"github.com/prooflink/prooflink/infra/orchestration"
	"github.com/prooflink/prooflink/infra/security"
	"github.com/prooflink/prooflink/infra/service"
)

// builder makes one environment's stacks.
type builder struct {
	awscdk.App
	env     config.Environment
	digests images.Digests
	account string
	base    awscdk.Stack
}

// build makes the stacks that the environment has, in the order of
// 000_e03a210ce428a44a.txt §9: each depends on those before it that it uses.
func build(cdk awscdk.App, env config.Environment, digests images.Digests, account string) {
	b := builder{App: cdk, env: env, digests: digests, account: account}
	b.base = b.stack(names.Foundation)
	foundation.New(b.base, foundation.Props{Env: env})
	net := network.New(b.stack(names.Network), network.Props{Env: env})
	acl := b.security()
	data := b.database(net)
	front := b.compute(net, data, acl)
	jobs := b.batch(net, data)
	b.monitoring(net, front)
	b.delivery()
	b.optional(net, front, jobs)
	for key, value := range env.Naming.Tags {
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

// has says whether the environment has a stack.
func (b builder) has(role names.StackRole) bool { return slices.Contains(b.env.Stacks(), role) }

// after makes a stack that finds the foundation by its names.
func (b builder) after(role names.StackRole) (awscdk.Stack, foundation.Imports) {
	stack := b.stack(role)
	stack.AddStackDependency(b.base, nil)
	return stack, foundation.Import(stack, b.env)
}

// security makes the stack of the firewall and the audit services.
func (b builder) security() security.Security {
	if !b.has(names.Security) {
		return security.Security{}
	}
	return security.New(b.stack(names.Security), security.Props{Env: b.env})
}

// database makes the stack of the database and its migration.
func (b builder) database(net network.Network) database.Database {
	stack, base := b.after(names.Database)
	data := database.New(stack, database.Props{
		Env: b.env, SubnetIDs: net.PrivateSubnets, SecurityGroupID: net.Groups.Database,
	})
	migrate.New(stack, migrate.Props{Env: b.env, Foundation: base, Digest: b.digests.Batch, Database: data})
	b.warn(stack)
	return data
}

// compute makes the stack of the service.
func (b builder) compute(net network.Network, data database.Database, acl security.Security) service.Service {
	stack, base := b.after(names.Compute)
	made := service.New(stack, service.Props{
		Env: b.env, Foundation: base, Network: net, Database: data, WebACLArn: acl.WebACLArn, Digests: b.digests,
	})
	b.warn(stack)
	return made
}

// batch makes the stack of the import jobs.
func (b builder) batch(net network.Network, data database.Database) batch.Jobs {
	if !b.has(names.Batch) {
		return batch.Jobs{}
	}
	stack, base := b.after(names.Batch)
	made := batch.New(stack, batch.Props{
		Env: b.env, Foundation: base, Network: net, Database: data, Digest: b.digests.Batch,
	})
	b.warn(stack)
	return made
}

// monitoring makes the stack that watches the others.
func (b builder) monitoring(net network.Network, front service.Service) {
	if b.has(names.Monitoring) {
		stack, base := b.after(names.Monitoring)
		monitoring.New(stack, monitoring.Props{Env: b.env, Foundation: base, Service: front, Network: net})
	}
}

// delivery makes the stack that lets workflows deploy.
func (b builder) delivery() {
	if b.has(names.Delivery) {
		stack, base := b.after(names.Delivery)
		delivery.New(stack, delivery.Props{Env: b.env, Foundation: base})
	}
}

// optional makes the stacks that the first version does without.
func (b builder) optional(net network.Network, front service.Service, jobs batch.Jobs) {
	if b.has(names.Analytics) {
		stack, base := b.after(names.Analytics)
		analytics.New(stack, analytics.Props{Env: b.env, Foundation: base})
	}
	if b.has(names.Orchestration) {
		stack, base := b.after(names.Orchestration)
		orchestration.New(stack, orchestration.Props{Env: b.env, Foundation: base, Network: net, Jobs: jobs})
	}
	if b.has(names.Frontend) {
		frontend.New(b.stack(names.Frontend), frontend.Props{Env: b.env, URL: front.URL})
	}
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
