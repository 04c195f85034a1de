package scripted

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go"
)

// CDK does what the CDK's command line does with a folder of templates, with the
// same calls in the same order, where a test can't start it: "deploy A B
// --exclusively --force --concurrency 2 …", "rollback A", "destroy A …". Stacks
// that others wait for come first. Its errors read as the command line's do.
func (w *World) CDK(ctx context.Context, assembly string, args []string) error {
	call, err := readCall(args)
	if err != nil {
		return err
	}
	parts, err := readAssembly(assembly)
	if err != nil {
		return err
	}
	run := &toolkit{client: cloudformation.NewFromConfig(w.Config()), parameters: ssm.NewFromConfig(w.Config()), folder: assembly, parts: parts, call: call}
	for _, name := range call.stacks {
		if _, ok := parts[name]; !ok {
			return complain("No stacks match the name(s) %s", name)
		}
	}
	actions := map[string]func(context.Context, string) error{"deploy": run.deploy, "rollback": run.rollback, "destroy": run.destroy}
	action, ok := actions[call.verb]
	if !ok {
		return complain("Unknown command: %s", call.verb)
	}
	return run.all(ctx, action)
}

// complaint is an error in the command line's own words.
type complaint string

func (c complaint) Error() string { return string(c) }

// complain makes one.
func complain(format string, args ...any) error { return complaint(fmt.Sprintf(format, args...)) }

// commandLine is what the arguments say.
type commandLine struct {
	verb        string
	stacks      []string
	force       bool
	concurrency int
}

// readCall reads the arguments; options with a value are known by name.
func readCall(args []string) (commandLine, error) {
	valued := []string{"--app", "--require-approval", "--method", "--progress", "--concurrency", "--output", "--context"}
	call := commandLine{concurrency: 1}
	if len(args) == 0 {
		return call, errors.New("no command")
	}
	call.verb = args[0]
	for i := 1; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "--force":
			call.force = true
		case slices.Contains(valued, arg) && i+1 < len(args):
			i++
			if arg == "--concurrency" {
				call.concurrency, _ = strconv.Atoi(args[i])
			}
		case !strings.HasPrefix(arg, "--"):
			call.stacks = append(call.stacks, arg)
		}
	}
	call.concurrency = max(1, call.concurrency)
	return call, nil
}

// artifact is a stack in an assembly's manifest.
type artifact struct {
	Type         string   `json:"type"`
	Dependencies []string `json:"dependencies"`
	Properties   struct {
		TemplateFile          string `json:"templateFile"`
		TerminationProtection bool   `json:"terminationProtection"`
	} `json:"properties"`
}

// readAssembly reads the manifest's stacks.
func readAssembly(folder string) (map[string]artifact, error) {
	data, err := os.ReadFile(filepath.Join(folder, "manifest.json"))
	if err != nil {
		return nil, fmt.Errorf("--app points to a cloud assembly that can't be read: %w", err)
	}
	var manifest struct {
		Artifacts map[string]artifact `json:"artifacts"`
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		return nil, fmt.Errorf("read %s: %w", folder, err)
	}
	for name, part := range manifest.Artifacts {
		if part.Type != "aws:cloudformation:stack" {
			delete(manifest.Artifacts, name)
		}
	}
	return manifest.Artifacts, nil
}

// toolkit is one run of the command line.
type toolkit struct {
	client     *cloudformation.Client
	parameters *ssm.Client
	folder     string
	parts      map[string]artifact
	call       commandLine
}

// ended is how one stack ended.
type ended struct {
	name string
	err  error
}

// all works on the stacks, in parallel where they don't wait for each other.
// After a failure nothing new begins.
func (k *toolkit) all(ctx context.Context, action func(context.Context, string) error) error {
	waiting, results, running := slices.Clone(k.call.stacks), make(chan ended), 0
	var problems []error
	pending := map[string]bool{}
	for _, name := range waiting {
		pending[name] = true
	}
	for len(waiting) > 0 && len(problems) == 0 || running > 0 {
		next := slices.IndexFunc(waiting, func(name string) bool { return k.free(name, pending) })
		if next >= 0 && running < k.call.concurrency && len(problems) == 0 {
			name := waiting[next]
			waiting = slices.Delete(waiting, next, next+1)
			running++
			go func() { results <- ended{name, action(ctx, name)} }()
			continue
		}
		if running == 0 {
			return errors.New("the stacks wait for each other")
		}
		done := <-results
		running--
		delete(pending, done.name)
		if done.err != nil {
			problems = append(problems, done.err)
		}
	}
	return errors.Join(problems...)
}

