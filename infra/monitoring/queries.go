package monitoring

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
)

// query is saved in Logs Insights.
type query struct {
	// name is without project and environment.
	name string
	// group has the records.
	group string
	// lines are the commands.
	lines []string
}

// queries are those of 004_9a2c9db51dc67ef8.txt Step 15-2. After stats only what
// it makes is left to sort by, so what it makes has a name; and a rate is
// errors of all records, not a number of errors.
func (w watch) queries() []query {
	server, client := w.recordGroups()
	return []query{
		{"server-errors", server, []string{
			`fields @timestamp, message, data`,
			`filter logSource = "server" and level = "error"`,
			`sort @timestamp desc`,
			`limit 100`,
		}},
		{"client-errors-by-screen", client, []string{
			`filter logSource = "client" and level = "error"`,
			`stats count(*) as cnt by screenName`,
			`sort cnt desc`,
		}},
		{"client-logs-of-user", client, []string{
			`fields @timestamp, screenName, message, url`,
			`filter logSource = "client" and userId = 123`,
			`sort @timestamp desc`,
			`limit 50`,
		}},
		{"api-error-rate", server, []string{
			`filter logSource = "server"`,
			`fields strcontains(level, "error") as failed`,
			`stats sum(failed) as errorCount, count(*) as total, 100 * errorCount / total as errorRate by bin(5m) as t`,
			`sort t desc`,
		}},
		{"client-log-volume", client, []string{
			`filter logSource = "client"`,
			`stats count(*) as logCount by bin(1h) as t`,
			`sort t desc`,
		}},
	}
}

// recordGroups are where the server's and the browsers' records are: in groups
// of their own where the application sends them there itself, else in the
// container's, or what the log router lets through to its group of errors.
func (w watch) recordGroups() (server, client string) {
	switch {
	case w.Env.Logging.DirectToCloudWatch:
		return w.names.ServerLogGroup(), w.names.ClientLogGroup()
	case w.Env.Logging.Driver == config.DriverAWSLogs:
		return w.names.AppLogGroup(), w.names.AppLogGroup()
	}
	return w.names.ErrorsLogGroup(), w.names.ErrorsLogGroup()
}

// newQueries saves the queries.
func newQueries(scope constructs.Construct, w watch) {
	for _, q := range w.queries() {
		awslogs.NewCfnQueryDefinition(scope, jsii.String(logicalID(q.name)+"Query"), &awslogs.CfnQueryDefinitionProps{
			Name:          jsii.String(w.names.Query(q.name)),
			QueryString:   jsii.String(strings.Join(q.lines, "\n| ")),
			LogGroupNames: &[]any{q.group},
		})
	}
}
