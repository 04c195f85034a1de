package rollout_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/rollout"
)

func TestADeploymentIsDoneWhenItsTasksRunTheWantedImages(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.replace()
		result, err := w.settle(30 * time.Minute)
		if err != nil {
			t.Fatal(err, w.said.String())
		}
		if lag := time.Since(w.begun) - 100*time.Second; lag > 15*time.Second {
			t.Errorf("seen %s after it happened", lag)
		}
		result.Took = 0
		wanted := rollout.Result{Deployment: deploymentARN(13), TaskDefinition: definitionARN(13), Started: true, Desired: 1, Targets: 1, Images: want(13).Images, Tasks: []string{"new1"}}
		if diff := cmp.Diff(wanted, result); diff != "" {
			t.Error(diff)
		}
		for _, line := range []string{"deployment started: 1 task of prooflink-dev-task:13", "0 of 1 running, 1 pending, 1 old one still running", "has started 1 tasks: (task new1).", "1 of 1 running", "proved: 1 task of prooflink-dev-task:13 with the wanted images, 1 healthy target"} {
			if strings.Count(w.said.String(), "  "+line+"\n") != 1 {
				t.Errorf("%q is not said once in\n%s", line, w.said.String())
			}
		}
		before := w.watcher.Before()
		if before.TaskDefinition != definitionARN(12) || before.Images["prooflink-app"] != digest(12) || before.String() != "1 of 1 tasks of prooflink-dev-task:12" {
			t.Errorf("before: %+v", before)
		}
	})
}

// ending is a script and the problem that it ends in.
type ending struct {
	script func(w *world)
	limit  time.Duration
	kind   rollout.Kind
	says   string // what the error has
	within time.Duration
}

