package scripted_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	batchtypes "github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/prooflink/prooflink/.dagger/scripted"
)

// settled waits until the newest service deployment has ended.
func settled(t *testing.T, w *scripted.World) types.ServiceDeployment {
	t.Helper()
	for range 200 {
		d := latest(t, w)
		switch d.Status {
		case types.ServiceDeploymentStatusPending, types.ServiceDeploymentStatusInProgress, types.ServiceDeploymentStatusRollbackInProgress,
			types.ServiceDeploymentStatusRollbackRequested, types.ServiceDeploymentStatusStopRequested:
			time.Sleep(5 * time.Second)
		default:
			return d
		}
	}
	t.Fatal("the deployment never ends")
	return types.ServiceDeployment{}
}

// stopped are the service's stopped tasks.
func stopped(t *testing.T, w *scripted.World) []types.Task {
	t.Helper()
	client := ecs.NewFromConfig(w.Config())
	pages := ecs.NewListTasksPaginator(client, &ecs.ListTasksInput{Cluster: aws.String(n().Cluster()), ServiceName: aws.String(n().Service()), DesiredStatus: types.DesiredStatusStopped})
	var ids []string
	for pages.HasMorePages() {
		ids = append(ids, must(pages.NextPage(t.Context()))(t).TaskArns...)
	}
	if len(ids) == 0 {
		return nil
	}
	return must(client.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: aws.String(n().Cluster()), Tasks: ids}))(t).Tasks
}

// How tasks of a new definition fail, and what ECS says of them.
func TestTasksFailAsTheScenarioSays(t *testing.T) {
	tests := map[string]struct {
		change func(*scripted.Scenario)
		code   types.TaskStopCode
		reason string
		exit   string
		why    string
	}{
		"a crash": {
			func(s *scripted.Scenario) { s.Tasks.New = []scripted.Behaviour{{Ends: &scripted.End{Exit: 1}}} },
			types.TaskStopCodeEssentialContainerExited, "Essential container in task exited", "1", "",
		},
		"too little memory": {
			func(s *scripted.Scenario) {
				s.Tasks.New = []scripted.Behaviour{{Ends: &scripted.End{Exit: 137, Reason: "OutOfMemoryError: Container killed due to memory usage"}}}
			},
			types.TaskStopCodeEssentialContainerExited, "Essential container in task exited", "137", "OutOfMemoryError: Container killed due to memory usage",
		},
		"a secret that may not be read": {
			func(s *scripted.Scenario) {
				s.Tasks.New = []scripted.Behaviour{{Fails: "ResourceInitializationError: unable to pull secrets or registry auth: AccessDeniedException"}}
			},
			types.TaskStopCodeTaskFailedToStart, "ResourceInitializationError: unable to pull secrets or registry auth: AccessDeniedException", "none", "",
		},
		"a container that isn't healthy": {
			func(s *scripted.Scenario) { s.Tasks.New = []scripted.Behaviour{{Unhealthy: 2 * time.Minute}} },
			types.TaskStopCodeServiceSchedulerInitiated, "Task failed container health checks", "0", "",
		},
		"a target that isn't healthy": {
			func(s *scripted.Scenario) { s.Targets.Never = "new" },
			types.TaskStopCodeServiceSchedulerInitiated, "Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/prooflink-dev-tg/", "0", "",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			scenario := load(t, "deployed")
			test.change(&scenario)
			within(t, scenario, func(t *testing.T, w *scripted.World) {
				release(t, w)
				if d := settled(t, w); d.Status != types.ServiceDeploymentStatusRollbackSuccessful {
					t.Errorf("deployment %s", d.Status)
				}
				tasks := stopped(t, w)
				if len(tasks) != 3 {
					t.Fatalf("%d stopped tasks", len(tasks))
				}
				app, exit := tasks[0].Containers[0], "none"
				if app.ExitCode != nil {
					exit = fmt.Sprint(*app.ExitCode)
				}
				if tasks[0].StopCode != test.code || !strings.HasPrefix(*tasks[0].StoppedReason, test.reason) || exit != test.exit || aws.ToString(app.Reason) != test.why {
					t.Errorf("%s %s %s %s", tasks[0].StopCode, *tasks[0].StoppedReason, exit, aws.ToString(app.Reason))
				}
				if got := w.Running()["prooflink-app"]; got != scripted.Digest("old-app") {
					t.Errorf("runs %s", got)
				}
				time.Sleep(2 * time.Hour)
				if left := stopped(t, w); len(left) > 0 {
					t.Errorf("%d stopped tasks after two hours", len(left))
				}
			})
		})
	}
}

