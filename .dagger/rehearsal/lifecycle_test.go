//go:build rehearsal

package rehearsal_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/prooflink/prooflink/.dagger/emulate"
	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/local"
	"github.com/prooflink/prooflink/.dagger/rehearsal"
)

// life is an emulated account in which stacks come and go.
type life struct {
	machine *rehearsal.Processes
	client  *cloudformation.Client
	stacks  []string
}

// TestTheLifeOfTheStacks deploys with the CDK's command line as AWS would see
// it: first, again, with a new image, with a mistake, and away again.
func TestTheLifeOfTheStacks(t *testing.T) {
	l := begin(t)
	first := l.synth(t, "a")
	l.mustCDK(t, local.CDKCommands(environment(t).Region, first)...)
	l.all(t, types.StackStatusCreateComplete)
	before := l.image(t)
	if !strings.HasSuffix(before, digest("a")) {
		t.Fatalf("the task runs %s", before)
	}

	t.Run("unchanged, nothing is done", func(t *testing.T) {
		events := l.events(t)
		output := l.mustCDK(t, deployAll(l.synth(t, "a")))
		if got := strings.Count(output, "(no changes)"); got != len(l.stacks) {
			t.Errorf("%d of %d stacks were left as they are:\n%s", got, len(l.stacks), output)
		}
		if after := l.events(t); after != events {
			t.Errorf("%d events, %d before", after, events)
		}
	})
	t.Run("a new image changes its stack and no other", func(t *testing.T) {
		output := l.mustCDK(t, deployAll(l.synth(t, "b")))
		if got := l.image(t); !strings.HasSuffix(got, digest("b")) {
			t.Errorf("the task runs %s", got)
		}
		if got := strings.Count(output, "(no changes)"); got != len(l.stacks)-1 {
			t.Errorf("%d stacks were left as they are, want %d:\n%s", got, len(l.stacks)-1, output)
		}
	})
	t.Run("a mistake is rolled back", func(t *testing.T) {
		output, err := l.machine.CDK(t.Context(), deployAll(l.broken(t, "c"))...)
		if err == nil {
			t.Fatalf("the CDK says that it worked:\n%s", output)
		}
		if got := l.status(t, l.name(t, "ComputeStack")); got != types.StackStatusUpdateRollbackComplete {
			t.Errorf("the stack is %s", got)
		}
		if got := l.image(t); !strings.HasSuffix(got, digest("b")) {
			t.Errorf("the task runs %s", got)
		}
	})
	t.Run("destroyed, nothing is left", func(t *testing.T) {
		l.mustCDK(t, []string{"destroy", "--all", "--force", "--app", l.synth(t, "b"), "--ci", "--no-notices"})
		for _, stack := range l.stacks {
			if got := l.status(t, stack); got != types.StackStatusDeleteComplete {
				t.Errorf("%s is %s", stack, got)
			}
		}
	})
}

// begin starts the emulator.
func begin(t *testing.T) *life {
	t.Helper()
	machine := start(t)
	url, err := machine.StartAWS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	env := environment(t)
	return &life{machine: machine, stacks: env.Names().Stacks(env.Stacks()), client: cloudformation.New(cloudformation.Options{
		Region: env.Region, BaseEndpoint: &url,
		Credentials: credentials.NewStaticCredentialsProvider(local.Account, "emulated", ""),
	})}
}

// digest is an image's, made of one letter.
func digest(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

// deployAll deploys an assembly.
func deployAll(assembly string) []string {
	return []string{"deploy", "--all", "--force", "--app", assembly, "--require-approval", "never", "--ci", "--no-notices", "--progress", "events"}
}

// synth writes the assembly with an application's image, fitted to the emulator,
// into a folder of its own.
func (l *life) synth(t *testing.T, letter string) string {
	t.Helper()
	assembly, err := l.machine.Synth(t.Context(), []images.Published{
		{Name: images.App.Name, Digest: digest(letter)},
		{Name: images.Batch.Name, Digest: digest("e")},
		{Name: images.FluentBit.Name, Digest: digest("f")},
	})
	if err == nil {
		_, err = emulate.Fit(assembly)
	}
	if err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(t.TempDir(), "cdk.out")
	if err := os.Rename(assembly, moved); err != nil {
		t.Fatal(err)
	}
	return moved
}

// broken is an assembly whose service stack has a new image, and a resource that
// cannot be made.
func (l *life) broken(t *testing.T, letter string) string {
	t.Helper()
	assembly := l.synth(t, letter)
	file := filepath.Join(assembly, l.name(t, "ComputeStack")+".template.json")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var template map[string]any
	if err := json.Unmarshal(data, &template); err != nil {
		t.Fatal(err)
	}
	template["Resources"].(map[string]any)["Mistake"] = map[string]any{
		"Type": "AWS::CloudFormation::CustomResource", "DependsOn": []string{"Service"},
		"Properties": map[string]any{"ServiceToken": "arn:aws:lambda:ap-northeast-1:000000000000:function:no-such-function"},
	}
	if data, err = json.Marshal(template); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return assembly
}

// name is the stack's whose name begins with the prefix.
func (l *life) name(t *testing.T, prefix string) string {
	for _, stack := range l.stacks {
		if strings.HasPrefix(stack, prefix) {
			return stack
		}
	}
	t.Fatalf("no stack %s among %v", prefix, l.stacks)
	return ""
}

// mustCDK runs the CDK's command line and returns what the last command printed.
func (l *life) mustCDK(t *testing.T, commands ...[]string) string {
	t.Helper()
	var output string
	for _, args := range commands {
		var err error
		if output, err = l.machine.CDK(t.Context(), args...); err != nil {
			t.Fatalf("cdk %s: %v\n%s", strings.Join(args, " "), err, output)
		}
	}
	return output
}

// status is a stack's, DELETE_COMPLETE where there is none.
func (l *life) status(t *testing.T, stack string) types.StackStatus {
	t.Helper()
	answer, err := l.client.DescribeStacks(context.Background(), &cloudformation.DescribeStacksInput{StackName: &stack})
	if err != nil && strings.Contains(err.Error(), "does not exist") {
		return types.StackStatusDeleteComplete
	}
	if err != nil {
		t.Fatal(err)
	}
	return answer.Stacks[0].StackStatus
}

// all asserts every stack's status.
func (l *life) all(t *testing.T, want types.StackStatus) {
	t.Helper()
	for _, stack := range l.stacks {
		if got := l.status(t, stack); got != want {
			t.Errorf("%s is %s, want %s", stack, got, want)
		}
	}
}

// events counts what has happened to the stacks.
func (l *life) events(t *testing.T) int {
	t.Helper()
	count := 0
	for _, stack := range l.stacks {
		answer, err := l.client.DescribeStackEvents(t.Context(), &cloudformation.DescribeStackEventsInput{StackName: &stack})
		if err != nil {
			t.Fatal(err)
		}
		count += len(answer.StackEvents)
	}
	return count
}

// image is what the application's task definition runs, by its stack's template.
func (l *life) image(t *testing.T) string {
	t.Helper()
	stack := l.name(t, "ComputeStack")
	answer, err := l.client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: &stack})
	if err != nil {
		t.Fatal(err)
	}
	for _, output := range answer.Stacks[0].Outputs {
		if strings.Contains(*output.OutputValue, "prooflink-local-app@sha256:") {
			return *output.OutputValue
		}
	}
	t.Fatalf("no output names the application's image: %v", answer.Stacks[0].Outputs)
	return ""
}
