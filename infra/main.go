// The program writes the CloudFormation templates of one environment. The CDK
// CLI runs it (`cd infra && cdk synth -c env=dev`), and it runs alone:
//
//	CDK_CONTEXT_JSON='{"env":"dev"}' CDK_OUTDIR=out go run ./infra
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/app"
)

// usageError is the exit code for the user's mistakes.
const usageError = 2

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(usageError)
	}
}

// run synthesizes, and ends the CDK's own process before this one.
func run() error {
	context, err := readContext(os.Getenv("CDK_CONTEXT_JSON"))
	if err != nil {
		return err
	}
	defer jsii.Close()
	_, err = app.Synth(app.Options{Account: os.Getenv("CDK_DEFAULT_ACCOUNT"), Context: context})
	return err
}

// readContext reads the context as the CDK CLI hands it over.
func readContext(text string) (map[string]any, error) {
	if text == "" {
		return nil, nil
	}
	var values map[string]any
	if err := json.Unmarshal([]byte(text), &values); err != nil {
		return nil, fmt.Errorf(`read CDK_CONTEXT_JSON: %w; give an object, e.g. {"env":"dev"}`, err)
	}
	return values, nil
}
