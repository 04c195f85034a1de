package names

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Limit is one name and what AWS accepts for it.
type Limit struct {
	// Kind says what is named, e.g. "load balancer".
	Kind string
	// Name is the name itself.
	Name string
	// Max is the number of characters that AWS allows.
	Max int
	// Pattern is what the whole name must match.
	Pattern *regexp.Regexp
}

// Lengths that AWS allows, from the services' API references.
const (
	maxRepository   = 256
	maxBucket       = 63
	maxECS          = 255
	maxBatch        = 128
	maxSecret       = 512
	maxLogGroup     = 512
	maxParameter    = 1011
	maxLoadBalancer = 32
	maxTargetGroup  = 32
	maxRole         = 64
	maxPolicy       = 128
	maxTag          = 256
	maxGroup        = 255
	maxDatabase     = 63
	maxStack        = 128
	maxTopic        = 256
	maxWAF          = 128
	maxRule         = 64
	maxTrail        = 128
	maxStateMachine = 80
)

// The account id is the longest usual suffix of a bucket.
const exampleSuffix = "000000000000"

var (
	// Letters, digits and single hyphens, neither first nor last.
	hyphenated = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	paths      = regexp.MustCompile(`^[a-zA-Z0-9_./-]+$`)
	camel      = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)
	// ECR's and Secrets Manager's own, which given names may use.
	repositories = regexp.MustCompile(`^[a-z][a-z0-9]*([._/-][a-z0-9]+)*$`)
	secrets      = regexp.MustCompile(`^[a-zA-Z0-9/_+=.@-]+$`)
)

// Limits lists every name with its limit.
func (n Names) Limits() []Limit {
	var all []Limit
	all = append(all, n.registryLimits()...)
	all = append(all, n.computeLimits()...)
	all = append(all, n.networkLimits()...)
	all = append(all, n.pathLimits()...)
	all = append(all, n.monitoringLimits()...)
	for _, stack := range n.Stacks(StackRoles()) {
		all = append(all, Limit{"stack", stack, maxStack, camel})
	}
	return all
}

// registryLimits lists repositories and buckets.
func (n Names) registryLimits() []Limit {
	all := limits("repository", maxRepository, repositories,
		n.AppRepository(), n.BatchRepository(), n.FluentBitRepository())
	return append(all, limits("bucket", maxBucket, hyphenated,
		n.FilesBucket(exampleSuffix), n.LogArchiveBucket(exampleSuffix), n.AccessLogBucket(exampleSuffix),
		n.ConfigBucket(exampleSuffix), n.TrailBucket(exampleSuffix), n.QueryResultBucket(exampleSuffix))...)
}

// computeLimits lists what ECS, Batch and IAM name.
func (n Names) computeLimits() []Limit {
	all := limits("ECS name", maxECS, hyphenated,
		n.Cluster(), n.Service(), n.TaskFamily(), n.MigrateFamily())
	all = append(all, limits("Batch name", maxBatch, hyphenated,
		n.JobQueue(), n.ComputeEnvironment(false), n.ComputeEnvironment(true),
		n.UserImportJob(), n.TestCaseImportJob())...)
	all = append(all, limits("policy", maxPolicy, hyphenated, n.ReadPolicy(), n.CheckPolicy())...)
	return append(all, limits("role", maxRole, hyphenated,
		n.ExecutionRole(), n.TaskRole(), n.MigrateExecutionRole(), n.MigrateRole(), n.BatchExecutionRole(),
		n.BatchJobRole(), n.BatchServiceRole(), n.FlowLogRole(), n.ConfigRole(), n.DeployRole(), n.PlanRole(), n.DatabaseScheduleRole(),
		n.DatabaseAutomationRole(), n.SlackRole(), n.StateMachineRole(), n.StartRole(), n.FrontendRole())...)
}

