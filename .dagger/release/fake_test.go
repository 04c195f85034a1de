package release_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	batchtypes "github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/release"
	"github.com/prooflink/prooflink/infra/names"
)

const (
	host = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/"
	// stackTag is what CloudFormation puts on, and nobody else may.
	stackTag = "aws:cloudformation:stack-name"
)

var dev = names.New("prooflink", "dev")

func digest(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

// all are the three images, each by its letter.
func all(app, batch, router string) release.Images {
	return release.Images{
		App:       release.Image{Repository: host + dev.AppRepository(), Digest: digest(app)},
		Batch:     release.Image{Repository: host + dev.BatchRepository(), Digest: digest(batch)},
		FluentBit: release.Image{Repository: host + dev.FluentBitRepository(), Digest: digest(router)},
	}
}

// account is ECS and Batch of one account, as far as a release calls them, and
// CloudFormation as far as it registers and updates.
type account struct {
	*awsfake.Server
	tasks   map[string][]*ecs.DescribeTaskDefinitionOutput // revisions by family
	service string                                         // its task definition's ARN
	jobs    map[string][]batchtypes.JobDefinition
	// deployed are the digests of the template that CloudFormation had last.
	deployed release.Images
}

// newAccount has an environment that CloudFormation has deployed.
func newAccount(t *testing.T, deployed release.Images) *account {
	t.Helper()
	a := &account{Server: awsfake.New(), tasks: map[string][]*ecs.DescribeTaskDefinitionOutput{}, jobs: map[string][]batchtypes.JobDefinition{}}
	awsfake.On(a.Server, "ecs", a.describeServices)
	awsfake.On(a.Server, "ecs", a.describeTask)
	awsfake.On(a.Server, "ecs", a.registerTask)
	awsfake.On(a.Server, "ecs", func(in *ecs.UpdateServiceInput) (*ecs.UpdateServiceOutput, error) {
		a.service = *in.TaskDefinition
		return nil, nil
	})
	awsfake.On(a.Server, "batch", a.describeJobs)
	awsfake.On(a.Server, "batch", a.registerJob)
	a.deploy(deployed)
	t.Cleanup(func() {
		for _, line := range a.Nonsense() {
			t.Error(line)
		}
	})
	return a
}

// deploy is what CloudFormation does with a template: where a definition is the
// one that it had last, nothing, whatever is registered meanwhile.
func (a *account) deploy(to release.Images) {
	tags := []ecstypes.Tag{{Key: aws.String("Project"), Value: aws.String("prooflink")}, {Key: aws.String("Environment"), Value: aws.String("dev")}}
	if a.deployed.App != to.App || a.deployed.FluentBit != to.FluentBit {
		a.service = a.put(taskOf(dev.TaskFamily(), map[string]string{names.AppContainer: to.App.Reference(), names.RouterContainer: to.FluentBit.Reference()}), tags)
	}
	if a.deployed.Batch != to.Batch {
		a.put(taskOf(dev.MigrateFamily(), map[string]string{names.MigrateContainer: to.Batch.Reference()}), tags)
		for _, name := range []string{dev.UserImportJob(), dev.TestCaseImportJob()} {
			a.putJob(jobOf(name, to.Batch.Reference()))
		}
	}
	a.deployed = to
}

// taskOf is a task definition as a template has it.
func taskOf(family string, references map[string]string) ecstypes.TaskDefinition {
	task := ecstypes.TaskDefinition{
		Family: &family, Cpu: aws.String("512"), Memory: aws.String("1024"), NetworkMode: ecstypes.NetworkModeAwsvpc,
		RequiresCompatibilities: []ecstypes.Compatibility{ecstypes.CompatibilityFargate},
	}
	for _, container := range []string{names.AppContainer, names.RouterContainer, names.MigrateContainer} {
		if reference, ok := references[container]; ok {
			task.ContainerDefinitions = append(task.ContainerDefinitions, ecstypes.ContainerDefinition{
				Name: &container, Image: &reference, Environment: []ecstypes.KeyValuePair{{Name: aws.String("A"), Value: aws.String("1")}},
			})
		}
	}
	return task
}

// jobOf is a job definition as a template has it.
func jobOf(name, reference string) batchtypes.JobDefinition {
	return batchtypes.JobDefinition{
		JobDefinitionName: &name, Type: aws.String("container"), PropagateTags: aws.Bool(true),
		PlatformCapabilities: []batchtypes.PlatformCapability{batchtypes.PlatformCapabilityFargate},
		RetryStrategy:        &batchtypes.RetryStrategy{Attempts: aws.Int32(3)},
		Timeout:              &batchtypes.JobTimeout{AttemptDurationSeconds: aws.Int32(3600)},
		Tags:                 map[string]string{"Environment": "dev", stackTag: "BatchStack-dev"},
		ContainerProperties:  &batchtypes.ContainerProperties{Image: &reference, Command: []string{"node", "dist/user-import.js"}},
	}
}

// put registers a task definition; CloudFormation's has its tag.
func (a *account) put(task ecstypes.TaskDefinition, tags []ecstypes.Tag) string {
	family := *task.Family
	task.Revision = int32(len(a.tasks[family]) + 1)
	task.TaskDefinitionArn = aws.String(fmt.Sprintf("arn:aws:ecs:ap-northeast-1:123456789012:task-definition/%s:%d", family, task.Revision))
	task.Status = ecstypes.TaskDefinitionStatusActive
	task.RegisteredBy = aws.String("arn:aws:iam::123456789012:role/cdk")
	task.RequiresAttributes = []ecstypes.Attribute{{Name: aws.String("com.amazonaws.ecs.capability.docker-remote-api.1.19")}}
	if task.Revision == 1 {
		tags = append([]ecstypes.Tag{{Key: aws.String(stackTag), Value: aws.String("ComputeStack-dev")}}, tags...)
	}
	a.tasks[family] = append(a.tasks[family], &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &task, Tags: tags})
	return *task.TaskDefinitionArn
}

