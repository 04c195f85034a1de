package batchjob

import (
	"bytes"
	"encoding/json"
	"time"
)

// version is the form of the JSON; it changes when a key goes or means something
// else.
const version = 1

// form is an outcome's JSON. Every key is always there: null is what isn't
// known; durations are in seconds, times RFC 3339.
type form struct {
	Version       int           `json:"version"`
	Env           string        `json:"env"`
	JobID         string        `json:"jobId"`
	JobName       string        `json:"jobName"`
	Job           string        `json:"job"`
	Status        string        `json:"status"`
	StatusReason  string        `json:"statusReason"`
	Definition    string        `json:"definition"`
	Image         string        `json:"image"`
	DryRun        bool          `json:"dryRun"`
	Executor      string        `json:"executor"`
	InputKey      string        `json:"inputKey"`
	ExitCode      *int32        `json:"exitCode"`
	Meaning       string        `json:"meaning"`
	Cause         string        `json:"cause"`
	Fix           string        `json:"fix"`
	FirstError    string        `json:"firstError"`
	Attempts      []attemptForm `json:"attempts"`
	MostAttempts  int           `json:"mostAttempts"`
	CreatedAt     *time.Time    `json:"createdAt"`
	StartedAt     *time.Time    `json:"startedAt"`
	StoppedAt     *time.Time    `json:"stoppedAt"`
	QueuedSeconds float64       `json:"queuedSeconds"`
	RanSeconds    float64       `json:"ranSeconds"`
	TotalSeconds  float64       `json:"totalSeconds"`
	LogGroup      string        `json:"logGroup"`
	LogStream     string        `json:"logStream"`
	Bucket        string        `json:"bucket"`
	ResultKey     string        `json:"resultKey"`
	RejectedKey   string        `json:"rejectedKey"`
	Result        *Result       `json:"result"`
	Notes         []string      `json:"notes"`
	Console       string        `json:"console"`
	Next          []string      `json:"next"`
}

// attemptForm is an attempt's JSON.
type attemptForm struct {
	Number       int        `json:"number"`
	StartedAt    *time.Time `json:"startedAt"`
	StoppedAt    *time.Time `json:"stoppedAt"`
	RanSeconds   float64    `json:"ranSeconds"`
	ExitCode     *int32     `json:"exitCode"`
	StatusReason string     `json:"statusReason"`
	Reason       string     `json:"reason"`
	LogStream    string     `json:"logStream"`
}

// JSON is the job for a program.
func (o Outcome) JSON() string { return indented(o.form()) }

// MarshalJSON is what JSON has.
func (o Outcome) MarshalJSON() ([]byte, error) { return json.Marshal(o.form()) }

// form is what the JSON has.
func (o Outcome) form() form {
	return form{
		Version: version, Env: o.Env, JobID: o.JobID, JobName: o.JobName, Job: o.Job, Status: o.Status, StatusReason: plain(o.StatusReason),
		Definition: o.Definition, Image: o.Image, DryRun: o.DryRun, Executor: o.Executor, InputKey: o.InputKey, ExitCode: o.ExitCode,
		Meaning: o.Meaning, Cause: o.Cause, Fix: o.Fix, FirstError: o.FirstError, Attempts: attemptForms(o.Attempts), MostAttempts: o.MostAttempts,
		CreatedAt: known(o.Created), StartedAt: known(o.Started), StoppedAt: known(o.Stopped),
		QueuedSeconds: o.queued().Seconds(), RanSeconds: o.ran().Seconds(), TotalSeconds: o.took().Seconds(),
		LogGroup: o.LogGroup, LogStream: o.LogStream, Bucket: o.Bucket, ResultKey: o.ResultKey, RejectedKey: o.rejectedKey(), Result: o.Result,
		Notes: append([]string{}, o.Notes...), Console: o.Console, Next: o.next(),
	}
}

// attemptForms are the attempts' JSON.
func attemptForms(attempts []Attempt) []attemptForm {
	forms := []attemptForm{}
	for _, a := range attempts {
		forms = append(forms, attemptForm{a.Number, known(a.Started), known(a.Stopped), a.ran().Seconds(), a.ExitCode, plain(a.StatusReason), plain(a.Reason), a.LogStream})
	}
	return forms
}

// known is a time; nil where it isn't known.
func known(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}

// indented is a value as JSON that people can read, too.
func indented(value any) string {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(value) // plain data always has a JSON form
	return text.String()
}
