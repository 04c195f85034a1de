package monitoring

import (
	"math"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
)

// Comparisons of CloudWatch.
const (
	above   = "GreaterThanThreshold"
	atLeast = "GreaterThanOrEqualToThreshold"
	below   = "LessThanThreshold"
)

// What CloudWatch makes of a period without data.
const (
	// unknown says so: neither well nor ill, and nobody is told.
	unknown = "missing"
	// well is for what has no data where nothing happens.
	well = "notBreaching"
	// ill is for what has no data where nothing is left.
	ill = "breaching"
)

const (
	// highPercent is when CPU and memory are too high.
	highPercent = 80
	// fullPercent is when storage is nearly used up.
	fullPercent = 85
	// failedPercent is when too many requests fail.
	failedPercent = 5
	// errorRecords are too many in five minutes (000_e03a210ce428a44a.txt L772).
	errorRecords = 5
	// slowSeconds is when an answer takes too long.
	slowSeconds = 2
	// lagMilliseconds is one second in that metric's unit.
	lagMilliseconds = 1000
	gib             = 1 << 30
	// localFloorGiB is the least that sorting and temporary tables of an Aurora
	// instance should find.
	localFloorGiB = 2
	// bytesPerConnection and mostConnections are RDS for PostgreSQL's default of
	// max_connections: LEAST(DBInstanceClassMemory/9531392, 5000).
	bytesPerConnection = 9531392
	mostConnections    = 5000
)

// alarm is one alarm: when it goes off, who is told and what they should do.
type alarm struct {
	// name is without project and environment, e.g. "ecs-cpu-high".
	name string
	// advice is its description.
	advice string
	// critical needs somebody now; the others, soon.
	critical bool
	// of is what it watches, unless rate is.
	of   metric
	rate *calculation
	// comparison with threshold has to hold for periods in a row.
	comparison string
	threshold  float64
	periods    int
	// missing is what a period without data means.
	missing string
}

// alarms lists those that the environment has.
func (w watch) alarms() []alarm {
	switch w.Env.Monitoring.Alarms {
	case config.AlarmsBasic:
		return w.serviceAlarms()[:1]
	case config.AlarmsFull:
		all := append(w.serviceAlarms(), w.databaseAlarms()...)
		return append(all, w.balancerAlarms()...)
	}
	return nil
}

// serviceAlarms watch the ECS service, the CPU first.
func (w watch) serviceAlarms() []alarm {
	return []alarm{
		{name: "ecs-cpu-high", critical: true, of: w.service("CPUUtilization"),
			comparison: above, threshold: highPercent, periods: 1, missing: unknown,
			advice: "The service uses more than 80 % of its CPU. Compare with the requests on the dashboard, then raise app.cpu or the number of tasks in the environment's file."},
		{name: "ecs-memory-high", critical: true, of: w.service("MemoryUtilization"),
			comparison: above, threshold: highPercent, periods: 1, missing: unknown,
			advice: "The service uses more than 80 % of its memory; at 100 % its tasks are killed. Look for a leak since the last deploy, or raise app.memory in the environment's file."},
		{name: "error-logs", critical: true, of: w.errors(),
			comparison: atLeast, threshold: errorRecords, periods: 1, missing: well,
			advice: "Five or more error records in five minutes. Read them with the saved query server-errors; roll back if they began with a deploy."},
	}
}

// databaseAlarms watch the database.
func (w watch) databaseAlarms() []alarm {
	all := []alarm{
		{name: "db-cpu-high", of: w.database("CPUUtilization"),
			comparison: above, threshold: highPercent, periods: 1, missing: unknown,
			advice: "The database uses more than 80 % of its CPU. Look for slow queries in Performance Insights, or take a larger db.instanceClass."},
		{name: "db-connections-high", of: w.database("DatabaseConnections"),
			comparison: above, threshold: w.connections(), periods: 1, missing: unknown,
			advice: "More than 80 % of the connections that the instance class allows are in use. Look for idle ones in pg_stat_activity, or take a larger db.instanceClass."},
	}
	if !w.aurora() {
		return append(all, w.freeStorage())
	}
	all = append(all, w.volumeSize(), w.localStorage())
	if w.replicated() {
		all = append(all, w.replicaLag())
	}
	return all
}

// connections are 80 % of what the instance class allows. The configuration
// accepts only classes whose memory is known.
func (w watch) connections() float64 {
	memory, _ := config.InstanceMemoryGiB(w.Env.DB.InstanceClass)
	return math.Floor(highPercent * min(memory*gib/bytesPerConnection, mostConnections) / 100)
}

// freeStorage watches an instance's volume: 85 % used are 15 % free.
func (w watch) freeStorage() alarm {
	return alarm{name: "db-disk-high", critical: true, of: w.storage(),
		comparison: below, threshold: float64(w.Env.DB.StorageGiB) * gib * (100 - fullPercent) / 100, periods: 1, missing: unknown,
		advice: "More than 85 % of db.storageGiB are used. Where db.maxStorageGiB is set, RDS adds space below 10 % free, six hours after it last did at the earliest; else raise db.storageGiB now: a full database stops."}
}

