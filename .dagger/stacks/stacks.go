// Package stacks deploys and destroys an environment's CloudFormation stacks, a
// stack after another, with the CDK's command line.
package stacks

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/report"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// Machine does what needs a container.
type Machine interface {
	// Synth writes the templates, with the images' digests, into a folder.
	Synth(context.Context, []images.Published) (assembly string, err error)
	// CDK runs the CDK's command line with a folder of templates at Assembly.
	CDK(ctx context.Context, assembly string, args []string) error
}

// cloudFormation is what is asked besides what the CDK does.
type cloudFormation interface {
	// Failures says why a stack has failed since a time.
	Failures(ctx context.Context, stack string, since time.Time) ([]report.Event, error)
	// Delete deletes a stack and waits.
	Delete(ctx context.Context, stack string) error
}

// Assembly is where the CDK finds the templates.
const Assembly = "/assembly"

// quiet are the options that every command gets: a log is no terminal.
var quiet = []string{"--ci", "--no-notices"}

// BootstrapCommand are the CDK's arguments that prepare an account and region.
func BootstrapCommand(account, region string) []string {
	return append([]string{"bootstrap", "aws://" + account + "/" + region}, quiet...)
}

// DeployCommand are those that deploy some stacks, in the order in which they
// depend on each other, and none that these depend on. A container can't be
// asked for approval: `diff` is the review. It is forced, or the CDK would leave
// a stack alone whose template is the same, though another stack's output that
// it reads has changed; CloudFormation then finds out that there is nothing to
// do. Concurrency is how many stacks may be worked on at a time.
func DeployCommand(stacks []string, concurrency int) []string {
	args := slices.Concat([]string{"deploy"}, stacks, []string{"--exclusively", "--force", "--app", Assembly,
		"--require-approval", "never", "--method", "change-set", "--progress", "events", "--concurrency", strconv.Itoa(concurrency)})
	return append(args, quiet...)
}

// RollbackCommand are those that finish a stack's roll-back that got stuck.
func RollbackCommand(stack string) []string {
	return append([]string{"rollback", stack, "--app", Assembly}, quiet...)
}

// destroyCommand are those that delete one stack and none that depends on it.
func destroyCommand(stack string) []string {
	return append([]string{"destroy", stack, "--exclusively", "--force", "--app", Assembly}, quiet...)
}

// Select finds the stacks that are meant, in the order in which they depend on
// each other: "Network", "NetworkStack" or "NetworkStack-dev". Where none is
// named, all are meant.
func Select(environment config.Environment, wanted []string) ([]names.StackRole, error) {
	if len(wanted) == 0 {
		return environment.Stacks(), nil
	}
	chosen := map[names.StackRole]bool{}
	for _, word := range wanted {
		role, err := find(environment, strings.TrimSpace(word))
		if err != nil {
			return nil, err
		}
		chosen[role] = true
	}
	return slices.DeleteFunc(environment.Stacks(), func(role names.StackRole) bool { return !chosen[role] }), nil
}

// Named lists the stacks' names.
func Named(environment config.Environment, roles []names.StackRole) []string {
	return environment.Names().Stacks(roles)
}

// find reads one stack's name.
func find(environment config.Environment, word string) (names.StackRole, error) {
	bare := strings.TrimSuffix(strings.TrimSuffix(word, "-"+environment.Env), "Stack")
	for _, role := range names.StackRoles() {
		if !strings.EqualFold(string(role), bare) {
			continue
		}
		if !slices.Contains(environment.Stacks(), role) {
			return "", fmt.Errorf("environment %s has no %s: its configuration leaves it out; turn it on in infra/config/environments/%s.yaml, or choose from %s",
				environment.Env, environment.Names().Stack(role), environment.Env, known(environment))
		}
		return role, nil
	}
	return "", fmt.Errorf("stack %q is unknown in environment %s%s; use one of %s", word, environment.Env, meant(bare), known(environment))
}

// known lists the environment's stacks.
func known(environment config.Environment) string {
	var list []string
	for _, role := range environment.Stacks() {
		list = append(list, string(role))
	}
	return strings.Join(list, ", ")
}

// alike is how many letters in a row make two words alike.
const alike = 3

// meant asks whether the role that begins most like the word was meant.
func meant(word string) string {
	best, most := "", alike-1
	for _, role := range names.StackRoles() {
		if n := common(strings.ToLower(word), strings.ToLower(string(role))); n > most {
			best, most = string(role), n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}

// common counts the letters with which both begin.
func common(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// needsImages are the stacks whose templates name images.
var needsImages = []names.StackRole{names.Database, names.Compute, names.Batch}

// NeedImages says whether any of the stacks names images.
func NeedImages(roles []names.StackRole) bool {
	return slices.ContainsFunc(roles, func(role names.StackRole) bool { return slices.Contains(needsImages, role) })
}
