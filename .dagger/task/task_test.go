package task_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/task"
)

func TestTheLogIsShownFromTheFirstLineToTheLastThoughItIsLate(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster) {
		c.line(31*time.Second, 45*time.Second, `{"level":"info","message":"applying","timestamp":"2000-01-01T00:00:31Z"}`)
		c.line(55*time.Second, 55*time.Second, "between")
		c.line(58*time.Second, 64*time.Second, "after the end")
		c.line(59*time.Second, 69*time.Second, "the last")
		start := time.Now()
		var out strings.Builder
		got, err := task.Run(t.Context(), c.Config(), migrate, &out)
		if err != nil {
			t.Fatal(err)
		}
		lines := []string{
			"2000-01-01T00:00:31Z  01234567  info applying", "2000-01-01T00:00:55Z  01234567  between",
			"2000-01-01T00:00:58Z  01234567  after the end", "2000-01-01T00:00:59Z  01234567  the last",
		}
		want := fmt.Sprintf("task 01234567: PROVISIONING\ntask 01234567: RUNNING\n%s\n%s\ntask 01234567: STOPPED\n%s\n%s\n", lines[0], lines[1], lines[2], lines[3])
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Error(diff)
		}
		outcome := task.Outcome{TaskARN: arn, ExitCode: aws.Int32(0), StopCode: "EssentialContainerExited", StoppedReason: "Essential container in task exited", Lines: lines}
		if diff := cmp.Diff(outcome, got); diff != "" {
			t.Error(diff)
		}
		if took := time.Since(start); took > 80*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestATaskIsStartedAsTheSpecSays(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster) {
		spec := migrate
		spec.Command, spec.Env = []string{"node", "x.js"}, map[string]string{"B": "2", "A": "1"}
		spec.StartedBy = "run: a purpose that is much too long for ECS"
		if _, err := task.Run(t.Context(), c.Config(), spec, &strings.Builder{}); err != nil {
			t.Fatal(err)
		}
		in := c.runs[0]
		got := fmt.Sprint(*in.Cluster, *in.TaskDefinition, *in.Count, in.LaunchType, *in.PlatformVersion, *in.StartedBy,
			in.NetworkConfiguration.AwsvpcConfiguration.Subnets, in.NetworkConfiguration.AwsvpcConfiguration.SecurityGroups,
			in.NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp)
		want := fmt.Sprint("prooflink-dev-cluster", "prooflink-dev-migrate:7", 1, "FARGATE", "LATEST", "prooflink/run-a-purpose-that-is-much",
			[]string{"subnet-1"}, []string{"sg-1"}, "DISABLED")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		overrides := in.Overrides.ContainerOverrides[0]
		if *overrides.Name != "migrate" || !cmp.Equal(overrides.Command, spec.Command) || *overrides.Environment[0].Name != "A" || *overrides.Environment[1].Value != "2" {
			t.Errorf("got %+v", overrides)
		}
	})
}

func TestAnAnswerThatGetsLostStartsNoSecondTask(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster) {
		c.Fail("ecs:RunTask", 2, awsfake.ErrLost)
		if _, err := task.Run(t.Context(), c.Config(), migrate, &strings.Builder{}); err != nil {
			t.Fatal(err)
		}
		if len(c.runs) != 3 || len(c.tokens) != 1 {
			t.Errorf("%d calls started %d tasks", len(c.runs), len(c.tokens))
		}
	})
}

