package report_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/report"
)

// What AWS, Node and PostgreSQL really say, and what is to be made of it.
func TestCausesAreRecognizedByWhatIsSaid(t *testing.T) {
	stoppedBy := func(reason string) report.Evidence {
		return report.Evidence{Tasks: []report.Task{task("1", "10:00:00", "TaskFailedToStart", reason, report.Container{Name: "prooflink-app"})}}
	}
	saying := func(lines ...string) report.Evidence {
		return report.Evidence{Tasks: []report.Task{task("1", "10:00:00", "EssentialContainerExited", "Essential container in task exited",
			report.Container{Name: "prooflink-app", ExitCode: code(1), Lines: lines})}}
	}
	ended := func(exit int32, reason string) report.Evidence {
		return report.Evidence{Tasks: []report.Task{task("1", "10:00:00", "EssentialContainerExited", "Essential container in task exited",
			report.Container{Name: "prooflink-app", ExitCode: code(exit), Reason: reason})}}
	}
	event := func(text string) report.Evidence {
		return report.Evidence{Events: []report.Event{{At: at("10:00:00"), Source: report.FromECS, Text: text}}}
	}
	stack := func(text string) report.Evidence {
		return report.Evidence{Events: []report.Event{{At: at("10:00:00"), Source: report.FromStack("ComputeStack-dev"), Text: text}}}
	}
	const pull = "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref 111122223333.dkr.ecr.ap-northeast-1.amazonaws.com/prooflink-dev-app@sha256:00: "
	const secret = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: "
	tests := map[string]struct {
		evidence report.Evidence
		problem  string
		cause    string // how the cause begins
		what     string // the first hint
		row      int
	}{
		"a digest that the registry lacks":      {stoppedBy(pull + "111122223333.dkr.ecr.ap-northeast-1.amazonaws.com/prooflink-dev-app@sha256:00: not found"), "", "The image can't be pulled", "The registry does not have that digest", 269},
		"no route to ECR":                       {stoppedBy(pull + `failed to do request: Head "https://x": dial tcp 3.112.0.1:443: i/o timeout`), "", "The image can't be pulled", "No route from the tasks to ECR", 270},
		"a pull that is forbidden":              {stoppedBy(pull + "pulling from host failed with status code [manifests sha256:00]: 403 Forbidden"), "", "The image can't be pulled", "The execution role, the repository's policy", 269},
		"no route to the layers":                {stoppedBy(`CannotPullContainerError: failed to copy: httpReadSeeker: failed open: failed to do request: Get "https://prod-ap-northeast-1-starport-layer-bucket.s3.ap-northeast-1.amazonaws.com/x": dial tcp 52.219.0.1:443: i/o timeout`), "", "The image's layers can't be fetched from S3", "No route to the S3 bucket", 270},
		"an image for another platform":         {stoppedBy("CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/amd64'"), "", "The image is for another platform", "", 269},
		"no log-in to ECR":                      {stoppedBy("ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve ecr registry auth: service call has been retried 3 time(s): RequestError: send request failed caused by: Post https://api.ecr.ap-northeast-1.amazonaws.com/: dial tcp: i/o timeout"), "", "The task can't log in to ECR", "", 270},
		"a secret that isn't there":             {stoppedBy(secret + "ResourceNotFoundException: Secrets Manager can't find the specified secret."), "", "A secret can't be read", "The secret isn't there", 269},
		"a secret without the key":              {stoppedBy(secret + "retrieved secret from Secrets Manager did not contain json key username"), "", "A secret can't be read", "The secret lacks a key", 269},
		"a secret that may not be read":         {stoppedBy(secret + "AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/x is not authorized to perform: secretsmanager:GetSecretValue on resource: y"), "", "A secret can't be read", "The execution role may not read the secret", 269},
		"no route to the secrets":               {stoppedBy(secret + "There is a connection issue between the task and AWS Secrets Manager. Check your task network configuration. RequestCanceled: request context canceled caused by: context deadline exceeded"), "", "A secret can't be read", "No route from the tasks to Secrets Manager", 270},
		"a log group that isn't there":          {stoppedBy("ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist."), "", "The task's log has no place", "", 269},
		"a database that doesn't answer":        {saying(`{"timestamp":"x","level":"error","logSource":"server","message":"DB connect failed","data":{"code":"ETIMEDOUT"}}`), "", "The database can't be reached: prooflink-app says: DB connect failed (ETIMEDOUT)", "The database is stopped, or its security group", 271},
		"a connection that times out":           {saying("Error: connect ETIMEDOUT 10.0.11.20:5432"), "", "The database can't be reached", "", 271},
		"a database that refuses":               {saying("Error: connect ECONNREFUSED 10.0.11.20:5432"), "", "The database refuses connections", "", 271},
		"a wrong password":                      {saying(`error: password authentication failed for user "prooflink"`), "", "The database refuses the log-in", "", 271},
		"a connection without TLS":              {saying(`error: no pg_hba.conf entry for host "10.0.11.9", user "p", database "prooflink_dev", no encryption`), "", "The database refuses the connection", "The connection is not encrypted", 271},
		"a database that isn't there":           {saying(`error: database "prooflink_dev" does not exist`), "", "The database isn't there", "", 271},
		"a database that is stopped":            {report.Evidence{}, "start task: DB instance prooflink-dev-db is stopped", "The database is stopped", "", 271},
		"a health path that isn't there":        {event("(service prooflink-dev-service) (port 3000) is unhealthy in (target-group arn:aws:elasticloadbalancing:x) due to (reason Health checks failed with these codes: [404])."), "", "The load balancer's health check fails: (service prooflink-dev-service) (port 3000) is unhealthy", "Port or health path are wrong", 272},
		"a target that never is healthy":        {stoppedBy("Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:x)"), "", "The load balancer's health check fails", "", 272},
		"a container that never is healthy":     {stoppedBy("Task failed container health checks"), "", "A container's own health check fails", "", 272},
		"no memory left":                        {ended(137, "OutOfMemoryError: Container killed due to memory usage"), "", "Out of memory", "The task needs more memory", 0},
		"no memory left in Node":                {saying("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"), "", "Out of memory", "", 0},
		"a container that was killed":           {ended(137, ""), "", "container prooflink-app exited with code 137", "Killed: out of memory, or it did not stop in time", 0},
		"a module that isn't in the image":      {saying("node:internal/modules/cjs/loader:1228", "Error: Cannot find module '/app/server.js'"), "", "The image lacks a file: prooflink-app says: Error: Cannot find module '/app/server.js'", "", 0},
		"a port that is taken":                  {saying("Error: listen EADDRINUSE: address already in use :::3000"), "", "The port is taken", "", 0},
		"a wrong variable":                      {saying("fatal read environment: DB_POOL_MAX is above 100"), "", "The program refuses its configuration: prooflink-app says: read environment: DB_POOL_MAX is above 100", "", 271},
		"an error that nobody knows":            {saying("starting", "TypeError: x is not a function", "    at main (a.js:1)"), "", "prooflink-app says: TypeError: x is not a function", "The program ended by itself", 0},
		"an end without words":                  {ended(1, ""), "", "container prooflink-app exited with code 1", "The program ended by itself", 0},
		"an end though all was well":            {ended(0, ""), "", "container prooflink-app exited with code 0", "The program ended by itself", 0},
		"no way out":                            {saying("Error: connect ETIMEDOUT 52.95.0.1:443"), "", "An address outside can't be reached", "", 274},
		"no capacity":                           {event("(service prooflink-dev-service) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone."), "", "AWS has no capacity", "", 0},
		"no address in the subnets":             {stoppedBy("Unexpected EC2 error while attempting to Create Network Interface in subnet 'subnet-1': InsufficientFreeAddressesInSubnet"), "", "The subnets have no free address", "", 0},
		"no network interface":                  {stoppedBy("Timeout waiting for network interface provisioning to complete."), "", "The task gets no network interface", "", 0},
		"a role that may not be passed":         {report.Evidence{}, "register task definition prooflink-dev-task: AccessDeniedException: User x is not authorized to perform: iam:PassRole on resource: y", "A role may not be passed on", "", 0},
		"a missing permission":                  {stack("CREATE_FAILED Alb (AWS::ElasticLoadBalancingV2::LoadBalancer): User: x is not authorized to perform: elasticloadbalancing:CreateLoadBalancer"), "", "A permission is missing", "", 0},
		"a role that ECS can't use":             {event("(service prooflink-dev-service) failed to launch a task with (error ECS was unable to assume the role 'x' that was provided for this task.)"), "", "ECS can't use a role of the task", "", 0},
		"a task that was stopped by hand":       {report.Evidence{Tasks: []report.Task{task("1", "10:00:00", "UserInitiated", "Task stopped by user", report.Container{Name: "prooflink-app", ExitCode: code(143)})}}, "", "Somebody stopped the task", "", 0},
		"Spot capacity that was taken back":     {report.Evidence{Tasks: []report.Task{task("1", "10:00:00", "SpotInterruption", "Your Spot Task was interrupted.")}}, "", "AWS took the Spot capacity back", "", 0},
		"credentials that expired":              {event("(service x) has started 1 tasks"), "describe service prooflink-dev-service: ExpiredTokenException: The security token included in the request is expired", "The credentials expired during the run", "", 0},
		"an alarm":                              {event("(service x) (deployment ecs-svc/1) deployment failed: alarm detected."), "deployment x was rolled back", "An alarm ended the deployment", "", 0},
		"another deployment":                    {stoppedBy("Essential container in task exited"), "deployment x was overtaken: prooflink-dev-task:14 took over from ours", "deployment x was overtaken", "Somebody else deploys", 0},
		"the circuit breaker alone":             {event("(service x) (deployment ecs-svc/1) deployment failed: tasks failed to start."), "", "(service x) (deployment ecs-svc/1) deployment failed", "", 0},
		"a stack's own failure":                 {stack("CREATE_FAILED Alb (AWS::ElasticLoadBalancingV2::LoadBalancer): A load balancer with the same name already exists"), "cdk: exit code 1", "CloudFormation ComputeStack-dev: CREATE_FAILED Alb", "A resource of that name is there", 0},
		"nothing but the step's error":          {report.Evidence{}, "take the lock: it is held by alice", "take the lock: it is held by alice", "", 0},
		"what the report itself could not read": {report.Evidence{Events: []report.Event{{At: at("10:00:00"), Source: "this report", Text: "read the events of stack x: AccessDenied"}}}, "the step's error", "the step's error", "", 0},
		"a schema that lacks a table":           {saying(`error: relation "users" does not exist`), "", "The schema is not what the program expects", "", 271},
		"a task that was only one too many":     {stoppedBy("Scaling activity initiated by (deployment ecs-svc/1)"), "the step's error", "the step's error", "", 0},
		"a service's routine":                   {event("(service x) has reached a steady state."), "the step's error", "the step's error", "", 0},
		"a log router that dies":                {report.Evidence{Tasks: []report.Task{task("1", "10:00:00", "EssentialContainerExited", "Essential container in task exited", report.Container{Name: "prooflink-app", ExitCode: code(143)}, report.Container{Name: "log-router", ExitCode: code(1)})}}, "", "The log router does not work: container log-router exited with code 1", "", 273},
		"a log router that is never healthy":    {report.Evidence{Tasks: []report.Task{task("1", "10:00:00", "TaskFailedToStart", "Task failed container health checks", report.Container{Name: "prooflink-app"}, report.Container{Name: "log-router", Health: "UNHEALTHY"})}}, "", "The log router does not work: container log-router is UNHEALTHY", "", 273},
		"an application that ends before it":    {report.Evidence{Tasks: []report.Task{task("1", "10:00:00", "EssentialContainerExited", "Essential container in task exited", report.Container{Name: "log-router", ExitCode: code(137), Lines: []string{"[2026/11/22 10:00:31] [error] [output:s3] could not send"}}, report.Container{Name: "prooflink-app", ExitCode: code(1)})}}, "", "container prooflink-app exited with code 1", "", 0},
		"outputs that the router can't reach":   {report.Evidence{Tasks: []report.Task{task("1", "10:00:00", "", "", report.Container{Name: "log-router", ExitCode: code(1), Lines: []string{"[2026/11/22 10:00:31] [error] [output:cloudwatch_logs:cloudwatch_logs.1] AccessDeniedException"}})}}, "", "The log router does not work", "", 273},
		"a migration's own words, not the end":  {saying("error apply 0004_x.sql: line 3: syntax error", "info exit 1"), "cdk: circuit breaker", "A migration failed", "", 0},
	}
	n := dev(t).Names()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cause, hints := report.Explain(test.evidence, test.problem, n)
			if !strings.HasPrefix(cause, test.cause) {
				t.Errorf("cause %q, want it to begin with %q", cause, test.cause)
			}
			if test.what == "" && test.row == 0 {
				return
			}
			if len(hints) == 0 || !strings.HasPrefix(hints[0].What, test.what) || hints[0].Row != test.row {
				t.Errorf("hints %+v, want %q of row %d", hints, test.what, test.row)
			}
		})
	}
}

