package logs_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/logs"
	"github.com/prooflink/prooflink/.dagger/logs/logstest"
)

// migration is a container with the awslogs driver.
var migration = logs.Container{TaskID: one, Name: "migrate", Driver: "awslogs", Options: map[string]string{
	"awslogs-group": migrateGroup, "awslogs-stream-prefix": "migrate", "awslogs-region": "ap-northeast-1",
}}

// app is a container whose log FireLens routes.
var app = logs.Container{TaskID: "arn:aws:ecs:ap-northeast-1:123456789012:task/c/" + one, Name: "prooflink-app", Driver: "awsfirelens"}

func TestTheLastLinesOfAContainerAreThoseOfItsStream(t *testing.T) {
	bubble(t, all, func(t *testing.T, server *awsfake.Server, store *logstest.Store) {
		for i, text := range []string{"one", "two", "three", "four", "five", "six"} {
			store.Put(migrateGroup, logstest.Line{Stream: "migrate/migrate/" + one, At: time.Now().Add(time.Duration(i)), Message: text})
		}
		store.Put(migrateGroup, logstest.Line{Stream: "migrate/migrate/" + two, At: time.Now(), Message: "another task's"})
		for count, want := range map[int][]string{2: {"five", "six"}, 4: {"three", "four", "five", "six"}, 50: {"one", "two", "three", "four", "five", "six"}, 0: nil} {
			group, got, err := logs.OfContainer(t.Context(), server.Config(), load(t, nil), migration, count)
			if err != nil || (count > 0 && group != migrateGroup) {
				t.Errorf("%q, %v", group, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
	})
}

func TestTheLastLinesWithFireLensAreErrorsAndWhatWasSentDirectly(t *testing.T) {
	bubble(t, all, func(t *testing.T, server *awsfake.Server, store *logstest.Store) {
		now := time.Now()
		failed := record(now, "error", "DB connect failed", `{"code":"ETIMEDOUT"}`)
		store.Put(errorsGroup, logstest.Line{Stream: "fargate-errors.prooflink-app-firelens-" + one, At: now.Add(2 * time.Second), Message: failed})
		store.Put(serverGroup,
			logstest.Line{Stream: one + "/1999-12-31", At: now.Add(-time.Hour), Message: record(now, "info", "yesterday", `{}`)},
			logstest.Line{Stream: one + "/2000-01-01", At: now, Message: record(now, "info", "connecting", `{}`)},
			logstest.Line{Stream: one + "/2000-01-01", At: now.Add(time.Second), Message: failed},
			logstest.Line{Stream: two + "/2000-01-01", At: now, Message: "another task's"})
		_, got, err := logs.OfContainer(t.Context(), server.Config(), load(t, nil), app, 10)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"info yesterday", "info connecting", `error DB connect failed {"code":"ETIMEDOUT"}`}, got); diff != "" {
			t.Error(diff)
		}
		_, got, _ = logs.OfContainer(t.Context(), server.Config(), load(t, nil), app, 1)
		if diff := cmp.Diff([]string{`error DB connect failed {"code":"ETIMEDOUT"}`}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestLinesThatArriveLateAreWaitedForOnce(t *testing.T) {
	bubble(t, all, func(t *testing.T, server *awsfake.Server, store *logstest.Store) {
		start := time.Now()
		store.Put(migrateGroup, logstest.Line{Stream: "migrate/migrate/" + one, At: start, Readable: start.Add(2 * time.Second), Message: "late"})
		group, got, err := logs.OfContainer(t.Context(), server.Config(), load(t, nil), migration, 10)
		if err != nil || group != migrateGroup || !cmp.Equal(got, []string{"late"}) {
			t.Errorf("%q %q %v", group, got, err)
		}
		start = time.Now()
		_, got, err = logs.OfContainer(t.Context(), server.Config(), load(t, nil), app, 10)
		if err != nil || len(got) != 0 || time.Since(start) > 4*time.Second {
			t.Errorf("%q %v after %s", got, err, time.Since(start))
		}
	})
}

func TestALogThatCannotBeReadIsAnErrorAndOneThatIsntThereIsNot(t *testing.T) {
	bubble(t, all, func(t *testing.T, server *awsfake.Server, _ *logstest.Store) {
		if group, got, err := logs.OfContainer(t.Context(), server.Config(), load(t, nil), logs.Container{TaskID: one, Name: "x"}, 5); group != "" || got != nil || err != nil {
			t.Errorf("without a driver: %q %q %v", group, got, err)
		}
		gone := migration
		gone.Options = map[string]string{"awslogs-group": "/gone", "awslogs-stream-prefix": "migrate"}
		_, _, missing := logs.OfContainer(t.Context(), server.Config(), load(t, nil), gone, 5)
		_, _, driver := logs.OfContainer(t.Context(), server.Config(), load(t, nil), logs.Container{TaskID: one, Name: "x", Driver: "splunk"}, 5)
		server.Fail("cloudwatchlogs:GetLogEvents", 1, awsfake.Error("AccessDeniedException", "not authorized"))
		_, _, denied := logs.OfContainer(t.Context(), server.Config(), load(t, nil), migration, 5)
		for want, err := range map[string]error{
			"read stream migrate/migrate/" + one + " of log group /gone: ":                                   missing,
			"read the log of container x: its driver is splunk, awslogs and awsfirelens can be read":         driver,
			"read stream migrate/migrate/" + one + " of log group /ecs/prooflink-dev-migrate: operation err": denied,
		} {
			if err == nil || len(err.Error()) < len(want) || err.Error()[:len(want)] != want {
				t.Errorf("got %v, want %s…", err, want)
			}
		}
	})
}

func TestWhereATaskWritesIsReadFromItsDefinition(t *testing.T) {
	pair := func(name, value string) types.KeyValuePair {
		return types.KeyValuePair{Name: aws.String(name), Value: aws.String(value)}
	}
	definition := types.TaskDefinition{ContainerDefinitions: []types.ContainerDefinition{
		{Name: aws.String("app"), LogConfiguration: &types.LogConfiguration{LogDriver: "awsfirelens"},
			Environment: []types.KeyValuePair{pair("ENABLE_CLOUDWATCH_LOGS", "true"), pair("CLOUDWATCH_SERVER_LOG_GROUP", "/server")}},
		{Name: aws.String("quiet"), LogConfiguration: &types.LogConfiguration{LogDriver: "awsfirelens"},
			Environment: []types.KeyValuePair{pair("ENABLE_CLOUDWATCH_LOGS", "false"), pair("CLOUDWATCH_SERVER_LOG_GROUP", "/server")}},
		{Name: aws.String("router"), FirelensConfiguration: &types.FirelensConfiguration{Type: "fluentbit"}, Environment: []types.KeyValuePair{pair("ERROR_LOG_GROUP", "/errors")},
			LogConfiguration: &types.LogConfiguration{LogDriver: "awslogs", Options: map[string]string{"awslogs-group": "/router", "awslogs-stream-prefix": "firelens"}}},
		{Name: aws.String("mute")},
	}}
	for container, want := range map[string][]logs.Source{
		"app":     {{Group: "/errors", Prefix: "fargate-errors.app-firelens-" + one}, {Group: "/server", Prefix: one + "/"}},
		"quiet":   {{Group: "/errors", Prefix: "fargate-errors.quiet-firelens-" + one}},
		"router":  {{Group: "/router", Prefix: "firelens/router/" + one}},
		"mute":    nil,
		"nowhere": nil,
	} {
		if diff := cmp.Diff(want, logs.OfDefinition(definition, container, "arn:aws:ecs:r:1:task/c/"+one)); diff != "" {
			t.Errorf("%s: %s", container, diff)
		}
	}
}