func TestATaskThatDoesntEndWellIsAnErrorWithItsCause(t *testing.T) {
	pull := "CannotPullContainerError: pull image manifest has been retried 5 time(s)"
	cases := map[string]struct {
		end  types.Task
		ran  time.Duration
		want string
		code *int32
	}{
		"an exit code": {types.Task{StopCode: types.TaskStopCodeEssentialContainerExited, StoppedReason: aws.String("Essential container in task exited"),
			Containers: []types.Container{container(aws.Int32(3), "")}}, time.Second,
			"ended with exit code 3: Essential container in task exited", aws.Int32(3)},
		"out of memory": {types.Task{StopCode: types.TaskStopCodeEssentialContainerExited, StoppedReason: aws.String("Essential container in task exited"),
			Containers: []types.Container{container(aws.Int32(137), "OutOfMemoryError: Container killed due to memory usage")}}, time.Second,
			"ended with exit code 137: Essential container in task exited; OutOfMemoryError: Container killed due to memory usage", aws.Int32(137)},
		"a task that never starts": {types.Task{StopCode: types.TaskStopCodeTaskFailedToStart, StoppedReason: &pull,
			Containers: []types.Container{container(nil, pull)}}, 0,
			"never started: " + pull, nil},
		"no exit code": {types.Task{StopCode: types.TaskStopCodeEssentialContainerExited, StoppedReason: aws.String("Essential container in task exited"),
			Containers: []types.Container{container(nil, ""), {Name: aws.String("log-router"), Reason: aws.String("OutOfMemoryError: killed")}}}, time.Second,
			"ended without an exit code: Essential container in task exited; log-router: OutOfMemoryError: killed", nil},
		"stopped by hand": {types.Task{StopCode: types.TaskStopCodeUserInitiated, StoppedReason: aws.String("Task stopped by user"),
			Containers: []types.Container{container(aws.Int32(143), "")}}, time.Second,
			"ended with exit code 143: Task stopped by user", aws.Int32(143)},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, c *cluster) {
				c.end, c.ran = test.end, test.ran
				for i := range 30 {
					c.line(time.Duration(10+i)*time.Second, time.Duration(10+i)*time.Second, fmt.Sprint("line ", i))
				}
				outcome, err := task.Run(t.Context(), c.Config(), migrate, &strings.Builder{})
				var failed *task.Failed
				if !errors.As(err, &failed) {
					t.Fatal(err)
				}
				want := "run task definition prooflink-dev-migrate:7: container migrate of task " + id + " " + test.want
				if diff := cmp.Diff(want, err.Error()); diff != "" {
					t.Error(diff)
				}
				if !cmp.Equal(failed.ExitCode, test.code) || !cmp.Equal(outcome.ExitCode, test.code) {
					t.Errorf("exit codes %v, %v", failed.ExitCode, outcome.ExitCode)
				}
				if len(failed.Lines) != 20 || !strings.HasSuffix(failed.Lines[19], "line 29") {
					t.Errorf("lines %q", failed.Lines)
				}
			})
		})
	}
}

func TestWhatECSRefusesIsExplained(t *testing.T) {
	cases := map[string]struct {
		refused []types.Failure
		fail    error
		want    string
	}{
		"no room": {[]types.Failure{{Reason: aws.String("Capacity is unavailable at this time. Please try again later or in a different availability zone")}}, nil,
			"or use both zones (network.activeAzs: 2)"},
		"no address": {[]types.Failure{{Reason: aws.String("RESOURCE:ENI")}}, nil, "RESOURCE:ENI: the subnets have no free address"},
		"a quota":    {[]types.Failure{{Reason: aws.String("RESOURCE:CPU"), Detail: aws.String("vCPU")}}, nil, "RESOURCE:CPU (vCPU): the account's quota of Fargate vCPUs"},
		"missing":    {[]types.Failure{{Reason: aws.String("MISSING")}}, nil, "MISSING: what the task needs isn't there: cluster prooflink-dev-cluster or definition prooflink-dev-migrate:7"},
		"neither":    {[]types.Failure{}, nil, "neither a task nor a failure"},
		"no cluster": {nil, awsfake.Error("ClusterNotFoundException", "Cluster not found."), "cluster prooflink-dev-cluster is missing: deploy the foundation"},
		"an old revision": {nil, awsfake.Error("ClientException", "TaskDefinition is inactive"),
			"the revision was deregistered"},
		"a role": {nil, awsfake.Error("AccessDeniedException", "User is not authorized to perform: iam:PassRole on resource"), "allow iam:PassRole for them"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, c *cluster) {
				c.refused = test.refused
				if test.fail != nil {
					c.Fail("ecs:RunTask", 1, test.fail)
				}
				outcome, err := task.Run(t.Context(), c.Config(), migrate, &strings.Builder{})
				if err == nil || !strings.HasPrefix(err.Error(), "run task definition prooflink-dev-migrate:7: ") || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v, want %q", err, test.want)
				}
				if outcome.TaskARN != "" || len(c.stops) > 0 {
					t.Errorf("outcome %+v, stopped %q", outcome, c.stops)
				}
			})
		})
	}
}

func TestADefinitionThatIsntThereAndAContainerThatItLacksAreSaid(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster) {
		other, wrong := migrate, migrate
		other.Definition, wrong.Container = "prooflink-dev-migrate:8", "web"
		_, missing := task.Run(t.Context(), c.Config(), other, &strings.Builder{})
		_, container := task.Run(t.Context(), c.Config(), wrong, &strings.Builder{})
		if missing == nil || !strings.Contains(missing.Error(), "it isn't registered: `dagger call deploy` makes it") {
			t.Error(missing)
		}
		if container == nil || container.Error() != `task definition prooflink-dev-migrate:7 has no container "web"; it has ["migrate" "mute"]` {
			t.Error(container)
		}
		if len(c.runs) > 0 {
			t.Error("a task was started")
		}
	})
}