// putJob registers a job definition.
func (a *account) putJob(job batchtypes.JobDefinition) string {
	name := *job.JobDefinitionName
	job.Revision = aws.Int32(int32(len(a.jobs[name]) + 1))
	job.JobDefinitionArn = aws.String(fmt.Sprintf("arn:aws:batch:ap-northeast-1:123456789012:job-definition/%s:%d", name, *job.Revision))
	job.Status = aws.String("ACTIVE")
	a.jobs[name] = append(a.jobs[name], job)
	return *job.JobDefinitionArn
}

func (a *account) describeServices(in *ecs.DescribeServicesInput) (*ecs.DescribeServicesOutput, error) {
	if *in.Cluster != dev.Cluster() || in.Services[0] != dev.Service() || a.service == "" {
		return &ecs.DescribeServicesOutput{Failures: []ecstypes.Failure{{Reason: aws.String("MISSING")}}}, nil
	}
	return &ecs.DescribeServicesOutput{Services: []ecstypes.Service{{
		ServiceName: aws.String(dev.Service()), Status: aws.String("ACTIVE"), TaskDefinition: &a.service,
		Deployments: []ecstypes.Deployment{
			{Status: aws.String("ACTIVE"), TaskDefinition: a.tasks[dev.TaskFamily()][0].TaskDefinition.TaskDefinitionArn},
			{Status: aws.String("PRIMARY"), TaskDefinition: &a.service},
		},
	}}}, nil
}

// find finds a revision by its ARN, and a family's newest by its name.
func (a *account) find(task string) *ecs.DescribeTaskDefinitionOutput {
	if revisions := a.tasks[task]; len(revisions) > 0 {
		return revisions[len(revisions)-1]
	}
	for _, revisions := range a.tasks {
		for _, revision := range revisions {
			if *revision.TaskDefinition.TaskDefinitionArn == task {
				return revision
			}
		}
	}
	return nil
}

