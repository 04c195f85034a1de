package verify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/prooflink/prooflink/.dagger/caller"
	"github.com/prooflink/prooflink/.dagger/deployed"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// Options are what the caller knows of the plan.
type Options struct {
	// Images are the digests that are to run, by the images' names; nil takes
	// those that the last deployment recorded.
	Images map[string]string
	// Stacks are those that are to be deployed; nil means all that the environment
	// has.
	Stacks []names.StackRole
	// Checks are the names of those to do, e.g. "images"; nil means all. The
	// credentials are looked at always.
	Checks []string
	// Part is the stack, Compute, Database or Batch, whose tasks or jobs are to
	// start: log groups, roles and secrets of the others are not looked at. "" means
	// all.
	Part names.StackRole
	// Limit is how long each check may take; 0 means 30 s.
	Limit time.Duration
}

// limit is enough for a check's calls and their repetitions when AWS throttles.
const limit = 30 * time.Second

// check is one thing to look at.
type check struct {
	name string
	// skip says why there is nothing to look at, or nothing. Its error means that
	// this isn't known.
	skip func(*look) (why string, err error)
	// look returns what it finds. Its error means that it could not look.
	look func(context.Context, *look) (Findings, error)
	// needs are the permissions of IAM that it takes.
	needs []string
}

// checks are all, in the order in which they are listed.
func checks() []check {
	return []check{
		{"examples", always, examples, nil},
		{"bootstrap", always, bootstrap, []string{"ssm:GetParameter", "iam:GetRole"}},
		{"stacks", always, stackStates, nil},
		{"lock", always, lockState, []string{"ssm:GetParameter"}},
		{"service-linked roles", always, linkedRoles, []string{"iam:GetRole"}},
		{"quotas", onlyNew(names.Network), quotas, []string{"cloudformation:ListResources", "ec2:DescribeVpcs", "ec2:DescribeAddresses",
			"servicequotas:GetServiceQuota", "servicequotas:GetAWSDefaultServiceQuota"}},
		{"leftovers", always, leftovers, []string{"ecr:DescribeRepositories", "s3:ListBucket", "secretsmanager:DescribeSecret",
			"rds:DescribeDBInstances", "rds:DescribeDBClusters"}},
		{"log groups", always, logGroups, []string{"logs:DescribeLogGroups"}},
		{"roles", always, taskRoles, []string{"iam:GetRole"}},
		{"images", onlyDeployed(names.Foundation), imagesPresent, []string{"ecr:BatchGetImage", "ssm:GetParameter"}},
		{"secrets", always, secrets, []string{"secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "ecs:DescribeServices",
			"ecs:DescribeTaskDefinition", "batch:DescribeJobDefinitions"}},
		{"certificate", withoutCertificate, certificate, []string{"acm:DescribeCertificate"}},
		{"hosted zone", unless("dns.zoneId is empty: the record is made elsewhere", func(e config.Environment) bool { return e.DNS.ZoneID != "" }), hostedZone, []string{"route53:GetHostedZone"}},
		{"database", onlyDeployed(names.Database), database, []string{"rds:DescribeDBInstances", "rds:DescribeDBClusters"}},
		{"batch", onlyDeployed(names.Batch), batchState, []string{"batch:DescribeComputeEnvironments", "batch:DescribeJobQueues"}},
		{"GuardDuty", unless("security.guardDuty is false", func(e config.Environment) bool { return e.Security.GuardDuty }), guardDuty, []string{"cloudformation:ListResources", "guardduty:ListDetectors", "cloudformation:ListStackResources"}},
		{"Config", unless("security.config is false", func(e config.Environment) bool { return e.Security.Config }), recorder, []string{"config:DescribeConfigurationRecorders", "cloudformation:ListStackResources"}},
		{"GitHub's provider", unless("github.owner is empty: no workflow deploys", func(e config.Environment) bool { return e.GitHub.Owner != "" }), provider, []string{"iam:ListOpenIDConnectProviders", "cloudformation:ListStackResources"}},
	}
}

