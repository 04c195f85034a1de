// Package names is the contract between the infrastructure and the pipeline:
// every name that both sides use is made here and nowhere else.
//
// The names follow 004_9a2c9db51dc67ef8.txt (§1 onwards, `prooflink-{env}-…`),
// with the environment in each of them so that two environments fit into one
// account. It has no dependencies, so the Dagger module can import it too.
package names

import (
	"fmt"
	"strings"
)

// Names makes the names of one project in one environment.
type Names struct {
	// Project is the first part of every name, e.g. "prooflink".
	Project string
	// Env is the environment, e.g. "dev".
	Env string
	// Literal gives what the source documents name without an environment those
	// exact names, e.g. "prooflink-alb": one environment per account then.
	Literal bool
	// Given are names that the configuration chooses.
	Given Given
}

// Given are names that the configuration chooses; an empty one is made here.
type Given struct {
	// AppRepository, BatchRepository and FluentBitRepository are ECR's.
	AppRepository, BatchRepository, FluentBitRepository string
	// DatabaseSecret and AppSecret are Secrets Manager's.
	DatabaseSecret, AppSecret string
}

// New returns the names of a project in an environment, e.g. New("prooflink", "dev").
func New(project, env string) Names {
	return Names{Project: project, Env: env}
}

// Prefix is what names begin with: "prooflink-dev".
func (n Names) Prefix() string { return n.Project + "-" + n.Env }

// with appends parts to the prefix.
func (n Names) with(parts ...string) string {
	return n.Prefix() + "-" + strings.Join(parts, "-")
}

// shared names what the source documents name without the environment.
func (n Names) shared(parts ...string) string {
	if n.Literal {
		return n.Project + "-" + strings.Join(parts, "-")
	}
	return n.with(parts...)
}

// or is a given name, or else the one that is made.
func or(given, made string) string {
	if given != "" {
		return given
	}
	return made
}

// Containers of the task definitions.
const (
	// AppContainer is the Next.js application (004_9a2c9db51dc67ef8.txt Step 10-3).
	// FireLens tags its records "prooflink-app-firelens-<task id>", and the
	// router's configuration matches that.
	AppContainer = "prooflink-app"
	// RouterContainer is Fluent Bit (000_e03a210ce428a44a.txt §5.5).
	RouterContainer = "log-router"
	// MigrateContainer runs the database migrations once per deploy.
	MigrateContainer = "migrate"
)

// Keys of the CDK context.
const (
	// ContextEnv selects the environment.
	ContextEnv = "env"
	// ContextConfig is the path of a configuration file to use instead of one of
	// the environments.
	ContextConfig = "config"
	// ContextAppDigest is the digest of the application's image, "sha256:<64 hex>".
	ContextAppDigest = "appDigest"
	// ContextBatchDigest is the digest of the batch image.
	ContextBatchDigest = "batchDigest"
	// ContextFluentBitDigest is the digest of the log router's image.
	ContextFluentBitDigest = "fluentBitDigest"
)

// DefaultEnv is the environment when none is selected
// (000_e03a210ce428a44a.txt L1000).
const DefaultEnv = "dev"

// AppRepository is the ECR repository of the application.
func (n Names) AppRepository() string { return or(n.Given.AppRepository, n.with("app")) }

// BatchRepository is the ECR repository of the batch image.
func (n Names) BatchRepository() string { return or(n.Given.BatchRepository, n.with("batch")) }

// FluentBitRepository is the ECR repository of the log router.
func (n Names) FluentBitRepository() string {
	return or(n.Given.FluentBitRepository, n.with("fluentbit"))
}

// DeployedTagPrefix begins the tag that an image gets when it is deployed:
// "deployed-" and twelve digits of its digest. The registry keeps images by it,
// so that a rollback finds them.
const DeployedTagPrefix = "deployed-"

// FilesBucket is the application's bucket; the suffix, normally the account's
// id, makes it globally unique.
func (n Names) FilesBucket(suffix string) string { return n.with("files", suffix) }

// LogArchiveBucket is where Fluent Bit writes every record.
func (n Names) LogArchiveBucket(suffix string) string { return n.with("logs", suffix) }

// AccessLogBucket is where the load balancer writes its access logs.
func (n Names) AccessLogBucket(suffix string) string { return n.with("alb-logs", suffix) }

// ConfigBucket is where AWS Config writes.
func (n Names) ConfigBucket(suffix string) string { return n.with("config", suffix) }

// TrailBucket is where CloudTrail writes.
func (n Names) TrailBucket(suffix string) string { return n.with("trail", suffix) }

// QueryResultBucket is where Athena writes.
func (n Names) QueryResultBucket(suffix string) string { return n.with("athena", suffix) }

// Cluster is the ECS cluster.
func (n Names) Cluster() string { return n.with("cluster") }

// Service is the ECS service.
func (n Names) Service() string { return n.shared("service") }

// TaskFamily is the family of the application's task definition.
func (n Names) TaskFamily() string { return n.with("task") }

// MigrateFamily is the family of the migration's task definition.
func (n Names) MigrateFamily() string { return n.with("migrate") }

// PortName is the name of a port mapping, e.g. "app-3000-tcp".
func PortName(port int) string { return fmt.Sprintf("app-%d-tcp", port) }

// JobQueue is the Batch job queue.
func (n Names) JobQueue() string { return n.with("job-queue") }

// ComputeEnvironment is the Batch compute environment for Fargate or, with
// spot, for Fargate Spot: one environment has one type.
func (n Names) ComputeEnvironment(spot bool) string {
	if spot {
		return n.with("compute-env-spot")
	}
	return n.with("compute-env")
}

// UserImportJob is the job definition of the user import.
func (n Names) UserImportJob() string { return n.with("user-import") }

// TestCaseImportJob is the job definition of the test-case import.
func (n Names) TestCaseImportJob() string { return n.with("test-case-import") }

// DatabaseSecret is the secret with the database's credentials.
func (n Names) DatabaseSecret() string {
	return or(n.Given.DatabaseSecret, n.secret("rds-credentials"))
}

// AppSecret is the secret with the application's own keys (NEXTAUTH_SECRET).
func (n Names) AppSecret() string { return or(n.Given.AppSecret, n.secret("app-secrets")) }

// DatabaseURLSecret is the secret with the database's URL, where one is made.
func (n Names) DatabaseURLSecret() string { return n.secret("database-url") }

// secret is a secret's name.
func (n Names) secret(part string) string {
	if n.Literal {
		return n.Project + "/" + part
	}
	return n.Prefix() + "/" + part
}

// Parameter is an SSM parameter: Parameter("image") is "/prooflink/dev/image".
func (n Names) Parameter(key string) string {
	return "/" + n.Project + "/" + n.Env + "/" + key
}
