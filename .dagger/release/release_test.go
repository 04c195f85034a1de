package release_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	batchtypes "github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/release"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// converge is Converge, which must not fail.
func (a *account) converge(t *testing.T, to release.Images) release.Done {
	t.Helper()
	done, err := release.Converge(t.Context(), a.Config(), dev, to)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func TestAReleaseChangesServiceAndJobsAndTheSecondTimeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, all("a", "a", "a"))
		done := a.converge(t, all("b", "b", "a"))
		want := release.Done{
			TaskDefinition: "arn:aws:ecs:ap-northeast-1:123456789012:task-definition/prooflink-dev-task:2", Changed: true,
			Jobs: []string{"arn:aws:batch:ap-northeast-1:123456789012:job-definition/prooflink-dev-user-import:2",
				"arn:aws:batch:ap-northeast-1:123456789012:job-definition/prooflink-dev-test-case-import:2"},
		}
		want.Registered = append([]string{want.TaskDefinition}, want.Jobs...)
		if diff := cmp.Diff(want, done); diff != "" || a.running() != "bba" {
			t.Errorf("runs %s\n%s", a.running(), diff)
		}
		if diff := cmp.Diff([]string{"RegisterTaskDefinition", "UpdateService", "RegisterJobDefinition", "RegisterJobDefinition"}, a.mutations()); diff != "" {
			t.Error(diff)
		}
		again := a.converge(t, all("b", "b", "a"))
		want.Changed, want.Registered = false, nil
		if diff := cmp.Diff(want, again); diff != "" || len(a.mutations()) != 4 {
			t.Errorf("the second time: %v\n%s", a.mutations(), diff)
		}
	})
}

func TestOnlyWhatDiffersIsTouched(t *testing.T) {
	tests := map[string]struct {
		to   release.Images
		want []string
	}{
		"the app":              {all("b", "a", "a"), []string{"RegisterTaskDefinition", "UpdateService"}},
		"the router":           {all("a", "a", "b"), []string{"RegisterTaskDefinition", "UpdateService"}},
		"the jobs":             {all("a", "b", "a"), []string{"RegisterJobDefinition", "RegisterJobDefinition"}},
		"nothing that is told": {release.Images{}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAccount(t, all("a", "a", "a"))
				a.converge(t, test.to)
				if diff := cmp.Diff(test.want, a.mutations()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// What is registered otherwise stays: the number of tasks, for instance, is the
// autoscaling's.
func TestTheServiceGetsATaskDefinitionAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, all("a", "a", "a"))
		var got ecs.UpdateServiceInput
		awsfake.On(a.Server, "ecs", func(in *ecs.UpdateServiceInput) (*ecs.UpdateServiceOutput, error) {
			got = *in
			return nil, nil
		})
		a.converge(t, all("b", "a", "a"))
		want := ecs.UpdateServiceInput{Cluster: aws.String(dev.Cluster()), Service: aws.String(dev.Service()), TaskDefinition: got.TaskDefinition}
		if diff := cmp.Diff(want, got, ignoreUnexported()); diff != "" {
			t.Error(diff)
		}
	})
}

// Neither of the two ways to change what runs may bring back what the other has
// replaced. A deploy ends with Converge, as its own template may be unchanged.
func TestNoOldImageComesBack(t *testing.T) {
	deploy := func(t *testing.T, a *account, to release.Images) { a.deploy(to); a.converge(t, to) }
	releases := func(t *testing.T, a *account, to release.Images) { a.converge(t, to) }
	type step struct {
		do   func(*testing.T, *account, release.Images)
		to   string
		want string
	}
	tests := map[string][]step{
		"a deploy after a release":                               {{releases, "b", "bbb"}, {deploy, "c", "ccc"}},
		"a deploy of the template's own images after a release":  {{releases, "b", "bbb"}, {deploy, "a", "aaa"}},
		"a deploy of what was released":                          {{releases, "b", "bbb"}, {deploy, "b", "bbb"}},
		"a release after a deploy":                               {{deploy, "b", "bbb"}, {releases, "c", "ccc"}},
		"a release of what the template before the last one had": {{deploy, "b", "bbb"}, {releases, "a", "aaa"}, {deploy, "b", "bbb"}},
		"a roll-back and a deploy":                               {{releases, "b", "bbb"}, {releases, "a", "aaa"}, {deploy, "c", "ccc"}},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAccount(t, all("a", "a", "a"))
				for i, step := range steps {
					step.do(t, a, all(step.to, step.to, step.to))
					if a.running() != step.want {
						t.Errorf("after step %d runs %s, want %s", i+1, a.running(), step.want)
					}
				}
			})
		})
	}
}

// A release keeps what a deployment has changed besides the images.
func TestAReleaseStartsFromWhatIsLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, all("a", "a", "a"))
		a.find(a.service).TaskDefinition.Cpu = aws.String("2048")
		a.converge(t, all("b", "b", "b"))
		task := a.find(a.service)
		if *task.TaskDefinition.Cpu != "2048" || len(task.Tags) != 2 {
			t.Errorf("cpu %s, tags %v", *task.TaskDefinition.Cpu, task.Tags)
		}
		job := a.newestJob(dev.UserImportJob())
		if diff := cmp.Diff(map[string]string{"Environment": "dev"}, job.Tags); diff != "" || *job.RetryStrategy.Attempts != 3 || !*job.PropagateTags {
			t.Errorf("%+v\n%s", job, diff)
		}
	})
}

