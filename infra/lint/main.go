// The program checks the CloudFormation of every environment, and of every
// choice that the configuration offers, with the CDK's own validation, cdk-nag
// (AWS Solutions), cfn-lint and cfn-guard (Control Tower's rules):
//
//	go run ./infra/lint -cfn-lint cfn-lint -cfn-guard cfn-guard -guard-rules rules/
//
// A finding that stands on purpose is in exceptions.yaml with its reason. One
// that isn't, or an exception that nothing needs, makes it fail.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/aws/jsii-runtime-go"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var tools tools
	flag.StringVar(&tools.cfnLint, "cfn-lint", "cfn-lint", "the program cfn-lint")
	flag.StringVar(&tools.cfnLintConfig, "cfn-lint-config", "infra/.cfnlintrc.yaml", "its configuration")
	flag.StringVar(&tools.cfnGuard, "cfn-guard", "cfn-guard", "the program cfn-guard")
	flag.StringVar(&tools.guardRules, "guard-rules", "", "the folder of cfn-guard's rules")
	flag.Parse()
	err := run(ctx, tools)
	jsii.Close()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run synthesizes everything into a temporary folder and checks it.
func run(ctx context.Context, tools tools) error {
	dir, err := os.MkdirTemp("", "prooflink-lint-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	exceptions, err := loadExceptions()
	if err != nil {
		return err
	}
	made, err := synthesize(ctx, dir)
	if err != nil {
		return err
	}
	findings, err := tools.check(ctx, made.unique)
	if err != nil {
		return err
	}
	findings = append(findings, made.findings...)
	left, unused := exceptions.sort(findings)
	return report(os.Stdout, made, len(findings)-len(left), left, unused)
}
