// Package release moves an environment to other images without CloudFormation.
//
// What runs is described once, in the CDK's templates. A release takes the
// registered task and job definitions as they are, puts other digests into them
// and registers the result, so that the templates' next deployment and the next
// release each start from what the other has left.
package release

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// Image is an image of a registry by its digest. The zero Image means: leave
// alone what there is.
type Image struct {
	// Repository is the whole address,
	// "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/prooflink-dev-app".
	Repository string
	// Digest is "sha256:" and 64 hexadecimal digits.
	Digest string
}

// Reference is how a definition names the image, "<repository>@sha256:…"; empty
// for the zero Image.
func (i Image) Reference() string {
	if i.Digest == "" {
		return ""
	}
	return i.Repository + "@" + i.Digest
}

// Images are those that are to run.
type Images struct {
	App, Batch, FluentBit Image
}

// Of puts digests, by the images' names ("app", "batch", "fluent-bit"), into the
// environment's repositories at a registry's host. An image without digest is
// left alone, and so is the log router where the environment has none.
func Of(environment config.Environment, host string, digests map[string]string) Images {
	of := func(source images.Source) Image {
		if digests[source.Name] == "" {
			return Image{}
		}
		return Image{Repository: host + "/" + source.Repository(environment.Names()), Digest: digests[source.Name]}
	}
	all := Images{App: of(images.App), Batch: of(images.Batch)}
	if environment.Logging.Driver == config.DriverFireLens {
		all.FluentBit = of(images.FluentBit)
	}
	return all
}

// containers are the service's images by container.
func (i Images) containers() map[string]string {
	return named(map[string]Image{names.AppContainer: i.App, names.RouterContainer: i.FluentBit})
}

// named leaves out what is to be left alone.
func named(all map[string]Image) map[string]string {
	references := map[string]string{}
	for container, image := range all {
		if reference := image.Reference(); reference != "" {
			references[container] = reference
		}
	}
	return references
}

// Done is what a release came to.
type Done struct {
	// TaskDefinition is the ARN of the one that the service now has.
	TaskDefinition string
	// Changed says that the service was given it, and so deploys.
	Changed bool
	// Jobs are the ARNs of the job definitions that a submission now gets.
	Jobs []string
	// Registered are the ARNs among all of these that are new.
	Registered []string
}

// Converge gives the service's task definition and the job definitions these
// images. What has them is not touched, so a second call changes nothing. It
// doesn't wait for the deployment that it starts.
//
// A service that isn't there is an Absent error. Job definitions that aren't
// there are left to CloudFormation, which makes them.
func Converge(ctx context.Context, access aws.Config, n names.Names, to Images) (Done, error) {
	client := ecs.NewFromConfig(access)
	live, err := service(ctx, client, n)
	if err != nil {
		return Done{}, err
	}
	done := Done{TaskDefinition: aws.ToString(live.TaskDefinition.TaskDefinitionArn)}
	next, changed, err := Derive(live, to.containers())
	if err != nil {
		return done, fmt.Errorf("release to service %s: %w", n.Service(), err)
	}
	if changed {
		if err := done.move(ctx, access, n, next); err != nil {
			return done, err
		}
	}
	if to.Batch.Reference() == "" {
		return done, nil
	}
	jobs, err := Jobs(ctx, access, n, to.Batch.Reference())
	for _, job := range jobs {
		done.Jobs = append(done.Jobs, job.ARN)
		done.registered(job)
	}
	return done, err
}

// move registers a task definition and gives it to the service.
func (d *Done) move(ctx context.Context, access aws.Config, n names.Names, to *ecs.RegisterTaskDefinitionInput) error {
	revision, err := once(ctx, access, to)
	if err != nil {
		return err
	}
	d.registered(revision)
	if err := Update(ctx, access, n, revision.ARN); err != nil {
		return err
	}
	d.TaskDefinition, d.Changed = revision.ARN, true
	return nil
}

// registered notes what is new.
func (d *Done) registered(revision Revision) {
	if revision.New {
		d.Registered = append(d.Registered, revision.ARN)
	}
}
