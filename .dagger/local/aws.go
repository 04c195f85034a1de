package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/prooflink/prooflink/.dagger/definition"
	"github.com/prooflink/prooflink/.dagger/images"
)

// Account is the emulator's account; an access key of twelve digits names it.
const Account = "000000000000"

// Credentials are what the emulator takes: no secret, and of no use elsewhere.
func Credentials(region string) map[string]string {
	return map[string]string{
		"AWS_ACCESS_KEY_ID":         Account,
		"AWS_SECRET_ACCESS_KEY":     "emulated",
		"AWS_REGION":                region,
		"AWS_DEFAULT_REGION":        region,
		"AWS_EC2_METADATA_DISABLED": "true",
	}
}

type clients struct {
	cloudformation *cloudformation.Client
	ecs            *ecs.Client
	batch          *batch.Client
	s3             *s3.Client
	secrets        *secretsmanager.Client
}

// connect builds clients that can reach nothing but the emulator: endpoint and
// credentials are set here, and no configuration of the machine is read.
func connect(url, region string) clients {
	config := aws.Config{
		Region:       region,
		BaseEndpoint: &url,
		Credentials:  credentials.NewStaticCredentialsProvider(Account, "emulated", ""),
	}
	return clients{
		cloudformation: cloudformation.NewFromConfig(config),
		ecs:            ecs.NewFromConfig(config),
		batch:          batch.NewFromConfig(config),
		s3:             s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true }),
		secrets:        secretsmanager.NewFromConfig(config),
	}
}

// outputs returns a deployed stack's outputs by key.
func (c clients) outputs(ctx context.Context, stack string) (map[string]string, error) {
	out, err := c.cloudformation.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &stack})
	if err != nil {
		return nil, fmt.Errorf("describe stack %s: %w", stack, err)
	}
	if len(out.Stacks) != 1 {
		return nil, fmt.Errorf("describe stack %s: got %d stacks", stack, len(out.Stacks))
	}
	values := map[string]string{}
	for _, output := range out.Stacks[0].Outputs {
		values[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
	}
	return values, nil
}

func (c clients) put(ctx context.Context, bucket, key string, content []byte) error {
	_, err := c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(content)})
	if err != nil {
		return fmt.Errorf("put s3://%s/%s: %w", bucket, key, err)
	}
	return nil
}

// get reads an object; nil where there is none.
func (c clients) get(ctx context.Context, bucket, key string) ([]byte, error) {
	out, err := c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	var missing *s3types.NoSuchKey
	if errors.As(err, &missing) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get s3://%s/%s: %w", bucket, key, err)
	}
	defer out.Body.Close()
	return io.ReadAll(out.Body)
}

// register registers every definition of the assembly, a stack after another,
// and returns the ARNs.
func (d *deployment) register(ctx context.Context) (string, error) {
	registrar := definition.Registrar{ECS: d.aws.ecs, Batch: d.aws.batch}
	var arns []string
	for _, stack := range slices.Sorted(maps.Keys(d.fitted.Definitions)) {
		definitions := d.fitted.Definitions[stack]
		if len(definitions) == 0 {
			continue
		}
		outputs, err := d.aws.outputs(ctx, stack)
		if err != nil {
			return "", err
		}
		for _, each := range definitions {
			properties, err := each.Resolve(outputs)
			if err != nil {
				return "", fmt.Errorf("resolve %s of %s: %w", each.LogicalID, stack, err)
			}
			arn, err := registrar.Register(ctx, each.Type, properties)
			if err != nil {
				return "", err
			}
			arns = append(arns, arn[strings.LastIndex(arn, "/")+1:])
		}
	}
	return strings.Join(arns, ", "), nil
}

// task turns a registered definition's process into what is started: the image
// that was published under the digest that the definition names, with secrets
// read as ECS reads them and with the machine's overrides.
func (d *deployment) task(ctx context.Context, process definition.Process) (Task, error) {
	image, err := d.published(process.Image)
	if err != nil {
		return Task{}, err
	}
	overrides := d.machine.Overrides()
	for name := range overrides {
		delete(process.Secrets, name)
	}
	secrets, err := process.ResolveSecrets(ctx, d.aws.secrets)
	if err != nil {
		return Task{}, err
	}
	env := maps.Clone(process.Env)
	maps.Copy(env, overrides)
	return Task{Image: image, Command: process.Command, Env: env, Secrets: secrets}, nil
}

// published returns the name of the image whose digest a definition pins. In a
// system that runs already it is this checkout's image for one-offs and jobs.
func (d *deployment) published(reference string) (string, error) {
	if d.options.Running {
		return images.Batch.Name, nil
	}
	_, digest, pinned := strings.Cut(reference, "@")
	if !pinned {
		return "", fmt.Errorf("the definition's image %s is not pinned by digest", reference)
	}
	for _, image := range d.images {
		if image.Digest == digest {
			return image.Name, nil
		}
	}
	return "", fmt.Errorf("the definition names %s, which this run has not published", reference)
}
