package delivery_test

import (
	"maps"
	"os"
	"regexp"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/infratest"
)

// step is one step of a workflow's job.
type step struct {
	Name, Uses, Run string
	With            map[string]string
}

// job is what the tests read of a workflow's job.
type job struct {
	Environment string
	Permissions map[string]string
	Concurrency struct {
		Group            string
		CancelInProgress bool `yaml:"cancel-in-progress"`
	}
	Needs   string
	RunsOn  string `yaml:"runs-on"`
	Timeout int    `yaml:"timeout-minutes"`
	Steps   []step
}

// workflow is one of GitHub's.
type workflow struct {
	Permissions map[string]string
	Jobs        map[string]job
}

// read parses the workflow that deploys.
func read(t *testing.T) workflow { return parse(t, "deploy") }

// parse parses a workflow.
func parse(t *testing.T, name string) workflow {
	t.Helper()
	data, err := os.ReadFile("../../.github/workflows/" + name + ".yml")
	if err != nil {
		t.Fatal(err)
	}
	var parsed workflow
	if err := yaml.Unmarshal(data, &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed
}

// using finds the step that uses an action.
func (j job) using(t *testing.T, action string) step {
	t.Helper()
	for _, each := range j.Steps {
		if strings.HasPrefix(each.Uses, action+"@") {
			return each
		}
	}
	t.Fatalf("no step uses %s", action)
	return step{}
}

func TestTheWorkflowsTakeTheRoleOfTheirEnvironmentForAnHour(t *testing.T) {
	for _, c := range []struct{ workflow, job, variable string }{
		{"deploy", "plan", "PLAN_ROLE_ARN"}, {"deploy", "apply", "DEPLOY_ROLE_ARN"}, {"batch", "import", "DEPLOY_ROLE_ARN"},
	} {
		made := parse(t, c.workflow).Jobs[c.job]
		infratest.Equal(t, c.job+"'s permissions", made.Permissions, map[string]string{"contents": "read", "id-token": "write"})
		role := made.using(t, "aws-actions/configure-aws-credentials").With
		infratest.Equal(t, c.job+"'s role", role["role-to-assume"], "${{ vars."+c.variable+" }}")
		infratest.Equal(t, c.job+"'s time", role["role-duration-seconds"], "3600")
		for key := range role {
			if strings.Contains(key, "key") {
				t.Errorf("%s has a key: %s", c.job, key)
			}
		}
		for _, env := range []string{"dev", "prod"} {
			infratest.Equal(t, env+"'s region", role["aws-region"], infratest.Env(t, env).Region)
		}
		if len(parse(t, c.workflow).Permissions) > 0 {
			t.Errorf("every job of %s has permissions", c.workflow)
		}
	}
}

func TestAnImportRunsInItsEnvironmentOnceForEachRunOfTheWorkflow(t *testing.T) {
	made := parse(t, "batch").Jobs["import"]
	infratest.Equal(t, "the environment, whose reviewers are asked", made.Environment, "${{ inputs.env }}")
	infratest.Within(t, "the submission", script(t, made, "import"), `batch-submit "${arguments[@]}"`, `--idempotency-key "github-$GITHUB_RUN_ID"`, `--env "$ENVIRONMENT"`)
	infratest.Within(t, "the report", script(t, made, "report"), "--format markdown", "GITHUB_STEP_SUMMARY")
}

// The environments' names are what the roles trust.
func TestTheWorkflowsEnvironmentsAreThoseThatTheRolesTrust(t *testing.T) {
	const chosen = "inputs.env || (github.event_name == 'release' && 'prod') || 'dev'"
	jobs := read(t).Jobs
	infratest.Equal(t, "the plan's", jobs["plan"].Environment, "${{ format('{0}-plan', "+chosen+") }}")
	infratest.Equal(t, "the other's", jobs["apply"].Environment, "${{ "+chosen+" }}")
	infratest.Equal(t, "what it waits for", jobs["apply"].Needs, "plan")
	infratest.Equal(t, "one at a time", jobs["apply"].Concurrency.Group, "deploy-${{ "+chosen+" }}")
	infratest.Equal(t, "one is cancelled", jobs["apply"].Concurrency.CancelInProgress, false)
	for _, name := range []string{"dev", "prod"} {
		github := infratest.Env(t, name).GitHub
		infratest.Equal(t, name, [2][]string{github.Environments, github.PlanEnvironments}, [2][]string{{name}, {name + "-plan"}})
	}
}

func TestTheWorkflowsShellHasNoTextOfOthersInIt(t *testing.T) {
	pinned := regexp.MustCompile(`^[a-z-]+/[a-z-]+@[0-9a-f]{40}$`)
	all := parse(t, "batch").Jobs
	maps.Copy(all, read(t).Jobs)
	for name, made := range all {
		if made.RunsOn != "ubuntu-24.04" || made.Timeout == 0 {
			t.Errorf("%s runs on %s for %d minutes", name, made.RunsOn, made.Timeout)
		}
		for _, each := range made.Steps {
			if strings.Contains(each.Run, "${{") {
				t.Errorf("%s: an expression becomes part of the script:\n%s", name, each.Run)
			}
			if each.Uses != "" && !pinned.MatchString(each.Uses) {
				t.Errorf("%s uses %s, not a commit", name, each.Uses)
			}
		}
	}
}

func TestTheWorkflowPlansWithoutChangingAndConfirmsProd(t *testing.T) {
	jobs := read(t).Jobs
	infratest.Within(t, "the plan", script(t, jobs["plan"], "plan"), `--plan)`, `call "$COMMAND" "${arguments[@]}"`, "GITHUB_STEP_SUMMARY")
	apply := script(t, jobs["apply"], "apply")
	infratest.Within(t, "the command", apply, `if [[ "$ENVIRONMENT" == `+config.Production+` ]]; then arguments+=(--confirm `+config.Production+`)`)
	if strings.Contains(apply, "--plan") {
		t.Error("the command only plans")
	}
	infratest.Within(t, "the report", script(t, jobs["apply"], "report"), "--format markdown", "GITHUB_STEP_SUMMARY")
}

// script is what a job's step runs.
func script(t *testing.T, made job, name string) string {
	t.Helper()
	for _, each := range made.Steps {
		if each.Name == name {
			return each.Run
		}
	}
	t.Fatalf("no step %s", name)
	return ""
}
