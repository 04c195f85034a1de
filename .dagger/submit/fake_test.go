package submit_test

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/lock/ssmfake"
	"github.com/prooflink/prooflink/.dagger/record"
	"github.com/prooflink/prooflink/.dagger/submit"
	"github.com/prooflink/prooflink/infra/config"
)

const (
	bucket     = "prooflink-dev-files-123456789012"
	queue      = "prooflink-dev-job-queue"
	definition = "prooflink-dev-user-import"
	repository = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/prooflink-dev-batch"
	usersCSV   = "email,name,role\na@example.com,A,member\n"
)

// digest is an image's, of one letter.
func digest(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

// denied is what who may not do something gets.
var denied = awsfake.ErrorStatus(403, "AccessDenied", "Access Denied")

// account is one with the files bucket, a queue and a job definition.
type account struct {
	*awsfake.Server
	parameters  *ssmfake.Store
	environment config.Environment
	revisions   []types.JobDefinition
	objects     map[string]object
	jobs        []*job
	submitted   []*batch.SubmitJobInput
	// page is the size of the lists' pages.
	page int
	// unlisted is how long a job is not in a list after its submission.
	unlisted time.Duration
	// ends are the exit codes of the jobs, the first one's first; 0 for those that
	// aren't there, and -1 for a job that never starts.
	ends []int32
	// stays keeps jobs from going on.
	stays bool
}

type object struct {
	data []byte
	at   time.Time
	kind string
}

func (o object) etag() string {
	sum := md5.Sum(o.data)
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

type job struct {
	types.JobDetail
	at  time.Time
	end int32
}

// bubble runs a test in an account, on a virtual clock.
func bubble(t *testing.T, test func(*testing.T, *account)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		environment, err := config.Load("dev")
		if err != nil {
			t.Fatal(err)
		}
		a := &account{Server: awsfake.New(), parameters: ssmfake.New(), environment: environment, objects: map[string]object{}, page: 100, unlisted: 3 * time.Second}
		a.parameters.Serve(a.Server, 0)
		awsfake.On(a.Server, "batch", a.describeDefinitions)
		awsfake.On(a.Server, "batch", a.submitJob)
		awsfake.On(a.Server, "batch", a.listJobs)
		awsfake.On(a.Server, "batch", a.describeJobs)
		awsfake.On(a.Server, "s3", a.putObject)
		awsfake.On(a.Server, "s3", a.getObject)
		awsfake.On(a.Server, "s3", a.listObjects)
		a.register(digest("a"))
		a.deployed(t, digest("a"))
		a.put("imports/users.csv", usersCSV)
		test(t, a)
		for _, problem := range a.Nonsense() {
			t.Error(problem)
		}
	})
}

// deployed records a batch image as deployed.
func (a *account) deployed(t *testing.T, batchDigest string) {
	t.Helper()
	_, err := record.Write(t.Context(), a.Config(), a.environment.Names(), record.Record{
		Kind: record.Deploy, Images: map[string]string{images.App.Name: digest("9"), images.Batch.Name: batchDigest}, Who: "mika",
	})
	if err != nil {
		t.Fatal(err)
	}
}

// register adds a revision of the user import's definition.
func (a *account) register(image string) {
	revision := int32(len(a.revisions) + 1)
	a.revisions = append(a.revisions, types.JobDefinition{
		JobDefinitionName: aws.String(definition), Revision: &revision, Status: aws.String("ACTIVE"), Type: aws.String("container"),
		JobDefinitionArn: aws.String(fmt.Sprintf("arn:aws:batch:ap-northeast-1:123456789012:job-definition/%s:%d", definition, revision)),
		Timeout:          &types.JobTimeout{AttemptDurationSeconds: aws.Int32(3600)},
		RetryStrategy: &types.RetryStrategy{Attempts: aws.Int32(3), EvaluateOnExit: []types.EvaluateOnExit{
			{Action: types.RetryActionRetry, OnStatusReason: aws.String("Your Spot Task was interrupted*")}, {Action: types.RetryActionExit, OnReason: aws.String("*")},
		}},
		ContainerProperties: &types.ContainerProperties{
			Image: aws.String(repository + "@" + image), Command: []string{"node", "dist/user-import.js"},
			Environment: []types.KeyValuePair{{Name: aws.String("STORAGE_MODE"), Value: aws.String("s3")}, {Name: aws.String("INPUT_S3_BUCKET"), Value: aws.String(bucket)}},
			ResourceRequirements: []types.ResourceRequirement{
				{Type: types.ResourceTypeVcpu, Value: aws.String("0.25")}, {Type: types.ResourceTypeMemory, Value: aws.String("512")},
			},
		},
	})
}

