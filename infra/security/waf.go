package security

import (
	"slices"
	"strings"

	waf "github.com/aws/aws-cdk-go/awscdk/v2/awswafv2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
)

// Rules of ours; the managed ones have their group's name.
const (
	// allowRule is 004_9a2c9db51dc67ef8.txt L1019's.
	allowRule = "allow-specific-ips"
	// blockRule stands in its place where the managed rules come after it.
	blockRule = "block-other-ips"
)

// regional is the scope of what protects a load balancer.
const regional = "REGIONAL"

// managedGroup is one of AWS's rule groups.
type managedGroup struct {
	// name is the group's.
	name string
	// prefixes begin the names of its rules, and of no other group's.
	prefixes []string
}

// managedGroups are those of 000_e03a210ce428a44a.txt L342-345, with the rules
// that the AWS WAF developer guide lists for them.
var managedGroups = []managedGroup{
	{"AWSManagedRulesCommonRuleSet", []string{"NoUserAgent_", "UserAgent_", "SizeRestrictions_", "EC2MetaDataSSRF_",
		"GenericLFI_", "GenericRFI_", "RestrictedExtensions_", "CrossSiteScripting_"}},
	{"AWSManagedRulesKnownBadInputsRuleSet", []string{"JavaDeserializationRCE_", "Host_localhost_", "PROPFIND_",
		"ExploitablePaths_", "Log4JRCE_", "ReactJSRCE_"}},
	{"AWSManagedRulesSQLiRuleSet", []string{"SQLi_", "SQLiExtendedPatterns_"}},
}

// has says whether a rule is one of the group's.
func (g managedGroup) has(rule string) bool {
	return slices.ContainsFunc(g.prefixes, func(prefix string) bool { return strings.HasPrefix(rule, prefix) })
}

// newWebACL makes the firewall and returns its ARN. Only with a list of allowed
// addresses and nothing else is everything blocked that no rule decides.
func newWebACL(scope constructs.Construct, env config.Environment) *string {
	action := waf.CfnWebACL_DefaultActionProperty{Allow: waf.CfnWebACL_AllowActionProperty{}}
	if env.WAF.Mode == config.WAFIPAllow {
		action = waf.CfnWebACL_DefaultActionProperty{Block: waf.CfnWebACL_BlockActionProperty{}}
	}
	acl := waf.NewCfnWebACL(scope, jsii.String("WebACL"), &waf.CfnWebACLProps{
		Name: jsii.String(env.Names().WebACL()), Scope: jsii.String(regional),
		Description:   jsii.String("Firewall before the load balancer"),
		DefaultAction: action, Rules: rules(scope, env),
		VisibilityConfig: visible(env.Names().WebACL()),
	})
	return acl.AttrArn()
}

// rules are tried in their order until one decides. To allow is to decide:
// after it no managed rule would look at an allowed address. Where both are
// wanted, the list therefore blocks the others instead.
func rules(scope constructs.Construct, env config.Environment) []any {
	switch env.WAF.Mode {
	case config.WAFIPAllow:
		return []any{allowListed(newAllowedIPs(scope, env))}
	case config.WAFManaged:
		return managedRules(env.WAF.CountRules)
	default:
		return append([]any{blockOthers(newAllowedIPs(scope, env))}, managedRules(env.WAF.CountRules)...)
	}
}

// newAllowedIPs makes the list of addresses and returns its ARN.
func newAllowedIPs(scope constructs.Construct, env config.Environment) *string {
	set := waf.NewCfnIPSet(scope, jsii.String("AllowedIPs"), &waf.CfnIPSetProps{
		Name: jsii.String(env.Names().AllowedIPs()), Scope: jsii.String(regional),
		IpAddressVersion: jsii.String("IPV4"), Addresses: jsii.Strings(env.WAF.AllowedCIDRs...),
	})
	return set.AttrArn()
}

// allowListed lets the list's addresses in.
func allowListed(list *string) waf.CfnWebACL_RuleProperty {
	return waf.CfnWebACL_RuleProperty{
		Name: jsii.String(allowRule), Priority: jsii.Number(0), Statement: inList(list),
		Action:           waf.CfnWebACL_RuleActionProperty{Allow: waf.CfnWebACL_AllowActionProperty{}},
		VisibilityConfig: visible(allowRule),
	}
}

// blockOthers keeps every other address out.
func blockOthers(list *string) waf.CfnWebACL_RuleProperty {
	return waf.CfnWebACL_RuleProperty{
		Name: jsii.String(blockRule), Priority: jsii.Number(0),
		Statement: waf.CfnWebACL_StatementProperty{
			NotStatement: waf.CfnWebACL_NotStatementProperty{Statement: inList(list)},
		},
		Action:           waf.CfnWebACL_RuleActionProperty{Block: waf.CfnWebACL_BlockActionProperty{}},
		VisibilityConfig: visible(blockRule),
	}
}

// inList matches a request that comes from the list's addresses.
func inList(list *string) waf.CfnWebACL_StatementProperty {
	return waf.CfnWebACL_StatementProperty{
		IpSetReferenceStatement: waf.CfnWebACL_IPSetReferenceStatementProperty{Arn: list},
	}
}

// managedRules are AWS's groups, behind the rule that a list of addresses has.
func managedRules(count []string) []any {
	var list []any
	for i, group := range managedGroups {
		list = append(list, group.rule(i+1, count))
	}
	return list
}

// rule uses the group as AWS made it (000_e03a210ce428a44a.txt L364-373), but
// for those of its rules that only count. WAF ignores an override of a rule
// that isn't the group's, so each goes to the group that has it.
func (g managedGroup) rule(priority int, count []string) waf.CfnWebACL_RuleProperty {
	var overrides []any
	for _, rule := range count {
		if g.has(rule) {
			overrides = append(overrides, waf.CfnWebACL_RuleActionOverrideProperty{
				Name:        jsii.String(rule),
				ActionToUse: waf.CfnWebACL_RuleActionProperty{Count: waf.CfnWebACL_CountActionProperty{}},
			})
		}
	}
	return waf.CfnWebACL_RuleProperty{
		Name: jsii.String(g.name), Priority: jsii.Number(priority),
		Statement: waf.CfnWebACL_StatementProperty{
			ManagedRuleGroupStatement: waf.CfnWebACL_ManagedRuleGroupStatementProperty{
				VendorName: jsii.String("AWS"), Name: jsii.String(g.name), RuleActionOverrides: overrides,
			},
		},
		OverrideAction:   waf.CfnWebACL_OverrideActionProperty{None: map[string]any{}},
		VisibilityConfig: visible(g.name),
	}
}

// visible counts and samples requests in CloudWatch, under a metric of its own.
func visible(name string) waf.CfnWebACL_VisibilityConfigProperty {
	return waf.CfnWebACL_VisibilityConfigProperty{
		CloudWatchMetricsEnabled: jsii.Bool(true), SampledRequestsEnabled: jsii.Bool(true),
		MetricName: jsii.String(name + "Metric"),
	}
}
