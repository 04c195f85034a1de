package deployed_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/deployed"
	"github.com/prooflink/prooflink/.dagger/report"
)

// cloudFormation answers by action and stack, "DescribeStacks NetworkStack-dev";
// what it isn't told about doesn't exist.
type cloudFormation struct {
	mu       sync.Mutex
	answers  map[string]string
	throttle int // that many calls first
	calls    []string
}

func (c *cloudFormation) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	call := r.FormValue("Action") + " " + r.FormValue("StackName")
	if token := r.FormValue("NextToken"); token != "" {
		call += " " + token
	}
	c.calls = append(c.calls, call)
	answer, ok := c.answers[call]
	switch {
	case c.throttle > 0:
		c.throttle--
		refuse(w, "Throttling", "Rate exceeded")
	case !ok:
		refuse(w, "ValidationError", "Stack with id "+r.FormValue("StackName")+" does not exist")
	case strings.HasPrefix(answer, "invalid "):
		refuse(w, "ValidationError", answer)
	case strings.HasPrefix(answer, "refuse "):
		refuse(w, "AccessDenied", answer)
	default:
		fmt.Fprintf(w, "<%[1]sResponse><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>", r.FormValue("Action"), answer)
	}
}

func refuse(w http.ResponseWriter, code, message string) {
	w.WriteHeader(http.StatusBadRequest)
	fmt.Fprintf(w, "<ErrorResponse><Error><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>", code, message)
}

// at serves a fake and returns CloudFormation there.
func at(t *testing.T, fake http.Handler) deployed.Account {
	t.Helper()
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	return deployed.In(aws.Config{
		Region: "ap-northeast-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 5,
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "dummy", ""),
	})
}

func described(status string) string {
	return "<Stacks><member><StackName>x</StackName><CreationTime>2026-11-22T00:00:00Z</CreationTime><StackStatus>" + status + "</StackStatus><EnableTerminationProtection>true</EnableTerminationProtection></member></Stacks>"
}

func template(body string) string {
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(body))
	return "<TemplateBody>" + escaped.String() + "</TemplateBody>"
}

func TestStacksAreReadAsTheyWereDeployed(t *testing.T) {
	bodies := map[string]string{
		"JSON": `{"Resources": {"Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}}}`,
		"YAML": "Resources:\n  Vpc:\n    Type: AWS::EC2::VPC\n    Properties:\n      CidrBlock: 10.0.0.0/16\n",
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) {
			fake := &cloudFormation{answers: map[string]string{"DescribeStacks A": described("UPDATE_COMPLETE"), "GetTemplate A": template(body)}}
			stacks, err := at(t, fake).Stacks(t.Context(), []string{"Absent", "A"})
			if err != nil {
				t.Fatal(err)
			}
			if len(stacks) != 1 || stacks[0].Name != "A" || stacks[0].Status != "UPDATE_COMPLETE" || !stacks[0].Protected {
				t.Fatalf("got %+v", stacks)
			}
			if got := deployed.Templates(stacks)[0].Resources["Vpc"].Text("CidrBlock"); got != "10.0.0.0/16" {
				t.Errorf("range %s", got)
			}
		})
	}
}

// A stack that was never made has no template to ask for.
func TestAStackThatWasNeverMadeIsEmpty(t *testing.T) {
	for _, status := range []string{"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE"} {
		fake := &cloudFormation{answers: map[string]string{"DescribeStacks A": described(status)}}
		stacks, err := at(t, fake).Stacks(t.Context(), []string{"A"})
		if err != nil || len(stacks) != 1 || len(stacks[0].Resources) != 0 || stacks[0].Status != status {
			t.Errorf("%s: %+v, %v", status, stacks, err)
		}
	}
}

func TestAStackWhoseDeletionIsOverIsNotThere(t *testing.T) {
	fake := &cloudFormation{answers: map[string]string{"DescribeStacks A": described("DELETE_COMPLETE")}}
	if stacks, err := at(t, fake).Stacks(t.Context(), []string{"A"}); err != nil || len(stacks) != 0 {
		t.Errorf("%+v, %v", stacks, err)
	}
}

