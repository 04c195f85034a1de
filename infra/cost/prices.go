package cost

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
)

// embeddedPrices is the table that the package comes with.
//
//go:embed prices.yaml
var embeddedPrices []byte

// estimated is the source of a price that none was found for.
const estimated = "estimate"

// undated is the date of a source that has none.
const undated = "undated"

// neededFactors are those that rules use.
var neededFactors = []string{"spot", "multiAz", "savingsPlan", "reserved", "logCompression"}

// Prices is a dated price table of one region.
type Prices struct {
	// Region is the AWS region, e.g. "ap-northeast-1".
	Region string `yaml:"region"`
	// JPY is the rate at which yen are shown.
	JPY Rate `yaml:"jpy"`
	// Sources are where prices were found, by their keys.
	Sources map[string]Source `yaml:"sources"`
	// List has the prices.
	List []Price `yaml:"prices"`
	// Factors make prices of others, e.g. Fargate Spot's.
	Factors []Factor `yaml:"factors"`
}

// Rate is an exchange rate.
type Rate struct {
	// PerUSD is how many yen a dollar is.
	PerUSD float64 `yaml:"perUsd" json:"perUsd"`
	// Date is the rate's, e.g. "2026-09-27".
	Date string `yaml:"date" json:"date"`
	// Source is a key of the sources.
	Source string `yaml:"source" json:"source"`
}

// Source is where prices were found.
type Source struct {
	// Title says what it is.
	Title string `yaml:"title" json:"title"`
	// URL is where AWS publishes the figure.
	URL string `yaml:"url" json:"url"`
	// Date is the figure's, or "undated".
	Date string `yaml:"date" json:"date"`
}

// Price is what one unit costs.
type Price struct {
	// ID is what rules call it, e.g. "nat.hour".
	ID string `yaml:"id"`
	// Unit is e.g. "GB-month".
	Unit string `yaml:"unit"`
	// USD is the unit's price.
	USD float64 `yaml:"usd"`
	// Source is a key of the sources, or "estimate".
	Source string `yaml:"source"`
	// Note says more; for an estimate, how it came about.
	Note string `yaml:"note"`
}

// Factor makes one price of another.
type Factor struct {
	// ID is what rules call it, e.g. "spot".
	ID string `yaml:"id"`
	// Value is the factor.
	Value float64 `yaml:"value"`
	// Source is a key of the sources, or "estimate".
	Source string `yaml:"source"`
	// Note says more; for an estimate, how it came about.
	Note string `yaml:"note"`
}

// LoadPrices returns the table that the package comes with.
func LoadPrices() (Prices, error) { return ReadPrices("infra/cost/prices.yaml", embeddedPrices) }

// ReadPrices reads a price table. The name is only for messages; the error is
// config.Problems, with everything that is wrong.
func ReadPrices(name string, data []byte) (Prices, error) {
	var prices Prices
	f := decode(name, data, &prices)
	if len(f.problems) == 0 {
		prices.check(f)
	}
	return prices, f.err()
}

// check reports what the YAML library cannot see.
func (p Prices) check(f *file) {
	if p.Region == "" {
		f.add(0, "region", "is missing", "write e.g. region: ap-northeast-1")
	}
	if p.JPY.PerUSD <= 0 || p.JPY.Date == "" {
		f.add(f.line("jpy", -1), "jpy", "has no rate with its date", `write e.g. {perUsd: 150, date: "2026-09-27", source: …}`)
	}
	p.checkSource(f, f.line("jpy", -1), "jpy", p.JPY.Source, "an estimate")
	seen := map[string]bool{}
	for i, price := range p.List {
		line, path := f.line("prices", i), fmt.Sprintf("prices[%d] (%s)", i, price.ID)
		checkEntry(f, line, path, price.ID, price.USD, seen)
		if price.Unit == "" {
			f.add(line, path, "has no unit", "write e.g. unit: GB-month")
		}
		p.checkSource(f, line, path, price.Source, price.Note)
	}
	for _, id := range neededFactors {
		if p.factor(id).ID == "" {
			f.add(f.line("factors", -1), "factors", fmt.Sprintf("has no %q", id), "add it with its value, source and note")
		}
	}
	for i, factor := range p.Factors {
		line, path := f.line("factors", i), fmt.Sprintf("factors[%d] (%s)", i, factor.ID)
		checkEntry(f, line, path, factor.ID, factor.Value, seen)
		p.checkSource(f, line, path, factor.Source, factor.Note)
	}
}

// checkEntry wants an id of its own and a value above zero.
func checkEntry(f *file, line int, path, id string, value float64, seen map[string]bool) {
	if id == "" {
		f.add(line, path, "has no id", "write e.g. id: nat.hour")
	}
	if seen[id] {
		f.add(line, path, "occurs twice", "remove one of them")
	}
	seen[id] = true
	if value <= 0 {
		f.add(line, path, "is not above zero", "write a number; what costs nothing needs no price")
	}
}

// checkSource wants a known source, or an estimate that is explained.
func (p Prices) checkSource(f *file, line int, path, source, note string) {
	if source == estimated {
		if note == "" {
			f.add(line, path, "is an estimate without a note", "say how the figure came about")
		}
		return
	}
	if _, ok := p.Sources[source]; !ok {
		f.add(line, path, fmt.Sprintf("has the unknown source %q", source),
			fmt.Sprintf("add it to sources, or use one of %q", slices.Sorted(maps.Keys(p.Sources))))
	}
}

// price finds a price by its id.
func (p Prices) price(id string) (Price, bool) {
	i := slices.IndexFunc(p.List, func(price Price) bool { return price.ID == id })
	if i < 0 {
		return Price{ID: id}, false
	}
	return p.List[i], true
}

// factor finds one of neededFactors by its id.
func (p Prices) factor(id string) Factor {
	i := slices.IndexFunc(p.Factors, func(factor Factor) bool { return factor.ID == id })
	if i < 0 {
		return Factor{} // only for a table that was not read by ReadPrices
	}
	return p.Factors[i]
}

// times is a price changed by a factor. It is an estimate if either is.
func (p Price) times(f Factor) Price {
	changed := Price{ID: p.ID + "*" + f.ID, Unit: p.Unit, USD: p.USD * f.Value, Source: p.Source, Note: f.Note}
	if f.Source == estimated {
		changed.Source = estimated
	}
	return changed
}
