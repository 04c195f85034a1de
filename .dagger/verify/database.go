package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/smithy-go"

	"github.com/prooflink/prooflink/.dagger/pause"
	"github.com/prooflink/prooflink/infra/config"
)

// States of a database (Amazon RDS User Guide, "Viewing Amazon RDS DB instance
// status"; Aurora's clusters have the same names).
var (
	// ready are those in which it serves and can be modified.
	ready = []string{"available", "backing-up", "storage-optimization"}
	// passing are those that it leaves by itself.
	passing = []string{"starting", "modifying", "rebooting", "upgrading", "maintenance", "resetting-master-credentials", "renaming",
		"configuring-enhanced-monitoring", "configuring-iam-database-auth", "configuring-log-exports", "converting-to-vpc",
		"storage-config-upgrade", "creating", "update-iam-db-auth", "failing-over", "promoting"}
)

const (
	stopped  = "stopped"
	stopping = "stopping"
)

// NoDatabase says that there is none.
type NoDatabase struct{ name string }

func (e *NoDatabase) Error() string { return "there is no database " + e.name }

// Serves says whether a database in this state answers.
func Serves(status string) bool { return slices.Contains(ready, status) }

// DatabaseStatus asks for the state of the environment's instance or cluster, e.g.
// "stopped". Where there is none the error is a NoDatabase.
func DatabaseStatus(ctx context.Context, access aws.Config, environment config.Environment) (string, error) {
	client, name := rds.NewFromConfig(access), environment.Names().Database()
	if environment.DB.Engine == config.EngineAurora {
		out, err := client.DescribeDBClusters(ctx, &rds.DescribeDBClustersInput{DBClusterIdentifier: &name})
		if err != nil || len(out.DBClusters) == 0 {
			return "", described(err, name)
		}
		return aws.ToString(out.DBClusters[0].Status), nil
	}
	out, err := client.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &name})
	if err != nil || len(out.DBInstances) == 0 {
		return "", described(err, name)
	}
	return aws.ToString(out.DBInstances[0].DBInstanceStatus), nil
}

// described is the error of an answer without a database.
func described(err error, name string) error {
	if err == nil || Absent(err) {
		return &NoDatabase{name}
	}
	return fmt.Errorf("describe database %s: %w", name, err)
}

// database looks whether the database can be used and modified.
func database(ctx context.Context, l *look) (Findings, error) {
	name := l.names.Database()
	status, err := DatabaseStatus(ctx, l.access, l.environment)
	var none *NoDatabase
	switch {
	case errors.As(err, &none):
		return Findings{{Severity: Blocker, What: "the database is gone", Where: name, Why: "its stack has it still",
			Fix: "restore a snapshot under this name: aws rds describe-db-snapshots --db-instance-identifier " + name}}, nil
	case err != nil:
		return nil, err
	case slices.Contains(ready, status):
		return Findings{{Severity: OK, What: "the database is " + status, Where: name}}, nil
	case status == stopped || status == stopping:
		return Findings{{Severity: Warning, What: "the database is " + status, Where: name,
			Why: WhyStopped(l.environment) + "; neither migrations nor CloudFormation can do anything with it, so deploy starts it first",
			Fix: l.command("verify") + " --start-db"}}, nil
	case slices.Contains(passing, status):
		return Findings{{Severity: Warning, What: "the database is " + status, Where: name, Why: "it can't be modified until it is available; deploy waits for it"}}, nil
	}
	return Findings{{Severity: Blocker, What: "the database is " + status, Where: name, Why: "it doesn't get out of this state by itself",
		Fix: "see what AWS says of it: aws rds describe-events --duration 1440 --source-identifier " + name}}, nil
}

// WhyStopped says who stops a database: its schedule, or somebody.
func WhyStopped(environment config.Environment) string {
	schedule := environment.DB.Schedule
	if !schedule.Enabled {
		return "somebody stopped it, and AWS starts it after seven days"
	}
	return fmt.Sprintf("its schedule stops it at %s and starts it at %s (%s, %s)", schedule.Stop, schedule.Start, schedule.Days, schedule.Timezone)
}

const (
	// startPoll is how often a database that starts is looked at.
	startPoll = 10 * time.Second
	// startLimit is how long it may take.
	startLimit = 15 * time.Minute
)

// StartDatabase starts the environment's database where it is stopped, and waits
// until it is available, 15 minutes at most. It says each state once. Where there
// is no database yet it does nothing.
func StartDatabase(ctx context.Context, access aws.Config, environment config.Environment, say io.Writer) error {
	name := environment.Names().Database()
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("it is not available after %s; see what AWS says of it: aws rds describe-events --source-identifier %s", startLimit, name))
	defer cancel()
	last := ""
	for {
		status, err := DatabaseStatus(ctx, access, environment)
		var none *NoDatabase
		if errors.As(err, &none) {
			return nil
		}
		if err != nil {
			return waited(ctx, name, err)
		}
		if status != last && (last != "" || !slices.Contains(ready, status)) {
			fmt.Fprintf(say, "database %s: %s\n", name, status)
		}
		last = status
		done, err := advance(ctx, access, environment, status)
		if done || err != nil {
			return err
		}
		if err := pause.For(ctx, startPoll); err != nil {
			return waited(ctx, name, err)
		}
	}
}

// waited says why the waiting ended.
func waited(ctx context.Context, name string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("wait for database %s: %w", name, cause)
	}
	return err
}

// advance does what a state asks for; done is true where there is nothing left
// to do or to wait for.
func advance(ctx context.Context, access aws.Config, environment config.Environment, status string) (done bool, err error) {
	name := environment.Names().Database()
	switch {
	case slices.Contains(ready, status):
		return true, nil
	case status == stopped:
		return false, start(ctx, access, environment)
	case status == stopping || slices.Contains(passing, status):
		return false, nil
	}
	return true, fmt.Errorf("database %s is %s, which it doesn't leave by itself: aws rds describe-events --duration 1440 --source-identifier %s", name, status, name)
}

// start starts it.
func start(ctx context.Context, access aws.Config, environment config.Environment) (err error) {
	client, name := rds.NewFromConfig(access), environment.Names().Database()
	if environment.DB.Engine == config.EngineAurora {
		_, err = client.StartDBCluster(ctx, &rds.StartDBClusterInput{DBClusterIdentifier: &name})
	} else {
		_, err = client.StartDBInstance(ctx, &rds.StartDBInstanceInput{DBInstanceIdentifier: &name})
	}
	if err != nil && !isUnderWay(err) {
		return fmt.Errorf("start database %s: %w", name, err)
	}
	return nil
}

// isUnderWay says whether the database is no longer stopped: somebody else has
// started it.
func isUnderWay(err error) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && slices.Contains([]string{"InvalidDBInstanceState", "InvalidDBClusterStateFault"}, answer.ErrorCode())
}
