package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/prooflink/prooflink/infra/bench/typescript"
)

// report is what was measured.
type report struct {
	Env    string            `json:"env"`
	Runs   int               `json:"runs"`
	Node   string            `json:"node"`
	Go     string            `json:"go"`
	CPUs   int               `json:"cpus"`
	Sizes  map[string]size   `json:"sizes"`
	Counts typescript.Counts `json:"typescriptResources"`
	// Subjects are the figures by what was measured.
	Subjects map[string]figures `json:"subjects"`
	// Ratios are of median wall times.
	Ratios ratios `json:"ratios"`
}

// ratios are median wall times in relation; less than 1 is in our favour.
type ratios struct {
	Compiled    float64 `json:"toCompiledTypeScript"`
	Initialized float64 `json:"toTypeScriptOfCdkInit"`
	Memory      float64 `json:"memoryToCompiledTypeScript"`
	Together    float64 `json:"togetherToOneAtATime"`
}

// newReport sums up what was measured.
func newReport(ctx context.Context, env string, runs int, counts typescript.Counts, sizes map[string]size, measured []*subject) (report, error) {
	node, err := exec.CommandContext(ctx, "node", "--version").Output()
	if err != nil {
		return report{}, fmt.Errorf("ask for Node's version: %w", err)
	}
	r := report{Env: env, Runs: runs, Node: strings.TrimSpace(string(node)), Go: runtime.Version(), CPUs: runtime.NumCPU(),
		Sizes: sizes, Counts: counts, Subjects: map[string]figures{}}
	for _, s := range measured {
		r.Subjects[s.Name] = s.figures()
	}
	r.Ratios = ratios{
		Compiled:    r.wall(goFull) / r.wall(jsFull),
		Initialized: r.wall(goFull) / r.wall(jsInit),
		Memory:      r.Subjects[goFull].Peak / max(r.Subjects[jsFull].Peak, 1),
		Together:    r.wall(goTogether) / r.wall(goEach),
	}
	return r, nil
}

// wall is a subject's median wall time.
func (r report) wall(name string) float64 { return r.Subjects[name].WallMedian }

// text is the report for people.
func (r report) text() string {
	var b strings.Builder
	total := r.Sizes[r.Env]
	fmt.Fprintf(&b, "Synthesis of %s: %d stacks, %d resources, the same templates from both.\n", r.Env, total.Stacks, total.Resources)
	fmt.Fprintf(&b, "Node %s, %s, %d CPUs; medians of %d runs in turn, the fastest in parentheses.\n", r.Node, r.Go, r.CPUs, r.Runs)
	r.table(&b, "", goFull, jsFull, jsInit)
	fmt.Fprintf(&b, "\nGo takes %.2f times the time of TypeScript compiled beforehand, %.2f times that of `cdk init`'s way, and %.2f times the memory.\n",
		r.Ratios.Compiled, r.Ratios.Initialized, r.Ratios.Memory)
	fmt.Fprintf(&b, "\n%-30s %10s %12s\n", "Where the time goes (fastest)", "Go", "TypeScript")
	for _, phase := range r.phases() {
		fmt.Fprintf(&b, "%-30s %8.2f s %10.2f s\n", phase.name, phase.ours, phase.theirs)
	}
	r.table(&b, fmt.Sprintf("All %d environments", len(r.Sizes)), goTogether, goEach, jsTogether)
	fmt.Fprintf(&b, "\nOne process for all takes %.2f times what one at a time takes.\n", r.Ratios.Together)
	return b.String()
}

// table writes subjects one below the other.
func (r report) table(b *strings.Builder, title string, names ...string) {
	fmt.Fprintf(b, "\n%-46s %8s %10s %9s %9s\n", title, "wall", "", "CPU", "memory")
	for _, name := range names {
		f := r.Subjects[name]
		fmt.Fprintf(b, "%-46s %6.2f s (%6.2f s) %7.2f s %6.0f MB\n", name, f.WallMedian, f.WallBest, f.CPUMedian, f.Peak)
	}
}

// phase is a part of a synthesis, in seconds.
type phase struct {
	name         string
	ours, theirs float64
}

// phases are the differences between runs that leave ever more out, the fastest
// of each: a difference has the noise of both.
func (r report) phases() []phase {
	best := func(name string) float64 { return r.Subjects[name].WallBest }
	return []phase{
		{"start Node, load the CDK", best(goEmpty), best(jsEmpty)},
		{"make and write templates", best(goMade) - best(goEmpty), best(jsMade) - best(jsEmpty)},
		{"validate them (CDK's rules)", best(goFull) - best(goMade), best(jsFull) - best(jsMade)},
	}
}

// write keeps the figures as JSON, where a file is given.
func (r report) write(file string) error {
	if file == "" {
		return nil
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode figures: %w", err)
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}
