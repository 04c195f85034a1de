package monitoring_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/infratest"
	"github.com/prooflink/prooflink/infra/monitoring"
	"github.com/prooflink/prooflink/infra/network"
	"github.com/prooflink/prooflink/infra/service"
	"github.com/prooflink/prooflink/infra/templates"
)

func TestMain(m *testing.M) { infratest.Main(m) }

// Names as the load balancer's and the target group's metrics have them.
const (
	balancerName = "app/prooflink-dev-alb/50dc6c495c0c9188"
	targetsName  = "targetgroup/prooflink-dev-tg/73e2d6bc24d8a067"
)

// synth makes an environment's monitoring beside other stacks that are not there.
func synth(t *testing.T, name string, changes ...func(*config.Environment)) infratest.Template {
	t.Helper()
	env := infratest.Env(t, name, changes...)
	return infratest.Synth(t, env, func(stack awscdk.Stack) {
		monitoring.New(stack, monitoring.Props{
			Env: env, Foundation: foundation.Import(stack, env),
			Service: service.Service{LoadBalancerName: jsii.String(balancerName), TargetGroupName: jsii.String(targetsName)},
			Network: network.Network{VpcID: jsii.String("vpc-1"), Endpoints: map[string]*string{
				"logs": jsii.String("vpce-logs"), "ecr.api": jsii.String("vpce-ecr"),
			}},
		})
	})
}

// arn begins the ARNs of a service; its partition is known when it is deployed.
func arn(service string) string {
	return "arn:${AWS::Partition}:" + service + ":ap-northeast-1:" + infratest.Account + ":"
}

// full turns all alarms on.
func full(env *config.Environment) { env.Monitoring.Alarms = config.AlarmsFull }

// aurora makes the database a cluster with a reader.
func aurora(env *config.Environment) {
	env.DB.Engine, env.DB.InstanceClass, env.DB.Readers = config.EngineAurora, "r6g.large", 1
}

// named finds a resource by the property that is its name.
func named(t *testing.T, template infratest.Template, kind, property, name string) templates.Resource {
	t.Helper()
	for _, r := range template.Of(kind) {
		if r.Text(property) == name {
			return r
		}
	}
	t.Fatalf("no %s %s", kind, name)
	return templates.Resource{}
}

// alarms tells each alarm in one line: topic, metric, statistic, period,
// condition, periods, missing data, dimensions.
func alarms(template infratest.Template) map[string]string {
	told := map[string]string{}
	for _, r := range template.Of("AWS::CloudWatch::Alarm") {
		topic := strings.TrimPrefix(r.Text("AlarmActions", 0), arn("sns"))
		metric := fmt.Sprintf("%s %s %s/%ss", r.Text("Namespace"), r.Text("MetricName"), r.Text("Statistic"), r.Text("Period"))
		if r.At("Metrics") != nil {
			metric = "math"
		}
		var where []string
		for name, value := range infratest.Pairs(r, "Dimensions", "Name", "Value") {
			where = append(where, name+"="+value)
		}
		told[r.Text("AlarmName")] = fmt.Sprintf("%s: %s %s %s x%s %s %s", topic, metric, comparisons[r.Text("ComparisonOperator")],
			r.Text("Threshold"), r.Text("EvaluationPeriods"), r.Text("TreatMissingData"), strings.Join(sorted(where), " "))
	}
	return told
}

// comparisons are shorter than CloudWatch's words.
var comparisons = map[string]string{
	"GreaterThanThreshold": ">", "GreaterThanOrEqualToThreshold": ">=", "LessThanThreshold": "<",
}