func TestADeploymentThatGoesWrongIsNeverGreen(t *testing.T) {
	start := func(w *world) { w.then(10*time.Second, func() { w.put(13, 1) }) }
	tests := map[string]ending{
		"rolled back by the circuit breaker": {func(w *world) {
			start(w)
			w.then(20*time.Second, func() { w.crash("bad1", 13, "fatal read environment: DATABASE_URL is not set") })
			w.then(60*time.Second, func() {
				w.of(13).DeploymentCircuitBreaker = &types.ServiceDeploymentCircuitBreaker{Status: types.ServiceDeploymentRollbackMonitorsStatusTriggered, FailureCount: 3}
			})
			w.back(60*time.Second, "Service deployment rolled back because the circuit breaker threshold was exceeded.")
		}, 0, rollout.RolledBack, "deployment deploy13 of prooflink-dev-task:13 was rolled back: the circuit breaker was triggered, after 3 failed tasks", 140 * time.Second},
		"rolled back by an alarm": {func(w *world) {
			start(w)
			w.then(30*time.Second, func() { w.run("new1", 13) })
			w.then(60*time.Second, func() {
				w.of(13).Alarms = &types.ServiceDeploymentAlarms{Status: types.ServiceDeploymentRollbackMonitorsStatusTriggered, TriggeredAlarmNames: []string{"prooflink-alb-5xx"}}
			})
			w.back(60*time.Second, "")
		}, 0, rollout.RolledBack, "was rolled back: alarm prooflink-alb-5xx was triggered", 140 * time.Second},
		"rolled back by hand": {func(w *world) {
			start(w)
			w.then(30*time.Second, func() { w.of(13).Status = types.ServiceDeploymentStatusRollbackRequested })
			w.back(50*time.Second, "")
		}, 0, rollout.RolledBack, "was rolled back: it was stopped by hand", 0},
		"rolled back by CloudFormation": {func(w *world) {
			start(w)
			w.then(60*time.Second, func() { w.finish(13, types.ServiceDeploymentStatusStopped); w.put(12, 1) })
			w.then(90*time.Second, func() { w.finish(12, types.ServiceDeploymentStatusSuccessful); w.count() })
		}, 0, rollout.RolledBack, "has brought prooflink-dev-task:12 back", 0},
		"a rollback that fails": {func(w *world) {
			start(w)
			w.then(60*time.Second, func() { w.finish(13, types.ServiceDeploymentStatusRollbackFailed) })
		}, 0, rollout.RollbackFailed, "failed, and so did its rollback", 80 * time.Second},
		"overtaken while it was in progress": {func(w *world) {
			start(w)
			w.then(30*time.Second, func() { w.finish(13, types.ServiceDeploymentStatusStopRequested); w.put(14, 1) })
			w.then(40*time.Second, func() { w.finish(13, types.ServiceDeploymentStatusStopped) })
		}, 0, rollout.Overtaken, "was overtaken: deployment deploy14 of prooflink-dev-task:14, registered by arn:aws:iam::111122223333:user/bob took over from ours", 45 * time.Second},
		"overtaken, and the newer one shows late": {func(w *world) {
			start(w)
			w.then(30*time.Second, func() { w.finish(13, types.ServiceDeploymentStatusStopped) })
			w.then(34*time.Second, func() { w.put(14, 1) })
		}, 0, rollout.Overtaken, "prooflink-dev-task:14", 0},
		"another deployment instead of ours": {func(w *world) { w.then(10*time.Second, func() { w.put(14, 1) }) }, 0, rollout.Overtaken, "prooflink-app has sha256:000000000000, wanted sha256:000000000000", 0},
		"stopped by hand": {func(w *world) {
			start(w)
			w.then(30*time.Second, func() { w.finish(13, types.ServiceDeploymentStatusStopRequested) })
			w.then(50*time.Second, func() { w.finish(13, types.ServiceDeploymentStatusStopped) })
		}, 0, rollout.Stopped, "was stopped: it was stopped by hand", 70 * time.Second},
		"the first one fails, and there is nothing to go back to": {func(w *world) {
			start(w)
			w.then(30*time.Second, func() {
				w.finish(13, types.ServiceDeploymentStatusStopped)
				w.of(13).DeploymentCircuitBreaker.Status = types.ServiceDeploymentRollbackMonitorsStatusTriggered
			})
		}, 0, rollout.Stopped, "the circuit breaker was triggered", 50 * time.Second},
		"no end in time": {func(w *world) {
			start(w)
			w.then(30*time.Second, func() {
				w.run("new1", 13)
				w.targets[1].TargetHealth = &elbtypes.TargetHealth{State: elbtypes.TargetHealthStateEnumUnhealthy, Reason: elbtypes.TargetHealthReasonEnumResponseCodeMismatch, Description: aws.String("Health checks failed with these codes: [404]")}
				w.tell("(port 3000) is unhealthy in (target-group x) due to (reason Health checks failed with these codes: [404]).")
			})
		}, 5 * time.Minute, rollout.Stuck, `after 5m0s: 1 of 1 running, 1 old one still running; target 10.0.11.6:3000 is unhealthy: Health checks failed with these codes: [404]; ECS said last: "(port 3000) is unhealthy`, 330 * time.Second},
		"another digest runs though ECS says that all is well": {func(w *world) {
			w.replace()
			w.then(45*time.Second, func() { w.tasks[1].Containers[0].ImageDigest = aws.String(digest(99)) })
		}, 0, rollout.Wrong, "task new1: prooflink-app has sha256:000000000000, wanted sha256:000000000000", 0},
		"a digest that ECS doesn't tell": {func(w *world) {
			w.replace()
			w.then(45*time.Second, func() { w.tasks[1].Containers[0].ImageDigest = nil })
		}, 0, rollout.Wrong, "task new1: prooflink-app has no image", 0},
		"an older task is left": {func(w *world) {
			w.replace()
			w.then(99*time.Second, func() { w.run("old2", 12) })
		}, 0, rollout.Wrong, "task old2", 0},
		"a task is missing": {func(w *world) {
			w.replace()
			w.then(99*time.Second, func() { w.service.DesiredCount = 3 })
		}, 0, rollout.Unhealthy, "1 of 3 tasks run", 0},
		"a target isn't healthy": {func(w *world) {
			w.replace()
			w.then(99*time.Second, func() { w.target("10.0.11.6", elbtypes.TargetHealthStateEnumUnhealthy) })
		}, 0, rollout.Unhealthy, "target 10.0.11.6:3000 is unhealthy", 0},
		"a task is no target": {func(w *world) {
			w.replace()
			w.then(99*time.Second, func() { w.target("10.0.11.6", "") })
		}, 0, rollout.Unhealthy, "task new1 at 10.0.11.6 is no target", 0},
		"no task is wanted": {func(w *world) {
			w.replace()
			w.then(99*time.Second, func() { w.service.DesiredCount = 0 })
		}, 0, rollout.Idle, "desired count is 0", 0},
		"nothing was started": {func(*world) {}, 0, rollout.NotStarted, "the service has prooflink-dev-task:12", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, w *world) {
				test.script(w)
				if test.limit == 0 {
					test.limit = 30 * time.Minute
				}
				_, err := w.settle(test.limit)
				var problem *rollout.Problem
				if !errors.As(err, &problem) || problem.Kind != test.kind || !strings.Contains(err.Error(), test.says) {
					t.Fatalf("got %v, want %q with %q\n%s", err, test.kind, test.says, w.said.String())
				}
				if took := time.Since(w.begun); test.within > 0 && took > test.within {
					t.Errorf("took %s\n%s", took, w.said.String())
				}
			})
		})
	}
}

