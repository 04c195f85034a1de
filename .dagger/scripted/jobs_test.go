package scripted_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/scripted"
)

// scene is a deployed environment with more in it.
func scene(t *testing.T, more string) scripted.Scenario {
	t.Helper()
	scenario, err := scripted.Decode([]byte(more))
	if err != nil {
		t.Fatal(err)
	}
	scenario.Before.Deployed, scenario.Page = old(), 3
	return scenario
}

// submission is a plain one, with changes.
func submission(changes ...func(*batch.SubmitJobInput)) *batch.SubmitJobInput {
	in := &batch.SubmitJobInput{JobName: aws.String("import"), JobQueue: aws.String(n().JobQueue()), JobDefinition: aws.String(n().UserImportJob())}
	for _, change := range changes {
		change(in)
	}
	return in
}

// submit submits a job and returns its id.
func submit(t *testing.T, w *scripted.World, changes ...func(*batch.SubmitJobInput)) string {
	t.Helper()
	return *must(batch.NewFromConfig(w.Config()).SubmitJob(t.Context(), submission(changes...)))(t).JobId
}

// jobNow is a job as it is.
func jobNow(t *testing.T, w *scripted.World, id string) types.JobDetail {
	t.Helper()
	return must(batch.NewFromConfig(w.Config()).DescribeJobs(t.Context(), &batch.DescribeJobsInput{Jobs: []string{id}}))(t).Jobs[0]
}

// course is what becomes of a job: its statuses, and at last how it is.
func course(t *testing.T, w *scripted.World, id string, within time.Duration) (statuses []string, end types.JobDetail) {
	t.Helper()
	step := time.Second
	for range within / step {
		end = jobNow(t, w, id)
		if len(statuses) == 0 || statuses[len(statuses)-1] != string(end.Status) {
			statuses = append(statuses, string(end.Status))
		}
		if end.Status == types.JobStatusSucceeded || end.Status == types.JobStatusFailed {
			break
		}
		if end.Status == types.JobStatusRunning {
			step = 5 * time.Second
		}
		time.Sleep(step)
	}
	return statuses, end
}

// ended is how a job ended, in a line: status, reason, container's reason, code.
func ended(j types.JobDetail) string {
	code := "none"
	if j.Container.ExitCode != nil {
		code = fmt.Sprint(*j.Container.ExitCode)
	}
	return fmt.Sprintf("%s; %s; %.40s; %s; %d attempts", j.Status, aws.ToString(j.StatusReason), aws.ToString(j.Container.Reason), code, len(j.Attempts))
}

func TestAJobGoesThroughItsStates(t *testing.T) {
	within(t, scene(t, ""), func(t *testing.T, w *scripted.World) {
		statuses, end := course(t, w, submit(t, w), time.Hour)
		if diff := cmp.Diff([]string{"SUBMITTED", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"}, statuses); diff != "" {
			t.Error(diff)
		}
		if got := ended(end); got != "SUCCEEDED; Essential container in task exited; ; 0; 1 attempts" {
			t.Error(got)
		}
	})
}

func TestHowJobsEnd(t *testing.T) {
	tests := map[string]struct{ scene, want string }{
		"an exit code of its own": {`tasks: {jobs: [{ends: {exit: 3}}]}`, "FAILED; Essential container in task exited; ; 3; 1 attempts"},
		"Spot takes it back once": {`tasks: {jobs: [{attempts: [{ends: {after: 20s, exit: 143, statusReason: Your Spot Task was interrupted.}}, {ends: {exit: 0}}]}]}`,
			"SUCCEEDED; Essential container in task exited; ; 0; 2 attempts"},
		"Spot takes it back each time": {`tasks: {jobs: [{ends: {after: 20s, exit: 143, statusReason: Your Spot Task was interrupted.}}]}`,
			"FAILED; Your Spot Task was interrupted.; ; 143; 3 attempts"},
		"it takes too long": {`tasks: {jobs: [{ends: {after: 2h}}]}`, "FAILED; Job attempt duration exceeded timeout; ; 137; 1 attempts"},
		"it never starts": {`tasks: {jobs: [{fails: "CannotPullContainerError: no"}]}`,
			"FAILED; Task failed to start; CannotPullContainerError: no; none; 1 attempts"},
		"its image is gone":     {`unwell: [image]`, "FAILED; Task failed to start; CannotPullContainerError: pull image man; none; 1 attempts"},
		"its secret is gone":    {`unwell: [database-secret]`, "FAILED; Task failed to start; ResourceInitializationError: unable to p; none; 1 attempts"},
		"its log group is gone": {`unwell: [log-group]`, "FAILED; Task failed to start; ResourceInitializationError: failed to v; none; 1 attempts"},
		"no way to ECR":         {`unwell: [endpoint]`, "FAILED; Task failed to start; ResourceInitializationError: unable to p; none; 1 attempts"},
		"the NAT gateway alone": {`unwell: [nat]`, "SUCCEEDED; Essential container in task exited; ; 0; 1 attempts"},
		"somebody ends it":      {`{tasks: {jobs: [{}]}, events: [{do: terminate-job, at: 2m, value: wrong file}]}`, "FAILED; wrong file; ; 143; 1 attempts"},
		"somebody ends it before it starts": {`{tasks: {jobs: [{waits: RUNNABLE}]}, events: [{do: terminate-job, at: 2m}]}`,
			"FAILED; Terminated by user; ; none; 0 attempts"},
		"its definition goes meanwhile": {`events: [{do: deregister-job, at: 5s, parameter: user-import}]`, "SUCCEEDED; Essential container in task exited; ; 0; 1 attempts"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			within(t, scene(t, test.scene), func(t *testing.T, w *scripted.World) {
				if _, end := course(t, w, submit(t, w), 5*time.Hour); ended(end) != test.want {
					t.Error(ended(end))
				}
			})
		})
	}
}

