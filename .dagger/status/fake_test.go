package status_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/lock"
	"github.com/prooflink/prooflink/.dagger/record"
	"github.com/prooflink/prooflink/.dagger/status"
	"github.com/prooflink/prooflink/infra/config"
)

// definition is a task definition's ARN.
func definition(revision string) string {
	return "arn:aws:ecs:ap-northeast-1:123456789012:task-definition/prooflink-dev-task:" + revision
}

// digest is an image's, made of one digit.
func digest(digit string) string { return "sha256:" + strings.Repeat(digit, 64) }

// world is dev as AWS has it.
type world struct {
	*awsfake.Server
	env config.Environment
	// stacks are states by name; what isn't in it is missing.
	stacks map[string]cfn.StackStatus
	// service is nil where there is none; live is its task definition.
	service *types.Service
	// template is the Compute stack's task definition.
	template string
	tasks    []types.Task
	targets  map[string]elb.TargetHealth
	alarms   []string
	database string
	// parameters are SSM's, with all versions.
	parameters map[string][]ssmtypes.ParameterHistory
	start      time.Time
}

// bubble runs a test on a virtual clock, with a dev that is well: deployed by
// mika half an hour ago, and before that by anna.
func bubble(t *testing.T, test func(*testing.T, *world)) {
	synctest.Test(t, func(t *testing.T) {
		env, err := config.Load("dev")
		if err != nil {
			t.Fatal(err)
		}
		w := &world{Server: awsfake.New(), env: env, stacks: map[string]cfn.StackStatus{}, template: definition("7"), database: "available",
			parameters: map[string][]ssmtypes.ParameterHistory{}, start: time.Now()}
		for _, name := range env.Names().Stacks(env.Stacks()) {
			w.stacks[name] = cfn.StackStatusUpdateComplete
		}
		w.answer()
		w.record(t, record.Record{Kind: record.Deploy, Who: "anna", Commit: strings.Repeat("a", 40), Images: images("1", "2", "3"), TaskDefinition: definition("6")})
		w.record(t, record.Record{Kind: record.Deploy, Who: "mika", Commit: strings.Repeat("b", 40), Images: images("4", "2", "3"), TaskDefinition: definition("7"), Run: "https://github.com/prooflink/prooflink/actions/runs/1"})
		w.service = service(definition("7"), 1)
		w.tasks = []types.Task{w.task("0123456789abcdef0123456789abcdef", definition("7"), digest("4"))}
		w.targets = map[string]elb.TargetHealth{"10.0.11.5": {State: elb.TargetHealthStateEnumHealthy}}
		time.Sleep(30 * time.Minute)
		test(t, w)
		if nonsense := w.Nonsense(); len(nonsense) > 0 {
			t.Error(nonsense)
		}
	})
}

// images are the digests of app, batch and fluent-bit.
func images(app, batch, fluentBit string) map[string]string {
	return map[string]string{"app": digest(app), "batch": digest(batch), "fluent-bit": digest(fluentBit)}
}

// record writes what was deployed, an hour after the last.
func (w *world) record(t *testing.T, r record.Record) {
	t.Helper()
	time.Sleep(time.Hour)
	r.At = time.Now()
	if _, err := record.Write(t.Context(), w.Config(), w.env.Names(), r); err != nil {
		t.Fatal(err)
	}
}

// hold takes the lock for a person.
func (w *world) hold(t *testing.T) {
	t.Helper()
	if _, err := lock.Hold(t.Context(), w.Config(), w.env.Names(), lock.Owner{Who: "anna", Purpose: "maintenance"}, 2*time.Hour); err != nil {
		t.Fatal(err)
	}
}

// service is one whose tasks all run.
func service(arn string, tasks int32) *types.Service {
	return &types.Service{
		ServiceName: aws.String("prooflink-dev-service"), Status: aws.String("ACTIVE"), TaskDefinition: &arn, DesiredCount: tasks, RunningCount: tasks,
		LoadBalancers: []types.LoadBalancer{{TargetGroupArn: aws.String("arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/prooflink-dev-tg/1")}},
		Deployments: []types.Deployment{{Id: aws.String("ecs-svc/2"), Status: aws.String("PRIMARY"), RolloutState: types.DeploymentRolloutStateCompleted, TaskDefinition: &arn,
			DesiredCount: tasks, RunningCount: tasks, CreatedAt: aws.Time(time.Now()), RolloutStateReason: aws.String("ECS deployment ecs-svc/2 completed.")}},
	}
}

