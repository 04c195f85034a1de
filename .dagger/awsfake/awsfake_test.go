package awsfake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	batchtypes "github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	r53types "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/prooflink/prooflink/.dagger/awsfake"
)

// withParameter is a server that has one parameter, called "a".
func withParameter() *awsfake.Server {
	s := awsfake.New()
	awsfake.On(s, "ssm", func(in *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
		if *in.Name != "a" {
			return nil, &ssmtypes.ParameterNotFound{Message: aws.String("no " + *in.Name)}
		}
		return &ssm.GetParameterOutput{Parameter: &ssmtypes.Parameter{Name: in.Name, Version: 3}}, nil
	})
	awsfake.On(s, "ssm", func(*ssm.PutParameterInput) (*ssm.PutParameterOutput, error) { return nil, nil })
	return s
}

func get(ctx context.Context, s *awsfake.Server, name string) error {
	_, err := ssm.NewFromConfig(s.Config()).GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(name)})
	return err
}

func put(ctx context.Context, s *awsfake.Server) error {
	_, err := ssm.NewFromConfig(s.Config()).PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("a"), Value: aws.String("b")})
	return err
}

func codeOf(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
}

func TestAnUnknownOperationIsAnErrorThatIsntTriedAgain(t *testing.T) {
	s := withParameter()
	_, err := ssm.NewFromConfig(s.Config()).DeleteParameter(t.Context(), &ssm.DeleteParameterInput{Name: aws.String("a")})
	if codeOf(err) != "UnknownOperationException" || len(s.Calls()) != 1 {
		t.Errorf("err = %v after %d calls", err, len(s.Calls()))
	}
	if got := s.Nonsense(); len(got) != 1 || !strings.HasPrefix(got[0], "ssm:DeleteParameter: no handler") {
		t.Errorf("nonsense = %q", got)
	}
}

func TestWhatTheAPIWouldNotUnderstandIsRefusedAndRemembered(t *testing.T) {
	tests := []struct{ name, service, kind, target, body, want string }{
		{"a member that there isn't", "ssm", jsonKind, "AmazonSSM.PutParameter", `{"Label":"a","Value":"b"}`, "ssm:PutParameter: Label: unknown member"},
		{"a member in other letters", "ssm", jsonKind, "AmazonSSM.PutParameter", `{"name":"a","Value":"b"}`, "ssm:PutParameter: name: unknown member, by its spelling"},
		{"a number where text belongs", "ssm", jsonKind, "AmazonSSM.PutParameter", `{"Name":1,"Value":"b"}`, "ssm:PutParameter: Name: 1 (json.Number) is not a string"},
		{"text where a truth value belongs", "ssm", jsonKind, "AmazonSSM.PutParameter", `{"Name":"a","Value":"b","Overwrite":"yes"}`, "ssm:PutParameter: Overwrite: yes (string) is not true or false"},
		{"a value that the enum hasn't", "ssm", jsonKind, "AmazonSSM.PutParameter", `{"Name":"a","Value":"b","Type":"Text"}`, "ssm:PutParameter: Type: Text is none of [String StringList SecureString]"},
		{"a required member left out", "ssm", jsonKind, "AmazonSSM.PutParameter", `{"Name":"a"}`, "ssm:PutParameter: Value: required and missing"},
		{"a required member left out in a list", "ssm", jsonKind, "AmazonSSM.PutParameter", `{"Name":"a","Value":"b","Tags":[{"Key":"k"}]}`, "ssm:PutParameter: Tags[0].Value: required and missing"},
		{"what isn't JSON", "ssm", jsonKind, "AmazonSSM.PutParameter", `Name=a`, "ssm:PutParameter: read JSON"},
		{"a form's member that there isn't", "cloudformation", formKind, "", "Action=DeleteStack&Version=2010-05-15&Stack=a", "cloudformation:DeleteStack: Stack: unknown member"},
		{"a list whose items are called otherwise", "cloudformation", formKind, "", "Action=DeleteStack&StackName=a&RetainResources.item.1=b", "cloudformation:DeleteStack: RetainResources.item: unknown member, the list's items are called member"},
		{"a list with a gap", "cloudformation", formKind, "", "Action=DeleteStack&StackName=a&RetainResources.member.2=b", "cloudformation:DeleteStack: member: no item 1"},
		{"a form's required member left out", "cloudformation", formKind, "", "Action=DeleteStack&ClientRequestToken=a", "cloudformation:DeleteStack: StackName: required and missing"},
		{"no operation at all", "ssm", jsonKind, "", `{}`, "ssm:: no handler for POST /"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := withParameter()
			awsfake.On(s, "cloudformation", func(*cloudformation.DeleteStackInput) (*cloudformation.DeleteStackOutput, error) {
				t.Error("the handler was called")
				return nil, nil
			})
			status := send(t, s, test.service, test.kind, test.target, test.body)
			if status != http.StatusBadRequest {
				t.Errorf("status = %d", status)
			}
			if got := s.Nonsense(); len(got) != 1 || !strings.HasPrefix(got[0], test.want) {
				t.Errorf("nonsense = %q, want %q", got, test.want)
			}
		})
	}
}

