package rollout_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/rollout"
	"github.com/prooflink/prooflink/infra/config"
)

const (
	arn     = "arn:aws:ecs:ap-northeast-1:111122223333:"
	service = "prooflink-dev-service"
	group   = "arn:aws:elasticloadbalancing:ap-northeast-1:111122223333:targetgroup/prooflink-dev-tg/73e2d6bc24d8a067"
)

// digest is the app's image of a version.
func digest(version int) string { return fmt.Sprintf("sha256:%064d", version) }

// routerDigest is the log router's, the same for all.
var routerDigest = digest(77)

// want are the images of a version.
func want(version int) rollout.Want {
	return rollout.Want{Images: map[string]string{"prooflink-app": digest(version), "log-router": routerDigest}}
}

func definitionARN(version int) string {
	return fmt.Sprintf("%stask-definition/prooflink-dev-task:%d", arn, version)
}
func deploymentARN(version int) string {
	return fmt.Sprintf("%sservice-deployment/prooflink-dev-cluster/%s/deploy%d", arn, service, version)
}
func revisionARN(version int) string {
	return fmt.Sprintf("%sservice-revision/prooflink-dev-cluster/%s/%d", arn, service, version)
}
func taskARN(id string) string { return arn + "task/prooflink-dev-cluster/" + id }

// world is an ECS whose service is what a script says. Handlers run one at a
// time and do what was due before they answer.
type world struct {
	*awsfake.Server
	t       *testing.T
	begun   time.Time
	steps   []step
	service *types.Service
	// deployments are what ECS tells of, hidden ones are not listed.
	deployments []*types.ServiceDeployment
	hidden      bool
	tasks       []types.Task
	targets     []elbtypes.TargetHealthDescription
	lines       map[string][]string // by stream
	page        int
	said        output
	watcher     *rollout.Watcher
	// happens is when the step that is being done was due.
	happens time.Time
}

// step is something that happens so long after the beginning.
type step struct {
	after time.Duration
	do    func()
}

// output can be read while it is written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// play runs a test with a service that runs version 12 in one task.
func play(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{Server: awsfake.New(), t: t, begun: time.Now(), happens: time.Now(), lines: map[string][]string{}, page: 100}
		w.handle()
		w.put(12, 1)
		w.finish(12, types.ServiceDeploymentStatusSuccessful)
		w.run("old1", 12)
		defer func() {
			if w.watcher != nil {
				w.watcher.Stop()
			}
		}()
		test(t, w)
		if nonsense := w.Nonsense(); len(nonsense) > 0 {
			t.Errorf("nonsense: %q", nonsense)
		}
		w.atPace()
	})
}

// dev is the environment.
func (w *world) dev() config.Environment {
	environment, err := config.Load("dev")
	if err != nil {
		w.t.Fatal(err)
	}
	return environment
}

// watch begins to watch.
func (w *world) watch() *rollout.Watcher {
	w.t.Helper()
	var err error
	if w.watcher, err = rollout.Watch(w.t.Context(), w.Config(), w.dev(), &w.said); err != nil {
		w.t.Fatal(err)
	}
	return w.watcher
}

// settle watches, lets version 13 be deployed, and settles.
func (w *world) settle(limit time.Duration) (rollout.Result, error) {
	w.t.Helper()
	watcher := w.watch()
	return watcher.Settle(w.t.Context(), want(13), limit)
}

// then plans something, so long after the beginning.
func (w *world) then(after time.Duration, do func()) {
	w.steps = append(w.steps, step{after, do})
	slices.SortStableFunc(w.steps, func(a, b step) int { return int(a.after - b.after) })
}

// due does what is due.
func (w *world) due() {
	for len(w.steps) > 0 && time.Since(w.begun) >= w.steps[0].after {
		next := w.steps[0]
		w.steps = w.steps[1:]
		w.happens = w.begun.Add(next.after)
		next.do()
	}
}