func TestWhatRunsAfterARollbackIsTold(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.then(10*time.Second, func() { w.put(13, 1) })
		w.back(60*time.Second, "because")
		_, err := w.settle(30 * time.Minute)
		var problem *rollout.Problem
		if !errors.As(err, &problem) || problem.Now.String() != "1 of 1 tasks of prooflink-dev-task:12" {
			t.Fatalf("%+v, %v", problem, err)
		}
		if got := w.watcher.Deployment(); got != deploymentARN(13) {
			t.Errorf("deployment %s", got)
		}
		if got := w.watcher.Now().TaskDefinition; got != definitionARN(12) {
			t.Errorf("%s runs", got)
		}
		for _, line := range []string{"going back: 1 task of prooflink-dev-task:12", "rolling back: because", "rolled back: because"} {
			if !strings.Contains(w.said.String(), line) {
				t.Errorf("%q is not in\n%s", line, w.said.String())
			}
		}
	})
}

func TestWhereNothingChangedTheDeploymentInForceCounts(t *testing.T) {
	tests := map[string]struct{ forgotten bool }{"a service": {}, "a service older than three months": {true}}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			play(t, func(t *testing.T, w *world) {
				w.hidden = test.forgotten
				if test.forgotten {
					w.service.CurrentServiceDeployment, w.service.CurrentServiceRevisions = nil, nil
				}
				result, err := w.watch().Settle(t.Context(), want(12), 30*time.Minute)
				if err != nil || result.Started || result.TaskDefinition != definitionARN(12) || len(result.Tasks) != 1 {
					t.Fatalf("%+v, %v", result, err)
				}
				if took := time.Since(w.begun); took > 10*time.Second {
					t.Errorf("took %s", took)
				}
				t.Logf("%d calls", len(w.Calls()))
			})
		})
	}
}

// ECS's older interface tells of every deployment.
func TestADeploymentThatIsNotListedIsFollowedAllTheSame(t *testing.T) {
	t.Run("to its end", func(t *testing.T) {
		play(t, func(t *testing.T, w *world) {
			w.hidden = true
			w.replace()
			result, err := w.settle(30 * time.Minute)
			if err != nil || !result.Started || result.TaskDefinition != definitionARN(13) {
				t.Fatalf("%+v, %v", result, err)
			}
		})
	})
	t.Run("to its rollback", func(t *testing.T) {
		play(t, func(t *testing.T, w *world) {
			w.hidden = true
			w.then(10*time.Second, func() { w.put(13, 1) })
			w.back(60*time.Second, "")
			_, err := w.settle(30 * time.Minute)
			var problem *rollout.Problem
			if !errors.As(err, &problem) || problem.Kind != rollout.RolledBack {
				t.Fatal(err)
			}
		})
	})
}