const jsonKind, formKind = "application/x-amz-json-1.1", "application/x-www-form-urlencoded"

// send sends a request that no client would.
func send(t *testing.T, s *awsfake.Server, service, kind, target, body string) int {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20260101/ap-northeast-1/"+service+"/aws4_request, SignedHeaders=host")
	r.Header.Set("Content-Type", kind)
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code
}

func TestErrorsAreTheSDKsOwnTypesInEveryProtocol(t *testing.T) {
	s := awsfake.New()
	ctx, access := t.Context(), s.Config()
	awsfake.On(s, "ssm", func(*ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
		return nil, &ssmtypes.ParameterNotFound{Message: aws.String("why")}
	})
	awsfake.On(s, "batch", func(*batch.ListJobsInput) (*batch.ListJobsOutput, error) {
		return nil, &batchtypes.ClientException{Message: aws.String("why")}
	})
	awsfake.On(s, "cloudformation", func(*cloudformation.CreateStackInput) (*cloudformation.CreateStackOutput, error) {
		return nil, &cftypes.AlreadyExistsException{Message: aws.String("why")}
	})
	awsfake.On(s, "elasticloadbalancingv2", func(*elasticloadbalancingv2.DescribeLoadBalancersInput) (*elasticloadbalancingv2.DescribeLoadBalancersOutput, error) {
		return nil, &elbtypes.LoadBalancerNotFoundException{Message: aws.String("why")}
	})
	awsfake.On(s, "cloudwatch", func(*cloudwatch.DeleteAlarmsInput) (*cloudwatch.DeleteAlarmsOutput, error) {
		return nil, &cwtypes.ResourceNotFound{Message: aws.String("why")}
	})
	awsfake.On(s, "route53", func(*route53.GetHostedZoneInput) (*route53.GetHostedZoneOutput, error) {
		return nil, &r53types.NoSuchHostedZone{Message: aws.String("why")}
	})
	awsfake.On(s, "s3", func(*s3.GetObjectInput) (*s3.GetObjectOutput, error) {
		return nil, &s3types.NoSuchKey{Message: aws.String("why")}
	})
	awsfake.On(s, "s3", func(*s3.HeadObjectInput) (*s3.HeadObjectOutput, error) { return nil, &s3types.NotFound{} })
	objects := s3.NewFromConfig(access, func(o *s3.Options) { o.UsePathStyle = true })

	_, err := ssm.NewFromConfig(access).GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("a")})
	isTyped[*ssmtypes.ParameterNotFound](t, err)
	_, err = batch.NewFromConfig(access).ListJobs(ctx, &batch.ListJobsInput{})
	isTyped[*batchtypes.ClientException](t, err)
	_, err = cloudformation.NewFromConfig(access).CreateStack(ctx, &cloudformation.CreateStackInput{StackName: aws.String("a")})
	isTyped[*cftypes.AlreadyExistsException](t, err)
	_, err = elasticloadbalancingv2.NewFromConfig(access).DescribeLoadBalancers(ctx, &elasticloadbalancingv2.DescribeLoadBalancersInput{})
	isTyped[*elbtypes.LoadBalancerNotFoundException](t, err)
	_, err = cloudwatch.NewFromConfig(access).DeleteAlarms(ctx, &cloudwatch.DeleteAlarmsInput{AlarmNames: []string{"a"}})
	isTyped[*cwtypes.ResourceNotFound](t, err)
	_, err = route53.NewFromConfig(access).GetHostedZone(ctx, &route53.GetHostedZoneInput{Id: aws.String("Z")})
	isTyped[*r53types.NoSuchHostedZone](t, err)
	_, err = objects.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("a/b c")})
	isTyped[*s3types.NoSuchKey](t, err)
	_, err = objects.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	var missing *s3types.NotFound
	if !errors.As(err, &missing) {
		t.Errorf("err = %v", err)
	}
}

