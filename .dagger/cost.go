package main

import (
	"context"
	"strings"

	"github.com/prooflink/prooflink/.dagger/internal/dagger"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/cost"
)

// Estimate what an environment costs a month, without AWS.
//
// Every line has its price's source; what is assumed of the month's use and
// what could be saved follow. `--compare other.yaml` says what another
// configuration would cost more or less.
func (m *Prooflink) Cost(
	ctx context.Context,
	// The environment, like "dev"; by default dev and prod side by side.
	//
	// +optional
	env string,
	// A configuration file to compare with, like ./cheaper.yaml.
	//
	// +optional
	compare *dagger.File,
	// Assumptions about the month's use that replace those of infra/cost/usage.yaml, as a file with the same form.
	//
	// +optional
	usage *dagger.File,
	// "text" for a person, "json" for a program.
	//
	// +default="text"
	format string,
) (string, error) {
	if err := checkFormat(format); err != nil {
		return "", err
	}
	assumed, err := assumptions(ctx, usage)
	if err != nil {
		return "", err
	}
	var bills []cost.Bill
	for _, each := range sides(env, compare) {
		bill, err := m.bill(ctx, each.env, each.file, assumed)
		if err != nil {
			return "", err
		}
		bills = append(bills, bill)
	}
	var text strings.Builder
	switch {
	case format == formatJSON:
		err = cost.JSON(&text, bills...)
	case compare != nil:
		err = cost.Compare(&text, bills[0], bills[1])
	default:
		err = cost.Report(&text, bills...)
	}
	return text.String(), err
}

// side is one of the configurations that are estimated.
type side struct {
	env  string
	file *dagger.File
}

// sides lists what is estimated.
func sides(env string, compare *dagger.File) []side {
	switch {
	case compare != nil:
		return []side{{env: or(env, "dev")}, {file: compare}}
	case env != "":
		return []side{{env: env}}
	default:
		return []side{{env: "dev"}, {env: config.Production}}
	}
}

// bill estimates one configuration.
func (m *Prooflink) bill(ctx context.Context, env string, file *dagger.File, usage cost.Usage) (cost.Bill, error) {
	environment, folder, err := m.synthEither(ctx, env, file)
	if err != nil {
		return cost.Bill{}, err
	}
	stacks, err := readTemplates(ctx, folder, nil)
	if err != nil {
		return cost.Bill{}, err
	}
	prices, err := cost.LoadPrices()
	if err != nil {
		return cost.Bill{}, err
	}
	return cost.Estimate(environment, stacks, prices, usage)
}

// assumptions are the repository's, changed by a file where one is given.
func assumptions(ctx context.Context, file *dagger.File) (cost.Usage, error) {
	usage, err := cost.LoadUsage()
	if err != nil || file == nil {
		return usage, err
	}
	name, err := file.Name(ctx)
	if err != nil {
		return cost.Usage{}, err
	}
	text, err := file.Contents(ctx)
	if err != nil {
		return cost.Usage{}, err
	}
	return usage.With(name, []byte(text))
}
