package report

import (
	"regexp"
	"strings"

	"github.com/prooflink/prooflink/infra/names"
)

// cause is a cause that is recognized by what somebody says.
type cause struct {
	// in is who has to say it.
	in kind
	// pattern is how they say it.
	pattern *regexp.Regexp
	// rank is how near to the beginning it is.
	rank rank
	// says begins the sentence that tells the cause; empty where what is said is
	// plain.
	says string
	// what, fix and next are the hint's, with names in braces.
	what, fix string
	next      []string
	// row is the demand of the source documents that it answers.
	row int
}

// Commands that help.
const (
	logsOfApp      = "dagger call logs --env {env} --part app --since 1h"
	logsOfRouter   = "dagger call logs --env {env} --part router --since 1h"
	logsOfMigrate  = "dagger call logs --env {env} --part migration --since 1h"
	verify         = "dagger call verify --env {env}"
	startDatabase  = "dagger call verify --env {env} --start-db"
	deployAgain    = "dagger call deploy --env {env}"
	fromECSAgent   = reason | ecsEvent | stackEvent | stepProblem
	fromAnyProgram = logLine | stepProblem
	fromAnybody    = logLine | reason | ecsEvent | stackEvent | stepProblem
)

// hint is the cause's hint, with this environment's names.
func (c *cause) hint(n names.Names) Hint {
	name := strings.NewReplacer(
		"{env}", n.Env, "{prefix}", n.Prefix(), "{service}", n.Service(), "{cluster}", n.Cluster(),
		"{ecs-sg}", n.TaskSecurityGroup(), "{rds-sg}", n.DatabaseSecurityGroup(), "{alb-sg}", n.AlbSecurityGroup(), "{vpce-sg}", n.EndpointSecurityGroup(),
		"{execution-role}", n.ExecutionRole(), "{task-role}", n.TaskRole(),
		"{db-secret}", n.DatabaseSecret(), "{app-secret}", n.AppSecret(), "{db}", n.Database(),
		"{router-logs}", n.RouterLogGroup(), "{tg}", n.TargetGroup(),
	)
	hint := Hint{What: c.what, Fix: name.Replace(c.fix), Next: []string{}, Row: c.row}
	for _, command := range c.next {
		hint.Next = append(hint.Next, name.Replace(command))
	}
	return hint
}

// is says whether a hint is this cause's.
func (c *cause) is(h Hint) bool { return h.What == c.what }

// when is a pattern; upper and lower case are the same.
func when(pattern string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + pattern) }

// unreachable is how programs say that an address does not answer.
const unreachable = `(i/o timeout|dial tcp|deadline exceeded|RequestCanceled|context canceled|timed? ?out|no such host|connection refused|connection issue|TLS handshake|network is unreachable)`

// causes are what goes wrong, the narrower ones first: the first that fits
// counts. The texts are those of "Amazon ECS Developer Guide, Stopped task error
// messages" and "Service event messages", of Node.js and of PostgreSQL; what to
// do is that of 000_e03a210ce428a44a.txt L1260-1279 and 004_9a2c9db51dc67ef8.txt
// §6.1 to 6.3.
var causes = join(endings, imageCauses, secretCauses, databaseCauses, programCauses, routerCauses, healthCauses, capacityCauses,
	permissionCauses, stackCauses, outsideCauses, symptoms)

func join(tables ...[]cause) []cause {
	var all []cause
	for _, table := range tables {
		all = append(all, table...)
	}
	return all
}

// endings are what ends a run whatever else is seen.
var endings = []cause{
	{in: stepProblem, pattern: when(`\bovertaken\b|took over from ours`), rank: decisive,
		what: "Somebody else deploys this service at the same time",
		fix:  "Find out who, let that deployment end, then run this again. Deployments by this tool take turns; one made in the console or by another tool does not ask.",
		next: []string{"dagger call status --env {env}"}},
	{in: stepProblem, pattern: when(`deployment .*was stopped by hand`), rank: decisive,
		what: "Somebody stopped the deployment",
		fix:  "Ask who called StopServiceDeployment (CloudTrail names them), then run this again.",
		next: []string{"dagger call status --env {env}"}},
	{in: stepProblem | stackEvent, pattern: when(`ExpiredToken|security token included in the request is expired|token has expired`), rank: decisive,
		says: "The credentials expired during the run",
		what: "Credentials expired",
		fix:  "Get new credentials, for longer than a deploy takes (an hour), and run this again: it goes on from where it is.",
		next: []string{deployAgain}},
}

