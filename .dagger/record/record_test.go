package record_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/lock/ssmfake"
	"github.com/prooflink/prooflink/.dagger/record"
	"github.com/prooflink/prooflink/infra/names"
)

var dev = names.New("prooflink", "dev")

const parameter = "/prooflink/dev/deploy/record"

// account is one whose parameters a test sees.
func account() (*awsfake.Server, *ssmfake.Store) {
	server, store := awsfake.New(), ssmfake.New()
	store.Serve(server, 0)
	return server, store
}

// deployed is the record of the n-th deploy, with images of its own.
func deployed(n int) record.Record {
	return record.Record{
		Kind: record.Deploy,
		Images: map[string]string{
			"app": "sha256:" + digits("a", n), "batch": "sha256:" + digits("b", n), "fluent-bit": "sha256:" + digits("f", 0),
		},
		Tags:           map[string]string{"app": digits("1", n)[:16]},
		Commit:         digits("c", n)[:40],
		Who:            "mika",
		Run:            fmt.Sprintf("https://github.com/prooflink/prooflink/actions/runs/%d", n),
		At:             time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Hour),
		TaskDefinition: fmt.Sprintf("arn:aws:ecs:ap-northeast-1:123456789012:task-definition/prooflink-dev-task:%d", 40+n),
		JobDefinitions: []string{"arn:aws:batch:ap-northeast-1:123456789012:job-definition/prooflink-dev-user-import:" + fmt.Sprint(n)},
		Migrated:       "sha256:" + digits("b", n),
	}
}

// digits are 64 hexadecimal digits that tell n from others at their beginning.
func digits(kind string, n int) string {
	return fmt.Sprintf("%s%02d%s", kind, n, strings.Repeat("0", 61))
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := account()
		if last, there, err := record.Last(t.Context(), server.Config(), dev); there || err != nil {
			t.Errorf("before anything was deployed: %+v, %v, %v", last, there, err)
		}
		if history, err := record.History(t.Context(), server.Config(), dev); len(history) > 0 || err != nil {
			t.Errorf("before anything was deployed: %v, %v", history, err)
		}
		strange := deployed(2)
		strange.Who = `{{ssm:x}} {{{ "mika" <証跡>`
		for n, written := range []record.Record{deployed(1), strange, deployed(3)} {
			version, err := record.Write(t.Context(), server.Config(), dev, written)
			if err != nil || version != int64(n+1) {
				t.Fatalf("version %d, %v", version, err)
			}
			last, there, err := record.Last(t.Context(), server.Config(), dev)
			if err != nil || !there {
				t.Fatal(there, err)
			}
			if diff := cmp.Diff(written, last); diff != "" {
				t.Error(diff)
			}
		}
		history, err := record.History(t.Context(), server.Config(), dev)
		if err != nil {
			t.Fatal(err)
		}
		want := []record.Entry{{Version: 3, Record: deployed(3)}, {Version: 2, Record: strange}, {Version: 1, Record: deployed(1)}}
		if diff := cmp.Diff(want, history); diff != "" {
			t.Error(diff)
		}
		if nonsense := server.Nonsense(); len(nonsense) > 0 {
			t.Error(nonsense)
		}
	})
}

func TestWhenNothingIsWritten(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*record.Record)
		writes bool
	}{
		"the same again":          {func(*record.Record) {}, false},
		"at another time":         {func(r *record.Record) { r.At = r.At.Add(time.Hour) }, false},
		"by somebody else":        {func(r *record.Record) { r.Who = "ken" }, false},
		"in another run":          {func(r *record.Record) { r.Run = "" }, false},
		"with another image":      {func(r *record.Record) { r.Images["batch"] = r.Images["app"] }, true},
		"with another tag":        {func(r *record.Record) { r.Tags["app"] = "other" }, true},
		"of another commit":       {func(r *record.Record) { r.Commit = "" }, true},
		"of another kind":         {func(r *record.Record) { r.Kind = record.Release }, true},
		"with another definition": {func(r *record.Record) { r.TaskDefinition += "1" }, true},
		"with another job's":      {func(r *record.Record) { r.JobDefinitions = nil }, true},
		"after a migration":       {func(r *record.Record) { r.Migrated = r.Images["app"] }, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, store := account()
				if _, err := record.Write(t.Context(), server.Config(), dev, deployed(1)); err != nil {
					t.Fatal(err)
				}
				next, want := deployed(1), int64(1)
				test.change(&next)
				if test.writes {
					want = 2
				}
				version, err := record.Write(t.Context(), server.Config(), dev, next)
				if err != nil || version != want || len(store.Versions(parameter)) != int(want) {
					t.Errorf("version %d of %d, %v", version, len(store.Versions(parameter)), err)
				}
			})
		})
	}
}

