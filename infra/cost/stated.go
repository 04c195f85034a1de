package cost

import (
	_ "embed"
	"fmt"
)

// embeddedStated is what the source documents say.
//
//go:embed stated.yaml
var embeddedStated []byte

// Units of stated figures.
const (
	unitUSD     = "USD"
	unitJPY     = "JPY"
	unitPercent = "%"
)

// Stated is a source document's figure beside ours for the same thing.
type Stated struct {
	// File is the document, e.g. "000_e03a210ce428a44a.txt".
	File string `json:"file"`
	// Lines are where it says so, e.g. "L185".
	Lines string `json:"lines"`
	// What is priced.
	What string `json:"what"`
	// Unit is "USD" or "JPY", for a month unless What says otherwise, or "%".
	Unit string `json:"unit"`
	// Stated is the document's figure.
	Stated float64 `json:"stated"`
	// Ours is the figure at this package's prices, in the same unit.
	Ours float64 `json:"ours"`
	// Why says why they differ.
	Why string `json:"why"`
}

// claim is a figure as in the file.
type claim struct {
	File   string  `yaml:"file"`
	Lines  string  `yaml:"lines"`
	What   string  `yaml:"what"`
	Unit   string  `yaml:"unit"`
	Stated float64 `yaml:"stated"`
	Ours   []part  `yaml:"ours"`
	Than   []part  `yaml:"than"`
	Why    string  `yaml:"why"`
}

// part is a quantity of something that has a price.
type part struct {
	Price    string  `yaml:"price"`
	Quantity float64 `yaml:"quantity"`
}

// statedFigures prices what the documents state.
func statedFigures(prices Prices) ([]Stated, error) {
	return readStated("infra/cost/stated.yaml", embeddedStated, prices)
}

// readStated prices the figures of a file.
func readStated(name string, data []byte, prices Prices) ([]Stated, error) {
	var claims []claim
	f := decode(name, data, &claims)
	var list []Stated
	for i, c := range claims {
		line := 0
		if i < len(f.root.Content) {
			line = f.root.Content[i].Line
		}
		ours := c.ours(f, line, prices)
		list = append(list, Stated{File: c.File, Lines: c.Lines, What: c.What, Unit: c.Unit, Stated: c.Stated, Ours: ours, Why: c.Why})
	}
	return list, f.err()
}

// ours is our figure for what a claim is about.
func (c claim) ours(f *file, line int, prices Prices) float64 {
	usd := sumOf(f, line, c.Ours, prices)
	switch c.Unit {
	case unitUSD:
		return cents(usd)
	case unitJPY:
		return cents(usd * prices.JPY.PerUSD)
	case unitPercent:
		if than := sumOf(f, line, c.Than, prices); than > 0 {
			return cents(100 * (1 - usd/than))
		}
		f.add(line, c.What, "is a share of nothing", "write what it is compared with under than")
	default:
		f.add(line, c.What, fmt.Sprintf("has the unknown unit %q", c.Unit), "write USD, JPY or %")
	}
	return 0
}

// sumOf prices quantities.
func sumOf(f *file, line int, parts []part, prices Prices) float64 {
	total := 0.0
	for _, p := range parts {
		price, ok := prices.price(p.Price)
		if !ok {
			f.add(line, p.Price, "is not a price", "use an id of the price table, or add it there")
		}
		total += p.Quantity * price.USD
	}
	return total
}
