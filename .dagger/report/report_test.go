package report_test

import (
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/report"
	"github.com/prooflink/prooflink/infra/config"
)

var update = flag.Bool("update", false, "write the golden files")

// dev is the environment that the tests are about.
func dev(t *testing.T) config.Environment {
	t.Helper()
	environment, err := config.Load("dev")
	if err != nil {
		t.Fatal(err)
	}
	return environment
}

func at(clock string) time.Time {
	at, err := time.Parse("2006-01-02 15:04:05", "2026-11-22 "+clock)
	if err != nil {
		panic(err) // a mistake of the test itself
	}
	return at
}

func code(n int32) *int32 { return &n }

// deployment is a service deployment's ARN.
const deployment = "arn:aws:ecs:ap-northeast-1:111122223333:service-deployment/prooflink-dev-cluster/prooflink-dev-service/OLM8zqSkPUsjz_-lRIUeE"

// task is a task of the new version that ended.
func task(id, clock, stopCode, reason string, containers ...report.Container) report.Task {
	return report.Task{ID: id, Definition: "prooflink-dev-task:13", StopCode: stopCode, StoppedReason: reason, StoppedAt: at(clock), Containers: containers}
}

// ecsEvents are what ECS says when the circuit breaker rolls a deployment back.
func ecsEvents() []report.Event {
	return []report.Event{
		{At: at("10:00:10"), Source: report.FromECS, Text: "(service prooflink-dev-service) has started 1 tasks: (task 1111111111111111)."},
		{At: at("10:02:00"), Source: report.FromECS, Text: "(service prooflink-dev-service) is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."},
		{At: at("10:04:00"), Source: report.FromECS, Text: "(service prooflink-dev-service) (deployment ecs-svc/123) deployment failed: tasks failed to start."},
		{At: at("10:04:01"), Source: report.FromECS, Text: "(service prooflink-dev-service) rolling back to deployment ecs-svc/122."},
	}
}

