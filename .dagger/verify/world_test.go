package verify_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	acmtypes "github.com/aws/aws-sdk-go-v2/service/acm/types"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	batchtypes "github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudcontrol"
	cctypes "github.com/aws/aws-sdk-go-v2/service/cloudcontrol/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	configtypes "github.com/aws/aws-sdk-go-v2/service/configservice/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	route53types "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	quotatypes "github.com/aws/aws-sdk-go-v2/service/servicequotas/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/lock/ssmfake"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

const (
	account     = "210987654321"
	certificate = "arn:aws:acm:ap-northeast-1:" + account + ":certificate/11111111-2222-3333-4444-555555555555"
	github      = "arn:aws:iam::" + account + ":oidc-provider/token.actions.githubusercontent.com"
	bootstrap   = "/cdk-bootstrap/hnb659fds/version"
	secretValue = "this-value-is-never-shown"
)

// world is an AWS account as the checks see it.
type world struct {
	*awsfake.Server
	environment config.Environment
	names       names.Names
	account     string
	stacks      map[string]string   // states
	resources   map[string][]string // types of resource by stack
	parameters  *ssmfake.Store
	roles       map[string]string   // trust policies
	listed      map[string][]string // Cloud Control's identifiers by type
	quotas      map[string]float64  // the account's own
	defaults    map[string]float64
	taken       map[string]bool // repositories, buckets and log groups
	secrets     map[string]string
	marked      map[string]bool // scheduled for deletion
	certificate *acmtypes.CertificateDetail
	zone        *route53types.HostedZone
	database    string // its state
	changes     []change
	batch       map[string]string // "VALID ENABLED" by name
	recorders   []string
	providers   []string
	images      map[string]bool // digests
	tasks       map[string]*ecstypes.TaskDefinition
}

// newWorld has prod deployed, with everything that a configuration can ask for,
// and nothing wrong.
func newWorld(t *testing.T) *world {
	t.Helper()
	environment, err := config.Load("prod")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Server: awsfake.New(), environment: environment, names: environment.Names(), account: account, parameters: ssmfake.New()}
	w.configure()
	w.fill()
	w.parameters.Serve(w.Server, 0)
	w.serveAccount()
	w.serveData()
	w.serveRuntime()
	w.put(t, bootstrap, "33")
	w.put(t, w.names.Parameter("deploy/record"), "") // replaced by what is recorded
	t.Cleanup(func() {
		for _, line := range w.Nonsense() {
			t.Error(line)
		}
	})
	return w
}

// configure replaces the examples and turns on what can be.
func (w *world) configure() {
	e := &w.environment
	e.ALB.TLS.CertificateArn = certificate
	e.DNS = config.DNS{ZoneName: "prooflink.jp", ZoneID: "Z0123456789ABC", RecordName: "app.prooflink.jp"}
	e.WAF.AllowedCIDRs, e.S3.CorsOrigins = []string{"8.8.8.0/24"}, []string{"https://app.prooflink.jp"}
	e.Monitoring.Emails = config.Emails{Critical: []string{"a@prooflink.jp"}, Warning: []string{"a@prooflink.jp"}}
	e.Monitoring.SlackWebhookSecret = "slack-webhook"
	e.GitHub.Owner, e.GitHub.Repo = "prooflink", "prooflink"
}

