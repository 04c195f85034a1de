// Package awsfake is an AWS for tests: an HTTP server made of typed handlers
// that the real SDK's clients, of Go and of JavaScript, talk to. A request that
// the real API would not understand (an unknown operation or member, a value
// of another type or outside its enum, a required member left out) is answered
// by an error and remembered, see [Server.Nonsense].
package awsfake

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
)

// Server answers the operations it was given with [On]. It is an
// [net/http.Handler], and [Server.Config] reaches it without a network.
type Server struct {
	turn chan struct{} // held by the one handler that runs

	mu       sync.Mutex
	handlers map[string]operation // by "ssm:PutParameter"
	calls    []Call
	nonsense []string
	faults   []*fault
	latency  time.Duration
	left     int // calls until the caller counts as killed; negative: never
}

// Call is one request that arrived, whatever was answered.
type Call struct {
	Service   string // as the SDK's package is called: "cloudwatchlogs"
	Operation string // "DescribeLogGroups"; "" where the request named none
	Mutating  bool   // whether it may change something, by the operation's verb
	At        time.Time
	Error     string // "ParameterNotFound: …"; "" where it succeeded
}

// operation is a handler and the types it is for.
type operation struct {
	in     reflect.Type // the input's struct type
	handle func(in any) (out any, err error)
}

// fault is what Fail asked for.
type fault struct {
	match string
	times int
	err   error
}

// New returns a server without operations. An unknown operation is answered by
// an UnknownOperationException and is remembered as nonsense.
func New() *Server {
	return &Server{turn: make(chan struct{}, 1), handlers: map[string]operation{}, left: -1}
}

// On makes an operation answer. In and Out are the SDK's own types, and the
// operation's name is In's without "Input"; a second handler of the same
// operation takes the first one's place. Handlers run one at a time, so that
// they may share state; they may call the server's other methods. A handler's
// error is answered as [Error] says, or as the SDK's own typed error
// (&types.ParameterNotFound{…}); any other error is an InternalFailure, 500.
// Every operation of the services in go.mod can be answered but event streams
// and those that require a union, and of S3 those with a route in model.txt.
func On[In, Out any](s *Server, service string, handle func(*In) (*Out, error)) {
	in := reflect.TypeFor[In]()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers[service+":"+strings.TrimSuffix(in.Name(), "Input")] = operation{
		in: in,
		handle: func(in any) (any, error) {
			out, err := handle(in.(*In))
			if err == nil && out == nil {
				out = new(Out)
			}
			return out, err
		},
	}
}

// Calls returns the calls so far in the order in which they were answered.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Nonsense returns one line for every request that the real API would not have
// understood, "ssm:PutParameter: Label: unknown member"; a test asserts that
// there is none.
func (s *Server) Nonsense() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.nonsense)
}

// Fail makes the next `times` calls that match ("ecs:DescribeServices",
// "ecs:*", "*") answer err, in place of their handlers. Faults are used up in
// the order in which they were asked for. With [ErrLost] the handler does run
// and its answer gets lost on the way.
func (s *Server) Fail(match string, times int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &fault{match, times, err})
}

// KillAfter lets n more calls arrive; from then on every connection is
// refused, as if the caller had been killed. Refused calls are not in
// [Server.Calls]. A negative n takes it back: the caller was started again.
func (s *Server) KillAfter(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = n
}

// Latency makes every call from now on take d.
func (s *Server) Latency(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = d
}

// killed says whether connections are refused.
func (s *Server) killed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left == 0
}

// arrive counts a call against KillAfter; false refuses it.
func (s *Server) arrive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left > 0 {
		s.left--
		return true
	}
	return s.left < 0
}

// wait takes the server's latency and then waits for the caller's turn.
func (s *Server) wait(ctx context.Context) bool {
	s.mu.Lock()
	latency := time.NewTimer(s.latency)
	s.mu.Unlock()
	defer latency.Stop()
	select {
	case <-latency.C:
	case <-ctx.Done():
		return false
	}
	select {
	case s.turn <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// fault returns the error that Fail asked for, nil where there is none.
func (s *Server) fault(service, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.times > 0 && slices.Contains([]string{"*", service + ":*", service + ":" + name}, f.match) {
			f.times--
			return f.err
		}
	}
	return nil
}

// record remembers a call and how it ended.
func (s *Server) record(service, name string, err error) {
	call := Call{Service: service, Operation: name, Mutating: mutates(service, name), At: time.Now()}
	if err != nil {
		call.Error = err.Error()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
}

// refuse remembers a request that makes no sense and returns its answer.
func (s *Server) refuse(service, name, code, problem string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nonsense = append(s.nonsense, fmt.Sprintf("%s:%s: %s", service, name, problem))
	return Error(code, problem)
}

// lookup finds an operation's handler.
func (s *Server) lookup(service, name string) (operation, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	op, ok := s.handlers[service+":"+name]
	return op, ok
}

// reading are the verbs of operations that change nothing.
var reading = []string{
	"Describe", "Get", "List", "BatchGet", "BatchCheck", "Filter", "Head", "Lookup", "Estimate",
	"Detect", "Validate", "Simulate", "Search", "Select", "Test", "Preview",
}

// mutates says whether an operation may change something.
func mutates(service, name string) bool {
	return service != "sts" && !slices.ContainsFunc(reading, func(verb string) bool { return strings.HasPrefix(name, verb) })
}
