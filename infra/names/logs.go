package names

// AppLogGroup belongs to the application's container where it uses awslogs.
func (n Names) AppLogGroup() string { return n.ecsLogs("app") }

// ServerLogGroup is where the application itself sends its server log.
func (n Names) ServerLogGroup() string { return n.ecsLogs("app-server") }

// ClientLogGroup is where the application sends the browsers' log.
func (n Names) ClientLogGroup() string { return n.ecsLogs("app-client") }

// ErrorsLogGroup is where Fluent Bit sends records of level error and above.
func (n Names) ErrorsLogGroup() string {
	if n.Literal {
		return "/ecs/backend/errors" // 000_e03a210ce428a44a.txt L712
	}
	return n.ecsLogs("errors")
}

// RouterLogGroup has the log router's own log.
func (n Names) RouterLogGroup() string { return n.ecsLogs("firelens") }

// MigrateLogGroup has the log of the migrations.
func (n Names) MigrateLogGroup() string { return n.ecsLogs("migrate") }

// BatchLogGroup has the log of the batch jobs.
func (n Names) BatchLogGroup() string { return "/aws/batch/" + n.Prefix() }

// FlowLogGroup has the VPC's flow logs.
func (n Names) FlowLogGroup() string {
	if n.Literal {
		return "/aws/vpc/flowlogs" // 000_e03a210ce428a44a.txt L714
	}
	return "/aws/vpc/flowlogs/" + n.Env
}

// WorkflowLogGroup has the log of the sample workflow; the prefix lets Step
// Functions write to it without a growing resource policy.
func (n Names) WorkflowLogGroup() string { return "/aws/vendedlogs/states/" + n.with("imports") }

// ecsLogs is a log group of the ECS tasks.
func (n Names) ecsLogs(part string) string { return "/ecs/" + n.with(part) }

// Stream prefixes of the awslogs driver.
const (
	// RouterStreamPrefix begins the log router's streams.
	RouterStreamPrefix = "firelens"
	// MigrateStreamPrefix begins the migration's streams:
	// "migrate/<container>/<task id>".
	MigrateStreamPrefix = "migrate"
	// UserImportStreamPrefix begins the user import's streams.
	UserImportStreamPrefix = "user-import"
	// TestCaseImportStreamPrefix begins the test-case import's streams.
	TestCaseImportStreamPrefix = "test-case-import"
	// AppStreamPrefix begins the application's streams with the awslogs driver.
	AppStreamPrefix = "ecs"
)
