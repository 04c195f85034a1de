package security_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/infratest"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/security"
	"github.com/prooflink/prooflink/infra/templates"
)

func TestMain(m *testing.M) { infratest.Main(m) }

// synth makes the stack of an environment.
func synth(t *testing.T, env config.Environment) infratest.Template {
	t.Helper()
	return infratest.Synth(t, env, func(stack awscdk.Stack) { security.New(stack, security.Props{Env: env}) })
}

// mode sets the firewall's mode and addresses.
func mode(mode string, count ...string) func(*config.Environment) {
	return func(env *config.Environment) {
		env.WAF = config.WAF{Mode: mode, AllowedCIDRs: []string{"192.0.2.0/24", "192.0.2.1/32"}, CountRules: count}
	}
}

// rule finds one of the firewall's rules.
func rule(t *testing.T, acl templates.Resource, name string) templates.Resource {
	t.Helper()
	for _, item := range acl.Properties["Rules"].([]any) {
		if found := item.(map[string]any); found["Name"] == name {
			return templates.Resource{Properties: found}
		}
	}
	t.Fatalf("no rule %s in %s", name, acl.Text("Rules"))
	return templates.Resource{}
}

func TestA158OnlyTheAllowedAddressesGetIn(t *testing.T) {
	env := infratest.Env(t, "prod", mode(config.WAFIPAllow))
	s := synth(t, env)
	acl, set := s.One(t, "AWS::WAFv2::WebACL"), s.One(t, "AWS::WAFv2::IPSet")
	infratest.Equal(t, "the firewall", acl.Text("Name")+" "+acl.Text("Scope"), "prooflink-prod-waf-acl REGIONAL")
	infratest.Equal(t, "its default", acl.Text("DefaultAction"), "{Block:{}}")
	infratest.Equal(t, "the list", set.Text("Name")+" "+set.Text("Scope")+" "+set.Text("IPAddressVersion")+" "+set.Text("Addresses"),
		"prooflink-prod-allowed-ips REGIONAL IPV4 [192.0.2.0/24 192.0.2.1/32]")
	allow := rule(t, acl, "allow-specific-ips")
	infratest.Equal(t, "its rule", allow.Text("Priority")+" "+allow.Text("Action")+" "+allow.Text("Statement"),
		"0 {Allow:{}} {IPSetReferenceStatement:{Arn:${AllowedIPs.Arn}}}")
	if n := len(acl.Properties["Rules"].([]any)); n != 1 {
		t.Errorf("%d rules, want one", n)
	}
	infratest.Equal(t, "the output", templates.Text(s.Outputs[names.OutputWebACLArn].Value), "${WebACL.Arn}")
}

func TestA159ManagedGroupsBlockAndTheirCountedRulesCount(t *testing.T) {
	env := infratest.Env(t, "dev", mode(config.WAFManaged, "SizeRestrictions_BODY", "SQLi_BODY", "Log4JRCE_BODY"))
	s := synth(t, env)
	acl := s.One(t, "AWS::WAFv2::WebACL")
	infratest.Equal(t, "the default", acl.Text("DefaultAction"), "{Allow:{}}")
	counted := map[string]string{
		"AWSManagedRulesCommonRuleSet":         "SizeRestrictions_BODY",
		"AWSManagedRulesKnownBadInputsRuleSet": "Log4JRCE_BODY",
		"AWSManagedRulesSQLiRuleSet":           "SQLi_BODY",
	}
	for group, counts := range counted {
		r := rule(t, acl, group)
		infratest.Equal(t, group+"'s override", r.Text("OverrideAction"), "{None:{}}")
		infratest.Equal(t, group+"'s counted rules", r.Text("Statement", "ManagedRuleGroupStatement"),
			"{Name:"+group+" RuleActionOverrides:[{ActionToUse:{Count:{}} Name:"+counts+"}] VendorName:AWS}")
	}
	if n := len(s.Of("AWS::WAFv2::IPSet")); n != 0 {
		t.Errorf("%d lists of addresses, want none", n)
	}
}