// networkLimits lists what EC2, ELB and RDS name.
func (n Names) networkLimits() []Limit {
	const az = "ap-northeast-1a"
	all := limits("load balancer", maxLoadBalancer, hyphenated, n.Alb())
	all = append(all, limits("target group", maxTargetGroup, hyphenated, n.TargetGroup())...)
	all = append(all, limits("database", maxDatabase, hyphenated, n.Database(), n.DatabaseInstance(1))...)
	all = append(all, limits("database group", maxGroup, hyphenated,
		n.DatabaseSubnetGroup(), n.DatabaseParameterGroup("15"), n.DatabaseClusterParameterGroup("15"))...)
	all = append(all, limits("security group", maxGroup, hyphenated,
		n.AlbSecurityGroup(), n.TaskSecurityGroup(), n.DatabaseSecurityGroup(), n.EndpointSecurityGroup(), n.BatchSecurityGroup())...)
	return append(all, limits("Name tag", maxTag, hyphenated,
		n.Vpc(), n.InternetGateway(), n.PublicSubnet(1, az), n.PrivateSubnet(1, az),
		n.PublicRouteTable(), n.PrivateRouteTable(1, az), n.NatGateway(1), n.Endpoint("secretsmanager"))...)
}

// pathLimits lists secrets, log groups and parameters.
func (n Names) pathLimits() []Limit {
	all := limits("secret", maxSecret, secrets, n.DatabaseSecret(), n.AppSecret(), n.DatabaseURLSecret(),
		n.GitHubTokenSecret(), n.FrontendPasswordSecret())
	all = append(all, limits("parameter", maxParameter, paths, n.Parameter("deploy/lock"))...)
	return append(all, limits("log group", maxLogGroup, paths,
		n.AppLogGroup(), n.ServerLogGroup(), n.ClientLogGroup(), n.ErrorsLogGroup(), n.RouterLogGroup(),
		n.MigrateLogGroup(), n.BatchLogGroup(), n.FlowLogGroup(), n.WorkflowLogGroup(), n.SlackLogGroup())...)
}

// monitoringLimits lists what watches, records and starts.
func (n Names) monitoringLimits() []Limit {
	all := limits("topic", maxTopic, hyphenated, n.CriticalTopic(), n.WarningTopic())
	all = append(all, limits("web ACL", maxWAF, hyphenated, n.WebACL(), n.AllowedIPs())...)
	all = append(all, limits("dashboard", maxGroup, camel, n.Dashboard())...)
	all = append(all, limits("alarm", maxGroup, hyphenated, n.Alarm("alb-response-time-high"))...)
	all = append(all, limits("rule or schedule", maxRule, hyphenated,
		n.EventRule("service-deployment-failed"), n.DatabaseSchedule(), n.DatabaseScheduleAction("start"))...)
	all = append(all, limits("query", maxGroup, paths, n.Query("client-errors-by-screen"))...)
	all = append(all, limits("metric namespace", maxGroup, paths, n.ErrorNamespace())...)
	all = append(all, limits("function", maxRule, hyphenated, n.SlackFunction())...)
	all = append(all, limits("key alias", maxTag, paths, n.TopicKey(), n.DatabaseKey())...)
	all = append(all, limits("trail", maxTrail, hyphenated, n.Trail())...)
	all = append(all, limits("Glue database", maxGroup, paths, n.QueryDatabase())...)
	all = append(all, limits("workgroup", maxTrail, hyphenated, n.Workgroup())...)
	all = append(all, limits("state machine", maxStateMachine, hyphenated, n.StateMachine())...)
	return append(all, limits("Amplify app", maxGroup, hyphenated, n.Frontend())...)
}

// limits gives several names of one kind the same limit.
func limits(kind string, most int, pattern *regexp.Regexp, all ...string) []Limit {
	var list []Limit
	for _, name := range all {
		list = append(list, Limit{Kind: kind, Name: name, Max: most, Pattern: pattern})
	}
	return list
}

// Check says why AWS would refuse the name, or nil.
func (l Limit) Check() error {
	switch {
	case len(l.Name) > l.Max:
		return fmt.Errorf("%s name %q has %d characters, AWS allows %d; shorten project or env",
			l.Kind, l.Name, len(l.Name), l.Max)
	case !l.Pattern.MatchString(l.Name):
		return fmt.Errorf("%s name %q has characters that AWS refuses; use a-z, 0-9 and single hyphens in project and env",
			l.Kind, l.Name)
	case strings.HasPrefix(l.Name, "internal-"):
		return fmt.Errorf("%s name %q begins with \"internal-\", which AWS reserves; rename project", l.Kind, l.Name)
	}
	return nil
}

// Check says what AWS would refuse among all names, or nil.
func (n Names) Check() error {
	var problems []error
	for _, limit := range n.Limits() {
		problems = append(problems, limit.Check())
	}
	return errors.Join(problems...)
}