func TestTheAlarmsAreThoseOfTheRequirements(t *testing.T) {
	rds := func(env, disk, connections string) map[string]string {
		critical, warning := "prooflink-"+env+"-critical-alerts: ", "prooflink-"+env+"-warning-alerts: "
		ecs := "ClusterName=prooflink-" + env + "-cluster ServiceName=prooflink-" + env + "-service"
		db := "DBInstanceIdentifier=prooflink-" + env + "-db"
		n := "prooflink-" + env + "-"
		return map[string]string{
			n + "ecs-cpu-high":           critical + "AWS/ECS CPUUtilization Average/300s > 80 x1 missing " + ecs,
			n + "ecs-memory-high":        critical + "AWS/ECS MemoryUtilization Average/300s > 80 x1 missing " + ecs,
			n + "error-logs":             critical + "App/Errors/prooflink-" + env + " ErrorCount Sum/300s >= 5 x1 notBreaching ",
			n + "db-cpu-high":            warning + "AWS/RDS CPUUtilization Average/300s > 80 x1 missing " + db,
			n + "db-connections-high":    warning + "AWS/RDS DatabaseConnections Average/300s > " + connections + " x1 missing " + db,
			n + "db-disk-high":           critical + "AWS/RDS FreeStorageSpace Average/300s < " + disk + " x1 missing " + db,
			n + "alb-5xx-high":           critical + "math > 5 x1 notBreaching ",
			n + "alb-unhealthy-targets":  critical + "AWS/ApplicationELB UnHealthyHostCount Minimum/60s >= 1 x2 breaching LoadBalancer=" + balancerName + " TargetGroup=" + targetsName,
			n + "alb-response-time-high": warning + "AWS/ApplicationELB TargetResponseTime Average/300s > 2 x1 notBreaching LoadBalancer=" + balancerName,
		}
	}
	cluster := rds("prod", "", "")
	for name, text := range map[string]string{
		"db-cpu-high":          "warning-alerts: AWS/RDS CPUUtilization Average/300s > 80 x1 missing DBClusterIdentifier=prooflink-prod-db Role=WRITER",
		"db-connections-high":  "warning-alerts: AWS/RDS DatabaseConnections Average/300s > 1441 x1 missing DBClusterIdentifier=prooflink-prod-db Role=WRITER",
		"db-disk-high":         "critical-alerts: AWS/RDS VolumeBytesUsed Maximum/3600s > 91268055040 x1 missing DBClusterIdentifier=prooflink-prod-db",
		"db-local-storage-low": "warning-alerts: AWS/RDS FreeLocalStorage Average/300s < 2147483648 x1 missing DBClusterIdentifier=prooflink-prod-db Role=WRITER",
		"db-replica-lag-high":  "warning-alerts: AWS/RDS AuroraReplicaLag Maximum/60s > 1000 x5 missing DBClusterIdentifier=prooflink-prod-db",
	} {
		cluster["prooflink-prod-"+name] = "prooflink-prod-" + text
	}
	cases := map[string]struct {
		env     string
		changes []func(*config.Environment)
		want    map[string]string
	}{
		"dev has none": {"dev", nil, map[string]string{}},
		"basic is the service's CPU": {"dev", []func(*config.Environment){func(env *config.Environment) { env.Monitoring.Alarms = config.AlarmsBasic }},
			map[string]string{"prooflink-dev-ecs-cpu-high": rds("dev", "", "")["prooflink-dev-ecs-cpu-high"]}},
		"dev with all of them, on a t4g.micro with 20 GiB": {"dev", []func(*config.Environment){full}, rds("dev", "3221225472", "90")},
		"prod, on a t4g.medium with 100 GiB":               {"prod", nil, rds("prod", "16106127360", "360")},
		"prod on Aurora, on an r6g.large":                  {"prod", []func(*config.Environment){aurora}, cluster},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, alarms(synth(t, c.env, c.changes...))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEveryAlarmSaysWhatToDoAndWhenAllIsWell(t *testing.T) {
	for _, r := range synth(t, "prod", aurora).Of("AWS::CloudWatch::Alarm") {
		if len(r.Text("AlarmDescription")) < 60 || !strings.HasSuffix(r.Text("AlarmDescription"), ".") {
			t.Errorf("%s says %q", r.Text("AlarmName"), r.Text("AlarmDescription"))
		}
		if r.Text("OKActions") != r.Text("AlarmActions") {
			t.Errorf("%s tells %s, then %s", r.Text("AlarmName"), r.Text("AlarmActions"), r.Text("OKActions"))
		}
	}
}

func TestAnAuroraClusterWithoutReadersHasNoLag(t *testing.T) {
	template := synth(t, "prod", aurora, func(env *config.Environment) { env.DB.Readers = 0 })
	if _, ok := alarms(template)["prooflink-prod-db-replica-lag-high"]; ok {
		t.Error("there is an alarm of a metric that doesn't exist")
	}
}

func TestA180TheRateCountsWhatTheLoadBalancerAnswersItself(t *testing.T) {
	r := named(t, synth(t, "prod"), "AWS::CloudWatch::Alarm", "AlarmName", "prooflink-prod-alb-5xx-high")
	var got []string
	queries, _ := r.At("Metrics").([]any)
	for _, each := range queries {
		query := templates.Resource{Properties: each.(map[string]any)}
		if query.At("Expression") != nil {
			got = append(got, fmt.Sprintf("%s = %s, shown: %s", query.Text("Id"), query.Text("Expression"), query.Text("ReturnData")))
			continue
		}
		got = append(got, fmt.Sprintf("%s: %s %s %s/%ss %s, shown: %s", query.Text("Id"), query.Text("MetricStat", "Metric", "Namespace"),
			query.Text("MetricStat", "Metric", "MetricName"), query.Text("MetricStat", "Stat"), query.Text("MetricStat", "Period"),
			query.Text("MetricStat", "Metric", "Dimensions"), query.Text("ReturnData")))
	}
	where := "[{Name:LoadBalancer Value:" + balancerName + "}], shown: false"
	want := []string{
		"requests5xx: AWS/ApplicationELB RequestCount Sum/300s " + where,
		"tasks5xx: AWS/ApplicationELB HTTPCode_Target_5XX_Count Sum/300s " + where,
		"balancer5xx: AWS/ApplicationELB HTTPCode_ELB_5XX_Count Sum/300s " + where,
		"total5xx = FILL(requests5xx,0)+FILL(balancer5xx,0), shown: false",
		"failed5xx = FILL(tasks5xx,0)+FILL(balancer5xx,0), shown: false",
		"rate5xx = IF(total5xx>0,100*failed5xx/total5xx,0), shown: true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestA174ErrorsAreCountedWhereTheyAre(t *testing.T) {
	awslogs := func(env *config.Environment) { env.Logging.Driver = config.DriverAWSLogs }
	cases := map[string]struct {
		changes []func(*config.Environment)
		group   string
	}{
		"FireLens has a group for them":                    {nil, "/ecs/prooflink-dev-errors"},
		"the awslogs driver has them in the container's":   {[]func(*config.Environment){awslogs}, "/ecs/prooflink-dev-app"},
		"a dashboard without alarms shows their number":    {[]func(*config.Environment){noAlarms}, "/ecs/prooflink-dev-errors"},
		"alarms without a dashboard need their number too": {[]func(*config.Environment){full, noDashboard}, "/ecs/prooflink-dev-errors"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := synth(t, "dev", c.changes...).One(t, "AWS::Logs::MetricFilter")
			got := r.Text("LogGroupName") + " " + r.Text("FilterPattern") + " " + r.Text("MetricTransformations")
			want := c.group + ` { ($.level = "error") || ($.level = "fatal") || ($.level = "critical") } ` +
				"[{DefaultValue:0 MetricName:ErrorCount MetricNamespace:App/Errors/prooflink-dev MetricValue:1 Unit:Count}]"
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestLiteralNamesAreTheSeeds(t *testing.T) {
	template := synth(t, "prod", func(env *config.Environment) { env.Naming.Scheme = config.SchemeLiteral })
	r := template.One(t, "AWS::Logs::MetricFilter")
	if got := r.Text("MetricTransformations", 0, "MetricNamespace"); got != "App/Errors" {
		t.Errorf("the namespace is %s", got)
	}
	if got := template.One(t, "AWS::CloudWatch::Dashboard").Text("DashboardName"); got != "ApplicationDashboard" {
		t.Errorf("the dashboard is %s", got)
	}
	named(t, template, "AWS::CloudWatch::Alarm", "AlarmName", "prooflink-ecs-cpu-high")
}

// noAlarms turns the alarms off.
func noAlarms(env *config.Environment) { env.Monitoring.Alarms = config.AlarmsNone }

// noDashboard turns the dashboard off.
func noDashboard(env *config.Environment) { env.Monitoring.Dashboard = false }

func TestWhatIsNotWantedIsNotThere(t *testing.T) {
	template := synth(t, "dev", noAlarms, noDashboard, func(env *config.Environment) { env.Monitoring.Queries = false })
	for id, r := range template.Resources {
		if r.Type != "AWS::CDK::Metadata" {
			t.Errorf("%s %s is there", r.Type, id)
		}
	}
}