func TestARunThatEndsEarlyStopsItsTask(t *testing.T) {
	interrupted := errors.New("interrupted")
	cases := map[string]struct {
		cancel, latency, limit time.Duration
		want                   string
	}{
		"while the task runs":          {cancel: 42 * time.Second, want: "interrupted"},
		"while ECS answers the start":  {cancel: 5 * time.Second, latency: 4 * time.Second, want: "interrupted"},
		"when the task takes too long": {cancel: time.Hour, limit: 45 * time.Second, want: "it takes longer than 45s"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, c *cluster) {
				c.stopped = 0
				c.Latency(test.latency)
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(test.cancel, func() { cancel(interrupted) })
				spec := migrate
				spec.Limit = test.limit
				outcome, err := task.Run(ctx, c.Config(), spec, &strings.Builder{})
				want := "run task definition prooflink-dev-migrate:7: " + test.want + "; task " + id + " was stopped"
				if err == nil || err.Error() != want {
					t.Errorf("got %v, want %s", err, want)
				}
				if outcome.TaskARN != arn || outcome.ExitCode != nil {
					t.Errorf("outcome %+v", outcome)
				}
				if diff := cmp.Diff([]string{arn + " prooflink/migrate: " + test.want}, c.stops); diff != "" {
					t.Error(diff)
				}
				cancel(nil)
			})
		})
	}
}

func TestARunThatHasEndedStartsNothing(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := task.Run(ctx, c.Config(), migrate, &strings.Builder{}); !errors.Is(err, context.Canceled) || len(c.runs) > 0 {
			t.Errorf("%v; %d tasks", err, len(c.runs))
		}
	})
}

func TestATaskThatCannotBeStoppedIsNamedWithTheCommand(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster) {
		c.Fail("ecs:StopTask", 1, awsfake.Error("AccessDeniedException", "not authorized"))
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
		defer cancel()
		_, err := task.Run(ctx, c.Config(), migrate, &strings.Builder{})
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "it may still run: stop it with `aws ecs stop-task --cluster prooflink-dev-cluster --task "+id+"`") {
			t.Error(err)
		}
	})
}

func TestThrottlingAndATaskThatECSDoesntKnowYetAreWaitedOut(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster) {
		c.unknown = 20 * time.Second
		c.Fail("ecs:DescribeTasks", 6, awsfake.Error("ThrottlingException", "Rate exceeded"))
		c.Fail("ecs:RunTask", 3, awsfake.ErrorStatus(503, "ServiceUnavailable", "busy"))
		c.Fail("cloudwatchlogs:*", 5, awsfake.Error("ThrottlingException", "Rate exceeded"))
		if _, err := task.Run(t.Context(), c.Config(), migrate, &strings.Builder{}); err != nil {
			t.Error(err)
		}
	})
}

func TestAnAPIThatNeverAnswersEndsTheRun(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster) {
		c.unknown = time.Hour
		start := time.Now()
		_, err := task.Run(t.Context(), c.Config(), migrate, &strings.Builder{})
		if err == nil || !strings.Contains(err.Error(), "has no such task; task "+id+" was stopped") {
			t.Error(err)
		}
		if took := time.Since(start); took < 3*time.Minute || took > 4*time.Minute {
			t.Errorf("it took %s", took)
		}
	})
}

func TestTheExitCodeDecidesWhereTheLogCannotBeRead(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster) {
		c.Fail("cloudwatchlogs:*", 1000, awsfake.Error("AccessDeniedException", "not authorized"))
		var out strings.Builder
		if _, err := task.Run(t.Context(), c.Config(), migrate, &out); err != nil {
			t.Error(err)
		}
		if got := strings.Count(out.String(), "read log group "+group); got != 1 {
			t.Errorf("told %d times:\n%s", got, out.String())
		}
		spec := migrate
		spec.Container = "mute"
		c.end.Containers[0].Name = aws.String("mute")
		out.Reset()
		if _, err := task.Run(t.Context(), c.Config(), spec, &out); err != nil || !strings.Contains(out.String(), "container mute has no log that can be shown") {
			t.Errorf("%v\n%s", err, out.String())
		}
	})
}

// A log without an end must not keep the run.
func TestALogThatGoesOnIsLeftSoonAfterTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster) {
		for i := range 600 {
			c.line(time.Duration(i)*time.Second, time.Duration(i)*time.Second, "again")
		}
		start := time.Now()
		if _, err := task.Run(t.Context(), c.Config(), migrate, &strings.Builder{}); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took > 90*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestAnHourOfWatchingTakesLessThanACallASecond(t *testing.T) {
	bubble(t, func(t *testing.T, c *cluster) {
		c.stopped = 55 * time.Minute
		if _, err := task.Run(t.Context(), c.Config(), migrate, &strings.Builder{}); err != nil {
			t.Error(err)
		}
		if calls := len(c.Calls()); calls > 55*60 {
			t.Errorf("%d calls", calls)
		}
	})
}