// volumeSize watches Aurora's volume, which grows by itself, against a budget.
func (w watch) volumeSize() alarm {
	return alarm{name: "db-disk-high", critical: true, of: w.storage(),
		comparison: above, threshold: float64(w.Env.Monitoring.AuroraBudgetGiB) * gib * fullPercent / 100, periods: 1, missing: unknown,
		advice: "The cluster's volume is above 85 % of monitoring.auroraBudgetGiB. It grows by itself, and so does its price: delete what isn't needed, or raise the budget."}
}

// localStorage watches the disk that an Aurora instance has for itself.
func (w watch) localStorage() alarm {
	return alarm{name: "db-local-storage-low", of: w.database("FreeLocalStorage"),
		comparison: below, threshold: localFloorGiB * gib, periods: 1, missing: unknown,
		advice: "The writer has less than 2 GiB for sorting and temporary tables; queries fail without. Look for large sorts, or take a larger db.instanceClass."}
}

// replicaLag watches the slowest reader; one slow minute is no reason to wake up.
func (w watch) replicaLag() alarm {
	return alarm{name: "db-replica-lag-high", of: w.lag(),
		comparison: above, threshold: lagMilliseconds, periods: 5, missing: unknown,
		advice: "A reader has been more than a second behind the writer for five minutes. Look for long queries on it, and whether it is as large as the writer."}
}

// balancerAlarms watch the load balancer.
func (w watch) balancerAlarms() []alarm {
	failed := w.errorRate("5XX")
	return []alarm{
		{name: "alb-5xx-high", critical: true, rate: &failed,
			comparison: above, threshold: failedPercent, periods: 1, missing: well,
			advice: "More than 5 % of the requests end in a 5xx status. Read the error records and the stopped tasks' reasons; roll back if it began with a deploy."},
		{name: "alb-unhealthy-targets", critical: true, of: w.targets("UnHealthyHostCount").with(minimum, minute),
			comparison: atLeast, threshold: 1, periods: 2, missing: ill,
			advice: "A task fails the load balancer's health check, or there is no task at all. Look at the service's events and at the answer of app.healthPath."},
		{name: "alb-response-time-high", of: w.balancer("TargetResponseTime").with(average, fiveMinutes),
			comparison: above, threshold: slowSeconds, periods: 1, missing: well,
			advice: "Answers take more than two seconds on average. Compare with the CPU of service and database on the dashboard, and look for slow queries."},
	}
}

// newAlarms makes the alarms and returns their ARNs.
func newAlarms(scope constructs.Construct, w watch) []*string {
	var made []*string
	for _, a := range w.alarms() {
		topic := w.Foundation.WarningTopic
		if a.critical {
			topic = w.Foundation.CriticalTopic
		}
		props := a.props(w.names.Alarm(a.name), topic)
		made = append(made, awscloudwatch.NewCfnAlarm(scope, jsii.String(logicalID(a.name)+"Alarm"), props).AttrArn())
	}
	return made
}

// props tells the topic when the alarm goes off and when all is well again.
func (a alarm) props(name string, topic awssns.ITopic) *awscloudwatch.CfnAlarmProps {
	props := &awscloudwatch.CfnAlarmProps{
		AlarmName: jsii.String(name), AlarmDescription: jsii.String(a.advice),
		ComparisonOperator: jsii.String(a.comparison), Threshold: jsii.Number(a.threshold),
		EvaluationPeriods: jsii.Number(a.periods), TreatMissingData: jsii.String(a.missing),
		AlarmActions: &[]any{topic.TopicArn()}, OkActions: &[]any{topic.TopicArn()},
	}
	if a.rate != nil {
		props.Metrics = a.rate.queries()
		return props
	}
	props.Namespace, props.MetricName = jsii.String(a.of.namespace), jsii.String(a.of.name)
	props.Statistic, props.Period = jsii.String(a.of.statistic), jsii.Number(a.of.period)
	props.Dimensions = dimensions(a.of)
	return props
}

// queries is a calculation as an alarm has it, which sees its last step only.
func (c calculation) queries() []any {
	var list []any
	for _, in := range c.inputs {
		list = append(list, awscloudwatch.CfnAlarm_MetricDataQueryProperty{
			Id: jsii.String(in.id), ReturnData: jsii.Bool(false),
			MetricStat: awscloudwatch.CfnAlarm_MetricStatProperty{
				Stat: jsii.String(in.statistic), Period: jsii.Number(in.period),
				Metric: awscloudwatch.CfnAlarm_MetricProperty{
					Namespace: jsii.String(in.namespace), MetricName: jsii.String(in.name), Dimensions: dimensions(in.metric),
				},
			},
		})
	}
	for i, s := range c.steps {
		query := awscloudwatch.CfnAlarm_MetricDataQueryProperty{
			Id: jsii.String(s.id), Expression: jsii.String(s.expression), ReturnData: jsii.Bool(i == len(c.steps)-1),
		}
		if s.label != "" {
			query.Label = jsii.String(s.label)
		}
		list = append(list, query)
	}
	return list
}

// dimensions are a metric's, as an alarm has them.
func dimensions(m metric) []any {
	var list []any
	for _, d := range m.dimensions {
		list = append(list, awscloudwatch.CfnAlarm_DimensionProperty{Name: jsii.String(d.name), Value: jsii.String(d.value)})
	}
	return list
}

// logicalID makes "EcsCpuHigh" of "ecs-cpu-high".
func logicalID(name string) string {
	var id strings.Builder
	for _, part := range strings.Split(name, "-") {
		id.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return id.String()
}
