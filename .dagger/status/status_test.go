package status_test

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/record"
	"github.com/prooflink/prooflink/.dagger/status"
	"github.com/prooflink/prooflink/infra/config"
)

var update = flag.Bool("update", false, "write the golden texts")

// denied is what AWS answers to those who may not.
var denied = awsfake.Error("AccessDeniedException", "User: arn:aws:sts::123456789012:assumed-role/reader/x is not authorized")

// trouble is a dev in which everything has gone wrong.
func trouble(t *testing.T, w *world) {
	w.stacks["ComputeStack-dev"], w.stacks["BatchStack-dev"] = cfn.StackStatusUpdateRollbackComplete, cfn.StackStatusUpdateInProgress
	delete(w.stacks, "MonitoringStack-dev")
	w.service = service(definition("8"), 2)
	w.service.RunningCount = 1
	w.service.Deployments[0].RolloutState, w.service.Deployments[0].RolloutStateReason = types.DeploymentRolloutStateFailed, aws.String("ECS deployment circuit breaker: tasks failed to start.")
	w.service.Deployments[0].FailedTasks = 3
	w.tasks = append(w.tasks, w.task("fedcba9876543210fedcba9876543210", definition("8"), digest("1")))
	w.targets["10.0.12.9"] = elb.TargetHealth{State: elb.TargetHealthStateEnumUnhealthy, Reason: elb.TargetHealthReasonEnumResponseCodeMismatch, Description: aws.String("Health checks failed with these codes: [500]")}
	w.alarms = []string{"prooflink-dev-ecs-cpu-high", "prooflink-dev-error-logs"}
	w.database = "stopped"
	w.hold(t)
	time.Sleep(25 * time.Hour)
}

func TestTheTextIsTheGoldenOne(t *testing.T) {
	cases := map[string]func(*testing.T, *world){
		"well":         func(*testing.T, *world) {},
		"trouble":      trouble,
		"nothing":      func(_ *testing.T, w *world) { w.stacks, w.service, w.database = nil, nil, "" },
		"forbidden":    func(_ *testing.T, w *world) { w.Fail("*", 1000, denied) },
		"first-deploy": firstDeploy,
		"in-progress":  inProgress,
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				change(t, w)
				golden(t, "testdata/"+name+".txt", w.read(t).Text())
			})
		})
	}
}

// firstDeploy has no service and no record yet.
func firstDeploy(_ *testing.T, w *world) {
	for name := range w.stacks {
		if !strings.HasPrefix(name, "Foundation") && !strings.HasPrefix(name, "Network") {
			delete(w.stacks, name)
		}
	}
	w.service, w.database = nil, ""
	delete(w.parameters, "/prooflink/dev/deploy/record")
}

// inProgress has a deployment in flight.
func inProgress(_ *testing.T, w *world) {
	w.stacks["ComputeStack-dev"] = cfn.StackStatusUpdateInProgress
	w.service = service(definition("8"), 1)
	first := &w.service.Deployments[0]
	first.RolloutState, first.RolloutStateReason = types.DeploymentRolloutStateInProgress, aws.String("ECS deployment ecs-svc/2 in progress.")
	first.RunningCount, first.PendingCount = 0, 1
	w.service.Deployments = append(w.service.Deployments, types.Deployment{Id: aws.String("ecs-svc/1"), Status: aws.String("ACTIVE"),
		RolloutState: types.DeploymentRolloutStateCompleted, TaskDefinition: aws.String(definition("7")), DesiredCount: 1, RunningCount: 1, CreatedAt: &w.start})
	next := w.task("fedcba9876543210fedcba9876543210", definition("8"), digest("5"))
	next.LastStatus, next.HealthStatus, next.StartedAt = aws.String("PENDING"), types.HealthStatusUnknown, nil
	w.tasks = append(w.tasks, next)
	w.targets["10.0.11.6"] = elb.TargetHealth{State: elb.TargetHealthStateEnumInitial}
}

