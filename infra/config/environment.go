// Package config has the environments as data: one strict YAML file each,
// decoded into Environment and checked against what AWS accepts.
//
// A file with mistakes yields all of them at once, each with its file, its
// line and how to mend it. Adding an environment is adding a file to
// environments/. The values are those of 000_e03a210ce428a44a.txt (Appendix)
// and 004_9a2c9db51dc67ef8.txt; where they differ the latter stands.
package config

import (
	"slices"
	"strconv"

	"github.com/prooflink/prooflink/infra/names"
)

// Environment is one environment's file. Every key is required, so that a
// file shows everything that is configured.
type Environment struct {
	// Env is the environment's name and the file's, e.g. "dev".
	Env string `yaml:"env"`
	// Account is the AWS account's id; empty means that of the credentials.
	Account string `yaml:"account"`
	// Region is the AWS region, e.g. "ap-northeast-1".
	Region string `yaml:"region"`
	// Project is the first part of every name, e.g. "prooflink".
	Project string `yaml:"project"`
	// Naming is how resources are named and tagged.
	Naming Naming `yaml:"naming"`
	// Network is the VPC.
	Network Network `yaml:"network"`
	// Secrets are the secrets' names.
	Secrets Secrets `yaml:"secrets"`
	// DB is the database.
	DB DB `yaml:"db"`
	// Images are the repositories' names.
	Images Images `yaml:"images"`
	// App is the application's ECS service.
	App App `yaml:"app"`
	// ALB is the load balancer.
	ALB ALB `yaml:"alb"`
	// DNS is the name by which users find the application.
	DNS DNS `yaml:"dns"`
	// WAF is the firewall before the load balancer.
	WAF WAF `yaml:"waf"`
	// Logging is where logs go and how long they stay.
	Logging Logging `yaml:"logging"`
	// S3 is the buckets.
	S3 S3 `yaml:"s3"`
	// ECR is the image repositories.
	ECR ECR `yaml:"ecr"`
	// Batch is the import jobs.
	Batch Batch `yaml:"batch"`
	// Security is the account's audit services.
	Security Security `yaml:"security"`
	// Monitoring is alarms, their receivers, the dashboard and saved queries.
	Monitoring Monitoring `yaml:"monitoring"`
	// GitHub is the repository whose workflows deploy.
	GitHub GitHub `yaml:"github"`
	// Optional is what the first version does without.
	Optional Optional `yaml:"optional"`
	// Removal is what happens to data when its stack is deleted.
	Removal Removal `yaml:"removal"`
}

// Naming is how resources are named and tagged.
type Naming struct {
	// Scheme is SchemeEnv, with the environment in every name, or SchemeLiteral,
	// with the source documents' exact names: one environment per account then.
	Scheme string `yaml:"scheme"`
	// Tags are on every resource that has tags.
	Tags map[string]string `yaml:"tags"`
}

// Secrets are the secrets' names.
type Secrets struct {
	// DBName is that of the database's credentials; empty means
	// "<project>-<env>/rds-credentials".
	DBName string `yaml:"dbName"`
	// AppName is that of the application's keys; empty means
	// "<project>-<env>/app-secrets".
	AppName string `yaml:"appName"`
}

// Images are the repositories' names. Which image runs is not configured: it is
// a digest that the pipeline passes.
type Images struct {
	// AppRepo is the application's; empty means "<project>-<env>-app".
	AppRepo string `yaml:"appRepo"`
	// BatchRepo is the jobs'; empty means "<project>-<env>-batch".
	BatchRepo string `yaml:"batchRepo"`
	// FluentBitRepo is the log router's; empty means "<project>-<env>-fluentbit".
	FluentBitRepo string `yaml:"fluentbitRepo"`
}

// Network is the VPC.
type Network struct {
	// AZs are the two availability zones that have subnets.
	AZs []string `yaml:"azs"`
	// ActiveAZs is in how many of them tasks, endpoints and NAT gateways are.
	ActiveAZs int `yaml:"activeAzs"`
	// VpcCIDR is the VPC's range, e.g. "10.0.0.0/16".
	VpcCIDR string `yaml:"vpcCidr"`
	// PublicSubnetCIDRs are the load balancer's subnets, one per zone.
	PublicSubnetCIDRs []string `yaml:"publicSubnetCidrs"`
	// PrivateSubnetCIDRs are the tasks' and the database's subnets, one per zone.
	PrivateSubnetCIDRs []string `yaml:"privateSubnetCidrs"`
	// NatGateways is 0 (no way out but the endpoints), 1 or 2 (one per zone).
	NatGateways int `yaml:"natGateways"`
	// InterfaceEndpoints are services, e.g. "ecr.api".
	InterfaceEndpoints []string `yaml:"interfaceEndpoints"`
	// EndpointSgEgress is EgressAll or EgressNone.
	EndpointSgEgress string `yaml:"endpointSgEgress"`
	// FlowLogs records the VPC's traffic in CloudWatch Logs.
	FlowLogs bool `yaml:"flowLogs"`
}

