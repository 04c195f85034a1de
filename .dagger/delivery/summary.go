package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/jobs"
	"github.com/prooflink/prooflink/infra/names"
)

// Summary is what a run has done.
type Summary struct {
	Command     string `json:"command"`
	Environment string `json:"environment"`
	// Name is the environment with its project, e.g. "prooflink-dev".
	Name   string             `json:"name"`
	Kind   string             `json:"kind"`
	Commit string             `json:"commit"`
	Who    string             `json:"who"`
	Run    string             `json:"run,omitempty"`
	Steps  []Step             `json:"steps"`
	Images []images.Published `json:"images"`
	// TaskDefinition is what the service runs, family and revision; empty where
	// the run had nothing to do with the service.
	TaskDefinition string `json:"taskDefinition,omitempty"`
	// Service says what was seen of the service in the end.
	Service string        `json:"service,omitempty"`
	URL     string        `json:"url,omitempty"`
	Took    time.Duration `json:"took"`
}

// Step is one of the run's steps, with its seconds.
type Step struct {
	Name    string  `json:"name"`
	Detail  string  `json:"detail,omitempty"`
	Seconds float64 `json:"seconds"`
}

// done are the words for what a run has done.
var done = map[string]string{"deploy": "Deployed", "release": "Released", "rollback": "Rolled back", "migrate": "Migrated"}

// summary is the run's.
func (r *run) summary(ctx context.Context, results jobs.Results) Summary {
	summary := Summary{
		Command: r.command, Environment: r.Environment.Env, Name: r.names().Prefix(), Kind: r.kind, Commit: r.Commit, Who: r.Owner.Who, Run: r.Owner.Run,
		Images: r.images, TaskDefinition: revision(r.converged.TaskDefinition), Service: r.proof(), URL: r.url(ctx),
		Took: time.Since(r.started),
	}
	for _, result := range results {
		summary.Steps = append(summary.Steps, Step{result.Name, result.Detail, result.Duration.Seconds()})
	}
	return summary
}

// proof says what was seen of the service in the end; empty where the run had
// nothing to do with it.
func (r *run) proof() string {
	if r.settled.TaskDefinition == "" {
		return ""
	}
	proof := fmt.Sprintf("%d of %d tasks of %s run these digests", len(r.settled.Tasks), r.settled.Desired, revision(r.settled.TaskDefinition))
	if r.settled.Targets > 0 {
		proof += fmt.Sprintf(", healthy targets: %d", r.settled.Targets)
	}
	return proof
}

// url is where users find the application; empty where that can't be told.
func (r *run) url(ctx context.Context) string {
	states, err := r.formation.States(ctx, []string{r.names().Stack(names.Compute)})
	if err != nil || len(states) == 0 {
		return ""
	}
	return states[0].Outputs[names.OutputServiceURL]
}

// Text is the summary for a person.
func (s Summary) Text() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s in %s\n\n%s\n", done[s.Kind], s.Name, s.Took.Round(time.Second), s.table())
	for _, image := range s.Images {
		fmt.Fprintf(&text, "image    %-10s  %s  %s\n", image.Name, image.Digest, image.Tag)
	}
	for _, line := range s.lines() {
		fmt.Fprintf(&text, "%-7s  %s\n", line[0], line[1])
	}
	fmt.Fprintf(&text, "\nNext: dagger call status --env %[1]s, or dagger call logs --env %[1]s --follow\n", s.Environment)
	return text.String()
}

// lines are what else is told, each with its name.
func (s Summary) lines() [][2]string {
	all := [][2]string{{"service", s.Service}, {"commit", s.Commit}, {"who", s.Who}, {"run", s.Run}, {"url", s.URL}}
	return slices.DeleteFunc(all, func(line [2]string) bool { return line[1] == "" })
}

// table is one line a step.
func (s Summary) table() string {
	var results jobs.Results
	for _, step := range s.Steps {
		results = append(results, jobs.Result{Name: step.Name, Detail: step.Detail, Duration: time.Duration(step.Seconds * float64(time.Second))})
	}
	return results.Table()
}

// Markdown is the summary for GitHub's step summary.
func (s Summary) Markdown() string {
	var text strings.Builder
	fmt.Fprintf(&text, "## %s %s\n\n", done[s.Kind], s.Name)
	for _, line := range s.lines() {
		fmt.Fprintf(&text, "- **%s** %s\n", line[0], line[1])
	}
	text.WriteString("\n| step | seconds | |\n|---|---:|---|\n")
	for _, step := range s.Steps {
		fmt.Fprintf(&text, "| %s | %.1f | %s |\n", step.Name, step.Seconds, strings.ReplaceAll(step.Detail, "|", `\|`))
	}
	text.WriteString("\n| image | digest |\n|---|---|\n")
	for _, image := range s.Images {
		fmt.Fprintf(&text, "| %s | `%s` |\n", image.Name, image.Digest)
	}
	return text.String()
}

// JSON is the summary for a program.
func (s Summary) JSON() string {
	text, _ := json.MarshalIndent(s, "", "  ") // plain data always has a JSON form
	return string(text) + "\n"
}

// revision is a definition's family and revision, the last part of its ARN.
func revision(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

// sorted is the list in order.
func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

// words joins what isn't empty.
func words(all ...string) string { return strings.Join(steps(all...), " ") }
