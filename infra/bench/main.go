// The program measures what the Go binding of the CDK costs: it synthesizes our
// app and the same app in TypeScript, in turn, on this machine and with the
// same Node, and reports wall time, CPU time and memory. Run it from the
// repository's root, with Node on the path:
//
//	go run ./infra/bench -env dev -runs 7 -json figures.json
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

func main() {
	env := flag.String("env", names.DefaultEnv, "the environment to synthesize")
	runs := flag.Int("runs", 7, "how often each is measured")
	file := flag.String("json", "", "where to write the figures; nowhere without it")
	dir := flag.String("dir", ".tools/bench", "where both apps are built")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *env, *runs, *file, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run builds, measures and reports.
func run(ctx context.Context, env string, runs int, file, dir string) error {
	if runs < 1 {
		return fmt.Errorf("-runs %d: give 1 or more", runs)
	}
	if _, err := config.Load(env); err != nil {
		return err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	w := workshop{dir, config.Known()}
	fmt.Fprintln(os.Stderr, "bench: building both apps")
	counts, sizes, err := w.prepare(ctx)
	if err != nil {
		return err
	}
	measured := w.subjects(env)
	if err := measure(ctx, measured, runs); err != nil {
		return err
	}
	report, err := newReport(ctx, env, runs, counts, sizes, measured)
	if err != nil {
		return err
	}
	fmt.Print(report.text())
	return report.write(file)
}

// The subjects' names.
const (
	goFull, jsFull     = "this app, in Go", "TypeScript, compiled beforehand"
	jsInit             = "TypeScript, as `cdk init` runs it"
	goMade, jsMade     = "Go, not validated", "TypeScript, not validated"
	goEmpty, jsEmpty   = "Go, nothing made", "TypeScript, nothing made"
	goTogether, goEach = "Go, every environment in one process", "Go, one environment after another"
	jsTogether         = "TypeScript, every environment in one process"
)

// subjects are what is measured, in the order of each round.
func (w workshop) subjects(env string) []*subject {
	all := strings.Join(w.envs, ",")
	one := func(name string, commands ...command) *subject { return &subject{Name: name, commands: commands} }
	var each []command
	for _, name := range w.envs {
		each = append(each, w.ours(name))
	}
	return []*subject{
		one(goFull, w.ours(env)), one(jsFull, w.compiled(env)), one(jsInit, w.initialized(env)),
		one(goMade, w.ours(env, withoutValidation)), one(jsMade, w.compiled(env, withoutValidation)),
		one(goEmpty, w.emptyOurs()), one(jsEmpty, w.emptyTheirs()),
		one(goTogether, w.ours(all)), one(goEach, each...), one(jsTogether, w.compiled(all)),
	}
}

// measure takes turns, so that what else the machine does falls on all alike.
func measure(ctx context.Context, subjects []*subject, runs int) error {
	for i := range runs {
		fmt.Fprintf(os.Stderr, "bench: round %d of %d\n", i+1, runs)
		for _, s := range subjects {
			if err := s.run(ctx); err != nil {
				return fmt.Errorf("measure %s: %w", s.Name, err)
			}
		}
	}
	return nil
}
