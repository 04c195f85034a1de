package cost

import (
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// width is how wide reports are.
const width = 100

// printer writes text and keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

// firstWide is where the scripts begin whose characters take two columns.
const firstWide = 0x2e80

// span is how many columns a text takes; titles of sources can be Japanese.
func span(text string) int {
	columns := 0
	for _, r := range text {
		columns++
		if r >= firstWide {
			columns++
		}
	}
	return columns
}

// line writes one line without spaces at its end.
func (p *printer) line(format string, values ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, strings.TrimRight(fmt.Sprintf(format, values...), " "))
	}
}

// wrapped writes a paragraph; its first line begins with first, and the others
// with as many spaces.
func (p *printer) wrapped(first, text string) {
	for _, line := range wrap(text, width-span(first)) {
		p.line("%s%s", first, line)
		first = strings.Repeat(" ", span(first))
	}
}

// title writes a section's name.
func (p *printer) title(text string) {
	p.line("")
	p.line("%s", text)
	p.line("%s", strings.Repeat("-", span(text)))
}

// wrap breaks a text at its spaces.
func wrap(text string, columns int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case span(line+" "+word) <= columns:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}

// left fills a cell up, or cuts it, to its width.
func left(text string, columns int) string {
	runes := []rune(text)
	if len(runes) > columns {
		return string(runes[:columns-1]) + "…"
	}
	return text + strings.Repeat(" ", columns-len(runes))
}

// right fills a cell up in front.
func right(text string, columns int) string {
	return strings.Repeat(" ", max(0, columns-span(text))) + text
}

// money is an amount with two decimals, e.g. "1,234.50".
func money(usd float64) string { return grouped(strconv.FormatFloat(usd, 'f', 2, 64)) }

// yen is a whole amount.
func yen(amount float64) string { return grouped(strconv.FormatFloat(math.Round(amount), 'f', 0, 64)) }

// signed is an amount with its sign.
func signed(usd float64) string {
	if usd > 0 {
		return "+" + money(usd)
	}
	return money(usd)
}

// amount is a quantity, as short as is exact enough.
func amount(quantity float64) string {
	switch {
	case quantity == math.Trunc(quantity):
		return grouped(strconv.FormatFloat(quantity, 'f', 0, 64))
	case math.Abs(quantity) >= 100:
		return grouped(strconv.FormatFloat(quantity, 'f', 1, 64))
	default:
		return strconv.FormatFloat(quantity, 'g', 3, 64)
	}
}

// short is a number as it was written.
func short(number float64) string { return strconv.FormatFloat(number, 'f', -1, 64) }

// counted writes a quantity with its unit, e.g. "2 secrets".
func counted(quantity float64, unit string) string {
	if countable.MatchString(unit) && quantity != 1 {
		unit += "s"
	}
	return amount(quantity) + " " + unit
}

// countable matches the units that have a plural.
var countable = regexp.MustCompile(`^[a-z]{3,}$`)

// grouped puts commas between thousands.
func grouped(number string) string {
	sign, digits := "", number
	if strings.HasPrefix(number, "-") {
		sign, digits = "-", number[1:]
	}
	whole, fraction, has := strings.Cut(digits, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if has {
		whole += "." + fraction
	}
	return sign + whole
}