// Two updates one after another, as when first the settings and then the task
// definition change: the first deployment is stopped for the second.
func TestANewerDeploymentOfTheSameImagesIsOurs(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.then(10*time.Second, func() { w.put(13, 1) })
		w.then(20*time.Second, func() {
			w.finish(13, types.ServiceDeploymentStatusStopped)
			w.put(13, 1)
		})
		w.then(40*time.Second, func() { w.run("new1", 13); w.scaleIn("old1") })
		w.then(60*time.Second, func() {
			w.deployments[2].Status = types.ServiceDeploymentStatusSuccessful
			w.service.Deployments = w.service.Deployments[:1]
		})
		result, err := w.settle(30 * time.Minute)
		if err != nil || result.Deployment != deploymentARN(13)+"again" {
			t.Fatalf("%+v, %v", result, err)
		}
	})
}

func TestTheFirstDeploymentOfAServiceThatIsBeingCreated(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.service, w.deployments, w.tasks, w.targets = nil, nil, nil, nil
		watcher := w.watch()
		if before := watcher.Before(); before.Exists || before.String() != "nothing: the service isn't there" {
			t.Errorf("%+v", before)
		}
		w.then(30*time.Second, func() { w.put(13, 2) })
		w.then(60*time.Second, func() { w.run("new1", 13); w.run("new2", 13) })
		w.then(90*time.Second, func() { w.finish(13, types.ServiceDeploymentStatusSuccessful) })
		result, err := watcher.Settle(t.Context(), want(13), 30*time.Minute)
		if err != nil || !result.Started || len(result.Tasks) != 2 {
			t.Fatalf("%+v, %v", result, err)
		}
	})
}

func TestAServiceThatIsDeletedAgainWasRolledBack(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.service, w.deployments, w.tasks, w.targets = nil, nil, nil, nil
		w.then(20*time.Second, func() { w.put(13, 1) })
		w.then(40*time.Second, func() { w.crash("bad1", 13, "fatal x") })
		w.then(80*time.Second, func() { w.service.Status = aws.String("INACTIVE") })
		_, err := w.settle(30 * time.Minute)
		var problem *rollout.Problem
		if !errors.As(err, &problem) || problem.Kind != rollout.RolledBack {
			t.Fatal(err)
		}
		if tasks := w.watcher.Evidence().Tasks; len(tasks) != 1 || len(tasks[0].Containers[0].Lines) != 1 {
			t.Errorf("evidence: %+v", tasks)
		}
	})
}

func TestAServiceThatIsMissingIsAnError(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.service = nil
		_, err := w.settle(30 * time.Minute)
		if err == nil || !strings.Contains(err.Error(), "service prooflink-dev-service is not in cluster prooflink-dev-cluster: dagger call deploy --env dev makes it") {
			t.Fatal(err)
		}
	})
}

// Autoscaling changes the number of tasks meanwhile, and a draining target is no
// target.
func TestTasksAreCountedAsTheyAreWantedNow(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.replace()
		w.then(80*time.Second, func() { w.service.DesiredCount = 3 })
		w.then(95*time.Second, func() { w.target("10.0.11.200", elbtypes.TargetHealthStateEnumDraining) })
		w.then(110*time.Second, func() { w.run("new2", 13).LastStatus = aws.String("PENDING") })
		w.then(150*time.Second, func() { w.tasks[len(w.tasks)-1].LastStatus = aws.String("RUNNING"); w.run("new3", 13) })
		result, err := w.settle(30 * time.Minute)
		if err != nil || result.Desired != 3 || len(result.Tasks) != 3 || result.Targets != 3 {
			t.Fatalf("%+v, %v\n%s", result, err, w.said.String())
		}
		if !strings.Contains(w.said.String(), "not yet: 1 of 3 tasks run") {
			t.Error(w.said.String())
		}
	})
}

func TestLongListsAreReadToTheirEnd(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.page = 30
		w.then(10*time.Second, func() { w.put(13, 130) })
		w.then(20*time.Second, func() {
			for i := range 130 {
				w.run(fmt.Sprintf("new%d", i), 13)
			}
			w.scaleIn("old1")
		})
		w.then(40*time.Second, func() { w.finish(13, types.ServiceDeploymentStatusSuccessful) })
		result, err := w.settle(30 * time.Minute)
		if err != nil || len(result.Tasks) != 130 {
			t.Fatalf("%d tasks, %v", len(result.Tasks), err)
		}
	})
}

func TestANewDeploymentOnTheListsLastPageIsSeen(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.page = 1
		w.replace()
		result, err := w.settle(30 * time.Minute)
		if err != nil || result.Deployment != deploymentARN(13) {
			t.Fatalf("%+v, %v", result, err)
		}
	})
}

