package verify_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/verify"
	"github.com/prooflink/prooflink/infra/config"
)

// serveStart makes the database startable: it takes its time in each state.
func (w *world) serveStart(minutes time.Duration) {
	begin := func() error {
		if w.status() != "stopped" {
			return awsfake.Error("InvalidDBInstanceState", "the database is not stopped")
		}
		w.database = "starting"
		w.after(minutes*time.Minute, "configuring-enhanced-monitoring")
		w.after((minutes+1)*time.Minute, "available")
		return nil
	}
	awsfake.On(w.Server, "rds", func(*rds.StartDBInstanceInput) (*rds.StartDBInstanceOutput, error) {
		return &rds.StartDBInstanceOutput{DBInstance: &rdstypes.DBInstance{}}, begin()
	})
	awsfake.On(w.Server, "rds", func(*rds.StartDBClusterInput) (*rds.StartDBClusterOutput, error) {
		return &rds.StartDBClusterOutput{DBCluster: &rdstypes.DBCluster{}}, begin()
	})
}

// starts counts the calls that start it.
func (w *world) starts() (n int) {
	for _, call := range w.Calls() {
		if strings.HasPrefix(call.Operation, "StartDB") && call.Error == "" {
			n++
		}
	}
	return n
}

func TestTheDatabaseIsStartedAndWaitedFor(t *testing.T) {
	for _, engine := range []string{config.EngineRDS, config.EngineAurora} {
		t.Run(engine, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.database, w.environment.DB.Engine = "stopping", engine
				w.serveStart(5)
				w.after(2*time.Minute, "stopped")
				var said strings.Builder
				started := time.Now()
				if err := verify.StartDatabase(t.Context(), w.Config(), w.environment, &said); err != nil {
					t.Fatal(err)
				}
				const want = "database prooflink-prod-db: stopping\ndatabase prooflink-prod-db: stopped\ndatabase prooflink-prod-db: starting\n" +
					"database prooflink-prod-db: configuring-enhanced-monitoring\ndatabase prooflink-prod-db: available\n"
				if diff := cmp.Diff(want, said.String()); diff != "" || w.starts() != 1 {
					t.Errorf("%d starts\n%s", w.starts(), diff)
				}
				took := time.Since(started)
				if took > 9*time.Minute || float64(len(w.Calls())) > took.Seconds() {
					t.Errorf("took %s and %d calls", took, len(w.Calls()))
				}
			})
		})
	}
}

func TestADatabaseThatIsThereIsLeftAlone(t *testing.T) {
	for _, status := range []string{"available", "backing-up", ""} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.database = status
			var said strings.Builder
			if err := verify.StartDatabase(t.Context(), w.Config(), w.environment, &said); err != nil || said.Len() > 0 || w.starts() > 0 {
				t.Errorf("%q: %v, said %q, %d starts", status, err, said.String(), w.starts())
			}
		})
	}
}

func TestAnotherRunsStartIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.database = "stopped"
		w.serveStart(1)
		w.Fail("rds:StartDBInstance", 1, awsfake.Error("InvalidDBInstanceState", "the database is not stopped"))
		if err := verify.StartDatabase(t.Context(), w.Config(), w.environment, &strings.Builder{}); err != nil {
			t.Error(err)
		}
	})
}

func TestWaitingForTheDatabaseEnds(t *testing.T) {
	tests := map[string]struct {
		do   func(*world, context.CancelFunc)
		want string
	}{
		"after a quarter of an hour": {func(w *world, _ context.CancelFunc) { w.database = "stopped"; w.serveStart(60) },
			"wait for database prooflink-prod-db: it is not available after 15m0s; see what AWS says of it: aws rds describe-events --source-identifier prooflink-prod-db"},
		"with a state that it doesn't leave": {func(w *world, _ context.CancelFunc) { w.database = "inaccessible-encryption-credentials" },
			"database prooflink-prod-db is inaccessible-encryption-credentials, which it doesn't leave by itself"},
		"with the caller": {func(w *world, cancel context.CancelFunc) {
			w.database = "starting"
			time.AfterFunc(time.Minute, cancel)
		},
			"wait for database prooflink-prod-db: context canceled"},
		"without the permission": {func(w *world, _ context.CancelFunc) {
			w.database = "stopped"
			w.serveStart(1)
			w.Fail("rds:StartDBInstance", 1, awsfake.Error("AccessDenied", "User is not authorized to perform: rds:StartDBInstance"))
		}, "start database prooflink-prod-db: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				test.do(w, cancel)
				err := verify.StartDatabase(ctx, w.Config(), w.environment, &strings.Builder{})
				if err == nil || !strings.HasPrefix(err.Error(), test.want) {
					t.Errorf("err = %v\nwant %s", err, test.want)
				}
			})
		})
	}
}
