package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// zones is how many availability zones have subnets: ELB refuses a load
// balancer and RDS a subnet group with fewer.
const zones = 2

// services are those whose interface endpoints the tasks can have a use for.
var services = []string{"batch", "ecr.api", "ecr.dkr", "kms", "logs", "monitoring", "secretsmanager",
	"sns", "ssm", "ssmmessages", "states", "sts"}

// closedServices are those that tasks cannot start without.
var closedServices = []string{"ecr.api", "ecr.dkr", "logs", "secretsmanager"}

// execService is what ECS Exec's agent in a task talks to (Amazon ECS Developer
// Guide, Amazon ECS interface VPC endpoints).
const execService = "ssmmessages"

// checkNetwork checks the VPC.
func (d *decoder) checkNetwork(env Environment) {
	network := env.Network
	d.checkZones(env)
	d.check(network.NatGateways <= network.ActiveAZs, "network.natGateways", "is more than activeAzs: one of them would serve nobody",
		"write as many or fewer", "network.activeAzs")
	d.checkEndpoints(env)
	d.checkRanges(network)
}

// checkZones checks the availability zones.
func (d *decoder) checkZones(env Environment) {
	const path = "network.azs"
	azs := env.Network.AZs
	d.check(len(azs) == zones, path, fmt.Sprintf("has %d zones; a load balancer and a database subnet group need two", len(azs)),
		"list two zones")
	for i, az := range azs {
		item := fmt.Sprintf("%s[%d]", path, i)
		d.check(strings.HasPrefix(az, env.Region) && len(az) == len(env.Region)+1, item, "is not a zone of the region",
			"write e.g. "+env.Region+"a", "region")
	}
}

// checkEndpoints checks that tasks without a NAT gateway reach what they start
// with. S3 they reach through its gateway, which is always there.
func (d *decoder) checkEndpoints(env Environment) {
	const path = "network.interfaceEndpoints"
	network := env.Network
	for _, service := range closedServices {
		d.check(network.NatGateways > 0 || slices.Contains(network.InterfaceEndpoints, service), path,
			"lacks "+service+", without which no task starts while natGateways is 0", "add "+service, "network.natGateways")
	}
	d.check(network.NatGateways > 0 || !env.App.Exec || slices.Contains(network.InterfaceEndpoints, execService), path,
		"lacks "+execService+", through which app.exec reaches a task while natGateways is 0", "add "+execService+", or write app.exec: false",
		"network.natGateways", "app.exec")
}

// checkRanges checks the address ranges against each other.
func (d *decoder) checkRanges(network Network) {
	vpc := d.checkRange("network.vpcCidr", network.VpcCIDR)
	var taken []subnet
	taken = d.checkSubnets("network.publicSubnetCidrs", network.PublicSubnetCIDRs, vpc, taken)
	d.checkSubnets("network.privateSubnetCidrs", network.PrivateSubnetCIDRs, vpc, taken)
}

// subnet is a range and the key that has it.
type subnet struct {
	path   string
	prefix netip.Prefix
}

// checkSubnets checks one list of subnets and adds it to those seen before.
func (d *decoder) checkSubnets(path string, cidrs []string, vpc netip.Prefix, taken []subnet) []subnet {
	d.check(len(cidrs) == zones, path, fmt.Sprintf("has %d subnets, there is one per zone", len(cidrs)), "list two")
	for i, cidr := range cidrs {
		item := subnet{path: fmt.Sprintf("%s[%d]", path, i)}
		item.prefix = d.checkRange(item.path, cidr)
		if !item.prefix.IsValid() {
			continue
		}
		d.checkPlace(item, vpc, taken)
		taken = append(taken, item)
	}
	return taken
}

// checkPlace checks that a subnet is inside the VPC and beside its siblings.
func (d *decoder) checkPlace(item subnet, vpc netip.Prefix, taken []subnet) {
	inside := !vpc.IsValid() || vpc.Bits() <= item.prefix.Bits() && vpc.Contains(item.prefix.Addr())
	d.check(inside, item.path, "is outside of network.vpcCidr "+vpc.String(), "choose a range inside it", "network.vpcCidr")
	for _, other := range taken {
		d.check(!other.prefix.Overlaps(item.prefix), item.path, "overlaps "+other.path+" "+other.prefix.String(), "choose another range")
	}
}

// checkRange parses an IPv4 range of a size that a VPC accepts. It is invalid
// where a problem was reported.
func (d *decoder) checkRange(path, cidr string) netip.Prefix {
	prefix, err := netip.ParsePrefix(cidr)
	ok := err == nil && prefix.Addr().Is4()
	d.check(ok, path, "is not an IPv4 range", "write e.g. 10.0.0.0/16")
	if !ok {
		return netip.Prefix{}
	}
	d.check(prefix.Bits() >= 16 && prefix.Bits() <= 28, path, "a VPC accepts /16 to /28", "choose a size between them")
	d.check(prefix.Masked() == prefix, path, "has bits set behind its mask", "write "+prefix.Masked().String())
	return prefix
}
