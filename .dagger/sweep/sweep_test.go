package sweep_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/sweep"
	"github.com/prooflink/prooflink/infra/config"
)

// account is an AWS account with some residue, in pages of two. It answers
// ECS, CloudWatch Logs, SSM and the tagging API (JSON protocol), and Batch (REST).
type account struct {
	mu         sync.Mutex
	active     map[string][]string // ECS revisions by family
	inactive   map[string][]string
	jobs       map[string][]string // Batch revisions by name
	logs       []string
	parameters []string
	tagged     []string
	refused    map[string]string // by what is to be removed
	throttle   int
	calls      []string
}

const page = 2

// next cuts a page out of a list; the token is where the next begins.
func next(list []string, token string) (part []string, rest string) {
	start := 0
	_, _ = fmt.Sscan(token, &start)
	end := min(start+page, len(list))
	if end < len(list) {
		rest = fmt.Sprint(end)
	}
	return list[min(start, end):end], rest
}

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	input := map[string]any{}
	_ = json.NewDecoder(r.Body).Decode(&input)
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if operation == "" {
		operation = strings.TrimPrefix(r.URL.Path, "/v1/")
	}
	a.calls = append(a.calls, operation)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if a.throttle > 0 {
		a.throttle--
		refuse(w, "ThrottlingException", "slow down")
		return
	}
	answer, refusal := a.answer(operation, input)
	if refusal != "" {
		refuse(w, "AccessDeniedException", refusal)
		return
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func refuse(w http.ResponseWriter, kind, message string) {
	w.Header().Set("X-Amzn-ErrorType", kind)
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": kind, "message": message})
}

func words(value any) []string {
	var list []string
	items, _ := value.([]any)
	for _, item := range items {
		list = append(list, item.(string))
	}
	return list
}

// objects wraps each word.
func objects(list []string, key string) []map[string]string {
	all := []map[string]string{}
	for _, word := range list {
		all = append(all, map[string]string{key: word})
	}
	return all
}

func without(list []string, gone ...string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(word string) bool { return slices.Contains(gone, word) })
}

func (a *account) answer(operation string, input map[string]any) (answer map[string]any, refusal string) {
	text := func(key string) string { value, _ := input[key].(string); return value }
	switch operation {
	case "ListTaskDefinitions":
		revisions := a.active
		if text("status") == "INACTIVE" {
			revisions = a.inactive
		}
		part, token := next(revisions[text("familyPrefix")], text("nextToken"))
		return paged(map[string]any{"taskDefinitionArns": part}, "nextToken", token), ""
	case "DeregisterTaskDefinition":
		arn := text("taskDefinition")
		family, _, _ := strings.Cut(arn, ":")
		if a.refused[arn] == "" {
			a.active[family], a.inactive[family] = without(a.active[family], arn), append(a.inactive[family], arn)
		}
		return map[string]any{}, a.refused[arn]
	case "DeleteTaskDefinitions":
		return a.deleteTaskDefinitions(words(input["taskDefinitions"])), ""
	case "describejobdefinitions":
		part, token := next(a.jobs[text("jobDefinitionName")], text("nextToken"))
		return paged(map[string]any{"jobDefinitions": objects(part, "jobDefinitionArn")}, "nextToken", token), ""
	case "deregisterjobdefinition":
		for name := range a.jobs {
			a.jobs[name] = without(a.jobs[name], text("jobDefinition"))
		}
		return map[string]any{}, ""
	case "DescribeLogGroups":
		under := slices.DeleteFunc(slices.Clone(a.logs), func(name string) bool { return !strings.HasPrefix(name, text("logGroupNamePrefix")) })
		part, token := next(under, text("nextToken"))
		return paged(map[string]any{"logGroups": objects(part, "logGroupName")}, "nextToken", token), ""
	case "DeleteLogGroup":
		if refusal := a.refused[text("logGroupName")]; refusal != "" {
			return nil, refusal
		}
		a.logs = without(a.logs, text("logGroupName"))
		return map[string]any{}, ""
	case "GetParametersByPath":
		part, token := next(a.parameters, text("NextToken"))
		return paged(map[string]any{"Parameters": objects(part, "Name")}, "NextToken", token), ""
	case "DeleteParameters":
		a.parameters = without(a.parameters, words(input["Names"])...)
		return map[string]any{}, ""
	case "GetResources":
		part, token := next(a.tagged, text("PaginationToken"))
		return paged(map[string]any{"ResourceTagMappingList": objects(part, "ResourceARN")}, "PaginationToken", token), ""
	}
	return nil, "unknown operation " + operation
}

// deleteTaskDefinitions takes at most ten, as ECS does.
func (a *account) deleteTaskDefinitions(arns []string) map[string]any {
	failures := []map[string]string{}
	for i, arn := range arns {
		reason := a.refused["delete "+arn]
		if i >= 10 {
			reason = "more than ten"
		}
		if reason != "" {
			failures = append(failures, map[string]string{"arn": arn, "reason": reason})
			continue
		}
		family, _, _ := strings.Cut(arn, ":")
		a.inactive[family] = without(a.inactive[family], arn)
	}
	return map[string]any{"failures": failures}
}

func paged(answer map[string]any, key, token string) map[string]any {
	if token != "" {
		answer[key] = token
	}
	return answer
}

func revisions(family string, from, to int) []string {
	var list []string
	for i := from; i <= to; i++ {
		list = append(list, fmt.Sprintf("%s:%d", family, i))
	}
	return list
}