// put makes a version the service's, with so many tasks wanted, as UpdateService does.
func (w *world) put(version, desired int) {
	if w.service == nil {
		w.service = &types.Service{ServiceName: aws.String(service), ServiceArn: aws.String(arn + "service/prooflink-dev-cluster/" + service), Status: aws.String("ACTIVE"),
			LoadBalancers: []types.LoadBalancer{{TargetGroupArn: aws.String(group), ContainerName: aws.String("prooflink-app"), ContainerPort: aws.Int32(3000)}}}
	}
	for i := range w.service.Deployments {
		w.service.Deployments[i].Status = aws.String("ACTIVE")
	}
	now := w.happens
	w.service.DesiredCount = int32(desired)
	w.service.TaskDefinition = aws.String(definitionARN(version))
	w.service.Deployments = append([]types.Deployment{{
		Id: aws.String("ecs-svc/" + strconv.Itoa(1000+len(w.deployments))), Status: aws.String("PRIMARY"), TaskDefinition: aws.String(definitionARN(version)),
		DesiredCount: int32(desired), PendingCount: int32(desired), RolloutState: types.DeploymentRolloutStateInProgress, CreatedAt: &now,
	}}, w.service.Deployments...)
	id := deploymentARN(version)
	for _, d := range w.deployments {
		if *d.ServiceDeploymentArn == id {
			id += "again"
		}
	}
	w.deployments = append(w.deployments, &types.ServiceDeployment{
		ServiceDeploymentArn: &id, ServiceArn: w.service.ServiceArn, CreatedAt: &now, StartedAt: &now,
		Status: types.ServiceDeploymentStatusInProgress, TargetServiceRevision: &types.ServiceRevisionSummary{Arn: aws.String(revisionARN(version))},
		DeploymentCircuitBreaker: &types.ServiceDeploymentCircuitBreaker{Status: types.ServiceDeploymentRollbackMonitorsStatusMonitoring, Threshold: 3},
	})
}

// of is the newest deployment of a version.
func (w *world) of(version int) *types.ServiceDeployment {
	for _, d := range slices.Backward(w.deployments) {
		if strings.TrimSuffix(*d.ServiceDeploymentArn, "again") == deploymentARN(version) {
			return d
		}
	}
	w.t.Fatalf("no deployment of %d", version)
	return nil
}

// primary is the deployment in force.
func (w *world) primary() *types.Deployment { return &w.service.Deployments[0] }

// finish ends a deployment, in force if it succeeded.
func (w *world) finish(version int, status types.ServiceDeploymentStatus) {
	d := w.of(version)
	d.Status = status
	if status == types.ServiceDeploymentStatusSuccessful {
		w.service.CurrentServiceDeployment = d.ServiceDeploymentArn
		w.service.CurrentServiceRevisions = []types.ServiceCurrentRevisionSummary{{Arn: aws.String(revisionARN(version))}}
		w.service.Deployments = w.service.Deployments[:1]
		w.primary().RolloutState = types.DeploymentRolloutStateCompleted
	}
}

// run starts a task of a version, and its healthy target.
func (w *world) run(id string, version int) *types.Task {
	address := fmt.Sprintf("10.0.11.%d", 5+len(w.tasks))
	w.tasks = append(w.tasks, types.Task{
		TaskArn: aws.String(taskARN(id)), TaskDefinitionArn: aws.String(definitionARN(version)), LastStatus: aws.String("RUNNING"), DesiredStatus: aws.String("RUNNING"),
		Containers: []types.Container{
			{Name: aws.String("prooflink-app"), ImageDigest: aws.String(digest(version)), LastStatus: aws.String("RUNNING"), RuntimeId: aws.String(id + "-1"),
				NetworkInterfaces: []types.NetworkInterface{{PrivateIpv4Address: &address}}},
			{Name: aws.String("log-router"), ImageDigest: aws.String(routerDigest), LastStatus: aws.String("RUNNING"), RuntimeId: aws.String(id + "-2")},
		},
	})
	w.target(address, elbtypes.TargetHealthStateEnumHealthy)
	w.count()
	return &w.tasks[len(w.tasks)-1]
}

