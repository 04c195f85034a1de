package submit

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// AlreadyImported says that the import of an idempotency key was done by a job
// that Batch doesn't know any more: it forgets jobs after about 7 days. Nothing
// was submitted.
type AlreadyImported struct {
	// IdempotencyKey is the key.
	IdempotencyKey string
	// JobID is the job's that has done it, and At when.
	JobID string
	At    time.Time
	// Bucket and ResultKey are where its result is.
	Bucket, ResultKey string
}

// Error says when it was done.
func (e *AlreadyImported) Error() string {
	return fmt.Sprintf("nothing was submitted: idempotency key %q was imported on %s by job %s, whose result is s3://%s/%s",
		e.IdempotencyKey, stamp(e.At), e.JobID, e.Bucket, e.ResultKey)
}

// Used says that an idempotency key stands for another import.
type Used struct {
	// IdempotencyKey is the key, and At when it was used first.
	IdempotencyKey string
	At             time.Time
	// Differences are what this request has otherwise, a phrase each.
	Differences []string
}

// Error says what differs.
func (e *Used) Error() string {
	return fmt.Sprintf("--idempotency-key %q: it was used on %s for another import: %s; write another key for this one",
		e.IdempotencyKey, stamp(e.At), strings.Join(e.Differences, "; "))
}

// Unsure says that nobody knows whether a job was submitted.
type Unsure struct {
	// JobName is the name that it has if it was, and Env the environment.
	JobName, Env string
	// Err is what has happened.
	Err error
}

// Error says how to find out.
func (e *Unsure) Error() string {
	return fmt.Sprintf("submit job %s: %v; whether Batch has it isn't known: look for that name with `dagger call batch-list --env %s`", e.JobName, e.Err, e.Env)
}

// Unwrap is what has happened.
func (e *Unsure) Unwrap() error { return e.Err }

// errLost says that another run has taken an idempotency key over.
var errLost = errors.New("another run has taken the idempotency key over")

// code is AWS's code of an error; empty where it is none of AWS's.
func code(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
}

// refused says that AWS has understood a request and has not done it: it was
// answered with a status 4xx.
func refused(err error) bool {
	var answer *smithyhttp.ResponseError
	return errors.As(err, &answer) && answer.HTTPStatusCode()/100 == http.StatusBadRequest/100
}

// gone says that Batch refuses a job definition because it isn't active:
// "JobDefinition … is not in ACTIVE status" or "… does not exist".
func gone(err error) bool {
	text := ""
	if err != nil {
		text = err.Error()
	}
	return code(err) == "ClientException" && strings.Contains(text, "JobDefinition") &&
		(strings.Contains(text, "ACTIVE") || strings.Contains(text, "does not exist"))
}
