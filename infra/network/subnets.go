package network

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/jsii-runtime-go"
)

// everywhere is the default route.
const everywhere = "0.0.0.0/0"

// internetGateway attaches the way to and from the internet.
func (v vpc) internetGateway() awsec2.CfnVPCGatewayAttachment {
	gateway := awsec2.NewCfnInternetGateway(v.scope, jsii.String("InternetGateway"), &awsec2.CfnInternetGatewayProps{
		Tags: named(v.names.InternetGateway()),
	})
	return awsec2.NewCfnVPCGatewayAttachment(v.scope, jsii.String("InternetGatewayAttachment"), &awsec2.CfnVPCGatewayAttachmentProps{
		VpcId: v.id, InternetGatewayId: gateway.Ref(),
	})
}

// publicSubnets makes one subnet per zone, with the route to the internet.
func (v vpc) publicSubnets(gateway awsec2.CfnVPCGatewayAttachment) []*string {
	table := v.routeTable("PublicRouteTable", v.names.PublicRouteTable())
	route := awsec2.NewCfnRoute(v.scope, jsii.String("PublicRoute"), &awsec2.CfnRouteProps{
		RouteTableId: table, DestinationCidrBlock: jsii.String(everywhere), GatewayId: gateway.InternetGatewayId(),
	})
	route.AddResourceDependency(gateway, nil)
	var subnets []*string
	for i, cidr := range v.env.Network.PublicSubnetCIDRs {
		az := v.env.Network.AZs[i]
		id := fmt.Sprintf("PublicSubnet%d", i+1)
		subnets = append(subnets, v.subnet(id, cidr, az, v.names.PublicSubnet(i+1, az), table))
	}
	return subnets
}

// privateSubnets makes one subnet per zone, each with its own route table, so
// that each can leave through its zone's NAT gateway.
func (v vpc) privateSubnets(nats []*string) (subnets, tables []*string) {
	for i, cidr := range v.env.Network.PrivateSubnetCIDRs {
		az := v.env.Network.AZs[i]
		table := v.routeTable(fmt.Sprintf("PrivateRouteTable%d", i+1), v.names.PrivateRouteTable(i+1, az))
		if len(nats) > 0 {
			awsec2.NewCfnRoute(v.scope, jsii.String(fmt.Sprintf("PrivateRoute%d", i+1)), &awsec2.CfnRouteProps{
				RouteTableId: table, DestinationCidrBlock: jsii.String(everywhere), NatGatewayId: nats[min(i, len(nats)-1)],
			})
		}
		id := fmt.Sprintf("PrivateSubnet%d", i+1)
		subnets = append(subnets, v.subnet(id, cidr, az, v.names.PrivateSubnet(i+1, az), table))
		tables = append(tables, table)
	}
	return subnets, tables
}

// natGateways makes as many as configured, each with its own address.
func (v vpc) natGateways(public []*string, gateway awsec2.CfnVPCGatewayAttachment) []*string {
	var nats []*string
	for i := range v.env.Network.NatGateways {
		name := named(v.names.NatGateway(i + 1))
		address := awsec2.NewCfnEIP(v.scope, jsii.String(fmt.Sprintf("NatAddress%d", i+1)), &awsec2.CfnEIPProps{
			Domain: jsii.String("vpc"), Tags: name,
		})
		address.AddResourceDependency(gateway, nil)
		nat := awsec2.NewCfnNatGateway(v.scope, jsii.String(fmt.Sprintf("NatGateway%d", i+1)), &awsec2.CfnNatGatewayProps{
			SubnetId: public[i], AllocationId: address.AttrAllocationId(), ConnectivityType: jsii.String("public"), Tags: name,
		})
		nats = append(nats, nat.Ref())
	}
	return nats
}

// routeTable makes an empty route table.
func (v vpc) routeTable(id, name string) *string {
	return awsec2.NewCfnRouteTable(v.scope, jsii.String(id), &awsec2.CfnRouteTableProps{
		VpcId: v.id, Tags: named(name),
	}).Ref()
}

// subnet makes a subnet and associates its route table. Nothing in it gets a
// public address by itself.
func (v vpc) subnet(id, cidr, az, name string, table *string) *string {
	subnet := awsec2.NewCfnSubnet(v.scope, jsii.String(id), &awsec2.CfnSubnetProps{
		VpcId: v.id, CidrBlock: jsii.String(cidr), AvailabilityZone: jsii.String(az),
		MapPublicIpOnLaunch: jsii.Bool(false), Tags: named(name),
	})
	awsec2.NewCfnSubnetRouteTableAssociation(v.scope, jsii.String(id+"RouteTable"), &awsec2.CfnSubnetRouteTableAssociationProps{
		SubnetId: subnet.Ref(), RouteTableId: table,
	})
	return subnet.Ref()
}

// serviceName is an AWS service's name for endpoints in the stack's region.
func (v vpc) serviceName(service string) *string {
	return jsii.String("com.amazonaws." + *awscdk.Stack_Of(v.scope).Region() + "." + service)
}