// failures are runs that failed, by golden file.
func failures() map[string]report.Failure {
	broken := report.Event{At: at("10:04:20"), Source: report.FromStack("ComputeStack-dev"), Text: `UPDATE_FAILED Service (AWS::ECS::Service): Resource handler returned message: "Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'."`}
	undone := report.Event{At: at("10:05:40"), Source: report.FromStack("ComputeStack-dev"), Text: "UPDATE_ROLLBACK_COMPLETE ComputeStack-dev (AWS::CloudFormation::Stack): "}
	router := report.Container{Name: "log-router", ExitCode: code(0), LogGroup: "/ecs/prooflink-dev-firelens", Lines: []string{"[2026/11/22 10:00:31] [engine] caught signal (SIGTERM)"}}
	return map[string]report.Failure{
		"crash-on-start": {
			Command: "deploy --env dev", Step: "deploy Compute, Batch, Monitoring", Outcome: report.RolledBack, At: at("10:05:50"), Took: 6*time.Minute + 12*time.Second,
			Problem: "cdk deploy ComputeStack-dev: exit code 1", Running: "1 of 1 tasks of prooflink-dev-task:12", Deployment: deployment,
			Run: "https://github.com/prooflink/prooflink/actions/runs/42",
			Evidence: report.Evidence{
				Tasks: []report.Task{
					task("2222222222222222", "10:01:30", "EssentialContainerExited", "Essential container in task exited",
						report.Container{Name: "prooflink-app", ExitCode: code(2)}, report.Container{Name: "log-router", ExitCode: code(0)}),
					task("1111111111111111", "10:00:30", "EssentialContainerExited", "Essential container in task exited",
						report.Container{Name: "prooflink-app", ExitCode: code(2), LogGroup: "/ecs/prooflink-dev-errors", Lines: []string{
							"info server starting",
							`fatal read environment: DATABASE_URL has the sslmode "prefer": use disable, require, verify-full {"version":"0.1.0"}`,
						}}, router),
				},
				Events: append(ecsEvents(), broken, undone),
			},
		},
		"secret-missing": {
			Command: "release --env dev", Step: "roll out", Outcome: report.RolledBack, At: at("10:05:50"), Took: 5 * time.Minute, Deployment: deployment,
			Problem: "deployment OLM8zqSkPUsjz_-lRIUeE of prooflink-dev-task:13 was rolled back: the circuit breaker was triggered", Running: "1 of 1 tasks of prooflink-dev-task:12",
			Evidence: report.Evidence{Events: ecsEvents(), Tasks: []report.Task{
				task("3333333333333333", "10:00:20", "TaskFailedToStart", "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:prooflink-dev/app-secrets-AbCdEf from secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified secret.",
					report.Container{Name: "prooflink-app"}, report.Container{Name: "log-router"}),
			}},
		},
		"migration-failed": {
			Command: "deploy --env dev", Step: "migrate the database", Outcome: report.Failed, At: at("10:01:00"), Took: 90 * time.Second,
			Problem: "migrate with sha256:9f86d081: exit code 1", Running: "1 of 1 tasks of prooflink-dev-task:12",
			Evidence: report.Evidence{Tasks: []report.Task{{
				ID: "4444444444444444", Definition: "prooflink-dev-migrate:7", StopCode: "EssentialContainerExited", StoppedReason: "Essential container in task exited", StoppedAt: at("10:00:50"),
				Containers: []report.Container{{Name: "migrate", ExitCode: code(1), LogGroup: "/ecs/prooflink-dev-migrate", Lines: []string{
					`info connecting {"url":"postgresql://prooflink:hunter2@db.internal:5432/prooflink_dev"}`,
					"info applied 0003_cases.sql",
					`error apply 0004_owner.sql: line 3: column "owner" of relation "cases" already exists {"job":"migrate"}`,
					"info exit 1",
				}}},
			}}},
		},
		"alarm-rollback": {
			Command: "deploy --env prod", Step: "roll out", Outcome: report.RolledBack, At: at("10:12:00"), Took: 12 * time.Minute, Deployment: deployment,
			Problem: "deployment OLM8zqSkPUsjz_-lRIUeE of prooflink-dev-task:13 was rolled back: alarm prooflink-dev-alb-5xx was triggered", Running: "2 of 2 tasks of prooflink-dev-task:12",
			Evidence: report.Evidence{
				Tasks: []report.Task{task("5555555555555555", "10:11:00", "ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/123)",
					report.Container{Name: "prooflink-app", ExitCode: code(143), LogGroup: "/ecs/prooflink-dev-errors", Lines: []string{"error request failed"}})},
				Events: []report.Event{{At: at("10:10:00"), Source: report.FromECS, Text: "(service prooflink-dev-service) (deployment ecs-svc/123) deployment failed: alarm detected."}},
			},
		},
		"cloudformation-failed": {
			Command: "deploy --env dev", Step: "deploy Network, Database", Outcome: report.Failed, At: at("10:03:00"), Took: 3 * time.Minute,
			Problem: "cdk deploy NetworkStack-dev: exit code 1", Running: "nothing: the service isn't there yet",
			Evidence: report.Evidence{Events: []report.Event{
				{At: at("10:02:10"), Source: report.FromStack("NetworkStack-dev"), Text: "CREATE_FAILED NatEip2 (AWS::EC2::EIP): Resource creation cancelled"},
				{At: at("10:02:09"), Source: report.FromStack("NetworkStack-dev"), Text: "CREATE_FAILED NatEip1 (AWS::EC2::EIP): Resource handler returned message: \"The maximum number of addresses has been reached. (Service: Ec2, Status Code: 400)\""},
				{At: at("10:02:40"), Source: report.FromStack("NetworkStack-dev"), Text: "ROLLBACK_COMPLETE NetworkStack-dev (AWS::CloudFormation::Stack): The following resource(s) failed to create: [NatEip1]."},
			}},
		},
	}
}

func TestReportsAreAsTheyWereReviewed(t *testing.T) {
	for name, failure := range failures() {
		full := report.New(dev(t), failure)
		for ending, got := range map[string]string{"txt": full.Text(), "md": full.Markdown(), "json": full.JSON()} {
			t.Run(name+"."+ending, func(t *testing.T) { golden(t, name+"."+ending, got) })
		}
	}
}

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs; go test -update writes it:\n%s", file, diff)
	}
}

func TestTheFirstCauseIsNamedAndNotWhatFollowsFromIt(t *testing.T) {
	tests := map[string]string{
		"crash-on-start":        "The program refuses its configuration: prooflink-app says: read environment: DATABASE_URL has the sslmode",
		"secret-missing":        "A secret can't be read: ResourceInitializationError",
		"migration-failed":      "A migration failed and was rolled back: migrate says: apply 0004_owner.sql: line 3",
		"alarm-rollback":        "An alarm ended the deployment: deployment OLM8zqSkPUsjz_-lRIUeE of prooflink-dev-task:13 was rolled back: alarm prooflink-dev-alb-5xx was triggered",
		"cloudformation-failed": "A limit of the account is reached: CloudFormation NetworkStack-dev: CREATE_FAILED NatEip1",
	}
	for name, want := range tests {
		if got := report.New(dev(t), failures()[name]).Cause; !strings.HasPrefix(got, want) {
			t.Errorf("%s: cause %q, want it to begin with %q", name, got, want)
		}
	}
}

