package stacks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/prooflink/prooflink/.dagger/deployed"
	"github.com/prooflink/prooflink/.dagger/jobs"
	"github.com/prooflink/prooflink/.dagger/sweep"
	"github.com/prooflink/prooflink/infra/changes"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/templates"
)

// Confirmation is what a user has to write to destroy an environment, e.g.
// "prooflink-dev".
func Confirmation(environment config.Environment) string { return environment.Names().Prefix() }

// All lists the names of every stack that an environment may ever have had, in
// the order of deployment.
func All(environment config.Environment) []string {
	return environment.Names().Stacks(names.StackRoles())
}

// CheckDestroyable refuses an environment whose configuration keeps data
// (000_e03a210ce428a44a.txt L1191-1193: what to do before a deletion).
func CheckDestroyable(environment config.Environment) error {
	var kept []string
	if environment.Removal.Policy == config.RemovalRetain {
		kept = append(kept, "removal.policy is retain")
	}
	if environment.DB.DeletionProtection {
		kept = append(kept, "db.deletionProtection is true")
	}
	if len(kept) == 0 {
		return nil
	}
	return errors.New("destroy " + environment.Env + ": the environment keeps its data: " + strings.Join(kept, ", ") + ".\nNothing was deleted. " + steps(environment))
}

// databaseCommands are, by the engine, what keeps a database's data and what
// lets it be deleted. A stopped Aurora cluster has to be started before (Amazon
// Aurora User Guide, "Deleting a stopped Aurora cluster").
var databaseCommands = map[string]struct{ snapshot, unprotect string }{
	config.EngineRDS: {
		"aws rds create-db-snapshot --db-instance-identifier %s --db-snapshot-identifier %s",
		"aws rds modify-db-instance --db-instance-identifier %s --no-deletion-protection --apply-immediately"},
	config.EngineAurora: {
		"aws rds create-db-cluster-snapshot --db-cluster-identifier %s --db-cluster-snapshot-identifier %s",
		"aws rds modify-db-cluster --db-cluster-identifier %s --no-deletion-protection --apply-immediately (start it first where it is stopped)"},
}

// steps say what has to be done by hand first.
func steps(environment config.Environment) string {
	named := environment.Names()
	database := databaseCommands[environment.DB.Engine]
	backup := "To give it up all the same:\n  1. Keep what you need: " +
		fmt.Sprintf(database.snapshot, named.Database(), named.Prefix()+"-last") + ", and copies of its buckets.\n"
	if environment.Env != config.Production {
		return backup + fmt.Sprintf(
			"  2. In infra/config/environments/%[1]s.yaml write db.deletionProtection: false, removal.policy: destroy and removal.emptyOnDelete: true.\n"+
				"  3. Deploy that: dagger call deploy --env %[1]s --stacks %[2]s\n"+
				"  4. dagger call destroy --env %[1]s --confirm %[3]s", environment.Env, strings.ReplaceAll(known(environment), " ", ""), Confirmation(environment))
	}
	stacks := named.Stacks(environment.Stacks())
	slices.Reverse(stacks)
	return backup + fmt.Sprintf(
		"  2. Production is never unprotected by its configuration, so by hand, in the account: %s, and\n"+
			"     aws elbv2 modify-load-balancer-attributes --attributes Key=deletion_protection.enabled,Value=false --load-balancer-arn ARN\n"+
			"  3. For each stack, in this order: %s:\n"+
			"     aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name STACK\n"+
			"     aws cloudformation delete-stack --stack-name STACK\n"+
			"  4. Buckets, repositories, log groups, secrets and the database's last snapshot stay: empty and delete them by hand.", fmt.Sprintf(database.unprotect, named.Database()), strings.Join(stacks, ", "))
}

