package lock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/prooflink/prooflink/.dagger/pause"
	"github.com/prooflink/prooflink/infra/names"
)

// api is what is used of SSM.
type api interface {
	GetParameter(context.Context, *ssm.GetParameterInput, ...func(*ssm.Options)) (*ssm.GetParameterOutput, error)
	PutParameter(context.Context, *ssm.PutParameterInput, ...func(*ssm.Options)) (*ssm.PutParameterOutput, error)
}

// attempts is how often the SDK tries a call: throttling and 5xx come in bursts,
// and a run shouldn't end for one. Eight take about a minute.
const attempts = 8

// parameter is the SSM parameter of an environment's lock.
type parameter struct {
	api api
	env string
	// name, e.g. "/prooflink/dev/deploy/lock".
	name string
}

// open names the parameter; it calls nothing.
func open(access aws.Config, n names.Names) parameter {
	client := ssm.NewFromConfig(access, func(o *ssm.Options) { o.RetryMaxAttempts = attempts })
	return parameter{client, n.Env, n.Parameter("deploy/lock")}
}

// entry is a version's value: JSON of less than 4096 bytes, what a standard
// parameter holds.
type entry struct {
	// Base is the version that the writer had read; the entry counts only as the
	// next one. A first version's base is 0.
	Base *int64 `json:"base"`
	Held bool   `json:"held"`
	Owner
	Token  string `json:"token"`
	Renews bool   `json:"renews"`
	Step   string `json:"step,omitempty"`
	// Since is empty in the version that took the lock.
	Since time.Time `json:"since,omitzero"`
	// Seconds after its writing until it can be taken.
	Seconds int    `json:"seconds"`
	FreedBy string `json:"freedBy,omitempty"`
}

// version is one of the parameter's.
type version struct {
	number        int64
	written, seen time.Time
	value         string
}

// read finds the newest version that counts.
func (p parameter) read(ctx context.Context) (State, error) {
	newest, err := p.get(ctx, p.name)
	var absent *types.ParameterNotFound
	if errors.As(err, &absent) {
		return State{}, nil
	}
	if err != nil {
		return State{}, fmt.Errorf("read the lock of %s: %w", p.env, err)
	}
	found, at, err := p.counting(ctx, newest)
	var unreadable *Unreadable
	if errors.As(err, &unreadable) {
		unreadable.newest = newest.number
	}
	if err != nil {
		return State{}, err
	}
	return found.state(at, newest), nil
}

// counting goes back from a version to the one that counts. Where none does, the
// lock was never taken.
func (p parameter) counting(ctx context.Context, at version) (entry, version, error) {
	for {
		found, err := decode(at.value)
		if err != nil {
			return entry{}, at, &Unreadable{Env: p.env, Parameter: p.name, Version: at.number, Err: err}
		}
		if *found.Base == at.number-1 {
			return found, at, nil
		}
		if at.number == 1 {
			return entry{}, at, nil
		}
		if at, err = p.earlier(ctx, at.number-1); err != nil {
			return entry{}, at, fmt.Errorf("read the lock of %s: %w", p.env, err)
		}
	}
}

// earlier reads a version that is known to be there; a reader that is told
// otherwise was faster than SSM's own copies, and asks again.
func (p parameter) earlier(ctx context.Context, number int64) (version, error) {
	for tries := 1; ; tries++ {
		at, err := p.get(ctx, p.name+":"+strconv.FormatInt(number, 10))
		var absent *types.ParameterVersionNotFound
		if !errors.As(err, &absent) || tries == 5 {
			return at, err
		}
		if err := pause.For(ctx, again); err != nil {
			return at, err
		}
	}
}

// get reads a version.
func (p parameter) get(ctx context.Context, name string) (version, error) {
	out, err := p.api.GetParameter(ctx, &ssm.GetParameterInput{Name: &name})
	if err != nil {
		return version{}, err
	}
	return version{out.Parameter.Version, aws.ToTime(out.Parameter.LastModifiedDate), clock(out.ResultMetadata), aws.ToString(out.Parameter.Value)}, nil
}

// put writes an entry as the version after base. It has won where it counts: an
// error may mean that it does or that it doesn't, as a lost answer would have told.
func (p parameter) put(ctx context.Context, e entry, base int64) (won bool, at time.Time, err error) {
	out, err := p.api.PutParameter(ctx, &ssm.PutParameterInput{
		Name: &p.name, Value: aws.String(e.encode(base)), Type: types.ParameterTypeString, Tier: types.ParameterTierStandard,
		Overwrite: aws.Bool(base > 0),
	})
	var exists *types.ParameterAlreadyExists
	var busy *types.TooManyUpdates
	switch {
	case errors.As(err, &exists), errors.As(err, &busy):
		return false, time.Time{}, nil
	case err != nil:
		return false, time.Time{}, fmt.Errorf("write the lock of %s: %w", p.env, err)
	}
	return out.Version == base+1, clock(out.ResultMetadata), nil
}

// clock is AWS's, from the response's Date: whole seconds, so that it is never
// ahead of what AWS notes as a version's time.
func clock(metadata middleware.Metadata) time.Time {
	if at, ok := awsmiddleware.GetServerTime(metadata); ok && !at.IsZero() {
		return at
	}
	return time.Now()
}

// state is what an entry means. Its newest version may be later than the one
// that counts.
func (e entry) state(at, newest version) State {
	s := State{
		Owner: e.Owner, Token: e.Token, Since: e.Since, Renewed: at.written, Renews: e.Renews, Step: e.Step, FreedBy: e.FreedBy,
		Version: newest.number, Now: newest.seen,
	}
	if e.Seconds > 0 {
		s.Expires = at.written.Add(time.Duration(e.Seconds) * time.Second)
	}
	if s.Since.IsZero() {
		s.Since = at.written
	}
	s.Held, s.Expired = e.Held && !s.Free(), e.Held && s.Free()
	return s
}

// longest is how many bytes of a text are kept: with every character escaped,
// the five texts of an entry still fit into the parameter.
const longest = 350

// encode writes an entry that is based on a version.
func (e entry) encode(base int64) string {
	e.Base = &base
	for _, text := range []*string{&e.Who, &e.Purpose, &e.Run, &e.Step, &e.FreedBy} {
		*text = clip(*text)
	}
	var value strings.Builder
	encoder := json.NewEncoder(&value)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(e) // texts, numbers and a time can't fail
	return strings.TrimSpace(value.String())
}

// clip makes a text one line of limited length, without the double braces that
// SSM takes for a reference (PutParameter, Value).
func clip(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	text = strings.ReplaceAll(text, "{{", "((")
	return strings.ToValidUTF8(text[:min(len(text), longest)], "")
}

// decode reads a version's value.
func decode(value string) (entry, error) {
	var e entry
	if err := json.Unmarshal([]byte(value), &e); err != nil {
		return entry{}, err
	}
	if e.Base == nil {
		return entry{}, errors.New(`it has no "base"`)
	}
	return e, nil
}