func TestAnImageThatIsMissingCantBePulled(t *testing.T) {
	within(t, load(t, "deployed"), func(t *testing.T, w *scripted.World) {
		images := old()
		images["app"] = "never-pushed"
		err := w.CDK(t.Context(), assembly(t, images, ""), deploy("ComputeStack-dev"))
		if err == nil {
			t.Error("no error")
		}
		var reason string
		for _, task := range stopped(t, w) {
			if task.StopCode == types.TaskStopCodeTaskFailedToStart {
				reason = *task.StoppedReason
			}
		}
		if !strings.HasPrefix(reason, "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref ") || !strings.HasSuffix(reason, ": not found") {
			t.Errorf("reason %q", reason)
		}
	})
}

func TestOthersInterfere(t *testing.T) {
	tests := map[string]struct {
		change func(*scripted.Scenario)
		want   types.ServiceDeploymentStatus
		runs   string
	}{
		"a deployment overtakes": {
			func(s *scripted.Scenario) {
				s.Events = []scripted.Event{{At: 20 * time.Second, From: "deployment", Do: "overtake", Image: "theirs"}}
			}, types.ServiceDeploymentStatusStopped, "theirs",
		},
		"a person stops a task": {
			func(s *scripted.Scenario) {
				s.Events = []scripted.Event{{At: 20 * time.Second, From: "deployment", Do: "stop-task"}}
			}, types.ServiceDeploymentStatusSuccessful, "new-app",
		},
		"an alarm goes off": {
			func(s *scripted.Scenario) {
				s.Alarms = []scripted.Alarm{{Name: "prooflink-dev-5xx", Fires: 20 * time.Second, Watches: true}}
			}, types.ServiceDeploymentStatusRollbackSuccessful, "old-app",
		},
		"the deployment is stuck": {
			func(s *scripted.Scenario) {
				s.Events = []scripted.Event{{At: 20 * time.Second, From: "deployment", Do: "stick"}}
			}, types.ServiceDeploymentStatusInProgress, "",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			scenario := load(t, "deployed")
			test.change(&scenario)
			within(t, scenario, func(t *testing.T, w *scripted.World) {
				arn := release(t, w)
				time.Sleep(15 * time.Minute)
				out := must(ecs.NewFromConfig(w.Config()).DescribeServiceDeployments(t.Context(), &ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: []string{arn}}))(t)
				if got := out.ServiceDeployments[0].Status; got != test.want {
					t.Errorf("status %s", got)
				}
				if got := w.Running()["prooflink-app"]; test.runs != "" && got != scripted.Digest(test.runs) {
					t.Errorf("runs %s", got)
				}
			})
		})
	}
}

func TestAnOldServiceHasNoServiceDeployments(t *testing.T) {
	scenario := load(t, "deployed")
	scenario.Before.Age = 120 * 24 * time.Hour
	within(t, scenario, func(t *testing.T, w *scripted.World) {
		out := must(ecs.NewFromConfig(w.Config()).ListServiceDeployments(t.Context(), &ecs.ListServiceDeploymentsInput{Cluster: aws.String(n().Cluster()), Service: aws.String(n().Service())}))(t)
		if len(out.ServiceDeployments) > 0 {
			t.Errorf("%d deployments", len(out.ServiceDeployments))
		}
		if s := service(t, w); s.CurrentServiceDeployment != nil || len(s.Deployments) != 1 {
			t.Errorf("service %+v", s)
		}
	})
}

func TestAReleaseSinceTheDeploymentRuns(t *testing.T) {
	scenario := load(t, "deployed")
	scenario.Before.Released = map[string]string{"app": "released-app", "batch": "released-batch"}
	scenario.Before.Revisions = []string{"first", "second"}
	within(t, scenario, func(t *testing.T, w *scripted.World) {
		if got := w.Running()["prooflink-app"]; got != scripted.Digest("released-app") {
			t.Errorf("runs %s", got)
		}
		if s := service(t, w); !strings.HasSuffix(*s.TaskDefinition, ":4") {
			t.Errorf("definition %s", *s.TaskDefinition)
		}
		if err := w.CDK(t.Context(), assembly(t, old(), ""), deploy("ComputeStack-dev")); err != nil {
			t.Fatal(err)
		}
		if got := w.Running()["prooflink-app"]; got != scripted.Digest("released-app") {
			t.Errorf("runs %s after a deployment without changes", got)
		}
	})
}