func TestARoleThatECSMayNotTakeEndsTheJob(t *testing.T) {
	for _, word := range []string{"role", "trust"} {
		within(t, scene(t, "unwell: ["+word+"]"), func(t *testing.T, w *scripted.World) {
			_, end := course(t, w, submit(t, w), time.Hour)
			if end.Status != types.JobStatusFailed || !strings.HasPrefix(aws.ToString(end.StatusReason), "ECS was unable to assume the role 'arn:aws:iam::123456789012:role/"+n().BatchExecutionRole()) {
				t.Errorf("%s: %s", word, ended(end))
			}
		})
	}
}

func TestHowJobsWait(t *testing.T) {
	large := func(in *batch.SubmitJobInput) {
		in.ContainerOverrides = &types.ContainerOverrides{ResourceRequirements: []types.ResourceRequirement{
			{Type: types.ResourceTypeVcpu, Value: aws.String("4")}, {Type: types.ResourceTypeMemory, Value: aws.String("8192")}}}
	}
	tests := map[string]struct {
		scene, want string
		change      func(*batch.SubmitJobInput)
	}{
		"nothing looks at it":      {scene: `tasks: {jobs: [{waits: SUBMITTED}]}`, want: "SUBMITTED "},
		"its task does not start":  {scene: `tasks: {jobs: [{waits: STARTING}]}`, want: "STARTING "},
		"nothing is known":         {scene: `tasks: {jobs: [{waits: RUNNABLE}]}`, want: "RUNNABLE "},
		"Batch says why":           {scene: `tasks: {jobs: [{waits: RUNNABLE, statusReason: "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - no"}]}`, want: "RUNNABLE CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY - no"},
		"environments are off":     {scene: `unwell: [environment-disabled]`, want: "RUNNABLE "},
		"environments are invalid": {scene: `unwell: [environment-invalid]`, want: "RUNNABLE ACTION_REQUIRED - CE(s) associated with the job queue are invalid."},
		"the queue is invalid":     {scene: `unwell: [queue-invalid]`, want: "RUNNABLE "},
		"the subnet is gone":       {scene: `unwell: [subnet]`, want: "RUNNABLE UNDETERMINED - Batch job is blocked, root cause is undetermined."},
		"others have all vCPUs":    {scene: `unwell: [max-vcpu]`, want: "RUNNABLE "},
		"no environment is so large": {change: large, want: "RUNNABLE MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE - " +
			"CE(s) associated with the job queue cannot meet the CPU requirement of the job."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			within(t, scene(t, test.scene), func(t *testing.T, w *scripted.World) {
				change := test.change
				if change == nil {
					change = func(*batch.SubmitJobInput) {}
				}
				id := submit(t, w, change)
				time.Sleep(20 * time.Minute)
				if j := jobNow(t, w, id); string(j.Status)+" "+aws.ToString(j.StatusReason) != test.want {
					t.Errorf("%s %s", j.Status, aws.ToString(j.StatusReason))
				}
			})
		})
	}
}

func TestWhatIsMendedLetsJobsGo(t *testing.T) {
	within(t, scene(t, `{unwell: [environment-disabled], events: [{do: mend, at: 10m, parameter: environment-disabled}]}`), func(t *testing.T, w *scripted.World) {
		begin := time.Now()
		_, end := course(t, w, submit(t, w), time.Hour)
		if took := time.Since(begin); end.Status != types.JobStatusSucceeded || took < 10*time.Minute || took > 12*time.Minute {
			t.Errorf("%s after %s", ended(end), took)
		}
	})
}

