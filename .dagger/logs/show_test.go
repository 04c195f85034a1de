package logs_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/logs"
	"github.com/prooflink/prooflink/.dagger/logs/logstest"
	"github.com/prooflink/prooflink/infra/config"
)

const (
	one = "0123456789abcdef0123456789abcdef"
	two = "fedcba9876543210fedcba9876543210"

	errorsGroup  = "/ecs/prooflink-dev-errors"
	serverGroup  = "/ecs/prooflink-dev-app-server"
	migrateGroup = "/ecs/prooflink-dev-migrate"
)

// load is an environment, changed.
func load(t *testing.T, change func(*config.Environment)) config.Environment {
	t.Helper()
	env, err := config.Load("dev")
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&env)
	}
	return env
}

func plainLogs(env *config.Environment) {
	env.Logging.Driver, env.Logging.DirectToCloudWatch, env.Logging.ArchiveBucket = config.DriverAWSLogs, false, false
}

// bubble runs a test on a virtual clock, with the groups of dev.
func bubble(t *testing.T, groups []string, test func(*testing.T, *awsfake.Server, *logstest.Store)) {
	synctest.Test(t, func(t *testing.T) {
		server := awsfake.New()
		store := logstest.On(server, groups...)
		awsfake.On(server, "sts", func(*sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
			account := "123456789012"
			return &sts.GetCallerIdentityOutput{Account: &account}, nil
		})
		test(t, server, store)
		if nonsense := server.Nonsense(); len(nonsense) > 0 {
			t.Error(nonsense)
		}
	})
}

// all are the groups that dev has.
var all = []string{errorsGroup, serverGroup, "/ecs/prooflink-dev-app-client", "/ecs/prooflink-dev-firelens", migrateGroup, "/aws/batch/prooflink-dev"}

// record is a line as the application writes it.
func record(at time.Time, level, message, data string) string {
	return fmt.Sprintf(`{"timestamp":%q,"level":%q,"logSource":"server","message":%q,"data":%s}`, at.UTC().Format(time.RFC3339Nano), level, message, data)
}

