package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/prooflink/prooflink/.dagger/lock"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// stackStates looks for stacks in a state in which CloudFormation takes no
// update (AWS CloudFormation User Guide, "Stack status codes").
func stackStates(_ context.Context, l *look) (Findings, error) {
	var found Findings
	for _, role := range names.StackRoles() {
		if !l.planned(role) {
			continue
		}
		if err := l.failed[role]; err != nil {
			return found, err
		}
		if finding, bad := l.stackState(l.names.Stack(role), l.stacks[role]); bad {
			finding.Where = l.names.Stack(role)
			found = append(found, finding)
		}
	}
	return found.or(fmt.Sprintf("the stacks can be deployed; %d of %d are there", len(l.stacks), len(l.environment.Stacks()))), nil
}

// stackState says what a state means for a deployment.
func (l *look) stackState(stack, status string) (_ Finding, bad bool) {
	what := "the stack is " + status
	protected := l.environment.Removal.Policy == config.RemovalRetain // the template protects it then
	switch {
	case status == "REVIEW_IN_PROGRESS":
		return Finding{}, false
	case status == "UPDATE_ROLLBACK_FAILED":
		return Finding{Severity: Warning, What: what, Why: "a roll-back got stuck; deploy finishes it first",
			Fix: "look at its first failed event if that fails, too: " + l.command("status")}, true
	case (status == "ROLLBACK_COMPLETE" || status == "ROLLBACK_FAILED") && protected:
		return Finding{Severity: Blocker, What: what, Why: "it was never made, and is protected from the deletion with which a deployment would begin",
			Fix: "aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name " + stack +
				" && aws cloudformation delete-stack --stack-name " + stack}, true
	case status == "ROLLBACK_COMPLETE" || status == "ROLLBACK_FAILED":
		return Finding{Severity: Warning, What: what, Why: "it was never made; deploy deletes it and makes it anew"}, true
	case strings.HasSuffix(status, "_IN_PROGRESS"):
		return Finding{Severity: Warning, What: what, Why: "somebody is changing it; deploy waits until that has ended",
			Fix: "to see what happens: " + l.command("status")}, true
	case strings.HasSuffix(status, "_FAILED"):
		return Finding{Severity: Blocker, What: what, Why: "CloudFormation takes no update of a stack in this state",
			Fix: "see which resource it was: aws cloudformation describe-stack-events --stack-name " + stack +
				"; then: aws cloudformation delete-stack --stack-name " + stack}, true
	}
	return Finding{}, false
}

// lockState looks whether somebody is deploying.
func lockState(ctx context.Context, l *look) (Findings, error) {
	state, err := lock.Read(ctx, l.access, l.names)
	where := l.names.Parameter("deploy/lock")
	var unreadable *lock.Unreadable
	switch {
	case errors.As(err, &unreadable):
		return Findings{{Severity: Blocker, What: unreadable.Error(), Where: where, Fix: l.command("unlock") + " --force"}}, nil
	case err != nil:
		return nil, err
	case state.Held || !state.Free():
		taken := &lock.Taken{Env: l.environment.Env, State: state}
		return Findings{{Severity: Warning, What: taken.Error(), Where: where}}, nil
	}
	return Findings{{Severity: OK, What: "nobody has the lock"}}, nil
}