func TestAMigrationRunsAndItsLogsArriveLate(t *testing.T) {
	scenario := load(t, "deployed")
	scenario.Tasks.Migration = []scripted.Behaviour{{Ends: &scripted.End{After: 10 * time.Second, Exit: 1}, Logs: []scripted.Line{
		{At: time.Second, Text: "migrating", Repeat: 5}, {At: 9 * time.Second, Text: "error: relation exists", Late: time.Minute}}}}
	within(t, scenario, func(t *testing.T, w *scripted.World) {
		client, logs := ecs.NewFromConfig(w.Config()), cloudwatchlogs.NewFromConfig(w.Config())
		in := &ecs.RunTaskInput{Cluster: aws.String(n().Cluster()), TaskDefinition: aws.String(n().MigrateFamily()), ClientToken: aws.String("once"),
			NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: []string{"subnet-1"}}}}
		first := must(client.RunTask(t.Context(), in))(t).Tasks[0]
		if again := must(client.RunTask(t.Context(), in))(t).Tasks[0]; *again.TaskArn != *first.TaskArn {
			t.Error("the same token started another task")
		}
		id := (*first.TaskArn)[strings.LastIndex(*first.TaskArn, "/")+1:]
		query := &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String(n().MigrateLogGroup()), LogStreamName: aws.String("migrate/migrate/" + id), StartFromHead: aws.Bool(true)}
		if _, err := logs.GetLogEvents(t.Context(), query); code(err) != "ResourceNotFoundException" {
			t.Errorf("error %v", err)
		}
		time.Sleep(time.Minute)
		task := must(client.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: aws.String(n().Cluster()), Tasks: []string{id}}))(t).Tasks[0]
		if *task.LastStatus != "STOPPED" || *task.Containers[0].ExitCode != 1 || *task.Containers[0].ImageDigest != scripted.Digest("old-batch") {
			t.Errorf("task %+v", task)
		}
		if got := lines(t, logs, query); len(got) != 5 {
			t.Errorf("lines %q", got)
		}
		time.Sleep(time.Minute)
		if got := lines(t, logs, query); len(got) != 6 || got[5] != "error: relation exists" {
			t.Errorf("lines %q", got)
		}
	})
}

// lines reads a stream to its end.
func lines(t *testing.T, client *cloudwatchlogs.Client, in *cloudwatchlogs.GetLogEventsInput) []string {
	t.Helper()
	var all []string
	in.NextToken = nil
	for {
		out := must(client.GetLogEvents(t.Context(), in))(t)
		for _, event := range out.Events {
			all = append(all, *event.Message)
		}
		if aws.ToString(in.NextToken) == *out.NextForwardToken {
			return all
		}
		in.NextToken = out.NextForwardToken
	}
}

func TestErrorsOfTheApplicationGoThroughTheRouter(t *testing.T) {
	within(t, load(t, "crash"), func(t *testing.T, w *scripted.World) {
		release(t, w)
		settled(t, w)
		out := must(cloudwatchlogs.NewFromConfig(w.Config()).FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{
			LogGroupName: aws.String(n().ErrorsLogGroup()), FilterPattern: aws.String(`"DATABASE_URL"`)}))(t)
		if len(out.Events) == 0 || !strings.HasPrefix(*out.Events[0].LogStreamName, "fargate-errors.prooflink-app-firelens-") {
			t.Errorf("events %+v", out.Events)
		}
	})
}

func TestTargetsAreHealthyWhenTheServiceIs(t *testing.T) {
	within(t, load(t, "deployed"), func(t *testing.T, w *scripted.World) {
		client := elb.NewFromConfig(w.Config())
		group := service(t, w).LoadBalancers[0].TargetGroupArn
		states := func() string {
			var all []string
			for _, d := range must(client.DescribeTargetHealth(t.Context(), &elb.DescribeTargetHealthInput{TargetGroupArn: group}))(t).TargetHealthDescriptions {
				all = append(all, string(d.TargetHealth.State))
			}
			return strings.Join(all, " ")
		}
		if got := states(); got != "healthy" {
			t.Errorf("before: %s", got)
		}
		release(t, w)
		time.Sleep(45 * time.Second)
		if got := states(); got != "healthy initial" {
			t.Errorf("meanwhile: %s", got)
		}
		time.Sleep(30 * time.Second)
		if got := states(); got != "draining healthy" {
			t.Errorf("then: %s", got)
		}
		time.Sleep(time.Minute)
		if got := states(); got != "healthy" {
			t.Errorf("after: %s", got)
		}
	})
}

