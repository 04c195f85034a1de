package task

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/prooflink/prooflink/.dagger/logs"
)

// startLimit is how long ECS may take to answer that it starts the task.
const startLimit = 2 * time.Minute

// early is how much of the log before the start is read: clocks differ.
const early = time.Minute

// start starts the task. The call isn't cut off where the context ends: nobody
// would know then whether there is a task to stop. Its token makes ECS start one
// task however often the call is repeated.
func (r *runner) start(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("run task definition %s: %w", r.spec.Definition, err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startLimit)
	defer cancel()
	began := time.Now()
	out, err := r.api.RunTask(ctx, r.spec.input(rand.Text()))
	if err != nil {
		return fmt.Errorf("run task definition %s: %w", r.spec.Definition, advise(err, r.spec))
	}
	if len(out.Failures) > 0 || len(out.Tasks) == 0 {
		return fmt.Errorf("run task definition %s: %w", r.spec.Definition, refused(out.Failures, r.spec))
	}
	r.outcome.TaskARN = aws.ToString(out.Tasks[0].TaskArn)
	r.tell(out.Tasks[0])
	if sources := logs.OfDefinition(r.definition, r.spec.Container, r.outcome.TaskARN); len(sources) > 0 {
		r.log = logs.NewFollower(r.access, sources, "", began.Add(-early))
	} else {
		fmt.Fprintf(r.out, "task %s: container %s has no log that can be shown\n", logs.Short(r.id()), r.spec.Container)
	}
	return nil
}

// input is the call.
func (s Spec) input(token string) *ecs.RunTaskInput {
	return &ecs.RunTaskInput{
		Cluster: &s.Cluster, TaskDefinition: &s.Definition, Count: aws.Int32(1), ClientToken: &token,
		StartedBy: aws.String(s.startedBy()), LaunchType: types.LaunchTypeFargate, PlatformVersion: aws.String(s.platform()),
		NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{
			Subnets: s.Subnets, SecurityGroups: s.SecurityGroups, AssignPublicIp: s.publicIP(),
		}},
		Overrides: &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{{
			Name: &s.Container, Command: s.Command, Environment: s.variables(),
		}}},
	}
}

// variables are those that the run adds.
func (s Spec) variables() []types.KeyValuePair {
	var list []types.KeyValuePair
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		list = append(list, types.KeyValuePair{Name: aws.String(name), Value: aws.String(s.Env[name])})
	}
	return list
}

// refused says why ECS started no task.
func refused(failures []types.Failure, spec Spec) error {
	var all []error
	for _, failure := range failures {
		text := aws.ToString(failure.Reason)
		if detail := aws.ToString(failure.Detail); detail != "" {
			text += " (" + detail + ")"
		}
		all = append(all, advise(errors.New(text), spec))
	}
	if len(all) == 0 {
		return errors.New("ECS answered with neither a task nor a failure; run it again")
	}
	return errors.Join(all...)
}

// advice is what to do about what ECS says.
type advice struct {
	// said is part of it, in lower case.
	said string
	// fix is what to do; $cluster and $definition are the run's.
	fix string
}

// advices are checked in their order (Amazon ECS Developer Guide, "API failure
// reasons", and the errors of RunTask in the API reference).
var advices = []advice{
	{"capacity is unavailable", "Fargate has no room in this zone now: run it again in some minutes, or use both zones (network.activeAzs: 2)"},
	{"resource:eni", "the subnets have no free address or the account no free network interface: look for leftover tasks, or raise the quota"},
	{"resource:", "the account's quota of Fargate vCPUs is used up: stop other tasks, or raise the quota \"Fargate On-Demand vCPU resource count\""},
	{"limit on the number", "the account's quota of tasks is used up: stop other tasks, or raise the quota of Fargate in Service Quotas"},
	{"clusternotfoundexception", "cluster $cluster is missing: deploy the foundation with `dagger call deploy`"},
	{"missing", "what the task needs isn't there: cluster $cluster or definition $definition; deploy them with `dagger call deploy`"},
	{"unable to describe task definition", "it isn't registered: `dagger call deploy` makes it"},
	{"is inactive", "the revision was deregistered: name the family for its newest revision, or deploy again"},
	{"service linked role", "make the role once for the account: `aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com`"},
	{"passrole", "the credentials may not hand on the task's roles: allow iam:PassRole for them"},
	{"security group", "the service's security group was replaced: deploy again, so that the network is known"},
	{"subnet", "the service's subnets were replaced: deploy again, so that the network is known"},
	{"account is currently blocked", "AWS still verifies or blocks this account: write to AWS Support"},
}

// advise adds what to do to an error.
func advise(err error, spec Spec) error {
	said := strings.ToLower(err.Error())
	for _, known := range advices {
		if strings.Contains(said, known.said) {
			return fmt.Errorf("%w: %s", err, strings.NewReplacer("$cluster", spec.Cluster, "$definition", spec.Definition).Replace(known.fix))
		}
	}
	return err
}