// imageCauses: what keeps an image from being pulled.
var imageCauses = []cause{
	{in: fromECSAgent, pattern: when(`starport-layer-bucket.*(` + unreachable + `|403|Forbidden|AccessDenied)`), rank: known, row: 270,
		says: "The image's layers can't be fetched from S3",
		what: "No route to the S3 bucket that has ECR's layers, or its endpoint's policy forbids it",
		fix:  "The S3 gateway endpoint {prefix}-vpce-s3 is on the private route tables, and its policy allows arn:aws:s3:::prod-<region>-starport-layer-bucket/*.",
		next: []string{verify}},
	{in: fromECSAgent, pattern: when(`CannotPull\w*Error.*` + unreachable), rank: known, row: 270,
		says: "The image can't be pulled",
		what: "No route from the tasks to ECR",
		fix:  "Endpoints ecr.api and ecr.dkr exist, {vpce-sg} lets 443 in from {ecs-sg}, and the S3 gateway endpoint is on the private route tables; without endpoints, the NAT gateway of the tasks' zone is available and {ecs-sg} lets 443 out.",
		next: []string{verify}},
	{in: fromECSAgent, pattern: when(`CannotPull\w*Error.*(AccessDenied|not authorized|denied|403|no basic auth)`), rank: known, row: 269,
		says: "The image can't be pulled",
		what: "The execution role, the repository's policy or the endpoint's policy forbids the pull",
		fix:  "{execution-role} may ecr:GetAuthorizationToken, ecr:BatchGetImage, ecr:GetDownloadUrlForLayer and ecr:BatchCheckLayerAvailability on this environment's repositories, and no policy of repository or endpoint ecr.dkr denies it.",
		next: []string{verify}},
	{in: fromECSAgent | logLine, pattern: when(`(match(es|ing)? (for )?platform|for platform linux|exec format error)`), rank: known, row: 269,
		says: "The image is for another platform",
		what: "The image was not built for linux/amd64",
		fix:  "Publish the image again: it is built for linux/amd64, whatever the machine.",
		next: []string{verify, deployAgain}},
	{in: fromECSAgent, pattern: when(`CannotPull\w*Error.*no space left`), rank: known, row: 269,
		says: "The image can't be unpacked",
		what: "The image is larger than the task's disk (20 GiB)",
		fix:  "Make the image smaller."},
	{in: fromECSAgent, pattern: when(`CannotPull\w*Error.*(toomanyrequests|429)`), rank: known, row: 269,
		says: "The image can't be pulled",
		what: "The registry refuses so many pulls",
		fix:  "Wait a minute and run this again; pull from ECR and not from a public registry.",
		next: []string{deployAgain}},
	{in: fromECSAgent, pattern: when(`CannotPull\w*Error`), rank: known, row: 269,
		says: "The image can't be pulled",
		what: "The registry does not have that digest",
		fix:  "The digest is in the repository (deploy publishes what is missing); a clean-up rule may have expired it.",
		next: []string{verify, deployAgain}},
}

// start is how ECS says that a task lacks something before its containers start.
const start = `(ResourceInitializationError|unable to pull (registry auth or )?secrets?|unable to retrieve secrets?|fetch secret).*`