// target sets a target's health; an empty one removes it.
func (w *world) target(address string, state elbtypes.TargetHealthStateEnum) {
	w.targets = slices.DeleteFunc(w.targets, func(t elbtypes.TargetHealthDescription) bool { return *t.Target.Id == address })
	if state != "" {
		w.targets = append(w.targets, elbtypes.TargetHealthDescription{
			Target: &elbtypes.TargetDescription{Id: &address, Port: aws.Int32(3000)}, TargetHealth: &elbtypes.TargetHealth{State: state}})
	}
}

// stop ends a task.
func (w *world) stop(id string, code types.TaskStopCode, reason string, exit int32) {
	for i := range w.tasks {
		task := &w.tasks[i]
		if *task.TaskArn != taskARN(id) {
			continue
		}
		now := w.happens
		task.LastStatus, task.DesiredStatus = aws.String("STOPPED"), aws.String("STOPPED")
		task.StopCode, task.StoppedReason, task.StoppedAt = code, &reason, &now
		task.Containers = slices.Clone(task.Containers)
		for j := range task.Containers {
			task.Containers[j].ExitCode = aws.Int32(exit)
		}
		w.target(*task.Containers[0].NetworkInterfaces[0].PrivateIpv4Address, "")
	}
	w.count()
}

// scaleIn ends a task that is one too many.
func (w *world) scaleIn(id string) {
	w.stop(id, types.TaskStopCodeServiceSchedulerInitiated, "Scaling activity initiated by (deployment ecs-svc/1000)", 143)
}

// crash starts a task of a version that ends by itself, with a line in its log.
func (w *world) crash(id string, version int, line string) {
	w.run(id, version)
	w.stop(id, types.TaskStopCodeEssentialContainerExited, "Essential container in task exited", 1)
	w.tasks[len(w.tasks)-1].Containers[1].ExitCode = aws.Int32(0)
	w.lines["fargate-errors.prooflink-app-firelens-"+id] = []string{line}
}

// forget makes ECS forget stopped tasks, as it does after an hour.
func (w *world) forget() {
	w.tasks = slices.DeleteFunc(w.tasks, func(t types.Task) bool { return *t.LastStatus == "STOPPED" })
}

// count counts the running tasks of each deployment.
func (w *world) count() {
	for i := range w.service.Deployments {
		d := &w.service.Deployments[i]
		d.RunningCount = 0
		for _, task := range w.tasks {
			if *task.LastStatus == "RUNNING" && *task.TaskDefinitionArn == *d.TaskDefinition {
				d.RunningCount++
			}
		}
		d.PendingCount = max(0, d.DesiredCount-d.RunningCount)
		if *d.Status != "PRIMARY" {
			d.PendingCount = 0
		}
	}
	w.service.RunningCount = w.primary().RunningCount
}

// tell is an event of the service.
func (w *world) tell(text string) {
	now := w.happens
	w.service.Events = append([]types.ServiceEvent{{Id: aws.String(fmt.Sprint(len(w.service.Events))), CreatedAt: &now, Message: aws.String("(service " + service + ") " + text)}}, w.service.Events...)
}

// replace deploys version 13 well: started, run, the old task stopped, complete.
func (w *world) replace() {
	w.then(10*time.Second, func() { w.put(13, 1) })
	w.then(40*time.Second, func() { w.run("new1", 13); w.tell("has started 1 tasks: (task new1).") })
	w.then(70*time.Second, func() { w.scaleIn("old1") })
	w.then(100*time.Second, func() { w.finish(13, types.ServiceDeploymentStatusSuccessful) })
}

// back is what ECS does when it rolls back to version 12.
func (w *world) back(at time.Duration, reason string) {
	w.then(at, func() {
		w.of(13).Status = types.ServiceDeploymentStatusRollbackInProgress
		w.of(13).StatusReason = &reason
		listed := w.deployments
		w.put(12, 1)
		w.deployments = listed
		w.primary().Id = aws.String("ecs-svc/back")
		w.count()
	})
	w.then(at+60*time.Second, func() {
		w.of(13).Status = types.ServiceDeploymentStatusRollbackSuccessful
		w.service.Deployments = w.service.Deployments[:1]
		w.primary().RolloutState = types.DeploymentRolloutStateCompleted
		w.count()
	})
}

