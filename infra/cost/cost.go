// Package cost estimates what an environment costs a month, offline, from its
// synthesized templates, a dated price table (prices.yaml) and assumptions about
// use (usage.yaml). Figures that the source documents state are beside ours
// (stated.yaml), marked as such, with the reason why they differ.
//
// What is known of a resource's price is one row in rules.go; what costs nothing
// is one row in free.go; anything else is shown as not priced. It needs no CDK
// and no network.
package cost

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/templates"
)

// Groups of lines, in the order of the report.
const (
	Network    = "Network"
	Compute    = "Compute"
	Database   = "Database"
	Storage    = "Storage"
	Monitoring = "Logs & monitoring"
	Security   = "Security"
	Batch      = "Batch"
	Delivery   = "Delivery"
	Optional   = "Optional"
	NotPriced  = "Not priced"
)

// Groups lists the groups in the order of the report.
func Groups() []string {
	return []string{Network, Compute, Database, Storage, Monitoring, Security, Batch, Delivery, Optional, NotPriced}
}

// Bill is what an environment is estimated to cost a month.
type Bill struct {
	// Env is the environment's name.
	Env string `json:"env"`
	// Region is the AWS region.
	Region string `json:"region"`
	// USD is the sum of the lines.
	USD float64 `json:"usd"`
	// JPY is the same in yen.
	JPY float64 `json:"jpy"`
	// Rate is the exchange rate.
	Rate Rate `json:"rate"`
	// Lines are what it consists of, in the order of the groups.
	Lines []Line `json:"lines"`
	// Assumptions are what the lines assume of the month's use.
	Assumptions []Assumption `json:"assumptions"`
	// Sources are where the lines' prices are from.
	Sources []Source `json:"sources"`
	// Savings are changes and what each would save.
	Savings []Saving `json:"savings"`
	// Stated are the source documents' figures, beside ours.
	Stated []Stated `json:"stated"`
}

// Line is one position.
type Line struct {
	// Group is one of Groups.
	Group string `json:"group"`
	// Item says what costs.
	Item string `json:"item"`
	// Detail says what kind of it, e.g. "db.t4g.micro".
	Detail string `json:"detail,omitempty"`
	// Quantity is in the unit, a month.
	Quantity float64 `json:"quantity"`
	// Unit is e.g. "h" or "GB-month".
	Unit string `json:"unit"`
	// UnitPrice is in USD.
	UnitPrice float64 `json:"unitPrice"`
	// USD is their product, in whole cents.
	USD float64 `json:"usd"`
	// Price is the id in the price table.
	Price string `json:"price"`
	// Source is the price's; "estimate" where none was found.
	Source string `json:"source"`
	// Date is the source's; empty for an estimate.
	Date string `json:"date,omitempty"`
	// Note says more about the price.
	Note string `json:"note,omitempty"`
}

// Estimated says that the line's price has no source.
func (l Line) Estimated() bool { return l.Source == estimated }

// Estimate prices an environment's templates. The environment's configuration is
// for what templates do not say: its name, its region, which schedule would be
// its own. What has no price is in the lines as NotPriced; an error is a
// template or a data file that cannot be understood.
func Estimate(env config.Environment, stacks []templates.Stack, prices Prices, usage Usage) (Bill, error) {
	if env.Region != prices.Region {
		return Bill{}, fmt.Errorf("estimate %s: it is in %s, but the prices are those of %s; give a price table of %s",
			env.Env, env.Region, prices.Region, env.Region)
	}
	e := &estimator{env: env, resources: byType(stacks), prices: prices, usage: usage}
	e.run()
	stated, err := statedFigures(prices)
	e.errs = append(e.errs, err)
	bill := e.bill()
	bill.Stated = stated
	if err := errors.Join(e.errs...); err != nil {
		return Bill{}, fmt.Errorf("estimate %s: %w", env.Env, err)
	}
	return bill, nil
}

// estimator collects a bill's lines.
type estimator struct {
	env       config.Environment
	resources map[string][]resource
	prices    Prices
	usage     Usage

	lines   []Line
	assumed []Assumption
	errs    []error
}

// resource is a template's, with where it is.
type resource struct {
	templates.Resource
	stack templates.Stack
	id    string
}

// byType sorts the resources of all stacks by what they are.
func byType(stacks []templates.Stack) map[string][]resource {
	found := map[string][]resource{}
	for _, stack := range stacks {
		for _, id := range stack.IDs() {
			r := stack.Resources[id]
			found[r.Type] = append(found[r.Type], resource{Resource: r, stack: stack, id: id})
		}
	}
	return found
}