// DB is the database.
type DB struct {
	// Engine is EngineRDS or EngineAurora.
	Engine string `yaml:"engine"`
	// Version is PostgreSQL's, e.g. "15".
	Version string `yaml:"version"`
	// InstanceClass is without "db.", e.g. "t4g.micro".
	InstanceClass string `yaml:"instanceClass"`
	// StorageGiB is the size of RDS's gp3 volume; 0 for Aurora, whose volume grows
	// by itself.
	StorageGiB int `yaml:"storageGiB"`
	// MaxStorageGiB is how far RDS's volume may grow by itself; 0 means not at all.
	MaxStorageGiB int `yaml:"maxStorageGiB"`
	// IOPS is 0 for gp3's own; RDS accepts 12000 to 64000 from 400 GiB.
	IOPS int `yaml:"iops"`
	// MultiAZ keeps a standby in the other zone; false for Aurora, which has readers.
	MultiAZ bool `yaml:"multiAz"`
	// Readers is how many readers an Aurora cluster has beside its writer; 0 for RDS.
	Readers int `yaml:"readers"`
	// BackupRetentionDays is 0 for no backups, which Aurora cannot be without.
	BackupRetentionDays int `yaml:"backupRetentionDays"`
	// BackupWindow is in UTC and at least half an hour, e.g. "17:00-18:00".
	BackupWindow string `yaml:"backupWindow"`
	// Encrypted encrypts the storage; RDS cannot change it later.
	Encrypted bool `yaml:"encrypted"`
	// KMSKey is KeyAWS, the service's own key, or KeyCMK, one of the stack's own.
	KMSKey string `yaml:"kmsKey"`
	// DeletionProtection makes RDS refuse to delete the instance.
	DeletionProtection bool `yaml:"deletionProtection"`
	// PerformanceInsights keeps seven days of them.
	PerformanceInsights bool `yaml:"performanceInsights"`
	// Name is the database's, e.g. "prooflink_dev".
	Name string `yaml:"name"`
	// SSLMode is PostgreSQL's sslmode, e.g. "verify-full".
	SSLMode string `yaml:"sslMode"`
	// URLMode is URLCompose, where programs make the URL of the credentials'
	// parts, or URLSecret, where a second secret has it (and keeps the old
	// password after a rotation).
	URLMode string `yaml:"urlMode"`
	// Schedule stops the database overnight.
	Schedule Schedule `yaml:"schedule"`
}

// Schedule stops and starts the database.
type Schedule struct {
	// Enabled turns it on.
	Enabled bool `yaml:"enabled"`
	// Stop is when the database stops, e.g. "22:00".
	Stop string `yaml:"stop"`
	// Start is when it starts, e.g. "09:00".
	Start string `yaml:"start"`
	// Days are a cron expression's days of the week on which both happen, e.g.
	// "SUN-SAT" or "MON-FRI".
	Days string `yaml:"days"`
	// Timezone is an IANA name, e.g. "Asia/Tokyo".
	Timezone string `yaml:"timezone"`
	// Mechanism is MechanismScheduler, which calls RDS itself, or MechanismSSM,
	// which runs AWS's automation documents.
	Mechanism string `yaml:"mechanism"`
}

// App is the application's ECS service.
type App struct {
	// Port is where the container listens.
	Port int `yaml:"port"`
	// HealthPath answers 200 without a login, e.g. "/api/health".
	HealthPath string `yaml:"healthPath"`
	// CPU is in units of 1/1024 vCPU, in a pair with Memory that Fargate has.
	CPU int `yaml:"cpu"`
	// Memory is in MiB.
	Memory int `yaml:"memory"`
	// DesiredCount is the number of tasks where autoscaling is off.
	DesiredCount int `yaml:"desiredCount"`
	// Autoscaling decides the number of tasks where it is on.
	Autoscaling Autoscaling `yaml:"autoscaling"`
	// Exec lets a person run a command in a running task, as root; no port is opened for it.
	Exec bool `yaml:"exec"`
	// ContainerInsights turns CloudWatch's metrics per container on.
	ContainerInsights bool `yaml:"containerInsights"`
	// GraceSeconds is how long a new task may fail its health check.
	GraceSeconds int `yaml:"graceSeconds"`
}

