package awsfake_test

import (
	"context"
	"fmt"
	"go/token"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/cloudcontrol"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/prooflink/prooflink/.dagger/awsfake"
)

// clients are every service of go.mod.
func clients(s *awsfake.Server) map[string]any {
	access := s.Config()
	return map[string]any{
		"acm":                      acm.NewFromConfig(access),
		"batch":                    batch.NewFromConfig(access),
		"cloudcontrol":             cloudcontrol.NewFromConfig(access),
		"cloudformation":           cloudformation.NewFromConfig(access),
		"cloudwatch":               cloudwatch.NewFromConfig(access),
		"cloudwatchlogs":           cloudwatchlogs.NewFromConfig(access),
		"configservice":            configservice.NewFromConfig(access),
		"ecr":                      ecr.NewFromConfig(access),
		"ecs":                      ecs.NewFromConfig(access),
		"elasticloadbalancingv2":   elasticloadbalancingv2.NewFromConfig(access),
		"iam":                      iam.NewFromConfig(access),
		"rds":                      rds.NewFromConfig(access),
		"resourcegroupstaggingapi": resourcegroupstaggingapi.NewFromConfig(access),
		"route53":                  route53.NewFromConfig(access),
		"s3":                       s3.NewFromConfig(access, func(o *s3.Options) { o.UsePathStyle = true }),
		"secretsmanager":           secretsmanager.NewFromConfig(access),
		"servicequotas":            servicequotas.NewFromConfig(access),
		"ssm":                      ssm.NewFromConfig(access),
		"sts":                      sts.NewFromConfig(access),
	}
}

// call is an operation of a client: func(ctx, *In, ...func(*Options)) (*Out, error).
type call struct {
	name    string
	in, out reflect.Type
	method  reflect.Value
}

// calls are a client's operations.
func calls(client any) []call {
	var found []call
	v := reflect.ValueOf(client)
	for i := range v.NumMethod() {
		method, t := v.Type().Method(i), v.Method(i).Type()
		if t.NumIn() == 3 && t.In(1).Kind() == reflect.Pointer && t.In(1).Elem().Name() == method.Name+"Input" && t.NumOut() == 2 {
			found = append(found, call{method.Name, t.In(1).Elem(), t.Out(0).Elem(), v.Method(i)})
		}
	}
	return found
}

func (c call) do(ctx context.Context, in any) (any, error) {
	results := c.method.Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(in)})
	err, _ := results[1].Interface().(error)
	return results[0].Interface(), err
}

// unserved are the operations that need what the server doesn't do.
var unserved = map[string]string{
	"acm:CreateAcmeDomainValidation": "a union is required",
	"acm:CreateAcmeEndpoint":         "a union is required",
	"cloudwatchlogs:GetLogObject":    "an event stream",
	"cloudwatchlogs:PutIntegration":  "a union is required",
	"cloudwatchlogs:StartLiveTail":   "an event stream",
	"ecs:CreateGateway":              "a union is required",
	"ssm:CreateCloudConnector":       "a union is required",
}

func TestEveryOperationIsReadAndAnsweredAsTheSDKMeansIt(t *testing.T) {
	s := awsfake.New()
	for service, client := range clients(s) {
		t.Run(service, func(t *testing.T) {
			for _, c := range calls(client) {
				some := operations[service]
				if unserved[service+":"+c.name] == "" && (some == nil || slices.Contains(some, c.name)) {
					t.Run(c.name, func(t *testing.T) { roundTrip(t, s, service, c) })
				}
			}
		})
	}
	if nonsense := s.Nonsense(); len(nonsense) > 0 {
		t.Error(nonsense)
	}
}

// texts are what strings are made of: what can stand in headers for REST.
var texts = map[string]string{"s3": "text-%d", "batch": "text/%d", "route53": "text-%d"}