// task is one of the service's that runs since now.
func (w *world) task(id, arn, app string) types.Task {
	return types.Task{
		TaskArn: aws.String("arn:aws:ecs:ap-northeast-1:123456789012:task/prooflink-dev-cluster/" + id), TaskDefinitionArn: &arn, LastStatus: aws.String("RUNNING"),
		HealthStatus: types.HealthStatusHealthy, AvailabilityZone: aws.String("ap-northeast-1a"), StartedAt: aws.Time(time.Now()),
		Containers: []types.Container{
			{Name: aws.String("prooflink-app"), ImageDigest: &app, LastStatus: aws.String("RUNNING"), HealthStatus: types.HealthStatusHealthy},
			{Name: aws.String("log-router"), ImageDigest: aws.String(digest("3")), LastStatus: aws.String("RUNNING"), HealthStatus: types.HealthStatusHealthy},
		},
	}
}

// read is the environment's status.
func (w *world) read(t *testing.T) status.Status {
	t.Helper()
	return status.Read(t.Context(), w.Config(), w.env)
}

// answer sets the operations up.
func (w *world) answer() {
	awsfake.On(w.Server, "cloudformation", w.describeStacks)
	awsfake.On(w.Server, "ecs", w.describeServices)
	awsfake.On(w.Server, "ecs", w.listTasks)
	awsfake.On(w.Server, "ecs", w.describeTasks)
	awsfake.On(w.Server, "elasticloadbalancingv2", w.describeTargets)
	awsfake.On(w.Server, "cloudwatch", w.describeAlarms)
	awsfake.On(w.Server, "rds", w.describeInstances)
	awsfake.On(w.Server, "rds", w.describeClusters)
	awsfake.On(w.Server, "ssm", w.put)
	awsfake.On(w.Server, "ssm", w.get)
	awsfake.On(w.Server, "ssm", w.history)
}

func (w *world) describeStacks(in *cloudformation.DescribeStacksInput) (*cloudformation.DescribeStacksOutput, error) {
	state, ok := w.stacks[*in.StackName]
	if !ok {
		return nil, awsfake.Error("ValidationError", "Stack with id "+*in.StackName+" does not exist")
	}
	stack := cfn.Stack{StackName: in.StackName, StackStatus: state, CreationTime: &w.start, LastUpdatedTime: aws.Time(w.start.Add(time.Hour))}
	if strings.HasPrefix(*in.StackName, "Compute") {
		stack.Outputs = []cfn.Output{
			{OutputKey: aws.String("ServiceUrl"), OutputValue: aws.String("http://prooflink-dev-alb-1.ap-northeast-1.elb.amazonaws.com")},
			{OutputKey: aws.String("TaskDefinitionArn"), OutputValue: &w.template},
		}
	}
	return &cloudformation.DescribeStacksOutput{Stacks: []cfn.Stack{stack}}, nil
}

func (w *world) describeServices(*ecs.DescribeServicesInput) (*ecs.DescribeServicesOutput, error) {
	if w.service == nil {
		return &ecs.DescribeServicesOutput{Failures: []types.Failure{{Reason: aws.String("MISSING")}}}, nil
	}
	return &ecs.DescribeServicesOutput{Services: []types.Service{*w.service}}, nil
}

// listTasks gives one a page.
func (w *world) listTasks(in *ecs.ListTasksInput) (*ecs.ListTasksOutput, error) {
	if w.service == nil {
		return nil, &types.ServiceNotFoundException{Message: aws.String("Service not found.")}
	}
	at := len(aws.ToString(in.NextToken))
	out := &ecs.ListTasksOutput{}
	if at < len(w.tasks) {
		out.TaskArns, out.NextToken = []string{*w.tasks[at].TaskArn}, aws.String(strings.Repeat("x", at+1))
	}
	return out, nil
}

