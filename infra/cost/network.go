package cost

// publicAddresses is the item of addresses that gateways and balancers have.
const publicAddresses = "Public IPv4 addresses"

// natGateways cost by the hour, each, and by what goes through them, together.
func (e *estimator) natGateways(list []resource) {
	e.add(Network, "NAT gateways", "", e.hours()*float64(len(list)), "nat.hour")
	e.add(Network, "NAT gateways, traffic", "", e.assume("nat.gb"), "nat.gb")
}

// endpoints cost by the hour in each zone; gateways of S3 and DynamoDB are free.
func (e *estimator) endpoints(list []resource) {
	interfaces := 0
	for _, r := range list {
		if r.Text("VpcEndpointType") == "Interface" {
			interfaces += len(r.items("SubnetIds"))
		}
	}
	if interfaces == 0 {
		return
	}
	e.add(Network, "Interface endpoints", "", e.hours()*float64(interfaces), "endpoint.hour")
	e.add(Network, "Interface endpoints, traffic", "", e.assume("endpoint.gb"), "endpoint.gb")
}

// addresses cost by the hour, in use or not.
func (e *estimator) addresses(list []resource) {
	e.add(Network, publicAddresses, "", e.hours()*float64(len(list)), "ipv4.hour")
}

// balancers cost by the hour and by their capacity units. One that faces the
// internet has a public address in each zone.
func (e *estimator) balancers(list []resource) {
	e.add(Network, "Load balancer", "", e.hours()*float64(len(list)), "alb.hour")
	e.add(Network, "Load balancer, capacity units", "", e.hours()*e.assume("alb.lcus"), "alb.lcu")
	for _, r := range list {
		if r.Text("Scheme") != "internal" {
			e.add(Network, publicAddresses, "", e.hours()*float64(len(r.items("Subnets"))), "ipv4.hour")
		}
	}
	e.add(Network, "Traffic to the internet", "", e.assume("transfer.gb"), "transfer.out")
}