// fill is what is there.
func (w *world) fill() {
	n := w.names
	w.stacks, w.resources, w.roles = map[string]string{}, map[string][]string{}, map[string]string{}
	for _, stack := range n.Stacks(w.environment.Stacks()) {
		w.stacks[stack] = "UPDATE_COMPLETE"
	}
	w.resources[n.Stack(names.Security)] = []string{"AWS::WAFv2::WebACL", "AWS::GuardDuty::Detector", "AWS::Config::ConfigurationRecorder"}
	for _, part := range []string{"deploy", "file-publishing", "lookup", "cfn-exec"} {
		w.roles["cdk-hnb659fds-"+part+"-role-"+account+"-ap-northeast-1"] = ""
	}
	for _, role := range []string{"ECS", "ElasticLoadBalancing", "RDS", "Batch", "ApplicationAutoScaling_ECSService", "AmazonGuardDuty"} {
		w.roles["AWSServiceRoleFor"+role] = ""
	}
	for _, role := range []string{n.ExecutionRole(), n.TaskRole(), n.MigrateExecutionRole(), n.MigrateRole(), n.BatchExecutionRole(), n.BatchJobRole()} {
		w.roles[role] = trust("ecs-tasks.amazonaws.com")
	}
	w.listed = map[string][]string{"AWS::EC2::VPC": {"vpc-1"}, "AWS::EC2::EIP": {"e1", "e2"}, "AWS::GuardDuty::Detector": {"detector-1"}}
	w.quotas, w.defaults = map[string]float64{"L-0263D0A3": 5}, map[string]float64{"L-F678F1CE": 5, "L-0263D0A3": 5}
	w.taken = map[string]bool{}
	for _, group := range []string{n.AppLogGroup(), n.ServerLogGroup(), n.ClientLogGroup(), n.ErrorsLogGroup(), n.RouterLogGroup(),
		n.MigrateLogGroup(), n.BatchLogGroup(), n.FlowLogGroup()} {
		w.taken[group] = true
	}
	w.fillData()
}

// fillData is data and what reads it.
func (w *world) fillData() {
	n := w.names
	w.marked = map[string]bool{}
	w.secrets = map[string]string{
		n.DatabaseSecret(): `{"host":"h","port":5432,"dbname":"d","username":"u","password":"` + secretValue + `"}`,
		n.AppSecret():      `{"NEXTAUTH_SECRET":"` + secretValue + `"}`, "slack-webhook": "https://" + secretValue,
		arn(n.DatabaseSecret()): `{"host":"h","password":"` + secretValue + `"}`,
	}
	w.certificate = &acmtypes.CertificateDetail{
		CertificateArn: aws.String(certificate), DomainName: aws.String("prooflink.jp"), SubjectAlternativeNames: []string{"*.prooflink.jp"},
		Status: acmtypes.CertificateStatusIssued, NotAfter: aws.Time(time.Now().AddDate(0, 6, 0)),
	}
	w.zone = &route53types.HostedZone{Id: aws.String("/hostedzone/Z0123456789ABC"), Name: aws.String("prooflink.jp."), CallerReference: aws.String("1")}
	w.database = "available"
	w.batch = map[string]string{n.JobQueue(): "VALID ENABLED", n.ComputeEnvironment(false): "VALID ENABLED", n.ComputeEnvironment(true): "VALID ENABLED"}
	w.recorders, w.providers = []string{"default"}, []string{github}
	w.images = map[string]bool{digest("a"): true, digest("b"): true, digest("c"): true}
	reference := []ecstypes.Secret{{Name: aws.String("DB_HOST"), ValueFrom: aws.String(arn(n.DatabaseSecret()) + ":host::")}}
	w.tasks = map[string]*ecstypes.TaskDefinition{
		n.TaskFamily():    {ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: aws.String(names.AppContainer), Secrets: reference}}},
		n.MigrateFamily(): {ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: aws.String(names.MigrateContainer), Secrets: reference}}},
	}
}

// change is a state that the database will have.
type change struct {
	at     time.Time
	status string
}

// after lets the database change later.
func (w *world) after(d time.Duration, status string) {
	w.changes = append(w.changes, change{time.Now().Add(d), status})
}

// status is the database's now.
func (w *world) status() string {
	for len(w.changes) > 0 && !w.changes[0].at.After(time.Now()) {
		w.database, w.changes = w.changes[0].status, w.changes[1:]
	}
	return w.database
}

// arn is a secret's complete ARN.
func arn(name string) string {
	return "arn:aws:secretsmanager:ap-northeast-1:" + account + ":secret:" + name + "-AbCdEf"
}

