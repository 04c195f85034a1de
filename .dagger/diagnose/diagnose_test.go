package diagnose_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/diagnose"
	"github.com/prooflink/prooflink/.dagger/scripted"
	"github.com/prooflink/prooflink/infra/config"
)

// dev is the environment of all tests.
func dev(t *testing.T) config.Environment {
	t.Helper()
	environment, err := config.Load("dev")
	if err != nil {
		t.Fatal(err)
	}
	return environment
}

// within runs a test in a bubble, in a deployed account that is as said.
func within(t *testing.T, more string, test func(t *testing.T, w *scripted.World)) {
	t.Helper()
	scenario, err := scripted.Decode([]byte(more))
	if err != nil {
		t.Fatal(err)
	}
	scenario.Before.Deployed, scenario.Page = map[string]string{"app": "app", "batch": "batch", "fluent-bit": "router"}, 3
	synctest.Test(t, func(t *testing.T) { test(t, scripted.New(scenario)) })
}

// submission is what a job asks for besides.
type submission func(*batch.SubmitJobInput)

// sized asks for a size.
func sized(vcpu, memory string) submission {
	return func(in *batch.SubmitJobInput) {
		in.ContainerOverrides = &types.ContainerOverrides{ResourceRequirements: []types.ResourceRequirement{
			{Type: types.ResourceTypeVcpu, Value: &vcpu}, {Type: types.ResourceTypeMemory, Value: &memory}}}
	}
}

// after depends on a job.
func after(id string) submission {
	return func(in *batch.SubmitJobInput) { in.DependsOn = []types.JobDependency{{JobId: &id}} }
}

