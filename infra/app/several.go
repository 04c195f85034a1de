package app

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"strings"

	"github.com/prooflink/prooflink/infra/images"
	"github.com/prooflink/prooflink/infra/names"
)

// SynthSeveral is Synth for every environment that the context lists, separated
// by commas: in one process, Node, the CDK and its validation rules start once.
// Each of several is written to a folder of its own name in Outdir. A mistake
// in any of them is found before the CDK starts.
func SynthSeveral(options Options) error {
	list, err := options.each()
	if err != nil {
		return err
	}
	for _, one := range list {
		if _, err := Synth(one); err != nil {
			return err
		}
	}
	return nil
}

// each is the options of each listed environment, all of them checked.
func (o Options) each() ([]Options, error) {
	lookup := func(key string) string { return contextValue(o.Context, key) }
	listed := strings.Split(lookup(names.ContextEnv), ",")
	if len(listed) == 1 {
		return []Options{o}, nil
	}
	if o.Outdir == "" {
		return nil, fmt.Errorf("context %s: several environments need a folder to be written to; set CDK_OUTDIR", names.ContextEnv)
	}
	_, problems := images.Parse(lookup)
	var list []Options
	for _, name := range listed {
		one := o
		one.Context = maps.Clone(o.Context)
		one.Context[names.ContextEnv] = name
		one.Outdir = filepath.Join(o.Outdir, name)
		_, err := one.environment(func(key string) string { return contextValue(one.Context, key) })
		problems = errors.Join(problems, err)
		list = append(list, one)
	}
	return list, problems
}
