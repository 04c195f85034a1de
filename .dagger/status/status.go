// Package status tells how an environment is: what is deployed, what runs, and
// where the two differ.
package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/prooflink/prooflink/.dagger/lock"
	"github.com/prooflink/prooflink/.dagger/record"
	"github.com/prooflink/prooflink/infra/config"
)

// Status is an environment. Times are UTC.
type Status struct {
	// Env is the environment's name, Region where it is.
	Env    string `json:"env"`
	Region string `json:"region"`
	// At is when this was read.
	At time.Time `json:"at"`
	// Verdict is all of it in one line.
	Verdict string `json:"verdict"`
	// Problems need somebody; Notes explain what looks unusual.
	Problems []string `json:"problems"`
	Notes    []string `json:"notes"`
	// URL is where users go.
	URL string `json:"url,omitempty"`
	// Stacks are the environment's, in the order in which they depend on each other.
	Stacks []Stack `json:"stacks"`
	// Template is the task definition's ARN in the Compute stack.
	Template string `json:"template,omitempty"`
	// Service is nil where there is none.
	Service *Service `json:"service,omitempty"`
	// Tasks are the service's, the newest first.
	Tasks []Task `json:"tasks"`
	// Targets are the load balancer's.
	Targets []Target `json:"targets"`
	// Last is what was deployed last; nil where nothing is on record.
	Last *record.Record `json:"last,omitempty"`
	// Alarms are those that fire.
	Alarms []Alarm `json:"alarms"`
	// Lock is who works on the environment.
	Lock *lock.State `json:"lock,omitempty"`
	// Database is nil where it could not be read.
	Database *Database `json:"database,omitempty"`
	// Unread are the parts that could not be read.
	Unread []Unread `json:"unread"`

	// blind says that nothing could be read.
	blind bool
}

// Unread is a part that could not be read.
type Unread struct {
	// Part is e.g. "alarms".
	Part string `json:"part"`
	// Why is the error.
	Why string `json:"why"`
}

// Healthy says whether nothing is wrong and everything could be read.
func (s Status) Healthy() bool { return len(s.Problems) == 0 && len(s.Unread) == 0 }

// JSON is everything, for machines.
func (s Status) JSON() (string, error) {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return "", fmt.Errorf("write the status of %s: %w", s.Env, err)
	}
	return string(data) + "\n", nil
}

// attempts is how often a call is repeated that AWS throttles.
const attempts = 8

// Read reads an environment. What can't be read is told in Unread and hides
// nothing else.
func Read(ctx context.Context, access aws.Config, environment config.Environment) Status {
	access.RetryMaxAttempts = attempts
	r := &reader{access: access, env: environment, names: environment.Names()}
	r.status = Status{
		Env: environment.Env, Region: environment.Region, At: time.Now().UTC().Truncate(time.Second),
		Problems: []string{}, Notes: []string{}, Stacks: []Stack{}, Tasks: []Task{}, Targets: []Target{}, Alarms: []Alarm{}, Unread: []Unread{},
	}
	r.all(ctx)
	r.status.attribute(r.history)
	r.status.judge(environment)
	return r.status
}

// part is something that is read on its own.
type part struct {
	name string
	read func(context.Context) error
}

// parts are all of them; each fills its own fields.
func (r *reader) parts() []part {
	return []part{
		{"stacks", r.stacks}, {"service", r.service}, {"tasks", r.tasks}, {"targets", r.targets}, {"last deploy", r.record},
		{"lock", r.lock}, {"alarms", r.alarms}, {"database", r.database},
	}
}

// all reads all parts at the same time.
func (r *reader) all(ctx context.Context) {
	parts := r.parts()
	failures := make([]error, len(parts))
	var running sync.WaitGroup
	for i, part := range parts {
		running.Go(func() { failures[i] = part.read(ctx) })
	}
	running.Wait()
	for i, err := range failures {
		if err != nil {
			r.status.Unread = append(r.status.Unread, Unread{parts[i].name, brief(err)})
		}
	}
	r.status.blind = len(r.status.Unread) == len(parts)
}

// brief is an error without what only the SDK's authors want to know: what was
// tried, and AWS's code and message.
func brief(err error) string {
	var answer smithy.APIError
	tried, _, ok := strings.Cut(err.Error(), ": operation error ")
	if !ok || !errors.As(err, &answer) {
		return err.Error()
	}
	return fmt.Sprintf("%s: %s: %s", tried, answer.ErrorCode(), answer.ErrorMessage())
}