func TestLinesAreShownInTheirOrderAcrossPagesOneLineEach(t *testing.T) {
	bubble(t, all, func(t *testing.T, server *awsfake.Server, store *logstest.Store) {
		start := time.Now()
		at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
		store.Put(migrateGroup,
			logstest.Line{Stream: "migrate/migrate/" + one, At: at(1), Message: record(at(1), "info", "applied 0001", `{"ms":12}`)},
			logstest.Line{Stream: "migrate/migrate/" + one, At: at(2), Message: record(at(2), "info", "applied 0002", `{}`)},
			logstest.Line{Stream: "migrate/migrate/" + two, At: at(3), Message: "Error: no JSON\n    at main (x.js:1)\n"},
			logstest.Line{Stream: "migrate/migrate/" + one, At: at(4), Message: `{"a":1}`},
			logstest.Line{Stream: "migrate/migrate/" + one, At: at(5), Message: "the fifth"})
		time.Sleep(time.Minute)
		got := show(t, server, load(t, nil), logs.Query{Part: logs.Migration})
		want := `2000-01-01T00:00:01Z  01234567  info applied 0001 {"ms":12}
2000-01-01T00:00:02Z  01234567  info applied 0002
2000-01-01T00:00:03Z  fedcba98  Error: no JSON\n    at main (x.js:1)
2000-01-01T00:00:04Z  01234567  {"a":1}
2000-01-01T00:00:05Z  01234567  the fifth
`
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// show is what is shown, without an error.
func show(t *testing.T, server *awsfake.Server, env config.Environment, query logs.Query) string {
	t.Helper()
	var out strings.Builder
	if err := logs.Show(t.Context(), server.Config(), env, query, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestOneTaskIsShownByTheBeginningOfItsIDInWhateverStream(t *testing.T) {
	streams := map[string][2]string{
		logs.Server:    {serverGroup, "%s/2000-01-01"},
		logs.Client:    {"/ecs/prooflink-dev-app-client", "%s/2000-01-01"},
		logs.Errors:    {errorsGroup, "fargate-errors.prooflink-app-firelens-%s"},
		logs.Router:    {"/ecs/prooflink-dev-firelens", "firelens/log-router/%s"},
		logs.Migration: {migrateGroup, "migrate/migrate/%s"},
		logs.Batch:     {"/aws/batch/prooflink-dev", "test-case-import/default/%s"},
		logs.App:       {"/ecs/prooflink-dev-app", "ecs/prooflink-app/%s"},
	}
	for part, where := range streams {
		t.Run(part, func(t *testing.T) {
			bubble(t, append(slices.Clone(all), "/ecs/prooflink-dev-app"), func(t *testing.T, server *awsfake.Server, store *logstest.Store) {
				env := load(t, nil)
				if part == logs.App {
					env = load(t, plainLogs)
				}
				store.Put(where[0],
					logstest.Line{Stream: fmt.Sprintf(where[1], one), At: time.Now(), Message: "of one"},
					logstest.Line{Stream: fmt.Sprintf(where[1], two), At: time.Now(), Message: "of two"})
				for _, task := range []string{one[:6], one, "arn:aws:ecs:ap-northeast-1:123456789012:task/prooflink-dev-cluster/" + one} {
					got := show(t, server, env, logs.Query{Part: part, Task: task})
					if diff := cmp.Diff("2000-01-01T00:00:00Z  01234567  of one\n", got); diff != "" {
						t.Error(diff)
					}
				}
			})
		})
	}
}

// The streams' names come from the router's configuration.
func TestTheErrorsStreamsAreThoseOfFluentBitsConfiguration(t *testing.T) {
	for _, file := range []string{"prooflink.conf", "errors-only.conf"} {
		conf, err := os.ReadFile("../../fluentbit/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{" errors.$TAG true", "log_stream_prefix fargate-\n"} {
			if !strings.Contains(string(conf), want) {
				t.Errorf("%s lacks %q", file, want)
			}
		}
	}
}

func TestWithFireLensTheApplicationsLogIsErrorsAndServerWithoutCopies(t *testing.T) {
	bubble(t, all, func(t *testing.T, server *awsfake.Server, store *logstest.Store) {
		now := time.Now()
		failed := record(now, "error", "DB connect failed", `{"code":"ETIMEDOUT"}`)
		routed := strings.TrimSuffix(failed, "}") + `,"container_name":"prooflink-app","ecs_task_arn":"x"}`
		errorsStream, own := "fargate-errors.prooflink-app-firelens-"+one, one+"/2000-01-01"
		store.Put(serverGroup,
			logstest.Line{Stream: own, At: now, Message: record(now, "info", "ready", `{}`)},
			logstest.Line{Stream: own, At: now.Add(time.Second), Message: failed},
			logstest.Line{Stream: own, At: now.Add(time.Second), Message: failed})
		store.Put(errorsGroup,
			logstest.Line{Stream: errorsStream, At: now.Add(2 * time.Second), Message: routed},
			logstest.Line{Stream: errorsStream, At: now.Add(2 * time.Second), Message: routed},
			logstest.Line{Stream: errorsStream, At: now.Add(3 * time.Second), Message: record(now, "fatal", "only here", `{}`)})
		time.Sleep(time.Minute)
		got := show(t, server, load(t, nil), logs.Query{})
		want := `2000-01-01T00:00:00Z  01234567  info ready
2000-01-01T00:00:01Z  01234567  error DB connect failed {"code":"ETIMEDOUT"}
2000-01-01T00:00:01Z  01234567  error DB connect failed {"code":"ETIMEDOUT"}
2000-01-01T00:00:03Z  01234567  fatal only here
`
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestNothingFoundSaysWhereItWasLookedFor(t *testing.T) {
	archive := "\nFireLens routes the application's log: records of level error and above are in part errors, what the application sends itself is in part server, every record is in s3://prooflink-dev-logs-123456789012/year=…/month=…/day=…/hour=…/ within 10 minutes\n"
	cases := map[string]struct {
		query  logs.Query
		change func(*config.Environment)
		want   string
	}{
		"a part": {logs.Query{Part: logs.Errors, Since: "1d", Task: "abc", Filter: `"x y"`}, nil,
			"nothing in /ecs/prooflink-dev-errors from 1999-12-31T00:00:00Z to 2000-01-01T00:00:00Z of task abc that matches \"x y\"\n"},
		"the application with FireLens": {logs.Query{}, nil,
			"nothing in /ecs/prooflink-dev-errors and /ecs/prooflink-dev-app-server from 1999-12-31T23:45:00Z to 2000-01-01T00:00:00Z" + archive},
		"the application with awslogs": {logs.Query{Part: logs.App}, plainLogs,
			"nothing in /ecs/prooflink-dev-app from 1999-12-31T23:45:00Z to 2000-01-01T00:00:00Z\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, append(slices.Clone(all), "/ecs/prooflink-dev-app"), func(t *testing.T, server *awsfake.Server, _ *logstest.Store) {
				if diff := cmp.Diff(c.want, show(t, server, load(t, c.change), c.query)); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestWhatCannotBeShownSaysWhyAndWhatToDo(t *testing.T) {
	cases := map[string]struct {
		query  logs.Query
		change func(*config.Environment)
		want   string
	}{
		"an unknown part": {logs.Query{Part: "web"}, nil, `part "web" is unknown; use one of app, server, client, errors, router, migration, batch`},
		"no client log": {logs.Query{Part: logs.Client}, plainLogs,
			"environment dev has no log of part client: logging.directToCloudWatch is false, so the application sends nothing itself: its records are in part app; it has app, migration, batch"},
		"no errors of their own": {logs.Query{Part: logs.Errors}, plainLogs,
			`environment dev has no log of part errors: logging.driver is awslogs, so nothing picks the errors out: show part app with the filter { $.level = "error" }; it has app, migration, batch`},
		"no batch": {logs.Query{Part: logs.Batch}, func(env *config.Environment) { env.Batch.Enabled = false },
			"environment dev has no log of part batch: batch.enabled is false; it has app, server, client, errors, router, migration"},
		"a time that is none": {logs.Query{Since: "yesterday"}, nil,
			`since "yesterday": write how long ago, like 15m, 2h or 1d, or a time like 2026-11-22T09:00:00Z`},
		"a time to come": {logs.Query{Since: "2000-01-01T00:00:01Z"}, nil, `since "2000-01-01T00:00:01Z": is in the future, it is 2000-01-01T00:00:00Z now`},
		"less than no time": {logs.Query{Since: "-1h"}, nil,
			`since "-1h": write how long ago, like 15m, 2h or 1d, or a time like 2026-11-22T09:00:00Z`},
		"a group that is missing": {logs.Query{Part: logs.Migration}, func(env *config.Environment) { env.Env = "other" },
			"read the log of part migration: log group /ecs/prooflink-other-migrate is missing, which stack FoundationStack-other makes: deploy with `dagger call deploy --env other`"},
		"a pattern that is none": {logs.Query{Part: logs.Migration, Filter: "{ level = error"}, nil,
			`filter "{ level = error": CloudWatch Logs refuses it (Invalid filter pattern): { $.level = "error" } matches a record's key, "connect ETIMEDOUT" with its quotes a text`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bubble(t, all, func(t *testing.T, server *awsfake.Server, _ *logstest.Store) {
				err := logs.Show(t.Context(), server.Config(), load(t, c.change), c.query, &strings.Builder{})
				if diff := cmp.Diff(c.want, fmt.Sprint(err)); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestSinceIsALengthOfTimeOrATime(t *testing.T) {
	for since, first := range map[string]string{
		"": "after 15m", "20m": "after 20m", "2h": "after 2h", "1d": "after 1d", "1999-12-31T22:00:00Z": "after 2h", "2000-01-01T07:00:00+09:00": "after 2h",
	} {
		t.Run(since, func(t *testing.T) {
			bubble(t, all, func(t *testing.T, server *awsfake.Server, store *logstest.Store) {
				for name, ago := range map[string]time.Duration{"15m": 14 * time.Minute, "20m": 19 * time.Minute, "2h": 119 * time.Minute, "1d": 23 * time.Hour} {
					store.Put(migrateGroup, logstest.Line{Stream: "migrate/migrate/" + one, At: time.Now().Add(-ago), Message: "after " + name})
				}
				got, _, _ := strings.Cut(show(t, server, load(t, nil), logs.Query{Part: logs.Migration, Since: since}), "\n")
				if !strings.HasSuffix(got, first) {
					t.Errorf("got %q, want %q first", got, first)
				}
			})
		})
	}
}

func TestFollowingShowsLateAndOutOfOrderLinesOnceAndEndsWithItsContext(t *testing.T) {
	bubble(t, all, func(t *testing.T, server *awsfake.Server, store *logstest.Store) {
		start := time.Now()
		stream := "migrate/migrate/" + one
		line := func(at, readable time.Duration, message string) {
			store.Put(migrateGroup, logstest.Line{Stream: stream, At: start.Add(at), Readable: start.Add(readable), Message: message})
		}
		line(-time.Second, 0, "there already")
		line(30*time.Second, 31*time.Second, "on time")
		line(10*time.Second, 60*time.Second, "late, and older")
		line(90*time.Second, 90*time.Second, "same time")
		line(90*time.Second, 95*time.Second, "same time")
		line(2*time.Hour, 120*time.Second, "from a clock that is fast")
		line(100*time.Second, 140*time.Second, "after that")
		line(30*time.Minute, 30*time.Minute, "after a long silence")
		server.Fail("cloudwatchlogs:FilterLogEvents", 5, awsfake.Error("ThrottlingException", "Rate exceeded"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var out strings.Builder
		if err := logs.Show(ctx, server.Config(), load(t, nil), logs.Query{Part: logs.Migration, Follow: true}, &out); err != nil {
			t.Fatal(err)
		}
		want := []string{"there already", "on time", "late, and older", "same time", "same time", "from a clock that is fast", "after that", "after a long silence"}
		var got []string
		for shown := range strings.Lines(out.String()) {
			got = append(got, strings.TrimSpace(shown)[len("2000-01-01T00:00:01Z  01234567  "):])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if calls := len(server.Calls()); calls > 3600 {
			t.Errorf("%d calls in an hour", calls)
		}
	})
}

func TestFollowingBeginsWithWhereItLooksAndWaits(t *testing.T) {
	bubble(t, all, func(t *testing.T, server *awsfake.Server, store *logstest.Store) {
		start := time.Now()
		store.Put(errorsGroup, logstest.Line{Stream: "fargate-errors.prooflink-app-firelens-" + one, At: start.Add(time.Minute), Readable: start.Add(time.Minute), Message: "at last"})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		var out strings.Builder
		if err := logs.Show(ctx, server.Config(), load(t, nil), logs.Query{Part: logs.Errors, Follow: true}, &out); err != nil {
			t.Fatal(err)
		}
		want := "nothing in /ecs/prooflink-dev-errors from 1999-12-31T23:45:00Z to 2000-01-01T00:00:00Z\n2000-01-01T00:01:00Z  01234567  at last\n"
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestFollowingEndsWhenReadingFailsForGood(t *testing.T) {
	bubble(t, all, func(t *testing.T, server *awsfake.Server, _ *logstest.Store) {
		time.AfterFunc(time.Minute, func() {
			server.Fail("cloudwatchlogs:*", 1, awsfake.Error("ExpiredTokenException", "The security token included in the request is expired"))
		})
		err := logs.Show(t.Context(), server.Config(), load(t, nil), logs.Query{Part: logs.Errors, Follow: true}, &strings.Builder{})
		if err == nil || !strings.Contains(err.Error(), "read log group /ecs/prooflink-dev-errors: ") || !strings.Contains(err.Error(), "is expired") {
			t.Errorf("got %v", err)
		}
	})
}
