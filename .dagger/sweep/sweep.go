// Package sweep removes what CloudFormation leaves behind when an environment's
// stacks are deleted, and says what is left after that.
//
// Everything is looked up in AWS each time, so a sweep that was killed is
// finished by the next one; one thing that can't be removed doesn't keep the
// others.
package sweep

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/prooflink/prooflink/.dagger/jobs"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// Targets are what belongs to one environment and to no stack.
type Targets struct {
	// Families are ECS task definitions, whose revisions stay: a deployment
	// registers some outside CloudFormation.
	Families []string
	// Jobs are Batch job definitions, whose revisions stay because of
	// SkipDeregisterOnUpdate.
	Jobs []string
	// LogGroups are names of log groups that AWS makes by itself.
	LogGroups []string
	// LogPrefixes begin such names; a logical id follows, which begins with a
	// capital: "/aws/lambda/FoundationStack-dev-Custom…".
	LogPrefixes []string
	// Parameters is a path of SSM parameters, e.g. "/prooflink/dev/".
	Parameters string
	// Tags mark the environment's resources.
	Tags map[string]string
}

// Of lists an environment's.
func Of(environment config.Environment) Targets {
	named := environment.Names()
	targets := Targets{
		Families:   []string{named.TaskFamily(), named.MigrateFamily()},
		Jobs:       []string{named.UserImportJob(), named.TestCaseImportJob()},
		LogGroups:  []string{"/aws/ecs/containerinsights/" + named.Cluster() + "/performance"},
		Parameters: named.Parameter(""),
		Tags:       environment.Naming.Tags,
	}
	for _, stack := range named.Stacks(names.StackRoles()) {
		targets.LogPrefixes = append(targets.LogPrefixes, "/aws/lambda/"+stack+"-")
	}
	return targets
}

// Text lists the targets for a person who decides.
func (t Targets) Text() string {
	var text strings.Builder
	fmt.Fprintf(&text, "  every revision of the task definitions %s\n", strings.Join(t.Families, ", "))
	fmt.Fprintf(&text, "  every revision of the job definitions %s\n", strings.Join(t.Jobs, ", "))
	fmt.Fprintf(&text, "  the log groups %s and those of the stacks' own functions (%s…)\n", strings.Join(t.LogGroups, ", "), "/aws/lambda/<stack>-")
	fmt.Fprintf(&text, "  the SSM parameters under %s\n", t.Parameters)
	return text.String()
}

// sweeper has the clients.
type sweeper struct {
	Targets
	ecs        *ecs.Client
	batch      *batch.Client
	logs       *cloudwatchlogs.Client
	parameters *ssm.Client
	tags       *resourcegroupstaggingapi.Client
}

// in makes the clients.
func in(access aws.Config, targets Targets) sweeper {
	return sweeper{
		Targets:    targets,
		ecs:        ecs.NewFromConfig(access),
		batch:      batch.NewFromConfig(access),
		logs:       cloudwatchlogs.NewFromConfig(access),
		parameters: ssm.NewFromConfig(access),
		tags:       resourcegroupstaggingapi.NewFromConfig(access),
	}
}

// Sweep removes the targets, each kind to its end, and reports each.
func Sweep(ctx context.Context, access aws.Config, targets Targets) jobs.Results {
	s := in(access, targets)
	return jobs.All(ctx, 1,
		jobs.Job{Name: "task definitions", Run: s.taskDefinitions},
		jobs.Job{Name: "job definitions", Run: s.jobDefinitions},
		jobs.Job{Name: "log groups", Run: s.logGroups},
		jobs.Job{Name: "parameters", Run: s.ssmParameters},
	)
}

// tally counts what was removed and collects what was not.
type tally struct {
	done   int
	failed []error
}

// add counts one thing.
func (t *tally) add(err error, what string) {
	if err != nil {
		t.failed = append(t.failed, fmt.Errorf("%s: %w", what, err))
		return
	}
	t.done++
}

// report is "3 removed", and every failure.
func (t *tally) report(word string) (string, error) {
	return fmt.Sprintf("%d %s", t.done, word), errors.Join(t.failed...)
}

// pages reads every page of a list; more says whether there is another.
func pages[T any](more func() bool, next func() ([]T, error)) ([]T, error) {
	var all []T
	for more() {
		page, err := next()
		if err != nil {
			return all, err
		}
		all = append(all, page...)
	}
	return all, nil
}

// chunks cuts a list into parts of at most size, as the APIs want them.
func chunks(list []string, size int) [][]string {
	var parts [][]string
	for len(list) > 0 {
		n := min(size, len(list))
		parts = append(parts, list[:n])
		list = list[n:]
	}
	return parts
}