// Autoscaling keeps the service's CPU near a target.
type Autoscaling struct {
	// Enabled turns it on.
	Enabled bool `yaml:"enabled"`
	// Min is the least number of tasks.
	Min int `yaml:"min"`
	// Max is the largest number of tasks.
	Max int `yaml:"max"`
	// CPUTarget is in percent.
	CPUTarget int `yaml:"cpuTarget"`
}

// ALB is the load balancer.
type ALB struct {
	// TLS is its HTTPS.
	TLS TLS `yaml:"tls"`
	// HTTPAction is what port 80 does: HTTPForward or HTTPRedirect.
	HTTPAction string `yaml:"httpAction"`
	// OpenHTTP lets everybody reach port 80.
	OpenHTTP bool `yaml:"openHttp"`
	// AccessLogs are written to a bucket of their own.
	AccessLogs bool `yaml:"accessLogs"`
}

// TLS is the load balancer's HTTPS.
type TLS struct {
	// Enabled adds a listener on port 443.
	Enabled bool `yaml:"enabled"`
	// CertificateArn is an ACM certificate of the same region; empty means that
	// one is requested and validated in the zone dns.zoneId.
	CertificateArn string `yaml:"certificateArn"`
}

// DNS is the name by which users find the application.
type DNS struct {
	// ZoneName is the Route 53 zone's name, e.g. "example.com".
	ZoneName string `yaml:"zoneName"`
	// ZoneID is the zone's id; empty means that the record is made elsewhere.
	ZoneID string `yaml:"zoneId"`
	// RecordName is the full name, e.g. "prooflink.example.com".
	RecordName string `yaml:"recordName"`
}

// WAF is the firewall before the load balancer.
type WAF struct {
	// Mode is WAFNone, WAFIPAllow (only the allowed addresses), WAFManaged (AWS's
	// managed rules) or WAFBoth.
	Mode string `yaml:"mode"`
	// AllowedCIDRs are the addresses that may use the application.
	AllowedCIDRs []string `yaml:"allowedCidrs"`
	// CountRules are managed rules that only count, e.g. "SizeRestrictions_BODY",
	// which would refuse uploads over 8 KB.
	CountRules []string `yaml:"countRules"`
}

// Logging is where logs go and how long they stay.
type Logging struct {
	// Driver is DriverFireLens, where Fluent Bit routes the application's log, or
	// DriverAWSLogs, where all of it goes to CloudWatch Logs.
	Driver string `yaml:"driver"`
	// DirectToCloudWatch makes the application send its log itself, too; with
	// DriverAWSLogs every line would be stored twice.
	DirectToCloudWatch bool `yaml:"directToCloudWatch"`
	// ArchiveBucket keeps every record in S3 (FireLens only).
	ArchiveBucket bool `yaml:"archiveBucket"`
	// ServerLevel is the server log's threshold, e.g. "info".
	ServerLevel string `yaml:"serverLevel"`
	// ClientLevel is the browsers' threshold, e.g. "warn".
	ClientLevel string `yaml:"clientLevel"`
	// ClientBatchSize is how many entries a browser collects.
	ClientBatchSize int `yaml:"clientBatchSize"`
	// ClientBatchIntervalMs is how long it collects them.
	ClientBatchIntervalMs int `yaml:"clientBatchIntervalMs"`
	// Retention is how many days each log group keeps its records.
	Retention Retention `yaml:"retention"`
}

// ClientVariables are what the browsers' log is told. `next build` writes them
// into the pages, so the app's image is built with them; its task definition has
// them for the server's side (004_9a2c9db51dc67ef8.txt L764-766).
func (l Logging) ClientVariables() map[string]string {
	return map[string]string{
		"NEXT_PUBLIC_CLIENT_LOG_SEND_LEVEL":     l.ClientLevel,
		"NEXT_PUBLIC_CLIENT_LOG_BATCH_SIZE":     strconv.Itoa(l.ClientBatchSize),
		"NEXT_PUBLIC_CLIENT_LOG_BATCH_INTERVAL": strconv.Itoa(l.ClientBatchIntervalMs),
	}
}

// Retention is in days, of those that CloudWatch Logs accepts.
type Retention struct {
	// App is for the application's, the log router's and the migration's groups.
	App int `yaml:"app"`
	// Server is for what the application sends itself.
	Server int `yaml:"server"`
	// Client is for the browsers' log.
	Client int `yaml:"client"`
	// Errors is for records of level error and above.
	Errors int `yaml:"errors"`
	// Flow is for the VPC's flow logs.
	Flow int `yaml:"flow"`
	// Batch is for the jobs' log.
	Batch int `yaml:"batch"`
}

