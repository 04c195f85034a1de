package deployed

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/prooflink/prooflink/.dagger/pause"
)

// State is how a stack is.
type State struct {
	Name string
	// Status is CloudFormation's, e.g. "UPDATE_COMPLETE".
	Status string
	// Changed is when it was last changed.
	Changed time.Time
	// Outputs by their keys.
	Outputs map[string]string
}

// Busy says whether CloudFormation is at work on the stack.
func (s State) Busy() bool {
	return strings.HasSuffix(s.Status, "_IN_PROGRESS") && s.Status != "REVIEW_IN_PROGRESS"
}

// BusyError is a stack that somebody is changing.
type BusyError struct{ State State }

func (e *BusyError) Error() string {
	return fmt.Sprintf("stack %s is %s since %s: another deployment is at work; wait for it with --wait-in-progress, or look at it: dagger call status",
		e.State.Name, e.State.Status, e.State.Changed.UTC().Format(time.RFC3339))
}

// States reads how those of the named stacks are that are there, in the order of
// the names.
func (a Account) States(ctx context.Context, names []string) ([]State, error) {
	var found []State
	for _, name := range names {
		stack, err := a.describe(ctx, name)
		if err != nil {
			return nil, err
		}
		if stack == nil {
			continue
		}
		state := State{Name: name, Status: string(stack.StackStatus), Changed: aws.ToTime(stack.CreationTime), Outputs: map[string]string{}}
		if stack.LastUpdatedTime != nil {
			state.Changed = *stack.LastUpdatedTime
		}
		for _, output := range stack.Outputs {
			state.Outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
		}
		found = append(found, state)
	}
	return found, nil
}

// poll is how often a busy stack is looked at.
const poll = 5 * time.Second

// WaitIdle waits until CloudFormation works on none of the named stacks, and
// says what it does meanwhile. Without wait, a busy stack is a *BusyError.
func (a Account) WaitIdle(ctx context.Context, names []string, wait bool, say io.Writer) ([]State, error) {
	seen := map[string]bool{}
	since := time.Now()
	for {
		states, err := a.States(ctx, names)
		if err != nil {
			return nil, err
		}
		busy := firstBusy(states)
		if busy == nil {
			return states, nil
		}
		if !wait {
			return states, &BusyError{*busy}
		}
		if err := a.tell(ctx, *busy, since, seen, say); err != nil {
			return nil, err
		}
		if err := pause.For(ctx, poll); err != nil {
			return nil, fmt.Errorf("wait for stack %s, which is %s: %w", busy.Name, busy.Status, err)
		}
	}
}

// firstBusy is the first stack that is being changed, or nil.
func firstBusy(states []State) *State {
	for i := range states {
		if states[i].Busy() {
			return &states[i]
		}
	}
	return nil
}

// tell says what a stack waits for, and each of its events since a time once.
func (a Account) tell(ctx context.Context, stack State, since time.Time, seen map[string]bool, say io.Writer) error {
	if line := stack.Name + " " + stack.Status; !seen[line] {
		seen[line] = true
		fmt.Fprintf(say, "waiting for stack %s: %s since %s\n", stack.Name, stack.Status, stack.Changed.UTC().Format(time.TimeOnly))
	}
	out, err := a.api.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &stack.Name})
	if err != nil {
		return fmt.Errorf("read the events of stack %s: %w", stack.Name, err)
	}
	for i := len(out.StackEvents) - 1; i >= 0; i-- {
		event := out.StackEvents[i]
		id := aws.ToString(event.EventId)
		if seen[id] || aws.ToTime(event.Timestamp).Before(since) {
			continue
		}
		seen[id] = true
		fmt.Fprintf(say, "  %s  %s  %s\n", stack.Name, event.ResourceStatus, aws.ToString(event.LogicalResourceId))
	}
	return nil
}