func TestThrottledCallsAreRepeated(t *testing.T) {
	fake := &cloudFormation{throttle: 2, answers: map[string]string{"DescribeStacks A": described("CREATE_COMPLETE"), "GetTemplate A": template(`{}`)}}
	if stacks, err := at(t, fake).Stacks(t.Context(), []string{"A"}); err != nil || len(stacks) != 1 {
		t.Errorf("%+v, %v; calls %v", stacks, err, fake.calls)
	}
}

// What may not be read must not look like what isn't there.
func TestARefusalIsNoAbsence(t *testing.T) {
	tests := map[string]map[string]string{
		"describe stack A":            {"DescribeStacks A": "refuse to describe"},
		"describe stack A: ":          {"DescribeStacks A": "invalid name"},
		"get the template of stack A": {"DescribeStacks A": described("CREATE_COMPLETE"), "GetTemplate A": "refuse to tell"},
		"read the template of stack A": {"DescribeStacks A": described("CREATE_COMPLETE"),
			"GetTemplate A": template("a: [")},
	}
	for want, answers := range tests {
		_, err := at(t, &cloudFormation{answers: answers}).Stacks(t.Context(), []string{"A"})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func event(at, status, id, reason string) string {
	return fmt.Sprintf("<member><EventId>%[3]s</EventId><StackId>s</StackId><StackName>A</StackName><Timestamp>%[1]s</Timestamp><ResourceStatus>%[2]s</ResourceStatus><LogicalResourceId>%[3]s</LogicalResourceId><ResourceType>T</ResourceType><ResourceStatusReason>%[4]s</ResourceStatusReason></member>", at, status, id, reason)
}

func TestOnlyThisRunsFailuresAreToldInTheirOrder(t *testing.T) {
	fake := &cloudFormation{answers: map[string]string{
		"DescribeStackEvents A": "<StackEvents>" +
			event("2026-11-22T00:10:00Z", "UPDATE_ROLLBACK_COMPLETE", "A", "") +
			event("2026-11-22T00:09:00Z", "UPDATE_FAILED", "Second", "Resource update cancelled") +
			event("2026-11-22T00:08:00Z", "CREATE_FAILED", "Third", "limit exceeded") +
			"</StackEvents><NextToken>more</NextToken>",
		"DescribeStackEvents A more": "<StackEvents>" +
			event("2026-11-22T00:07:00Z", "UPDATE_FAILED", "First", "no such subnet") +
			event("2026-11-21T00:00:00Z", "UPDATE_FAILED", "Yesterday", "old") +
			"</StackEvents><NextToken>never</NextToken>",
	}}
	got, err := at(t, fake).Failures(t.Context(), "A", time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	want := []report.Event{
		{At: time.Date(2026, 11, 22, 0, 7, 0, 0, time.UTC), Source: "CloudFormation A", Text: "UPDATE_FAILED First (T): no such subnet"},
		{At: time.Date(2026, 11, 22, 0, 8, 0, 0, time.UTC), Source: "CloudFormation A", Text: "CREATE_FAILED Third (T): limit exceeded"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAStackThatIsGoneHasNoFailures(t *testing.T) {
	if got, err := at(t, &cloudFormation{}).Failures(t.Context(), "A", time.Time{}); err != nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestDeletingWaitsUntilTheStackIsGone(t *testing.T) {
	fake := &cloudFormation{answers: map[string]string{"DeleteStack A": ""}}
	if err := at(t, fake).Delete(t.Context(), "A"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"DeleteStack A", "DescribeStacks A"}, fake.calls); diff != "" {
		t.Error(diff)
	}
}

func TestADeletionThatFailsIsAnError(t *testing.T) {
	fake := &cloudFormation{answers: map[string]string{"DeleteStack A": "", "DescribeStacks A": described("DELETE_FAILED")}}
	if err := at(t, fake).Delete(t.Context(), "A"); err == nil || !strings.Contains(err.Error(), "stack A") {
		t.Errorf("got %v", err)
	}
}
