package scripted

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// How long a job takes besides what its behaviour says.
const (
	// submitting is from SUBMITTED to RUNNABLE.
	submitting = 2 * time.Second
	// placing is from RUNNABLE to STARTING where there is room.
	placing = 10 * time.Second
	// unreachable is how long a task tries to reach what it can't.
	unreachable = 3 * time.Minute
	// ending is from a termination to the container's end.
	ending = 3 * time.Second
)

// killed is the exit code of a container that was killed, toldToEnd that of one
// that ended when it was told to.
const (
	killed    = 137
	toldToEnd = 143
)

// job is a job with how it goes.
type job struct {
	types.JobDetail
	behaviour Behaviour
	// ready is set once Batch has looked where to place it, blocked while it finds
	// no place for it at the head of the queue.
	ready, blocked bool
	// place is the compute environment that it is in.
	place string
	// ended is when its container last ended, or was told to.
	ended time.Time
}

// over says whether a job has ended.
func (j *job) over() bool {
	return j.Status == types.JobStatusSucceeded || j.Status == types.JobStatusFailed
}

// attempt is how the present attempt goes.
func (j *job) attempt() Behaviour {
	if all := j.behaviour.Attempts; len(all) > 0 {
		return all[min(len(j.Attempts), len(all)-1)]
	}
	return j.behaviour
}

// options are a job's log options.
func (j *job) options() map[string]string {
	if j.Container.LogConfiguration == nil {
		return nil
	}
	return j.Container.LogConfiguration.Options
}

// program is what a job's log streams and results begin with.
func (j *job) program() string { return j.options()["awslogs-stream-prefix"] }

// contained is a job's container: the definition's with what the caller overrides,
// a variable and a resource by its name (AWS Batch API Reference, ContainerOverrides).
func contained(d *types.JobDefinition, overrides *types.ContainerOverrides) *types.ContainerDetail {
	detail := &types.ContainerDetail{}
	data, _ := json.Marshal(d.ContainerProperties) // the SDK's types encode
	_ = json.Unmarshal(data, detail)
	if overrides == nil {
		return detail
	}
	if len(overrides.Command) > 0 {
		detail.Command = overrides.Command
	}
	detail.Environment = merged(detail.Environment, overrides.Environment, func(v types.KeyValuePair) string { return aws.ToString(v.Name) })
	detail.ResourceRequirements = merged(detail.ResourceRequirements, overrides.ResourceRequirements, func(r types.ResourceRequirement) string { return string(r.Type) })
	return detail
}

// merged is a list in which others replace what has their names.
func merged[T any](list, others []T, name func(T) string) []T {
	all := slices.DeleteFunc(slices.Clone(list), func(have T) bool {
		return slices.ContainsFunc(others, func(other T) bool { return name(other) == name(have) })
	})
	return append(all, others...)
}

// submitted is when Batch has looked at a job: it waits for what it depends on.
func (w *World) submitted(j *job) {
	if j.over() || j.attempt().Waits == string(types.JobStatusSubmitted) {
		return
	}
	if len(j.DependsOn) > 0 {
		j.Status = types.JobStatusPending
	}
	w.depend(j)
}

// depend lets a job go on whose dependencies have succeeded, and ends it where one
// of them has failed.
func (w *World) depend(j *job) {
	for _, on := range j.DependsOn {
		other := w.jobOf(aws.ToString(on.JobId))
		switch {
		case other == nil || other.Status == types.JobStatusSucceeded:
		case other.Status == types.JobStatusFailed:
			w.finish(j, types.JobStatusFailed, "Dependent Job failed")
			return
		default:
			return
		}
	}
	w.runnable(j)
}

// runnable is when a job, or its next attempt, waits for room.
func (w *World) runnable(j *job) {
	j.Status, j.ready, j.blocked = types.JobStatusRunnable, false, false
	w.in(placing, func() {
		j.ready = true
		w.schedule()
	})
}