func TestADisturbanceIsSatOut(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.replace()
		w.then(20*time.Second, func() {
			w.Fail("ecs:DescribeServices", 20, awsfake.Error("ThrottlingException", "Rate exceeded"))
			w.Fail("ecs:ListTasks", 20, awsfake.ErrorStatus(503, "ServiceUnavailable", "try later"))
		})
		if _, err := w.settle(30 * time.Minute); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(w.said.String(), "no answer, asking again"); n == 0 || n > 3 {
			t.Errorf("said %d times:\n%s", n, w.said.String())
		}
	})
}

func TestARefusalEndsTheWait(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.then(20*time.Second, func() {
			w.Fail("ecs:*", 100, awsfake.Error("ExpiredTokenException", "The security token included in the request is expired"))
		})
		_, err := w.settle(30 * time.Minute)
		if err == nil || !strings.Contains(err.Error(), "ExpiredTokenException") || time.Since(w.begun) > time.Minute {
			t.Fatalf("%v after %s", err, time.Since(w.begun))
		}
	})
}

func TestWhatAnythingWouldFulfilIsRefused(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		for _, want := range []rollout.Want{{}, {Images: map[string]string{"prooflink-app": ""}}} {
			if _, err := w.watch().Settle(t.Context(), want, time.Minute); err == nil {
				t.Errorf("%+v is settled", want)
			}
			w.watcher.Stop()
		}
	})
}

// A run that goes on after it was killed finds its deployment in progress.
func TestADeploymentThatWasInProgressBeforeIsOursWhereItBringsWhatIsWanted(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.put(13, 1)
		w.then(30*time.Second, func() { w.run("new1", 13); w.scaleIn("old1") })
		w.then(60*time.Second, func() { w.finish(13, types.ServiceDeploymentStatusSuccessful) })
		result, err := w.settle(30 * time.Minute)
		if err != nil || result.Deployment != deploymentARN(13) {
			t.Fatalf("%+v, %v", result, err)
		}
	})
}

func TestWaitUntilIdle(t *testing.T) {
	busy := func(w *world) {
		w.put(13, 1)
		w.then(60*time.Second, func() { w.run("new1", 13) })
		w.then(90*time.Second, func() { w.finish(13, types.ServiceDeploymentStatusSuccessful) })
	}
	wait := func(w *world, wait bool, limit time.Duration) error {
		return rollout.WaitUntilIdle(w.t.Context(), w.Config(), w.dev(), wait, limit, &w.said)
	}
	t.Run("an idle service", func(t *testing.T) {
		play(t, func(t *testing.T, w *world) {
			if err := wait(w, false, time.Minute); err != nil || w.said.String() != "" {
				t.Error(err, w.said.String())
			}
		})
	})
	t.Run("no service", func(t *testing.T) {
		play(t, func(t *testing.T, w *world) {
			w.service = nil
			if err := wait(w, false, time.Minute); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("a busy one is waited for", func(t *testing.T) {
		play(t, func(t *testing.T, w *world) {
			busy(w)
			if err := wait(w, true, time.Hour); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(w.begun); took < 90*time.Second || took > 105*time.Second {
				t.Errorf("took %s", took)
			}
			if got := strings.Count(w.said.String(), "\n"); got != 2 || !strings.Contains(w.said.String(), "deploy13 of prooflink-dev-task:13, 0 of 1 running, 1 pending") {
				t.Error(w.said.String())
			}
		})
	})
	t.Run("a busy one is an error without waiting", func(t *testing.T) {
		play(t, func(t *testing.T, w *world) {
			busy(w)
			if err := wait(w, false, time.Hour); err == nil || !strings.Contains(err.Error(), "--wait-in-progress") {
				t.Error(err)
			}
		})
	})
	t.Run("one that never ends", func(t *testing.T) {
		play(t, func(t *testing.T, w *world) {
			w.put(13, 1)
			var problem *rollout.Problem
			if err := wait(w, true, 10*time.Minute); !errors.As(err, &problem) || problem.Kind != rollout.Stuck {
				t.Error(err)
			}
		})
	})
}
