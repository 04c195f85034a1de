package stacks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/jobs"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// deployment is what one run has come to know.
type deployment struct {
	machine     Machine
	aws         cloudFormation
	environment config.Environment
	images      []images.Published
	assembly    string
}

// Deploy deploys the given stacks, in their order, each alone. Images are
// published before the first stack that names any, after the stack that has
// their repositories.
func Deploy(ctx context.Context, machine Machine, aws cloudFormation, environment config.Environment, roles []names.StackRole) (string, error) {
	d := &deployment{machine: machine, aws: aws, environment: environment}
	results := jobs.Steps(ctx, d.steps(roles)...)
	if failed := results.Failed(); len(failed) > 0 {
		return "", fmt.Errorf("deploy %s: step %q failed; what was deployed before it stays\n\n%s", environment.Env, failed[0], results.Report())
	}
	return fmt.Sprintf("Deployed %d stacks of %s\n\n%s\nTo see that nothing is left to deploy: dagger call diff --env %s\n",
		len(roles), environment.Names().Prefix(), results.Table(), environment.Env), nil
}

// steps lists the work.
func (d *deployment) steps(roles []names.StackRole) []jobs.Job {
	before := slices.IndexFunc(roles, func(role names.StackRole) bool { return slices.Contains(needsImages, role) })
	if before < 0 {
		before = len(roles)
	}
	var steps []jobs.Job
	if before > 0 {
		steps = append(steps, jobs.Job{Name: "synthesize", Run: d.synthesize})
		steps = append(steps, d.each(roles[:before])...)
	}
	if before < len(roles) {
		steps = append(steps, jobs.Job{Name: "publish images", Run: d.publish}, jobs.Job{Name: "synthesize with images", Run: d.synthesize})
		steps = append(steps, d.each(roles[before:])...)
	}
	return steps
}

// each deploys stacks one after another.
func (d *deployment) each(roles []names.StackRole) []jobs.Job {
	var steps []jobs.Job
	for _, role := range roles {
		stack := d.environment.Names().Stack(role)
		steps = append(steps, jobs.Job{Name: "deploy " + stack, Run: func(ctx context.Context) (string, error) {
			return "", withReasons(ctx, d.aws, stack, func() error {
				return d.machine.CDK(ctx, d.assembly, deployCommand(stack))
			})
		}})
	}
	return steps
}

// synthesize writes the templates with the images that are known so far.
func (d *deployment) synthesize(ctx context.Context) (_ string, err error) {
	d.assembly, err = d.machine.Synth(ctx, d.images)
	return "", err
}

// publish publishes the images.
func (d *deployment) publish(ctx context.Context) (string, error) {
	var err error
	if d.images, err = d.machine.Publish(ctx); err != nil {
		return "", fmt.Errorf("%w\nIf the repositories are missing, deploy the stack Foundation first", err)
	}
	return fmt.Sprintf("%d images", len(d.images)), nil
}

// withReasons runs something that changes a stack; a failure ends with what
// CloudFormation says of it.
func withReasons(ctx context.Context, aws cloudFormation, stack string, run func() error) error {
	since := time.Now().Add(-time.Minute) // clocks differ
	err := run()
	if err == nil {
		return nil
	}
	reasons, reading := aws.Reasons(ctx, stack, since)
	switch {
	case len(reasons) > 0:
		return fmt.Errorf("%w\nCloudFormation's reasons, the first first:\n  %s", err, strings.Join(reasons, "\n  "))
	case reading != nil:
		return fmt.Errorf("%w\nCloudFormation's reasons can't be read: %w", err, reading)
	default:
		return err
	}
}