// submit submits a job.
func submit(t *testing.T, w *scripted.World, with ...submission) (id string) {
	t.Helper()
	n := dev(t).Names()
	in := &batch.SubmitJobInput{JobName: aws.String("import"), JobQueue: aws.String(n.JobQueue()), JobDefinition: aws.String(n.UserImportJob())}
	for _, change := range with {
		change(in)
	}
	out, err := batch.NewFromConfig(w.Config()).SubmitJob(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.JobId
}

// job is a job as it is.
func job(t *testing.T, w *scripted.World, id string) *types.JobDetail {
	t.Helper()
	out, err := batch.NewFromConfig(w.Config()).DescribeJobs(t.Context(), &batch.DescribeJobsInput{Jobs: []string{id}})
	if err != nil {
		t.Fatal(err)
	}
	return &out.Jobs[0]
}

// look diagnoses, and sees to it that nothing is changed and every cause complete.
func look(t *testing.T, w *scripted.World, job *types.JobDetail) []diagnose.Cause {
	t.Helper()
	before := len(w.Calls())
	causes, err := diagnose.Starting(t.Context(), w.Config(), dev(t), job)
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range w.Calls()[before:] {
		if call.Mutating {
			t.Errorf("a look called %s:%s", call.Service, call.Operation)
		}
	}
	for _, c := range causes {
		if c.Fix == "" || c.Certain && (c.Where == "" || c.Why == "") {
			t.Errorf("incomplete: %+v", c)
		}
	}
	return causes
}

// brief are causes as "cause what" or "maybe what".
func brief(causes []diagnose.Cause) []string {
	list := []string{}
	for line := range strings.Lines(diagnose.Text(causes)) {
		if !strings.HasPrefix(line, " ") {
			list = append(list, strings.Join(strings.Fields(line), " "))
		}
	}
	return list
}

// stuck are what keeps a job that waits: what is said of it after 20 minutes.
var stuck = map[string]struct {
	scene string
	with  submission
	want  []string
}{
	"environments that are off": {scene: "unwell: [environment-disabled]", want: []string{
		"cause the compute environment is DISABLED (prooflink-dev-compute-env)", "cause the compute environment is DISABLED (prooflink-dev-compute-env-spot)"}},
	"environments of no use": {scene: "unwell: [environment-invalid]", want: []string{
		"cause Batch finds that all compute environments are INVALID (arn:aws:batch:ap-northeast-1:123456789012:job/…)",
		"cause the compute environment is INVALID: CLIENT_ERROR - Not authorized to perform sts:AssumeRole (prooflink-dev-compute-env)",
		"cause the compute environment is INVALID: CLIENT_ERROR - Not authorized to perform sts:AssumeRole (prooflink-dev-compute-env-spot)"}},
	"a queue of no use": {scene: "unwell: [queue-invalid]", want: []string{"cause the job queue is INVALID (prooflink-dev-job-queue)"}},
	"vCPUs that others have": {scene: "unwell: [max-vcpu]", want: []string{
		"cause other jobs (2) have 4 of the compute environments' 4 vCPUs (prooflink-dev-job-queue; the oldest: nightly-…))"}},
	"a job that is too large": {with: sized("4", "8192"), want: []string{
		"cause the job is larger than every compute environment (arn:aws:batch:ap-northeast-1:123456789012:job/…)",
		"cause the job asks for 4 vCPU, and no compute environment gives more than 2 (prooflink-dev-job-queue)"}},
	"a subnet that is gone": {scene: "unwell: [subnet]", want: []string{
		"cause a subnet of the compute environments is gone (subnet-…)", "maybe Batch finds the job stuck, and does not know why (arn:aws:batch:ap-northeast-1:123456789012:job/…)"}},
	"a security group that is gone": {scene: "unwell: [security-group]", want: []string{
		"cause a security group of the compute environments is gone (sg-…)", "maybe Batch finds the job stuck, and does not know why (arn:aws:batch:ap-northeast-1:123456789012:job/…)"}},
	"capacity that AWS lacks": {scene: `tasks: {jobs: [{waits: RUNNABLE, statusReason: "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - Service cannot fulfill it"}]}`,
		want: []string{"cause AWS has no capacity for the job just now (arn:aws:batch:ap-northeast-1:123456789012:job/…)"}},
	"a size that no environment gives": {scene: `tasks: {jobs: [{waits: RUNNABLE, statusReason: "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT - The job resource requirement"}]}`,
		want: []string{"cause no compute environment gives what the job asks for (arn:aws:batch:ap-northeast-1:123456789012:job/…)"}},
	"a permission that Batch lacks": {scene: `tasks: {jobs: [{waits: RUNNABLE, statusReason: "MISCONFIGURATION:SERVICE_ROLE_PERMISSIONS – Batch service role has a permission issue."}]}`,
		want: []string{"cause Batch's own role lacks a permission (arn:aws:batch:ap-northeast-1:123456789012:job/…)"}},
	"a mistake that is new": {scene: `tasks: {jobs: [{waits: RUNNABLE, statusReason: "MISCONFIGURATION:SOMETHING - else"}]}`,
		want: []string{"cause Batch finds a mistake in the job or its compute environments (arn:aws:batch:ap-northeast-1:123456789012:job/…)"}},
	"a database that is stopped": {scene: "{before: {database: stopped}, tasks: {jobs: [{waits: STARTING}]}}", want: []string{"cause the database is stopped (prooflink-dev-db)"}},
	"nothing that can be seen":   {scene: "tasks: {jobs: [{waits: RUNNABLE}]}", want: []string{"maybe nothing was found that keeps the job (arn:aws:batch:ap-northeast-1:123456789012:job/…)"}},
}

// ids are those of resources and jobs.
var ids = regexp.MustCompile(`(job/|subnet-|sg-|nightly-|\d+[.]dkr)[^)]*`)

// plain are the lines without ids.
func plain(lines []string) []string {
	for i, line := range lines {
		lines[i] = ids.ReplaceAllString(line, "${1}…")
	}
	return lines
}

func TestWhatKeepsAJobIsFound(t *testing.T) {
	for name, test := range stuck {
		t.Run(name, func(t *testing.T) {
			within(t, test.scene, func(t *testing.T, w *scripted.World) {
				with := []submission{}
				if test.with != nil {
					with = append(with, test.with)
				}
				id := submit(t, w, with...)
				time.Sleep(20 * time.Minute)
				got := plain(brief(look(t, w, job(t, w, id))))
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestWhatWouldKeepAJobIsFoundBeforeItsSubmission(t *testing.T) {
	tests := map[string]struct {
		scene string
		want  []string
	}{
		"nothing":       {"", []string{}},
		"a queue's off": {"unwell: [queue-disabled]", []string{"cause the job queue is DISABLED (prooflink-dev-job-queue)"}},
		"the image":     {"unwell: [image]", []string{"cause batch: prooflink-dev-batch@DIGEST is not in the registry (123456789012.dkr…)"}},
		"the log group": {"unwell: [log-group]", []string{"cause a log group of FoundationStack-dev is gone (/aws/batch/prooflink-dev)"}},
		"the roles": {"unwell: [role]", []string{"cause a role of BatchStack-dev is gone (prooflink-dev-batch-execution-role)",
			"cause a role of BatchStack-dev is gone (prooflink-dev-batch-job-role)"}},
		"whom they trust": {"unwell: [trust]", []string{"cause the role does not trust ecs-tasks.amazonaws.com (prooflink-dev-batch-execution-role)",
			"cause the role does not trust ecs-tasks.amazonaws.com (prooflink-dev-batch-job-role)"}},
		"the application's secret, which no job reads": {"unwell: [secret]", []string{}},
		"the NAT gateway, with all endpoints":          {"unwell: [nat]", []string{}},
		"an endpoint, with the NAT gateway":            {"unwell: [ecr-endpoint]", []string{}},
		"the database":                                 {"before: {database: starting}", []string{"cause the database is starting (prooflink-dev-db)"}},
		"its state":                                    {"before: {database: maintenance}", []string{"maybe the database is maintenance (prooflink-dev-db)"}},
		"all vCPUs":                                    {"unwell: [max-vcpu]", []string{"cause other jobs (2) have 4 of the compute environments' 4 vCPUs (prooflink-dev-job-queue; the oldest: nightly-…))"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			within(t, test.scene, func(t *testing.T, w *scripted.World) {
				got := plain(brief(look(t, w, nil)))
				for i := range got {
					got[i] = strings.ReplaceAll(got[i], scripted.Digest("batch"), "DIGEST")
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestAJobThatIsWellHasNoCertainCause(t *testing.T) {
	within(t, "", func(t *testing.T, w *scripted.World) {
		id := submit(t, w)
		for range 30 {
			time.Sleep(time.Second)
			for _, c := range look(t, w, job(t, w, id)) {
				if c.Certain || c.What != "nothing was found that keeps the job" {
					t.Errorf("%+v", c)
				}
			}
		}
	})
}

func TestASecretThatIsGoneIsFound(t *testing.T) {
	within(t, "unwell: [database-secret]", func(t *testing.T, w *scripted.World) {
		lines := brief(look(t, w, nil))
		if len(lines) != 2 { // by its name, and by what the definitions name
			t.Errorf("%q", lines)
		}
		for _, line := range lines {
			if !strings.HasPrefix(line, "cause a secret is not there, or has no value (") || !strings.Contains(line, "rds-credentials") {
				t.Error(line)
			}
		}
	})
}

func TestAWayThatIsMissingIsFound(t *testing.T) {
	within(t, "unwell: [endpoint]", func(t *testing.T, w *scripted.World) {
		got := brief(look(t, w, nil))
		const want = "cause no way leads from the subnet to ecr.api: there is neither a NAT gateway nor an endpoint (subnet-"
		if len(got) != 1 || !strings.HasPrefix(got[0], want) {
			t.Errorf("%q", got)
		}
	})
}

func TestWhyATaskNeverStartedIsExplained(t *testing.T) {
	tests := map[string]struct{ scene, want, fix string }{
		"image": {`tasks: {jobs: [{fails: "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref x: not found"}]}`,
			"The registry does not have that digest", "verify --env dev"},
		"role": {`unwell: [role]`, "The role isn't there or does not trust ecs-tasks.amazonaws.com", "prooflink-dev-batch-execution-role and prooflink-dev-batch-job-role exist"},
		"way":  {`unwell: [endpoint]`, "No route from the tasks to ECR, or the execution role may not log in", "ecr.api"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			within(t, test.scene, func(t *testing.T, w *scripted.World) {
				id := submit(t, w)
				time.Sleep(20 * time.Minute)
				causes := look(t, w, job(t, w, id))
				for _, c := range causes {
					if c.What == test.want && strings.Contains(c.Fix, test.fix) && strings.HasPrefix(c.Where, "attempt 1 of arn:") && c.Certain {
						return
					}
				}
				t.Error(diagnose.Text(causes))
			})
		})
	}
}

func TestAttemptsThatEndAlikeAreToldOnce(t *testing.T) {
	within(t, `tasks: {jobs: [{fails: "CannotPullContainerError: x: not found"}]}`, func(t *testing.T, w *scripted.World) {
		id := submit(t, w, func(in *batch.SubmitJobInput) { in.RetryStrategy = &types.RetryStrategy{Attempts: aws.Int32(3)} })
		time.Sleep(20 * time.Minute)
		failed := job(t, w, id)
		if got := look(t, w, failed); len(failed.Attempts) != 3 || len(got) != 1 {
			t.Errorf("%d attempts, %s", len(failed.Attempts), diagnose.Text(got))
		}
	})
}

func TestAJobThatWaitsForAnotherOneSaysSo(t *testing.T) {
	within(t, "tasks: {jobs: [{waits: STARTING}]}", func(t *testing.T, w *scripted.World) {
		other := submit(t, w)
		id := submit(t, w, after(other))
		time.Sleep(time.Minute)
		want := []string{"cause the job waits for another one, which is STARTING (import (" + other + "))"}
		if diff := cmp.Diff(want, brief(look(t, w, job(t, w, id)))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAJobBehindOneThatIsStuckSaysSo(t *testing.T) {
	within(t, `tasks: {jobs: [{waits: RUNNABLE, statusReason: "UNDETERMINED - Batch job is blocked, root cause is undetermined."}, {}]}`, func(t *testing.T, w *scripted.World) {
		head := submit(t, w)
		time.Sleep(time.Second)
		id := submit(t, w)
		time.Sleep(time.Minute)
		got := brief(look(t, w, job(t, w, id)))
		if len(got) != 2 || !strings.HasPrefix(got[0], "maybe jobs wait before this one (1) (the first: import ("+head+"), since ") {
			t.Errorf("%q", got)
		}
		time.Sleep(10 * time.Minute)
		if got = brief(look(t, w, job(t, w, id))); len(got) != 1 || !strings.HasPrefix(got[0], "cause jobs wait before this one (1)") {
			t.Errorf("%q", got)
		}
	})
}

func TestOneEnvironmentOfTwoIsNoCertainCause(t *testing.T) {
	within(t, "", func(t *testing.T, w *scripted.World) {
		arn := "arn:aws:batch:ap-northeast-1:123456789012:compute-environment/"
		status := types.CEStatusValid
		environment := func(name string, state types.CEState, kind types.CRType) types.ComputeEnvironmentDetail {
			return types.ComputeEnvironmentDetail{ComputeEnvironmentName: &name, ComputeEnvironmentArn: aws.String(arn + name), State: state, Status: status,
				ComputeResources: &types.ComputeResource{Type: kind, MaxvCpus: aws.Int32(2), Subnets: []string{}}}
		}
		awsfake.On(w.Server(), "batch", func(*batch.DescribeComputeEnvironmentsInput) (*batch.DescribeComputeEnvironmentsOutput, error) {
			return &batch.DescribeComputeEnvironmentsOutput{ComputeEnvironments: []types.ComputeEnvironmentDetail{
				environment("prooflink-dev-compute-env", types.CEStateDisabled, types.CRTypeFargate),
				environment("prooflink-dev-compute-env-spot", types.CEStateEnabled, types.CRTypeFargateSpot)}}, nil
		})
		want := []string{"maybe the compute environment is DISABLED (prooflink-dev-compute-env)", "maybe the job queue has only Spot capacity (prooflink-dev-job-queue)"}
		if diff := cmp.Diff(want, brief(look(t, w, nil))); diff != "" {
			t.Error(diff)
		}
		status = types.CEStatusUpdating
		want = []string{want[0], "maybe the compute environment is UPDATING (prooflink-dev-compute-env-spot)", want[1]}
		if diff := cmp.Diff(want, brief(look(t, w, nil))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestASizeThatFargateDoesNotHaveIsFound(t *testing.T) {
	within(t, "tasks: {jobs: [{waits: RUNNABLE}]}", func(t *testing.T, w *scripted.World) {
		detail := job(t, w, submit(t, w))
		detail.Container.ResourceRequirements[1].Value = aws.String("700")
		want := "cause Fargate has no size of 0.25 vCPU and 700 MiB (" + *detail.JobDefinition + ")"
		if got := brief(look(t, w, detail)); len(got) != 1 || got[0] != want {
			t.Errorf("%q", got)
		}
	})
}

func TestAQueueThatIsGoneIsFound(t *testing.T) {
	within(t, "", func(t *testing.T, w *scripted.World) {
		awsfake.On(w.Server(), "batch", func(*batch.DescribeJobQueuesInput) (*batch.DescribeJobQueuesOutput, error) { return nil, nil })
		if got := brief(look(t, w, nil)); !cmp.Equal(got, []string{"cause the job queue is gone (prooflink-dev-job-queue)"}) {
			t.Errorf("%q", got)
		}
	})
}

func TestWhatCanNotBeReadIsSaid(t *testing.T) {
	denied := func(action string) error {
		return awsfake.ErrorStatus(403, "AccessDeniedException", "User: x is not authorized to perform: "+action+" because no identity-based policy allows it")
	}
	tests := map[string]struct{ call, permission, want string }{
		"the queue":   {"batch:DescribeJobQueues", "batch:DescribeJobQueues", "maybe the job queue and the compute environments: could not look"},
		"the jobs":    {"batch:ListJobs", "batch:ListJobs", "maybe the vCPUs: could not look"},
		"the network": {"cloudcontrol:GetResource", "ec2:DescribeSecurityGroups", "maybe the network: could not look"},
		"the roles":   {"iam:GetRole", "iam:GetRole", "maybe roles: could not look"},
		"the image":   {"ecr:BatchGetImage", "ecr:BatchGetImage", "maybe the image: could not look"},
		"the state":   {"rds:DescribeDBInstances", "rds:DescribeDBInstances", "maybe the database: could not look"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			within(t, "", func(t *testing.T, w *scripted.World) {
				w.Fail(test.call, 1000, denied(test.permission))
				got := brief(look(t, w, nil))
				if len(got) != 1 || got[0] != test.want+": the credentials lack the permission "+test.permission {
					t.Errorf("%q", got)
				}
			})
		})
	}
}

func TestAQuestionThatIsNotAnsweredIsGivenUp(t *testing.T) {
	within(t, "unwell: [environment-disabled]", func(t *testing.T, w *scripted.World) {
		w.Fail("rds:*", 1000, awsfake.ErrorStatus(503, "ServiceUnavailable", "later"))
		access := w.Config()
		access.RetryMaxAttempts = 100
		begin := time.Now()
		causes, err := diagnose.Starting(t.Context(), access, dev(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		got := brief(causes)
		if took := time.Since(begin); took > 31*time.Second || len(got) != 3 || !strings.HasPrefix(got[2], "maybe the database: could not look: AWS has not answered within 30s") {
			t.Errorf("%q after %s", got, took)
		}
	})
}

func TestWithWrongCredentialsThereIsAnError(t *testing.T) {
	within(t, "events: [{do: expire}]", func(t *testing.T, w *scripted.World) {
		time.Sleep(time.Second)
		_, err := diagnose.Starting(t.Context(), w.Config(), dev(t), nil)
		if err == nil || !strings.Contains(err.Error(), "sign in to the environment's account") {
			t.Errorf("error %v", err)
		}
	})
}

func TestAnEndedContextIsAnError(t *testing.T) {
	within(t, "", func(t *testing.T, w *scripted.World) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("interrupted"))
		if _, err := diagnose.Starting(ctx, w.Config(), dev(t), nil); err == nil || !strings.Contains(err.Error(), "interrupted") {
			t.Errorf("error %v", err)
		}
	})
}

func TestCausesAreTold(t *testing.T) {
	got := diagnose.Text([]diagnose.Cause{
		{What: "the database is stopped", Where: "prooflink-dev-db", Why: "it can't connect", Fix: "dagger call verify --env dev --start-db", Certain: true},
		{What: "nothing was found"},
	})
	const want = `cause  the database is stopped (prooflink-dev-db)
       why: it can't connect
       fix: dagger call verify --env dev --start-db
maybe  nothing was found
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diagnose.Text(nil) != "" {
		t.Error("no causes have a text")
	}
}
