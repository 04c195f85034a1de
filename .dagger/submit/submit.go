// Package submit previews and makes the submission of an import job to AWS
// Batch: it puts the file where the job reads it, takes the job definition whose
// image is deployed, and submits exactly once, also where an answer gets lost or,
// with an idempotency key, where a run is killed and started again.
package submit

import (
	"context"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// Submission is a job that was submitted.
type Submission struct {
	// JobID is Batch's, and JobName e.g. "user-import-20261122-073012-1f3a".
	JobID   string `json:"jobId"`
	JobName string `json:"jobName"`
	// Queue is the job queue's name.
	Queue string `json:"queue"`
	// Definition is e.g. "prooflink-dev-user-import:7".
	Definition string `json:"definition"`
	// Image is the definition's, "<repository>@sha256:…".
	Image string `json:"image"`
	// Bucket and Key are what the job imports.
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
	// Executor is who imports.
	Executor string `json:"executor"`
	// Found says that the job was there: of the same idempotency key.
	Found bool `json:"found"`
}

// Submit submits the job, and tells what it does. With an idempotency key it may
// find a job that was submitted before. The errors *AlreadyImported, *Used and
// *Unsure are of its own.
func Submit(ctx context.Context, access aws.Config, environment config.Environment, r Request, say io.Writer) (Submission, error) {
	s, err := open(ctx, access, environment, r, say)
	if err != nil {
		return Submission{}, err
	}
	if s.definition.note != "" {
		fmt.Fprintln(s.say, s.definition.note)
	}
	if r.IdempotencyKey != "" {
		return s.once(ctx)
	}
	if err := s.provide(ctx); err != nil {
		return Submission{}, err
	}
	return s.send(ctx, func(context.Context) error { return nil })
}

// attempts is how often the SDK tries a call: throttling and 5xx come in bursts.
const attempts = 8

// session is what a submission works with.
type session struct {
	request Request
	names   names.Names
	say     io.Writer
	access  aws.Config
	batch   *batch.Client
	s3      *s3.Client

	// definition is what is submitted, and bucket the one that it reads.
	definition definition
	bucket     string
	// file is the local file; zero where there is none.
	file file
}

// open checks the request, reads the file once and finds the definition.
func open(ctx context.Context, access aws.Config, environment config.Environment, r Request, say io.Writer) (*session, error) {
	if err := r.Check(environment); err != nil {
		return nil, err
	}
	access.RetryMaxAttempts = attempts
	s := &session{
		request: r, names: environment.Names(), say: &lines{to: say}, access: access, batch: batch.NewFromConfig(access),
		s3: s3.NewFromConfig(access, func(o *s3.Options) { o.UsePathStyle = access.BaseEndpoint != nil }),
	}
	if r.File != "" {
		var err error
		if s.file, err = readFile(r.File); err != nil {
			return nil, err
		}
	}
	return s, s.choose(ctx, "")
}
