package submit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/prooflink/prooflink/infra/config"
)

// Preview is what a submission would be.
type Preview struct {
	// Input is what SubmitJob would get. The job's name has the time of the preview.
	Input batch.SubmitJobInput
	// Found is the job that is there already, of the same idempotency key: nothing
	// would be submitted. Nil without one.
	Found *Submission

	json  string
	lines [][2]string
}

// JSON is the input as the API takes it, e.g. for
// `aws batch submit-job --cli-input-json`.
func (p Preview) JSON() string { return p.json }

// Text is a summary for a person, a line for each part.
func (p Preview) Text() string {
	var text strings.Builder
	for _, line := range p.lines {
		text.WriteString(strings.TrimRight(fmt.Sprintf("%-12s%s", line[0], line[1]), " ") + "\n")
	}
	return text.String()
}

// Plan is what Submit would do, with the same checks. It changes nothing.
func Plan(ctx context.Context, access aws.Config, environment config.Environment, r Request) (Preview, error) {
	s, err := open(ctx, access, environment, r, io.Discard)
	if err != nil {
		return Preview{}, err
	}
	input := s.request.input(s.names, s.definition, s.request.jobName(time.Now(), suffix()))
	p := Preview{Input: *input}
	if p.json, err = indented(input); err != nil {
		return Preview{}, err
	}
	key := ""
	if r.IdempotencyKey != "" {
		if key, p.Found, err = s.peek(ctx); err != nil {
			return Preview{}, err
		}
	}
	source := s.url()
	if p.Found == nil {
		there, err := s.look(ctx)
		if err != nil {
			return Preview{}, err
		}
		source += s.sourceText(there)
	}
	p.lines = s.lines(input, source, key)
	return p, nil
}

// indented is the submission's JSON for people, too.
func indented(in *batch.SubmitJobInput) (string, error) {
	raw, err := rendered(in)
	if err != nil {
		return "", err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, raw, "", "  "); err != nil {
		return "", fmt.Errorf("render job %s: %w", aws.ToString(in.JobName), err)
	}
	return text.String() + "\n", nil
}

// peek says what the idempotency key means now, and finds its job.
func (s *session) peek(ctx context.Context) (string, *Submission, error) {
	key := fmt.Sprintf("%q, ", s.request.IdempotencyKey)
	now, err := s.readClaim(ctx)
	if err != nil {
		return "", nil, err
	}
	if now == nil {
		return key + "which is new", nil, nil
	}
	ruling, found, err := s.judge(ctx, now)
	switch {
	case err != nil:
		return "", nil, err
	case ruling == taken:
		return key + fmt.Sprintf("which has job %s (%s): nothing would be submitted", found.JobName, found.JobID), found, nil
	case ruling == wait:
		return key + fmt.Sprintf("which %s is about to submit a job with: it would be waited for", or(now.Run, now.Executor)), nil, nil
	}
	return key + "whose run before has imported nothing: it would be taken over", nil, nil
}

// sourceText says of the input what is there, and what would be uploaded.
func (s *session) sourceText(there *s3types.Object) string {
	what := ""
	if there != nil {
		what = fmt.Sprintf("%s of %s", bytesText(aws.ToInt64(there.Size)), stamp(aws.ToTime(there.LastModified)))
	}
	switch {
	case s.request.File == "":
		return ", " + what
	case s.same(there):
		return fmt.Sprintf(", %s, which has the content of %s", what, s.request.File)
	case there == nil:
		return fmt.Sprintf(", would be uploaded: %s (%s)", s.request.File, bytesText(s.file.size))
	}
	return fmt.Sprintf(", would be uploaded: %s (%s), in the place of %s", s.request.File, bytesText(s.file.size), what)
}

// lines are the summary's.
func (s *session) lines(in *batch.SubmitJobInput, source, key string) [][2]string {
	r, d := s.request, s.definition
	name := aws.ToString(in.JobName) + " (with the time of the submission"
	if r.IdempotencyKey == "" {
		name += " and other digits at the end"
	}
	image := d.image()
	if d.deployed != "" {
		image += ", as it is deployed"
	}
	all := [][2]string{
		{"job", name + ")"}, {"queue", aws.ToString(in.JobQueue)}, {"definition", d.id()}, {"image", image}, {"", d.note},
		{"command", strings.Join(append(slices.Clone(d.command()), r.Options...), " ")}, {"input", source},
	}
	if key != "" {
		all = append(all, [2]string{"key", key})
	}
	heading := "environment"
	for _, pair := range in.ContainerOverrides.Environment {
		all = append(all, [2]string{heading, aws.ToString(pair.Name) + "=" + aws.ToString(pair.Value)})
		heading = ""
	}
	all = append(all, s.limits()...)
	for _, tag := range slices.Sorted(maps.Keys(in.Tags)) {
		all = append(all, [2]string{"tag", tag + "=" + in.Tags[tag]})
	}
	return slices.DeleteFunc(all, func(line [2]string) bool { return line[1] == "" })
}

// limits are the job's size, time and attempts, and which of them the request
// overrides.
func (s *session) limits() [][2]string {
	r, d := s.request, s.definition
	units, memory := r.size(d)
	seconds, starts := int32(0), int32(1)
	if d.Timeout != nil {
		seconds = aws.ToInt32(d.Timeout.AttemptDurationSeconds)
	}
	if d.RetryStrategy != nil {
		starts = aws.ToInt32(d.RetryStrategy.Attempts)
	}
	timeout := time.Duration(seconds) * time.Second
	if r.Timeout > 0 {
		timeout = r.Timeout
	}
	if r.Attempts > 0 {
		starts = int32(r.Attempts)
	}
	limit := "none"
	if timeout > 0 {
		limit = timeout.String()
	}
	return [][2]string{
		{"vcpu", vcpuText(units) + from(r.VCPU != "")}, {"memory", fmt.Sprintf("%d MiB", memory) + from(r.Memory > 0)},
		{"timeout", limit + from(r.Timeout > 0)}, {"attempts", fmt.Sprint(starts) + from(r.Attempts > 0)},
	}
}

// from says whose a value is.
func from(overridden bool) string {
	if overridden {
		return ", overridden"
	}
	return ", the definition's"
}
