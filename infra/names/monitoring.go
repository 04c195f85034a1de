package names

// CriticalTopic tells what needs somebody now (000_e03a210ce428a44a.txt L785).
func (n Names) CriticalTopic() string { return n.topic("critical-alerts") }

// WarningTopic tells what needs somebody soon.
func (n Names) WarningTopic() string { return n.topic("warning-alerts") }

// topic is a topic's name, which 000_e03a210ce428a44a.txt gives without the project.
func (n Names) topic(part string) string {
	if n.Literal {
		return part
	}
	return n.with(part)
}

// TopicKey is the alias of the key that encrypts the topics.
func (n Names) TopicKey() string { return "alias/" + n.with("topics") }

// DatabaseKey is the alias of the database's own key.
func (n Names) DatabaseKey() string { return "alias/" + n.with("database") }

// Dashboard is the dashboard; its name is the account's, not the region's.
func (n Names) Dashboard() string {
	if n.Literal {
		return "ApplicationDashboard"
	}
	return "ApplicationDashboard-" + n.Env
}

// Alarm is an alarm's name: Alarm("ecs-cpu-high") is
// "prooflink-dev-ecs-cpu-high" (004_9a2c9db51dc67ef8.txt L1084).
func (n Names) Alarm(part string) string { return n.shared(part) }

// EventRule is the name of a rule that reports an event: EventRule("task-failed").
func (n Names) EventRule(part string) string { return n.with(part) }

// ErrorNamespace has the metric that counts error records. Metrics have no
// environment of their own, so their namespace has it.
func (n Names) ErrorNamespace() string {
	const namespace = "App/Errors" // 000_e03a210ce428a44a.txt L765
	if n.Literal {
		return namespace
	}
	return namespace + "/" + n.Prefix()
}

// Query is a saved query's name in Logs Insights; slashes are its folders.
func (n Names) Query(part string) string { return n.Prefix() + "/" + part }

// SlackFunction sends what a topic tells to Slack.
func (n Names) SlackFunction() string { return n.with("slack") }

// SlackLogGroup has that function's log.
func (n Names) SlackLogGroup() string { return "/aws/lambda/" + n.SlackFunction() }

// SlackRole is what that function may do.
func (n Names) SlackRole() string { return n.with("slack-role") }

// Trail is CloudTrail's trail.
func (n Names) Trail() string { return n.with("trail") }

// QueryDatabase is the log archive's database in Glue, whose names have no hyphens.
func (n Names) QueryDatabase() string { return n.Project + "_" + n.Env + "_logs" }

// Workgroup is Athena's workgroup.
func (n Names) Workgroup() string { return n.with("logs") }

// StateMachine is the sample workflow.
func (n Names) StateMachine() string { return n.with("imports") }

// StateMachineRole is what the workflow may do.
func (n Names) StateMachineRole() string { return n.with("imports-role") }

// StartRole is what starts the workflow.
func (n Names) StartRole() string { return n.with("imports-start-role") }

// Frontend is Amplify's app.
func (n Names) Frontend() string { return n.with("frontend") }

// FrontendRole is what Amplify builds with.
func (n Names) FrontendRole() string { return n.with("frontend-role") }

// JobTag is the tag that a submitted job carries, with the environment as its
// value: it is by the tag that a role may end one job and not another.
const JobTag = "prooflink:environment"

// GitHubTokenSecret has the token with which Amplify reads the repository. It is
// made by hand: the token is a person's.
func (n Names) GitHubTokenSecret() string { return n.secret("github-token") }

// FrontendPasswordSecret has the password before the front end.
func (n Names) FrontendPasswordSecret() string { return n.secret("frontend-password") }