// isTyped asserts that an error is of a type and says why.
func isTyped[T interface {
	error
	ErrorMessage() string
}](t *testing.T, err error) {
	t.Helper()
	var typed T
	if !errors.As(err, &typed) || typed.ErrorMessage() != "why" {
		t.Errorf("err = %v, want a %T that says why", err, typed)
	}
}

func TestAnErrorsOtherMembersArrive(t *testing.T) {
	s := awsfake.New()
	want := &batchtypes.ServerException{Message: aws.String("why")}
	s.Fail("batch:*", 8, want)
	synctest.Test(t, func(t *testing.T) {
		_, err := batch.NewFromConfig(s.Config()).ListJobs(t.Context(), &batch.ListJobsInput{})
		isTyped[*batchtypes.ServerException](t, err)
	})
	s.Fail("ssm:*", 1, &ssmtypes.OpsItemAlreadyExistsException{Message: aws.String("why"), OpsItemId: aws.String("oi-1")})
	var exists *ssmtypes.OpsItemAlreadyExistsException
	if err := get(t.Context(), s, "a"); !errors.As(err, &exists) || aws.ToString(exists.OpsItemId) != "oi-1" {
		t.Errorf("err = %v, %+v", err, exists)
	}
}

func TestFailuresAreRetriedAsTheSDKDoesIt(t *testing.T) {
	tests := []struct {
		name  string
		match string
		times int
		err   error
		want  string // the code of the error in the end
		calls int
	}{
		{"throttling that ends", "ssm:GetParameter", 3, awsfake.Error("ThrottlingException", "slow down"), "", 4},
		{"throttling that doesn't end", "ssm:*", 8, awsfake.Error("ThrottlingException", "slow down"), "ThrottlingException", 8},
		{"a service that is away for a while", "*", 2, awsfake.ErrorStatus(503, "ServiceUnavailable", "later"), "", 3},
		{"an error of the handler's own", "*", 8, errors.New("broken"), "InternalFailure", 8},
		{"an answer that gets lost", "*", 1, awsfake.ErrLost, "", 2},
		{"the caller's own mistake", "*", 1, awsfake.Error("AccessDeniedException", "no"), "AccessDeniedException", 1},
		{"another operation's failure", "ssm:PutParameter", 1, awsfake.Error("AccessDeniedException", "no"), "", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := withParameter()
				s.Fail(test.match, test.times, test.err)
				err := get(t.Context(), s, "a")
				if codeOf(err) != test.want || len(s.Calls()) != test.calls || test.want == "" && err != nil {
					t.Errorf("err = %v after %d calls, want %q after %d", err, len(s.Calls()), test.want, test.calls)
				}
			})
		})
	}
}

func TestALostAnswersWorkWasDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, done := awsfake.New(), 0
		awsfake.On(s, "ssm", func(*ssm.PutParameterInput) (*ssm.PutParameterOutput, error) { done++; return nil, nil })
		s.Fail("ssm:PutParameter", 1, awsfake.ErrLost)
		if err := put(t.Context(), s); err != nil || done != 2 {
			t.Errorf("done %d times, err = %v", done, err)
		}
	})
}

func TestAKilledCallersCallsGetNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withParameter()
		s.KillAfter(2)
		first, second, third := put(t.Context(), s), get(t.Context(), s, "a"), put(t.Context(), s)
		if first != nil || second != nil || third == nil || len(s.Calls()) != 2 {
			t.Errorf("errors = %v, %v, %v after %d calls", first, second, third, len(s.Calls()))
		}
		s.KillAfter(-1)
		if err := put(t.Context(), s); err != nil {
			t.Errorf("started again: %v", err)
		}
	})
}

func TestCallsAreRecordedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withParameter()
		awsfake.On(s, "sts", func(*sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) { return nil, nil })
		s.Latency(2 * time.Second)
		start := time.Now()
		_ = put(t.Context(), s)
		_ = get(t.Context(), s, "b")
		if _, err := sts.NewFromConfig(s.Config()).GetCallerIdentity(t.Context(), nil); err != nil {
			t.Error(err)
		}
		want := []awsfake.Call{
			{Service: "ssm", Operation: "PutParameter", Mutating: true, At: start.Add(2 * time.Second)},
			{Service: "ssm", Operation: "GetParameter", At: start.Add(4 * time.Second), Error: "ParameterNotFound: no b"},
			{Service: "sts", Operation: "GetCallerIdentity", At: start.Add(6 * time.Second)},
		}
		if diff := cmp.Diff(want, s.Calls()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestMutatingCallsAreToldByTheirVerb(t *testing.T) {
	tests := map[string]bool{
		"ecs:DescribeServices": false, "ecs:ListTasks": false, "ecr:BatchGetImage": false, "ecr:GetAuthorizationToken": false,
		"cloudwatchlogs:FilterLogEvents": false, "s3:HeadObject": false, "sts:AssumeRole": false,
		"ecs:RunTask": true, "ecs:UpdateService": true, "ecr:PutImage": true, "cloudformation:ExecuteChangeSet": true,
	}
	for call, want := range tests {
		s := awsfake.New()
		service, operation, _ := strings.Cut(call, ":")
		send(t, s, service, jsonKind, "X."+operation, "{}")
		if calls := s.Calls(); len(calls) != 1 || calls[0].Mutating != want {
			t.Errorf("%s: %+v, want %v", call, calls, want)
		}
	}
}

func TestAQuerysUnknownMemberIsRefused(t *testing.T) {
	s := awsfake.New()
	awsfake.On(s, "route53", func(*route53.ListHostedZonesInput) (*route53.ListHostedZonesOutput, error) { return nil, nil })
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/2013-04-01/hostedzone?maxItems=3", nil)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/route53/aws4_request, SignedHeaders=host")
	s.ServeHTTP(httptest.NewRecorder(), r)
	want := []string{"route53:ListHostedZones: maxItems: unknown member, in the query"}
	if diff := cmp.Diff(want, s.Nonsense()); diff != "" {
		t.Error(diff)
	}
}

func TestAnHourOfPollingTakesNoTimeAndLeavesNothing(t *testing.T) {
	began := time.Now()
	synctest.Test(t, func(t *testing.T) { // fails where a goroutine is left
		s := awsfake.New()
		awsfake.On(s, "ecs", func(*ecs.DescribeServicesInput) (*ecs.DescribeServicesOutput, error) { return nil, nil })
		client, until := ecs.NewFromConfig(s.Config()), time.Now().Add(time.Hour)
		for time.Now().Before(until) {
			if _, err := client.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Services: []string{"a"}}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second)
		}
		if len(s.Calls()) != 720 {
			t.Errorf("%d calls", len(s.Calls()))
		}
	})
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestACallerWhoGivesUpLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withParameter()
		s.Latency(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := get(ctx, s, "a"); !errors.Is(err, context.DeadlineExceeded) || len(s.Calls()) != 0 {
			t.Errorf("err = %v, calls %v", err, s.Calls())
		}
	})
}