func TestJobsWaitForRoom(t *testing.T) {
	half := func(in *batch.SubmitJobInput) {
		in.ContainerOverrides = &types.ContainerOverrides{ResourceRequirements: []types.ResourceRequirement{
			{Type: types.ResourceTypeVcpu, Value: aws.String("2")}, {Type: types.ResourceTypeMemory, Value: aws.String("4096")}}}
	}
	within(t, scene(t, ""), func(t *testing.T, w *scripted.World) {
		var ids []string
		for range 3 { // dev has two environments of two vCPUs
			ids = append(ids, submit(t, w, half))
		}
		time.Sleep(15 * time.Second)
		var got []types.JobStatus
		for _, id := range ids {
			got = append(got, jobNow(t, w, id).Status)
		}
		if diff := cmp.Diff([]types.JobStatus{"STARTING", "STARTING", "RUNNABLE"}, got); diff != "" {
			t.Error(diff)
		}
		if _, end := course(t, w, ids[2], time.Hour); end.Status != types.JobStatusSucceeded {
			t.Error(ended(end))
		}
	})
}

func TestAJobThatIsStuckKeepsThoseBehindItWaiting(t *testing.T) {
	within(t, scene(t, `tasks: {jobs: [{waits: RUNNABLE}, {ends: {exit: 0}}]}`), func(t *testing.T, w *scripted.World) {
		head, second := submit(t, w), submit(t, w)
		time.Sleep(time.Hour)
		if got := jobNow(t, w, second); got.Status != types.JobStatusRunnable || aws.ToString(got.StatusReason) != "" {
			t.Errorf("%s %s", got.Status, aws.ToString(got.StatusReason))
		}
		must(batch.NewFromConfig(w.Config()).TerminateJob(t.Context(), &batch.TerminateJobInput{JobId: &head, Reason: aws.String("stuck")}))(t)
		if _, end := course(t, w, second, time.Hour); end.Status != types.JobStatusSucceeded {
			t.Error(ended(end))
		}
	})
}