// secretCauses: what a task lacks before its containers start.
var secretCauses = []cause{
	{in: fromECSAgent, pattern: when(`log (group|stream)s?.*(does not exist|not exist|not found|ResourceNotFound)|failed to (validate logger|create Cloudwatch log|initialize logging)`), rank: known, row: 269,
		says: "The task's log has no place",
		what: "A log group of the task definition isn't there, or the execution role may not write to it",
		fix:  "The log groups of {prefix} exist: the Foundation stack makes them. {execution-role} may logs:CreateLogStream and logs:PutLogEvents there, and endpoint logs or the NAT gateway leads to them.",
		next: []string{verify, "dagger call deploy --env {env} --stacks Foundation"}},
	{in: fromECSAgent, pattern: when(`(unable to retrieve ecr registry auth|api\.ecr\.).*`), rank: known, row: 270,
		says: "The task can't log in to ECR",
		what: "No route from the tasks to ECR, or the execution role may not log in",
		fix:  "Endpoint ecr.api exists and {vpce-sg} lets 443 in from {ecs-sg}, or the NAT gateway is available; {execution-role} may ecr:GetAuthorizationToken.",
		next: []string{verify}},
	{in: fromECSAgent, pattern: when(start + `(AccessDenied|not authorized)`), rank: known, row: 269,
		says: "A secret can't be read",
		what: "The execution role may not read the secret",
		fix:  "{execution-role} may secretsmanager:GetSecretValue on {db-secret} and {app-secret} (and kms:Decrypt where a key of its own encrypts them). The stacks grant it; a role that was changed by hand is mended by a deploy.",
		next: []string{verify, deployAgain}},
	{in: fromECSAgent, pattern: when(start + `(ResourceNotFound|can't find the specified secret|not found|does ?n[o']t exist|marked for deletion)`), rank: known, row: 269,
		says: "A secret can't be read",
		what: "The secret isn't there",
		fix:  "{db-secret} and {app-secret} exist and are not scheduled for deletion (aws secretsmanager restore-secret brings one back); the Database stack makes them.",
		next: []string{verify}},
	{in: fromECSAgent, pattern: when(start + `(did not contain json key|json key)`), rank: known, row: 269,
		says: "A secret can't be read",
		what: "The secret lacks a key that the task definition names",
		fix:  "{db-secret} has host, port, dbname, username and password, {app-secret} has NEXTAUTH_SECRET, with exactly these names.",
		next: []string{verify}},
	{in: fromECSAgent, pattern: when(start + unreachable), rank: known, row: 270,
		says: "A secret can't be read",
		what: "No route from the tasks to Secrets Manager",
		fix:  "Endpoint secretsmanager exists and {vpce-sg} lets 443 in from {ecs-sg}; without it, the NAT gateway of the tasks' zone is available, the private route table leads to it, and {ecs-sg} lets 443 out.",
		next: []string{verify}},
	{in: fromECSAgent, pattern: when(`ResourceInitializationError.*\bENI\b|configure ENI\b`), rank: known, row: 274,
		says: "The task gets no network",
		what: "The network interface could not be made ready",
		fix:  "The subnets have free addresses and the VPC has DNS turned on; run this again.",
		next: []string{verify, deployAgain}},
	{in: fromECSAgent, pattern: when(`ResourceInitializationError`), rank: known, row: 269,
		says: "The task can't be prepared",
		what: "Something that the task needs before its start is missing",
		fix:  "The reason names it: a secret, a log group or the network.",
		next: []string{verify}},
}

// database is an address of the database, or a client of it.
const database = `(:5432\b|postgres|\bpg\b|database|\bdb\b|rds\.amazonaws)`

