package security

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsguardduty"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// feature is what GuardDuty looks at beyond the VPC flow logs, DNS and
// CloudTrail (000_e03a210ce428a44a.txt L286), which are always on.
type feature struct {
	// name is as in DetectorFeatureConfiguration of the GuardDuty API.
	name string
	// on says whether it is paid for.
	on bool
}

// features has all of them: one that isn't named is on, and costs. S3 is
// 000_e03a210ce428a44a.txt L298-300's; the others watch what isn't here
// (clusters of EKS, servers with volumes, functions that serve requests) or put
// an agent into every task.
var features = []feature{
	{"S3_DATA_EVENTS", true},
	{"EKS_AUDIT_LOGS", false},
	{"EBS_MALWARE_PROTECTION", false},
	{"RDS_LOGIN_EVENTS", false},
	{"LAMBDA_NETWORK_LOGS", false},
	{"RUNTIME_MONITORING", false},
}

// newDetector turns GuardDuty on.
func newDetector(scope constructs.Construct) {
	var list []any
	for _, feature := range features {
		list = append(list, awsguardduty.CfnDetector_CFNFeatureConfigurationProperty{
			Name: jsii.String(feature.name), Status: jsii.String(status(feature.on)),
		})
	}
	awsguardduty.NewCfnDetector(scope, jsii.String("Detector"), &awsguardduty.CfnDetectorProps{
		Enable: jsii.Bool(true), FindingPublishingFrequency: jsii.String("FIFTEEN_MINUTES"), Features: list,
	})
}

// status is how GuardDuty says on and off.
func status(on bool) string {
	if on {
		return "ENABLED"
	}
	return "DISABLED"
}