// full is an account in which dev was used for a while, beside dev-2.
func full() *account {
	return &account{
		active:     map[string][]string{"prooflink-dev-task": revisions("prooflink-dev-task", 20, 24), "prooflink-dev-2-task": {"prooflink-dev-2-task:1"}},
		inactive:   map[string][]string{"prooflink-dev-task": revisions("prooflink-dev-task", 1, 19), "prooflink-dev-migrate": {"prooflink-dev-migrate:1"}},
		jobs:       map[string][]string{"prooflink-dev-user-import": revisions("prooflink-dev-user-import", 1, 3)},
		logs:       []string{"/aws/lambda/FoundationStack-dev-CustomS3AutoDelete-1", "/aws/lambda/FoundationStack-dev-2-CustomS3AutoDelete-1", "/aws/ecs/containerinsights/prooflink-dev-cluster/performance", "/aws/lambda/other"},
		parameters: revisions("/prooflink/dev/p", 1, 12),
		refused:    map[string]string{},
	}
}

func targets(t *testing.T) sweep.Targets {
	t.Helper()
	environment, err := config.Load("dev")
	if err != nil {
		t.Fatal(err)
	}
	return sweep.Of(environment)
}

func access(t *testing.T, fake http.Handler) aws.Config {
	t.Helper()
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	return aws.Config{
		Region: "ap-northeast-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 5,
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "dummy", ""),
	}
}

func TestASweepLeavesNothingOfTheEnvironmentAndAllOfOthers(t *testing.T) {
	a := full()
	results := sweep.Sweep(t.Context(), access(t, a), targets(t))
	if err := results.Err(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"25 revisions deleted", "3 revisions deregistered", "2 deleted", "12 deleted"} {
		if !strings.Contains(results.Table(), want) {
			t.Errorf("%q is not in:\n%s", want, results.Table())
		}
	}
	if n := len(a.active["prooflink-dev-task"]) + len(a.inactive["prooflink-dev-task"]) + len(a.inactive["prooflink-dev-migrate"]) + len(a.jobs["prooflink-dev-user-import"]) + len(a.parameters); n > 0 {
		t.Errorf("%d things are left", n)
	}
	if diff := cmp.Diff([]string{"/aws/lambda/FoundationStack-dev-2-CustomS3AutoDelete-1", "/aws/lambda/other"}, a.logs); diff != "" {
		t.Errorf("log groups: %s", diff)
	}
	if len(a.active["prooflink-dev-2-task"]) != 1 {
		t.Error("another environment's task definition is gone")
	}
}

func TestWhatCannotBeRemovedDoesNotKeepTheRest(t *testing.T) {
	a := full()
	a.refused = map[string]string{
		"prooflink-dev-task:21":                                "not allowed to deregister",
		"delete prooflink-dev-task:3":                          "still in use",
		"/aws/lambda/FoundationStack-dev-CustomS3AutoDelete-1": "not allowed to delete",
	}
	results := sweep.Sweep(t.Context(), access(t, a), targets(t))
	err := results.Err()
	if err == nil {
		t.Fatal("want an error")
	}
	for _, want := range []string{"deregister prooflink-dev-task:21", "delete prooflink-dev-task:3: still in use", "delete log group /aws/lambda/FoundationStack-dev-CustomS3AutoDelete-1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if diff := cmp.Diff([]string{"task definitions", "log groups"}, results.Failed()); diff != "" {
		t.Error(diff)
	}
	if left := len(a.active["prooflink-dev-task"]) + len(a.inactive["prooflink-dev-task"]); left != 2 || len(a.parameters) > 0 {
		t.Errorf("%d revisions and %d parameters are left, want 2 and 0", left, len(a.parameters))
	}
}

// A run that was killed has deregistered some and deleted none.
func TestASecondSweepFinishesTheFirst(t *testing.T) {
	a := full()
	a.refused["delete prooflink-dev-task:3"] = "still in use"
	if sweep.Sweep(t.Context(), access(t, a), targets(t)).Err() == nil {
		t.Fatal("want an error")
	}
	delete(a.refused, "delete prooflink-dev-task:3")
	results := sweep.Sweep(t.Context(), access(t, a), targets(t))
	if err := results.Err(); err != nil || !strings.Contains(results.Table(), "1 revisions deleted") {
		t.Errorf("%v\n%s", err, results.Table())
	}
}

func TestThrottledCallsAreRepeated(t *testing.T) {
	a := full()
	a.throttle = 2
	if err := sweep.Sweep(t.Context(), access(t, a), targets(t)).Err(); err != nil {
		t.Error(err)
	}
}

func TestWhatIsLeftIsFoundByItsTags(t *testing.T) {
	a := full()
	a.tagged = revisions("arn:x", 1, 5)
	left, err := sweep.Left(t.Context(), access(t, a), targets(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a.tagged, left); diff != "" {
		t.Error(diff)
	}
}

// Without the tag, other environments' resources would be called left.
func TestWithoutTagsNothingIsSaidToBeLeft(t *testing.T) {
	without := targets(t)
	without.Tags = map[string]string{"Project": "prooflink"}
	if _, err := sweep.Left(t.Context(), access(t, full()), without); err == nil || !strings.Contains(err.Error(), "naming.tags") {
		t.Errorf("got %v", err)
	}
}
