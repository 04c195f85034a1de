package main

import (
	"context"
	"os"
	"strconv"
	"time"

	"github.com/prooflink/prooflink/.dagger/delivery"
	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/internal/dagger"
	"github.com/prooflink/prooflink/.dagger/local"
	"github.com/prooflink/prooflink/.dagger/stacks"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// account is the delivery.Machine that works on an environment's AWS account.
type account struct {
	*Prooflink
	environment config.Environment
	// run is of this run only: what has an effect must not come from a cache.
	run string
}

var _ delivery.Machine = account{}

// account is a new run's.
func (m *Prooflink) account(environment config.Environment) account {
	return account{m, environment, strconv.FormatInt(time.Now().UnixNano(), 36)}
}

// Publish publishes the images to the environment's registry.
func (a account) Publish(ctx context.Context) ([]images.Published, error) {
	to, err := a.target(ctx, a.environment, nil)
	if err != nil {
		return nil, err
	}
	return a.publish(ctx, a.environment, to)
}

// Find asks the environment's registry for this checkout's images; one that it
// lacks is left out.
func (a account) Find(ctx context.Context) ([]images.Published, error) {
	to, err := a.target(ctx, a.environment, nil)
	if err != nil {
		return nil, err
	}
	var published []images.Published
	for _, source := range images.All() {
		tag, err := a.tag(ctx, source, a.environment)
		if err != nil {
			return nil, err
		}
		digest, there, err := to.registry.Find(ctx, source.Repository(a.environment.Names()), tag)
		if err != nil {
			return nil, err
		}
		if there {
			published = append(published, images.Published{Name: source.Name, Tag: tag, Digest: digest})
		}
	}
	return published, nil
}

// findFor finds the images where any of the stacks names some.
func (a account) findFor(ctx context.Context, roles []names.StackRole) ([]images.Published, error) {
	if !stacks.NeedImages(roles) {
		return nil, nil
	}
	return a.Find(ctx)
}

// Synth writes the templates into a folder of this function.
func (a account) Synth(ctx context.Context, published []images.Published) (string, error) {
	dir, err := os.MkdirTemp(".", "assembly-")
	if err != nil {
		return "", err
	}
	_, err = a.synth(a.environment.Env, published).Export(ctx, dir)
	return dir, explain(err)
}

// CDK runs the CDK's command line with the caller's credentials.
func (a account) CDK(ctx context.Context, assembly string, args []string) error {
	container, err := a.authorized(ctx, a.cdk())
	if err != nil {
		return err
	}
	if assembly != "" {
		container = container.WithDirectory(stacks.Assembly, dag.CurrentModule().Workdir(assembly))
	}
	return done(ctx, container.
		WithEnvVariable("PROOFLINK_RUN", a.run).
		WithExec(append([]string{"cdk"}, args...)))
}

// authorized gives a container the access to AWS, or to the emulator.
func (a account) authorized(ctx context.Context, container *dagger.Container) (*dagger.Container, error) {
	if a.Emulator != nil {
		return a.emulated(ctx, container)
	}
	container = container.
		WithEnvVariable("AWS_REGION", a.environment.Region).
		WithSecretVariable("AWS_ACCESS_KEY_ID", a.AwsAccessKeyID).
		WithSecretVariable("AWS_SECRET_ACCESS_KEY", a.AwsSecretAccessKey)
	if plaintext(ctx, a.AwsSessionToken) != "" {
		container = container.WithSecretVariable("AWS_SESSION_TOKEN", a.AwsSessionToken)
	}
	return container, nil
}

// emulated binds the emulator to a container.
func (a account) emulated(ctx context.Context, container *dagger.Container) (*dagger.Container, error) {
	url, err := a.emulatorURL(ctx, awsHost)
	if err != nil {
		return nil, err
	}
	return container.
		WithServiceBinding(awsHost, a.Emulator).
		With(variables(local.Credentials(a.environment.Region))).
		WithEnvVariable("AWS_ENDPOINT_URL", url).
		WithEnvVariable("CDK_S3_FORCE_PATH_STYLE", "1"), nil
}