func TestC72EveryManagedRuleIsCountedInTheGroupThatHasIt(t *testing.T) {
	all := map[string]string{
		"AWSManagedRulesCommonRuleSet": "NoUserAgent_HEADER UserAgent_BadBots_HEADER SizeRestrictions_QUERYSTRING" +
			" SizeRestrictions_Cookie_HEADER SizeRestrictions_BODY SizeRestrictions_URIPATH EC2MetaDataSSRF_BODY" +
			" EC2MetaDataSSRF_COOKIE EC2MetaDataSSRF_URIPATH EC2MetaDataSSRF_QUERYARGUMENTS GenericLFI_QUERYARGUMENTS" +
			" GenericLFI_URIPATH GenericLFI_BODY RestrictedExtensions_URIPATH RestrictedExtensions_QUERYARGUMENTS" +
			" GenericRFI_QUERYARGUMENTS GenericRFI_BODY GenericRFI_URIPATH CrossSiteScripting_COOKIE" +
			" CrossSiteScripting_QUERYARGUMENTS CrossSiteScripting_BODY CrossSiteScripting_URIPATH",
		"AWSManagedRulesKnownBadInputsRuleSet": "JavaDeserializationRCE_HEADER JavaDeserializationRCE_BODY" +
			" JavaDeserializationRCE_URIPATH JavaDeserializationRCE_QUERYSTRING Host_localhost_HEADER PROPFIND_METHOD" +
			" ExploitablePaths_URIPATH Log4JRCE_HEADER Log4JRCE_QUERYSTRING Log4JRCE_BODY Log4JRCE_URIPATH ReactJSRCE_BODY",
		"AWSManagedRulesSQLiRuleSet": "SQLi_QUERYARGUMENTS SQLiExtendedPatterns_QUERYARGUMENTS SQLi_BODY" +
			" SQLiExtendedPatterns_BODY SQLi_COOKIE SQLi_URIPATH",
	}
	var count []string
	for _, rules := range all {
		count = append(count, strings.Fields(rules)...)
	}
	slices.Sort(count)
	acl := synth(t, infratest.Env(t, "dev", mode(config.WAFManaged, count...))).One(t, "AWS::WAFv2::WebACL")
	for group, rules := range all {
		var got []string
		for _, override := range rule(t, acl, group).At("Statement", "ManagedRuleGroupStatement", "RuleActionOverrides").([]any) {
			got = append(got, override.(map[string]any)["Name"].(string))
		}
		want := strings.Fields(rules)
		slices.Sort(want)
		infratest.Equal(t, group+"'s counted rules", strings.Join(got, " "), strings.Join(want, " "))
	}
}

func TestC71AllowedAddressesAreInspectedToo(t *testing.T) {
	acl := synth(t, infratest.Env(t, "prod", mode(config.WAFBoth))).One(t, "AWS::WAFv2::WebACL")
	infratest.Equal(t, "the default", acl.Text("DefaultAction"), "{Allow:{}}")
	block := rule(t, acl, "block-other-ips")
	infratest.Equal(t, "the first rule", block.Text("Priority")+" "+block.Text("Action")+" "+block.Text("Statement"),
		"0 {Block:{}} {NotStatement:{Statement:{IPSetReferenceStatement:{Arn:${AllowedIPs.Arn}}}}}")
	if strings.Contains(acl.Text("Rules"), "Action:{Allow") {
		t.Errorf("a rule allows, and ends the inspection: %s", acl.Text("Rules"))
	}
	if n := len(acl.Properties["Rules"].([]any)); n != 4 {
		t.Errorf("%d rules, want four", n)
	}
}

func TestC70EveryRuleHasAMetricAndAPriorityOfItsOwn(t *testing.T) {
	acl := synth(t, infratest.Env(t, "prod", mode(config.WAFBoth))).One(t, "AWS::WAFv2::WebACL")
	seen := []string{acl.Text("VisibilityConfig", "MetricName")}
	for i := range acl.Properties["Rules"].([]any) {
		config := acl.Text("Rules", i, "VisibilityConfig")
		infratest.Within(t, "a rule's metrics", config, "CloudWatchMetricsEnabled:true", "SampledRequestsEnabled:true")
		seen = append(seen, acl.Text("Rules", i, "VisibilityConfig", "MetricName"), acl.Text("Rules", i, "Priority"))
	}
	if !slices.Contains(seen, "AWSManagedRulesCommonRuleSetMetric") {
		t.Errorf("no metric of the core rule set: %v", seen)
	}
	slices.Sort(seen)
	if len(slices.Compact(slices.Clone(seen))) != len(seen) {
		t.Errorf("a metric or priority occurs twice: %v", seen)
	}
}

func TestC95GuardDutysFeaturesAreAllNamed(t *testing.T) {
	detector := synth(t, infratest.Env(t, "prod")).One(t, "AWS::GuardDuty::Detector")
	infratest.Equal(t, "the detector", detector.Text("Enable"), "true")
	infratest.Equal(t, "its old settings", detector.Text("DataSources"), templates.Nothing)
	infratest.Equal(t, "its features", detector.Text("Features"),
		"[{Name:S3_DATA_EVENTS Status:ENABLED} {Name:EKS_AUDIT_LOGS Status:DISABLED} {Name:EBS_MALWARE_PROTECTION Status:DISABLED}"+
			" {Name:RDS_LOGIN_EVENTS Status:DISABLED} {Name:LAMBDA_NETWORK_LOGS Status:DISABLED} {Name:RUNTIME_MONITORING Status:DISABLED}]")
}