// golden compares with a file, request ids aside.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestAPartThatCannotBeReadHidesNoOther(t *testing.T) {
	cases := map[string]struct {
		unread []string
		stays  string
	}{
		"cloudformation:DescribeStacks":               {[]string{"stacks"}, "HEALTHY"},
		"ecs:DescribeServices":                        {[]string{"service", "targets"}, "prooflink-app"},
		"ecs:ListTasks":                               {[]string{"tasks"}, "PRIMARY"},
		"ecs:DescribeTasks":                           {[]string{"tasks"}, "PRIMARY"},
		"elasticloadbalancingv2:DescribeTargetHealth": {[]string{"targets"}, "prooflink-app"},
		"ssm:GetParameterHistory":                     {[]string{"last deploy"}, "free"},
		"ssm:GetParameter":                            {[]string{"lock"}, "deploy at 2000-01-01T02:00:00Z"},
		"cloudwatch:DescribeAlarms":                   {[]string{"alarms"}, "prooflink-app"},
		"rds:DescribeDBInstances":                     {[]string{"database"}, "prooflink-app"},
	}
	for operation, c := range cases {
		t.Run(operation, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.Fail(operation, 100, denied)
				got := w.read(t)
				var unread []string
				for _, u := range got.Unread {
					unread = append(unread, u.Part)
					if !strings.Contains(u.Why, "is not authorized") {
						t.Errorf("why: %s", u.Why)
					}
				}
				if diff := cmp.Diff(c.unread, unread); diff != "" {
					t.Error(diff)
				}
				if len(got.Problems) > 0 || got.Healthy() {
					t.Errorf("problems %q, healthy %v", got.Problems, got.Healthy())
				}
				if text := got.Text(); !strings.Contains(text, c.stays) || !strings.Contains(text, "could not be read: "+strings.Join(c.unread, ", ")) {
					t.Errorf("%s", text)
				}
			})
		})
	}
}

func TestTheVerdictSaysWhatMatters(t *testing.T) {
	cases := map[string]struct {
		change func(*testing.T, *world)
		want   string
	}{
		"well": {func(*testing.T, *world) {}, "dev runs what was deployed at 2000-01-01T02:00:00Z by mika"},
		"a release that the template doesn't know": {func(t *testing.T, w *world) {
			w.record(t, record.Record{Kind: record.Release, Who: "anna", Images: images("5", "2", "3"), TaskDefinition: definition("8")})
			w.service, w.tasks = service(definition("8"), 1), []types.Task{w.task("0a", definition("8"), digest("5"))}
		}, "dev runs what was released at 2000-01-01T03:30:00Z by anna; the service runs prooflink-dev-task:8, which a release registered after prooflink-dev-task:7 of stack ComputeStack-dev"},
		"a service that somebody else moved on": {func(_ *testing.T, w *world) { w.service = service(definition("9"), 1) },
			"dev: 1 problem: the service runs prooflink-dev-task:9, stack ComputeStack-dev has prooflink-dev-task:7"},
		"a task with another image": {func(_ *testing.T, w *world) { w.tasks = append(w.tasks, w.task("0b", definition("7"), digest("1"))) },
			"dev: 1 problem: task 0b runs app sha256:111111111111, on record is sha256:444444444444"},
		"a service that was deleted": {func(_ *testing.T, w *world) { w.service = nil }, "dev: 1 problem: stack ComputeStack-dev is there, its service is not"},
		"a service that wants nothing": {func(_ *testing.T, w *world) { w.service = service(definition("7"), 0) },
			"dev: 1 problem: the service wants no tasks"},
		"a stack that was undone and an alarm": {func(_ *testing.T, w *world) {
			w.stacks["NetworkStack-dev"] = cfn.StackStatusUpdateRollbackFailed
			w.alarms = []string{"prooflink-dev-error-logs"}
		}, "dev: 2 problems: stack NetworkStack-dev is UPDATE_ROLLBACK_FAILED; alarm prooflink-dev-error-logs fires since 2000-01-01T00:00:00Z"},
		"a stack that was never made": {func(_ *testing.T, w *world) { w.stacks["BatchStack-dev"] = cfn.StackStatusReviewInProgress },
			"dev: 1 problem: stack BatchStack-dev was never made: its first change set was not executed"},
		"somebody at work": {func(t *testing.T, w *world) { w.hold(t) }, "dev runs what was deployed at 2000-01-01T02:00:00Z by mika; anna has the lock (maintenance)"},
		"a database that is broken": {func(_ *testing.T, w *world) { w.database = "storage-full" },
			"dev: 1 problem: database prooflink-dev-db is storage-full"},
		"a database that is being saved": {func(_ *testing.T, w *world) { w.database = "backing-up" },
			"dev runs what was deployed at 2000-01-01T02:00:00Z by mika; database prooflink-dev-db is backing-up"},
		"a missing database": {func(_ *testing.T, w *world) { w.database = "" }, "dev: 1 problem: database prooflink-dev-db is missing"},
		"a task that doesn't tell its image": {func(_ *testing.T, w *world) { w.tasks[0].Containers[0].ImageDigest = nil },
			"dev has no problem, and no running task that shows what it runs"},
		"no record": {func(_ *testing.T, w *world) { delete(w.parameters, "/prooflink/dev/deploy/record") }, "dev runs, but no deploy is on record"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				c.change(t, w)
				if diff := cmp.Diff(c.want, w.read(t).Verdict); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// It is Saturday, 1 January 2000; Tokyo is nine hours ahead.
func TestAStoppedDatabaseIsInOrderOnlyWhenItsScheduleStoppedIt(t *testing.T) {
	const byHand = "database prooflink-dev-db is stopped, and not by its schedule: start it with `aws rds start-db-instance --db-instance-identifier prooflink-dev-db`"
	cases := map[string]struct {
		at         time.Duration // after midnight UTC
		start, end string
		days       string
		enabled    bool
		want       string
	}{
		"by day":                        {9 * time.Hour, "09:00", "22:00", "SUN-SAT", true, byHand},
		"at the minute it stops":        {13 * time.Hour, "09:00", "22:00", "SUN-SAT", true, "database prooflink-dev-db is stopped by its schedule until Sun 2000-01-02 09:00 Asia/Tokyo"},
		"early in the morning":          {23 * time.Hour, "09:00", "22:00", "SUN-SAT", true, "database prooflink-dev-db is stopped by its schedule until Sun 2000-01-02 09:00 Asia/Tokyo"},
		"over the weekend":              {9 * time.Hour, "09:00", "22:00", "MON-FRI", true, "database prooflink-dev-db is stopped by its schedule until Mon 2000-01-03 09:00 Asia/Tokyo"},
		"on a list of days":             {9 * time.Hour, "09:00", "22:00", "MON,WED-THU", true, "database prooflink-dev-db is stopped by its schedule until Mon 2000-01-03 09:00 Asia/Tokyo"},
		"stopped at noon, started at 3": {5 * time.Hour, "15:00", "12:00", "SAT,SUN", true, "database prooflink-dev-db is stopped by its schedule until Sat 2000-01-01 15:00 Asia/Tokyo"},
		"without a schedule":            {13 * time.Hour, "09:00", "22:00", "SUN-SAT", false, byHand},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				time.Sleep(time.Until(w.start.Add(c.at)))
				w.database = "stopped"
				s := &w.env.DB.Schedule
				s.Enabled, s.Start, s.Stop, s.Days = c.enabled, c.start, c.end, c.days
				got := w.read(t)
				if said := strings.Join(append(got.Problems, got.Notes...), "; "); said != c.want {
					t.Errorf("got %s, want %s", said, c.want)
				}
				if byItself := c.want != byHand; got.Database.Scheduled != byItself || (len(got.Problems) == 0) != byItself {
					t.Errorf("%+v, problems %q", got.Database, got.Problems)
				}
			})
		})
	}
}

