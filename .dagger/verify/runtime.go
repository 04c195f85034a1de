package verify

import (
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	batchtypes "github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/prooflink/prooflink/.dagger/jobqueue"
	"github.com/prooflink/prooflink/.dagger/record"
	"github.com/prooflink/prooflink/.dagger/release"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// sortedKeys are a map's keys in their order.
func sortedKeys[V any](of map[string]V) []string { return slices.Sorted(maps.Keys(of)) }

// imagesPresent asks the registry for what is to run.
func imagesPresent(ctx context.Context, l *look) (Findings, error) {
	digests := l.options.Images
	if digests == nil {
		last, deployed, err := record.Last(ctx, l.access, l.names)
		if err != nil {
			return nil, err
		}
		if !deployed {
			return Findings{{Severity: Skipped, What: "nothing was deployed yet: deploy builds the images"}}, nil
		}
		digests = last.Images
	}
	missing, err := release.Present(ctx, l.access, l.names, digests)
	var found Findings
	for _, image := range missing {
		found = append(found, Finding{Severity: Blocker, What: image, Where: "ECR of account " + l.account + " in " + l.environment.Region,
			Why: "no task can be started with it",
			Fix: "build it again: " + l.command("publish") + ", then: " + l.command("deploy")})
	}
	if err != nil {
		return found, err
	}
	return found.or("the registry has the images for linux/amd64"), nil
}

// trusted is a role and the service that has to be able to take it.
type trusted struct {
	role      names.StackRole
	name, who string
}

const (
	tasksService = "ecs-tasks.amazonaws.com"
	batchService = "batch.amazonaws.com"
)

// trusted lists the roles that tasks and jobs run with.
func (l *look) trusted() []trusted {
	n := l.names
	all := []trusted{
		{names.Compute, n.ExecutionRole(), tasksService}, {names.Compute, n.TaskRole(), tasksService},
		{names.Database, n.MigrateExecutionRole(), tasksService}, {names.Database, n.MigrateRole(), tasksService},
		{names.Batch, n.BatchExecutionRole(), tasksService}, {names.Batch, n.BatchJobRole(), tasksService},
	}
	if l.environment.Batch.ServiceRole == config.RoleCustom {
		all = append(all, trusted{names.Batch, n.BatchServiceRole(), batchService})
	}
	return slices.DeleteFunc(all, func(t trusted) bool { return !slices.Contains(l.environment.Stacks(), t.role) || !l.concerns(t.role) })
}

// taskRoles looks whether the roles are there and can be taken, or are free to be
// made.
func taskRoles(ctx context.Context, l *look) (Findings, error) {
	var found Findings
	for _, one := range l.trusted() {
		there, err := l.there(one.role)
		if err != nil {
			return found, err
		}
		fresh, _ := l.toMake(one.role)
		if !there && !fresh {
			continue
		}
		trust, err := l.role(ctx, one.name)
		if err != nil && !Absent(err) {
			return found, err
		}
		exists := err == nil
		switch {
		case there && !exists:
			found = append(found, Finding{Severity: Blocker, What: "a role of " + l.names.Stack(one.role) + " is gone", Where: one.name,
				Why: "no task can be started without it", Fix: "delete the stack " + l.names.Stack(one.role) + " and deploy it again, or make the role by hand"})
		case fresh && exists:
			found = append(found, l.leftover(one.role, "role", one.name, "aws iam delete-role --role-name "+one.name))
		case exists && !trusts(trust, one.who):
			found = append(found, Finding{Severity: Blocker, What: "the role does not trust " + one.who, Where: one.name,
				Why: "somebody has changed whom it trusts: ECS is unable to assume the role",
				Fix: "aws iam update-assume-role-policy --role-name " + one.name + " --policy-document '" + trustPolicy(one.who) + "'"})
		}
	}
	return found.or("the roles are there and trust their services, or are free to be made"), nil
}

// trustPolicy is what a role's trust policy has to say.
func trustPolicy(service string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}]}`
}

// oneOrMore reads what a policy may have as one value or as a list.
type oneOrMore[T any] []T

// UnmarshalJSON reads either.
func (o *oneOrMore[T]) UnmarshalJSON(data []byte) error {
	var one T
	if json.Unmarshal(data, &one) == nil {
		*o = oneOrMore[T]{one}
		return nil
	}
	return json.Unmarshal(data, (*[]T)(o))
}

// statement is one of a trust policy's.
type statement struct {
	Effect    string
	Action    oneOrMore[string]
	Principal struct{ Service oneOrMore[string] }
}

// trusts reads a trust policy, URL-encoded JSON (IAM API, Role).
func trusts(document, service string) bool {
	text, err := url.PathUnescape(document)
	if err != nil {
		return false
	}
	var policy struct{ Statement oneOrMore[statement] }
	if json.Unmarshal([]byte(text), &policy) != nil {
		return false
	}
	return slices.ContainsFunc(policy.Statement, func(s statement) bool {
		return s.Effect == "Allow" && slices.Contains(s.Action, "sts:AssumeRole") && slices.Contains(s.Principal.Service, service)
	})
}

// batchState looks whether jobs would be run.
func batchState(ctx context.Context, l *look) (Findings, error) {
	state, err := jobqueue.Read(ctx, l.access, l.environment)
	if err != nil {
		return nil, err
	}
	var found Findings
	for _, name := range jobqueue.Environments(l.environment) {
		one := state.Environments[name]
		part := batchPart{string(one.Status), string(one.State), aws.ToString(one.StatusReason)}
		found = append(found, part.findings("compute environment", name, "aws batch update-compute-environment --state ENABLED --compute-environment "+name)...)
	}
	var queue batchPart
	if one := state.Queue; one != nil {
		queue = batchPart{string(one.Status), string(one.State), aws.ToString(one.StatusReason)}
	}
	name := l.names.JobQueue()
	found = append(found, queue.findings("job queue", name, "aws batch update-job-queue --state ENABLED --job-queue "+name)...)
	return found.or("compute environments and queue are VALID and ENABLED"), nil
}

// batchPart is how a compute environment or a queue is.
type batchPart struct{ status, state, reason string }

// findings says what is wrong with it. The states are those of a compute
// environment; a queue's have the same names.
func (p batchPart) findings(what, name, enable string) Findings {
	switch {
	case p.status == "" || p.status == string(batchtypes.CEStatusDeleted) || p.status == string(batchtypes.CEStatusDeleting):
		return Findings{{Severity: Blocker, What: "the " + what + " is gone", Where: name, Why: "CloudFormation can't update what it doesn't find",
			Fix: "delete the stack of the jobs and deploy it again; jobs that wait are lost"}}
	case p.status == string(batchtypes.CEStatusInvalid):
		return Findings{{Severity: Blocker, What: "the " + what + " is INVALID: " + p.reason, Where: name,
			Why: "jobs stay RUNNABLE, and CloudFormation fails to update it", Fix: "mend what the reason names (role, subnets, security group), then: " + enable}}
	case p.state != string(batchtypes.CEStateEnabled):
		return Findings{{Severity: Warning, What: "the " + what + " is " + p.state, Where: name, Why: "jobs are not started", Fix: enable}}
	case p.status != string(batchtypes.CEStatusValid):
		return Findings{{Severity: Warning, What: "the " + what + " is " + p.status, Where: name, Why: "Batch is still changing it"}}
	}
	return nil
}