// put puts an object as it was an hour ago.
func (a *account) put(key, data string) {
	a.objects[key] = object{[]byte(data), time.Now().Add(-time.Hour), "text/csv"}
}

// pageOf is a part of a list, and the token of the next one.
func pageOf[T any](all []T, token *string, size int) ([]T, *string) {
	from, _ := strconv.Atoi(aws.ToString(token))
	to := min(from+size, len(all))
	if to == len(all) {
		return all[from:], nil
	}
	return all[from:to], aws.String(strconv.Itoa(to))
}

func (a *account) describeDefinitions(in *batch.DescribeJobDefinitionsInput) (*batch.DescribeJobDefinitionsOutput, error) {
	var active []types.JobDefinition
	for _, d := range a.revisions {
		if aws.ToString(d.Status) == aws.ToString(in.Status) && aws.ToString(d.JobDefinitionName) == aws.ToString(in.JobDefinitionName) {
			active = append(active, d)
		}
	}
	some, next := pageOf(active, in.NextToken, a.page)
	return &batch.DescribeJobDefinitionsOutput{JobDefinitions: some, NextToken: next}, nil
}

func (a *account) submitJob(in *batch.SubmitJobInput) (*batch.SubmitJobOutput, error) {
	name, revision, _ := strings.Cut(*in.JobDefinition, ":")
	number, _ := strconv.Atoi(revision)
	if name != definition || number < 1 || number > len(a.revisions) || *a.revisions[number-1].Status != "ACTIVE" {
		return nil, awsfake.Error("ClientException", "JobDefinition "+*in.JobDefinition+" is not in ACTIVE status")
	}
	if *in.JobQueue != queue {
		return nil, awsfake.Error("ClientException", "JobQueue "+*in.JobQueue+" not found.")
	}
	d, c := a.revisions[number-1], a.revisions[number-1].ContainerProperties
	a.submitted = append(a.submitted, in)
	j := &job{at: time.Now()}
	if len(a.ends) >= len(a.submitted) {
		j.end = a.ends[len(a.submitted)-1]
	}
	j.JobDetail = types.JobDetail{
		JobId: aws.String(fmt.Sprintf("job-%d", len(a.submitted))), JobName: in.JobName, JobQueue: aws.String("arn:aws:batch:ap-northeast-1:123456789012:job-queue/" + queue),
		JobDefinition: d.JobDefinitionArn, CreatedAt: aws.Int64(time.Now().UnixMilli()), StartedAt: aws.Int64(0), Status: types.JobStatusSubmitted,
		Container: &types.ContainerDetail{Image: c.Image, Environment: append(slices.Clone(c.Environment), in.ContainerOverrides.Environment...)},
	}
	a.jobs = append(a.jobs, j)
	return &batch.SubmitJobOutput{JobId: j.JobId, JobName: j.JobName}, nil
}

// now is a job as it is now: 30 s until it runs, and a minute until its end.
func (a *account) now(j *job) types.JobDetail {
	detail, container := j.JobDetail, *j.Container
	age := time.Since(j.at)
	if a.stays {
		age = min(age, 59*time.Second)
	}
	switch {
	case age < 2*time.Second:
	case age < 30*time.Second || j.end < 0 && age < time.Minute:
		detail.Status = types.JobStatusRunnable
	case age < time.Minute:
		detail.Status = types.JobStatusRunning
	case j.end < 0:
		detail.Status, detail.StatusReason = types.JobStatusFailed, aws.String("Task failed to start")
	case j.end == 0:
		detail.Status, container.ExitCode = types.JobStatusSucceeded, aws.Int32(0)
	default:
		detail.Status, detail.StatusReason, container.ExitCode = types.JobStatusFailed, aws.String("Essential container in task exited"), &j.end
	}
	detail.Container = &container
	return detail
}

