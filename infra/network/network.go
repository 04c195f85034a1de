// Package network is the VPC and every security group.
//
// Subnets, route tables and groups are written out (L1): the VPC construct
// chooses address ranges by itself and gives other ones than
// 000_e03a210ce428a44a.txt L125-126 wants. All security groups and the rules
// between them are here, so that no two stacks need each other's group.
package network

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/part"
)

// Props is what the network needs to know.
type Props struct {
	// Env is the environment.
	Env config.Environment
}

// Network is what other stacks use of it.
type Network struct {
	// VpcID is the VPC.
	VpcID *string
	// PublicSubnets are the load balancer's, in both zones.
	PublicSubnets []*string
	// PrivateSubnets are the database's, in both zones.
	PrivateSubnets []*string
	// TaskSubnets are those of PrivateSubnets in which tasks run.
	TaskSubnets []*string
	// Groups are the security groups.
	Groups Groups
	// Endpoints are the interface endpoints, by their service, e.g. "ecr.api".
	Endpoints map[string]*string
}

// vpc is what the parts of this package build on.
type vpc struct {
	scope constructs.Construct
	env   config.Environment
	names names.Names
	id    *string
}

// New makes the network in a stack.
func New(scope constructs.Construct, props Props) Network {
	v := newVpc(scope, props.Env)
	gateway := v.internetGateway()
	public := v.publicSubnets(gateway)
	nats := v.natGateways(public, gateway)
	private, tables := v.privateSubnets(nats)
	groups := v.groups()
	tasks := private[:props.Env.Network.ActiveAZs]
	endpoints := v.endpoints(tables, tasks, groups.Endpoints)
	if props.Env.Network.FlowLogs {
		v.flowLogs()
	}
	network := Network{VpcID: v.id, PublicSubnets: public, PrivateSubnets: private, TaskSubnets: tasks, Groups: groups, Endpoints: endpoints}
	network.outputs(scope)
	return network
}

// newVpc makes the VPC. Interface endpoints' private names need both DNS settings.
func newVpc(scope constructs.Construct, env config.Environment) vpc {
	v := vpc{scope: scope, env: env, names: env.Names()}
	resource := awsec2.NewCfnVPC(scope, jsii.String("Vpc"), &awsec2.CfnVPCProps{
		CidrBlock:          jsii.String(env.Network.VpcCIDR),
		InstanceTenancy:    jsii.String("default"),
		EnableDnsSupport:   jsii.Bool(true),
		EnableDnsHostnames: jsii.Bool(true),
		Tags:               named(v.names.Vpc()),
	})
	v.id = resource.Ref()
	return v
}

// outputs tells the pipeline where one-off tasks run.
func (n Network) outputs(scope constructs.Construct) {
	subnets := make([]string, len(n.TaskSubnets))
	for i, subnet := range n.TaskSubnets {
		subnets[i] = *subnet
	}
	part.Output(scope, names.OutputVpcID, n.VpcID)
	part.Output(scope, names.OutputTaskSubnetIDs, jsii.String(strings.Join(subnets, ",")))
	part.Output(scope, names.OutputTaskSecurityGroupID, n.Groups.Tasks)
}

// named is the Name tag, which the console shows.
func named(name string) *[]*awscdk.CfnTag {
	return &[]*awscdk.CfnTag{{Key: jsii.String("Name"), Value: jsii.String(name)}}
}

// anys is a list as the L1 constructs take it.
func anys(values ...*string) *[]any {
	list := make([]any, len(values))
	for i, value := range values {
		list[i] = value
	}
	return &list
}
