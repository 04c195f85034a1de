// Package record keeps what is deployed in an environment, and what was before:
// an SSM parameter, e.g. "/prooflink/dev/deploy/record", whose versions are the
// history. SSM keeps the newest 100 (ParameterMaxVersionLimitExceeded).
//
// Only who has the environment's lock writes it.
package record

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/prooflink/prooflink/infra/names"
)

// The kinds of a record.
const (
	// Deploy is of the whole environment, by CloudFormation.
	Deploy = "deploy"
	// Release is of images only.
	Release = "release"
	// Rollback is of images that were deployed before.
	Rollback = "rollback"
)

// Record is what is deployed.
type Record struct {
	// Kind is Deploy, Release or Rollback.
	Kind string `json:"kind"`
	// Images are digests like "sha256:…" by the image's name: "app", "batch", "fluent-bit".
	Images map[string]string `json:"images"`
	// Tags are the images' tags, the hashes of their inputs, by the same names.
	Tags map[string]string `json:"tags,omitempty"`
	// Commit is the full hash of the commit that was deployed.
	Commit string `json:"commit,omitempty"`
	// Who deployed it, and Run is the URL of the run's page, or empty.
	Who string `json:"who"`
	Run string `json:"run,omitempty"`
	// At is when it was deployed.
	At time.Time `json:"at"`
	// TaskDefinition is the ARN of the service's.
	TaskDefinition string `json:"taskDefinition,omitempty"`
	// JobDefinitions are the ARNs of the batch jobs'.
	JobDefinitions []string `json:"jobDefinitions,omitempty"`
	// Migrated is the digest of the batch image whose migrations have run.
	Migrated string `json:"migrated,omitempty"`
}

// Entry is a record in the history.
type Entry struct {
	// Version is the parameter's.
	Version int64 `json:"version"`
	Record
	// Note says which versions before this one can't be read, and are left out.
	Note string `json:"note,omitempty"`
}

// Unreadable says that the parameter has something in it that isn't a record.
type Unreadable struct {
	// Env is the environment.
	Env string
	// Parameter is its name and Version the one that can't be read.
	Parameter string
	Version   int64
	// Err is what is wrong with it.
	Err error
}

func (e *Unreadable) Error() string {
	return fmt.Sprintf("read what is deployed in %s: version %d of the parameter %s is not a record: %v; write an earlier version's value back to it, "+
		"or delete it, and the next deploy writes it anew", e.Env, e.Version, e.Parameter, e.Err)
}

// Unwrap is what is wrong with the value.
func (e *Unreadable) Unwrap() error { return e.Err }

// parameter is the SSM parameter of an environment's record.
type parameter struct {
	api *ssm.Client
	env string
	// name, e.g. "/prooflink/dev/deploy/record".
	name string
}

// open names the parameter; it calls nothing.
func open(access aws.Config, n names.Names) parameter {
	return parameter{ssm.NewFromConfig(access), n.Env, n.Parameter("deploy/record")}
}

// Last is what is deployed now; false where nothing was ever. An *Unreadable error
// says that the parameter has something else in it.
func Last(ctx context.Context, access aws.Config, n names.Names) (Record, bool, error) {
	last, err := open(access, n).last(ctx)
	return last.Record, err == nil && last.Version > 0, err
}

// last is the newest version; version 0 where there is none. One that can't be
// read has its version nevertheless.
func (p parameter) last(ctx context.Context) (Entry, error) {
	out, err := p.api.GetParameter(ctx, &ssm.GetParameterInput{Name: &p.name})
	if absent(err) {
		return Entry{}, nil
	}
	if err != nil {
		return Entry{}, fmt.Errorf("read what is deployed in %s: %w", p.env, err)
	}
	return p.entry(out.Parameter.Version, aws.ToString(out.Parameter.Value))
}

// entry reads a version.
func (p parameter) entry(version int64, value string) (Entry, error) {
	found, err := decode(value)
	if err != nil {
		return Entry{Version: version}, &Unreadable{p.env, p.name, version, err}
	}
	return Entry{Version: version, Record: found}, nil
}