// starting is the task's start; Waits "STARTING" keeps the job there.
func (w *World) starting(j *job, place string) {
	j.place, j.Status, j.StatusReason = place, types.JobStatusStarting, nil
	behaviour, number := j.attempt(), len(j.Attempts)
	if behaviour.Waits == string(types.JobStatusStarting) {
		return
	}
	after := or(behaviour.Pull, 20*time.Second)
	if w.unwell("endpoint") {
		after = unreachable
	}
	w.in(after, func() {
		if j.Status == types.JobStatusStarting && len(j.Attempts) == number {
			w.runJob(j)
		}
	})
}

// runJob is the container's start.
func (w *World) runJob(j *job) {
	if status, reason := w.jobless(j); status != "" {
		w.endAttempt(j, status, reason, nil)
		return
	}
	behaviour, number := j.attempt(), len(j.Attempts)
	stream := strings.Join([]string{j.program(), "default", w.id("job task", 32)}, "/")
	j.Status, j.StartedAt, j.Container.LogStreamName = types.JobStatusRunning, aws.Int64(w.clock.UnixMilli()), &stream
	w.writeJob(j, behaviour, stream)
	alive := func(do func()) func() {
		return func() {
			if j.Status == types.JobStatusRunning && len(j.Attempts) == number {
				do()
			}
		}
	}
	if limit := j.Timeout; limit != nil && aws.ToInt32(limit.AttemptDurationSeconds) > 0 {
		w.in(time.Duration(*limit.AttemptDurationSeconds)*time.Second, alive(func() { w.timeOut(j) }))
	}
	if end := behaviour.Ends; end != nil {
		w.in(or(end.After, 30*time.Second), alive(func() { w.exit(j, behaviour, *end) }))
	}
}

// jobless is why a task can't start: Batch's reason and the container's.
func (w *World) jobless(j *job) (status, reason string) {
	const failed = "Task failed to start"
	if fails := j.attempt().Fails; fails != "" {
		return failed, fails
	}
	for _, role := range []*string{j.Container.ExecutionRoleArn, j.Container.JobRoleArn} {
		if role != nil && (w.unwell("role") || w.unwell("trust")) {
			return "ECS was unable to assume the role '" + *role + "' that was provided for this task. Please verify that the role being passed has the " +
				"proper trust relationship and permissions and that your IAM user has permissions to pass this role.", ""
		}
	}
	if w.unwell("endpoint") {
		return failed, "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from Amazon ECR: There is a " +
			"connection issue between the task and Amazon ECR. Check your task network configuration. RequestError: send request failed caused by: Post " +
			`"https://api.ecr.` + w.region + `.amazonaws.com/": dial tcp 10.0.11.77:443: i/o timeout`
	}
	if missing := w.unreadable(secretsOf(j.Container)); missing != "" {
		return failed, unreadableSecret(missing)
	}
	if group := j.options()["awslogs-group"]; group != "" && w.logs[group] == nil {
		return failed, "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log " +
			"stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1"
	}
	if image := aws.ToString(j.Container.Image); !w.isThere(image) {
		return failed, unpullable(image)
	}
	return "", ""
}

// secretsOf are a job's as ECS has them.
func secretsOf(c *types.ContainerDetail) []ecstypes.Secret {
	var all []ecstypes.Secret
	for _, s := range c.Secrets {
		all = append(all, ecstypes.Secret{Name: s.Name, ValueFrom: s.ValueFrom})
	}
	return all
}

// writeJob makes the log stream and plans its lines; those of after the
// container's end are never written.
func (w *World) writeJob(j *job, behaviour Behaviour, stream string) {
	group := j.options()["awslogs-group"]
	if behaviour.NoStream {
		return
	}
	begun, there := w.clock, w.clock.Add(behaviour.StreamLate)
	w.at(there, func() {
		if g := w.logs[group]; g != nil {
			g.stream(stream, w.clock)
		}
	})
	written := func(at time.Time) bool { return j.ended.Before(begun) || !at.After(j.ended) }
	for _, line := range behaviour.Logs {
		w.script(line, group, stream, there, written)
	}
}

// timeOut ends an attempt that takes too long, and the job: one that times out is
// not retried (AWS Batch User Guide, "Job timeouts").
func (w *World) timeOut(j *job) {
	w.close(j, "Job attempt duration exceeded timeout", "", aws.Int32(killed))
	w.finish(j, types.JobStatusFailed, "Job attempt duration exceeded timeout")
}