// databaseCauses: what keeps a program from its database.
var databaseCauses = []cause{
	{in: fromAnybody, pattern: when(`InvalidDBInstanceState|InvalidDBClusterState|database [^ ]+ is stopp(ed|ing)|DB (instance|cluster) [^ ]+ is (stopped|stopping)`), rank: known, row: 271,
		says: "The database is stopped",
		what: "The schedule or somebody has stopped the database",
		fix:  "Start {db}; it takes some minutes. In dev it stops at night (db.schedule).",
		next: []string{startDatabase}},
	{in: fromAnyProgram, pattern: when(`password authentication failed|\b28P01\b`), rank: known, row: 271,
		says: "The database refuses the log-in",
		what: "User or password in the secret are not the database's",
		fix:  "username and password in {db-secret} are the database's. After a rotation tasks keep the old password: a new deployment reads the new one.",
		next: []string{verify, "aws ecs update-service --cluster {cluster} --service {service} --force-new-deployment"}},
	{in: fromAnyProgram, pattern: when(`no pg_hba\.conf entry|SSL (off|required)|no encryption`), rank: known, row: 271,
		says: "The database refuses the connection",
		what: "The connection is not encrypted, and the database (rds.force_ssl) takes no other",
		fix:  "db.sslMode of {env} is verify-full, and the URL has no sslmode=disable.",
		next: []string{verify}},
	{in: fromAnyProgram, pattern: when(`self[- ]signed certificate|unable to (get|verify) (the )?(local )?(issuer|first|leaf)|Hostname/IP does not match certificate`), rank: known, row: 271,
		says: "The database's certificate is not trusted",
		what: "The image lacks RDS's certificate authorities, or DB_HOST is not the endpoint's name",
		fix:  "The image has RDS's bundle, and host in {db-secret} is the endpoint's name, not an address.",
		next: []string{verify}},
	{in: fromAnyProgram, pattern: when(`database "[^"]*" does not exist|\b3D000\b`), rank: known, row: 271,
		says: "The database isn't there",
		what: "The server has no database of that name",
		fix:  "dbname in {db-secret} and db.name of {env} are the same; the server was made with that name.",
		next: []string{verify}},
	{in: fromAnyProgram, pattern: when(`relation "[^"]*" does not exist|column "[^"]*" does not exist|\b42P01\b|\b42703\b`), rank: known, row: 271,
		says: "The schema is not what the program expects",
		what: "A migration is missing",
		fix:  "Run the migrations; deploy does it before the service moves.",
		next: []string{"dagger call migrate --env {env}"}},
	{in: fromAnyProgram, pattern: when(`too many clients|remaining connection slots|\b53300\b`), rank: known, row: 271,
		says: "The database has no connection left",
		what: "More connections than the database takes",
		fix:  "Fewer tasks or a smaller DB_POOL_MAX; while a deployment goes on there are twice as many tasks.",
		next: []string{logsOfApp}},
	{in: fromAnyProgram, pattern: when(`the database system is (starting up|shutting down|in recovery)|\b57P0[123]\b`), rank: known, row: 271,
		says: "The database is not ready",
		what: "The database is starting or stopping",
		fix:  "Wait until {db} is available and run this again.",
		next: []string{startDatabase}},
	{in: fromAnyProgram, pattern: when(`(ENOTFOUND|EAI_AGAIN).*` + database + `|` + database + `.*(ENOTFOUND|EAI_AGAIN)`), rank: known, row: 271,
		says: "The database's name is unknown",
		what: "host in the secret is not the database's endpoint",
		fix:  "host in {db-secret} is the endpoint that the Database stack outputs.",
		next: []string{verify}},
	{in: fromAnyProgram, pattern: when(`ECONNREFUSED.*` + database + `|` + database + `.*ECONNREFUSED`), rank: known, row: 271,
		says: "The database refuses connections",
		what: "Nothing listens at the database's address: it is stopped, or host or port in the secret are wrong",
		fix:  "{db} is available; host and port in {db-secret} are the endpoint's.",
		next: []string{startDatabase}},
	{in: fromAnyProgram, pattern: when(`(ETIMEDOUT|EHOSTUNREACH|connection timeout|timeout expired|connect timed out).*` + database + `|` + database +
		`.*(ETIMEDOUT|EHOSTUNREACH|connection timeout|timeout expired|connect timed out)|connect ETIMEDOUT \S+:5432|timeout exceeded when trying to connect`), rank: known, row: 271,
		says: "The database can't be reached",
		what: "The database is stopped, or its security group does not let the tasks in",
		fix:  "{db} is available (in dev it stops at night, db.schedule); {rds-sg} lets 5432 in from {ecs-sg}; host in {db-secret} is the endpoint.",
		next: []string{startDatabase, verify}},
}

