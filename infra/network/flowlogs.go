package network

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/part"
)

// flowLogs records the traffic in a log group with a name and an end of its
// own: the construct's would be nameless and kept for two years
// (000_e03a210ce428a44a.txt L158).
func (v vpc) flowLogs() {
	group := part.LogGroup(v.scope, v.env, "FlowLogs", v.names.FlowLogGroup(), v.env.Logging.Retention.Flow)
	role := v.flowLogRole(group)
	awsec2.NewCfnFlowLog(v.scope, jsii.String("FlowLog"), &awsec2.CfnFlowLogProps{
		ResourceId: v.id, ResourceType: jsii.String("VPC"), TrafficType: jsii.String("ALL"),
		LogDestinationType: jsii.String("cloud-watch-logs"), LogGroupName: group.Ref(),
		DeliverLogsPermissionArn: role.RoleArn(), Tags: named(v.names.Vpc()),
	})
}

// flowLogRole may write to that one group.
func (v vpc) flowLogRole(group awslogs.CfnLogGroup) awsiam.Role {
	return awsiam.NewRole(v.scope, jsii.String("FlowLogRole"), &awsiam.RoleProps{
		RoleName:  jsii.String(v.names.FlowLogRole()),
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("vpc-flow-logs.amazonaws.com"), nil),
		InlinePolicies: &map[string]awsiam.PolicyDocument{
			"WriteFlowLogs": awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{
				Statements: &[]awsiam.PolicyStatement{awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
					Actions:   jsii.Strings("logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"),
					Resources: &[]*string{group.AttrArn()},
				})},
			}),
		},
	})
}