func TestTheOrderOfJobsIsNoDifference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := account()
		one, other := deployed(1), deployed(1)
		one.JobDefinitions, other.JobDefinitions = []string{"a", "b"}, []string{"b", "a"}
		for _, r := range []record.Record{one, other} {
			if version, err := record.Write(t.Context(), server.Config(), dev, r); err != nil || version != 1 {
				t.Errorf("version %d, %v", version, err)
			}
		}
	})
}

func TestTheHistoryOfManyDeploys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := account()
		for n := range 130 {
			if _, err := record.Write(t.Context(), server.Config(), dev, deployed(n)); err != nil {
				t.Fatal(err)
			}
		}
		history, err := record.History(t.Context(), server.Config(), dev)
		if err != nil {
			t.Fatal(err)
		}
		if len(history) != 100 || history[0].Version != 130 || history[99].Version != 31 {
			t.Errorf("%d versions, from %d", len(history), history[0].Version)
		}
	})
}

func TestAVersionThatIsNoRecord(t *testing.T) {
	const garbage, other = "garbage", `{"held":true}`
	record1 := func(t *testing.T, server *awsfake.Server, n int) {
		if _, err := record.Write(t.Context(), server.Config(), dev, deployed(n)); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("the last", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			for _, value := range []string{garbage, other} {
				server, store := account()
				record1(t, server, 1)
				store.Write(parameter, value)
				_, there, err := record.Last(t.Context(), server.Config(), dev)
				_, errHistory := record.History(t.Context(), server.Config(), dev)
				for _, err := range []error{err, errHistory} {
					var unreadable *record.Unreadable
					if !errors.As(err, &unreadable) || !strings.Contains(err.Error(), "version 2 of the parameter "+parameter) {
						t.Errorf("%v", err)
					}
				}
				if there {
					t.Error("something is there")
				}
				record1(t, server, 1)
				if _, there, err := record.Last(t.Context(), server.Config(), dev); !there || err != nil {
					t.Errorf("after the next deploy: %v", err)
				}
			}
		})
	})
	t.Run("an older one", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			server, store := account()
			record1(t, server, 1)
			store.Write(parameter, garbage)
			store.Write(parameter, other)
			record1(t, server, 2)
			record1(t, server, 3)
			history, err := record.History(t.Context(), server.Config(), dev)
			want := []record.Entry{
				{Version: 5, Record: deployed(3)},
				{Version: 4, Record: deployed(2), Note: "version 3 can't be read, version 2 can't be read"},
				{Version: 1, Record: deployed(1)},
			}
			if diff := cmp.Diff(want, history); diff != "" || err != nil {
				t.Error(diff, err)
			}
		})
	})
}

func TestARecordThatIsTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, store := account()
		long := deployed(1)
		long.JobDefinitions = strings.Fields(strings.Repeat(long.JobDefinitions[0]+" ", 60))
		_, err := record.Write(t.Context(), server.Config(), dev, long)
		if err == nil || !strings.Contains(err.Error(), "an SSM parameter holds 4096") || len(store.Versions(parameter)) > 0 {
			t.Errorf("%v", err)
		}
	})
}

func TestErrorsOfSSMSayWhatWasDone(t *testing.T) {
	denied := awsfake.Error("AccessDeniedException", "no")
	for name, test := range map[string]struct {
		operation string
		call      func(*testing.T, *awsfake.Server) error
		want      string
	}{
		"last": {"ssm:GetParameter", func(t *testing.T, s *awsfake.Server) error {
			_, _, err := record.Last(t.Context(), s.Config(), dev)
			return err
		}, "read what is deployed in dev: "},
		"history": {"ssm:GetParameterHistory", func(t *testing.T, s *awsfake.Server) error {
			_, err := record.History(t.Context(), s.Config(), dev)
			return err
		}, "read the history of what was deployed in dev: "},
		"write": {"ssm:PutParameter", func(t *testing.T, s *awsfake.Server) error {
			_, err := record.Write(t.Context(), s.Config(), dev, deployed(1))
			return err
		}, "record what is deployed in dev: "},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, _ := account()
				server.Fail(test.operation, 1, denied)
				if err := test.call(t, server); !strings.HasPrefix(fmt.Sprint(err), test.want) || !strings.Contains(err.Error(), "AccessDenied") {
					t.Errorf("%v", err)
				}
			})
		})
	}
}
