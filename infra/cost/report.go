package cost

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	// quantityColumns and moneyColumns are a bill's two columns.
	quantityColumns = 17
	moneyColumns    = 11
	// billColumns is their sum.
	billColumns = quantityColumns + moneyColumns
)

// row is one item, in each bill that has it.
type row struct {
	group, item string
	lines       [][]Line
}

// JSON writes bills for programs.
func JSON(w io.Writer, bills ...Bill) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(bills)
}

// Report writes bills side by side, then how they come about, what would save
// and what the source documents state.
func Report(w io.Writer, bills ...Bill) error {
	p := &printer{w: w}
	if len(bills) == 0 {
		return nil
	}
	p.header(bills)
	p.table(bills)
	p.notes(bills)
	p.assumptions(bills)
	p.sources(bills)
	p.savings(bills)
	p.causes(bills)
	p.stated(bills[0])
	return p.err
}

// header says what the figures are.
func (p *printer) header(bills []Bill) {
	p.line("Estimated cost of a month in USD: %s", strings.Join(envs(bills), ", "))
	p.wrapped("", fmt.Sprintf("%s, on demand, prices %s. Without tax, support and discounts; free allowances, which an account has "+
		"once, are not deducted. Traffic between zones is not counted.", bills[0].Region, period(bills)))
	p.wrapped("", "* marks a price for which no source was found; see Prices and kinds.")
	p.line("")
}

// envs lists the bills' environments.
func envs(bills []Bill) []string {
	names := make([]string, len(bills))
	for i, bill := range bills {
		names[i] = bill.Env
	}
	return names
}

// period is from when to when the prices are.
func period(bills []Bill) string {
	var dates []string
	for _, bill := range bills {
		for _, line := range bill.Lines {
			if line.Date != "" && line.Date != undated {
				dates = append(dates, line.Date)
			}
		}
	}
	if len(dates) == 0 {
		return "without a date"
	}
	return fmt.Sprintf("of %s to %s", slices.Min(dates), slices.Max(dates))
}

// table writes the groups, their items and the totals.
func (p *printer) table(bills []Bill) {
	rows, label := rowsOf(bills), labelColumns(len(bills))
	for _, group := range Groups() {
		own := slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.group != group })
		if len(own) == 0 {
			continue
		}
		p.line("%s%s", left(group, label), cells(bills, func(_ int, b Bill) (string, string) {
			if group == NotPriced {
				return b.Env, ""
			}
			return b.Env, money(b.Sum(func(l Line) bool { return l.Group == group }))
		}))
		for _, r := range own {
			p.line("%s%s", left("  "+r.label(), label), cells(bills, func(i int, _ Bill) (string, string) { return r.cell(i) }))
		}
		p.line("")
	}
	p.totals(bills, label)
}

// labelColumns is what is left for the items.
func labelColumns(bills int) int { return max(30, width-bills*billColumns) }

// cells writes each bill's two columns.
func cells(bills []Bill, cell func(i int, b Bill) (quantity, usd string)) string {
	var b strings.Builder
	for i, bill := range bills {
		quantity, usd := cell(i, bill)
		b.WriteString(right(quantity, quantityColumns) + right(usd, moneyColumns))
	}
	return b.String()
}

// totals writes what the bills come to.
func (p *printer) totals(bills []Bill, label int) {
	p.line("%s", strings.Repeat("=", label+len(bills)*billColumns))
	name := "Total"
	if slices.ContainsFunc(bills, func(b Bill) bool { return len(b.Unpriced()) > 0 }) {
		name = "Total of what is priced"
	}
	p.line("%s%s", left(name, label), cells(bills, func(_ int, b Bill) (string, string) { return "USD", money(b.USD) }))
	rate := bills[0].Rate
	p.line("%s%s", left(fmt.Sprintf("at %v yen (%s)", rate.PerUSD, rate.Date), label),
		cells(bills, func(_ int, b Bill) (string, string) { return "JPY", yen(b.JPY) }))
}

// rowsOf aligns the bills' lines by group and item.
func rowsOf(bills []Bill) []row {
	var rows []row
	for i, bill := range bills {
		for _, line := range bill.Lines {
			at := slices.IndexFunc(rows, func(r row) bool { return r.group == line.Group && r.item == line.Item })
			if at < 0 {
				at = len(rows)
				rows = append(rows, row{group: line.Group, item: line.Item, lines: make([][]Line, len(bills))})
			}
			rows[at].lines[i] = append(rows[at].lines[i], line)
		}
	}
	return rows
}

// label is the item, marked where a price is an estimate.
func (r row) label() string {
	if slices.ContainsFunc(slices.Concat(r.lines...), Line.Estimated) {
		return r.item + " *"
	}
	return r.item
}

// cell is what one bill has of a row.
func (r row) cell(i int) (quantity, usd string) {
	lines := r.lines[i]
	if len(lines) == 0 {
		return "-", "-"
	}
	total := 0.0
	for _, line := range lines {
		total += line.Quantity
	}
	quantity = counted(total, lines[0].Unit)
	if r.group == NotPriced {
		return quantity, "?"
	}
	return quantity, money(sum(lines))
}

