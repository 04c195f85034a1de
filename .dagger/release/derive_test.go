package release_test

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	batchtypes "github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/release"
	"github.com/prooflink/prooflink/infra/names"
)

// fill gives every member of a structure of the SDK a value, lists and maps one
// entry, and enumerations their first value.
func fill(value reflect.Value) {
	switch value.Kind() {
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
		fill(value.Elem())
	case reflect.Struct:
		if value.Type() == reflect.TypeFor[time.Time]() {
			value.Set(reflect.ValueOf(time.Unix(1, 0)))
			return
		}
		for i := range value.NumField() {
			if value.Type().Field(i).IsExported() {
				fill(value.Field(i))
			}
		}
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), 1, 1))
		fill(value.Index(0))
	case reflect.Map:
		key, entry := reflect.New(value.Type().Key()).Elem(), reflect.New(value.Type().Elem()).Elem()
		fill(key)
		fill(entry)
		value.Set(reflect.MakeMap(value.Type()))
		value.SetMapIndex(key, entry)
	case reflect.String:
		value.SetString("text")
		if values := value.MethodByName("Values"); values.IsValid() {
			value.Set(values.Call(nil)[0].Index(0))
		}
	case reflect.Bool:
		value.SetBool(true)
	case reflect.Int32, reflect.Int64:
		value.SetInt(7)
	case reflect.Float64:
		value.SetFloat(7)
	}
}

// filled is a structure with a value everywhere.
func filled[T any]() T {
	var value T
	fill(reflect.ValueOf(&value).Elem())
	return value
}

// output are the members that only AWS sets. When the SDK learns a member that
// is neither one of these nor registered, the tests below fail.
var (
	taskOutput = []string{"Compatibilities", "DeleteRequestedAt", "DeregisteredAt", "RegisteredAt", "RegisteredBy",
		"RequiresAttributes", "Revision", "Status", "TaskDefinitionArn"}
	jobOutput = []string{"ContainerOrchestrationType", "JobDefinitionArn", "Revision", "Status"}
)

// lost lists the members of from that to has not got with the same value, and
// the members of to that are empty.
func lost(from, to any, except ...string) []string {
	var names []string
	source, target := reflect.ValueOf(from), reflect.ValueOf(to)
	for i := range source.NumField() {
		field := source.Type().Field(i)
		if !field.IsExported() || slices.Contains(except, field.Name) {
			continue
		}
		value := target.FieldByName(field.Name)
		if !value.IsValid() || text(value) != text(source.Field(i)) {
			names = append(names, field.Name)
		}
	}
	for i := range target.NumField() {
		if field := target.Type().Field(i); field.IsExported() && target.Field(i).IsZero() {
			names = append(names, field.Name+" is empty")
		}
	}
	return names
}

// text is a value without the difference between a text and an enumeration.
func text(value reflect.Value) string {
	data, _ := json.Marshal(value.Interface()) // plain data always has a JSON form
	return string(data)
}

func TestEveryMemberOfATaskDefinitionIsKept(t *testing.T) {
	live := &ecs.DescribeTaskDefinitionOutput{TaskDefinition: new(filled[ecstypes.TaskDefinition]()), Tags: []ecstypes.Tag{filled[ecstypes.Tag]()}}
	next, changed, err := release.Derive(live, nil)
	if err != nil || changed {
		t.Fatalf("changed %v, %v", changed, err)
	}
	if names := lost(*live.TaskDefinition, *next, taskOutput...); len(names) > 0 {
		t.Errorf("lost: %s; is it a member that can be registered, or an output of AWS?", strings.Join(names, ", "))
	}
}

func TestEveryMemberOfAJobDefinitionIsKept(t *testing.T) {
	live := filled[batchtypes.JobDefinition]()
	live.JobDefinitionName, live.Type, live.Status = aws.String(dev.UserImportJob()), aws.String("container"), aws.String("ACTIVE")
	server := newAccount(t, all("a", "a", "a"))
	var registered batch.RegisterJobDefinitionInput
	onRegisterJob(server, &registered)
	server.jobs = map[string][]batchtypes.JobDefinition{dev.UserImportJob(): {live}}
	if _, err := release.Jobs(t.Context(), server.Config(), dev, "repository@"+digest("b")); err != nil {
		t.Fatal(err)
	}
	live.ContainerProperties.Image = aws.String("repository@" + digest("b"))
	if names := lost(live, registered, jobOutput...); len(names) > 0 {
		t.Errorf("lost: %s; is it a member that can be registered, or an output of Batch?", strings.Join(names, ", "))
	}
}

func TestOnlyTheNamedContainersGetAnotherImage(t *testing.T) {
	live := &ecs.DescribeTaskDefinitionOutput{
		TaskDefinition: new(taskOf("f", map[string]string{names.AppContainer: "app@" + digest("a"), names.RouterContainer: "router@" + digest("a")})),
		Tags:           []ecstypes.Tag{{Key: aws.String("Z"), Value: aws.String("1")}, {Key: aws.String("AWS:x"), Value: aws.String("2")}, {Key: aws.String("A"), Value: aws.String("3")}},
	}
	next, changed, err := release.Derive(live, map[string]string{names.AppContainer: "app@" + digest("b")})
	if err != nil || !changed {
		t.Fatalf("changed %v, %v", changed, err)
	}
	got := []string{*next.ContainerDefinitions[0].Image, *next.ContainerDefinitions[1].Image, *next.Tags[0].Key, *next.Tags[1].Key}
	if diff := cmp.Diff([]string{"app@" + digest("b"), "router@" + digest("a"), "A", "Z"}, got); diff != "" {
		t.Error(diff)
	}
	if len(next.Tags) != 2 {
		t.Errorf("AWS's own tag is registered: %d tags", len(next.Tags))
	}
	if *live.TaskDefinition.ContainerDefinitions[0].Image != "app@"+digest("a") {
		t.Error("the live definition was changed")
	}
}

func TestAContainerThatIsNotThereIsAnErrorThatListsThose(t *testing.T) {
	live := &ecs.DescribeTaskDefinitionOutput{TaskDefinition: new(taskOf("f", map[string]string{names.AppContainer: "x"}))}
	live.TaskDefinition.TaskDefinitionArn = aws.String("arn:f:3")
	_, _, err := release.Derive(live, map[string]string{names.RouterContainer: "y", names.MigrateContainer: "z"})
	for _, want := range []string{"task definition arn:f:3 has no container log-router; it has prooflink-app", "no container migrate"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("err = %v, want %q", err, want)
		}
	}
}

// sent is the body of the request that the SDK's own client makes.
func sent(t *testing.T, input *ecs.RegisterTaskDefinitionInput) []byte {
	t.Helper()
	var body []byte
	client := ecs.New(ecs.Options{
		Region: "ap-northeast-1", Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "dummy", ""),
		RetryMaxAttempts: 1, HTTPClient: roundTrip(func(r *http.Request) (*http.Response, error) {
			body, _ = io.ReadAll(r.Body)
			return nil, io.ErrUnexpectedEOF
		}),
	})
	_, _ = client.RegisterTaskDefinition(t.Context(), input)
	return body
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) Do(r *http.Request) (*http.Response, error) { return f(r) }
