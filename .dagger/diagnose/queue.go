package diagnose

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/prooflink/prooflink/infra/names"
)

// queue looks whether the queue and its compute environments take and run jobs.
func queue(_ context.Context, s subject) ([]Cause, error) {
	name, have := s.names.JobQueue(), s.state.Queue
	if have == nil || have.Status == types.JQStatusDeleted || have.Status == types.JQStatusDeleting {
		return []Cause{{"the job queue is gone", name, "jobs wait in it, and with it they are lost", s.again(), true}}, nil
	}
	var causes []Cause
	enable := "aws batch update-job-queue --state ENABLED --job-queue " + name
	switch {
	case have.Status == types.JQStatusInvalid:
		causes = append(causes, Cause{"the job queue is INVALID" + because(have.StatusReason), name, "Batch starts nothing from it",
			"mend what the reason names, or its compute environments, then: " + enable, true})
	case have.Status != types.JQStatusValid:
		causes = append(causes, Cause{"the job queue is " + string(have.Status), name, "Batch is still changing it", "wait, then: aws batch describe-job-queues --job-queues " + name, false})
	}
	if have.State != types.JQStateEnabled {
		causes = append(causes, Cause{"the job queue is " + string(have.State), name, "it takes no new jobs; those that it has go on", enable, s.job == nil})
	}
	return append(causes, s.environments()...), nil
}

// again makes what somebody has deleted: CloudFormation does not notice that it is
// gone.
func (s subject) again() string {
	return "delete the stack " + s.names.Stack(names.Batch) + " and deploy it again: " + s.command("deploy")
}

// because is a reason, where there is one.
func because(reason *string) string {
	if aws.ToString(reason) == "" {
		return ""
	}
	return ": " + *reason
}

// last is the name in an ARN.
func last(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

// serves says whether Batch places jobs in a compute environment.
func serves(d types.ComputeEnvironmentDetail) bool {
	return d.State == types.CEStateEnabled && (d.Status == types.CEStatusValid || d.Status == types.CEStatusUpdating)
}

// serving are those of the queue that do.
func (s subject) serving() []types.ComputeEnvironmentDetail {
	var all []types.ComputeEnvironmentDetail
	for _, name := range s.order() {
		if d, there := s.state.Environments[name]; there && serves(d) {
			all = append(all, d)
		}
	}
	return all
}

// order are the names of the queue's compute environments.
func (s subject) order() []string {
	var all []string
	if s.state.Queue != nil {
		for _, one := range s.state.Queue.ComputeEnvironmentOrder {
			all = append(all, last(aws.ToString(one.ComputeEnvironment)))
		}
	}
	return all
}

// environments are the causes in the compute environments: certain ones where none
// is left that serves.
func (s subject) environments() []Cause {
	serving := s.serving()
	var causes []Cause
	for _, name := range s.order() {
		d := s.state.Environments[name]
		cause := s.environmentCause(name, d)
		if cause.What == "" {
			continue
		}
		cause.Certain = len(serving) == 0
		if !cause.Certain && !serves(d) {
			cause.Why += "; the queue's other one runs them"
		}
		causes = append(causes, cause)
	}
	if len(s.order()) == 0 {
		causes = append(causes, Cause{"the job queue has no compute environment", s.names.JobQueue(), "nothing runs its jobs", s.again(), true})
	}
	return append(causes, s.onlySpot(serving)...)
}

// environmentCause is what is wrong with one, or an empty one.
func (s subject) environmentCause(name string, d types.ComputeEnvironmentDetail) Cause {
	const idle = "Batch starts no jobs in it"
	enable := "aws batch update-compute-environment --state ENABLED --compute-environment " + name
	switch {
	case d.Status == "" || d.Status == types.CEStatusDeleted || d.Status == types.CEStatusDeleting:
		return Cause{What: "the compute environment is gone", Where: name, Why: "nothing runs its jobs", Fix: s.again()}
	case d.Status == types.CEStatusInvalid:
		return Cause{What: "the compute environment is INVALID" + because(d.StatusReason), Where: name, Why: idle,
			Fix: "mend what the reason names (role, subnets, security group), then: " + enable}
	case d.State != types.CEStateEnabled:
		return Cause{What: "the compute environment is " + string(d.State), Where: name, Why: idle, Fix: enable}
	case d.Status != types.CEStatusValid:
		return Cause{What: "the compute environment is " + string(d.Status), Where: name, Why: "Batch is still changing it",
			Fix: "wait, then: aws batch describe-compute-environments --compute-environments " + name}
	}
	return Cause{}
}

// onlySpot is the cause that jobs run only where AWS has spare capacity.
func (s subject) onlySpot(serving []types.ComputeEnvironmentDetail) []Cause {
	other := func(d types.ComputeEnvironmentDetail) bool {
		return d.ComputeResources == nil || d.ComputeResources.Type != types.CRTypeFargateSpot
	}
	if len(serving) == 0 || slices.ContainsFunc(serving, other) {
		return nil
	}
	return []Cause{{"the job queue has only Spot capacity", s.names.JobQueue(), fmt.Sprintf("Fargate Spot may have none in %s just now", s.environment.Region),
		"wait, or put Fargate beside it: batch.spot: second; " + s.setting("batch.spot"), false}}
}
