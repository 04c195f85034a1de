package cost

// rule prices all resources of one type.
type rule struct {
	kind  string
	price func(e *estimator, list []resource)
}

// rules has every type that costs something. Their order is that of the lines
// within a group.
var rules = []rule{
	{"AWS::EC2::NatGateway", (*estimator).natGateways},
	{"AWS::EC2::VPCEndpoint", (*estimator).endpoints},
	{"AWS::EC2::EIP", (*estimator).addresses},
	{"AWS::ElasticLoadBalancingV2::LoadBalancer", (*estimator).balancers},
	{"AWS::Route53::HostedZone", each(Network, "Hosted zones", "route53.zone")},

	{"AWS::ECS::Service", (*estimator).services},
	{"AWS::ECS::TaskDefinition", (*estimator).oneOffs},
	{"AWS::Lambda::Function", (*estimator).functions},

	{"AWS::RDS::DBInstance", (*estimator).instances},
	{"AWS::RDS::DBCluster", (*estimator).clusters},

	{"AWS::S3::Bucket", (*estimator).buckets},
	{"AWS::ECR::Repository", once(Storage, "ECR images", "images.gb", "ecr.gb")},

	{"AWS::Logs::LogGroup", (*estimator).logGroups},
	{"AWS::EC2::FlowLog", once(Monitoring, "Flow log, taken in", "flow.gb", "logs.vended")},
	{"AWS::ECS::Cluster", (*estimator).insights},
	{"AWS::CloudWatch::Alarm", (*estimator).alarms},
	{"AWS::CloudWatch::CompositeAlarm", each(Monitoring, "Composite alarms", "alarm.composite")},
	{"AWS::ApplicationAutoScaling::ScalingPolicy", (*estimator).scaling},
	{"AWS::CloudWatch::Dashboard", each(Monitoring, "Dashboards", "dashboard")},
	{"AWS::Logs::MetricFilter", (*estimator).filters},
	{"AWS::SNS::Subscription", once(Monitoring, "Notifications", "emails", "sns.email")},

	{"AWS::SecretsManager::Secret", each(Security, "Secrets", "secret")},
	{"AWS::KMS::Key", each(Security, "KMS keys", "kms.key")},
	{"AWS::WAFv2::WebACL", (*estimator).firewalls},
	{"AWS::GuardDuty::Detector", (*estimator).detectors},
	{"AWS::Config::ConfigurationRecorder", once(Security, "Config, recorded items", "config.items", "config.item")},
	{"AWS::Config::ConfigRule", (*estimator).configRules},
	{"AWS::CloudTrail::Trail", (*estimator).trails},

	{"AWS::Batch::JobDefinition", (*estimator).jobs},

	{"AWS::Athena::WorkGroup", once(Optional, "Athena, data read", "athena.tb", "athena.tb")},
	{"AWS::StepFunctions::StateMachine", once(Optional, "Step Functions", "stepfunctions.transitions.millions", "stepfunctions.transitions")},
	{"AWS::Amplify::App", (*estimator).amplify},
}

// each is a fixed price for every resource.
func each(group, item, price string) func(*estimator, []resource) {
	return func(e *estimator, list []resource) { e.add(group, item, "", float64(len(list)), price) }
}

// once is an assumed use of all resources together.
func once(group, item, assumption, price string) func(*estimator, []resource) {
	return func(e *estimator, _ []resource) { e.add(group, item, "", e.assume(assumption), price) }
}