// S3 is the buckets.
type S3 struct {
	// FilesVersioned keeps what is overwritten in the application's bucket.
	FilesVersioned bool `yaml:"filesVersioned"`
	// LogsVersioned keeps what is overwritten in the log buckets.
	LogsVersioned bool `yaml:"logsVersioned"`
	// ImportExpiryDays deletes what is under imports/; 0 keeps it.
	ImportExpiryDays int `yaml:"importExpiryDays"`
	// CorsOrigins may upload from a browser.
	CorsOrigins []string `yaml:"corsOrigins"`
	// GlacierDays moves logs to Glacier Flexible Retrieval.
	GlacierDays int `yaml:"glacierDays"`
	// ExpireDays deletes logs.
	ExpireDays int `yaml:"expireDays"`
}

// ECR is the image repositories.
type ECR struct {
	// Immutable refuses to move a tag.
	Immutable bool `yaml:"immutable"`
	// ScanOnPush looks for known vulnerabilities.
	ScanOnPush bool `yaml:"scanOnPush"`
	// KeepImages is how many of the newest images stay, deployed or not.
	KeepImages int `yaml:"keepImages"`
	// KeepDeployed is how many of the newest images that were deployed stay, so
	// that a rollback finds them. An image is as new as its first push.
	KeepDeployed int `yaml:"keepDeployed"`
}

// Batch is the import jobs.
type Batch struct {
	// Enabled makes queue and jobs.
	Enabled bool `yaml:"enabled"`
	// MaxVcpus is each compute environment's limit.
	MaxVcpus int `yaml:"maxVcpus"`
	// Spot is SpotOff, SpotFirst or SpotSecond: its place in the queue.
	Spot string `yaml:"spot"`
	// ServiceRole is RoleLinked, AWS's service-linked role, or RoleCustom, one of
	// the stack's own; it cannot be changed later.
	ServiceRole string `yaml:"serviceRole"`
	// SecurityGroup is GroupECS, the tasks' group, or GroupOwn.
	SecurityGroup string `yaml:"securityGroup"`
	// Jobs are the job definitions.
	Jobs Jobs `yaml:"jobs"`
}

// Jobs has every job definition's size.
type Jobs struct {
	// UserImport imports users from a CSV file.
	UserImport Job `yaml:"userImport"`
	// TestCaseImport imports test cases from a CSV file.
	TestCaseImport Job `yaml:"testCaseImport"`
}

// Job is one job definition's size.
type Job struct {
	// CPU is in units of 1/1024 vCPU, in a pair with Memory that Fargate has.
	CPU int `yaml:"cpu"`
	// Memory is in MiB.
	Memory int `yaml:"memory"`
	// TimeoutSeconds ends a job that takes longer.
	TimeoutSeconds int `yaml:"timeoutSeconds"`
}

// Security is the account's audit services. An account has one of each per
// region: two environments in one account cannot both have them.
type Security struct {
	// GuardDuty looks for threats.
	GuardDuty bool `yaml:"guardDuty"`
	// Config records every resource's configuration.
	Config bool `yaml:"config"`
	// CloudTrail records every call of AWS's API.
	CloudTrail bool `yaml:"cloudTrail"`
}

// Monitoring is alarms, their receivers, the dashboard and saved queries.
type Monitoring struct {
	// Alarms is AlarmsNone, AlarmsBasic (the service's CPU) or AlarmsFull.
	Alarms string `yaml:"alarms"`
	// Dashboard shows service, database and load balancer on one page.
	Dashboard bool `yaml:"dashboard"`
	// Queries are saved in Logs Insights.
	Queries bool `yaml:"queries"`
	// TopicKey is KeyNone or KeyCMK, which encrypts the topics; alarms cannot
	// use a topic with the service's own key.
	TopicKey string `yaml:"topicKey"`
	// Emails are the topics' receivers. Each has to confirm once.
	Emails Emails `yaml:"emails"`
	// SlackWebhookSecret is the name of a secret that has a Slack webhook's URL;
	// empty means no Slack.
	SlackWebhookSecret string `yaml:"slackWebhookSecret"`
	// AuroraBudgetGiB is the volume size whose 85 % raise an alarm (Aurora only:
	// its volume grows by itself).
	AuroraBudgetGiB int `yaml:"auroraBudgetGiB"`
}

// Emails are the topics' receivers.
type Emails struct {
	// Critical is told what needs somebody now.
	Critical []string `yaml:"critical"`
	// Warning is told what needs somebody soon.
	Warning []string `yaml:"warning"`
}

