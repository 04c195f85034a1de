package submit

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"

	"github.com/prooflink/prooflink/infra/names"
)

// runTag is the tag with the URL of the run that has submitted a job.
const runTag = "prooflink:run"

// tagValue is what a tag can have as its value (Tagging AWS Resources User
// Guide, Tag naming limits and requirements).
var tagValue = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,256}$`)

// input is the submission under a name.
func (r Request) input(n names.Names, with definition, name string) *batch.SubmitJobInput {
	in := &batch.SubmitJobInput{
		JobName: &name, JobQueue: aws.String(n.JobQueue()), JobDefinition: aws.String(with.id()),
		ContainerOverrides: r.overrides(with), RetryStrategy: r.retries(with), Tags: map[string]string{names.JobTag: n.Env},
	}
	if r.Timeout > 0 {
		in.Timeout = &types.JobTimeout{AttemptDurationSeconds: aws.Int32(int32(r.Timeout / time.Second))}
	}
	if tagValue.MatchString(r.Run) {
		in.Tags[runTag] = r.Run
	}
	return in
}

// overrides are what the container gets other than the definition says.
func (r Request) overrides(with definition) *types.ContainerOverrides {
	all := &types.ContainerOverrides{Environment: r.environment(), ResourceRequirements: r.requirements(with)}
	if len(r.Options) > 0 {
		all.Command = append(slices.Clone(with.command()), r.Options...)
	}
	return all
}

// environment is the input and who imports it, then the caller's variables.
func (r Request) environment() []types.KeyValuePair {
	all := []types.KeyValuePair{pair(inputVariable, r.Key), pair(executorVariable, r.Executor)}
	for _, name := range slices.Sorted(maps.Keys(r.Env)) {
		all = append(all, pair(name, r.Env[name]))
	}
	return all
}

func pair(name, value string) types.KeyValuePair {
	return types.KeyValuePair{Name: &name, Value: &value}
}

// requirements are both parts of the size where one is overridden: Fargate has
// them in pairs.
func (r Request) requirements(with definition) []types.ResourceRequirement {
	if r.VCPU == "" && r.Memory == 0 {
		return nil
	}
	units, memory := r.size(with)
	return []types.ResourceRequirement{
		{Type: types.ResourceTypeVcpu, Value: aws.String(vcpuText(units))},
		{Type: types.ResourceTypeMemory, Value: aws.String(strconv.Itoa(memory))},
	}
}

// size is the job's, in CPU units and MiB.
func (r Request) size(with definition) (units, memory int) {
	units, memory = with.size()
	if r.VCPU != "" {
		units, _ = unitsOf(r.VCPU) // a number, as it was checked
	}
	if r.Memory > 0 {
		memory = r.Memory
	}
	return units, memory
}

// final are ends of an import that starting it again doesn't change: it was
// called wrongly, or it has finished but for rejected rows.
var final = []string{"2", "3"}

// retries overrides how often a job may be started. A submission's strategy takes
// the place of the definition's as a whole (SubmitJob), so its conditions are
// repeated.
func (r Request) retries(with definition) *types.RetryStrategy {
	if r.Attempts == 0 {
		return nil
	}
	strategy := &types.RetryStrategy{Attempts: aws.Int32(int32(r.Attempts))}
	if with.RetryStrategy != nil {
		strategy.EvaluateOnExit = slices.Clone(with.RetryStrategy.EvaluateOnExit)
	}
	if len(strategy.EvaluateOnExit) == 0 && r.Attempts > 1 {
		for _, code := range final {
			strategy.EvaluateOnExit = append(strategy.EvaluateOnExit, types.EvaluateOnExit{Action: types.RetryActionExit, OnExitCode: &code})
		}
	}
	return strategy
}

// rendered is a submission as JSON, as the API takes it: what the SDK's client
// would send.
func rendered(in *batch.SubmitJobInput) ([]byte, error) {
	sent := &recorder{}
	client := batch.New(batch.Options{Region: "ap-northeast-1", Credentials: aws.AnonymousCredentials{}, HTTPClient: sent})
	if _, err := client.SubmitJob(context.Background(), in); err != nil {
		return nil, fmt.Errorf("render job %s: %w", aws.ToString(in.JobName), err)
	}
	return sent.body, nil
}

// recorder keeps a request's body, and sends nothing.
type recorder struct{ body []byte }

// Do answers as a service that has understood everything.
func (r *recorder) Do(request *http.Request) (*http.Response, error) {
	var err error
	r.body, err = io.ReadAll(request.Body)
	answer := io.NopCloser(bytes.NewReader([]byte("{}")))
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: answer, Request: request}, err
}

// jobName is a name that no other submission has, e.g.
// "user-import-20261122-073012-1f3a" (004_9a2c9db51dc67ef8.txt 16-8): by it a
// submission is found whose answer got lost. With an idempotency key it has the
// beginning of the key's hash, and that alone tells the key's jobs.
func (r Request) jobName(at time.Time, random string) string {
	stamp := at.UTC().Format("20060102-150405")
	if r.IdempotencyKey != "" {
		return r.namePrefix() + stamp
	}
	return strings.Join([]string{r.namePrefix() + stamp, random}, "-")
}

// namePrefix begins the names of the job's submissions, or of those with the
// request's idempotency key.
func (r Request) namePrefix() string {
	if r.IdempotencyKey == "" {
		return r.Job + "-"
	}
	return r.Job + "-" + hash(r.IdempotencyKey)[:12] + "-"
}
