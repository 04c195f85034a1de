package rollout

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/prooflink/prooflink/.dagger/pause"
	"github.com/prooflink/prooflink/infra/config"
)

// idleInterval is how often a deployment of somebody else's is looked at.
const idleInterval = 10 * time.Second

// WaitUntilIdle returns when no deployment of the service is in progress, of
// whatever age; a service that isn't there is idle. With wait it waits for the
// one in progress, for limit at most, and says how that gets on; without, it is
// an error that says so.
func WaitUntilIdle(ctx context.Context, access aws.Config, environment config.Environment, wait bool, limit time.Duration, say io.Writer) error {
	r := newReader(paced(access), environment.Names())
	begun, told := time.Now(), ""
	for {
		busy, err := r.busy(ctx)
		switch {
		case err != nil && !passing(err):
			return err
		case err != nil:
			busy = "no answer, asking again: " + err.Error()
		case busy == "":
			return nil
		case !wait:
			return fmt.Errorf("service %s is being deployed: %s: wait for it with dagger call deploy --env %s --wait-in-progress", r.service, busy, environment.Env)
		}
		if time.Since(begun) >= limit {
			return &Problem{Kind: Stuck, Reason: "it was in progress before, and still is after " + rounded(limit) + ": " + busy}
		}
		if busy != told {
			fmt.Fprintf(say, "%8s  waiting for a deployment in progress: %s\n", time.Since(begun).Round(time.Second), busy)
			told = busy
		}
		if err := pause.For(ctx, idleInterval); err != nil {
			return fmt.Errorf("wait for the deployment of service %s: %w", r.service, err)
		}
	}
}

// busy says how the deployment gets on that is in progress; empty: none is.
func (r *reader) busy(ctx context.Context) (string, error) {
	service, err := r.describe(ctx)
	if err != nil || service == nil {
		return "", err
	}
	deployments, err := r.deployments(ctx, ongoing)
	if err != nil {
		return "", err
	}
	p := primary(service)
	text := base(aws.ToString(p.TaskDefinition)) + ", " + counts(service)
	switch {
	case len(deployments) > 0:
		return base(aws.ToString(deployments[0].ServiceDeploymentArn)) + " of " + text + ", " + string(deployments[0].Status), nil
	case p.RolloutState == types.DeploymentRolloutStateInProgress:
		return aws.ToString(p.Id) + " of " + text, nil
	}
	return "", nil
}