func TestC94ConfigRecordsEverythingIntoABucketThatItMayWrite(t *testing.T) {
	s := synth(t, infratest.Env(t, "prod"))
	recorder := s.One(t, "AWS::Config::ConfigurationRecorder")
	infratest.Equal(t, "what is recorded", recorder.Text("RecordingGroup"), "{AllSupported:true IncludeGlobalResourceTypes:true}")
	infratest.Within(t, "the recorder's role", recorder.Text("RoleARN"), "ConfigRole")
	channel := s.One(t, "AWS::Config::DeliveryChannel")
	infratest.Within(t, "the channel's bucket", channel.Text("S3BucketName"), "ConfigBucket")
	infratest.Within(t, "what comes before the channel", strings.Join(channel.DependsOn, " "), "ConfigBucketPolicy", "ConfigRole")
	for _, role := range s.Of("AWS::IAM::Role") {
		infratest.Equal(t, "the role's name", role.Text("RoleName"), "prooflink-prod-config-role")
		infratest.Within(t, "the role's policies", role.Text("ManagedPolicyArns"), ":policy/service-role/AWS_ConfigRole")
		infratest.Within(t, "the role's trust", role.Text("AssumeRolePolicyDocument"), "Service:config.amazonaws.com", "aws:SourceAccount:["+infratest.Account+"]")
	}
	infratest.Within(t, "the bucket's policy", policyOf(t, s, "ConfigBucket"), "Service:config.amazonaws.com", "AWS:SourceAccount:"+infratest.Account,
		"s3:x-amz-acl:bucket-owner-full-control", "/AWSLogs/"+infratest.Account+"/Config/*", "aws:SecureTransport:false")
}

func TestC96TheTrailIsInEveryRegionAndSigned(t *testing.T) {
	s := synth(t, infratest.Env(t, "prod"))
	trail := s.One(t, "AWS::CloudTrail::Trail")
	infratest.Equal(t, "the trail", trail.Text("TrailName"), "prooflink-prod-trail")
	for _, on := range []string{"IsLogging", "IsMultiRegionTrail", "IncludeGlobalServiceEvents", "EnableLogFileValidation"} {
		infratest.Equal(t, on, trail.Text(on), "true")
	}
	infratest.Within(t, "what comes before the trail", strings.Join(trail.DependsOn, " "), "TrailBucketPolicy")
	infratest.Within(t, "the bucket's policy", policyOf(t, s, "TrailBucket"), "Service:cloudtrail.amazonaws.com",
		":cloudtrail:ap-northeast-1:"+infratest.Account+":trail/prooflink-prod-trail", "/AWSLogs/"+infratest.Account+"/*")
}

// policyOf is a bucket's policy.
func policyOf(t *testing.T, s infratest.Template, bucket string) string {
	t.Helper()
	for _, policy := range s.Of("AWS::S3::BucketPolicy") {
		if strings.Contains(policy.Text("Bucket"), bucket) {
			return policy.Text("PolicyDocument")
		}
	}
	t.Fatalf("no policy of %s", bucket)
	return ""
}

func TestBothOfAServicesStatementsAreForThisAccountOnly(t *testing.T) {
	s := synth(t, infratest.Env(t, "prod"))
	for bucket, key := range map[string]string{"ConfigBucket": "AWS:SourceAccount:", "TrailBucket": "aws:SourceArn:"} {
		if n := strings.Count(policyOf(t, s, bucket), key); n != 2 {
			t.Errorf("%d statements of %s have %s, want those that find and write", n, bucket, key)
		}
	}
}

func TestA169AuditBucketsAreEncryptedClosedAndKept(t *testing.T) {
	buckets := synth(t, infratest.Env(t, "prod")).Of("AWS::S3::Bucket")
	if len(buckets) != 2 {
		t.Fatalf("%d buckets, want those of Config and CloudTrail", len(buckets))
	}
	for i, name := range []string{"prooflink-prod-config-" + infratest.Account, "prooflink-prod-trail-" + infratest.Account} {
		b := buckets[i]
		infratest.Equal(t, "the bucket", b.Text("BucketName"), name)
		infratest.Within(t, name+"'s encryption", b.Text("BucketEncryption"), "SSEAlgorithm:AES256")
		infratest.Within(t, name+"'s public access", b.Text("PublicAccessBlockConfiguration"), "BlockPublicAcls:true",
			"BlockPublicPolicy:true", "IgnorePublicAcls:true", "RestrictPublicBuckets:true")
		infratest.Equal(t, name+"'s versions", b.Text("VersioningConfiguration"), "{Status:Enabled}")
		infratest.Within(t, name+"'s end", b.Text("LifecycleConfiguration"), "ExpirationInDays:365", "NoncurrentDays:90")
		infratest.Equal(t, name+"'s removal", b.DeletionPolicy, "Retain")
	}
}

func TestC93EachServiceIsOnByItsOwn(t *testing.T) {
	kinds := map[string]config.Security{
		"AWS::GuardDuty::Detector":           {GuardDuty: true},
		"AWS::Config::ConfigurationRecorder": {Config: true},
		"AWS::CloudTrail::Trail":             {CloudTrail: true},
	}
	for kind, on := range kinds {
		s := synth(t, infratest.Env(t, "dev", func(env *config.Environment) { env.Security = on }))
		for other := range kinds {
			if got := len(s.Of(other)); got == 1 != (other == kind) {
				t.Errorf("with only %s there are %d of %s", kind, got, other)
			}
		}
		if n := len(s.Of("AWS::WAFv2::WebACL")); n != 0 {
			t.Errorf("%d firewalls without a mode", n)
		}
	}
}
