package task_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/task"
	"github.com/prooflink/prooflink/infra/config"
)

// service is ECS's service, in its state.
func service(state string) *types.Service {
	return &types.Service{Status: &state, PlatformVersion: aws.String("1.4.0"), NetworkConfiguration: &types.NetworkConfiguration{
		AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: []string{"subnet-s"}, SecurityGroups: []string{"sg-s"}, AssignPublicIp: "DISABLED"},
	}}
}

// outputs are those of the stack Network.
func outputs(pairs ...string) *cfntypes.Stack {
	stack := &cfntypes.Stack{StackName: aws.String("NetworkStack-dev"), StackStatus: "CREATE_COMPLETE", CreationTime: aws.Time(time.Now())}
	for i := 0; i < len(pairs); i += 2 {
		stack.Outputs = append(stack.Outputs, cfntypes.Output{OutputKey: &pairs[i], OutputValue: &pairs[i+1]})
	}
	return stack
}

func TestATaskRunsInTheNetworkOfTheServiceOrElseOfTheStack(t *testing.T) {
	full := func() *cfntypes.Stack {
		return outputs("TaskSubnetIds", "subnet-a,subnet-b", "TaskSecurityGroupId", "sg-n", "VpcId", "vpc-1")
	}
	inService := task.Spec{Subnets: []string{"subnet-s"}, SecurityGroups: []string{"sg-s"}, AssignPublicIP: "DISABLED", PlatformVersion: "1.4.0"}
	inStack := task.Spec{Subnets: []string{"subnet-a", "subnet-b"}, SecurityGroups: []string{"sg-n"}}
	cases := map[string]struct {
		service *types.Service
		fail    string
		stack   func() *cfntypes.Stack
		want    task.Spec
		problem string
	}{
		"a service":                        {service: service("ACTIVE"), stack: full, want: inService},
		"none yet":                         {stack: full, want: inStack},
		"one that was deleted":             {service: service("INACTIVE"), stack: full, want: inStack},
		"no cluster yet":                   {fail: "ClusterNotFoundException", stack: full, want: inStack},
		"no permission":                    {fail: "AccessDeniedException", problem: "describe service prooflink-dev-service: "},
		"nothing deployed":                 {problem: "find the network of a task: neither service prooflink-dev-service nor stack NetworkStack-dev is there: deploy with `dagger call deploy --env dev`"},
		"a stack that has not all outputs": {stack: func() *cfntypes.Stack { return outputs("VpcId", "vpc-1") }, problem: "stack NetworkStack-dev has no output TaskSubnetIds or TaskSecurityGroupId"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := awsfake.New()
				awsfake.On(server, "ecs", func(*ecs.DescribeServicesInput) (*ecs.DescribeServicesOutput, error) {
					if c.fail != "" {
						return nil, awsfake.Error(c.fail, "no")
					}
					if c.service == nil {
						return &ecs.DescribeServicesOutput{Failures: []types.Failure{{Reason: aws.String("MISSING")}}}, nil
					}
					return &ecs.DescribeServicesOutput{Services: []types.Service{*c.service}}, nil
				})
				awsfake.On(server, "cloudformation", func(in *cloudformation.DescribeStacksInput) (*cloudformation.DescribeStacksOutput, error) {
					if c.stack == nil {
						return nil, awsfake.Error("ValidationError", "Stack with id "+*in.StackName+" does not exist")
					}
					return &cloudformation.DescribeStacksOutput{Stacks: []cfntypes.Stack{*c.stack()}}, nil
				})
				env, err := config.Load("dev")
				if err != nil {
					t.Fatal(err)
				}
				got, err := task.SpecOf(t.Context(), server.Config(), env, "prooflink-dev-migrate", "migrate", []string{"x"}, map[string]string{"A": "1"})
				if c.problem != "" {
					if err == nil || !strings.Contains(err.Error(), c.problem) {
						t.Errorf("got %v, want %q", err, c.problem)
					}
					return
				}
				want := c.want
				want.Definition, want.Container, want.Cluster = "prooflink-dev-migrate", "migrate", "prooflink-dev-cluster"
				want.Command, want.Env = []string{"x"}, map[string]string{"A": "1"}
				if diff := cmp.Diff(want, got); diff != "" || err != nil {
					t.Error(err, diff)
				}
			})
		})
	}
}
