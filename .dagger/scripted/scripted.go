// Package scripted is an AWS account with one environment in it, or none, that
// behaves as a scenario says, for the real SDK's clients: stacks are created,
// updated and rolled back, tasks pull, start, crash and drain, deployments
// succeed, are rolled back or overtaken, logs arrive late.
//
// What takes time happens on whatever clock `time.Now` has, so in a bubble of
// testing/synctest an hour passes in milliseconds. There are no goroutines and no
// timers: what is due happens when something is asked next, at the time at which
// it was due. Answers, statuses and messages are AWS's own as far as a public
// source has them; a text that none has is left out.
//
// Scenarios are YAML files; type Scenario has their keys.
package scripted

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// Account is the scripted account's id.
const Account = "123456789012"

// World is the scripted account.
type World struct {
	server      *awsfake.Server
	scenario    Scenario
	environment config.Environment
	names       names.Names
	region      string

	// mu guards everything below; handlers hold it.
	mu sync.Mutex
	// now is the world's clock.
	now func() time.Time
	// clock is the time of what is happening.
	clock time.Time
	// making is set while the world is being made: everything happens at once.
	making bool
	// start is when the world began.
	start  time.Time
	queue  queue
	made   map[string]int
	faults []*fault

	parameters   map[string]*parameter
	secrets      map[string]*secret
	repositories map[string]*repository
	buckets      map[string]map[string]stored
	ecs          container
	logs         map[string]*logGroup
	stacks       []*stack
	batch        batchState
	databases    map[string]*database
	alarms       map[string]*alarm
	identity     identity
}

// New makes the world of a scenario; it begins now.
func New(scenario Scenario) *World { return newWorld(scenario, time.Now) }

// NewFast makes a world whose clock runs that many times faster than the real
// one: a service that people and command lines talk to.
func NewFast(scenario Scenario, speed float64) *World {
	begun := time.Now()
	return newWorld(scenario, func() time.Time {
		return begun.Add(time.Duration(float64(time.Since(begun)) * speed))
	})
}

// newWorld makes a world with a clock.
func newWorld(scenario Scenario, now func() time.Time) *World {
	environment := scenario.environment()
	w := &World{
		server: awsfake.New(), scenario: scenario, environment: environment, names: environment.Names(), region: environment.Region,
		now: now, start: now(), clock: now(), made: map[string]int{},
		parameters: map[string]*parameter{}, secrets: map[string]*secret{}, repositories: map[string]*repository{},
		buckets: map[string]map[string]stored{}, logs: map[string]*logGroup{}, databases: map[string]*database{}, alarms: map[string]*alarm{},
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ecs = newContainer()
	w.batch = newBatch()
	for _, register := range services() {
		register(w)
	}
	w.begin()
	return w
}

// services register the services' operations.
func services() []func(*World) {
	return []func(*World){
		(*World).serveSSM, (*World).serveSTS, (*World).serveECR, (*World).serveDefinitions, (*World).serveServices,
		(*World).serveDeployments, (*World).serveTasks, (*World).serveLogs, (*World).serveBalancing, (*World).serveStacks,
		(*World).serveChangeSets, (*World).serveSecrets, (*World).serveBatch, (*World).serveDatabases, (*World).serveAlarms,
		(*World).serveTags, (*World).serveStorage, (*World).serveHealthy,
	}
}

// Config reaches the world through an in-memory connection.
func (w *World) Config() aws.Config { return w.server.Config() }

// Server is the same world for real sockets.
func (w *World) Server() *awsfake.Server { return w.server }

// Calls lists the calls so far, failed ones too.
func (w *World) Calls() []awsfake.Call { return w.server.Calls() }

// Fail makes the next calls that match fail: "ecs:DescribeServices", "ecs:*", "*".
func (w *World) Fail(match string, times int, err error) { w.server.Fail(match, times, err) }

// KillAfter refuses every connection after that many calls.
func (w *World) KillAfter(n int) { w.server.KillAfter(n) }

// on makes an operation answer, after what was due has happened.
func on[In, Out any](w *World, service string, handle func(*In) (*Out, error)) {
	operation := strings.TrimSuffix(reflect.TypeFor[In]().Name(), "Input")
	awsfake.On(w.server, service, func(in *In) (*Out, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.advance()
		if err := w.refusal(service, operation); err != nil {
			return nil, err
		}
		out, err := handle(in)
		return copied(out), err
	})
}

// look reads the world's state after what was due has happened.
func (w *World) look(read func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	read()
}

// Digest is an image's digest made of a name: "sha256:…".
func Digest(name string) string { return "sha256:" + hash(name) }

// hash is a text's SHA-256 in hexadecimal.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// unique is a text that no other thing of this kind has, and the same one in
// every run.
func (w *World) unique(kind string) string {
	w.made[kind]++
	return hash(fmt.Sprintf("%s %d", kind, w.made[kind]))
}

// id is a short one, in hexadecimal.
func (w *World) id(kind string, length int) string { return w.unique(kind)[:length] }

// number is an id of decimal digits, as deployments and revisions have.
func (w *World) number(kind string) string {
	value, _ := new(big.Int).SetString(w.unique(kind)[:15], 16)
	return "4" + fmt.Sprintf("%018d", value.Mod(value, big.NewInt(1_000_000_000_000_000_000)))
}

// uuid is an id in the form of a UUID.
func (w *World) uuid(kind string) string {
	text := w.unique(kind)
	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:32]}, "-")
}

// arn names a resource of the account and region.
func (w *World) arn(service, resource string) string {
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, w.region, Account, resource)
}

// last is the part of an ARN or path behind the last slash.
func last(text string) string { return text[strings.LastIndex(text, "/")+1:] }

// page cuts one page out of a list; the token says where the next begins.
// A scenario's page size is smaller than AWS's, so that paging happens.
func page[T any](w *World, all []T, token *string, most int) ([]T, *string, error) {
	if w.scenario.Page > 0 {
		most = min(most, w.scenario.Page)
	}
	from := 0
	if text := aws.ToString(token); text != "" {
		if _, err := fmt.Sscanf(text, "page-%d", &from); err != nil || from > len(all) {
			return nil, nil, awsfake.Error("InvalidParameterException", "The specified token is not valid.")
		}
	}
	to := min(from+most, len(all))
	if to == len(all) {
		return all[from:to], nil, nil
	}
	return all[from:to], aws.String(fmt.Sprintf("page-%d", to)), nil
}

// limit is how many the caller wants on a page, at most the service's maximum.
func limit(wanted *int32, most int) int {
	if n := int(aws.ToInt32(wanted)); n > 0 {
		return min(n, most)
	}
	return most
}
