package cost

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/prooflink/prooflink/infra/config"
)

// Saving is a change and what it would save.
type Saving struct {
	// Change says what to do.
	Change string `json:"change"`
	// USD is saved a month; below zero where the change costs more.
	USD float64 `json:"usd"`
	// Consequence says what else comes of it.
	Consequence string `json:"consequence"`
}

// idea is a saving that may apply to an environment; usd is 0 where it doesn't.
type idea struct {
	change, consequence string
	usd                 func(e *estimator) float64
}

// ideas are those of 004_9a2c9db51dc67ef8.txt §5.2-5.7 and §6.4, and some more.
var ideas = []idea{
	{"No NAT gateway (network.natGateways: 0)",
		"tasks then reach only what has an endpoint: no outside API (004_9a2c9db51dc67ef8.txt L1465-1471)",
		(*estimator).natSaving},
	{"One NAT gateway for both zones (network.natGateways: 1)",
		"without its zone the tasks in the other have no way out either",
		(*estimator).secondGateway},
	{"Delete the NAT gateway while db.schedule's database is stopped",
		"a new gateway has a new address each day (004_9a2c9db51dc67ef8.txt L1471)",
		func(e *estimator) float64 { return e.unlessProd(e.cost("nat.hour") * nightly(e.env.DB.Schedule)) }},
	{"No interface endpoints (network.interfaceEndpoints: [])",
		"calls to AWS then go through the NAT gateway, whose traffic costs more per GB",
		(*estimator).endpointSaving},
	{"Stop the database overnight (db.schedule.enabled: true)",
		"the application does not work then; storage is charged all the same (004_9a2c9db51dc67ef8.txt L1475-1485)",
		(*estimator).scheduleSaving},
	{"One zone for the database (db.multiAz: false)",
		"it is away while its zone is, and during maintenance",
		func(e *estimator) float64 { return e.unlessProd(e.cost("rds.*multiAz") / 2) }},
	{"Compute Savings Plan for one year",
		"at most, by 004_9a2c9db51dc67ef8.txt L1542: 17 %; paid whether used or not",
		func(e *estimator) float64 {
			return (e.cost("fargate.*") - e.cost("fargate.*spot")) * e.prices.factor("savingsPlan").Value
		}},
	{"Reserved database instance for one year",
		"at least, by 004_9a2c9db51dc67ef8.txt L1541: 30 %; only for one that is never stopped",
		(*estimator).reservedSaving},
	{"Jobs on Fargate Spot first (batch.spot: first)",
		"a job can be interrupted and starts again",
		func(e *estimator) float64 {
			return e.group(Batch, func(l Line) bool { return !strings.HasSuffix(l.Price, "*spot") }) * (1 - e.prices.factor("spot").Value)
		}},
}

// savings are the ideas that save or cost something, the largest first.
func (e *estimator) savings() []Saving {
	var list []Saving
	for _, idea := range ideas {
		if usd := cents(idea.usd(e)); usd != 0 {
			list = append(list, Saving{Change: idea.change, USD: usd, Consequence: idea.consequence})
		}
	}
	slices.SortStableFunc(list, func(a, b Saving) int { return cmp.Compare(b.USD, a.USD) })
	return list
}

// group sums some of a group's lines.
func (e *estimator) group(name string, keep func(Line) bool) float64 {
	return Bill{Lines: e.lines}.Sum(func(l Line) bool { return l.Group == name && keep(l) })
}

// cost sums the lines of a price; "rds.*multiAz" are all that begin and end so.
func (e *estimator) cost(id string) float64 {
	before, after, pattern := strings.Cut(id, "*")
	return Bill{Lines: e.lines}.Sum(func(l Line) bool {
		if !pattern {
			return l.Price == id
		}
		return strings.HasPrefix(l.Price, before) && strings.HasSuffix(l.Price, after)
	})
}

// usd is a quantity at a price of the table; 0 where it has none.
func (e *estimator) usd(id string, quantity float64) float64 {
	price, _ := e.prices.price(id)
	return quantity * price.USD
}

// unlessProd leaves out what production should not do.
func (e *estimator) unlessProd(usd float64) float64 {
	if e.env.Env == config.Production {
		return 0
	}
	return usd
}

// natSaving is everything that gateways cost, with their addresses.
func (e *estimator) natSaving() float64 {
	gateways := len(e.resources["AWS::EC2::NatGateway"])
	if gateways == 0 {
		return 0
	}
	return e.cost("nat.hour") + e.cost("nat.gb") + e.usd("ipv4.hour", e.hours()*float64(gateways))
}

// secondGateway is what the gateways beyond the first cost, with their addresses.
func (e *estimator) secondGateway() float64 {
	more := float64(len(e.resources["AWS::EC2::NatGateway"]) - 1)
	if more < 1 {
		return 0
	}
	return e.usd("nat.hour", e.hours()*more) + e.usd("ipv4.hour", e.hours()*more)
}

// endpointSaving needs a NAT gateway, which takes the endpoints' traffic.
func (e *estimator) endpointSaving() float64 {
	if len(e.resources["AWS::EC2::NatGateway"]) == 0 || e.cost("endpoint.hour") == 0 {
		return 0
	}
	return e.cost("endpoint.hour") + e.cost("endpoint.gb") - e.usd("nat.gb", e.assume("endpoint.gb"))
}

// databaseHours is what running databases cost.
func (e *estimator) databaseHours() float64 {
	return e.group(Database, func(l Line) bool { return strings.HasSuffix(l.Item, " instances") })
}

// scheduleSaving is for a database that nothing stops yet.
func (e *estimator) scheduleSaving() float64 {
	if e.running().share < 1 {
		return 0
	}
	return e.unlessProd(e.databaseHours() * nightly(e.env.DB.Schedule))
}

// reservedSaving is for a database that runs all month.
func (e *estimator) reservedSaving() float64 {
	if e.running().share < 1 {
		return 0
	}
	return e.databaseHours() * e.prices.factor("reserved").Value
}

// Causes are what to look at when a bill is higher than expected, with Cost
// Explorer or the Cost and Usage Report (004_9a2c9db51dc67ef8.txt L1611-1622).
func Causes() []string {
	return []string{
		"more NAT gateways than one outside production, or much traffic through them: " +
			"use endpoints, and call fewer outside services",
		"more tasks than one outside production (app.desiredCount, app.autoscaling)",
		"a database in two zones outside production (db.multiAz)",
		"much traffic to the internet: CloudFront in front of the load balancer",
		"verbose logs (logging.serverLevel) and long retention (logging.retention)",
		"left-overs: snapshots, images and public addresses that nothing uses",
	}
}

// Largest lists the lines that cost most.
func (b Bill) Largest(count int) []Line {
	lines := slices.Clone(b.Lines)
	slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Compare(b.USD, a.USD) })
	return lines[:min(count, len(lines))]
}

// label names a line in a sentence.
func (l Line) label() string { return fmt.Sprintf("%s %s", l.Item, money(l.USD)) }