// programCauses: what programs die of.
var programCauses = []cause{
	{in: reason | exit, pattern: when(`OutOfMemory`), rank: known,
		says: "Out of memory",
		what: "The task needs more memory than it has",
		fix:  "Raise app.memory (with a cpu that Fargate has beside it), or look for the leak in the last lines.",
		next: []string{logsOfApp}},
	{in: logLine, pattern: when(`JavaScript heap out of memory|Reached heap limit|ENOMEM`), rank: known,
		says: "Out of memory",
		what: "The task needs more memory than it has",
		fix:  "Raise app.memory (with a cpu that Fargate has beside it), or look for the leak in the last lines.",
		next: []string{logsOfApp}},
	{in: logLine, pattern: when(`read (environment|configuration): |invalid environment|set DATABASE_URL, or set the missing|is not a URL of the form postgres`), rank: known, row: 271,
		says: "The program refuses its configuration",
		what: "A variable of the task definition is missing or wrong",
		fix:  "The line names it. Variables come from the environment's file and the secrets {db-secret} and {app-secret}.",
		next: []string{verify, "dagger call render-task-definition --env {env}"}},
	{in: logLine, pattern: when(`apply \d{4}_[a-z0-9_]+\.sql: `), rank: known,
		says: "A migration failed and was rolled back",
		what: "An SQL file does not work on this database; the service was not touched",
		fix:  "Correct the file that the line names: it was not applied, so it may be changed. Try it on a copy of the data first.",
		next: []string{"dagger call migrate --env {env}"}},
	{in: logLine, pattern: when(`\.sql was (renamed|changed)|migrate: .*\.sql|read migrations: `), rank: known,
		says: "The migrations can't be applied",
		what: "A file that was applied has been changed, or a number is missing or there twice",
		fix:  "Restore the file and put the change into a new migration.",
		next: []string{logsOfMigrate}},
	{in: logLine, pattern: when(`Cannot find (module|package)|ERR_MODULE_NOT_FOUND|MODULE_NOT_FOUND`), rank: known,
		says: "The image lacks a file",
		what: "A module is not in the image",
		fix:  "It is in dependencies and not in devDependencies, and the build copies it; run the image here first.",
		next: []string{"dagger call ci", "dagger call deploy --env local"}},
	{in: logLine, pattern: when(`EADDRINUSE`), rank: known,
		says: "The port is taken",
		what: "Two programs of the task listen on one port",
		fix:  "All containers of a task share their ports: app.port is used once, and the log router has 2020 and 24224."},
	{in: logLine, pattern: when(`\bEACCES\b|\bEROFS\b|EPERM`), rank: known,
		says: "The program may not write there",
		what: "The container runs without root, and on a file system that may be read-only",
		fix:  "Write to /tmp, or to nowhere."},
	{in: logLine, pattern: when(`SyntaxError|ERR_UNKNOWN_FILE_EXTENSION|ERR_REQUIRE_ESM|Unsupported engine|bad option`), rank: known,
		says: "Node can't run the program",
		what: "The build's output and the image's Node don't fit",
		fix:  "Build and run the image here first.",
		next: []string{"dagger call ci", "dagger call deploy --env local"}},
	{in: logLine, pattern: when(`(ETIMEDOUT|ENETUNREACH|EAI_AGAIN|EHOSTUNREACH|UND_ERR_CONNECT_TIMEOUT)`), rank: known, row: 274,
		says: "An address outside can't be reached",
		what: "The task has no way to the internet",
		fix:  "network.natGateways is not 0, the NAT gateway of the task's zone is available, the private route table leads to it, and {ecs-sg} lets 443 out.",
		next: []string{verify}},
}

