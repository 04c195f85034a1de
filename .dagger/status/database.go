package status

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the schedule's time zone, whatever this runs on has

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"github.com/prooflink/prooflink/infra/config"
)

// Database is the RDS instance or the Aurora cluster.
type Database struct {
	// ID is its identifier.
	ID string `json:"id"`
	// State is RDS's, e.g. "available"; empty where the database is missing.
	State string `json:"state"`
	// Scheduled says that it is stopped because its schedule has it stopped now.
	Scheduled bool `json:"scheduled"`
	// Starts is when the schedule starts it, where it is stopped by that.
	Starts time.Time `json:"starts,omitzero"`
}

// database reads the database's state.
func (r *reader) database(ctx context.Context) error {
	database := Database{ID: r.names.Database()}
	read := instanceState
	if r.env.DB.Engine == config.EngineAurora {
		read = clusterState
	}
	state, err := read(ctx, rds.NewFromConfig(r.access), database.ID)
	if err != nil && !strings.Contains(code(err), "NotFound") {
		return fmt.Errorf("describe database %s: %w", database.ID, err)
	}
	database.State = state
	if state == stoppedState {
		database.Scheduled, database.Starts = scheduled(r.env.DB.Schedule, r.status.At)
	}
	r.status.Database = &database
	return nil
}

// stoppedState is RDS's word for a database that is stopped.
const stoppedState = "stopped"

// instanceState is an RDS instance's.
func instanceState(ctx context.Context, api *rds.Client, id string) (string, error) {
	out, err := api.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &id})
	if err != nil || len(out.DBInstances) == 0 {
		return "", err
	}
	return aws.ToString(out.DBInstances[0].DBInstanceStatus), nil
}

// clusterState is an Aurora cluster's.
func clusterState(ctx context.Context, api *rds.Client, id string) (string, error) {
	out, err := api.DescribeDBClusters(ctx, &rds.DescribeDBClustersInput{DBClusterIdentifier: &id})
	if err != nil || len(out.DBClusters) == 0 {
		return "", err
	}
	return aws.ToString(out.DBClusters[0].Status), nil
}

// week has cron's days in the order of time.Weekday.
var week = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}

// runs says on which days of the week a schedule acts, e.g. "MON-FRI" or
// "SAT,SUN".
func runs(days string, day time.Weekday) bool {
	for part := range strings.SplitSeq(days, ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		if slices.Index(week, from) <= int(day) && int(day) <= slices.Index(week, to) {
			return true
		}
	}
	return false
}

// scheduled says whether the schedule has the database stopped at a time, which
// is so when the last thing it did was to stop it, and when it starts it.
func scheduled(schedule config.Schedule, now time.Time) (stopped bool, starts time.Time) {
	zone, err := time.LoadLocation(schedule.Timezone)
	if !schedule.Enabled || err != nil {
		return false, time.Time{}
	}
	local := now.In(zone)
	const days = 8 // a week and a day: each weekday occurs on both sides
	for day := -days; day <= days; day++ {
		date := local.AddDate(0, 0, day)
		if !runs(schedule.Days, date.Weekday()) {
			continue
		}
		stop, start := on(date, schedule.Stop), on(date, schedule.Start)
		for _, moment := range inOrder(stop, start) {
			if !moment.After(now) {
				stopped = moment.Equal(stop)
			}
		}
		if start.After(now) && starts.IsZero() {
			starts = start
		}
	}
	if !stopped {
		return false, time.Time{}
	}
	return true, starts
}

// on is a time of day, e.g. "22:00", on a date.
func on(date time.Time, clock string) time.Time {
	at, _ := time.Parse("15:04", clock) // the configuration has checked it
	return time.Date(date.Year(), date.Month(), date.Day(), at.Hour(), at.Minute(), 0, 0, date.Location())
}

// inOrder are two times, the earlier first.
func inOrder(a, b time.Time) []time.Time {
	if b.Before(a) {
		return []time.Time{b, a}
	}
	return []time.Time{a, b}
}
