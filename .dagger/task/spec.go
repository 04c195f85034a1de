package task

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// Spec is what to run and where.
type Spec struct {
	// Definition is a task definition's ARN, its "family:revision", or its family
	// for the newest revision.
	Definition string
	// Container is the one whose command, log and exit code are meant.
	Container string
	// Command replaces the container's; empty keeps it.
	Command []string
	// Env adds variables to the container's.
	Env map[string]string
	// Subnets and SecurityGroups are the task's network.
	Subnets, SecurityGroups []string
	// Cluster is its name.
	Cluster string
	// StartedBy is the purpose, e.g. "prooflink/migrate"; ECS keeps it with the task.
	StartedBy string
	// AssignPublicIP is "ENABLED" or "DISABLED"; empty means the latter.
	AssignPublicIP string
	// PlatformVersion is Fargate's; empty means "LATEST".
	PlatformVersion string
	// Limit is how long the task may take; 0 means an hour.
	Limit time.Duration
}

// defaultLimit is how long a task may take unless it is said.
const defaultLimit = time.Hour

// startedByLength is the most characters that ECS accepted for startedBy until it
// raised that to 128.
const startedByLength = 36

// startedByPrefix tells our tasks from others.
const startedByPrefix = "prooflink/"

// notStartedBy are characters that startedBy can't have (RunTask).
var notStartedBy = regexp.MustCompile(`[^A-Za-z0-9/_-]+`)

// startedBy is the purpose as ECS accepts it.
func (s Spec) startedBy() string {
	purpose := notStartedBy.ReplaceAllString(strings.TrimPrefix(s.StartedBy, startedByPrefix), "-")
	if purpose == "" {
		purpose = "run-task"
	}
	whole := startedByPrefix + purpose
	return whole[:min(len(whole), startedByLength)]
}

// limit is how long the task may take.
func (s Spec) limit() time.Duration {
	if s.Limit <= 0 {
		return defaultLimit
	}
	return s.Limit
}

// platform is Fargate's version.
func (s Spec) platform() string {
	if s.PlatformVersion == "" {
		return "LATEST"
	}
	return s.PlatformVersion
}

// publicIP is "DISABLED" unless it is said.
func (s Spec) publicIP() types.AssignPublicIp {
	if s.AssignPublicIP == "" {
		return types.AssignPublicIpDisabled
	}
	return types.AssignPublicIp(s.AssignPublicIP)
}

// SpecOf is a run in the network of the environment's service or, before there
// is one, in that of the stack Network. The definition is an ARN,
// "family:revision" or a family.
func SpecOf(ctx context.Context, access aws.Config, environment config.Environment, definition, container string, command []string, env map[string]string) (Spec, error) {
	access.RetryMaxAttempts = attempts
	spec := Spec{Definition: definition, Container: container, Command: command, Env: env, Cluster: environment.Names().Cluster()}
	found, err := spec.likeService(ctx, access, environment.Names())
	if err != nil || found {
		return spec, err
	}
	return spec, spec.likeStack(ctx, access, environment)
}

// likeService takes the service's network; false where there is no service.
func (s *Spec) likeService(ctx context.Context, access aws.Config, n names.Names) (bool, error) {
	out, err := ecs.NewFromConfig(access).DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &s.Cluster, Services: []string{n.Service()}})
	if code(err) == "ClusterNotFoundException" {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("describe service %s: %w", n.Service(), err)
	}
	for _, service := range out.Services {
		if aws.ToString(service.Status) == "ACTIVE" && service.NetworkConfiguration != nil && service.NetworkConfiguration.AwsvpcConfiguration != nil {
			network := service.NetworkConfiguration.AwsvpcConfiguration
			s.Subnets, s.SecurityGroups = network.Subnets, network.SecurityGroups
			s.AssignPublicIP, s.PlatformVersion = string(network.AssignPublicIp), aws.ToString(service.PlatformVersion)
			return true, nil
		}
	}
	return false, nil
}

// likeStack takes the network from the outputs of the stack Network.
func (s *Spec) likeStack(ctx context.Context, access aws.Config, environment config.Environment) error {
	stack := environment.Names().Stack(names.Network)
	out, err := cloudformation.NewFromConfig(access).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &stack})
	if absent(err) {
		return fmt.Errorf("find the network of a task: neither service %s nor stack %s is there: deploy with `dagger call deploy --env %s`",
			environment.Names().Service(), stack, environment.Env)
	}
	if err != nil {
		return fmt.Errorf("describe stack %s: %w", stack, err)
	}
	values := map[string]string{}
	for _, described := range out.Stacks {
		for _, output := range described.Outputs {
			values[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
		}
	}
	subnets, group := values[names.OutputTaskSubnetIDs], values[names.OutputTaskSecurityGroupID]
	if subnets == "" || group == "" {
		return fmt.Errorf("find the network of a task: stack %s has no output %s or %s: deploy it with `dagger call deploy --env %s`",
			stack, names.OutputTaskSubnetIDs, names.OutputTaskSecurityGroupID, environment.Env)
	}
	s.Subnets, s.SecurityGroups = strings.Split(subnets, ","), []string{group}
	return nil
}
