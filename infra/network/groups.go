package network

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
)

// Groups are the ids of the security groups.
type Groups struct {
	// Alb is the load balancer's.
	Alb *string
	// Tasks is the ECS tasks'.
	Tasks *string
	// Batch is the batch jobs': their own, or else the tasks'.
	Batch *string
	// Database is the database's.
	Database *string
	// Endpoints is the VPC endpoints'.
	Endpoints *string
}

const (
	httpPort     = 80
	httpsPort    = 443
	postgresPort = 5432
)

// groups makes the security groups of 004_9a2c9db51dc67ef8.txt Step 4. Each
// group's way out is written in it, which also removes EC2's default of any;
// the ways in from another group come after, since the groups point at each other.
func (v vpc) groups() Groups {
	var g Groups
	g.Database = v.group("DatabaseSecurityGroup", v.names.DatabaseSecurityGroup(), "Security group for RDS PostgreSQL",
		nil, anywhere("All traffic"))
	g.Endpoints = v.group("EndpointSecurityGroup", v.names.EndpointSecurityGroup(), "Security group for VPC Endpoints",
		v.fromVpc(), v.endpointEgress())
	g.Tasks = v.group("TaskSecurityGroup", v.names.TaskSecurityGroup(), "Security group for ECS tasks", nil, g.workloadEgress())
	g.Alb = v.group("AlbSecurityGroup", v.names.AlbSecurityGroup(), "Security group for ALB",
		v.fromWorld(), []any{groupOut(g.Tasks, v.env.App.Port, "Application")})
	v.allow("TasksFromAlb", g.Tasks, g.Alb, v.env.App.Port, "Application from the load balancer")
	v.allow("DatabaseFromTasks", g.Database, g.Tasks, postgresPort, "PostgreSQL from tasks and jobs")
	v.allow("EndpointsFromTasks", g.Endpoints, g.Tasks, httpsPort, "HTTPS from tasks and jobs")
	g.Batch = v.batchGroup(g)
	return g
}

// workloadEgress is the way out of tasks and jobs. HTTPS stays open to anywhere
// (004_9a2c9db51dc67ef8.txt L337) without a NAT gateway too: the layers of images
// come from S3's own addresses, which the gateway endpoint routes.
func (g Groups) workloadEgress() []any {
	return []any{
		rangeOut(everywhere, httpsPort, "AWS and other HTTPS services"),
		groupOut(g.Database, postgresPort, "PostgreSQL"),
		groupOut(g.Endpoints, httpsPort, "VPC endpoints"),
	}
}

// batchGroup gives the jobs the tasks' group (004_9a2c9db51dc67ef8.txt L1256), or
// one of their own, which the load balancer cannot reach: nothing calls a job.
func (v vpc) batchGroup(g Groups) *string {
	if v.env.Batch.SecurityGroup != config.GroupOwn {
		return g.Tasks
	}
	own := v.group("BatchSecurityGroup", v.names.BatchSecurityGroup(), "Security group for batch jobs", nil, g.workloadEgress())
	v.allow("DatabaseFromBatch", g.Database, own, postgresPort, "PostgreSQL from jobs")
	v.allow("EndpointsFromBatch", g.Endpoints, own, httpsPort, "HTTPS from jobs")
	return own
}

// group makes a group with its rules that name no later group. No rules at all
// are left out: an empty list would own, and remove, what allow adds.
func (v vpc) group(id, name, description string, ingress, egress []any) *string {
	props := &awsec2.CfnSecurityGroupProps{
		GroupName: jsii.String(name), GroupDescription: jsii.String(description), VpcId: v.id,
		SecurityGroupEgress: egress, Tags: named(name),
	}
	if len(ingress) > 0 {
		props.SecurityGroupIngress = ingress
	}
	return awsec2.NewCfnSecurityGroup(v.scope, jsii.String(id), props).AttrGroupId()
}

// allow lets one group reach another.
func (v vpc) allow(id string, to, from *string, port int, description string) {
	awsec2.NewCfnSecurityGroupIngress(v.scope, jsii.String(id), &awsec2.CfnSecurityGroupIngressProps{
		GroupId: to, SourceSecurityGroupId: from, IpProtocol: jsii.String("tcp"),
		FromPort: jsii.Number(port), ToPort: jsii.Number(port), Description: jsii.String(description),
	})
}

// fromWorld opens the ports that the listeners have.
func (v vpc) fromWorld() []any {
	var rules []any
	if v.env.ALB.OpenHTTP {
		rules = append(rules, rangeIn(everywhere, httpPort, "HTTP from anywhere"))
	}
	if v.env.ALB.TLS.Enabled {
		rules = append(rules, rangeIn(everywhere, httpsPort, "HTTPS from anywhere"))
	}
	return rules
}

// fromVpc lets everything in the VPC use the endpoints.
func (v vpc) fromVpc() []any {
	return []any{rangeIn(v.env.Network.VpcCIDR, httpsPort, "HTTPS from the VPC")}
}

// endpointEgress is the endpoints' way out. EC2 adds one to anywhere to a group
// without any rule, so "none" is a rule that no packet matches.
func (v vpc) endpointEgress() []any {
	if v.env.Network.EndpointSgEgress == config.EgressAll {
		return anywhere("All traffic")
	}
	return []any{rangeOut("255.255.255.255/32", httpsPort, "None")}
}

// anywhere is a way out to everything.
func anywhere(description string) []any {
	return []any{awsec2.CfnSecurityGroup_EgressProperty{
		IpProtocol: jsii.String("-1"), CidrIp: jsii.String(everywhere), Description: jsii.String(description),
	}}
}

// rangeOut is a way out to an address range.
func rangeOut(cidr string, port int, description string) any {
	return awsec2.CfnSecurityGroup_EgressProperty{
		IpProtocol: jsii.String("tcp"), CidrIp: jsii.String(cidr),
		FromPort: jsii.Number(port), ToPort: jsii.Number(port), Description: jsii.String(description),
	}
}

// groupOut is a way out to another group.
func groupOut(group *string, port int, description string) any {
	return awsec2.CfnSecurityGroup_EgressProperty{
		IpProtocol: jsii.String("tcp"), DestinationSecurityGroupId: group,
		FromPort: jsii.Number(port), ToPort: jsii.Number(port), Description: jsii.String(fmt.Sprintf("%s, port %d", description, port)),
	}
}

// rangeIn is a way in from an address range.
func rangeIn(cidr string, port int, description string) any {
	return awsec2.CfnSecurityGroup_IngressProperty{
		IpProtocol: jsii.String("tcp"), CidrIp: jsii.String(cidr),
		FromPort: jsii.Number(port), ToPort: jsii.Number(port), Description: jsii.String(description),
	}
}