// Wherever a run is killed, the same run again ends where it should.
func TestAReleaseThatIsKilledIsFinishedByTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole := newAccount(t, all("a", "a", "a"))
		whole.converge(t, all("b", "b", "b"))
		for calls := range len(whole.Calls()) {
			a := newAccount(t, all("a", "a", "a"))
			a.KillAfter(calls)
			if _, err := release.Converge(t.Context(), a.Config(), dev, all("b", "b", "b")); err == nil {
				t.Fatalf("killed after %d calls: want an error", calls)
			}
			a.KillAfter(-1)
			a.converge(t, all("b", "b", "b"))
			if a.running() != "bbb" || len(a.tasks[dev.TaskFamily()]) != 2 {
				t.Errorf("killed after %d calls: runs %s, %d revisions", calls, a.running(), len(a.tasks[dev.TaskFamily()]))
			}
		}
	})
}

func TestThereIsNothingToReleaseTo(t *testing.T) {
	absent := map[string]func(*account){
		"service prooflink-dev-service": func(a *account) { a.service = "" },
		"cluster prooflink-dev-cluster": func(a *account) {
			a.Fail("ecs:DescribeServices", 1, &ecstypes.ClusterNotFoundException{Message: aws.String("Cluster not found.")})
		},
	}
	for what, remove := range absent {
		synctest.Test(t, func(t *testing.T) {
			a := newAccount(t, all("a", "a", "a"))
			remove(a)
			_, err := release.Converge(t.Context(), a.Config(), dev, all("b", "b", "b"))
			var missing *release.Absent
			if !errors.As(err, &missing) || err.Error() != what+" isn't there: deploy the environment first: dagger call deploy --env dev" {
				t.Errorf("err = %v", err)
			}
			if len(a.mutations()) > 0 {
				t.Errorf("changed: %v", a.mutations())
			}
		})
	}
}

func TestWithoutBatchThereAreNoJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, all("a", "a", "a"))
		a.jobs = map[string][]batchtypes.JobDefinition{}
		if done := a.converge(t, all("a", "b", "a")); len(done.Jobs) > 0 || len(a.mutations()) > 0 {
			t.Errorf("%+v, %v", done, a.mutations())
		}
	})
}

func TestAFailureSaysWhatCouldNotBeDone(t *testing.T) {
	for call, want := range map[string]string{
		"ecs:DescribeServices":         "describe service prooflink-dev-service: ",
		"ecs:DescribeTaskDefinition":   "describe task definition arn:aws:ecs:ap-northeast-1:123456789012:task-definition/prooflink-dev-task:1: ",
		"ecs:RegisterTaskDefinition":   "register task definition prooflink-dev-task: ",
		"ecs:UpdateService":            "update service prooflink-dev-service to arn:aws:ecs:ap-northeast-1:123456789012:task-definition/prooflink-dev-task:2: ",
		"batch:DescribeJobDefinitions": "describe job definition prooflink-dev-user-import: ",
		"batch:RegisterJobDefinition":  "register job definition prooflink-dev-user-import: ",
	} {
		synctest.Test(t, func(t *testing.T) {
			a := newAccount(t, all("a", "a", "a"))
			a.Fail(call, 1, awsfake.Error("AccessDeniedException", "no"))
			_, err := release.Converge(t.Context(), a.Config(), dev, all("b", "b", "b"))
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("err = %v, want %q", err, want)
			}
		})
	}
}

func TestLiveIsWhatIsRegistered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, all("a", "a", "a"))
		a.converge(t, all("a", "b", "a"))
		a.converge(t, all("b", "c", "d"))
		live, err := release.Live(t.Context(), a.Config(), dev)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{names.AppContainer: all("b", "", "").App.Reference(), names.RouterContainer: all("", "", "d").FluentBit.Reference()}
		if diff := cmp.Diff(want, live.Images); diff != "" {
			t.Error(diff)
		}
		if *live.Task.TaskDefinition.TaskDefinitionArn != a.service || live.Migration == nil || len(live.Jobs) != 2 || *live.Jobs[1].Revision != 3 {
			t.Errorf("%+v", live)
		}
		delete(a.tasks, dev.MigrateFamily())
		if live, err = release.Live(t.Context(), a.Config(), dev); err != nil || live.Migration != nil {
			t.Errorf("without a migration: %v, %v", live.Migration, err)
		}
	})
}

func TestTheMigrationGetsItsImageOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, all("a", "a", "a"))
		reference := all("", "b", "").Batch.Reference()
		for i, want := range []bool{true, false} {
			revision, err := release.Migration(t.Context(), a.Config(), dev, reference)
			if err != nil || revision.New != want || !strings.HasSuffix(revision.ARN, "prooflink-dev-migrate:2") {
				t.Errorf("%d: %+v, %v", i, revision, err)
			}
		}
		delete(a.tasks, dev.MigrateFamily())
		var missing *release.Absent
		if _, err := release.Migration(t.Context(), a.Config(), dev, reference); !errors.As(err, &missing) {
			t.Errorf("err = %v", err)
		}
	})
}

func TestImagesAreInTheEnvironmentsRepositories(t *testing.T) {
	environment, err := config.Load("dev")
	if err != nil {
		t.Fatal(err)
	}
	digests := map[string]string{"app": digest("a"), "batch": digest("b"), "fluent-bit": digest("c")}
	if diff := cmp.Diff(all("a", "b", "c"), release.Of(environment, strings.TrimSuffix(host, "/"), digests)); diff != "" {
		t.Error(diff)
	}
	environment.Logging.Driver = config.DriverAWSLogs
	delete(digests, "batch")
	if diff := cmp.Diff(release.Images{App: all("a", "", "").App}, release.Of(environment, strings.TrimSuffix(host, "/"), digests)); diff != "" {
		t.Error(diff)
	}
}