func TestAnAuroraClusterIsReadAsOne(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.env.DB.Engine, w.env.DB.Schedule.Enabled = config.EngineAurora, false
		w.database = "stopped"
		got := w.read(t)
		if len(got.Problems) != 1 || !strings.Contains(got.Problems[0], "`aws rds start-db-cluster --db-cluster-identifier prooflink-dev-db`") {
			t.Errorf("%q", got.Problems)
		}
	})
}

func TestContainersHaveTheCommitThatTheirImageIsOf(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.record(t, record.Record{Kind: record.Deploy, Who: "mika", Commit: strings.Repeat("c", 40), Images: images("4", "2", "5"), TaskDefinition: definition("7")})
		got := map[string]string{}
		for _, c := range w.read(t).Tasks[0].Containers {
			got[c.Image] = c.Commit
		}
		if diff := cmp.Diff(map[string]string{"app": strings.Repeat("b", 40), "fluent-bit": strings.Repeat("a", 40)}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAllPagesAreReadAlsoWhenAWSIsBusy(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		for _, id := range []string{"0b", "0c", "0d"} {
			w.tasks = append(w.tasks, w.task(id, definition("7"), digest("4")))
		}
		w.alarms = []string{"prooflink-dev-a", "prooflink-dev-b", "prooflink-dev-c"}
		w.Fail("*", 20, awsfake.Error("ThrottlingException", "Rate exceeded"))
		got := w.read(t)
		if len(got.Tasks) != 4 || len(got.Alarms) != 3 || len(got.Unread) > 0 {
			t.Errorf("%d tasks, %d alarms, unread %v", len(got.Tasks), len(got.Alarms), got.Unread)
		}
	})
}

func TestThePartsAreReadAtTheSameTime(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.Latency(time.Second)
		start := time.Now()
		w.read(t)
		if took, stacks := time.Since(start), time.Duration(len(w.stacks))*time.Second; took > stacks+time.Second {
			t.Errorf("it took %s; the stacks alone take %s", took, stacks)
		}
	})
}

func TestTheJSONIsTheStatusWithoutTheLocksToken(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		trouble(t, w)
		want := w.read(t)
		text, err := want.JSON()
		if err != nil {
			t.Fatal(err)
		}
		var got status.Status
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(status.Status{})); diff != "" {
			t.Error(diff)
		}
		if strings.Contains(text, `null`) {
			t.Errorf("a list is null:\n%s", text)
		}
		if strings.Contains(text, `"token": "`) && !strings.Contains(text, `"token": ""`) {
			t.Error("the lock's token is in the JSON")
		}
	})
}
