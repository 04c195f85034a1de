package service

import (
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscertificatemanager"
	elb "github.com/aws/aws-cdk-go/awscdk/v2/awselasticloadbalancingv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awswafv2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
)

// balancer is what the service needs of the load balancer.
type balancer struct {
	// ready is what must exist before tasks do.
	ready       []constructs.IDependable
	targetGroup *string
	dnsName     *string
	// fullName and targetGroupName are as metrics have them.
	fullName, targetGroupName *string
	// url is where users go.
	url *string
}

const (
	// idleSeconds ends connections without traffic. The application must keep
	// them longer, or the load balancer answers 502 now and then.
	idleSeconds = 60
	// keepAliveMs is the application's, in milliseconds.
	keepAliveMs = (idleSeconds + 5) * 1000
	// drainSeconds is how long a task that leaves still gets its answers out.
	drainSeconds = 30
	// tlsPolicy is 004_9a2c9db51dc67ef8.txt L955's; without one ELB takes its
	// policy of 2016.
	tlsPolicy = "ELBSecurityPolicy-TLS13-1-2-2021-06"
)

// newBalancer makes load balancer, target group and listeners. They open no
// port in a security group: package network has the rules.
func newBalancer(scope constructs.Construct, props Props) balancer {
	resource := newLoadBalancer(scope, props)
	targets := newTargetGroup(scope, props)
	group := targets.Ref()
	made := balancer{
		targetGroup: group, dnsName: resource.AttrDnsName(), url: address(props.Env, resource.AttrDnsName()),
		fullName: resource.AttrLoadBalancerFullName(), targetGroupName: targets.AttrTargetGroupFullName(),
	}
	made.ready = append(made.ready, newHTTPListener(scope, props.Env.ALB, resource.Ref(), group))
	if props.Env.ALB.TLS.Enabled {
		made.ready = append(made.ready, newHTTPSListener(scope, props.Env, resource.Ref(), group))
	}
	if props.Env.DNS.ZoneID != "" {
		newRecord(scope, props.Env.DNS, resource)
	}
	if props.WebACLArn != nil {
		made.ready = append(made.ready, newFirewall(scope, resource.Ref(), props.WebACLArn))
	}
	return made
}

// address is where users go: to the domain or, without one, to the load
// balancer's own name.
func address(env config.Environment, dnsName *string) *string {
	scheme, host := "http", *dnsName
	if env.DNS.RecordName != "" {
		host = env.DNS.RecordName
	}
	if env.ALB.TLS.Enabled {
		scheme = "https"
	}
	return jsii.String(scheme + "://" + host)
}

// newFirewall puts the web ACL before the load balancer (004_9a2c9db51dc67ef8.txt L1030-1036).
func newFirewall(scope constructs.Construct, balancer, acl *string) awswafv2.CfnWebACLAssociation {
	return awswafv2.NewCfnWebACLAssociation(scope, jsii.String("Firewall"), &awswafv2.CfnWebACLAssociationProps{
		ResourceArn: balancer, WebAclArn: acl,
	})
}

// newLoadBalancer is in both public subnets: ELB refuses one zone, and
// synthesis doesn't notice.
func newLoadBalancer(scope constructs.Construct, props Props) elb.CfnLoadBalancer {
	var subnets []any
	for _, id := range props.Network.PublicSubnets {
		subnets = append(subnets, id)
	}
	return elb.NewCfnLoadBalancer(scope, jsii.String("LoadBalancer"), &elb.CfnLoadBalancerProps{
		Name: jsii.String(props.Env.Names().Alb()), Type: jsii.String("application"),
		Scheme: jsii.String("internet-facing"), IpAddressType: jsii.String("ipv4"),
		Subnets: &subnets, SecurityGroups: &[]any{props.Network.Groups.Alb},
		LoadBalancerAttributes: balancerAttributes(props),
	})
}

// balancerAttributes are settings that ELB has as a list.
func balancerAttributes(props Props) []any {
	list := []any{
		balancerAttribute("idle_timeout.timeout_seconds", strconv.Itoa(idleSeconds)),
		balancerAttribute("routing.http.drop_invalid_header_fields.enabled", "true"),
		balancerAttribute("deletion_protection.enabled", strconv.FormatBool(props.Env.Removal.Policy == config.RemovalRetain)),
	}
	if props.Env.ALB.AccessLogs {
		list = append(list,
			balancerAttribute("access_logs.s3.enabled", "true"),
			balancerAttribute("access_logs.s3.bucket", props.Foundation.AccessLogs))
	}
	return list
}

// balancerAttribute is one of them.
func balancerAttribute(key, value string) any {
	return elb.CfnLoadBalancer_LoadBalancerAttributeProperty{Key: jsii.String(key), Value: jsii.String(value)}
}

