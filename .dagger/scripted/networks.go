package scripted

import (
	"strings"

	"github.com/prooflink/prooflink/infra/names"
)

// network has a subnet with its ways out, the tasks' security group and the flow
// logs' group.
func (s small) network() (object, object) {
	resources := object{
		"FlowLogs":  of("AWS::Logs::LogGroup", object{"LogGroupName": s.names.FlowLogGroup(), "RetentionInDays": s.environment.Logging.Retention.Flow}),
		"Vpc":       of("AWS::EC2::VPC", object{"CidrBlock": s.environment.Network.VpcCIDR}),
		"Subnet":    of("AWS::EC2::Subnet", object{"VpcId": ref("Vpc"), "CidrBlock": s.environment.Network.PrivateSubnetCIDRs[0]}),
		"TaskGroup": of("AWS::EC2::SecurityGroup", object{"VpcId": ref("Vpc"), "GroupName": s.names.TaskSecurityGroup(), "GroupDescription": "Tasks " + s.variant}),
	}
	for id, way := range s.ways() {
		resources[id] = way
	}
	return resources, object{
		names.OutputVpcID: ref("Vpc"), names.OutputTaskSubnetIDs: ref("Subnet"), names.OutputTaskSecurityGroupID: attribute("TaskGroup", "GroupId"),
	}
}

// ways are the subnet's ways to AWS: the route to the NAT gateway, and the endpoints.
func (s small) ways() object {
	resources := object{
		"RouteTable":       of("AWS::EC2::RouteTable", object{"VpcId": ref("Vpc")}),
		"SubnetRouteTable": of("AWS::EC2::SubnetRouteTableAssociation", object{"SubnetId": ref("Subnet"), "RouteTableId": ref("RouteTable")}),
		"S3Endpoint": of("AWS::EC2::VPCEndpoint", object{
			"VpcId": ref("Vpc"), "ServiceName": s.serviceName("s3"), "VpcEndpointType": "Gateway", "RouteTableIds": []any{ref("RouteTable")}}),
	}
	if s.environment.Network.NatGateways > 0 {
		resources["NatGateway"] = of("AWS::EC2::NatGateway", object{"SubnetId": ref("Subnet")})
		resources["Route"] = of("AWS::EC2::Route", object{
			"RouteTableId": ref("RouteTable"), "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": ref("NatGateway")})
	}
	for _, service := range s.environment.Network.InterfaceEndpoints {
		resources[endpointID(service)] = of("AWS::EC2::VPCEndpoint", object{
			"VpcId": ref("Vpc"), "ServiceName": s.serviceName(service), "VpcEndpointType": "Interface", "PrivateDnsEnabled": true,
			"SubnetIds": []any{ref("Subnet")}})
	}
	return resources
}

// serviceName is a service as endpoints name it.
func (s small) serviceName(service string) string {
	return "com.amazonaws." + s.environment.Region + "." + service
}

// endpointID is an endpoint's logical id: "EcrApiEndpoint" of "ecr.api".
func endpointID(service string) string {
	var id strings.Builder
	for _, part := range strings.Split(service, ".") {
		id.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return id.String() + "Endpoint"
}
