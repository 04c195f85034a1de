package awsfake

import (
	"errors"
	"net/http"
	"reflect"
	"strings"

	"github.com/aws/smithy-go"
)

// ErrLost is for [Server.Fail]: the handler does its work, and the connection
// closes before the answer, so that the caller can't know whether it happened.
var ErrLost = errors.New("connection closed before the answer")

// apiError is an error of the API and the status it is answered with.
type apiError struct {
	smithy.GenericAPIError
	status int
}

// Error returns an API error of this code, such as "ThrottlingException", with
// HTTP status 400; the SDK's client gives it back as a [smithy.APIError], and
// as the service's typed error where there is one of this code.
func Error(code, message string) error {
	return ErrorStatus(http.StatusBadRequest, code, message)
}

// ErrorStatus is [Error] with another HTTP status: 503 is retried, for example.
func ErrorStatus(status int, code, message string) error {
	fault := smithy.FaultClient
	if status >= http.StatusInternalServerError {
		fault = smithy.FaultServer
	}
	return &apiError{smithy.GenericAPIError{Code: code, Message: message, Fault: fault}, status}
}

// Error is how a call's error reads in [Call].
func (e *apiError) Error() string { return e.Code + ": " + e.Message }

// failure is an error in the form that every protocol can write.
type failure struct {
	status  int
	shape   string // the error's name in the model, mostly the same as code
	code    string
	message string
	typed   error // the SDK's typed error, with further members; nil without one
}

// describe makes a failure of a handler's error.
func describe(err error) failure {
	var known *apiError
	if errors.As(err, &known) {
		return failure{known.status, known.Code, known.Code, known.Message, nil}
	}
	var typed smithy.APIError
	if !errors.As(err, &typed) {
		return failure{http.StatusInternalServerError, "InternalFailure", "InternalFailure", err.Error(), nil}
	}
	status := http.StatusBadRequest
	if strings.HasPrefix(typed.ErrorCode(), "NoSuch") || typed.ErrorCode() == "NotFound" {
		status = http.StatusNotFound // as S3, Route 53 and IAM do
	}
	if typed.ErrorFault() == smithy.FaultServer {
		status = http.StatusInternalServerError
	}
	shape := typed.ErrorCode()
	if t := reflect.TypeOf(typed).Elem(); strings.HasSuffix(t.PkgPath(), "/types") {
		shape = t.Name()
	}
	return failure{status, shape, typed.ErrorCode(), typed.ErrorMessage(), typed}
}

// fault is "Sender" or "Receiver", as the XML protocols and the headers of the
// query-compatible ones say it.
func (f failure) fault() string {
	if f.status >= http.StatusInternalServerError {
		return "Receiver"
	}
	return "Sender"
}