// newTargetGroup finds the tasks by their address (004_9a2c9db51dc67ef8.txt L889-905).
func newTargetGroup(scope constructs.Construct, props Props) elb.CfnTargetGroup {
	return elb.NewCfnTargetGroup(scope, jsii.String("TargetGroup"), &elb.CfnTargetGroupProps{
		Name: jsii.String(props.Env.Names().TargetGroup()), VpcId: props.Network.VpcID,
		TargetType: jsii.String("ip"), Protocol: jsii.String("HTTP"), Port: jsii.Number(props.Env.App.Port),
		HealthCheckEnabled: jsii.Bool(true), HealthCheckProtocol: jsii.String("HTTP"),
		HealthCheckPath:         jsii.String(props.Env.App.HealthPath),
		HealthyThresholdCount:   jsii.Number(2),
		UnhealthyThresholdCount: jsii.Number(3), HealthCheckTimeoutSeconds: jsii.Number(5),
		HealthCheckIntervalSeconds: jsii.Number(30),
		Matcher:                    elb.CfnTargetGroup_MatcherProperty{HttpCode: jsii.String("200")},
		TargetGroupAttributes: []any{elb.CfnTargetGroup_TargetGroupAttributeProperty{
			Key: jsii.String("deregistration_delay.timeout_seconds"), Value: jsii.String(strconv.Itoa(drainSeconds)),
		}},
	})
}

// newHTTPListener forwards, or sends everybody to HTTPS.
func newHTTPListener(scope constructs.Construct, alb config.ALB, balancer, group *string) elb.CfnListener {
	action := forward(group)
	if alb.HTTPAction == config.HTTPRedirect {
		action = redirect()
	}
	return elb.NewCfnListener(scope, jsii.String("HttpListener"), &elb.CfnListenerProps{
		LoadBalancerArn: balancer, Port: jsii.Number(80), Protocol: jsii.String("HTTP"), DefaultActions: []any{action},
	})
}

// newHTTPSListener ends TLS and forwards.
func newHTTPSListener(scope constructs.Construct, env config.Environment, balancer, group *string) elb.CfnListener {
	return elb.NewCfnListener(scope, jsii.String("HttpsListener"), &elb.CfnListenerProps{
		LoadBalancerArn: balancer, Port: jsii.Number(443), Protocol: jsii.String("HTTPS"),
		SslPolicy:      jsii.String(tlsPolicy),
		Certificates:   []any{elb.CfnListener_CertificateProperty{CertificateArn: certificate(scope, env)}},
		DefaultActions: []any{forward(group)},
	})
}

// certificate is the configured one or, without it, a new one for the domain.
// CloudFormation makes the record that proves the domain ours, in the zone that
// is known by its id, and waits until ACM has seen it.
func certificate(scope constructs.Construct, env config.Environment) *string {
	if given := env.ALB.TLS.CertificateArn; given != "" {
		return jsii.String(given)
	}
	name := jsii.String(env.DNS.RecordName)
	return awscertificatemanager.NewCfnCertificate(scope, jsii.String("Certificate"), &awscertificatemanager.CfnCertificateProps{
		DomainName: name, ValidationMethod: jsii.String("DNS"),
		DomainValidationOptions: []any{awscertificatemanager.CfnCertificate_DomainValidationOptionProperty{
			DomainName: name, HostedZoneId: jsii.String(env.DNS.ZoneID),
		}},
	}).Ref()
}

// forward sends requests to the tasks.
func forward(group *string) elb.CfnListener_ActionProperty {
	return elb.CfnListener_ActionProperty{Type: jsii.String("forward"), TargetGroupArn: group}
}

// redirect sends users to the same place over HTTPS.
func redirect() elb.CfnListener_ActionProperty {
	return elb.CfnListener_ActionProperty{
		Type: jsii.String("redirect"),
		RedirectConfig: elb.CfnListener_RedirectConfigProperty{
			Protocol: jsii.String("HTTPS"), Port: jsii.String("443"), StatusCode: jsii.String("HTTP_301"),
		},
	}
}

// newRecord points the domain at the load balancer. The zone is known by its
// id: looking it up would need credentials to synthesize.
func newRecord(scope constructs.Construct, dns config.DNS, balancer elb.CfnLoadBalancer) {
	awsroute53.NewCfnRecordSet(scope, jsii.String("Record"), &awsroute53.CfnRecordSetProps{
		Name: jsii.String(dns.RecordName), Type: jsii.String("A"), HostedZoneId: jsii.String(dns.ZoneID),
		AliasTarget: awsroute53.CfnRecordSet_AliasTargetProperty{
			DnsName: balancer.AttrDnsName(), HostedZoneId: balancer.AttrCanonicalHostedZoneId(),
		},
	})
}