// Permissions lists the permissions of IAM that a whole look takes, sorted.
// Without one of them, the checks that need it say so.
func Permissions() []string {
	all := map[string]bool{"cloudformation:DescribeStacks": true}
	for _, check := range checks() {
		for _, permission := range check.needs {
			all[permission] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// look is what the checks look at.
type look struct {
	access      aws.Config
	environment config.Environment
	names       names.Names
	options     Options
	// account is that of the credentials.
	account string
	// stacks are the states of those that are there, by role; failed is why one
	// could not be read.
	stacks map[names.StackRole]string
	failed map[names.StackRole]error
}

// Run looks at everything that the environment's deployment depends on, in
// parallel, and returns what it finds, the blockers first. What can't be looked
// at is a warning, never a pass. With credentials that AWS doesn't accept, or
// that are another account's, it looks at nothing else.
func Run(ctx context.Context, access aws.Config, environment config.Environment, options Options) Findings {
	if options.Limit <= 0 {
		options.Limit = limit
	}
	l := &look{access: access, environment: environment, names: environment.Names(), options: options}
	mine := l.bounded(ctx, check{name: "credentials", skip: always, look: credentials})
	all := slices.DeleteFunc(checks(), func(c check) bool { return options.Checks != nil && !slices.Contains(options.Checks, c.name) })
	if len(mine.Blockers()) > 0 {
		for _, check := range all {
			mine = append(mine, Finding{check.name, Skipped, "not looked at: the credentials don't work for this environment", "", "", ""})
		}
		return sorted(mine)
	}
	l.readStacks(ctx)
	found := make([]Findings, len(all))
	var running sync.WaitGroup
	for i, check := range all {
		running.Go(func() { found[i] = l.bounded(ctx, check) })
	}
	running.Wait()
	return sorted(slices.Concat(append([]Findings{mine}, found...)...))
}

// bounded does one check in its time.
func (l *look) bounded(ctx context.Context, check check) Findings {
	why, err := check.skip(l)
	if why != "" {
		return Findings{{Check: check.name, Severity: Skipped, What: why}}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, l.options.Limit, fmt.Errorf("AWS has not answered within %s", l.options.Limit))
	defer cancel()
	var found Findings
	if err == nil {
		found, err = check.look(ctx, l)
	}
	if err != nil { // what it could see is no pass
		found = append(slices.DeleteFunc(found, func(f Finding) bool { return f.Severity == OK }), Unseen(ctx, err))
	}
	for i := range found {
		found[i].Check = check.name
	}
	return found
}

// readStacks asks for every stack's state, all at the same time.
func (l *look) readStacks(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, l.options.Limit)
	defer cancel()
	account := deployed.In(l.access)
	l.stacks, l.failed = map[names.StackRole]string{}, map[names.StackRole]error{}
	var reading sync.WaitGroup
	var writing sync.Mutex
	for _, role := range names.StackRoles() {
		reading.Go(func() {
			states, err := account.States(ctx, []string{l.names.Stack(role)})
			writing.Lock()
			defer writing.Unlock()
			if err != nil {
				l.failed[role] = err
			}
			for _, state := range states {
				l.stacks[role] = state.Status
			}
		})
	}
	reading.Wait()
}

// empty are the states in which a stack has no resources: it isn't there, its
// first change set was never executed, or its creation was rolled back.
var empty = []string{"", "REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"}

// there says whether a stack has been deployed, with all its resources.
func (l *look) there(role names.StackRole) (bool, error) {
	return !slices.Contains(empty, l.stacks[role]) && l.stacks[role] != "CREATE_IN_PROGRESS", l.failed[role]
}

// toMake says whether a stack is to be deployed for the first time.
func (l *look) toMake(role names.StackRole) (bool, error) {
	return l.planned(role) && slices.Contains(empty, l.stacks[role]), l.failed[role]
}

// planned says whether a stack is to be deployed.
func (l *look) planned(role names.StackRole) bool {
	all := l.environment.Stacks()
	return slices.Contains(all, role) && (l.options.Stacks == nil || slices.Contains(l.options.Stacks, role))
}

// concerns says whether what a stack's tasks or jobs need is looked at.
func (l *look) concerns(role names.StackRole) bool {
	return l.options.Part == "" || l.options.Part == role
}

// setting is where a key of the configuration is.
func (l *look) setting(key string) string {
	return "infra/config/environments/" + l.environment.Env + ".yaml: " + key
}

// command is a command of this module for the environment.
func (l *look) command(words string) string {
	return "dagger call " + words + " --env " + l.environment.Env
}

// always skips nothing.
func always(*look) (why string, err error) { return "", nil }

// onlyDeployed skips what can't be there before a stack is.
func onlyDeployed(role names.StackRole) func(*look) (string, error) {
	return func(l *look) (string, error) {
		there, err := l.there(role)
		if there || err != nil {
			return "", err
		}
		return l.names.Stack(role) + " is not deployed yet", nil
	}
}

// onlyNew skips what matters only to a stack's first deployment.
func onlyNew(role names.StackRole) func(*look) (string, error) {
	return func(l *look) (string, error) {
		there, err := l.there(role)
		switch {
		case !l.planned(role):
			return l.names.Stack(role) + " is not to be deployed", nil
		case there && err == nil:
			return l.names.Stack(role) + " has what it needs already", nil
		}
		return "", err
	}
}

// unless skips what the configuration leaves out.
func unless(why string, wanted func(config.Environment) bool) func(*look) (string, error) {
	return func(l *look) (string, error) {
		if wanted(l.environment) {
			return "", nil
		}
		return why, nil
	}
}

// credentials asks whose they are. Whatever is wrong with them stops everything.
func credentials(ctx context.Context, l *look) (found Findings, _ error) {
	var err error
	if l.account, err = caller.Account(ctx, l.access, l.environment.Account); err == nil {
		return Findings{{Severity: OK, What: "the credentials are account " + l.account + "'s"}}, nil
	}
	found = Findings{{Severity: Blocker, What: oneLine(err),
		Where: "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN; " + l.setting("account"),
		Fix:   "sign in to the environment's account, e.g. aws sso login, then: " + l.command("verify")}}
	return found, nil
}

// examples are values that nobody has.
func examples(_ context.Context, l *look) (Findings, error) {
	var found Findings
	for _, example := range l.environment.Examples() {
		key, value, _ := strings.Cut(example, ": ")
		found = append(found, Finding{Severity: Blocker, What: value + " is an example that the repository comes with", Where: l.setting(key),
			Fix: "replace it by your own value"})
	}
	return found.or("the configuration has no example values left"), nil
}

// or is the findings or, where there are none, that all is well.
func (f Findings) or(well string) Findings {
	if len(f) > 0 {
		return f
	}
	return Findings{{Severity: OK, What: well}}
}
