package config

import (
	"fmt"
	"net/netip"
)

// managedRules are those of AWS's groups AWSManagedRulesCommonRuleSet,
// AWSManagedRulesKnownBadInputsRuleSet and AWSManagedRulesSQLiRuleSet.
var managedRules = []string{
	"NoUserAgent_HEADER", "UserAgent_BadBots_HEADER",
	"SizeRestrictions_QUERYSTRING", "SizeRestrictions_Cookie_HEADER", "SizeRestrictions_BODY", "SizeRestrictions_URIPATH",
	"EC2MetaDataSSRF_BODY", "EC2MetaDataSSRF_COOKIE", "EC2MetaDataSSRF_URIPATH", "EC2MetaDataSSRF_QUERYARGUMENTS",
	"GenericLFI_QUERYARGUMENTS", "GenericLFI_URIPATH", "GenericLFI_BODY",
	"RestrictedExtensions_URIPATH", "RestrictedExtensions_QUERYARGUMENTS",
	"GenericRFI_QUERYARGUMENTS", "GenericRFI_BODY", "GenericRFI_URIPATH",
	"CrossSiteScripting_COOKIE", "CrossSiteScripting_QUERYARGUMENTS", "CrossSiteScripting_BODY", "CrossSiteScripting_URIPATH",

	"JavaDeserializationRCE_HEADER", "JavaDeserializationRCE_BODY", "JavaDeserializationRCE_URIPATH", "JavaDeserializationRCE_QUERYSTRING",
	"Host_localhost_HEADER", "PROPFIND_METHOD", "ExploitablePaths_URIPATH",
	"Log4JRCE_HEADER", "Log4JRCE_QUERYSTRING", "Log4JRCE_BODY", "Log4JRCE_URIPATH", "ReactJSRCE_BODY",

	"SQLi_QUERYARGUMENTS", "SQLiExtendedPatterns_QUERYARGUMENTS", "SQLi_BODY", "SQLiExtendedPatterns_BODY", "SQLi_COOKIE", "SQLi_URIPATH",
}

// maxAddresses is how many ranges an IP set has.
const maxAddresses = 10000

// checkWAF checks the allowed addresses against the mode.
func (d *decoder) checkWAF(waf WAF) {
	const path = "waf.allowedCidrs"
	limited := waf.Mode == WAFIPAllow || waf.Mode == WAFBoth
	d.check(!limited || len(waf.AllowedCIDRs) > 0, path, "is empty: nobody could reach the application",
		"list your addresses, or change mode", "waf.mode")
	d.check(limited || len(waf.AllowedCIDRs) == 0, path, "has no effect while mode is "+waf.Mode,
		"write [], or mode: ip-allow or both", "waf.mode")
	d.check(len(waf.AllowedCIDRs) <= maxAddresses, path, "has more than the 10,000 ranges of an IP set", "join ranges")
	for i, cidr := range waf.AllowedCIDRs {
		d.checkAllowed(fmt.Sprintf("%s[%d]", path, i), cidr)
	}
}

// checkAllowed checks one range of addresses.
func (d *decoder) checkAllowed(path, cidr string) {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil || !prefix.Addr().Is4() {
		d.check(false, path, "is not an IPv4 range", "write e.g. 203.0.113.0/24, or 203.0.113.7/32 for one address")
		return
	}
	address := prefix.Addr()
	d.check(prefix.Bits() > 0, path, "is everybody, which WAF refuses", "list your addresses, or write mode: managed")
	d.check(prefix.Masked() == prefix, path, "has bits set behind its mask", "write "+prefix.Masked().String())
	d.check(!address.IsPrivate() && !address.IsLoopback() && !address.IsLinkLocalUnicast(), path,
		"is private: the load balancer sees public addresses only", "write the address with which you appear on the internet")
}