func digest(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

// trust is a trust policy as IAM answers it: URL-encoded.
func trust(service string) string {
	return url.PathEscape(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}]}`)
}

// put writes a parameter.
func (w *world) put(t *testing.T, name, value string) {
	t.Helper()
	if value == "" {
		return
	}
	_, err := ssm.NewFromConfig(w.Config()).PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: &name, Value: &value, Type: ssmtypes.ParameterTypeString, Overwrite: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
}

// remove takes stacks away, as before the first deployment.
func (w *world) remove(roles ...names.StackRole) {
	for _, role := range roles {
		delete(w.stacks, w.names.Stack(role))
	}
}

func (w *world) serveAccount() {
	awsfake.On(w.Server, "sts", func(*sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
		return &sts.GetCallerIdentityOutput{Account: &w.account, Arn: aws.String("arn:aws:iam::" + w.account + ":user/mika"), UserId: aws.String("AIDA")}, nil
	})
	awsfake.On(w.Server, "cloudformation", func(in *cloudformation.DescribeStacksInput) (*cloudformation.DescribeStacksOutput, error) {
		status, ok := w.stacks[*in.StackName]
		if !ok {
			return nil, awsfake.Error("ValidationError", "Stack with id "+*in.StackName+" does not exist")
		}
		return &cloudformation.DescribeStacksOutput{Stacks: []cfntypes.Stack{{StackName: in.StackName, StackStatus: cfntypes.StackStatus(status), CreationTime: aws.Time(time.Now())}}}, nil
	})
	awsfake.On(w.Server, "cloudformation", func(in *cloudformation.ListStackResourcesInput) (*cloudformation.ListStackResourcesOutput, error) {
		out := &cloudformation.ListStackResourcesOutput{}
		for _, kind := range w.resources[*in.StackName] {
			out.StackResourceSummaries = append(out.StackResourceSummaries, cfntypes.StackResourceSummary{LogicalResourceId: aws.String("R"), ResourceType: &kind,
				ResourceStatus: cfntypes.ResourceStatusCreateComplete, LastUpdatedTimestamp: aws.Time(time.Now())})
		}
		return out, nil
	})
	awsfake.On(w.Server, "iam", func(in *iam.GetRoleInput) (*iam.GetRoleOutput, error) {
		document, ok := w.roles[*in.RoleName]
		if !ok {
			return nil, &iamtypes.NoSuchEntityException{Message: aws.String("The role cannot be found.")}
		}
		return &iam.GetRoleOutput{Role: &iamtypes.Role{RoleName: in.RoleName, AssumeRolePolicyDocument: &document,
			Arn: aws.String("arn:aws:iam::" + account + ":role/" + *in.RoleName), CreateDate: aws.Time(time.Now()), Path: aws.String("/"), RoleId: aws.String("AROA")}}, nil
	})
	awsfake.On(w.Server, "iam", func(*iam.ListOpenIDConnectProvidersInput) (*iam.ListOpenIDConnectProvidersOutput, error) {
		out := &iam.ListOpenIDConnectProvidersOutput{}
		for _, one := range w.providers {
			out.OpenIDConnectProviderList = append(out.OpenIDConnectProviderList, iamtypes.OpenIDConnectProviderListEntry{Arn: &one})
		}
		return out, nil
	})
	awsfake.On(w.Server, "cloudcontrol", w.listResources)
	awsfake.On(w.Server, "servicequotas", func(in *servicequotas.GetServiceQuotaInput) (*servicequotas.GetServiceQuotaOutput, error) {
		value, ok := w.quotas[*in.QuotaCode]
		if !ok {
			return nil, &quotatypes.NoSuchResourceException{Message: aws.String("no such quota")}
		}
		return &servicequotas.GetServiceQuotaOutput{Quota: &quotatypes.ServiceQuota{QuotaCode: in.QuotaCode, Value: &value}}, nil
	})
	awsfake.On(w.Server, "servicequotas", func(in *servicequotas.GetAWSDefaultServiceQuotaInput) (*servicequotas.GetAWSDefaultServiceQuotaOutput, error) {
		return &servicequotas.GetAWSDefaultServiceQuotaOutput{Quota: &quotatypes.ServiceQuota{QuotaCode: in.QuotaCode, Value: aws.Float64(w.defaults[*in.QuotaCode])}}, nil
	})
	awsfake.On(w.Server, "configservice", func(*configservice.DescribeConfigurationRecordersInput) (*configservice.DescribeConfigurationRecordersOutput, error) {
		out := &configservice.DescribeConfigurationRecordersOutput{}
		for _, one := range w.recorders {
			out.ConfigurationRecorders = append(out.ConfigurationRecorders, configtypes.ConfigurationRecorder{Name: &one})
		}
		return out, nil
	})
}

// listResources answers one resource a page.
func (w *world) listResources(in *cloudcontrol.ListResourcesInput) (*cloudcontrol.ListResourcesOutput, error) {
	all := w.listed[*in.TypeName]
	page := len(aws.ToString(in.NextToken))
	out := &cloudcontrol.ListResourcesOutput{TypeName: in.TypeName}
	if page < len(all) {
		out.ResourceDescriptions = []cctypes.ResourceDescription{{Identifier: &all[page]}}
	}
	if page+1 < len(all) {
		out.NextToken = aws.String(strings.Repeat("x", page+1))
	}
	return out, nil
}

func (w *world) serveData() {
	awsfake.On(w.Server, "acm", func(_ *acm.DescribeCertificateInput) (*acm.DescribeCertificateOutput, error) {
		if w.certificate == nil {
			return nil, &acmtypes.ResourceNotFoundException{Message: aws.String("Could not find certificate.")}
		}
		return &acm.DescribeCertificateOutput{Certificate: w.certificate}, nil
	})
	awsfake.On(w.Server, "route53", func(*route53.GetHostedZoneInput) (*route53.GetHostedZoneOutput, error) {
		if w.zone == nil {
			return nil, &route53types.NoSuchHostedZone{Message: aws.String("No hosted zone found")}
		}
		return &route53.GetHostedZoneOutput{HostedZone: w.zone}, nil
	})
	awsfake.On(w.Server, "rds", func(in *rds.DescribeDBInstancesInput) (*rds.DescribeDBInstancesOutput, error) {
		if w.status() == "" {
			return nil, &rdstypes.DBInstanceNotFoundFault{Message: aws.String("DBInstance not found")}
		}
		return &rds.DescribeDBInstancesOutput{DBInstances: []rdstypes.DBInstance{{DBInstanceIdentifier: in.DBInstanceIdentifier, DBInstanceStatus: &w.database}}}, nil
	})
	awsfake.On(w.Server, "rds", func(in *rds.DescribeDBClustersInput) (*rds.DescribeDBClustersOutput, error) {
		if w.status() == "" {
			return nil, &rdstypes.DBClusterNotFoundFault{Message: aws.String("DBCluster not found")}
		}
		return &rds.DescribeDBClustersOutput{DBClusters: []rdstypes.DBCluster{{DBClusterIdentifier: in.DBClusterIdentifier, Status: &w.database}}}, nil
	})
	awsfake.On(w.Server, "secretsmanager", func(in *secretsmanager.GetSecretValueInput) (*secretsmanager.GetSecretValueOutput, error) {
		value := w.secrets[*in.SecretId]
		if value == "" {
			return nil, &smtypes.ResourceNotFoundException{Message: aws.String("Secrets Manager can't find the specified secret value for staging label: AWSCURRENT")}
		}
		return &secretsmanager.GetSecretValueOutput{SecretString: &value}, nil
	})
	awsfake.On(w.Server, "secretsmanager", func(in *secretsmanager.DescribeSecretInput) (*secretsmanager.DescribeSecretOutput, error) {
		if _, ok := w.secrets[*in.SecretId]; !ok {
			return nil, &smtypes.ResourceNotFoundException{Message: aws.String("Secrets Manager can't find the specified secret.")}
		}
		out := &secretsmanager.DescribeSecretOutput{Name: in.SecretId}
		if w.marked[*in.SecretId] {
			out.DeletedDate = aws.Time(time.Now())
		}
		return out, nil
	})
	awsfake.On(w.Server, "ecr", func(in *ecr.DescribeRepositoriesInput) (*ecr.DescribeRepositoriesOutput, error) {
		if !w.taken[in.RepositoryNames[0]] {
			return nil, &ecrtypes.RepositoryNotFoundException{Message: aws.String("The repository does not exist")}
		}
		return &ecr.DescribeRepositoriesOutput{Repositories: []ecrtypes.Repository{{RepositoryName: &in.RepositoryNames[0]}}}, nil
	})
	awsfake.On(w.Server, "ecr", func(in *ecr.BatchGetImageInput) (*ecr.BatchGetImageOutput, error) {
		if !w.images[*in.ImageIds[0].ImageDigest] {
			return &ecr.BatchGetImageOutput{}, nil
		}
		return &ecr.BatchGetImageOutput{Images: []ecrtypes.Image{{ImageId: &in.ImageIds[0], ImageManifest: aws.String(`{"schemaVersion":2}`)}}}, nil
	})
	awsfake.On(w.Server, "s3", func(in *s3.HeadBucketInput) (*s3.HeadBucketOutput, error) {
		if !w.taken[*in.Bucket] {
			return nil, awsfake.ErrorStatus(http.StatusNotFound, "NotFound", "Not Found")
		}
		return nil, nil
	})
}

func (w *world) serveRuntime() {
	awsfake.On(w.Server, "cloudwatchlogs", func(in *cloudwatchlogs.DescribeLogGroupsInput) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
		if aws.ToString(in.NextToken) == "" { // the first page has one whose name only begins so
			return &cloudwatchlogs.DescribeLogGroupsOutput{LogGroups: []logstypes.LogGroup{{LogGroupName: aws.String(*in.LogGroupNamePrefix + "-other")}}, NextToken: aws.String("more")}, nil
		}
		if !w.taken[*in.LogGroupNamePrefix] {
			return nil, nil
		}
		return &cloudwatchlogs.DescribeLogGroupsOutput{LogGroups: []logstypes.LogGroup{{LogGroupName: in.LogGroupNamePrefix}}}, nil
	})
	awsfake.On(w.Server, "batch", func(in *batch.DescribeComputeEnvironmentsInput) (*batch.DescribeComputeEnvironmentsOutput, error) {
		out := &batch.DescribeComputeEnvironmentsOutput{}
		for _, name := range in.ComputeEnvironments {
			if status, state, ok := strings.Cut(w.batch[name], " "); ok {
				out.ComputeEnvironments = append(out.ComputeEnvironments, batchtypes.ComputeEnvironmentDetail{ComputeEnvironmentName: &name, ComputeEnvironmentArn: aws.String("arn:" + name),
					Status: batchtypes.CEStatus(status), State: batchtypes.CEState(state), StatusReason: aws.String("the subnet is gone")})
			}
		}
		return out, nil
	})
	awsfake.On(w.Server, "batch", func(in *batch.DescribeJobQueuesInput) (*batch.DescribeJobQueuesOutput, error) {
		status, state, ok := strings.Cut(w.batch[in.JobQueues[0]], " ")
		if !ok {
			return nil, nil
		}
		return &batch.DescribeJobQueuesOutput{JobQueues: []batchtypes.JobQueueDetail{{JobQueueName: &in.JobQueues[0], JobQueueArn: aws.String("arn:queue"), Priority: aws.Int32(1),
			ComputeEnvironmentOrder: []batchtypes.ComputeEnvironmentOrder{}, Status: batchtypes.JQStatus(status), State: batchtypes.JQState(state)}}}, nil
	})
	awsfake.On(w.Server, "batch", func(in *batch.DescribeJobDefinitionsInput) (*batch.DescribeJobDefinitionsOutput, error) {
		return &batch.DescribeJobDefinitionsOutput{JobDefinitions: []batchtypes.JobDefinition{{JobDefinitionName: in.JobDefinitionName, JobDefinitionArn: aws.String("arn:job"),
			Revision: aws.Int32(1), Type: aws.String("container"), ContainerProperties: &batchtypes.ContainerProperties{
				Secrets: []batchtypes.Secret{{Name: aws.String("DB_PASSWORD"), ValueFrom: aws.String(arn(w.names.DatabaseSecret()) + ":password::")}}}}}}, nil
	})
	awsfake.On(w.Server, "ecs", func(_ *ecs.DescribeServicesInput) (*ecs.DescribeServicesOutput, error) {
		if _, ok := w.stacks[w.names.Stack(names.Compute)]; !ok {
			return nil, nil
		}
		return &ecs.DescribeServicesOutput{Services: []ecstypes.Service{{Status: aws.String("ACTIVE"), TaskDefinition: aws.String(w.names.TaskFamily())}}}, nil
	})
	awsfake.On(w.Server, "ecs", func(in *ecs.DescribeTaskDefinitionInput) (*ecs.DescribeTaskDefinitionOutput, error) {
		return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: w.tasks[*in.TaskDefinition]}, nil
	})
}