// free says whether none of the stacks that a stack waits for is still to come;
// a deletion goes the other way.
func (k *toolkit) free(name string, pending map[string]bool) bool {
	for other := range pending {
		first, second := name, other
		if k.call.verb == "destroy" {
			first, second = other, name
		}
		if other != name && slices.Contains(k.parts[first].Dependencies, second) {
			return false
		}
	}
	return true
}

// Names and times of the command line.
const (
	toolkitChangeSet = "cdk-deploy-change-set"
	toolkitPoll      = 5 * time.Second
)

// pause waits or ends with the context.
func pause(ctx context.Context) error {
	timer := time.NewTimer(toolkitPoll)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// lookup describes a stack; nil where there is none.
func (k *toolkit) lookup(ctx context.Context, name string) (*types.Stack, error) {
	out, err := k.client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	if is(err, "ValidationError") && strings.Contains(err.Error(), "does not exist") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &out.Stacks[0], nil
}

// is says whether an API's error has this code.
func is(err error, code string) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && answer.ErrorCode() == code
}

// deploy deploys one stack.
func (k *toolkit) deploy(ctx context.Context, name string) error {
	if err := k.deployed(ctx, name); err != nil {
		return fmt.Errorf("❌  %s failed to deploy: %w", name, err)
	}
	return nil
}

func (k *toolkit) deployed(ctx context.Context, name string) error {
	version := "/cdk-bootstrap/hnb659fds/version"
	if _, err := k.parameters.GetParameter(ctx, &ssm.GetParameterInput{Name: &version}); err != nil {
		return complain("%s: SSM parameter %s not found. Has the environment been bootstrapped? Please run 'cdk bootstrap' (see https://docs.aws.amazon.com/cdk/latest/guide/bootstrapping.html)", name, version)
	}
	stack, err := k.prepared(ctx, name)
	if err != nil {
		return err
	}
	body, err := os.ReadFile(filepath.Join(k.folder, k.parts[name].Properties.TemplateFile))
	if err != nil {
		return err
	}
	set, err := k.planned(ctx, name, string(body), stack)
	if err != nil {
		return err
	}
	if want := k.parts[name].Properties.TerminationProtection; stack == nil && want || stack != nil && aws.ToBool(stack.EnableTerminationProtection) != want {
		if _, err := k.client.UpdateTerminationProtection(ctx, &cloudformation.UpdateTerminationProtectionInput{StackName: &name, EnableTerminationProtection: &want}); err != nil {
			return err
		}
	}
	if set.Status == types.ChangeSetStatusFailed {
		_, err := k.client.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{StackName: set.StackId, ChangeSetName: set.ChangeSetId})
		return err
	}
	return k.executed(ctx, set)
}

// prepared looks at the stack; one whose creation failed is deleted first.
func (k *toolkit) prepared(ctx context.Context, name string) (*types.Stack, error) {
	stack, err := k.lookup(ctx, name)
	if err != nil || stack == nil {
		return nil, err
	}
	if slices.Contains([]types.StackStatus{types.StackStatusRollbackComplete, types.StackStatusRollbackFailed, types.StackStatusCreateFailed}, stack.StackStatus) {
		if _, err := k.client.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &name}); err != nil {
			return nil, err
		}
		return nil, k.deleted(ctx, aws.ToString(stack.StackId))
	}
	if stack.StackStatus != types.StackStatusReviewInProgress {
		_, err = k.client.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &name, TemplateStage: types.TemplateStageOriginal})
	}
	return stack, err
}

// planned makes the change set and waits for it.
func (k *toolkit) planned(ctx context.Context, name, body string, stack *types.Stack) (*cloudformation.DescribeChangeSetOutput, error) {
	kind := types.ChangeSetTypeUpdate
	if stack == nil || stack.StackStatus == types.StackStatusReviewInProgress {
		kind = types.ChangeSetTypeCreate
	}
	set := aws.String(toolkitChangeSet)
	if stack != nil {
		if _, err := k.client.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{StackName: &name, ChangeSetName: set}); err != nil {
			return nil, err
		}
		if _, err := k.client.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{StackName: &name, ChangeSetName: set}); err != nil && !is(err, "ChangeSetNotFound") {
			return nil, err
		}
	}
	made, err := k.client.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{
		StackName: &name, ChangeSetName: set, ChangeSetType: kind, TemplateBody: &body,
		Capabilities: []types.Capability{types.CapabilityCapabilityIam, types.CapabilityCapabilityNamedIam, types.CapabilityCapabilityAutoExpand},
	})
	if err != nil {
		return nil, err
	}
	for {
		described, err := k.client.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{StackName: made.StackId, ChangeSetName: made.Id})
		if err != nil {
			return nil, err
		}
		switch described.Status {
		case types.ChangeSetStatusCreateComplete:
			return described, nil
		case types.ChangeSetStatusFailed:
			if strings.Contains(aws.ToString(described.StatusReason), "didn't contain changes") {
				return described, nil
			}
			return nil, complain("Failed to create ChangeSet %s on %s: %s", toolkitChangeSet, name, strings.TrimSpace(string(described.Status)+" "+aws.ToString(described.StatusReason)))
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

// executed executes the change set and waits for the stack.
func (k *toolkit) executed(ctx context.Context, set *cloudformation.DescribeChangeSetOutput) error {
	if _, err := k.client.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{StackName: set.StackId, ChangeSetName: set.ChangeSetId}); err != nil {
		return err
	}
	stack, err := k.stable(ctx, aws.ToString(set.StackId))
	if err != nil {
		return err
	}
	name := aws.ToString(set.StackName)
	switch status := stack.StackStatus; {
	case status == types.StackStatusCreateComplete || status == types.StackStatusUpdateComplete:
		return nil
	case strings.HasPrefix(string(status), "ROLLBACK_") || status == types.StackStatusCreateFailed:
		return complain("The stack named %s failed creation, it may need to be manually deleted from the AWS console: %s%s", name, status, k.reasons(ctx, set))
	default:
		return complain("The stack named %s failed to deploy: %s%s", name, status, k.reasons(ctx, set))
	}
}