func TestParametersHaveVersions(t *testing.T) {
	within(t, load(t, "nothing"), func(t *testing.T, w *scripted.World) {
		client, name := ssm.NewFromConfig(w.Config()), aws.String("/prooflink/dev/deploy/lock")
		put := func(value string, overwrite bool) (int64, error) {
			out, err := client.PutParameter(t.Context(), &ssm.PutParameterInput{Name: name, Value: &value, Type: ssmtypes.ParameterTypeString, Overwrite: &overwrite})
			if err != nil {
				return 0, err
			}
			return out.Version, nil
		}
		for i := range 105 {
			if got := must(put(fmt.Sprint(i+1), i > 0))(t); got != int64(i+1) {
				t.Fatalf("version %d", got)
			}
		}
		if _, err := put("other", false); code(err) != "ParameterAlreadyExists" {
			t.Errorf("error %v", err)
		}
		third := must(client.GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String(*name + ":103")}))(t).Parameter
		if *third.Value != "103" {
			t.Errorf("value %s", *third.Value)
		}
		if _, err := client.GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String(*name + ":3")}); code(err) != "ParameterVersionNotFound" {
			t.Errorf("error %v", err)
		}
		count := 0
		for pages := ssm.NewGetParameterHistoryPaginator(client, &ssm.GetParameterHistoryInput{Name: name}); pages.HasMorePages(); {
			count += len(must(pages.NextPage(t.Context()))(t).Parameters)
		}
		if count != 100 {
			t.Errorf("%d versions", count)
		}
		if _, err := client.GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/nothing")}); code(err) != "ParameterNotFound" {
			t.Errorf("error %v", err)
		}
	})
}

func TestAnImmutableTagStays(t *testing.T) {
	scenario := load(t, "deployed")
	scenario.Env = "prod"
	within(t, scenario, func(t *testing.T, w *scripted.World) {
		client, repository := ecr.NewFromConfig(w.Config()), aws.String("prooflink-prod-app")
		put := func(manifest string) error {
			_, err := client.PutImage(t.Context(), &ecr.PutImageInput{RepositoryName: repository, ImageTag: aws.String("i-1"), ImageManifest: &manifest})
			return err
		}
		if err := put("one"); err != nil {
			t.Fatal(err)
		}
		if got := code(put("one")); got != "ImageAlreadyExistsException" {
			t.Error(got)
		}
		if got := code(put("two")); got != "ImageTagAlreadyExistsException" {
			t.Error(got)
		}
		out := must(client.BatchGetImage(t.Context(), &ecr.BatchGetImageInput{RepositoryName: repository, ImageIds: []ecrtypes.ImageIdentifier{
			{ImageTag: aws.String("i-1")}, {ImageTag: aws.String("i-2")}}}))(t)
		if len(out.Images) != 1 || len(out.Failures) != 1 || out.Failures[0].FailureCode != ecrtypes.ImageFailureCodeImageNotFound {
			t.Errorf("%+v", out)
		}
	})
}

func TestFaultsAndExpiredCredentials(t *testing.T) {
	scenario := load(t, "deployed")
	scenario.Faults = []scripted.Fault{{Call: "ecs:Describe*", At: 10 * time.Second, Times: 2, Error: "ThrottlingException", Message: "Rate exceeded"}}
	scenario.Events = []scripted.Event{{At: time.Minute, Do: "expire", For: time.Minute}}
	within(t, scenario, func(t *testing.T, w *scripted.World) {
		service(t, w)
		time.Sleep(20 * time.Second)
		service(t, w)
		var answers []string
		for _, call := range w.Calls() {
			if call.Service == "ecs" {
				answers = append(answers, call.Error)
			}
		}
		if len(answers) != 4 || !strings.Contains(answers[1], "ThrottlingException") || answers[3] != "" {
			t.Errorf("answers %q", answers)
		}
		time.Sleep(time.Minute)
		if _, err := sts.NewFromConfig(w.Config()).GetCallerIdentity(t.Context(), nil); code(err) != "ExpiredTokenException" {
			t.Errorf("error %v", err)
		}
		time.Sleep(time.Minute)
		if got := must(sts.NewFromConfig(w.Config()).GetCallerIdentity(t.Context(), nil))(t); *got.Account != scripted.Account {
			t.Errorf("account %s", *got.Account)
		}
	})
}