// handle answers the calls.
func (w *world) handle() {
	awsfake.On(w.Server, "ecs", w.describeServices)
	awsfake.On(w.Server, "ecs", w.listServiceDeployments)
	awsfake.On(w.Server, "ecs", w.describeServiceDeployments)
	awsfake.On(w.Server, "ecs", w.describeServiceRevisions)
	awsfake.On(w.Server, "ecs", w.describeTaskDefinition)
	awsfake.On(w.Server, "ecs", w.listTasks)
	awsfake.On(w.Server, "ecs", w.describeTasks)
	awsfake.On(w.Server, "elasticloadbalancingv2", w.describeTargetHealth)
	awsfake.On(w.Server, "cloudwatchlogs", w.getLogEvents)
	awsfake.On(w.Server, "cloudwatchlogs", func(*cloudwatchlogs.DescribeLogStreamsInput) (*cloudwatchlogs.DescribeLogStreamsOutput, error) {
		return &cloudwatchlogs.DescribeLogStreamsOutput{}, nil
	})
}

func (w *world) describeServices(*ecs.DescribeServicesInput) (*ecs.DescribeServicesOutput, error) {
	w.due()
	if w.service == nil {
		return &ecs.DescribeServicesOutput{Failures: []types.Failure{{Reason: aws.String("MISSING")}}}, nil
	}
	return &ecs.DescribeServicesOutput{Services: []types.Service{*w.service}}, nil
}

func (w *world) listServiceDeployments(in *ecs.ListServiceDeploymentsInput) (*ecs.ListServiceDeploymentsOutput, error) {
	w.due()
	if w.service == nil {
		return nil, &types.ServiceNotFoundException{}
	}
	var briefs []types.ServiceDeploymentBrief
	for _, d := range w.deployments {
		if w.hidden || len(in.Status) > 0 && !slices.Contains(in.Status, d.Status) || in.CreatedAt != nil && in.CreatedAt.After != nil && !d.CreatedAt.After(*in.CreatedAt.After) {
			continue
		}
		briefs = append(briefs, types.ServiceDeploymentBrief{ServiceDeploymentArn: d.ServiceDeploymentArn, Status: d.Status, StatusReason: d.StatusReason,
			CreatedAt: d.CreatedAt, TargetServiceRevisionArn: d.TargetServiceRevision.Arn})
	}
	from, to, next := w.pageOf(in.NextToken, len(briefs))
	return &ecs.ListServiceDeploymentsOutput{ServiceDeployments: briefs[from:to], NextToken: next}, nil
}

// pageOf is a page of so many things.
func (w *world) pageOf(token *string, n int) (from, to int, next *string) {
	from, _ = strconv.Atoi(aws.ToString(token))
	if to = min(n, from+w.page); to < n {
		next = aws.String(strconv.Itoa(to))
	}
	return from, to, next
}

func (w *world) describeServiceDeployments(in *ecs.DescribeServiceDeploymentsInput) (*ecs.DescribeServiceDeploymentsOutput, error) {
	out := &ecs.DescribeServiceDeploymentsOutput{}
	for _, d := range slices.Backward(w.deployments) {
		if slices.Contains(in.ServiceDeploymentArns, *d.ServiceDeploymentArn) {
			out.ServiceDeployments = []types.ServiceDeployment{*d}
			break
		}
	}
	return out, nil
}

// version is the number at the end of an ARN.
func version(arn string) int {
	n, _ := strconv.Atoi(arn[strings.LastIndexAny(arn, "/:")+1:])
	return n
}

func image(version int) *string {
	return aws.String("111122223333.dkr.ecr.ap-northeast-1.amazonaws.com/prooflink-dev-app@" + digest(version))
}

