// Package app puts the stacks of an environment together.
//
// It is apart from the program so that tests can synthesize without running
// it. Nothing in it asks AWS, and the environments are compiled in: the only file
// that is read is a configuration that the caller names.
package app

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/images"
	"github.com/prooflink/prooflink/infra/names"
)

// Options are what the caller decides.
type Options struct {
	// Account is used where the environment has none; empty means the account
	// of whoever deploys.
	Account string
	// Environment is used instead of the one that the context selects.
	Environment *config.Environment
	// Inspect is called with the finished app, e.g. to add rules to it.
	Inspect func(awscdk.App)
	// Context is the CDK context, with the keys of package names.
	Context map[string]any
	// Outdir is where templates are written; empty means the CDK's choice,
	// which is CDK_OUTDIR.
	Outdir string
}

// Synth writes the templates of the environment that the context selects and
// returns their folder. Its error is the user's mistake, found before the CDK
// starts: an unknown environment, one with problems, or a malformed digest.
func Synth(options Options) (string, error) {
	lookup := func(key string) string { return contextValue(options.Context, key) }
	env, err := options.environment(lookup)
	if err != nil {
		return "", err
	}
	digests, err := images.Parse(lookup)
	if err != nil {
		return "", err
	}
	cdk := awscdk.NewApp(&awscdk.AppProps{
		AnalyticsReporting: jsii.Bool(false),
		PostCliContext:     flags(),
		Outdir:             optional(options.Outdir),
	})
	build(cdk, env, digests, options.Account)
	if options.Inspect != nil {
		options.Inspect(cdk)
	}
	return *cdk.Synth(nil).Directory(), nil
}

// environment is the one that is given, that of a file, the selected one or the
// default.
func (o Options) environment(lookup func(key string) string) (config.Environment, error) {
	if o.Environment != nil {
		return *o.Environment, nil
	}
	if file := lookup(names.ContextConfig); file != "" {
		return config.LoadFile(file)
	}
	name := lookup(names.ContextEnv)
	if name == "" {
		name = names.DefaultEnv
	}
	return config.Load(name)
}

// contextValue is a context value as text; empty where there is none.
func contextValue(context map[string]any, key string) string {
	value, ok := context[key]
	if !ok || value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// optional is nil for an empty text.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