func (w *world) describeTasks(in *ecs.DescribeTasksInput) (*ecs.DescribeTasksOutput, error) {
	tasks := slices.DeleteFunc(slices.Clone(w.tasks), func(task types.Task) bool { return !slices.Contains(in.Tasks, *task.TaskArn) })
	return &ecs.DescribeTasksOutput{Tasks: tasks}, nil
}

func (w *world) describeTargets(*elasticloadbalancingv2.DescribeTargetHealthInput) (*elasticloadbalancingv2.DescribeTargetHealthOutput, error) {
	out := &elasticloadbalancingv2.DescribeTargetHealthOutput{}
	for address, health := range w.targets {
		out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, elb.TargetHealthDescription{
			Target: &elb.TargetDescription{Id: &address, Port: aws.Int32(3000)}, TargetHealth: &health,
		})
	}
	return out, nil
}

// describeAlarms gives one a page.
func (w *world) describeAlarms(in *cloudwatch.DescribeAlarmsInput) (*cloudwatch.DescribeAlarmsOutput, error) {
	if aws.ToString(in.AlarmNamePrefix) != "prooflink-dev-" || in.StateValue != cw.StateValueAlarm {
		return nil, awsfake.Error("ValidationError", "not what is fired here")
	}
	at := len(aws.ToString(in.NextToken))
	out := &cloudwatch.DescribeAlarmsOutput{}
	if at < len(w.alarms) {
		out.MetricAlarms = []cw.MetricAlarm{{AlarmName: &w.alarms[at], StateReason: aws.String("Threshold Crossed:\n 1 datapoint"), StateUpdatedTimestamp: &w.start}}
		out.NextToken = aws.String(strings.Repeat("x", at+1))
	}
	return out, nil
}

func (w *world) describeInstances(in *rds.DescribeDBInstancesInput) (*rds.DescribeDBInstancesOutput, error) {
	if w.database == "" || *in.DBInstanceIdentifier != "prooflink-dev-db" {
		return nil, awsfake.ErrorStatus(404, "DBInstanceNotFound", "DBInstance not found")
	}
	return &rds.DescribeDBInstancesOutput{DBInstances: []rdstypes.DBInstance{{DBInstanceStatus: &w.database}}}, nil
}

func (w *world) describeClusters(*rds.DescribeDBClustersInput) (*rds.DescribeDBClustersOutput, error) {
	if w.database == "" {
		return nil, awsfake.ErrorStatus(404, "DBClusterNotFoundFault", "DBCluster not found")
	}
	return &rds.DescribeDBClustersOutput{DBClusters: []rdstypes.DBCluster{{Status: &w.database}}}, nil
}

func (w *world) put(in *ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
	version := int64(len(w.parameters[*in.Name]) + 1)
	w.parameters[*in.Name] = append(w.parameters[*in.Name], ssmtypes.ParameterHistory{
		Name: in.Name, Value: in.Value, Version: version, LastModifiedDate: aws.Time(time.Now()),
	})
	return &ssm.PutParameterOutput{Version: version}, nil
}

func (w *world) get(in *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
	versions := w.parameters[*in.Name]
	if len(versions) == 0 {
		return nil, &ssmtypes.ParameterNotFound{Message: aws.String(fmt.Sprint("no ", *in.Name))}
	}
	v := versions[len(versions)-1]
	return &ssm.GetParameterOutput{Parameter: &ssmtypes.Parameter{Name: v.Name, Value: v.Value, Version: v.Version, LastModifiedDate: v.LastModifiedDate}}, nil
}

func (w *world) history(in *ssm.GetParameterHistoryInput) (*ssm.GetParameterHistoryOutput, error) {
	if len(w.parameters[*in.Name]) == 0 {
		return nil, &ssmtypes.ParameterNotFound{Message: aws.String(fmt.Sprint("no ", *in.Name))}
	}
	return &ssm.GetParameterHistoryOutput{Parameters: w.parameters[*in.Name]}, nil
}
