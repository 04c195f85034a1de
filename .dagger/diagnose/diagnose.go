// Package diagnose says why a Batch job isn't started: it looks at everything
// that can keep one in SUBMITTED, PENDING, RUNNABLE or STARTING, of which Batch
// itself tells little or nothing (AWS Batch User Guide, "Jobs stuck in a RUNNABLE
// status"). It only reads.
package diagnose

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	batchtypes "github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/prooflink/prooflink/.dagger/jobqueue"
	"github.com/prooflink/prooflink/.dagger/verify"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// Cause is something that keeps a job from being started, or from doing its work
// once it is.
type Cause struct {
	// What is the case, e.g. "the job queue is DISABLED".
	What string `json:"what"`
	// Where it is: a name, an id or an ARN in AWS.
	Where string `json:"where,omitempty"`
	// Why it keeps the job.
	Why string `json:"why,omitempty"`
	// Fix is what to do: a command to type where there is one.
	Fix string `json:"fix,omitempty"`
	// Certain says that this alone is enough to keep the job; otherwise it may, or it
	// could not be looked at.
	Certain bool `json:"certain"`
}

const (
	// limit is how long each look may take, with repetitions where AWS throttles.
	limit = 30 * time.Second
	// callLimit is how long a part of a look may take.
	callLimit = 10 * time.Second
)

// subject is what is looked at.
type subject struct {
	access      aws.Config
	environment config.Environment
	names       names.Names
	// job is nil before a submission.
	job *batchtypes.JobDetail
	// state is how the queue and the compute environments are.
	state jobqueue.State
}

// look is one thing to look at. Its error means that it could not look, or not
// at all of it.
type look struct {
	name string
	at   func(context.Context, subject) ([]Cause, error)
}

// looks are all; the second ones need to know the queue.
var (
	first = []look{
		{"what Batch says of the job", said}, {"the job's attempts", attempts}, {"the jobs that it waits for", dependencies},
		{"the database", database}, {"the image", image}, {"log group, roles and secrets", needs},
	}
	second = []look{{"the job queue", queue}, {"the vCPUs", room}, {"the jobs before it", line}, {"the network", network}}
)

// Starting returns what keeps a job of the environment from being started, the
// certain causes first; before a submission, with a nil job, what would keep any
// import. It asks everything at the same time, and each question is given up after
// 30 s. What could not be read is a cause that isn't certain and says so: no
// causes means that all was looked at and is well, which is said of a job only
// before its submission. An error is one of the credentials or of the context.
func Starting(ctx context.Context, access aws.Config, environment config.Environment, job *batchtypes.JobDetail) ([]Cause, error) {
	s := subject{access: access, environment: environment, names: environment.Names(), job: job}
	all := slices.Clone(first)
	var causes []Cause
	state, err := s.read(ctx)
	if err != nil {
		causes = append(causes, unseen(ctx, "the job queue and the compute environments", err))
	} else {
		s.state, all = state, append(all, second...)
	}
	found, failed := make([][]Cause, len(all)), make([]error, len(all))
	var running sync.WaitGroup
	for i, one := range all {
		running.Go(func() { found[i], failed[i] = s.bounded(ctx, one) })
	}
	running.Wait()
	if err := errors.Join(context.Cause(ctx), errors.Join(failed...)); err != nil {
		return nil, fmt.Errorf("find out why the job isn't started: %w", err)
	}
	return s.settled(slices.Concat(append([][]Cause{causes}, found...)...)), nil
}

// read asks for the queue.
func (s subject) read(ctx context.Context) (jobqueue.State, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, callLimit, late(callLimit))
	defer cancel()
	return jobqueue.Read(ctx, s.access, s.environment)
}

// late is the cause of a look that took too long.
func late(limit time.Duration) error { return fmt.Errorf("AWS has not answered within %s", limit) }

// bounded does one look in its time.
func (s subject) bounded(ctx context.Context, one look) ([]Cause, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, late(limit))
	defer cancel()
	causes, err := one.at(ctx, s)
	var refused *credentialsError
	if errors.As(err, &refused) {
		return nil, err
	}
	if err != nil {
		causes = append(causes, unseen(ctx, one.name, err))
	}
	return causes, nil
}

// unseen is the cause that something could not be looked at.
func unseen(ctx context.Context, what string, err error) Cause {
	finding := verify.Unseen(ctx, err)
	return Cause{What: what + ": " + finding.What, Why: finding.Why, Fix: finding.Fix}
}

// settled puts the certain causes first. Where there is none, what remains is said
// of a job that waits.
func (s subject) settled(causes []Cause) []Cause {
	slices.SortStableFunc(causes, func(a, b Cause) int { return order(a) - order(b) })
	waits := s.job != nil && slices.Contains(waiting, s.job.Status)
	if waits && !slices.ContainsFunc(causes, func(c Cause) bool { return c.Certain }) {
		causes = append(causes, s.remains())
	}
	return causes
}

// order puts the certain ones first.
func order(c Cause) int {
	if c.Certain {
		return 0
	}
	return 1
}

// waiting are the states of a job that isn't started.
var waiting = []batchtypes.JobStatus{batchtypes.JobStatusSubmitted, batchtypes.JobStatusPending, batchtypes.JobStatusRunnable, batchtypes.JobStatusStarting}

// remains is what is left where nothing is found.
func (s subject) remains() Cause {
	return Cause{
		What: "nothing was found that keeps the job", Where: aws.ToString(s.job.JobArn),
		Why: "Batch needs a minute or two to start a task; longer than that it may be Fargate that has no capacity in " + s.environment.Region +
			" just now, or the account's quota of Fargate vCPUs, which its other tasks share",
		Fix: "wait, and see what Batch says: aws batch describe-jobs --jobs " + aws.ToString(s.job.JobId) +
			"; the quota: aws service-quotas get-service-quota --service-code fargate --quota-code L-3032A538",
	}
}

// command is a command of this module for the environment.
func (s subject) command(words string) string {
	return "dagger call " + words + " --env " + s.environment.Env
}

// cancel ends a job.
func (s subject) cancel(id string) string { return s.command("batch-cancel") + " --id " + id }

// setting is a key of the environment's configuration, and how a change of it gets
// to the jobs.
func (s subject) setting(key string) string {
	return key + " in infra/config/environments/" + s.environment.Env + ".yaml, then: " + s.command("deploy")
}

// margin is as wide as the longer word and two spaces.
const margin = 7

// Text is for a person: a line each, and below it why it matters and the fix. It
// is empty where there are no causes.
func Text(causes []Cause) string {
	var text strings.Builder
	for _, c := range causes {
		word := "maybe"
		if c.Certain {
			word = "cause"
		}
		fmt.Fprintf(&text, "%-*s%s", margin, word, c.What)
		if c.Where != "" {
			fmt.Fprintf(&text, " (%s)", c.Where)
		}
		text.WriteString("\n")
		for _, more := range [][2]string{{"why", c.Why}, {"fix", c.Fix}} {
			if more[1] != "" {
				fmt.Fprintf(&text, "%*s%s: %s\n", margin, "", more[0], more[1])
			}
		}
	}
	return text.String()
}
