package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/prooflink/prooflink/.dagger/caller"
	"github.com/prooflink/prooflink/.dagger/deployed"
	"github.com/prooflink/prooflink/.dagger/jobs"
	"github.com/prooflink/prooflink/.dagger/stacks"
	"github.com/prooflink/prooflink/.dagger/sweep"
	"github.com/prooflink/prooflink/infra/config"
)

// Prepare the environment's account and region for the CDK, once.
//
// It runs `cdk bootstrap`: the stack CDKToolkit gets a bucket and a repository
// for what templates refer to, the roles that deploy, and a parameter with its
// version. All environments of the account share it; again, it is brought up to
// date. Your credentials must be allowed to make roles.
//
// +cache="never"
func (m *Prooflink) Bootstrap(
	ctx context.Context,
	// The environment whose account and region are prepared: "dev" or "prod".
	//
	// +default="dev"
	env string,
) (string, error) {
	environment, id, err := m.open(ctx, env)
	if err != nil {
		return "", err
	}
	if err := m.account(environment).CDK(ctx, "", stacks.BootstrapCommand(id, environment.Region)); err != nil {
		return "", fmt.Errorf("bootstrap account %s in %s: %w", id, environment.Region, err)
	}
	return fmt.Sprintf(bootstrapped, id, environment.Region, environment.Env), nil
}

// bootstrapped says what an account has afterwards (AWS CDK Developer Guide,
// "Bootstrap your environment for use with the AWS CDK").
const bootstrapped = `Account %[1]s is ready in %[2]s. Its stack CDKToolkit has:
  bucket      cdk-hnb659fds-assets-%[1]s-%[2]s: templates and other files
  repository  cdk-hnb659fds-container-assets-%[1]s-%[2]s: stays empty, this project has its own
  roles       cdk-hnb659fds-{deploy,lookup,file-publishing,image-publishing}-role-…, which your credentials may become,
              and cdk-hnb659fds-cfn-exec-role-…, with which CloudFormation works: it has AdministratorAccess
  parameter   /cdk-bootstrap/hnb659fds/version
All environments of the account share it, so destroy leaves it.
Next: dagger call deploy --env %[3]s --plan
`

// open loads an environment and finds out its account.
func (m *Prooflink) open(ctx context.Context, env string) (config.Environment, string, error) {
	environment, err := config.Load(env)
	if err != nil {
		return config.Environment{}, "", err
	}
	if env == localEnv && m.Emulator == nil {
		return config.Environment{}, "", errors.New(`the environment "local" has no AWS account; use "dev" or "prod", or give an emulator, like --emulator tcp://localhost:4566`)
	}
	access, err := m.awsConfig(ctx, environment)
	if err != nil {
		return config.Environment{}, "", err
	}
	id, err := caller.Account(ctx, access, environment.Account)
	return environment, id, err
}

// Destroy an environment: its stacks, then what CloudFormation leaves behind.
//
// Without --confirm it says what would be deleted, and with which data. An
// environment that keeps its data, like "prod", is refused with what to do
// first. A run that was interrupted is finished by the next one.
//
// +cache="never"
func (m *Prooflink) Destroy(
	ctx context.Context,
	// The environment: "dev".
	env string,
	// The confirmation: project and environment, like "prooflink-dev".
	//
	// +optional
	confirm string,
) (string, error) {
	environment, err := config.Load(env)
	if err != nil {
		return "", err
	}
	if err := stacks.CheckDestroyable(environment); err != nil {
		return "", err
	}
	at, err := m.reach(ctx, env)
	if err != nil {
		return "", err
	}
	formation := deployed.In(at.access)
	present, err := formation.Stacks(ctx, stacks.All(environment))
	if err != nil {
		return "", err
	}
	if err := stacks.CheckUnprotected(environment, present); err != nil {
		return "", err
	}
	if err := stacks.CheckConfirmed(environment, confirm, at.account, present, sweep.Of(environment).Text()); err != nil {
		return "", err
	}
	var deleted jobs.Results
	// What is swept afterwards has the lock itself in it.
	err = m.underLock(ctx, at, "destroy", func(ctx context.Context) error {
		deleted, err = stacks.Destroy(ctx, m.account(environment), formation, environment, present)
		return err
	})
	if err != nil {
		return "", err
	}
	return stacks.Finish(ctx, environment, at.access, deleted)
}
