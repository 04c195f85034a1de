// Package ssmfake is Parameter Store as the lock and the record use it, over
// package awsfake: parameters with versions, of which the newest 100 are kept.
package ssmfake

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
)

// Limits of Parameter Store: a standard parameter's value in bytes (PutParameter),
// versions kept (ParameterMaxVersionLimitExceeded), versions of a page
// (GetParameterHistory).
const (
	most  = 4096
	kept  = 100
	paged = 50
)

// Store is an account's parameters. Several servers can answer from one.
type Store struct {
	mu         sync.Mutex
	parameters map[string]*parameter
}

type parameter struct {
	kind     types.ParameterType
	versions []types.ParameterHistory
}

// New returns a store without parameters.
func New() *Store { return &Store{parameters: map[string]*parameter{}} }

// Serve lets a server answer from the store, with a clock that is ahead of time.Now.
func (s *Store) Serve(server *awsfake.Server, ahead time.Duration) {
	on(s, server, s.put)
	on(s, server, func(in *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) { return s.get(in, ahead) })
	on(s, server, func(in *ssm.GetParameterHistoryInput) (*ssm.GetParameterHistoryOutput, error) {
		return s.history(in, ahead)
	})
}

// on makes an operation answer, one at a time.
func on[In, Out any](s *Store, server *awsfake.Server, handle func(*In) (*Out, error)) {
	awsfake.On(server, "ssm", func(in *In) (*Out, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return handle(in)
	})
}

// reference is what SSM doesn't take in a value (PutParameter, Value).
var reference = regexp.MustCompile(`\{\{.*\}\}`)

func (s *Store) put(in *ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
	name, value := aws.ToString(in.Name), aws.ToString(in.Value)
	at := s.parameters[name]
	switch {
	case value == "" || len(value) > most || reference.MatchString(value):
		return nil, awsfake.Error("ValidationException", "the value is refused: "+value)
	case at == nil && in.Type == "":
		return nil, awsfake.Error("ValidationException", "a parameter type is required when you create a parameter")
	case at == nil:
		at = &parameter{kind: in.Type}
		s.parameters[name] = at
	case !aws.ToBool(in.Overwrite):
		return nil, awsfake.Error("ParameterAlreadyExists", "the parameter already exists; set the overwrite option to update it")
	}
	return &ssm.PutParameterOutput{Version: s.write(name, value), Tier: types.ParameterTierStandard}, nil
}

// Write writes a version by hand, whatever its value.
func (s *Store) Write(name, value string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write(name, value)
}

// Delete deletes a parameter with all its versions.
func (s *Store) Delete(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.parameters, name)
}

func (s *Store) write(name, value string) int64 {
	at := s.parameters[name]
	if at == nil {
		at = &parameter{kind: types.ParameterTypeString}
		s.parameters[name] = at
	}
	next := types.ParameterHistory{Name: &name, Value: &value, Version: 1, Type: at.kind, LastModifiedDate: aws.Time(time.Now())}
	if count := len(at.versions); count > 0 {
		next.Version = at.versions[count-1].Version + 1
	}
	at.versions = append(at.versions, next)
	at.versions = at.versions[max(0, len(at.versions)-kept):]
	return next.Version
}

// Versions are the versions of a parameter that are kept, the oldest first.
func (s *Store) Versions(name string) []types.ParameterHistory {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.of(name))
}

func (s *Store) of(name string) []types.ParameterHistory {
	if at := s.parameters[name]; at != nil {
		return at.versions
	}
	return nil
}

func (s *Store) get(in *ssm.GetParameterInput, ahead time.Duration) (*ssm.GetParameterOutput, error) {
	name, selector, selected := strings.Cut(aws.ToString(in.Name), ":")
	versions := s.of(name)
	if len(versions) == 0 {
		return nil, awsfake.Error("ParameterNotFound", "")
	}
	at := len(versions) - 1
	if selected {
		at = slices.IndexFunc(versions, func(v types.ParameterHistory) bool { return strconv.FormatInt(v.Version, 10) == selector })
	}
	if at < 0 {
		return nil, awsfake.Error("ParameterVersionNotFound", "Systems Manager could not find version "+selector+" of "+name)
	}
	found := versions[at]
	return &ssm.GetParameterOutput{Parameter: &types.Parameter{
		Name: found.Name, Type: found.Type, Value: found.Value, Version: found.Version, LastModifiedDate: aws.Time(found.LastModifiedDate.Add(ahead)),
	}}, nil
}

func (s *Store) history(in *ssm.GetParameterHistoryInput, ahead time.Duration) (*ssm.GetParameterHistoryOutput, error) {
	versions := s.of(aws.ToString(in.Name))
	if len(versions) == 0 {
		return nil, awsfake.Error("ParameterNotFound", "")
	}
	size := int(aws.ToInt32(in.MaxResults))
	if in.MaxResults == nil {
		size = paged
	}
	if size < 1 || size > paged {
		return nil, awsfake.Error("ValidationException", "MaxResults is from 1 to 50")
	}
	from, _ := strconv.Atoi(aws.ToString(in.NextToken))
	to := min(from+size, len(versions))
	out := &ssm.GetParameterHistoryOutput{}
	for _, version := range versions[from:to] {
		version.LastModifiedDate = aws.Time(version.LastModifiedDate.Add(ahead))
		out.Parameters = append(out.Parameters, version)
	}
	if to < len(versions) {
		out.NextToken = aws.String(strconv.Itoa(to))
	}
	return out, nil
}
