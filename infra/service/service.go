// Package service is the application behind its load balancer.
package service

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/database"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/images"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/network"
	"github.com/prooflink/prooflink/infra/part"
)

// Props is what the service needs to know.
type Props struct {
	// Env is the environment.
	Env config.Environment
	// Foundation has repositories, buckets, log groups and the cluster.
	Foundation foundation.Imports
	// Network has the subnets and the security groups.
	Network network.Network
	// Database has the secrets.
	Database database.Database
	// WebACLArn is the firewall's; nil for none.
	WebACLArn *string
	// Digests are the images'.
	Digests images.Digests
}

// Service is what other stacks use of it.
type Service struct {
	// URL is where users go.
	URL *string
	// LoadBalancerName and TargetGroupName are as metrics have them, e.g.
	// "app/prooflink-dev-alb/50dc6c495c0c9188".
	LoadBalancerName, TargetGroupName *string
}

// New makes load balancer, task definition and service in a stack.
func New(scope constructs.Construct, props Props) Service {
	front := newBalancer(scope, props)
	definition := newTask(scope, props, front.url)
	service := newService(scope, props, front, definition)
	if props.Env.App.Autoscaling.Enabled {
		newScaling(scope, props.Env, service)
	}
	part.Output(scope, names.OutputServiceURL, front.url)
	part.Output(scope, names.OutputAlbDNSName, front.dnsName)
	part.Output(scope, names.OutputTargetGroupArn, front.targetGroup)
	part.Output(scope, names.OutputServiceName, service.AttrName())
	part.Output(scope, names.OutputTaskDefinitionArn, definition.TaskDefinitionArn())
	return Service{URL: front.url, LoadBalancerName: front.fullName, TargetGroupName: front.targetGroupName}
}

// newService makes the ECS service (004_9a2c9db51dc67ef8.txt Step 10-4). A
// rolling update never has fewer tasks than wanted, and one whose tasks don't
// become healthy is rolled back.
func newService(scope constructs.Construct, props Props, front balancer, definition awsecs.FargateTaskDefinition) awsecs.CfnService {
	env, n := props.Env, props.Env.Names()
	service := awsecs.NewCfnService(scope, jsii.String("Service"), &awsecs.CfnServiceProps{
		ServiceName:    jsii.String(n.Service()),
		Cluster:        jsii.String(props.Foundation.Cluster),
		TaskDefinition: definition.TaskDefinitionArn(),
		LaunchType:     jsii.String("FARGATE"), PlatformVersion: jsii.String("LATEST"),
		DesiredCount: desiredCount(env.App),
		DeploymentConfiguration: awsecs.CfnService_DeploymentConfigurationProperty{
			MinimumHealthyPercent: jsii.Number(100), MaximumPercent: jsii.Number(200),
			DeploymentCircuitBreaker: awsecs.CfnService_DeploymentCircuitBreakerProperty{
				Enable: jsii.Bool(true), Rollback: jsii.Bool(true),
			},
		},
		HealthCheckGracePeriodSeconds: jsii.Number(env.App.GraceSeconds),
		LoadBalancers: []any{awsecs.CfnService_LoadBalancerProperty{
			ContainerName: jsii.String(names.AppContainer), ContainerPort: jsii.Number(env.App.Port),
			TargetGroupArn: front.targetGroup,
		}},
		NetworkConfiguration: placement(props.Network),
		PropagateTags:        jsii.String("SERVICE"),
		EnableEcsManagedTags: jsii.Bool(true),
		EnableExecuteCommand: jsii.Bool(env.App.Exec),
	})
	// ECS refuses a target group without a listener, nobody reaches the first task
	// before the firewall is there, and a task starts only when its roles have
	// their policies.
	service.Node().AddDependency(append(front.ready, definition.ExecutionRole(), definition.TaskRole())...)
	return service
}

// desiredCount is left out where autoscaling decides: each deploy would
// otherwise set it back.
func desiredCount(app config.App) *float64 {
	if app.Autoscaling.Enabled {
		return nil
	}
	return jsii.Number(app.DesiredCount)
}

// placement puts the tasks into private subnets without a public address.
func placement(network network.Network) awsecs.CfnService_NetworkConfigurationProperty {
	return awsecs.CfnService_NetworkConfigurationProperty{
		AwsvpcConfiguration: awsecs.CfnService_AwsVpcConfigurationProperty{
			Subnets:        &network.TaskSubnets,
			SecurityGroups: &[]*string{network.Groups.Tasks},
			AssignPublicIp: jsii.String("DISABLED"),
		},
	}
}
