package main

import (
	"context"
	"fmt"
	"net"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscredentials "github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/prooflink/prooflink/.dagger/ecrlogin"
	"github.com/prooflink/prooflink/.dagger/internal/dagger"
	"github.com/prooflink/prooflink/.dagger/local"
	"github.com/prooflink/prooflink/infra/config"
)

// attempts is how often a call is tried: reading a whole environment is enough
// calls for AWS to throttle some.
const attempts = 8

// awsConfig is the caller's access to AWS. Its error names the variables that
// are looked for.
func (m *Prooflink) awsConfig(ctx context.Context, environment config.Environment) (aws.Config, error) {
	if m.Emulator != nil {
		return m.emulatorConfig(ctx, environment)
	}
	id, secret := plaintext(ctx, m.AwsAccessKeyID), plaintext(ctx, m.AwsSecretAccessKey)
	if id == "" || secret == "" {
		return aws.Config{}, fmt.Errorf(`no AWS credentials for environment %q: looked for the variables AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary credentials, AWS_SESSION_TOKEN (the module's .env reads them from your shell); set them, for example with: eval "$(aws configure export-credentials --format env)"`, environment.Env)
	}
	token := plaintext(ctx, m.AwsSessionToken)
	return aws.Config{
		Region:      environment.Region,
		Credentials: awscredentials.NewStaticCredentialsProvider(id, secret, token),

		RetryMaxAttempts: attempts,
	}, nil
}

// emulatorConfig leads to the emulator and nowhere else.
func (m *Prooflink) emulatorConfig(ctx context.Context, environment config.Environment) (aws.Config, error) {
	url, err := m.emulatorURL(ctx, "")
	if err != nil {
		return aws.Config{}, err
	}
	return aws.Config{
		Region:       environment.Region,
		BaseEndpoint: &url,
		Credentials:  awscredentials.NewStaticCredentialsProvider(local.Account, "emulated", ""),

		RetryMaxAttempts: attempts,
	}, nil
}

// emulatorURL starts the emulator and returns its address: as this function
// reaches it, or by the host name that it is bound to in a container.
func (m *Prooflink) emulatorURL(ctx context.Context, host string) (string, error) {
	service, err := m.Emulator.Start(ctx)
	if err != nil {
		return "", fmt.Errorf("start the emulator: %w", explain(err))
	}
	endpoint, err := service.Endpoint(ctx)
	if err != nil {
		return "", fmt.Errorf("reach the emulator: %w", err)
	}
	if host == "" {
		return "http://" + endpoint, nil
	}
	_, port, err := net.SplitHostPort(endpoint)
	if err != nil {
		return "", fmt.Errorf("read the emulator's address %s: %w", endpoint, err)
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

// plaintext reads a secret; one whose variable isn't set counts as absent.
func plaintext(ctx context.Context, secret *dagger.Secret) string {
	if secret == nil {
		return ""
	}
	text, err := secret.Plaintext(ctx)
	if err != nil {
		return ""
	}
	return text
}

func (m *Prooflink) ecrTarget(ctx context.Context, environment config.Environment) (target, error) {
	access, err := m.awsConfig(ctx, environment)
	if err != nil {
		return target{}, err
	}
	login, err := ecrlogin.Login(ctx, access, environment.Account)
	if err != nil {
		return target{}, err
	}
	return target{
		registry: login,
		address:  login.Host,
		password: dag.SetSecret("ecr-password", login.Password),
	}, nil
}