func TestHandlersRunOneAtATimeAndMayUseTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, inside := awsfake.New(), 0
		awsfake.On(s, "ssm", func(*ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
			inside++
			if inside > 1 {
				t.Error("two handlers at a time")
			}
			time.Sleep(time.Second)
			s.Calls()
			inside--
			return nil, nil
		})
		errs := make(chan error)
		for range 3 {
			go func() { errs <- put(t.Context(), s) }()
		}
		for range 3 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAHandlerThatPanicsIsSeenAndNotTriedAgain(t *testing.T) {
	s := awsfake.New()
	awsfake.On(s, "ssm", func(in *ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
		return nil, fmt.Errorf("%s", *in.Description)
	})
	if err := put(t.Context(), s); codeOf(err) != "HandlerPanicked" || len(s.Calls()) != 1 || len(s.Nonsense()) != 1 {
		t.Errorf("err = %v after %d calls", err, len(s.Calls()))
	}
	if err := put(t.Context(), s); codeOf(err) != "HandlerPanicked" {
		t.Errorf("the next call: %v", err)
	}
}

func TestOverASocketItIsTheSameServer(t *testing.T) {
	s := withParameter()
	socket := httptest.NewServer(s)
	defer socket.Close()
	access := s.Config()
	access.BaseEndpoint, access.HTTPClient, access.RetryMaxAttempts = aws.String(socket.URL), nil, 1
	client := ssm.NewFromConfig(access)
	if _, err := client.GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("a")}); err != nil {
		t.Fatal(err)
	}
	s.KillAfter(0)
	if _, err := client.GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("a")}); err == nil || codeOf(err) != "" {
		t.Errorf("killed: err = %v", err)
	}
}

func TestAStreamInFramesArrivesWithoutThem(t *testing.T) {
	s, got := awsfake.New(), ""
	awsfake.On(s, "s3", func(in *s3.PutObjectInput) (*s3.PutObjectOutput, error) {
		raw, err := io.ReadAll(in.Body)
		got = *in.Bucket + "/" + *in.Key + "=" + string(raw)
		return nil, err
	})
	body := "5\r\nhello\r\n6;chunk-signature=ab\r\n world\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/bucket/a/b%20c?x-id=PutObject", strings.NewReader(body))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20260101/ap-northeast-1/s3/aws4_request, SignedHeaders=host")
	r.Header.Set("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
	r.Header.Set("Content-Encoding", "aws-chunked")
	s.ServeHTTP(httptest.NewRecorder(), r)
	if got != "bucket/a/b c=hello world" {
		t.Errorf("got %q, nonsense %q", got, s.Nonsense())
	}
}

func TestAnObjectComesBackAsItWent(t *testing.T) {
	s, objects := awsfake.New(), map[string][]byte{}
	awsfake.On(s, "s3", func(in *s3.PutObjectInput) (*s3.PutObjectOutput, error) {
		raw, err := io.ReadAll(in.Body)
		objects[*in.Key] = raw
		return nil, err
	})
	awsfake.On(s, "s3", func(in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
		return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(objects[*in.Key]))}, nil
	})
	client := s3.NewFromConfig(s.Config(), func(o *s3.Options) { o.UsePathStyle = true })
	want := bytes.Repeat([]byte{0, 255, '\r', '\n'}, 50_000)
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("k"), Body: bytes.NewReader(want)})
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(out.Body); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d, err = %v", len(got), len(want), err)
	}
}

func TestTheConfigCannotReachANetwork(t *testing.T) {
	real := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a real server was asked") }))
	defer real.Close()
	access := withParameter().Config()
	access.BaseEndpoint = aws.String(real.URL)
	if _, err := ssm.NewFromConfig(access).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("a")}); err != nil {
		t.Error(err)
	}
}

// An empty list is not a list that was left out: some operations empty by it.
func TestEmptyListsInFormsAreEmptyLists(t *testing.T) {
	s := awsfake.New()
	var got *cloudformation.UpdateStackInput
	awsfake.On(s, "cloudformation", func(in *cloudformation.UpdateStackInput) (*cloudformation.UpdateStackOutput, error) {
		got = in
		return nil, nil
	})
	in := &cloudformation.UpdateStackInput{StackName: aws.String("a"), NotificationARNs: []string{}}
	if _, err := cloudformation.NewFromConfig(s.Config()).UpdateStack(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, got, cmpopts.IgnoreUnexported(*in)); diff != "" {
		t.Error(diff)
	}
}