func roundTrip(t *testing.T, s *awsfake.Server, service string, c call) {
	text := texts[service]
	if text == "" {
		text = " text & <%d> ü\n"
	}
	want, in := (&filler{text: text}).make(c.out), (&filler{n: 1000, text: text}).make(c.in)
	var got any
	s.OnType(service, c.name, c.in, func(in any) (any, error) { got = in; return want, nil })
	out, err := c.do(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, got, comparing...); diff != "" {
		t.Errorf("the server read (+) something else than was sent (-):\n%s", diff)
	}
	if diff := cmp.Diff(want, out, comparing...); diff != "" {
		t.Errorf("the client read (+) something else than was answered (-):\n%s", diff)
	}
	for _, v := range []any{got, out} {
		if text := streamed(t, v); text != stream {
			t.Errorf("%T's stream contained %q", v, text)
		}
	}
}

// streamed is what a structure's stream contains, which is the same in all.
func streamed(t *testing.T, v any) string {
	body := reflect.ValueOf(v).Elem().FieldByName("Body")
	if !body.IsValid() || body.Kind() != reflect.Interface {
		return stream
	}
	raw, err := io.ReadAll(body.Interface().(io.Reader))
	if err != nil {
		t.Error(err)
	}
	return string(raw)
}

var comparing = cmp.Options{
	cmp.FilterPath(func(p cmp.Path) bool {
		field, ok := p.Last().(cmp.StructField)
		// the SDK's clients for RDS make a signed address of SourceRegion
		return ok && (field.Name() == "ResultMetadata" || field.Type().Implements(streamType) || field.Name() == "SourceRegion" || !token.IsExported(field.Name()))
	}, cmp.Ignore()),
	cmpopts.EquateEmpty(),
}

// filler makes values in which every member is set, each to something else.
// Left out are unions and documents, which the server doesn't read, and types
// within themselves.
type filler struct {
	n     int
	text  string // with the number, a string
	above []reflect.Type
}

func (f *filler) make(t reflect.Type) any {
	v := reflect.New(t)
	f.fill(v.Elem())
	return v.Interface()
}

// stream is what streams contain.
const stream = "a stream"

var streamType = reflect.TypeFor[io.Reader]()

func (f *filler) fill(v reflect.Value) {
	f.n++
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(1750000000+int64(f.n), 0).UTC()))
	case v.Type() == reflect.TypeFor[[]byte]():
		v.SetBytes([]byte{0, 255, byte(f.n)})
	case v.Type() == streamType:
		v.Set(reflect.ValueOf(strings.NewReader(stream)))
	case v.Kind() == reflect.Interface && v.Type().Implements(streamType):
		v.Set(reflect.ValueOf(io.NopCloser(strings.NewReader(stream))))
	case v.Kind() == reflect.Pointer && f.may(v.Type().Elem()):
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem())
	case v.Kind() == reflect.Struct:
		f.fillStruct(v)
	case v.Kind() == reflect.Slice && f.may(v.Type().Elem()):
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		f.fill(v.Index(0))
		f.fill(v.Index(1))
	case v.Kind() == reflect.Map && f.may(v.Type().Elem()):
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		f.fill(key)
		f.fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	default:
		f.fillScalar(v)
	}
}

// may says whether a type of this element may be filled.
func (f *filler) may(t reflect.Type) bool {
	return t.Kind() != reflect.Interface && !slices.Contains(f.above, t)
}

func (f *filler) fillScalar(v reflect.Value) {
	switch {
	case v.Kind() == reflect.String:
		v.SetString(f.string(v))
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(int64(f.n%100 + 1))
	case v.CanFloat():
		v.SetFloat(float64(f.n) + 0.5)
	}
}

func (f *filler) string(v reflect.Value) string {
	if values := v.MethodByName("Values"); values.IsValid() {
		return values.Call(nil)[0].Index(0).String()
	}
	return fmt.Sprintf(f.text, f.n)
}

func (f *filler) fillStruct(v reflect.Value) {
	f.above = append(f.above, v.Type())
	for i := range v.NumField() {
		field := v.Type().Field(i)
		switch {
		case field.Name == "Expires" && strings.HasSuffix(v.Type().Name(), "Output"): // the same header as ExpiresString
		case field.Name == "ContentLength":
			v.Field(i).Set(reflect.ValueOf(aws.Int64(int64(len(stream)))))
		case field.IsExported() && !field.Anonymous && field.Name != "ResultMetadata":
			f.fill(v.Field(i))
		}
	}
	f.above = f.above[:len(f.above)-1]
}
