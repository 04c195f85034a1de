// The program writes the CloudFormation templates of one environment. The CDK
// CLI runs it (`cd infra && cdk synth -c env=dev`), and it runs alone:
//
//	CDK_CONTEXT_JSON='{"env":"dev"}' CDK_OUTDIR=out go run ./infra
//
// Alone it takes several environments too, at little more than the cost of one:
// '{"env":"dev,prod"}' writes out/dev and out/prod.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/app"
)

// Exit codes.
const (
	failure    = 1 // the CDK's, or a mistake of this program
	usageError = 2 // the user's: wrong configuration or context
)

func main() {
	err := run()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, err)
	var internal cdkError
	if errors.As(err, &internal) {
		os.Exit(failure)
	}
	os.Exit(usageError)
}

// cdkError is what the CDK says when it refuses to go on; it panics with it.
type cdkError struct{ reason any }

// Error is the CDK's message.
func (e cdkError) Error() string { return fmt.Sprintf("synthesize: %v", e.reason) }

// run synthesizes, and ends the CDK's own process before this one.
func run() (err error) {
	context, err := readContext(os.Getenv("CDK_CONTEXT_JSON"))
	if err != nil {
		return err
	}
	defer jsii.Close()
	defer func() {
		if reason := recover(); reason != nil {
			err = cdkError{reason}
		}
	}()
	return app.SynthSeveral(app.Options{
		Account: os.Getenv("CDK_DEFAULT_ACCOUNT"), Context: context, Outdir: os.Getenv("CDK_OUTDIR"),
	})
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
