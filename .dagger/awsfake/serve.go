package awsfake

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"runtime/debug"
	"strings"
)

// request is what arrived, read whole.
type request struct {
	*http.Request
	body    []byte
	service string
}

// protocol is one of AWS's wire formats.
type protocol interface {
	// operation names the operation that a request is for, "" for none.
	operation(r *request) string
	// decode reads a request into in, a pointer to the operation's input.
	decode(r *request, name string, in any) error
	// encode writes an operation's output.
	encode(w http.ResponseWriter, r *request, name string, out any) error
	// fail writes an error.
	fail(w http.ResponseWriter, r *request, f failure)
}

// ServeHTTP answers a request of any service, over whatever connection.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(r)
	if err != nil || !s.wait(r.Context()) {
		return
	}
	call := &request{Request: r, body: body, service: serviceOf(r, body)}
	format := protocolOf(call)
	name := format.operation(call)
	out, err := s.take(format, call, name)
	if err == nil {
		err = format.encode(w, call, name, out)
	}
	switch {
	case errors.Is(err, ErrLost):
		drop(w)
	case err != nil:
		format.fail(w, call, describe(err))
	}
}

// readBody reads a request's body, which CloudWatch's client compresses where it
// is long; an object in S3 that is compressed stays as it is.
func readBody(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" || r.Header.Get("Smithy-Protocol") == "" {
		return io.ReadAll(r.Body)
	}
	plain, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(plain)
}

// take does a call in its turn, and records it.
func (s *Server) take(format protocol, r *request, name string) (out any, err error) {
	defer func() { <-s.turn }()
	if !s.arrive() {
		return nil, ErrLost
	}
	planned := s.fault(r.service, name)
	if planned == nil || errors.Is(planned, ErrLost) {
		out, err = s.call(format, r, name)
	}
	if planned != nil {
		err = planned
	}
	s.record(r.service, name, err)
	return out, err
}

// call decodes and checks a request and runs its handler.
func (s *Server) call(format protocol, r *request, name string) (any, error) {
	op, ok := s.lookup(r.service, name)
	if !ok {
		return nil, s.refuse(r.service, name, "UnknownOperationException", fmt.Sprintf("no handler for %s %s", r.Method, r.URL))
	}
	in := reflect.New(op.in)
	if err := format.decode(r, name, in.Interface()); err != nil {
		return nil, s.refuse(r.service, name, "SerializationException", err.Error())
	}
	if err := check(r.service, in.Elem()); err != nil {
		return nil, s.refuse(r.service, name, "ValidationException", err.Error())
	}
	return s.run(op, r.service, name, in.Interface())
}

// run runs a handler. One that panics, as over a member that it took to be
// there, is nonsense too: an answer that isn't tried again, with the trace.
func (s *Server) run(op operation, service, name string, in any) (out any, err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = s.refuse(service, name, "HandlerPanicked", fmt.Sprintf("%v\n%s", problem, debug.Stack()))
		}
	}()
	return op.handle(in)
}

// drop closes the connection without an answer.
func drop(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = connection.Close() // nobody waits for it
	}
}

// packages are the SDK's names of services that sign under another name.
var packages = map[string]string{
	"cloudcontrolapi":      "cloudcontrol",
	"config":               "configservice",
	"elasticloadbalancing": "elasticloadbalancingv2",
	"logs":                 "cloudwatchlogs",
	"monitoring":           "cloudwatch",
	"tagging":              "resourcegroupstaggingapi",
}

// unsigned are the services with calls that aren't signed, by their API's
// version in the query protocol.
var unsigned = map[string]string{"2011-06-15": "sts"}

// serviceOf is the service that a request was signed for: the scope of its
// credential, "AKIA…/20260101/ap-northeast-1/ssm/aws4_request" (IAM User Guide,
// "Elements of an AWS API request signature").
func serviceOf(r *http.Request, body []byte) string {
	_, credential, signed := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if !signed {
		form, _ := url.ParseQuery(string(body))
		return unsigned[form.Get("Version")]
	}
	credential, _, _ = strings.Cut(credential, ",")
	scope := strings.Split(credential, "/")
	if len(scope) != 5 {
		return ""
	}
	if name, ok := packages[scope[3]]; ok {
		return name
	}
	return scope[3]
}

// protocolOf tells the wire format by the request's own form.
func protocolOf(r *request) protocol {
	switch {
	case r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor":
		return cborProtocol{}
	case r.Header.Get("X-Amz-Target") != "":
		return jsonProtocol{}
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		return queryProtocol{}
	}
	return restOf(r.service)
}