func TestAJobWaitsForThoseItDependsOn(t *testing.T) {
	after := func(id string) func(*batch.SubmitJobInput) {
		return func(in *batch.SubmitJobInput) { in.DependsOn = []types.JobDependency{{JobId: &id}} }
	}
	within(t, scene(t, `tasks: {jobs: [{ends: {exit: 0}}, {ends: {exit: 1}}]}`), func(t *testing.T, w *scripted.World) {
		second := submit(t, w, after(submit(t, w)))
		statuses, _ := course(t, w, second, time.Hour)
		if diff := cmp.Diff([]string{"SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "FAILED"}, statuses); diff != "" {
			t.Error(diff)
		}
		if _, end := course(t, w, submit(t, w, after(second)), time.Hour); ended(end) != "FAILED; Dependent Job failed; ; none; 0 attempts" {
			t.Error(ended(end))
		}
	})
}

func TestWhatBatchRefuses(t *testing.T) {
	tests := map[string]struct {
		unwell string
		change func(*batch.SubmitJobInput)
		want   string
	}{
		"no such definition": {change: func(in *batch.SubmitJobInput) { in.JobDefinition = aws.String("x") }, want: "JobDefinition name x does not exist or is not in ACTIVE status"},
		"no such queue":      {change: func(in *batch.SubmitJobInput) { in.JobQueue = aws.String("x") }, want: "JobQueue x not found."},
		"a disabled queue":   {unwell: "queue-disabled", want: "new jobs can't be added to the queue"},
		"a wrong name":       {change: func(in *batch.SubmitJobInput) { in.JobName = aws.String("-a") }, want: "Job name should match valid pattern"},
		"a short timeout": {change: func(in *batch.SubmitJobInput) { in.Timeout = &types.JobTimeout{AttemptDurationSeconds: aws.Int32(59)} },
			want: "60 seconds"},
		"many attempts": {change: func(in *batch.SubmitJobInput) { in.RetryStrategy = &types.RetryStrategy{Attempts: aws.Int32(11)} }, want: "between 1 and 10"},
		"a size that Fargate doesn't have": {change: func(in *batch.SubmitJobInput) {
			in.ContainerOverrides = &types.ContainerOverrides{ResourceRequirements: []types.ResourceRequirement{{Type: types.ResourceTypeMemory, Value: aws.String("100")}}}
		}, want: "Fargate resource requirements (0.25 vCPU, 100 MiB) not valid."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			within(t, scene(t, "unwell: ["+test.unwell+"]"), func(t *testing.T, w *scripted.World) {
				in := submission()
				if test.change != nil {
					test.change(in)
				}
				_, err := batch.NewFromConfig(w.Config()).SubmitJob(t.Context(), in)
				if code(err) != "ClientException" || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

func TestAJobIsWhatItsSubmissionSays(t *testing.T) {
	within(t, scene(t, ""), func(t *testing.T, w *scripted.World) {
		id := submit(t, w, func(in *batch.SubmitJobInput) {
			in.Tags = map[string]string{"a": "1"}
			in.Timeout = &types.JobTimeout{AttemptDurationSeconds: aws.Int32(60)}
			in.RetryStrategy = &types.RetryStrategy{Attempts: aws.Int32(2)}
			in.ContainerOverrides = &types.ContainerOverrides{
				Command:              []string{"node", "x.js"},
				Environment:          []types.KeyValuePair{{Name: aws.String("STORAGE_MODE"), Value: aws.String("local")}, {Name: aws.String("EXECUTOR_NAME"), Value: aws.String("mika")}},
				ResourceRequirements: []types.ResourceRequirement{{Type: types.ResourceTypeMemory, Value: aws.String("1024")}},
			}
		})
		must(batch.NewFromConfig(w.Config()).TagResource(t.Context(), &batch.TagResourceInput{
			ResourceArn: jobNow(t, w, id).JobArn, Tags: map[string]string{"b": "2"}}))(t)
		j := jobNow(t, w, id)
		var got []string
		for _, v := range j.Container.Environment {
			got = append(got, *v.Name+"="+*v.Value)
		}
		for _, r := range j.Container.ResourceRequirements {
			got = append(got, string(r.Type)+"="+*r.Value)
		}
		bucket := n().FilesBucket(scripted.Account)
		want := []string{"VARIANT=", "INPUT_S3_BUCKET=" + bucket, "OUTPUT_S3_BUCKET=" + bucket, "STORAGE_MODE=local", "EXECUTOR_NAME=mika", "VCPU=0.25", "MEMORY=1024"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]string{"a": "1", "b": "2"}, j.Tags); diff != "" {
			t.Error(diff)
		}
		if got := fmt.Sprint(j.Container.Command, *j.Timeout.AttemptDurationSeconds, *j.RetryStrategy.Attempts); got != "[node x.js] 60 2" {
			t.Error(got)
		}
	})
}

func TestEachAttemptHasItsLogStream(t *testing.T) {
	within(t, scene(t, `tasks: {jobs: [{attempts: [
		{ends: {after: 20s, exit: 143, statusReason: Your Spot Task was interrupted.}, logs: [{at: 1s, text: one}, {at: 30s, text: never}]},
		{ends: {after: 20s}, logs: [{at: 1s, text: two}], streamLate: 40s}]}]}`), func(t *testing.T, w *scripted.World) {
		_, end := course(t, w, submit(t, w), time.Hour)
		logs := cloudwatchlogs.NewFromConfig(w.Config())
		read := func(attempt types.AttemptDetail) ([]string, error) {
			out, err := logs.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String(n().BatchLogGroup()),
				LogStreamName: attempt.Container.LogStreamName, StartFromHead: aws.Bool(true)})
			var lines []string
			if out != nil {
				for _, event := range out.Events {
					lines = append(lines, *event.Message)
				}
			}
			return lines, err
		}
		if _, err := read(end.Attempts[1]); code(err) != "ResourceNotFoundException" {
			t.Errorf("the late stream is there: %v", err)
		}
		time.Sleep(30 * time.Second)
		for i, want := range []string{"one", "two"} {
			if got := must(read(end.Attempts[i]))(t); !cmp.Equal(got, []string{want}) {
				t.Errorf("attempt %d: %q", i+1, got)
			}
		}
	})
}

func TestAJobLeavesItsResult(t *testing.T) {
	within(t, scene(t, `{before: {files: {imports/users.csv: "a\n"}}, tasks: {jobs: [{ends: {exit: 3}, noStream: true, result: '{"jobId":"JOBID"}', rejected: "line\n"}]}}`),
		func(t *testing.T, w *scripted.World) {
			id := submit(t, w)
			_, end := course(t, w, id, time.Hour)
			client, bucket := s3.NewFromConfig(w.Config(), func(o *s3.Options) { o.UsePathStyle = true }), aws.String(n().FilesBucket(scripted.Account))
			for key, want := range map[string]string{
				"imports/users.csv": "a\n", "imports-results/user-import/" + id + ".json": `{"jobId":"` + id + `"}`, "imports-results/user-import/" + id + ".rejected.csv": "line\n",
			} {
				out := must(client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: &key}))(t)
				if got := must(io.ReadAll(out.Body))(t); string(got) != want {
					t.Errorf("%s: %s", key, got)
				}
			}
			_, err := cloudwatchlogs.NewFromConfig(w.Config()).GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{
				LogGroupName: aws.String(n().BatchLogGroup()), LogStreamName: end.Container.LogStreamName})
			if code(err) != "ResourceNotFoundException" {
				t.Errorf("the stream is there: %v", err)
			}
		})
}