// notes writes each row's prices and kinds.
func (p *printer) notes(bills []Bill) {
	p.title("Prices and kinds")
	for _, r := range rowsOf(bills) {
		first := left(r.item, 30) + " "
		for _, text := range r.explanations(bills) {
			p.wrapped(first, text)
			first = strings.Repeat(" ", 31)
		}
	}
}

// explanations are a row's prices, with the kinds that they are for.
func (r row) explanations(bills []Bill) []string {
	var texts []string
	in := map[string][]string{}
	for i, lines := range r.lines {
		for _, line := range lines {
			text := line.explanation()
			if len(in[text]) == 0 {
				texts = append(texts, text)
			}
			in[text] = append(in[text], bills[i].Env)
		}
	}
	if len(texts) < 2 {
		return texts
	}
	for i, text := range texts {
		texts[i] = strings.Join(slices.Compact(in[text]), ", ") + ": " + text
	}
	return texts
}

// quantity writes how much a line has.
func (l Line) quantity() string { return counted(l.Quantity, l.Unit) }

// explanation is a line's price and where it is from.
func (l Line) explanation() string {
	parts := []string{}
	if l.Detail != "" {
		parts = append(parts, l.Detail)
	}
	if l.Group != NotPriced {
		parts = append(parts, fmt.Sprintf("%s per %s", short(l.UnitPrice), l.Unit))
	}
	if l.Note != "" {
		parts = append(parts, l.Note)
	}
	text := strings.Join(parts, "; ")
	switch {
	case l.Estimated():
		return text + " (* estimate)"
	case l.Date != "":
		return text + " (" + l.Date + ")"
	}
	return text
}

// assumptions writes what the month is assumed to use.
func (p *printer) assumptions(bills []Bill) {
	p.title("Assumptions")
	p.line("%s%s  because", left("", 34), columns(envs(bills)))
	for _, a := range assumed(bills) {
		values := make([]string, len(bills))
		for i, bill := range bills {
			values[i] = bill.assumption(a.ID)
		}
		p.wrapped(left(a.ID, 34)+columns(values)+"  ", fmt.Sprintf("(%s) %s", a.Unit, a.Reason))
	}
}

// columns writes short values of equal width.
func columns(values []string) string {
	var b strings.Builder
	for _, value := range values {
		b.WriteString(right(value, 8))
	}
	return b.String()
}

// assumed lists the assumptions of all bills.
func assumed(bills []Bill) []Assumption {
	var list []Assumption
	for _, bill := range bills {
		for _, a := range bill.Assumptions {
			if !slices.ContainsFunc(list, func(known Assumption) bool { return known.ID == a.ID }) {
				list = append(list, a)
			}
		}
	}
	return list
}

// assumption is a bill's value of an assumption; "-" where it needs none.
func (b Bill) assumption(id string) string {
	for _, a := range b.Assumptions {
		if a.ID == id {
			return short(a.Value)
		}
	}
	return "-"
}

// sources writes where the prices are from.
func (p *printer) sources(bills []Bill) {
	p.title("Sources of the prices")
	var known []Source
	for _, bill := range bills {
		for _, source := range bill.Sources {
			if !slices.Contains(known, source) {
				known = append(known, source)
			}
		}
	}
	slices.SortStableFunc(known, newest)
	for _, source := range known {
		p.wrapped(left(source.Date, 12), strings.TrimSpace(source.Title+" "+source.URL))
	}
}

// savings writes what would cost less.
func (p *printer) savings(bills []Bill) {
	p.title("What would save, in USD a month")
	for _, bill := range bills {
		for _, s := range bill.Savings {
			p.wrapped(left(bill.Env, 8)+right(money(s.USD), 10)+"  ", s.Change+": "+s.Consequence+".")
		}
	}
	p.line("Each is for itself; they do not add up.")
}

// causes writes what to look at when the real bill is higher.
func (p *printer) causes(bills []Bill) {
	p.title("When the bill is higher")
	p.wrapped("", "Compare with Cost Explorer, by service and then by usage type, or with the Cost and Usage Report. Usual causes:")
	for _, cause := range Causes() {
		p.wrapped("- ", cause)
	}
	for _, bill := range bills {
		var largest []string
		for _, line := range bill.Largest(5) {
			largest = append(largest, line.label())
		}
		p.wrapped("Largest in "+bill.Env+": ", strings.Join(largest, ", "))
	}
}

// stated writes the source documents' figures beside ours.
func (p *printer) stated(bill Bill) {
	p.title("As stated in the seed documents")
	file := ""
	for _, s := range bill.Stated {
		if s.File != file {
			file = s.File
			p.line("%s%s%s", left(file, 66), right("stated", 17), right("here", 17))
		}
		p.line("  %s%s%s%s", left(s.Lines, 14), left(s.What, 50), right(s.figure(s.Stated), 17), right(s.figure(s.Ours), 17))
		p.wrapped(strings.Repeat(" ", 16), s.Why)
	}
}

// figure writes an amount in a stated figure's unit.
func (s Stated) figure(value float64) string {
	switch s.Unit {
	case unitJPY:
		return yen(value) + " JPY"
	case unitPercent:
		return yen(value) + " %"
	default:
		return money(value) + " USD"
	}
}