func (a *account) listJobs(in *batch.ListJobsInput) (*batch.ListJobsOutput, error) {
	var all []types.JobSummary
	for _, j := range slices.Backward(a.jobs) {
		detail := a.now(j)
		if time.Since(j.at) < a.unlisted {
			continue
		}
		if len(in.Filters) > 0 {
			wanted, open := strings.CutSuffix(strings.ToLower(in.Filters[0].Values[0]), "*")
			name := strings.ToLower(*j.JobName)
			if *in.Filters[0].Name != "JOB_NAME" || !open && name != wanted || open && !strings.HasPrefix(name, wanted) {
				continue
			}
		} else if detail.Status != cmp.Or(in.JobStatus, types.JobStatusRunning) {
			continue
		}
		all = append(all, types.JobSummary{JobId: j.JobId, JobName: j.JobName, Status: detail.Status})
	}
	some, next := pageOf(all, in.NextToken, a.page)
	return &batch.ListJobsOutput{JobSummaryList: some, NextToken: next}, nil
}

func (a *account) describeJobs(in *batch.DescribeJobsInput) (*batch.DescribeJobsOutput, error) {
	if len(in.Jobs) > 100 {
		return nil, awsfake.Error("ClientException", "too many jobs")
	}
	out := &batch.DescribeJobsOutput{}
	for _, j := range a.jobs {
		if slices.Contains(in.Jobs, *j.JobId) {
			out.Jobs = append(out.Jobs, a.now(j))
		}
	}
	return out, nil
}

func (a *account) putObject(in *s3.PutObjectInput) (*s3.PutObjectOutput, error) {
	data, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	before, there := a.objects[*in.Key]
	switch {
	case *in.Bucket != bucket:
		return nil, awsfake.ErrorStatus(404, "NoSuchBucket", "The specified bucket does not exist")
	case in.IfNoneMatch != nil && there, in.IfMatch != nil && there && *in.IfMatch != before.etag():
		return nil, awsfake.ErrorStatus(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	case in.IfMatch != nil && !there:
		return nil, awsfake.ErrorStatus(404, "NoSuchKey", "The specified key does not exist.")
	}
	if sum := sha256.Sum256(data); in.ChecksumSHA256 != nil && *in.ChecksumSHA256 != base64.StdEncoding.EncodeToString(sum[:]) {
		return nil, awsfake.Error("BadDigest", "The SHA256 you specified did not match the calculated checksum.")
	}
	now := object{data, time.Now().Truncate(time.Second), aws.ToString(in.ContentType)}
	a.objects[*in.Key] = now
	return &s3.PutObjectOutput{ETag: aws.String(now.etag())}, nil
}

// getObject answers as S3 does to who may list only folders.
func (a *account) getObject(in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	found, ok := a.objects[*in.Key]
	if !ok || *in.Bucket != bucket {
		return nil, awsfake.ErrorStatus(403, "AccessDenied", "Access Denied")
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(found.data)), ETag: aws.String(found.etag()), LastModified: &found.at}, nil
}

func (a *account) listObjects(in *s3.ListObjectsV2Input) (*s3.ListObjectsV2Output, error) {
	prefix := aws.ToString(in.Prefix)
	if *in.Bucket != bucket || !strings.HasPrefix(prefix, "imports/") && !strings.HasPrefix(prefix, "imports-results/") {
		return nil, awsfake.ErrorStatus(403, "AccessDenied", "Access Denied")
	}
	var all []s3types.Object
	for _, key := range slices.Sorted(maps.Keys(a.objects)) {
		if found := a.objects[key]; strings.HasPrefix(key, prefix) {
			all = append(all, s3types.Object{Key: &key, Size: aws.Int64(int64(len(found.data))), ETag: aws.String(found.etag()), LastModified: &found.at})
		}
	}
	size := a.page
	if in.MaxKeys != nil {
		size = int(*in.MaxKeys)
	}
	some, next := pageOf(all, in.ContinuationToken, size)
	return &s3.ListObjectsV2Output{Contents: some, NextContinuationToken: next, IsTruncated: aws.Bool(next != nil)}, nil
}

// request is one that is right, changed as a test wants.
func request(change ...func(*submit.Request)) submit.Request {
	r := submit.Request{Job: "user-import", Key: "imports/users.csv", Executor: "admin"}
	for _, how := range change {
		how(&r)
	}
	return r
}

// local writes a file.
func local(t *testing.T, data string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users.csv")
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// changes are the calls so far that may change something.
func (a *account) changes() []string {
	var all []string
	for _, call := range a.Calls() {
		if call.Mutating && call.Service != "ssm" {
			all = append(all, call.Service+":"+call.Operation)
		}
	}
	return all
}

// standing are the ids of the jobs that go on or have succeeded.
func (a *account) standing() []string {
	var ids []string
	for _, j := range a.jobs {
		if a.now(j).Status != types.JobStatusFailed {
			ids = append(ids, *j.JobId)
		}
	}
	return ids
}
