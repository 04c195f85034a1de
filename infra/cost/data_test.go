package cost_test

import (
	"strings"
	"testing"

	"github.com/prooflink/prooflink/infra/cost"
	"github.com/prooflink/prooflink/infra/templates"
)

// table is a small price table with everything that is needed.
const table = `region: ap-northeast-1
jpy: {perUsd: 150, date: "2026-09-27", source: list}
sources:
  list: {title: A list, url: "", date: "2026-09-27"}
prices:
  - {id: secret, unit: secret, usd: 0.4, source: list}
  - {id: dashboard, unit: page, usd: 3, source: estimate, note: a guess}
factors:
  - {id: spot, value: 0.3, source: list}
  - {id: multiAz, value: 2, source: list}
  - {id: savingsPlan, value: 0.17, source: list}
  - {id: reserved, value: 0.3, source: list}
  - {id: logCompression, value: 0.15, source: list}
`

func TestAPriceTableIsRead(t *testing.T) {
	if _, err := cost.ReadPrices("mine.yaml", []byte(table)); err != nil {
		t.Error(err)
	}
}

func TestMistakesInAPriceTableHaveTheirLine(t *testing.T) {
	cases := []struct{ name, old, new, want string }{
		{"an unknown key", "usd: 0.4", "usd: 0.4, eur: 1", "mine.yaml:6: field eur not found"},
		{"no number", "usd: 0.4", "usd: much", "mine.yaml:6: cannot unmarshal"},
		{"below zero", "usd: 0.4", "usd: -1", "mine.yaml:6: prices[0] (secret): is not above zero"},
		{"no price", "usd: 0.4, ", "", "mine.yaml:6: prices[0] (secret): is not above zero"},
		{"no unit", "unit: page, ", "", "mine.yaml:7: prices[1] (dashboard): has no unit"},
		{"no id", "id: secret, ", "", "mine.yaml:6: prices[0] (): has no id"},
		{"twice", "id: dashboard", "id: secret", "mine.yaml:7: prices[1] (secret): occurs twice"},
		{"an unknown source", "usd: 0.4, source: list", "usd: 0.4, source: hearsay", `mine.yaml:6: prices[0] (secret): has the unknown source "hearsay"; add it to sources, or use one of ["list"]`},
		{"an unexplained estimate", ", note: a guess", "", "mine.yaml:7: prices[1] (dashboard): is an estimate without a note"},
		{"no rate", "perUsd: 150, ", "", "mine.yaml:2: jpy: has no rate with its date"},
		{"no region", "region: ap-northeast-1\n", "", "mine.yaml: region: is missing"},
		{"a factor is missing", "  - {id: multiAz, value: 2, source: list}\n", "", `mine.yaml:9: factors: has no "multiAz"`},
		{"a factor's source", "value: 0.3, source: list}\n  - {id: m", "value: 0.3, source: x}\n  - {id: m", "mine.yaml:9: factors[0] (spot): has the unknown source"},
		{"not YAML", "prices:", "prices: [", "mine.yaml:"},
		{"nothing", table, "", "mine.yaml: is empty"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(table, c.old) {
				t.Fatalf("%q is not in the table", c.old)
			}
			_, err := cost.ReadPrices("mine.yaml", []byte(strings.Replace(table, c.old, c.new, 1)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestAllMistakesAreReportedAtOnce(t *testing.T) {
	broken := strings.NewReplacer("usd: 0.4", "usd: 0", "unit: page, ", "").Replace(table)
	_, err := cost.ReadPrices("mine.yaml", []byte(broken))
	if err == nil || strings.Count(err.Error(), "mine.yaml:") != 2 {
		t.Errorf("got %v, want two problems", err)
	}
}

func TestAnOverrideChangesOnlyWhatItHas(t *testing.T) {
	prices, usage := load(t)
	gateway := []templates.Stack{stack(t, "S", `"N": {"Type": "AWS::EC2::NatGateway"}`)}
	cases := []struct {
		name, file, env string
		want            float64
	}{
		{"this environment's", "nat.gb: {values: {dev: 100}}", "dev", 6.2},
		{"another's stays", "nat.gb: {values: {dev: 100}}", "prod", 1.86},
		{"a default is for all", "nat.gb: {reason: measured, values: {default: 100}}", "prod", 6.2},
		{"a default with an exception", "nat.gb: {values: {default: 100, prod: 50}}", "prod", 3.1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			changed, err := usage.With("mine.yaml", []byte(c.file))
			if err != nil {
				t.Fatal(err)
			}
			bill, err := cost.Estimate(environment(t, c.env), gateway, prices, changed)
			if err != nil {
				t.Fatal(err)
			}
			if got := usd(bill, "NAT gateways, traffic"); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestMistakesInAnOverrideHaveTheirLine(t *testing.T) {
	_, usage := load(t)
	for file, want := range map[string]string{
		"hours: {values: {dev: 1}}\nnat.gbs: {values: {dev: 1}}": "mine.yaml:2: nat.gbs: is not an assumption; use one of",
		"nat.gb: {values: {dve: 1}}":                             "mine.yaml:1: nat.gb.values.dve: is not an environment; use default or one of dev, local, prod",
		"nat.gb: {values: {dev: -1}}":                            "mine.yaml:1: nat.gb.values.dev: is below zero",
		"nat.gb: {value: 1}":                                     "mine.yaml:1: field value not found",
		"nat.gb: {values: {dev: much}}":                          "mine.yaml:1: cannot unmarshal",
		"":                                                       "mine.yaml: is empty",
	} {
		if _, err := usage.With("mine.yaml", []byte(file)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", file, err, want)
		}
	}
}
