package network

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/jsii-runtime-go"
)

// endpoints lets tasks reach AWS without leaving the network: S3 through the
// route tables (image layers come from there too), the others through addresses
// in the tasks' subnets. It returns the latter by their service.
func (v vpc) endpoints(tables, subnets []*string, group *string) map[string]*string {
	awsec2.NewCfnVPCEndpoint(v.scope, jsii.String("S3Endpoint"), &awsec2.CfnVPCEndpointProps{
		VpcId: v.id, ServiceName: v.serviceName("s3"), VpcEndpointType: jsii.String("Gateway"),
		RouteTableIds: anys(tables...), Tags: named(v.names.Endpoint("s3")),
	})
	made := map[string]*string{}
	for _, service := range v.env.Network.InterfaceEndpoints {
		made[service] = v.interfaceEndpoint(service, subnets, group)
	}
	return made
}

// interfaceEndpoint makes one endpoint that answers under the service's own name.
func (v vpc) interfaceEndpoint(service string, subnets []*string, group *string) *string {
	return awsec2.NewCfnVPCEndpoint(v.scope, jsii.String(endpointID(service)), &awsec2.CfnVPCEndpointProps{
		VpcId: v.id, ServiceName: v.serviceName(service), VpcEndpointType: jsii.String("Interface"),
		PrivateDnsEnabled: jsii.Bool(true), SubnetIds: anys(subnets...), SecurityGroupIds: anys(group),
		Tags: named(v.names.Endpoint(service)),
	}).Ref()
}

// endpointID makes "EcrApiEndpoint" of "ecr.api".
func endpointID(service string) string {
	var id strings.Builder
	for _, part := range strings.Split(service, ".") {
		id.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return id.String() + "Endpoint"
}
