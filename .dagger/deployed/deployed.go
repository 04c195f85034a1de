// Package deployed reads what CloudFormation has: the stacks' templates as they
// were deployed, their states, and why a stack failed.
package deployed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
	"gopkg.in/yaml.v3"

	"github.com/prooflink/prooflink/infra/templates"
)

// api is what is used of CloudFormation.
type api interface {
	cloudformation.DescribeStacksAPIClient
	cloudformation.DescribeStackEventsAPIClient
	cloudformation.ListStackResourcesAPIClient
	GetTemplate(context.Context, *cloudformation.GetTemplateInput, ...func(*cloudformation.Options)) (*cloudformation.GetTemplateOutput, error)
	DeleteStack(context.Context, *cloudformation.DeleteStackInput, ...func(*cloudformation.Options)) (*cloudformation.DeleteStackOutput, error)
}

// Account is CloudFormation in one account and region.
type Account struct{ api api }

// In asks CloudFormation where this access leads.
func In(access aws.Config) Account { return Account{cloudformation.NewFromConfig(access)} }

// Stack is a stack that is there.
type Stack struct {
	templates.Stack
	// Status is CloudFormation's, e.g. "UPDATE_COMPLETE".
	Status string
	// Protected says that CloudFormation refuses to delete it.
	Protected bool
}

// Stacks reads those of the named stacks that are there, in the order of the names.
func (a Account) Stacks(ctx context.Context, names []string) ([]Stack, error) {
	var found []Stack
	for _, name := range names {
		stack, there, err := a.stack(ctx, name)
		if err != nil {
			return nil, err
		}
		if there {
			found = append(found, stack)
		}
	}
	return found, nil
}

// Templates are the stacks' templates.
func Templates(stacks []Stack) []templates.Stack {
	var list []templates.Stack
	for _, stack := range stacks {
		list = append(list, stack.Stack)
	}
	return list
}

// stack reads one stack; there is false where CloudFormation has none.
func (a Account) stack(ctx context.Context, name string) (stack Stack, there bool, err error) {
	described, err := a.describe(ctx, name)
	if err != nil || described == nil {
		return Stack{}, false, err
	}
	stack = Stack{Stack: templates.Stack{Name: name}, Status: string(described.StackStatus), Protected: aws.ToBool(described.EnableTerminationProtection)}
	if empty(described.StackStatus) {
		return stack, true, nil
	}
	body, err := a.api.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &name, TemplateStage: types.TemplateStageOriginal})
	if err != nil {
		return Stack{}, false, fmt.Errorf("get the template of stack %s: %w", name, err)
	}
	stack.Stack, err = parse(name, aws.ToString(body.TemplateBody))
	return stack, err == nil, err
}

// Resources are the physical ids of a stack's resources by their types, e.g.
// "AWS::EC2::Subnet"; none where there is no such stack.
func (a Account) Resources(ctx context.Context, name string) (map[string][]string, error) {
	ids := map[string][]string{}
	pages := cloudformation.NewListStackResourcesPaginator(a.api, &cloudformation.ListStackResourcesInput{StackName: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if absent(err) {
			return ids, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list the resources of stack %s: %w", name, err)
		}
		for _, one := range page.StackResourceSummaries {
			kind := aws.ToString(one.ResourceType)
			ids[kind] = append(ids[kind], aws.ToString(one.PhysicalResourceId))
		}
	}
	return ids, nil
}

// describe returns nil for a stack that isn't there.
func (a Account) describe(ctx context.Context, name string) (*types.Stack, error) {
	out, err := a.api.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("describe stack %s: %w", name, err)
	}
	if len(out.Stacks) == 0 || out.Stacks[0].StackStatus == types.StackStatusDeleteComplete {
		return nil, nil
	}
	return &out.Stacks[0], nil
}

// absent says whether CloudFormation answers that there is no such stack: a
// ValidationError that says so in words.
func absent(err error) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && answer.ErrorCode() == "ValidationError" && strings.Contains(answer.ErrorMessage(), "does not exist")
}

// empty says whether a stack in this state has no resources: its first change
// set was never executed, or its creation was rolled back.
func empty(status types.StackStatus) bool {
	return status == types.StackStatusReviewInProgress || status == types.StackStatusRollbackComplete
}

// parse reads a template as it was deployed: JSON, or YAML, which the CDK sends
// where a template is no asset.
func parse(name, body string) (templates.Stack, error) {
	stack, err := templates.Parse(name, []byte(body))
	if err == nil {
		return stack, nil
	}
	var value any
	if yaml.Unmarshal([]byte(body), &value) != nil {
		return templates.Stack{}, fmt.Errorf("read the template of stack %s: %w", name, err)
	}
	data, err := json.Marshal(value)
	if err != nil {
		return templates.Stack{}, fmt.Errorf("read the template of stack %s: %w", name, err)
	}
	return templates.Parse(name, data)
}

// patience is how long a stack may take to go: a database takes minutes.
const patience = time.Hour

// Delete deletes a stack that no template has any longer, and waits.
func (a Account) Delete(ctx context.Context, name string) error {
	if _, err := a.api.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &name}); err != nil {
		return fmt.Errorf("delete stack %s: %w", name, err)
	}
	waiter := cloudformation.NewStackDeleteCompleteWaiter(a.api, func(o *cloudformation.StackDeleteCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = 2*time.Second, 15*time.Second
	})
	if err := waiter.Wait(ctx, &cloudformation.DescribeStacksInput{StackName: &name}, patience); err != nil {
		return fmt.Errorf("wait until stack %s is deleted: %w", name, err)
	}
	return nil
}
