// Package lock lets one run at a time change an environment. The lock is an SSM
// parameter, e.g. "/prooflink/dev/deploy/lock", and every version of the
// parameter is a step in the lock's history.
//
// SSM has no compare-and-swap, but it counts a parameter's versions: each write
// gets a number of its own (PutParameter: "assigns this new version a unique
// ID"). So each write says on which version it is based, and counts only where
// its own number is the next one. Two that write at once both read version 7 and
// say so: the one that becomes version 8 counts, and version 9 doesn't, since
// nobody who wrote 9 knew of 8. Whoever wrote it sees that from the number SSM
// returns, and whoever reads it from the value, and looks at version 8 instead.
// A write that is overtaken, repeated by the SDK after a lost answer, or arrives
// minutes late is void wherever it lands: there is nothing to put back, and
// nothing is lost where the writer dies right after it.
//
// The parameter is never deleted: SSM asks for 30 seconds between deleting and
// creating one of the same name (DeleteParameter). A free lock is a version that
// says so.
package lock

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/prooflink/prooflink/infra/names"
)

// A run renews its lock four times in the time in which it expires, so that a
// burst of throttling or a lost connection costs nothing. Whoever comes after a
// killed run waits two minutes at most, which is little beside a deploy. A holder
// that can't renew gives up before anybody may take the lock, early enough for
// the calls it has under way to end.
const (
	every   = 30 * time.Second
	lease   = 2 * time.Minute
	margin  = 20 * time.Second
	overdue = every + every/2
)

// How often a lock that isn't free is looked at, a refused write is tried again,
// and a holder compares its last renewal with the clock.
const (
	poll  = 5 * time.Second
	again = time.Second
	tick  = time.Second
)

// Owner is who has the lock and what for.
type Owner struct {
	// Who is a person or a pipeline, e.g. "mika" or "GitHub Actions (prooflink/prooflink)".
	Who string `json:"who"`
	// Purpose is what it is held for, e.g. "deploy" or "maintenance".
	Purpose string `json:"purpose"`
	// Run is the URL of the run's page, or empty.
	Run string `json:"run,omitempty"`
}

// State is a lock as it was read. All times are AWS's, so that machines with
// wrong clocks agree on them.
type State struct {
	// Held says that somebody has it: neither released nor expired.
	Held bool `json:"held"`
	// Expired says that somebody had it, and neither released nor renewed it.
	Expired bool `json:"expired"`
	// Owner has it, or had it last.
	Owner
	// Token tells one holder from another with the same words.
	Token string `json:"token"`
	// Since is when it was taken, Renewed when that was last confirmed.
	Since   time.Time `json:"since"`
	Renewed time.Time `json:"renewed"`
	// Expires is when somebody else may take it. One that was freed by force can
	// be taken only from then on too: until then its run may not have noticed. It
	// is zero for one that was released.
	Expires time.Time `json:"expires"`
	// Renews says that a run has it, and not a person.
	Renews bool `json:"renews"`
	// Step is what the run is doing, e.g. "deploy ComputeStack-dev".
	Step string `json:"step,omitempty"`
	// FreedBy is who freed it in the owner's place.
	FreedBy string `json:"freedBy,omitempty"`
	// Version is the parameter's newest, on which the next write is based; 0 where
	// there is no parameter.
	Version int64 `json:"version"`
	// Now is AWS's clock when it was read.
	Now time.Time `json:"now"`
}

// Free says whether it can be taken.
func (s State) Free() bool { return !s.Now.Before(s.Expires) }

// Overdue says whether its run has missed a renewal.
func (s State) Overdue() bool { return s.Held && s.Renews && s.Now.Sub(s.Renewed) >= overdue }

// Read reads an environment's lock. One that was never taken is free. An
// *Unreadable error says that the parameter has something else in it.
func Read(ctx context.Context, access aws.Config, n names.Names) (State, error) {
	return open(access, n).read(ctx)
}