func (a *account) describeTask(in *ecs.DescribeTaskDefinitionInput) (*ecs.DescribeTaskDefinitionOutput, error) {
	found := a.find(*in.TaskDefinition)
	if found == nil {
		return nil, &ecstypes.ClientException{Message: aws.String("Unable to describe task definition.")}
	}
	out := *found
	if len(in.Include) == 0 {
		out.Tags = nil
	}
	return &out, nil
}

func (a *account) registerTask(in *ecs.RegisterTaskDefinitionInput) (*ecs.RegisterTaskDefinitionOutput, error) {
	for _, tag := range in.Tags {
		if strings.HasPrefix(*tag.Key, "aws:") {
			return nil, awsfake.Error("InvalidParameterException", "Tag keys that begin with aws: are reserved")
		}
	}
	arn := a.put(ecstypes.TaskDefinition{
		Family: in.Family, Cpu: in.Cpu, Memory: in.Memory, NetworkMode: in.NetworkMode,
		RequiresCompatibilities: in.RequiresCompatibilities, ContainerDefinitions: in.ContainerDefinitions,
	}, in.Tags)
	return &ecs.RegisterTaskDefinitionOutput{TaskDefinition: a.find(arn).TaskDefinition}, nil
}

// describeJobs answers one revision a page, the newest neither first nor last.
func (a *account) describeJobs(in *batch.DescribeJobDefinitionsInput) (*batch.DescribeJobDefinitionsOutput, error) {
	revisions := a.jobs[*in.JobDefinitionName]
	if len(revisions) == 0 {
		return nil, nil
	}
	page, _ := strconv.Atoi(aws.ToString(in.NextToken))
	out := &batch.DescribeJobDefinitionsOutput{JobDefinitions: []batchtypes.JobDefinition{revisions[(page+len(revisions)-2+len(revisions))%len(revisions)]}}
	if page+1 < len(revisions) {
		out.NextToken = aws.String(strconv.Itoa(page + 1))
	}
	return out, nil
}

func (a *account) registerJob(in *batch.RegisterJobDefinitionInput) (*batch.RegisterJobDefinitionOutput, error) {
	for key := range in.Tags {
		if strings.HasPrefix(key, "aws:") {
			return nil, awsfake.Error("ClientException", "aws: prefixed tags are reserved")
		}
	}
	arn := a.putJob(batchtypes.JobDefinition{
		JobDefinitionName: in.JobDefinitionName, Type: aws.String(string(in.Type)), PropagateTags: in.PropagateTags,
		PlatformCapabilities: in.PlatformCapabilities, RetryStrategy: in.RetryStrategy, Timeout: in.Timeout, Tags: in.Tags,
		ContainerProperties: in.ContainerProperties,
	})
	return &batch.RegisterJobDefinitionOutput{JobDefinitionArn: &arn, JobDefinitionName: in.JobDefinitionName, Revision: a.newestJob(*in.JobDefinitionName).Revision}, nil
}

func (a *account) newestJob(name string) batchtypes.JobDefinition {
	return a.jobs[name][len(a.jobs[name])-1]
}

// running are the letters of the images that a task or a job would be started
// with: the app's, the jobs' and the router's.
func (a *account) running() string {
	letter := func(image *string) string {
		_, digest, _ := strings.Cut(*image, "@sha256:")
		return digest[:1]
	}
	task := a.find(a.service).TaskDefinition
	jobs := letter(a.newestJob(dev.UserImportJob()).ContainerProperties.Image)
	if other := letter(a.newestJob(dev.TestCaseImportJob()).ContainerProperties.Image); other != jobs {
		jobs += other
	}
	return letter(task.ContainerDefinitions[0].Image) + jobs + letter(task.ContainerDefinitions[1].Image)
}

// mutations are the calls that change something, as "UpdateService".
func (a *account) mutations() []string {
	var list []string
	for _, call := range a.Calls() {
		if call.Mutating {
			list = append(list, call.Operation)
		}
	}
	return list
}
