package config

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
)

// Values that documentation uses and nobody has: AWS's account numbers, RFC
// 2606's domains and RFC 5737's addresses.
var (
	exampleAccounts = []string{"111122223333", "123456789012"}
	exampleDomains  = []string{"example.com", "example.net", "example.org"}
	exampleRanges   = []netip.Prefix{
		netip.MustParsePrefix("192.0.2.0/24"),
		netip.MustParsePrefix("198.51.100.0/24"),
		netip.MustParsePrefix("203.0.113.0/24"),
	}
)

// Examples lists the values that are still the examples which the repository
// comes with, each with its key, e.g. "waf.allowedCidrs: 203.0.113.0/24". With
// any of them an environment can be reviewed but not deployed.
func (e Environment) Examples() []string {
	var found []string
	walk(reflect.ValueOf(e), "", "", func(path, _ string, value reflect.Value) {
		if value.Kind() == reflect.String && isExample(value.String()) {
			list, _, _ := strings.Cut(path, "[")
			found = append(found, list+": "+value.String())
		}
	})
	return found
}

// isExample recognises the documentation's accounts, domains and addresses.
func isExample(value string) bool {
	return slices.ContainsFunc(exampleAccounts, func(id string) bool { return slices.Contains(strings.Split(value, ":"), id) }) ||
		slices.ContainsFunc(exampleDomains, func(domain string) bool { return isOf(value, domain) }) || isExampleRange(value)
}

// isOf recognises a domain, a name in it, and addresses and origins there.
func isOf(value, domain string) bool {
	rest, found := strings.CutSuffix(value, domain)
	return found && (rest == "" || strings.ContainsAny(rest[len(rest)-1:], ".@/"))
}

// isExampleRange recognises a range inside the documentation's.
func isExampleRange(value string) bool {
	prefix, err := netip.ParsePrefix(value)
	return err == nil && slices.ContainsFunc(exampleRanges, func(r netip.Prefix) bool { return r.Overlaps(prefix) && prefix.Bits() >= r.Bits() })
}
