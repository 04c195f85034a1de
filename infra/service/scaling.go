package service

import (
	scaling "github.com/aws/aws-cdk-go/awscdk/v2/awsapplicationautoscaling"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
)

const (
	// outSeconds is how long scaling waits after it added tasks.
	outSeconds = 60
	// inSeconds is how long it waits after it removed some.
	inSeconds = 300
)

// newScaling keeps the service's CPU near its target
// (000_e03a210ce428a44a.txt L592-594).
func newScaling(scope constructs.Construct, env config.Environment, service awsecs.CfnService) {
	n := env.Names()
	target := scaling.NewCfnScalableTarget(scope, jsii.String("ScalableTarget"), &scaling.CfnScalableTargetProps{
		ServiceNamespace:  jsii.String("ecs"),
		ScalableDimension: jsii.String("ecs:service:DesiredCount"),
		ResourceId:        jsii.String("service/" + n.Cluster() + "/" + *service.AttrName()),
		MinCapacity:       jsii.Number(env.App.Autoscaling.Min),
		MaxCapacity:       jsii.Number(env.App.Autoscaling.Max),
	})
	scaling.NewCfnScalingPolicy(scope, jsii.String("ScalingPolicy"), &scaling.CfnScalingPolicyProps{
		PolicyName:      jsii.String(n.Prefix() + "-cpu"),
		PolicyType:      jsii.String("TargetTrackingScaling"),
		ScalingTargetId: target.Ref(),
		TargetTrackingScalingPolicyConfiguration: scaling.CfnScalingPolicy_TargetTrackingScalingPolicyConfigurationProperty{
			TargetValue:      jsii.Number(env.App.Autoscaling.CPUTarget),
			ScaleOutCooldown: jsii.Number(outSeconds), ScaleInCooldown: jsii.Number(inSeconds),
			PredefinedMetricSpecification: scaling.CfnScalingPolicy_PredefinedMetricSpecificationProperty{
				PredefinedMetricType: jsii.String("ECSServiceAverageCPUUtilization"),
			},
		},
	})
}
