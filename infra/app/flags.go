package app

import (
	_ "embed"
	"encoding/json"
)

// recommended are the CDK's feature flags as `cdk init` of CLI 2.1148.1 sets
// them. They are here and not in cdk.json, which only the CLI reads: a program
// that runs without it must write the same templates.
//
//go:embed flags.json
var recommended []byte

// flags is the recommended flags as context.
func flags() *map[string]any {
	var all map[string]any
	if err := json.Unmarshal(recommended, &all); err != nil {
		panic(err) // the file is compiled in and tested
	}
	return &all
}