func TestAStoppedDatabaseStarts(t *testing.T) {
	scenario := load(t, "deployed")
	scenario.Before.Database = "stopped"
	within(t, scenario, func(t *testing.T, w *scripted.World) {
		client, name := rds.NewFromConfig(w.Config()), aws.String(n().Database())
		state := func() string {
			return *must(client.DescribeDBInstances(t.Context(), &rds.DescribeDBInstancesInput{DBInstanceIdentifier: name}))(t).DBInstances[0].DBInstanceStatus
		}
		if got := state(); got != "stopped" {
			t.Error(got)
		}
		must(client.StartDBInstance(t.Context(), &rds.StartDBInstanceInput{DBInstanceIdentifier: name}))(t)
		if got := state(); got != "starting" {
			t.Error(got)
		}
		time.Sleep(10 * time.Minute)
		if got := state(); got != "available" {
			t.Error(got)
		}
	})
}

func TestAJobRuns(t *testing.T) {
	within(t, load(t, "deployed"), func(t *testing.T, w *scripted.World) {
		client := batch.NewFromConfig(w.Config())
		out := must(client.SubmitJob(t.Context(), &batch.SubmitJobInput{JobName: aws.String("import"), JobDefinition: aws.String(n().UserImportJob()), JobQueue: aws.String(n().JobQueue())}))(t)
		var seen []string
		for range 30 {
			job := must(client.DescribeJobs(t.Context(), &batch.DescribeJobsInput{Jobs: []string{*out.JobId}}))(t).Jobs[0]
			if len(seen) == 0 || seen[len(seen)-1] != string(job.Status) {
				seen = append(seen, string(job.Status))
			}
			time.Sleep(5 * time.Second)
		}
		if got := strings.Join(seen, " "); got != "SUBMITTED RUNNABLE STARTING RUNNING SUCCEEDED" {
			t.Error(got)
		}
		queues := must(client.DescribeJobQueues(t.Context(), &batch.DescribeJobQueuesInput{}))(t).JobQueues
		if len(queues) != 1 || queues[0].Status != batchtypes.JQStatusValid {
			t.Errorf("queues %+v", queues)
		}
	})
}

// Nothing that the SDK sends is nonsense to the server.
func TestNothingIsNonsense(t *testing.T) {
	within(t, load(t, "crash"), func(t *testing.T, w *scripted.World) {
		_ = w.CDK(t.Context(), assembly(t, anew(w), "other"), deploy(n().Stacks(dev(t).Stacks())...))
		if got := w.Server().Nonsense(); len(got) > 0 {
			t.Error(strings.Join(got, "\n"))
		}
	})
}

// CloudFormation waits for a stable service, not for its own deployment.
func TestAStackIsCompleteThoughItsDeploymentWasOvertaken(t *testing.T) {
	scenario := load(t, "deployed")
	scenario.Events = []scripted.Event{{At: 20 * time.Second, From: "deployment", Do: "overtake", Image: "theirs"}}
	within(t, scenario, func(t *testing.T, w *scripted.World) {
		if err := w.CDK(t.Context(), assembly(t, anew(w), ""), deploy("ComputeStack-dev")); err != nil {
			t.Error(err)
		}
		if got := w.Running()["prooflink-app"]; got != scripted.Digest("theirs") {
			t.Errorf("runs %s", got)
		}
	})
}

func TestAStackWhoseDeploymentIsStuckGivesUp(t *testing.T) {
	scenario := load(t, "deployed")
	scenario.Tasks.New = []scripted.Behaviour{{Waits: "PENDING"}}
	within(t, scenario, func(t *testing.T, w *scripted.World) {
		begin := time.Now()
		err := w.CDK(t.Context(), assembly(t, anew(w), ""), deploy("ComputeStack-dev"))
		if err == nil || !strings.Contains(err.Error(), "Exceeded attempts to wait") || time.Since(begin) < 3*time.Hour {
			t.Errorf("error %v after %s", err, time.Since(begin))
		}
	})
}