// routerCauses: what the log router dies of.
var routerCauses = []cause{
	{in: exit | reason | ecsEvent, pattern: when(`(container )?log-router (exited|is UNHEALTHY)|dependency \[?log-router|log-router.*(did not|never) (become|became) healthy`), rank: known, row: 273,
		says: "The log router does not work",
		what: "Fluent Bit died or never became healthy, and the application waits for it",
		fix:  "Its own log {router-logs} says why: mostly its configuration (fluentbit/), LOG_BUCKET_NAME or ERROR_LOG_GROUP.",
		next: []string{logsOfRouter}},
	{in: logLine, pattern: when(`\[ *error\].*(config|parser|plugin|section)|could not (open|read) .*config`), rank: known, row: 273,
		says: "The log router does not take its configuration",
		what: "Fluent Bit's configuration has a mistake",
		fix:  "Correct fluentbit/ and check it: the check runs the real Fluent Bit.",
		next: []string{"dagger call ci"}},
	{in: logLine, pattern: when(`\[ *error\].*(cloudwatch_logs|output:s3|\bs3\b).*`), rank: own, row: 273,
		says: "The log router can't deliver",
		what: "The outputs are refused or unreachable",
		fix:  "They work with the task role, not the execution role: {task-role} may logs:CreateLogStream and logs:PutLogEvents on the errors group and s3:PutObject on the archive.",
		next: []string{logsOfRouter}},
}

// healthCauses: failing health checks, and ends without words.
var healthCauses = []cause{
	{in: reason | ecsEvent | stepProblem, pattern: when(`failed ELB health checks|is unhealthy in \(?target-group|Health checks failed|targets? .*unhealthy|ResponseCodeMismatch|Target\.Timeout`), rank: health, row: 272,
		says: "The load balancer's health check fails",
		what: "Port or health path are wrong, the program starts too slowly, or the load balancer isn't let in",
		fix:  "app.healthPath answers 200 without a log-in and within 5 s on app.port, on all addresses (0.0.0.0); {ecs-sg} lets app.port in from {alb-sg}; a new task has app.graceSeconds to start.",
		next: []string{logsOfApp}},
	{in: reason | ecsEvent | exit, pattern: when(`failed container health checks|is UNHEALTHY`), rank: health, row: 272,
		says: "A container's own health check fails",
		what: "The program does not answer on its port, or not yet",
		fix:  "The check asks http://127.0.0.1:<app.port><app.healthPath> in the container; app.graceSeconds is how long it may take to start.",
		next: []string{logsOfApp}},
	{in: exit, pattern: when(`exited with code 137\b`), rank: health,
		what: "Killed: out of memory, or it did not stop in time",
		fix:  "Memory near its limit: raise app.memory. Else it ignored SIGTERM for its 30 s.",
		next: []string{logsOfApp}},
	{in: exit, pattern: when(`exited with code 139\b`), rank: health,
		what: "The program crashed (segmentation fault)",
		fix:  "A native module does not fit the image's platform or Node: build the image again.",
		next: []string{logsOfApp}},
	{in: exit, pattern: when(`exited with code 143\b`), rank: breaker,
		what: "Stopped from outside (SIGTERM)",
		fix:  "Something else ended the task: its stopped reason says what.",
		next: []string{"dagger call status --env {env}"}},
	{in: exit, pattern: when(`exited with code 12[67]\b`), rank: health,
		what: "The command isn't there or can't be run",
		fix:  "The image's entry point and the task definition's command name a file that is in the image and may be run.",
		next: []string{"dagger call render-task-definition --env {env}"}},
	{in: exit, pattern: when(`exited with code 2\b`), rank: health, row: 271,
		what: "The program refused its configuration or its arguments (exit code 2)",
		fix:  "Its log names the variable.",
		next: []string{logsOfApp, verify}},
	{in: exit, pattern: when(`exited with code \d+`), rank: health,
		what: "The program ended by itself",
		fix:  "Its log says why.",
		next: []string{logsOfApp}},
}