// reasons are the reasons of the failed events, the first first.
func (k *toolkit) reasons(ctx context.Context, set *cloudformation.DescribeChangeSetOutput) string {
	var found []string
	pages := cloudformation.NewDescribeStackEventsPaginator(k.client, &cloudformation.DescribeStackEventsInput{StackName: set.StackId})
	for pages.HasMorePages() {
		some, err := pages.NextPage(ctx)
		if err != nil {
			break
		}
		for _, event := range some.StackEvents {
			reason := aws.ToString(event.ResourceStatusReason)
			if event.Timestamp.Before(*set.CreationTime) || !strings.HasSuffix(string(event.ResourceStatus), "_FAILED") || strings.Contains(reason, "cancelled") {
				continue
			}
			found = append([]string{reason}, found...)
		}
	}
	if len(found) == 0 {
		return ""
	}
	return ": " + strings.Join(found, ", ")
}

// stable waits until nothing is done to a stack any more, reading its events.
func (k *toolkit) stable(ctx context.Context, id string) (*types.Stack, error) {
	for {
		stack, err := k.lookup(ctx, id)
		if err != nil {
			return nil, err
		}
		if stack == nil {
			return nil, complain("Stack deploy failed (the stack disappeared while we were deploying it)")
		}
		if _, err := k.client.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &id}); err != nil {
			return nil, err
		}
		if !strings.HasSuffix(string(stack.StackStatus), "_IN_PROGRESS") {
			return stack, nil
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

// rollback finishes or starts a stack's roll-back.
func (k *toolkit) rollback(ctx context.Context, name string) error {
	stack, err := k.lookup(ctx, name)
	if err != nil || stack == nil {
		return err
	}
	switch stack.StackStatus {
	case types.StackStatusUpdateFailed, types.StackStatusCreateFailed:
		_, err = k.client.RollbackStack(ctx, &cloudformation.RollbackStackInput{StackName: &name})
	case types.StackStatusUpdateRollbackFailed:
		_, err = k.client.ContinueUpdateRollback(ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: &name})
	default:
		return nil // it says that the stack does not need a roll-back
	}
	if err != nil {
		return fmt.Errorf("❌  %s failed: %w", name, err)
	}
	if stack, err = k.stable(ctx, aws.ToString(stack.StackId)); err == nil && strings.HasSuffix(string(stack.StackStatus), "_FAILED") {
		err = complain("Stack failed to roll back: %s", stack.StackStatus)
	}
	if err != nil {
		return fmt.Errorf("❌  %s failed: %w", name, err)
	}
	return nil
}

// destroy deletes a stack.
func (k *toolkit) destroy(ctx context.Context, name string) error {
	stack, err := k.lookup(ctx, name)
	if err != nil || stack == nil {
		return err
	}
	if _, err = k.client.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &name}); err == nil {
		err = k.deleted(ctx, aws.ToString(stack.StackId))
	}
	if err != nil {
		return fmt.Errorf("❌  %s: destroy failed: %w", name, err)
	}
	return nil
}

// deleted waits until a stack is gone.
func (k *toolkit) deleted(ctx context.Context, id string) error {
	stack, err := k.stable(ctx, id)
	if err == nil && stack.StackStatus != types.StackStatusDeleteComplete {
		err = complain("The stack named %s is in a failed state. You may need to delete it from the AWS console : %s", aws.ToString(stack.StackName), stack.StackStatus)
	}
	return err
}
