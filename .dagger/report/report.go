// Package report is what a run tells when it fails: what failed, the first
// cause, what is known about it, and what to do. It is plain data and text; who
// collects the data asks AWS.
//
// A credential that a program has written into its log is masked wherever a
// report is shown.
package report

import (
	"slices"
	"time"

	"github.com/prooflink/prooflink/infra/config"
)

// Outcomes of a run that did not do what it was asked to.
const (
	// Failed is a run that ended before its end; what ran before mostly still runs.
	Failed = "failed"
	// RolledBack is a run after which the service is what it was before.
	RolledBack = "rolled back"
)

// Failure is a run that failed. The fields down to Run are the caller's; New
// fills in the others, where they are empty.
type Failure struct {
	// Command is what was run, without "dagger call", e.g. "deploy --env dev".
	Command string `json:"command"`
	// Env is the environment, e.g. "dev".
	Env string `json:"env"`
	// Step is the step that failed, e.g. "roll out".
	Step string `json:"step"`
	// Outcome is Failed or RolledBack.
	Outcome string `json:"outcome"`
	// Problem is the step's own error.
	Problem string `json:"problem"`
	// Running is what runs now, e.g. "2 of 2 tasks of prooflink-dev-task:12".
	Running string `json:"running"`
	// Evidence is what was seen meanwhile.
	Evidence Evidence `json:"evidence"`
	// Deployment is the ARN of the ECS service deployment, if there was one.
	Deployment string `json:"deployment,omitempty"`
	// At is when the run failed.
	At time.Time `json:"at"`
	// Took is how long it had run, in JSON as nanoseconds.
	Took time.Duration `json:"took"`
	// Run is the URL of the pipeline's run, if there is one.
	Run string `json:"run,omitempty"`

	// Cause is the first cause, in a sentence.
	Cause string `json:"cause"`
	// Hints say what is likely behind it, the likeliest first.
	Hints []Hint `json:"hints"`
	// Links lead into the console.
	Links []Link `json:"links"`
	// Next are commands to type, e.g. "dagger call logs --env dev --part app".
	Next []string `json:"next"`

	// Err is the step's error, for errors.As.
	Err error `json:"-"`
}

// Evidence is what was seen while something failed.
type Evidence struct {
	// Tasks are the tasks that stopped, in any order.
	Tasks []Task `json:"tasks"`
	// Events are what services said, in any order.
	Events []Event `json:"events"`
}

// Task is a task that stopped.
type Task struct {
	// ID is the last part of its ARN.
	ID string `json:"id"`
	// Definition is family and revision, e.g. "prooflink-dev-task:13".
	Definition string `json:"definition"`
	// StopCode is ECS's, e.g. "EssentialContainerExited".
	StopCode string `json:"stopCode"`
	// StoppedReason is ECS's sentence.
	StoppedReason string `json:"stoppedReason"`
	// StoppedAt is when it stopped.
	StoppedAt time.Time `json:"stoppedAt"`
	// Containers are its containers.
	Containers []Container `json:"containers"`
}

// Container is a container of a task that stopped.
type Container struct {
	// Name is the container's, e.g. "prooflink-app".
	Name string `json:"name"`
	// Image is what the definition names.
	Image string `json:"image,omitempty"`
	// Digest is what ran, "sha256:…".
	Digest string `json:"digest,omitempty"`
	// Reason is ECS's, e.g. "OutOfMemoryError: Container killed due to memory usage".
	Reason string `json:"reason,omitempty"`
	// Health is "HEALTHY", "UNHEALTHY" or empty.
	Health string `json:"health,omitempty"`
	// ExitCode is nil for a container that never started.
	ExitCode *int32 `json:"exitCode,omitempty"`
	// LogGroup is where its lines are.
	LogGroup string `json:"logGroup,omitempty"`
	// Lines are its last ones, the oldest first.
	Lines []string `json:"lines"`
}

// Event is what a service said.
type Event struct {
	// At is when.
	At time.Time `json:"at"`
	// Source is who: FromECS, or FromStack of a stack's name. What another source
	// says is shown, and never taken for the cause.
	Source string `json:"source"`
	// Text is what.
	Text string `json:"text"`
}

// FromECS is the source of the ECS service's events.
const FromECS = "ECS service"

// fromStack begins the source of a stack's events.
const fromStack = "CloudFormation "

// FromStack is the source of a stack's events: "CloudFormation ComputeStack-dev".
func FromStack(stack string) string { return fromStack + stack }

// Hint is what is likely behind a failure.
type Hint struct {
	// What it is, e.g. "No route to ECR".
	What string `json:"what"`
	// Fix is what to look at or change.
	Fix string `json:"fix"`
	// Next are commands that help.
	Next []string `json:"next"`
	// Row is the number of the demand in the source documents' troubleshooting
	// sections (269 to 275); 0 where they have none.
	Row int `json:"row,omitempty"`
}

// Link leads into the console.
type Link struct {
	// Name says what is there.
	Name string `json:"name"`
	// URL is where.
	URL string `json:"url"`
}

// New fills in what follows from the rest, where it is empty: cause, hints,
// links and the next commands.
func New(environment config.Environment, f Failure) *Failure {
	n := environment.Names()
	f.Env = or(f.Env, environment.Env)
	f.Evidence = f.Evidence.sorted()
	cause, hints := Explain(f.Evidence, f.Problem, n)
	f.Cause = or(f.Cause, cause)
	if f.Hints == nil {
		f.Hints = hints
	}
	if f.Links == nil {
		f.Links = links(environment.Region, n, f)
	}
	if f.Next == nil {
		f.Next = next(f)
	}
	return &f
}

// Error is Text.
func (f *Failure) Error() string { return f.Text() }

// Unwrap is the step's error.
func (f *Failure) Unwrap() error { return f.Err }

// sorted is the same evidence in the order of time.
func (e Evidence) sorted() Evidence {
	e.Tasks, e.Events = slices.Clone(e.Tasks), slices.Clone(e.Events)
	slices.SortStableFunc(e.Tasks, func(a, b Task) int { return earlier(a.StoppedAt, b.StoppedAt) })
	slices.SortStableFunc(e.Events, func(a, b Event) int { return earlier(a.At, b.At) })
	return e
}

// earlier compares times; one that isn't known comes last.
func earlier(a, b time.Time) int {
	switch {
	case a.IsZero() == b.IsZero():
		return a.Compare(b)
	case a.IsZero():
		return 1
	}
	return -1
}

// next are the hints' commands, then those that always help.
func next(f Failure) []string {
	var commands []string
	for _, hint := range f.Hints {
		commands = append(commands, hint.Next...)
	}
	commands = append(commands, "dagger call status --env "+f.Env)
	if f.Command != "" {
		commands = append(commands, "dagger call "+f.Command)
	}
	return unique(commands)
}

// unique keeps the first of equal words.
func unique(words []string) []string {
	var kept []string
	for _, word := range words {
		if !slices.Contains(kept, word) {
			kept = append(kept, word)
		}
	}
	return kept
}

// or is the first text that isn't empty.
func or(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
