package stacks

import (
	"context"
	"slices"

	"github.com/prooflink/prooflink/.dagger/deployed"
	"github.com/prooflink/prooflink/infra/changes"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/templates"
)

// Compare says what deploying these stacks from a folder of templates would
// change. With all of the environment's stacks, those are noticed, too, that are
// deployed and no longer in the configuration.
func Compare(ctx context.Context, formation deployed.Account, environment config.Environment, roles []names.StackRole, assembly string) (changes.Changes, error) {
	asked := Named(environment, roles)
	if len(roles) == len(environment.Stacks()) {
		asked = All(environment)
	}
	present, err := formation.Stacks(ctx, asked)
	if err != nil {
		return changes.Changes{}, err
	}
	after, err := templates.Read(assembly)
	if err != nil {
		return changes.Changes{}, err
	}
	found := changes.Compare(deployed.Templates(present), Only(after, Named(environment, roles)))
	found.Before, found.After = environment.Env+" as deployed", environment.Env+" of this checkout"
	return found, nil
}

// Only keeps the stacks of these names.
func Only(list []templates.Stack, keep []string) []templates.Stack {
	return slices.DeleteFunc(list, func(stack templates.Stack) bool { return !slices.Contains(keep, stack.Name) })
}