func TestJobsAreListed(t *testing.T) {
	within(t, scene(t, ""), func(t *testing.T, w *scripted.World) {
		client := batch.NewFromConfig(w.Config())
		named := func(name string) func(*batch.SubmitJobInput) {
			return func(in *batch.SubmitJobInput) { in.JobName = &name }
		}
		submit(t, w, named("early"))
		time.Sleep(2 * time.Minute)
		middle := time.Now().UnixMilli()
		time.Sleep(time.Second)
		for _, name := range []string{"Late-1", "Late-2", "late-3", "late-4"} {
			submit(t, w, named(name))
		}
		filter := func(name, value string) *batch.ListJobsInput {
			return &batch.ListJobsInput{JobQueue: aws.String(n().JobQueue()), Filters: []types.KeyValuesPair{{Name: &name, Values: []string{value}}}, JobStatus: types.JobStatusFailed}
		}
		tests := map[string]struct {
			in   *batch.ListJobsInput
			want []string
		}{
			"what runs":            {&batch.ListJobsInput{JobQueue: aws.String(n().JobQueue())}, nil},
			"a status":             {&batch.ListJobsInput{JobQueue: aws.String(n().JobQueue()), JobStatus: types.JobStatusSucceeded}, []string{"early"}},
			"names, whatever case": {filter("JOB_NAME", "LATE*"), []string{"late-4", "late-3", "Late-2", "Late-1"}},
			"before a time":        {filter("BEFORE_CREATED_AT", fmt.Sprint(middle)), []string{"early"}},
			"after a time":         {filter("AFTER_CREATED_AT", fmt.Sprint(middle)), []string{"late-4", "late-3", "Late-2", "Late-1"}},
			"a definition":         {filter("JOB_DEFINITION", n().TestCaseImportJob()), nil},
		}
		for name, test := range tests {
			var got []string
			for pages := batch.NewListJobsPaginator(client, test.in); pages.HasMorePages(); {
				for _, j := range must(pages.NextPage(t.Context()))(t).JobSummaryList {
					got = append(got, *j.JobName)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		if _, err := client.DescribeJobs(t.Context(), &batch.DescribeJobsInput{Jobs: make([]string, 101)}); code(err) != "ClientException" {
			t.Errorf("101 jobs: %v", err)
		}
	})
}

func TestObjectsAreWrittenOnConditions(t *testing.T) {
	within(t, scene(t, `before: {files: {a/1: x, a/2: x, a/3: x, a/4: x, b/1: x}}`), func(t *testing.T, w *scripted.World) {
		client, bucket := s3.NewFromConfig(w.Config(), func(o *s3.Options) { o.UsePathStyle = true }), aws.String(n().FilesBucket(scripted.Account))
		put := func(key, body string, match, noneMatch *string) (*s3.PutObjectOutput, error) {
			return client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: &key, Body: strings.NewReader(body), IfMatch: match, IfNoneMatch: noneMatch})
		}
		tag := must(put("new", "1", nil, aws.String("*")))(t).ETag
		if _, err := put("new", "2", nil, aws.String("*")); code(err) != "PreconditionFailed" {
			t.Errorf("a second one: %v", err)
		}
		must(put("new", "2", tag, nil))(t)
		if _, err := put("new", "3", tag, nil); code(err) != "PreconditionFailed" {
			t.Errorf("with an old tag: %v", err)
		}
		if _, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: aws.String("new"), IfMatch: tag}); code(err) != "PreconditionFailed" {
			t.Errorf("read with an old tag: %v", err)
		}
		must(client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("a/2")}))(t)
		var keys []string
		for pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: bucket, Prefix: aws.String("a/")}); pages.HasMorePages(); {
			for _, object := range must(pages.NextPage(t.Context()))(t).Contents {
				keys = append(keys, *object.Key)
			}
		}
		if diff := cmp.Diff([]string{"a/1", "a/3", "a/4"}, keys); diff != "" {
			t.Error(diff)
		}
	})
}