// run applies every rule, and shows what none is for.
func (e *estimator) run() {
	known := map[string]bool{}
	for _, rule := range rules {
		known[rule.kind] = true
		if list := e.resources[rule.kind]; len(list) > 0 {
			rule.price(e, list)
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(e.resources)) {
		if _, ok := free[kind]; !known[kind] && !ok {
			e.unpriced(kind, len(e.resources[kind]), "no rule for this type; add one to rules.go, or to free.go")
		}
	}
}

// bill puts the lines in order and sums them.
func (e *estimator) bill() Bill {
	place := map[string]int{}
	for i, group := range Groups() {
		place[group] = i
	}
	slices.SortStableFunc(e.lines, func(a, b Line) int { return place[a.Group] - place[b.Group] })
	total := sum(e.lines)
	return Bill{
		Env: e.env.Env, Region: e.env.Region, USD: total, JPY: math.Round(total * e.prices.JPY.PerUSD), Rate: e.prices.JPY,
		Lines: e.lines, Assumptions: e.assumed, Sources: e.sources(), Savings: e.savings(),
	}
}

// sources lists where the lines' prices are from.
func (e *estimator) sources() []Source {
	var list []Source
	for _, line := range e.lines {
		source, ok := e.prices.Sources[line.Source]
		if ok && !slices.Contains(list, source) {
			list = append(list, source)
		}
	}
	slices.SortStableFunc(list, newest)
	return list
}

// newest orders sources; those without a date come first, to be seen.
func newest(a, b Source) int { return strings.Compare(b.Date, a.Date) }

// add prices a quantity. A second line for the same adds to the first.
func (e *estimator) add(group, item, detail string, quantity float64, id string) {
	price, ok := e.prices.price(id)
	if !ok {
		e.unpriced(item, int(math.Ceil(quantity)), fmt.Sprintf("the price table has no %q; add it there", id))
		return
	}
	e.addAt(group, item, detail, quantity, price)
}

// addAt is add at a given price.
func (e *estimator) addAt(group, item, detail string, quantity float64, price Price) {
	if quantity == 0 {
		return
	}
	i := slices.IndexFunc(e.lines, func(l Line) bool {
		return l.Group == group && l.Item == item && l.Detail == detail && l.Price == price.ID
	})
	if i < 0 {
		i = len(e.lines)
		e.lines = append(e.lines, Line{
			Group: group, Item: item, Detail: detail, Unit: price.Unit, UnitPrice: price.USD,
			Price: price.ID, Source: price.Source, Date: e.prices.Sources[price.Source].Date, Note: price.Note,
		})
	}
	e.lines[i].Quantity += quantity
	e.lines[i].USD = cents(e.lines[i].Quantity * price.USD)
}

// unpriced shows what the total lacks.
func (e *estimator) unpriced(item string, count int, reason string) {
	e.lines = append(e.lines, Line{Group: NotPriced, Item: item, Quantity: float64(count), Unit: "of them", Note: reason})
}

// assume looks an assumption up and remembers that it was used.
func (e *estimator) assume(id string) float64 {
	found, err := e.usage.of(e.env.Env, id)
	if err != nil {
		e.errs = append(e.errs, err)
		return 0
	}
	if !slices.Contains(e.assumed, found) {
		e.assumed = append(e.assumed, found)
	}
	return found.Value
}

// hours is a whole month's.
func (e *estimator) hours() float64 { return e.assume("hours") }

// number reads a property, which templates have as a number or as text. One
// that isn't there is 0.
func (e *estimator) number(r resource, path ...any) float64 {
	text := r.Text(path...)
	if text == templates.Nothing {
		return 0
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		e.errs = append(e.errs, fmt.Errorf("%s/%s: %v is %s; only a number can be priced", r.stack.Name, r.id, path, text))
	}
	return value
}

// items is a property that is a list.
func (r resource) items(path ...any) []any {
	list, _ := r.At(path...).([]any)
	return list
}

// refers finds the resource of the same stack that a property refers to.
func (r resource) refers(path ...any) (resource, bool) {
	reference, _ := r.At(path...).(map[string]any)
	id, _ := reference["Ref"].(string)
	found, ok := r.stack.Resources[id]
	return resource{Resource: found, stack: r.stack, id: id}, ok
}

// cents rounds, so that what is printed adds up to what is summed.
func cents(usd float64) float64 { return math.Round(usd*100) / 100 }

// sum adds lines in whole cents.
func sum(lines []Line) float64 {
	total := 0.0
	for _, line := range lines {
		total = cents(total + line.USD)
	}
	return total
}

// Sum is what the lines cost for which keep is true.
func (b Bill) Sum(keep func(Line) bool) float64 {
	return sum(slices.DeleteFunc(slices.Clone(b.Lines), func(l Line) bool { return !keep(l) }))
}

// Unpriced lists what the total lacks.
func (b Bill) Unpriced() []string {
	var list []string
	for _, line := range b.Lines {
		if line.Group == NotPriced {
			list = append(list, line.Item)
		}
	}
	return list
}