// Of two causes of one sort the earlier one is the first, whatever the order in
// which they were seen.
func TestTheEarlierOfTwoCausesIsTheFirst(t *testing.T) {
	late := task("2", "10:02:00", "EssentialContainerExited", "", report.Container{Name: "prooflink-app", ExitCode: code(1), Lines: []string{"Error: listen EADDRINUSE: :::3000"}})
	early := task("1", "10:01:00", "EssentialContainerExited", "", report.Container{Name: "prooflink-app", ExitCode: code(1), Lines: []string{"Error: Cannot find module 'x'"}})
	cause, hints := report.Explain(report.Evidence{Tasks: []report.Task{late, early}}, "", dev(t).Names())
	if !strings.HasPrefix(cause, "The image lacks a file") {
		t.Errorf("cause %q", cause)
	}
	if len(hints) != 2 {
		t.Errorf("%d hints, want both", len(hints))
	}
}

func TestHintsHaveThisEnvironmentsNames(t *testing.T) {
	evidence := report.Evidence{Tasks: []report.Task{task("1", "10:00:00", "", "", report.Container{Name: "a", ExitCode: code(1), Lines: []string{"connect ETIMEDOUT 10.0.0.1:5432"}})}}
	_, hints := report.Explain(evidence, "", dev(t).Names())
	if len(hints) == 0 || !strings.Contains(hints[0].Fix, "prooflink-dev-rds-sg lets 5432 in from prooflink-dev-ecs-sg") || strings.ContainsAny(hints[0].Fix, "{}") {
		t.Fatalf("%+v", hints)
	}
	if diff := cmp.Diff([]string{"dagger call verify --env dev --start-db", "dagger call verify --env dev"}, hints[0].Next); diff != "" {
		t.Error(diff)
	}
}