func TestTheTextFitsATerminal(t *testing.T) {
	for name, failure := range failures() {
		for line := range strings.Lines(report.New(dev(t), failure).Text()) {
			line = strings.TrimSuffix(line, "\n")
			trimmed := strings.TrimSpace(line)
			free := strings.HasPrefix(trimmed, "|") || !strings.Contains(trimmed, " ") || strings.HasPrefix(trimmed, "dagger call") || strings.HasPrefix(trimmed, "aws ")
			if utf8.RuneCountInString(line) > 80 && !free && len(strings.Fields(trimmed)) > 2 {
				t.Errorf("%s: %d characters: %s", name, utf8.RuneCountInString(line), line)
			}
		}
	}
}

// A later reader of the JSON counts on its keys, and on lists being there.
func TestTheJSONHasItsKeysEvenWhereNothingIsKnown(t *testing.T) {
	var got map[string]any
	text := report.New(dev(t), report.Failure{Command: "deploy --env dev", Outcome: report.Failed, Problem: "no"}).JSON()
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"version", "command", "env", "step", "outcome", "problem", "running", "evidence", "at", "took", "cause", "hints", "links", "next"} {
		if _, ok := got[key]; !ok {
			t.Errorf("no key %q", key)
		}
	}
	seen := got["evidence"].(map[string]any)
	for name, list := range map[string]any{"hints": got["hints"], "links": got["links"], "next": got["next"], "tasks": seen["tasks"], "events": seen["events"]} {
		if _, ok := list.([]any); !ok {
			t.Errorf("%s is %v, want a list", name, list)
		}
	}
}

func TestAFailureWithoutEvidenceSaysTheStepsOwnError(t *testing.T) {
	cause := errors.New("publish images: no space left")
	failure := report.New(dev(t), report.Failure{Command: "deploy --env dev", Step: "publish images", Outcome: report.Failed, Problem: cause.Error(), Err: cause})
	if failure.Cause != cause.Error() {
		t.Errorf("cause %q", failure.Cause)
	}
	if !errors.Is(failure, cause) || failure.Error() != failure.Text() {
		t.Error("the failure is not its error's wrapper")
	}
	want := []string{"dagger call status --env dev", "dagger call deploy --env dev"}
	if diff := cmp.Diff(want, failure.Next); diff != "" {
		t.Error(diff)
	}
}

func TestLinksLeadIntoTheConsoleOfTheRegion(t *testing.T) {
	got := map[string]string{}
	for _, link := range report.New(dev(t), failures()["crash-on-start"]).Links {
		got[link.Name] = link.URL
	}
	want := map[string]string{
		"ECS deployment":                        "https://ap-northeast-1.console.aws.amazon.com/ecs/v2/clusters/prooflink-dev-cluster/services/prooflink-dev-service/deployments/OLM8zqSkPUsjz_-lRIUeE?region=ap-northeast-1",
		"ECS service":                           "https://ap-northeast-1.console.aws.amazon.com/ecs/v2/clusters/prooflink-dev-cluster/services/prooflink-dev-service/health?region=ap-northeast-1",
		"Task 11111111":                         "https://ap-northeast-1.console.aws.amazon.com/ecs/v2/clusters/prooflink-dev-cluster/tasks/1111111111111111/configuration?region=ap-northeast-1",
		"Events of ComputeStack-dev":            "https://ap-northeast-1.console.aws.amazon.com/cloudformation/home?region=ap-northeast-1#/stacks/events?stackId=ComputeStack-dev",
		"Log group /ecs/prooflink-dev-errors":   "https://ap-northeast-1.console.aws.amazon.com/cloudwatch/home?region=ap-northeast-1#logsV2:log-groups/log-group/$252Fecs$252Fprooflink-dev-errors",
		"Log group /ecs/prooflink-dev-firelens": "https://ap-northeast-1.console.aws.amazon.com/cloudwatch/home?region=ap-northeast-1#logsV2:log-groups/log-group/$252Fecs$252Fprooflink-dev-firelens",
		"This run":                              "https://github.com/prooflink/prooflink/actions/runs/42",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMarkdownSaysWhatWasSaidAndNothingElse(t *testing.T) {
	failure := report.New(dev(t), report.Failure{
		Command: "deploy --env dev", Outcome: report.Failed, Problem: "a | b <script>alert(1)</script>\n@team *now* [x](http://evil)",
		Evidence: report.Evidence{Tasks: []report.Task{task("1", "10:00:00", "", "a|b</summary>", report.Container{Name: "a", ExitCode: code(1), Lines: []string{"```", "</details>", "::error::x"}})}},
	})
	got := failure.Markdown()
	for _, bad := range []string{"<script>", "b</summary>", "@team", "[x](http", "\n</details>\n```\n\n</details>\n\n</details>"} {
		if strings.Contains(got, bad) {
			t.Errorf("%q is in\n%s", bad, got)
		}
	}
	if !strings.Contains(got, "````text\n```\n</details>\n") {
		t.Errorf("the lines are not between longer fences:\n%s", got)
	}
	if strings.Contains(failure.Text(), "\n::error") {
		t.Error("a log line commands the runner")
	}
}