// capacityCauses: what AWS doesn't give.
var capacityCauses = []cause{
	{in: fromECSAgent, pattern: when(`Capacity is unavailable|insufficient capacity|no capacity`), rank: known,
		says: "AWS has no capacity",
		what: "Fargate has no room in the tasks' zone at the moment",
		fix:  "Run this again later; with network.activeAzs 2 there is a second zone to go to.",
		next: []string{deployAgain}},
	{in: fromECSAgent, pattern: when(`InsufficientFreeAddresses|not (have )?enough free (ip )?addresses|insufficient free addresses|no free (ip )?addresses`), rank: known,
		says: "The subnets have no free address",
		what: "A deployment needs an address for each old and each new task",
		fix:  "Free addresses in the private subnets, or larger network.privateSubnetCidrs."},
	{in: fromECSAgent, pattern: when(`NetworkInterfaceLimitExceeded|(Create|Attach) Network Interface|network interface provision`), rank: known,
		says: "The task gets no network interface",
		what: "The account has no network interface left, or EC2 refused one",
		fix:  "The quota \"Network interfaces per Region\" has room, and the security groups exist.",
		next: []string{verify}},
	{in: fromECSAgent, pattern: when(`reached the limit on the number of (vCPUs|tasks)|LimitExceeded|maximum number of|quota|TooMany\w+Exception`), rank: known,
		says: "A limit of the account is reached",
		what: "The account may not have more of that",
		fix:  "Ask for more in Service Quotas, or delete what isn't used.",
		next: []string{verify}},
	{in: ecsEvent | stepProblem, pattern: when(`unable to place a task`), rank: known,
		says: "ECS can't place a task",
		what: "Nothing can run the task",
		fix:  "The reason says what is missing: capacity, an address, or a role."},
}

// permissionCauses: what isn't allowed.
var permissionCauses = []cause{
	{in: fromECSAgent, pattern: when(`iam:PassRole`), rank: known,
		says: "A role may not be passed on",
		what: "Who deploys may not give ECS the task's roles",
		fix:  "Allow iam:PassRole on {execution-role} and {task-role} for ecs-tasks.amazonaws.com. The Delivery stack's deploy role has it.",
		next: []string{verify}},
	{in: fromECSAgent, pattern: when(`unable to assume (the )?role|assume role`), rank: known,
		says: "ECS can't use a role of the task",
		what: "The role isn't there or does not trust ecs-tasks.amazonaws.com",
		fix:  "{execution-role} and {task-role} exist and trust ecs-tasks.amazonaws.com; a deploy mends them.",
		next: []string{verify, deployAgain}},
	{in: fromAnybody, pattern: when(`AccessDenied|not authorized to perform|UnauthorizedOperation|UnrecognizedClient|InvalidClientTokenId|SignatureDoesNotMatch`), rank: known,
		says: "A permission is missing",
		what: "The caller or a role may not do that, or a policy of the organisation forbids it",
		fix:  "The message names who, what and on which resource: allow exactly that.",
		next: []string{verify}},
}

// stackCauses: what CloudFormation says.
var stackCauses = []cause{
	{in: stackEvent | stepProblem, pattern: when(`circuit breaker`), rank: breaker,
		what: "The new tasks did not start",
		fix:  "Why is in the tasks' reasons and logs.",
		next: []string{logsOfApp}},
	{in: stackEvent, pattern: when(`(creation|update|deletion) cancelled|^\S*ROLLBACK\S* |The following resource\(s\) failed|roll(ed|ing)? ?back requested`), rank: rollback},
	{in: stackEvent | stepProblem, pattern: when(`ROLLBACK_COMPLETE state and can ?not be updated|is in ROLLBACK_COMPLETE`), rank: known,
		says: "The stack's first creation was rolled back",
		what: "A stack in ROLLBACK_COMPLETE can only be deleted and made again",
		fix:  "Deploy again: it is deleted and made anew. What ended the first creation is in its events.",
		next: []string{deployAgain}},
	{in: stackEvent | stepProblem, pattern: when(`_IN_PROGRESS state and can ?not be updated`), rank: known,
		says: "The stack is being changed",
		what: "Another deployment of this stack is in progress",
		fix:  "Wait for it.",
		next: []string{"dagger call deploy --env {env} --wait-in-progress"}},
	{in: stackEvent, pattern: when(`already exists`), rank: own,
		what: "A resource of that name is there, and not of this stack",
		fix:  "Delete it, or give it to the stack with cdk import; an earlier stack may have left it.",
		next: []string{"dagger call diff --env {env}"}},
}

