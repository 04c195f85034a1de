package cost

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Change is an item that costs something else after a change, or has no price.
type Change struct {
	// Group is one of Groups.
	Group string `json:"group"`
	// Item says what costs.
	Item string `json:"item"`
	// Before and After are in USD a month.
	Before float64 `json:"before"`
	After  float64 `json:"after"`
	// Delta is what the change adds.
	Delta float64 `json:"delta"`
	// Kinds says what became of what, e.g. "db.t4g.micro → db.t4g.small".
	Kinds string `json:"kinds,omitempty"`
}

// Difference lists what differs between two bills.
func Difference(before, after Bill) []Change {
	var changes []Change
	for _, r := range rowsOf([]Bill{before, after}) {
		change := Change{Group: r.group, Item: r.item, Before: sum(r.lines[0]), After: sum(r.lines[1])}
		change.Delta = cents(change.After - change.Before)
		if was, is := kinds(r.lines[0]), kinds(r.lines[1]); was != is {
			change.Kinds = was + " → " + is
		}
		if change.Delta != 0 || change.Kinds != "" && r.group == NotPriced {
			changes = append(changes, change)
		}
	}
	order := Groups()
	slices.SortStableFunc(changes, func(a, b Change) int {
		return slices.Index(order, a.Group) - slices.Index(order, b.Group)
	})
	return changes
}

// kinds says how much of what a row has.
func kinds(lines []Line) string {
	if len(lines) == 0 {
		return "none"
	}
	var texts []string
	for _, line := range lines {
		text := line.quantity()
		if line.Detail != "" {
			text += " of " + line.Detail
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, " and ")
}

// Compare writes what a change costs: only what differs.
func Compare(w io.Writer, before, after Bill) error {
	p := &printer{w: w}
	changes := Difference(before, after)
	if len(changes) == 0 {
		p.line("No difference in cost: %s USD a month.", money(before.USD))
		return p.err
	}
	const label = 58
	p.line("%s%s%s%s", left("Change in cost, USD a month", label), right("before", 14), right("after", 14), right("change", 14))
	for _, c := range changes {
		p.line("%s%s%s%s", left(c.Group+": "+c.Item, label), right(c.cell(c.Before), 14), right(c.cell(c.After), 14), right(signed(c.Delta), 14))
		if c.Kinds != "" {
			p.wrapped("  ", c.Kinds)
		}
	}
	delta := cents(after.USD - before.USD)
	p.line("%s", strings.Repeat("=", width))
	p.line("%s%s%s%s", left("Total", label), right(money(before.USD), 14), right(money(after.USD), 14), right(signed(delta), 14))
	p.line("%s", right(fmt.Sprintf("%s yen at %v", signedYen(delta*before.Rate.PerUSD), before.Rate.PerUSD), width))
	return p.err
}

// cell is an amount; what has no price has none.
func (c Change) cell(usd float64) string {
	if c.Group == NotPriced {
		return "?"
	}
	return money(usd)
}

// signedYen is a whole amount with its sign.
func signedYen(amount float64) string {
	if amount > 0 {
		return "+" + yen(amount)
	}
	return yen(amount)
}