func (w *world) describeServiceRevisions(in *ecs.DescribeServiceRevisionsInput) (*ecs.DescribeServiceRevisionsOutput, error) {
	n := version(in.ServiceRevisionArns[0])
	return &ecs.DescribeServiceRevisionsOutput{ServiceRevisions: []types.ServiceRevision{{
		ServiceRevisionArn: &in.ServiceRevisionArns[0], TaskDefinition: aws.String(definitionARN(n)),
		ContainerImages: []types.ContainerImage{
			{ContainerName: aws.String("prooflink-app"), Image: image(n)},
			{ContainerName: aws.String("log-router"), Image: aws.String("x:1"), ImageDigest: &routerDigest},
		},
	}}}, nil
}

func (w *world) describeTaskDefinition(in *ecs.DescribeTaskDefinitionInput) (*ecs.DescribeTaskDefinitionOutput, error) {
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &types.TaskDefinition{
		TaskDefinitionArn: in.TaskDefinition, RegisteredBy: aws.String("arn:aws:iam::111122223333:user/bob"),
		ContainerDefinitions: []types.ContainerDefinition{
			{Name: aws.String("prooflink-app"), Image: image(version(*in.TaskDefinition)), LogConfiguration: &types.LogConfiguration{LogDriver: types.LogDriverAwsfirelens}},
			{Name: aws.String("log-router"), Image: aws.String("x@" + routerDigest), LogConfiguration: &types.LogConfiguration{LogDriver: types.LogDriverAwslogs,
				Options: map[string]string{"awslogs-group": "/ecs/prooflink-dev-firelens", "awslogs-stream-prefix": "firelens"}}},
		},
	}}, nil
}

func (w *world) listTasks(in *ecs.ListTasksInput) (*ecs.ListTasksOutput, error) {
	w.due()
	var arns []string
	for _, task := range w.tasks {
		if *task.DesiredStatus == string(in.DesiredStatus) {
			arns = append(arns, *task.TaskArn)
		}
	}
	from, to, next := w.pageOf(in.NextToken, len(arns))
	return &ecs.ListTasksOutput{TaskArns: arns[from:to], NextToken: next}, nil
}

func (w *world) describeTasks(in *ecs.DescribeTasksInput) (*ecs.DescribeTasksOutput, error) {
	if len(in.Tasks) > 100 || len(in.Tasks) == 0 {
		return nil, &types.InvalidParameterException{Message: aws.String("Tasks must be 1 to 100")}
	}
	out := &ecs.DescribeTasksOutput{}
	for _, task := range w.tasks {
		if slices.Contains(in.Tasks, *task.TaskArn) {
			out.Tasks = append(out.Tasks, task)
		}
	}
	return out, nil
}

func (w *world) describeTargetHealth(*elasticloadbalancingv2.DescribeTargetHealthInput) (*elasticloadbalancingv2.DescribeTargetHealthOutput, error) {
	w.due()
	return &elasticloadbalancingv2.DescribeTargetHealthOutput{TargetHealthDescriptions: w.targets}, nil
}

func (w *world) getLogEvents(in *cloudwatchlogs.GetLogEventsInput) (*cloudwatchlogs.GetLogEventsOutput, error) {
	w.due()
	lines, ok := w.lines[*in.LogStreamName]
	if !ok {
		return nil, &cwtypes.ResourceNotFoundException{Message: aws.String("The specified log stream does not exist.")}
	}
	out := &cloudwatchlogs.GetLogEventsOutput{NextBackwardToken: aws.String("b/1")}
	for i, line := range lines {
		if in.NextToken == nil {
			out.Events = append(out.Events, cwtypes.OutputLogEvent{Message: &line, Timestamp: aws.Int64(w.begun.UnixMilli() + int64(i))})
		}
	}
	return out, nil
}

// atPace says whether no more than a call a second was made, but for the first few.
func (w *world) atPace() {
	calls := w.Calls()
	for i := range calls {
		if calls[i].Mutating {
			w.t.Errorf("%s changes something", calls[i].Operation)
		}
		for j := i + 10; j < len(calls); j += 10 {
			if took := calls[j].At.Sub(calls[i].At); took > 30*time.Second && float64(j-i-6) > took.Seconds() {
				w.t.Fatalf("%d calls in %s", j-i, took)
			}
		}
	}
}
