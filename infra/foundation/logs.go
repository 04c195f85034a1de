package foundation

import (
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/part"
)

// newLogGroups makes every log group that a task writes to. None of the
// writers may make its own: the awslogs driver, Fluent Bit and the application
// all stop or lose records where the group is missing.
func newLogGroups(scope constructs.Construct, env config.Environment) {
	n, r := env.Names(), env.Logging.Retention
	groups := []struct {
		id, name string
		days     int
	}{
		{"AppLogs", n.AppLogGroup(), r.App},
		{"ServerLogs", n.ServerLogGroup(), r.Server},
		{"ClientLogs", n.ClientLogGroup(), r.Client},
		{"ErrorsLogs", n.ErrorsLogGroup(), r.Errors},
		{"RouterLogs", n.RouterLogGroup(), r.App},
		{"MigrateLogs", n.MigrateLogGroup(), r.App},
		{"BatchLogs", n.BatchLogGroup(), r.Batch},
	}
	for _, group := range groups {
		part.LogGroup(scope, env, group.id, group.name, group.days)
	}
}
