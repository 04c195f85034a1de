package batchjob

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/prooflink/prooflink/.dagger/report"
	"github.com/prooflink/prooflink/infra/config"
)

// Exit codes of the imports.
const (
	allIn    = 0
	rejected = 3
	killed   = 137
	stopped  = 143
)

// exits are what the imports' exit codes mean.
var exits = map[int32]string{
	allIn:    "all rows are in",
	1:        "failed, nothing was written",
	2:        "wrong usage, nothing was written: an option or a variable of the job is wrong",
	rejected: "finished with rejected rows: the others are in",
	killed:   "killed: memory or timeout; what was not committed is rolled back",
	stopped:  "stopped, rolled back",
}

// dryRuns are what they mean of a dry run.
var dryRuns = map[int32]string{
	allIn:    "a dry run, nothing was written: all rows would go in",
	rejected: "a dry run, nothing was written: rows would be rejected",
}

// end is a way in which a job ends.
type end struct {
	is func(Outcome) bool
	// means and fix are about this job, with words in braces.
	means, fix string
}

// ends are checked in their order. The reasons are Batch's and ECS's (AWS Batch
// User Guide, "Job timeouts", "Automated job retries"; Amazon ECS Developer
// Guide, "Stopped task error messages").
var ends = []end{
	{is: func(o Outcome) bool { return !o.over() }, means: "{state}"},
	{is: func(o Outcome) bool { return o.Status == string(types.JobStatusSucceeded) }, means: "{exit}"},
	{is: exited(rejected), means: "{exit}", fix: "correct the rejected rows and import them again"},
	{is: because("attempt duration exceeded"), means: "ended by its timeout of {timeout}; {exit}",
		fix: "give it more time (--timeout), or a smaller file"},
	{is: func(o Outcome) bool { return o.ended && o.ExitCode == nil }, means: "ended before it ran, nothing was written: {reason}"},
	{is: func(o Outcome) bool { return o.ended }, means: "ended by somebody: {reason}; {exit}"},
	{is: because("Spot Task was interrupted"), means: "AWS took the Spot capacity back at attempt {attempts}; {exit}",
		fix: "submit it again: an import that is repeated changes nothing twice"},
	{is: because("OutOfMemory"), means: "out of memory: it has {memory} MiB; {exit}", fix: "give it more (--memory)"},
	{is: func(o Outcome) bool { return o.ExitCode != nil }, means: "{exit}"},
	{is: func(o Outcome) bool { return o.Started.IsZero() && o.LogStream == "" }, means: "never started, nothing was written"},
	{is: func(Outcome) bool { return true }, means: "ended without an exit code: {reason}; what was not committed is rolled back"},
}

// exited says whether a job ended with this exit code.
func exited(code int32) func(Outcome) bool {
	return func(o Outcome) bool { return o.ExitCode != nil && *o.ExitCode == code }
}

// because says whether a reason of the job or its last attempt has these words.
func because(words string) func(Outcome) bool {
	return func(o Outcome) bool { return strings.Contains(o.reason(), words) }
}

// reason is why a job is as it is, in the words of Batch and of the container.
func (o Outcome) reason() string {
	reasons := []string{o.StatusReason}
	if n := len(o.Attempts); n > 0 && o.over() {
		reasons = append(reasons, o.Attempts[n-1].StatusReason, o.Attempts[n-1].Reason)
	}
	return plain(join("; ", reasons...))
}

// means is what the state or the end means, and what to do.
func (o Outcome) means() (meaning, fix string) {
	for _, end := range ends {
		if end.is(o) {
			words := strings.NewReplacer("{state}", o.state(), "{exit}", o.exit(), "{timeout}", whole(o.timeout), "{reason}", or(o.reason(), "no reason is given"),
				"{attempts}", fmt.Sprintf("%d of %d", len(o.Attempts), o.MostAttempts), "{memory}", or(o.memory, "its"))
			return words.Replace(end.means), end.fix
		}
	}
	return "", ""
}

// states are what the states mean (AWS Batch User Guide, "Job states").
var states = map[string]string{
	"SUBMITTED": "not looked at yet", "PENDING": "waits for another job", "RUNNABLE": "waits for capacity",
	"STARTING": "its container is being started", "RUNNING": "runs",
}

// state is what the state means, and whether it is to end.
func (o Outcome) state() string {
	if o.ended {
		return states[o.Status] + ", and was told to end"
	}
	return states[o.Status]
}

// exit is what the exit code means.
func (o Outcome) exit() string {
	if o.ExitCode == nil {
		return "it has no exit code"
	}
	return Meaning(int(*o.ExitCode), o.DryRun)
}

// Meaning is what an import's exit code means.
func Meaning(code int, dryRun bool) string {
	if dryRun && dryRuns[int32(code)] != "" {
		return dryRuns[int32(code)]
	}
	return or(exits[int32(code)], "failed, what was not committed is rolled back")
}

// verdict is the end in short: exit code and meaning.
func (o Outcome) verdict() string {
	if o.ExitCode == nil {
		return o.Status + ": " + o.Meaning
	}
	return fmt.Sprintf("exit code %d: %s", *o.ExitCode, o.Meaning)
}

// finished says whether the import came to its end, be it with rejected rows.
func (o Outcome) finished() bool {
	return o.Status == string(types.JobStatusSucceeded) || exited(rejected)(o)
}

// cause is what is behind a failure.
func (o Outcome) cause() string { return or(o.Cause, o.FirstError, o.reason()) }

// failure is nil where the exit code is 0.
func (o Outcome) failure() error {
	if o.Status == string(types.JobStatusSucceeded) {
		return nil
	}
	return &Failed{Outcome: o, ExitCode: o.ExitCode}
}

// explain finds the first cause of a failure in what Batch and the log say.
// What the imports themselves say with their exit code needs no other cause.
func (o *Outcome) explain(environment config.Environment) {
	if o.Status != string(types.JobStatusFailed) || o.ended || o.ExitCode != nil && *o.ExitCode != 1 {
		return
	}
	container := report.Container{Name: "default", Lines: strings.Split(o.FirstError, "\n")}
	seen := report.Task{ID: o.JobID, Definition: o.Definition, StoppedReason: o.StatusReason, StoppedAt: o.Stopped, Containers: []report.Container{container}}
	if n := len(o.Attempts); n > 0 {
		seen.Containers[0].Reason = o.Attempts[n-1].Reason
	}
	first, hints := report.Explain(report.Evidence{Tasks: []report.Task{seen}}, "", environment.Names())
	if o.ExitCode == nil {
		o.Cause = first
	}
	if len(hints) > 0 && o.Fix == "" {
		o.Fix = hints[0].What + ": " + ofBatch(environment, hints[0].Fix)
	}
}

// ofBatch names the jobs' roles where the service's are named.
func ofBatch(environment config.Environment, text string) string {
	n := environment.Names()
	return strings.NewReplacer(n.ExecutionRole(), n.BatchExecutionRole(), n.TaskRole(), n.BatchJobRole()).Replace(text)
}