// What is said of an alarm, by whoever names it.
const (
	alarmed  = "The new version runs, but an alarm that guards deployments went off"
	alarmFix = "The alarm says which number was too high; the logs of that time say why. An alarm that was already red before the deployment ends every one."
)

var alarmNext = []string{"dagger call logs --env {env} --part errors --since 1h", "dagger call status --env {env}"}

// outsideCauses are what ends a task or a deployment from outside.
var outsideCauses = []cause{
	{in: stepProblem, pattern: when(`(failed|rolled back|stopped).*\balarms? \S+.* triggered`), rank: alarm,
		says: "An alarm ended the deployment", what: alarmed, fix: alarmFix, next: alarmNext},
	{in: fromECSAgent, pattern: when(`CloudWatch alarm|(failed|rolled back|ROLLBACK).*\balarms?\b`), rank: unnamedAlarm,
		says: "An alarm ended the deployment", what: alarmed, fix: alarmFix, next: alarmNext},
	{in: reason, pattern: when(`SpotInterruption|Spot (Task|instance) was interrupted|TerminationNotice`), rank: stopped,
		says: "AWS took the Spot capacity back",
		what: "Spot capacity can be taken back at any time",
		fix:  "Run this again; run on Fargate without Spot what must not be interrupted.",
		next: []string{deployAgain}},
	{in: reason, pattern: when(`InfrastructureHealth|maintenance on the underlying|host .*(retire|maintenance)`), rank: stopped,
		says: "AWS replaced the machine",
		what: "AWS maintains what the task ran on",
		fix:  "Run this again.",
		next: []string{deployAgain}},
	{in: reason, pattern: when(`stopped by user|UserInitiated`), rank: stopped,
		says: "Somebody stopped the task",
		what: "A task was stopped by hand or by another program (StopTask)",
		fix:  "CloudTrail names who called StopTask; then run this again.",
		next: []string{deployAgain}},
	{in: reason, pattern: when(`Timeout waiting for EphemeralStorage|ContainerRuntimeTimeoutError|ContainerRuntimeError|InternalError|CannotInspect`), rank: known,
		says: "Fargate could not start the task",
		what: "Fargate itself had a fault",
		fix:  "Run this again; if it stays, ask AWS with the task's id.",
		next: []string{deployAgain}},
}

// symptoms follow from a cause that is elsewhere.
var symptoms = []cause{
	{in: stepProblem, pattern: when(`but something else runs`), rank: problem,
		what: "ECS says that the deployment is complete, but a task has another image",
		fix:  "Somebody may have deployed or scaled meanwhile, or a tag was moved. Look at what runs, then run this again.",
		next: []string{"dagger call status --env {env}", deployAgain}},
	{in: stepProblem, pattern: when(`but nothing runs`), rank: problem,
		what: "The service's desired count is 0, so nothing proves that the images run",
		fix:  "Somebody or a schedule has scaled {service} to 0: give it a task and run this again.",
		next: []string{"aws ecs update-service --cluster {cluster} --service {service} --desired-count 1"}},
	{in: stepProblem, pattern: when(`deployment .*was not started`), rank: problem,
		what: "The stack's template is as it was, so CloudFormation did not touch the service, which runs something else",
		fix:  "After a rollback that CloudFormation knows nothing of, only a release moves the service.",
		next: []string{"dagger call release --env {env}"}},
	{in: stepProblem, pattern: when(`deployment .*has not ended`), rank: problem,
		what: "The deployment waits for something that doesn't come",
		fix:  "Its error says for what. It is still in progress: end it with a rollback, or wait for it.",
		next: []string{"dagger call status --env {env}", "dagger call rollback --env {env}"}},
	{in: ecsEvent, pattern: when(`circuit breaker|tasks failed to start`), rank: breaker},
	{in: ecsEvent, pattern: when(`unable to consistently start tasks`), rank: breaker},
	{in: ecsEvent | stackEvent, pattern: when(`rolling back|rolled back|ROLLBACK`), rank: rollback},
	{in: reason, pattern: when(`Essential container in task exited|stop code |ServiceSchedulerInitiated|Task failed to start`), rank: rollback},
}