// History is all that was deployed, the newest first, which is what is deployed
// now. Older versions that can't be read are left out, with a note in the next
// one; where the newest can't be, the error is an *Unreadable.
func History(ctx context.Context, access aws.Config, n names.Names) ([]Entry, error) {
	p := open(access, n)
	versions, err := p.versions(ctx)
	if err != nil {
		return nil, err
	}
	var history []Entry
	for _, version := range versions {
		entry, err := p.entry(version.Version, aws.ToString(version.Value))
		switch {
		case err == nil:
			history = append(history, entry)
		case len(history) == 0:
			return nil, err
		default:
			history[len(history)-1].leave(entry.Version)
		}
	}
	return history, nil
}

// leave notes that a version before the entry can't be read.
func (e *Entry) leave(version int64) {
	note := fmt.Sprintf("version %d can't be read", version)
	if e.Note != "" {
		note = e.Note + ", " + note
	}
	e.Note = note
}

// versions reads the parameter's history, the newest first. SSM gives it the
// oldest first, 50 at a time (GetParameterHistory).
func (p parameter) versions(ctx context.Context) ([]types.ParameterHistory, error) {
	var all []types.ParameterHistory
	pages := ssm.NewGetParameterHistoryPaginator(p.api, &ssm.GetParameterHistoryInput{Name: &p.name, MaxResults: aws.Int32(50)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if absent(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the history of what was deployed in %s: %w", p.env, err)
		}
		all = append(all, page.Parameters...)
	}
	slices.SortFunc(all, func(a, b types.ParameterHistory) int { return cmp.Compare(b.Version, a.Version) })
	return all, nil
}

// absent says whether SSM answers that there is no such parameter.
func absent(err error) bool {
	var answer *types.ParameterNotFound
	return errors.As(err, &answer)
}

// Write records what is deployed, and returns the version that says so. Nothing is
// written where the last record differs in nothing but when, by whom and in which
// run. A last version that can't be read is replaced.
func Write(ctx context.Context, access aws.Config, n names.Names, record Record) (version int64, err error) {
	p := open(access, n)
	last, err := p.last(ctx)
	var unreadable *Unreadable
	if err != nil && !errors.As(err, &unreadable) {
		return 0, err
	}
	if err == nil && last.Version > 0 && last.says(record) {
		return last.Version, nil
	}
	value, err := encode(record)
	if err != nil {
		return 0, fmt.Errorf("record what is deployed in %s: %w", p.env, err)
	}
	out, err := p.api.PutParameter(ctx, &ssm.PutParameterInput{
		Name: &p.name, Value: &value, Type: types.ParameterTypeString, Tier: types.ParameterTierStandard, Overwrite: aws.Bool(last.Version > 0),
	})
	if err != nil {
		return 0, fmt.Errorf("record what is deployed in %s: %w", p.env, err)
	}
	return out.Version, nil
}

// says whether two records are of the same deployed things.
func (r Record) says(other Record) bool {
	for _, one := range []*Record{&r, &other} {
		one.At, one.Who, one.Run = time.Time{}, "", ""
		one.JobDefinitions = slices.Sorted(slices.Values(one.JobDefinitions))
	}
	a, errA := encode(r)
	b, errB := encode(other)
	return errA == nil && errB == nil && a == b
}

// most is how many bytes a standard parameter holds (PutParameter, Value).
const most = 4096

// encode writes a record's value. In a JSON object two opening braces are next to
// each other only inside of a text, where SSM would take them for a reference.
func encode(r Record) (string, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	value := strings.ReplaceAll(string(data), "{{", `{\u007b`)
	if len(value) > most {
		return "", fmt.Errorf("the record has %d bytes, an SSM parameter holds %d", len(value), most)
	}
	return value, nil
}

// decode reads a version's value.
func decode(value string) (Record, error) {
	var r Record
	if err := json.Unmarshal([]byte(value), &r); err != nil {
		return Record{}, err
	}
	if len(r.Images) == 0 {
		return Record{}, errors.New(`it has no "images"`)
	}
	return r, nil
}