// exit is the container's own end.
func (w *World) exit(j *job, behaviour Behaviour, end End) {
	w.leave(j, behaviour)
	reason := end.StatusReason
	if reason == "" {
		reason = "Essential container in task exited"
	}
	w.endAttempt(j, reason, end.Reason, aws.Int32(end.Exit))
}

// leave puts what a job says of its work into the files bucket.
func (w *World) leave(j *job, behaviour Behaviour) {
	objects := w.buckets[w.names.FilesBucket(Account)]
	key := "imports-results/" + j.program() + "/" + aws.ToString(j.JobId)
	for suffix, body := range map[string]string{".json": behaviour.Result, ".rejected.csv": behaviour.Rejected} {
		if body != "" && objects != nil {
			objects[key+suffix] = stored{[]byte(strings.ReplaceAll(body, "JOBID", aws.ToString(j.JobId))), w.clock}
		}
	}
}

// close notes an attempt's end; without a code its container never started.
func (w *World) close(j *job, statusReason, reason string, code *int32) {
	j.ended = w.clock
	j.Container.ExitCode, j.Container.Reason = code, text(reason)
	attempt := types.AttemptDetail{StoppedAt: aws.Int64(w.clock.UnixMilli()), StatusReason: &statusReason,
		Container: &types.AttemptContainerDetail{ExitCode: code, Reason: text(reason)}}
	if code != nil {
		attempt.StartedAt, attempt.Container.LogStreamName = j.StartedAt, j.Container.LogStreamName
	}
	j.Attempts = append(j.Attempts, attempt)
	j.place = ""
}

// endAttempt ends an attempt, after which another may follow.
func (w *World) endAttempt(j *job, statusReason, reason string, code *int32) {
	w.close(j, statusReason, reason, code)
	switch {
	case code != nil && *code == 0:
		w.finish(j, types.JobStatusSucceeded, statusReason)
	case retries(j.RetryStrategy, len(j.Attempts), statusReason, reason, code):
		j.StatusReason = &statusReason
		w.runnable(j)
		w.schedule()
	default:
		w.finish(j, types.JobStatusFailed, statusReason)
	}
}

// retries says whether another attempt follows the n-th one, which has failed. The
// first condition that fits decides; where none does, it is retried (AWS Batch User
// Guide, "Automated job retries").
func retries(strategy *types.RetryStrategy, n int, statusReason, reason string, code *int32) bool {
	if strategy == nil || n >= int(aws.ToInt32(strategy.Attempts)) {
		return false
	}
	exit := ""
	if code != nil {
		exit = itoa(*code)
	}
	for _, condition := range strategy.EvaluateOnExit {
		if fits(condition.OnStatusReason, statusReason) && fits(condition.OnReason, reason) && fits(condition.OnExitCode, exit) {
			return strings.EqualFold(string(condition.Action), string(types.RetryActionRetry))
		}
	}
	return true
}

// fits compares with a pattern, which may end in an asterisk.
func fits(pattern *string, value string) bool {
	if pattern == nil {
		return true
	}
	start, open := strings.CutSuffix(*pattern, "*")
	return value == *pattern || open && strings.HasPrefix(value, start)
}

// finish ends a job, and lets those go on that wait for it or for its place.
func (w *World) finish(j *job, status types.JobStatus, reason string) {
	j.Status, j.StatusReason, j.StoppedAt, j.place = status, &reason, aws.Int64(w.clock.UnixMilli()), ""
	for _, other := range w.batch.jobs {
		if other.Status == types.JobStatusPending {
			w.depend(other)
		}
	}
	w.schedule()
}

// terminate ends a job in any state, for somebody's reason; it isn't retried.
func (w *World) terminate(j *job, reason string) {
	j.IsTerminated = aws.Bool(true)
	if j.Status != types.JobStatusRunning {
		w.finish(j, types.JobStatusFailed, reason)
		return
	}
	j.ended = w.clock // it is told to end and says no more
	w.in(ending, func() {
		if !j.over() {
			w.close(j, reason, "", aws.Int32(toldToEnd))
			w.finish(j, types.JobStatusFailed, reason)
		}
	})
}
