package config_test

// networkMistakes is about the VPC.
var networkMistakes = map[string]mistake{
	"C1: one zone is too few":                        {"dev", "azs: [ap-northeast-1a, ap-northeast-1c]", "azs: [ap-northeast-1a]", `network.azs: has 1 zones; a load balancer`},
	"a zone of another region":                       {"dev", "azs: [ap-northeast-1a, ap-northeast-1c]", "azs: [ap-northeast-1a, us-east-1a]", `network.azs[1]: us-east-1a: is not a zone of the region`},
	"one zone twice":                                 {"dev", "azs: [ap-northeast-1a, ap-northeast-1c]", "azs: [ap-northeast-1a, ap-northeast-1a]", `network.azs[1]: ap-northeast-1a: occurs twice`},
	"three NAT gateways":                             {"dev", "natGateways: 1", "natGateways: 3", `dev.yaml:19: network.natGateways: 3: there is one per zone at most; write a number from 0 to 2`},
	"more NAT gateways than active zones":            {"dev", "natGateways: 1", "natGateways: 2", `one of them would serve nobody`},
	"C79: no NAT gateway and no endpoint for ECR":    {"dev", "natGateways: 1\n  interfaceEndpoints: [ecr.api, ", "natGateways: 0\n  interfaceEndpoints: [", `lacks ecr.api, without which no task starts`},
	"an unknown endpoint":                            {"dev", "secretsmanager, logs", "secretmanager, logs", `did you mean "secretsmanager"?`},
	"a subnet outside of the VPC":                    {"dev", "10.0.2.0/24", "10.1.2.0/24", `network.publicSubnetCidrs[1]: 10.1.2.0/24: is outside of network.vpcCidr 10.0.0.0/16`},
	"subnets that overlap":                           {"dev", "10.0.11.0/24", "10.0.2.0/25", `overlaps network.publicSubnetCidrs[1] 10.0.2.0/24`},
	"one subnet only":                                {"dev", "[10.0.1.0/24, 10.0.2.0/24]", "[10.0.1.0/24]", `network.publicSubnetCidrs: has 1 subnets`},
	"a range that is none":                           {"dev", "vpcCidr: 10.0.0.0/16", "vpcCidr: 10.0.0.0", `network.vpcCidr: 10.0.0.0: is not an IPv4 range`},
	"a VPC too large":                                {"dev", "vpcCidr: 10.0.0.0/16", "vpcCidr: 10.0.0.0/8", `a VPC accepts /16 to /28`},
	"host bits":                                      {"dev", "10.0.2.0/24", "10.0.2.5/24", `write 10.0.2.0/24`},
	"no active zone":                                 {"dev", "activeAzs: 1", "activeAzs: 0", `network.activeAzs: 0: is not a number of zones; write a number from 1 to 2`},
	"B4: an unknown egress of the endpoints":         {"dev", "endpointSgEgress: all", "endpointSgEgress: some", `network.endpointSgEgress: some: is not accepted; write one of all, none`},
	"C6: no NAT gateway and no endpoint for secrets": {"local", "secretsmanager, logs", "logs", `network.interfaceEndpoints: lacks secretsmanager, without which no task starts while natGateways is 0; add secretsmanager`},
	"C6: no NAT gateway and no endpoint for logs":    {"local", "secretsmanager, logs", "secretsmanager", `network.interfaceEndpoints: lacks logs, without which`},
	"no NAT gateway and no endpoint for commands":    {"local", "exec: false", "exec: true", `network.interfaceEndpoints: lacks ssmmessages, through which app.exec reaches a task while natGateways is 0; add ssmmessages, or write app.exec: false`},
	"one subnet twice":                               {"dev", "[10.0.11.0/24, 10.0.12.0/24]", "[10.0.11.0/24, 10.0.11.0/24]", `network.privateSubnetCidrs[1]: 10.0.11.0/24: occurs twice`},
}

// wafMistakes is about the firewall.
var wafMistakes = map[string]mistake{
	"B17: an unknown mode":                                   {"dev", "mode: none", "mode: on", `waf.mode: on: is not accepted; write one of none, ip-allow, managed, both`},
	"C73: nobody is allowed":                                 {"prod", "[203.0.113.0/24, 198.51.100.10/32]", "[]", `waf.allowedCidrs: is empty: nobody could reach the application; list your addresses`},
	"C73: nobody is allowed with both":                       {"dev", "mode: none", "mode: both", `waf.allowedCidrs: is empty: nobody could reach`},
	"C73: everybody is allowed":                              {"prod", "203.0.113.0/24", "0.0.0.0/0", `waf.allowedCidrs[0]: 0.0.0.0/0: is everybody, which WAF refuses`},
	"addresses that have no effect":                          {"dev", "allowedCidrs: []", "allowedCidrs: [8.8.8.0/24]", `waf.allowedCidrs: has no effect while mode is none; write [], or mode: ip-allow or both`},
	"addresses that have no effect beside the managed rules": {"prod", "mode: ip-allow", "mode: managed", `waf.allowedCidrs: has no effect while mode is managed`},
	"an address without its mask":                            {"prod", "203.0.113.0/24", "203.0.113.7", `waf.allowedCidrs[0]: 203.0.113.7: is not an IPv4 range; write e.g. 203.0.113.0/24, or 203.0.113.7/32`},
	"an IPv6 address":                                        {"prod", "203.0.113.0/24", "\"2001:db8::/32\"", `waf.allowedCidrs[0]: 2001:db8::/32: is not an IPv4 range`},
	"an address with host bits":                              {"prod", "203.0.113.0/24", "203.0.113.7/24", `waf.allowedCidrs[0]: 203.0.113.7/24: has bits set behind its mask; write 203.0.113.0/24`},
	"an address twice":                                       {"prod", "198.51.100.10/32", "203.0.113.0/24", `waf.allowedCidrs[1]: 203.0.113.0/24: occurs twice`},
	"a private address":                                      {"prod", "203.0.113.0/24", "192.168.0.0/16", `waf.allowedCidrs[0]: 192.168.0.0/16: is private: the load balancer sees public addresses only`},
	"more addresses than an IP set has":                      {"prod", "203.0.113.0/24, ", manyRanges(10001), `waf.allowedCidrs: has more than the 10,000 ranges of an IP set`},
	"C72: a misspelt managed rule":                           {"dev", "SizeRestrictions_BODY", "SizeRestriction_BODY", `waf.countRules[0]: SizeRestriction_BODY: is not a managed rule, and WAF would ignore it silently; did you mean "SizeRestrictions_BODY"?`},
}