// GitHub is the repository whose workflows deploy.
type GitHub struct {
	// Owner is the organisation or user; empty means that no workflow deploys.
	Owner string `yaml:"owner"`
	// OwnerID is its number, which GitHub puts into newer repositories' subjects.
	OwnerID string `yaml:"ownerId"`
	// Repo is the repository.
	Repo string `yaml:"repo"`
	// RepoID is its number.
	RepoID string `yaml:"repoId"`
	// Branches may deploy.
	Branches []string `yaml:"branches"`
	// Environments of GitHub may deploy, e.g. "prod"; its reviewers approve it.
	Environments []string `yaml:"environments"`
	// PlanEnvironments of GitHub may say what a deploy would do and change nothing,
	// e.g. "prod-plan": reviewers read it before they approve.
	PlanEnvironments []string `yaml:"planEnvironments"`
	// Subjects are further OIDC subjects, word for word.
	Subjects []string `yaml:"subjects"`
	// CreateProvider makes the account's OIDC provider; an account has one.
	CreateProvider bool `yaml:"createProvider"`
}

// Optional is what the first version does without.
type Optional struct {
	// Athena queries the log archive.
	Athena bool `yaml:"athena"`
	// Orchestration starts jobs by a schedule and an event.
	Orchestration bool `yaml:"orchestration"`
	// Amplify hosts the front end apart.
	Amplify bool `yaml:"amplify"`
	// AmplifyBranches are built when they are pushed; the domain is the first's.
	AmplifyBranches []string `yaml:"amplifyBranches"`
}

// Removal is what happens to data when its stack is deleted.
type Removal struct {
	// Policy is RemovalDestroy or RemovalRetain.
	Policy string `yaml:"policy"`
	// EmptyOnDelete empties buckets and repositories so that they can go.
	EmptyOnDelete bool `yaml:"emptyOnDelete"`
}

// Values of the keys that have a fixed set of them.
const (
	SchemeEnv          = "env"
	SchemeLiteral      = "literal"
	EgressAll          = "all"
	EgressNone         = "none"
	EngineRDS          = "rds"
	EngineAurora       = "aurora"
	KeyAWS             = "aws"
	KeyCMK             = "cmk"
	KeyNone            = "none"
	URLCompose         = "compose"
	URLSecret          = "secret"
	MechanismScheduler = "scheduler"
	MechanismSSM       = "ssm"
	HTTPForward        = "forward"
	HTTPRedirect       = "redirect"
	WAFNone            = "none"
	WAFIPAllow         = "ip-allow"
	WAFManaged         = "managed"
	WAFBoth            = "both"
	DriverFireLens     = "firelens"
	DriverAWSLogs      = "awslogs"
	SpotOff            = "off"
	SpotFirst          = "first"
	SpotSecond         = "second"
	RoleLinked         = "slr"
	RoleCustom         = "custom"
	GroupECS           = "ecs"
	GroupOwn           = "own"
	AlarmsNone         = "none"
	AlarmsBasic        = "basic"
	AlarmsFull         = "full"
	RemovalDestroy     = "destroy"
	RemovalRetain      = "retain"
	SSLDisable         = "disable"
)

// Names of the environments that have rules of their own.
const (
	// Production must be protected.
	Production = "prod"
	// Local runs on an emulator.
	Local = "local"
)

// Names makes the environment's names.
func (e Environment) Names() names.Names {
	return names.Names{
		Project: e.Project, Env: e.Env, Literal: e.Naming.Scheme == SchemeLiteral,
		Given: names.Given{
			AppRepository: e.Images.AppRepo, BatchRepository: e.Images.BatchRepo, FluentBitRepository: e.Images.FluentBitRepo,
			DatabaseSecret: e.Secrets.DBName, AppSecret: e.Secrets.AppName,
		},
	}
}

// Stacks lists the stacks that the environment has, in the order in which they
// depend on each other.
func (e Environment) Stacks() []names.StackRole {
	absent := map[names.StackRole]bool{
		names.Security:      !e.Security.GuardDuty && !e.Security.Config && !e.Security.CloudTrail && e.WAF.Mode == WAFNone,
		names.Batch:         !e.Batch.Enabled,
		names.Monitoring:    e.Monitoring.Alarms == AlarmsNone && !e.Monitoring.Dashboard && !e.Monitoring.Queries,
		names.Delivery:      e.GitHub.Owner == "",
		names.Analytics:     !e.Optional.Athena,
		names.Orchestration: !e.Optional.Orchestration,
		names.Frontend:      !e.Optional.Amplify,
	}
	return slices.DeleteFunc(names.StackRoles(), func(role names.StackRole) bool { return absent[role] })
}
