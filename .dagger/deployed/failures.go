package deployed

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/prooflink/prooflink/.dagger/report"
)

// most is how many failures of a stack are told.
const most = 10

// Failures says why a stack failed: CloudFormation's failed events since a time,
// the first first, without those that only follow from others.
func (a Account) Failures(ctx context.Context, name string, since time.Time) ([]report.Event, error) {
	var failures []report.Event
	pages := cloudformation.NewDescribeStackEventsPaginator(a.api, &cloudformation.DescribeStackEventsInput{StackName: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if absent(err) {
			return nil, nil
		}
		if err != nil {
			return first(failures), fmt.Errorf("read the events of stack %s: %w", name, err)
		}
		for _, event := range page.StackEvents { // the newest first
			if aws.ToTime(event.Timestamp).Before(since) {
				return first(failures), nil
			}
			if reason, failed := reason(event); failed {
				failures = append(failures, report.Event{At: aws.ToTime(event.Timestamp), Source: report.FromStack(name), Text: reason})
			}
		}
	}
	return first(failures), nil
}

// first puts the earliest failures first and keeps some: the others mostly
// follow from them.
func first(failures []report.Event) []report.Event {
	slices.Reverse(failures)
	return failures[:min(len(failures), most)]
}

// reason reads a failed event.
func reason(event types.StackEvent) (string, bool) {
	status, why := string(event.ResourceStatus), aws.ToString(event.ResourceStatusReason)
	if !strings.HasSuffix(status, "_FAILED") || strings.Contains(why, "cancelled") {
		return "", false
	}
	return fmt.Sprintf("%s %s (%s): %s", status, aws.ToString(event.LogicalResourceId), aws.ToString(event.ResourceType), why), true
}
