// Package config has the environments as data: one strict YAML file each,
// decoded into Environment and checked against what AWS accepts.
//
// A file with mistakes yields all of them at once, each with its file, its
// line and how to mend it. Adding an environment is adding a file to
// environments/. The values are those of 000_e03a210ce428a44a.txt (Appendix)
// and 004_9a2c9db51dc67ef8.txt; where they differ the latter stands.
package config

import (
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
	// Network is the VPC.
	Network Network `yaml:"network"`
	// DB is the database.
	DB DB `yaml:"db"`
	// App is the application's ECS service.
	App App `yaml:"app"`
	// ALB is the load balancer.
	ALB ALB `yaml:"alb"`
	// DNS is the name by which users find the application.
	DNS DNS `yaml:"dns"`
	// Logging is where logs go and how long they stay.
	Logging Logging `yaml:"logging"`
	// S3 is the buckets.
	S3 S3 `yaml:"s3"`
	// ECR is the image repositories.
	ECR ECR `yaml:"ecr"`
	// Batch is the import jobs.
	Batch Batch `yaml:"batch"`
	// Removal is what happens to data when its stack is deleted.
	Removal Removal `yaml:"removal"`
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
	// Engine is EngineRDS; Aurora is not built yet.
	Engine string `yaml:"engine"`
	// Version is PostgreSQL's, e.g. "15".
	Version string `yaml:"version"`
	// InstanceClass is without "db.", e.g. "t4g.micro".
	InstanceClass string `yaml:"instanceClass"`
	// StorageGiB is the size of the gp3 volume.
	StorageGiB int `yaml:"storageGiB"`
	// MaxStorageGiB is how far it may grow by itself; 0 means not at all.
	MaxStorageGiB int `yaml:"maxStorageGiB"`
	// IOPS is 0 below 400 GiB, where gp3's 3,000 cannot be changed.
	IOPS int `yaml:"iops"`
	// MultiAZ keeps a standby in the other zone.
	MultiAZ bool `yaml:"multiAz"`
	// BackupRetentionDays is 0 for no backups.
	BackupRetentionDays int `yaml:"backupRetentionDays"`
	// BackupWindow is in UTC, e.g. "17:00-18:00".
	BackupWindow string `yaml:"backupWindow"`
	// Encrypted encrypts the storage; RDS cannot change it later.
	Encrypted bool `yaml:"encrypted"`
	// DeletionProtection makes RDS refuse to delete the instance.
	DeletionProtection bool `yaml:"deletionProtection"`
	// PerformanceInsights keeps seven days of them.
	PerformanceInsights bool `yaml:"performanceInsights"`
	// Name is the database's, e.g. "prooflink_dev".
	Name string `yaml:"name"`
	// SSLMode is PostgreSQL's sslmode, e.g. "verify-full".
	SSLMode string `yaml:"sslMode"`
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
	// CertificateArn is an ACM certificate of the same region.
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

// Logging is where logs go and how long they stay.
type Logging struct {
	// Driver is DriverFireLens; awslogs is not built yet.
	Driver string `yaml:"driver"`
	// DirectToCloudWatch makes the application send its log itself, too.
	DirectToCloudWatch bool `yaml:"directToCloudWatch"`
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
	// KeepImages is how many of the newest images stay.
	KeepImages int `yaml:"keepImages"`
}

// Batch is the import jobs.
type Batch struct {
	// MaxVcpus is each compute environment's limit.
	MaxVcpus int `yaml:"maxVcpus"`
	// Spot is SpotOff, SpotFirst or SpotSecond: its place in the queue.
	Spot string `yaml:"spot"`
	// Jobs are the job definitions.
	Jobs Jobs `yaml:"jobs"`
}

// Jobs has every job definition's size.
type Jobs struct {
	// UserImport imports users from a CSV file.
	UserImport Job `yaml:"userImport"`
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

// Removal is what happens to data when its stack is deleted.
type Removal struct {
	// Policy is RemovalDestroy or RemovalRetain.
	Policy string `yaml:"policy"`
	// EmptyOnDelete empties buckets and repositories so that they can go.
	EmptyOnDelete bool `yaml:"emptyOnDelete"`
}

// Values of the keys that have a fixed set of them.
const (
	EgressAll      = "all"
	EgressNone     = "none"
	EngineRDS      = "rds"
	HTTPForward    = "forward"
	HTTPRedirect   = "redirect"
	DriverFireLens = "firelens"
	SpotOff        = "off"
	SpotFirst      = "first"
	SpotSecond     = "second"
	RemovalDestroy = "destroy"
	RemovalRetain  = "retain"
	SSLDisable     = "disable"
)

// Names of the environments that have rules of their own.
const (
	// Production must be protected.
	Production = "prod"
	// Local runs on an emulator.
	Local = "local"
)

// Names makes the environment's names.
func (e Environment) Names() names.Names { return names.New(e.Project, e.Env) }

// Examples lists the values that are still the examples which the repository
// comes with; with any of them an environment can be reviewed but not deployed.
func (e Environment) Examples() []string {
	var found []string
	for _, value := range []string{e.ALB.TLS.CertificateArn, e.DNS.RecordName, e.DNS.ZoneName} {
		if isExample(value) {
			found = append(found, value)
		}
	}
	return found
}