// CheckUnprotected refuses where what is deployed is still protected, though the
// configuration no longer says so: half of the stacks would go.
func CheckUnprotected(environment config.Environment, present []deployed.Stack) error {
	var found []string
	for _, stack := range present {
		if stack.Protected {
			found = append(found, stack.Name+" has termination protection")
		}
		for _, id := range stack.IDs() {
			if isProtected(stack.Resources[id]) {
				found = append(found, fmt.Sprintf("%s of %s has deletion protection", id, stack.Name))
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	return fmt.Errorf("destroy %s: what is deployed is still protected: %s.\nNothing was deleted. Deploy the configuration, which no longer protects it, and try again: dagger call deploy --env %s --stacks %s",
		environment.Env, strings.Join(found, "; "), environment.Env, strings.ReplaceAll(known(environment), " ", ""))
}

// isProtected says whether AWS refuses to delete a database or a load balancer.
func isProtected(resource templates.Resource) bool {
	return resource.Text("DeletionProtection") == "true" ||
		strings.Contains(resource.Text("LoadBalancerAttributes"), "{Key:deletion_protection.enabled Value:true}")
}

// Plan says what destroying would delete, in its order, and what data goes with it.
func Plan(account string, present []deployed.Stack) string {
	if len(present) == 0 {
		return fmt.Sprintf("No stack of it is in account %s.\n", account)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Stacks of account %s, in this order:\n", account)
	for i := len(present) - 1; i >= 0; i-- {
		fmt.Fprintf(&text, "  %s, %d resources%s\n", present[i].Name, len(present[i].Resources), data(present[i]))
	}
	return text.String()
}

// data names the resources of a stack that hold data.
func data(stack deployed.Stack) string {
	var lost, kept []string
	for _, id := range stack.IDs() {
		resource := stack.Resources[id]
		switch {
		case !changes.HoldsData(resource.Type):
		case resource.DeletionPolicy == "Retain" || resource.DeletionPolicy == "Snapshot":
			kept = append(kept, id+" ("+resource.Type+", "+resource.DeletionPolicy+")")
		default:
			lost = append(lost, id+" ("+resource.Type+")")
		}
	}
	var said string
	if len(lost) > 0 {
		said += "\n    its data is LOST: " + strings.Join(lost, ", ")
	}
	if len(kept) > 0 {
		said += "\n    stays: " + strings.Join(kept, ", ")
	}
	return said
}

// destruction is what one run has come to know.
type destruction struct {
	machine     Machine
	aws         cloudFormation
	environment config.Environment
	assembly    string
}

// Destroy deletes the stacks that are there, the last of their order first. A
// stack that the configuration no longer has is deleted without the CDK, which
// only knows those of the templates.
func Destroy(ctx context.Context, machine Machine, formation cloudFormation, environment config.Environment, present []deployed.Stack) (jobs.Results, error) {
	if len(present) == 0 {
		return nil, nil
	}
	d := &destruction{machine: machine, aws: formation, environment: environment}
	steps := []jobs.Job{{Name: "synthesize", Run: d.synthesize}}
	for i := len(present) - 1; i >= 0; i-- {
		stack := present[i].Name
		steps = append(steps, jobs.Job{Name: "delete " + stack, Run: func(ctx context.Context) (string, error) {
			return "", withReasons(ctx, formation, stack, func() error { return d.destroy(ctx, stack) })
		}})
	}
	results := jobs.Steps(ctx, steps...)
	if failed := results.Failed(); len(failed) > 0 {
		return results, fmt.Errorf("destroy %s: step %q failed; the same command goes on from there\n\n%s", environment.Env, failed[0], results.Report())
	}
	return results, nil
}

// synthesize writes the templates, which the CDK finds the stacks by.
func (d *destruction) synthesize(ctx context.Context) (_ string, err error) {
	d.assembly, err = d.machine.Synth(ctx, nil)
	return "", err
}

// destroy deletes one stack.
func (d *destruction) destroy(ctx context.Context, stack string) error {
	if !slices.Contains(d.environment.Names().Stacks(d.environment.Stacks()), stack) {
		return d.aws.Delete(ctx, stack)
	}
	return d.machine.CDK(ctx, d.assembly, destroyCommand(stack))
}

// CheckConfirmed refuses without the confirmation, and says what it would
// confirm.
func CheckConfirmed(environment config.Environment, confirm, account string, present []deployed.Stack, swept string) error {
	want := Confirmation(environment)
	if confirm == want {
		return nil
	}
	given := "no confirmation was given"
	if confirm != "" {
		given = fmt.Sprintf("the confirmation is %q", confirm)
	}
	return fmt.Errorf("destroy %[1]s: %[2]s, so nothing was deleted.\n\n%[3]s\nThen, what CloudFormation leaves behind:\n%[4]s\nTo delete all of this for good: dagger call destroy --env %[1]s --confirm %[5]s",
		environment.Env, given, Plan(account, present), swept, want)
}

// Finish sweeps what the stacks left and says what remains. What could not be
// removed is an error with the whole report.
func Finish(ctx context.Context, environment config.Environment, access aws.Config, deleted jobs.Results) (string, error) {
	targets := sweep.Of(environment)
	swept := sweep.Sweep(ctx, access, targets)
	left, err := sweep.Left(ctx, access, targets)
	report := append(deleted, swept...).Table() + "\n" + remaining(left, err)
	if failed := swept.Failed(); len(failed) > 0 {
		return "", fmt.Errorf("destroy %s: the stacks are gone, but not everything else: %s; the same command tries again\n\n%s\n%w",
			environment.Env, strings.Join(failed, ", "), report, swept.Err())
	}
	return fmt.Sprintf("Destroyed %s\n\n%s", environment.Names().Prefix(), report), nil
}

// remaining says what still has the environment's tags.
func remaining(arns []string, err error) string {
	switch {
	case err != nil:
		return "What is left is unknown: " + err.Error() + "\n"
	case len(arns) == 0:
		return "Nothing is left that has the environment's tags.\n"
	default:
		return fmt.Sprintf("Left with the environment's tags (AWS shows what was deleted for some time): %d\n  %s\n", len(arns), strings.Join(arns, "\n  "))
	}
}
