package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/prooflink/prooflink/.dagger/deployed"
	"github.com/prooflink/prooflink/.dagger/internal/dagger"
	"github.com/prooflink/prooflink/.dagger/stacks"
	"github.com/prooflink/prooflink/infra/changes"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/templates"
)

// Say what a deployment would change: security first, then what loses data.
//
// An environment is compared with what is deployed of it, which needs
// credentials. `--against prod` says instead how another environment differs,
// and `--against-templates ./cdk.out` how templates do that `synth` wrote
// before; neither needs AWS.
//
// +cache="never"
func (m *Prooflink) Diff(
	ctx context.Context,
	// The environment: "dev", "prod" or "local".
	//
	// +default="dev"
	env string,
	// Another environment to compare with, like "prod".
	//
	// +optional
	against string,
	// A folder of templates to compare with, like ./cdk.out.
	//
	// +optional
	againstTemplates *dagger.Directory,
	// The stacks to look at, like "Network,Database"; by default all.
	//
	// +optional
	stacks []string,
	// "text" for a person, "json" for a program.
	//
	// +default="text"
	format string,
	// Fail where something differs: a check for drift between code and AWS.
	//
	// +optional
	fail bool,
) (string, error) {
	if err := checkFormat(format); err != nil {
		return "", err
	}
	found, err := m.compare(ctx, env, against, againstTemplates, stacks)
	if err != nil {
		return "", err
	}
	text, err := written(found, format)
	if err == nil && fail && !found.Empty() {
		return "", errors.New("there are differences:\n\n" + text)
	}
	return text, err
}

// written writes the changes for a person or for a program.
func written(found changes.Changes, format string) (string, error) {
	if format != formatJSON {
		return found.Text(), nil
	}
	text, err := json.MarshalIndent(found, "", "  ")
	return string(text) + "\n", err
}

// formatJSON is the format for programs.
const formatJSON = "json"

// checkFormat refuses a format that there isn't.
func checkFormat(format string) error {
	if format != "text" && format != formatJSON {
		return fmt.Errorf("format %q is unknown; use text or json", format)
	}
	return nil
}

// compare compares an environment with whatever was asked for.
func (m *Prooflink) compare(ctx context.Context, env, against string, folder *dagger.Directory, wanted []string) (changes.Changes, error) {
	environment, err := config.Load(env)
	if err != nil {
		return changes.Changes{}, err
	}
	roles, err := stacks.Select(environment, wanted)
	if err != nil {
		return changes.Changes{}, err
	}
	switch {
	case against != "" && folder != nil:
		return changes.Changes{}, errors.New("diff: give --against or --against-templates, not both")
	case against != "":
		return m.diffEnvironment(ctx, environment, against, roles)
	case folder != nil:
		return m.diffTemplates(ctx, environment, folder, roles)
	default:
		if environment, _, err = m.open(ctx, env); err != nil {
			return changes.Changes{}, err
		}
		return m.diffDeployed(ctx, environment, roles)
	}
}

// diffEnvironment says how an environment differs from another.
func (m *Prooflink) diffEnvironment(ctx context.Context, environment config.Environment, against string, roles []names.StackRole) (changes.Changes, error) {
	if against == environment.Env {
		return changes.Changes{}, fmt.Errorf("diff: %s is compared with itself; leave --against out to compare with what is deployed", against)
	}
	other, err := config.Load(against)
	if err != nil {
		return changes.Changes{}, err
	}
	otherRoles := roles
	if len(roles) == len(environment.Stacks()) {
		otherRoles = other.Stacks()
	}
	before, err := m.synthesized(ctx, other, otherRoles)
	if err != nil {
		return changes.Changes{}, err
	}
	after, err := m.synthesized(ctx, environment, roles)
	return changes.CompareEnvironments(before, after), err
}

// synthesized is an environment's stacks, those of them that are wanted.
func (m *Prooflink) synthesized(ctx context.Context, environment config.Environment, roles []names.StackRole) (changes.Environment, error) {
	list, err := readTemplates(ctx, m.synth(environment.Env, nil), stacks.Named(environment, roles))
	return changes.Environment{Env: environment.Env, Stacks: list}, err
}

// diffTemplates says what this checkout changes in a folder of templates.
func (m *Prooflink) diffTemplates(ctx context.Context, environment config.Environment, folder *dagger.Directory, roles []names.StackRole) (changes.Changes, error) {
	keep := stacks.Named(environment, roles)
	before, err := readTemplates(ctx, folder, nil)
	if err != nil {
		return changes.Changes{}, err
	}
	after, err := readTemplates(ctx, m.synth(environment.Env, nil), keep)
	if err != nil {
		return changes.Changes{}, err
	}
	if len(roles) < len(environment.Stacks()) {
		before = stacks.Only(before, keep)
	}
	found := changes.Compare(before, after)
	found.Before, found.After = "the given templates", environment.Env+" of this checkout"
	return found, nil
}

// diffDeployed says what deploying these stacks of an environment would change.
func (m *Prooflink) diffDeployed(ctx context.Context, environment config.Environment, roles []names.StackRole) (changes.Changes, error) {
	access, err := m.awsConfig(ctx, environment)
	if err != nil {
		return changes.Changes{}, err
	}
	machine := m.account(environment)
	published, err := machine.findFor(ctx, roles)
	if err != nil {
		return changes.Changes{}, err
	}
	assembly, err := machine.Synth(ctx, published)
	if err != nil {
		return changes.Changes{}, err
	}
	defer os.RemoveAll(assembly)
	return stacks.Compare(ctx, deployed.In(access), environment, roles, assembly)
}

// readTemplates reads the templates of a folder, only those of the stacks to
// keep where these are given.
func readTemplates(ctx context.Context, folder *dagger.Directory, keep []string) ([]templates.Stack, error) {
	dir, err := os.MkdirTemp("", "templates")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	folder = folder.Filter(dagger.DirectoryFilterOpts{Include: []string{"*.template.json", "manifest.json"}})
	found, err := folder.Glob(ctx, "*.template.json")
	if err != nil {
		return nil, explain(err)
	}
	if len(found) == 0 {
		return nil, errors.New("the folder has no *.template.json: give one that was written by `dagger call synth export --path cdk.out`")
	}
	if _, err := folder.Export(ctx, dir); err != nil {
		return nil, explain(err)
	}
	list, err := templates.Read(dir)
	if err != nil {
		return nil, err
	}
	if keep != nil {
		list = stacks.Only(list, keep)
	}
	return list, nil
}
