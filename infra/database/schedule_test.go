package database_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/database"
	"github.com/prooflink/prooflink/infra/infratest"
	"github.com/prooflink/prooflink/infra/templates"
)

const (
	schedule = "AWS::Scheduler::Schedule"
	rule     = "AWS::Events::Rule"
)

// bySSM runs AWS's automation documents.
func bySSM(env *config.Environment) { env.DB.Schedule.Mechanism = config.MechanismSSM }

// at changes when the database stops and starts.
func at(stop, start, days, zone string) func(*config.Environment) {
	return func(env *config.Environment) {
		env.DB.Schedule.Stop, env.DB.Schedule.Start, env.DB.Schedule.Days, env.DB.Schedule.Timezone = stop, start, days, zone
	}
}

// role finds a role by its name.
func role(t *testing.T, template infratest.Template, name string) templates.Resource {
	t.Helper()
	for _, r := range template.Of("AWS::IAM::Role") {
		if r.Text("RoleName") == name {
			return r
		}
	}
	t.Fatalf("no role %s", name)
	return templates.Resource{}
}

func TestA262C28DevStopsAtNightInItsOwnTimezone(t *testing.T) {
	template := synth(t, "dev")
	infratest.Equal(t, "group", template.One(t, "AWS::Scheduler::ScheduleGroup").Text("Name"), "prooflink-dev-db-schedule")
	got := map[string]string{}
	for _, r := range template.Of(schedule) {
		got[r.Text("Name")] = strings.Join([]string{r.Text("ScheduleExpression"), r.Text("ScheduleExpressionTimezone"), r.Text("Target", "Arn"), r.Text("Target", "Input")}, " ")
		has(t, r.Text("Name"), r, map[string]string{"GroupName": "${ScheduleGroup}", "State": "ENABLED", "FlexibleTimeWindow": "{Mode:OFF}"})
		infratest.Equal(t, "a refused call", r.Text("Target", "RetryPolicy"), "{MaximumEventAgeInSeconds:3600 MaximumRetryAttempts:3}")
	}
	infratest.Equal(t, "schedules", got, map[string]string{
		"prooflink-dev-db-stop":  `cron(0 22 ? * SUN-SAT *) Asia/Tokyo arn:aws:scheduler:::aws-sdk:rds:stopDBInstance {"DbInstanceIdentifier":"prooflink-dev-db"}`,
		"prooflink-dev-db-start": `cron(0 9 ? * SUN-SAT *) Asia/Tokyo arn:aws:scheduler:::aws-sdk:rds:startDBInstance {"DbInstanceIdentifier":"prooflink-dev-db"}`,
	})
}

func TestB37ProdNeverStops(t *testing.T) {
	for _, kind := range []string{schedule, rule, "AWS::Scheduler::ScheduleGroup"} {
		infratest.Equal(t, kind, len(synth(t, "prod").Of(kind)), 0)
	}
}

func TestC28AuroraIsStoppedAsACluster(t *testing.T) {
	got := map[string]string{}
	for _, r := range synth(t, "dev", aurora("t4g.medium", 7)).Of(schedule) {
		got[r.Text("Target", "Arn")] = r.Text("Target", "Input")
	}
	infratest.Equal(t, "calls", got, map[string]string{
		"arn:aws:scheduler:::aws-sdk:rds:stopDBCluster":  `{"DbClusterIdentifier":"prooflink-dev-db"}`,
		"arn:aws:scheduler:::aws-sdk:rds:startDBCluster": `{"DbClusterIdentifier":"prooflink-dev-db"}`,
	})
}

func TestC28TheScheduleMayStopAndStartThisDatabaseOnly(t *testing.T) {
	for kind, change := range map[string]func(*config.Environment){
		"DBInstance ${Database.DBInstanceArn}": func(*config.Environment) {}, "DBCluster ${Cluster.DBClusterArn}": aurora("t4g.medium", 7),
	} {
		name, arn, _ := strings.Cut(kind, " ")
		r := role(t, synth(t, "dev", change), "prooflink-dev-db-schedule-role")
		infratest.Equal(t, "who", r.Text("AssumeRolePolicyDocument", "Statement"), "[{Action:sts:AssumeRole "+
			"Condition:{ArnLike:{aws:SourceArn:[${ScheduleGroup.Arn}]} StringEquals:{aws:SourceAccount:123456789012}} "+
			"Effect:Allow Principal:{Service:scheduler.amazonaws.com}}]")
		infratest.Equal(t, "what", r.Text("Policies", 0, "PolicyDocument", "Statement"),
			"[{Action:[rds:Stop"+name+" rds:Start"+name+"] Effect:Allow Resource:"+arn+" Sid:StopAndStart}]")
	}
}

func TestB37ADifferentScheduleIsWrittenAsConfigured(t *testing.T) {
	got := map[string]string{}
	for _, r := range synth(t, "dev", at("19:30", "08:05", "MON-FRI", "Europe/Berlin")).Of(schedule) {
		got[r.Text("Name")] = r.Text("ScheduleExpression") + " " + r.Text("ScheduleExpressionTimezone")
	}
	infratest.Equal(t, "schedules", got, map[string]string{
		"prooflink-dev-db-stop": "cron(30 19 ? * MON-FRI *) Europe/Berlin", "prooflink-dev-db-start": "cron(5 8 ? * MON-FRI *) Europe/Berlin",
	})
}

// expressions lists the rules' times.
func expressions(template infratest.Template) map[string]string {
	got := map[string]string{}
	for _, r := range template.Of(rule) {
		got[strings.TrimPrefix(r.Text("Name"), "prooflink-dev-db-")] = r.Text("ScheduleExpression")
	}
	return got
}

func TestC28RulesHaveUTCAndTheDayThatItIsThere(t *testing.T) {
	for name, c := range map[string]struct {
		change      func(*config.Environment)
		stop, start string
	}{
		"the seed's times":              {at("22:00", "09:00", "SUN-SAT", "Asia/Tokyo"), "cron(0 13 ? * SUN-SAT *)", "cron(0 0 ? * SUN-SAT *)"},
		"the morning is the day before": {at("20:30", "08:15", "MON-FRI", "Asia/Tokyo"), "cron(30 11 ? * MON-FRI *)", "cron(15 23 ? * SUN,MON,TUE,WED,THU *)"},
		"over the end of the week":      {at("05:00", "09:00", "FRI-SAT,SUN-MON", "Asia/Tokyo"), "cron(0 20 ? * THU,FRI,SAT,SUN *)", "cron(0 0 ? * FRI-SAT,SUN-MON *)"},
		"a list of days":                {at("05:00", "09:00", "SUN,WED", "Asia/Tokyo"), "cron(0 20 ? * SAT,TUE *)", "cron(0 0 ? * SUN,WED *)"},
		"behind UTC":                    {at("22:00", "09:00", "MON-FRI", "America/Bogota"), "cron(0 3 ? * TUE,WED,THU,FRI,SAT *)", "cron(0 14 ? * MON-FRI *)"},
		"half an hour":                  {at("22:00", "09:00", "MON-FRI", "Asia/Kolkata"), "cron(30 16 ? * MON-FRI *)", "cron(30 3 ? * MON-FRI *)"},
	} {
		t.Run(name, func(t *testing.T) {
			infratest.Equal(t, "rules", expressions(synth(t, "dev", bySSM, c.change)), map[string]string{"stop": c.stop, "start": c.start})
		})
	}
}

func TestA262C28RulesStartTheSeedsDocuments(t *testing.T) {
	const definition = "arn:${AWS::Partition}:ssm:ap-northeast-1::automation-definition/"
	for engine, c := range map[string]struct {
		change func(*config.Environment)
		want   map[string]string
	}{
		"rds": {bySSM, map[string]string{
			"AWS-StopRdsInstance:$DEFAULT":  `{"AutomationAssumeRole":["<role>"],"InstanceId":["prooflink-dev-db"]}`,
			"AWS-StartRdsInstance:$DEFAULT": `{"AutomationAssumeRole":["<role>"],"InstanceId":["prooflink-dev-db"]}`,
		}},
		"aurora": {func(env *config.Environment) { aurora("t4g.medium", 7)(env); bySSM(env) }, map[string]string{
			"AWS-StartStopAuroraCluster:$DEFAULT Stop":  `{"Action":["Stop"],"AutomationAssumeRole":["<role>"],"ClusterName":["prooflink-dev-db"]}`,
			"AWS-StartStopAuroraCluster:$DEFAULT Start": `{"Action":["Start"],"AutomationAssumeRole":["<role>"],"ClusterName":["prooflink-dev-db"]}`,
		}},
	} {
		got := map[string]string{}
		template := synth(t, "dev", c.change)
		automation := "${AutomationRole"
		for _, r := range template.Of(rule) {
			input := r.Text("Targets", 0, "Input")
			before, after, _ := strings.Cut(input, automation)
			_, after, _ = strings.Cut(after, ".Arn}")
			key := strings.TrimPrefix(r.Text("Targets", 0, "Arn"), definition)
			if engine == "aurora" {
				key += " " + strings.Fields(r.Text("Description"))[0]
			}
			got[key] = before + "<role>" + after
			infratest.Equal(t, "a refused start", r.Text("Targets", 0, "RetryPolicy"), "{MaximumEventAgeInSeconds:3600 MaximumRetryAttempts:3}")
		}
		infratest.Equal(t, engine, got, c.want)
		infratest.Equal(t, "schedules beside it", len(template.Of(schedule)), 0)
	}
}

func TestC28TheAutomationHasTwoRolesOfItsOwn(t *testing.T) {
	template := synth(t, "dev", bySSM)
	automation := role(t, template, "prooflink-dev-db-automation-role")
	infratest.Equal(t, "who works", automation.Text("AssumeRolePolicyDocument", "Statement"), "[{Action:sts:AssumeRole "+
		"Condition:{ArnLike:{aws:SourceArn:[arn:${AWS::Partition}:ssm:ap-northeast-1:123456789012:automation-execution/*]} "+
		"StringEquals:{aws:SourceAccount:123456789012}} Effect:Allow Principal:{Service:ssm.amazonaws.com}}]")
	infratest.Equal(t, "its work", automation.Text("Policies", 0, "PolicyDocument", "Statement"),
		"[{Action:[rds:StopDBInstance rds:StartDBInstance rds:DescribeDBInstances] Effect:Allow Resource:${Database.DBInstanceArn} Sid:StopAndStart}]")
	starter := role(t, template, "prooflink-dev-db-schedule-role")
	infratest.Equal(t, "who starts", starter.Text("AssumeRolePolicyDocument", "Statement", 0, "Condition", "ArnLike"),
		"{aws:SourceArn:[arn:${AWS::Partition}:events:ap-northeast-1:123456789012:rule/prooflink-dev-db-stop "+
			"arn:${AWS::Partition}:events:ap-northeast-1:123456789012:rule/prooflink-dev-db-start]}")
	infratest.Equal(t, "what it starts", starter.Text("Policies", 0, "PolicyDocument", "Statement", 0, "Resource"), "["+strings.Join([]string{
		"arn:${AWS::Partition}:ssm:ap-northeast-1:123456789012:automation-execution/*",
		"arn:${AWS::Partition}:ssm:ap-northeast-1::document/AWS-StopRdsInstance",
		"arn:${AWS::Partition}:ssm:ap-northeast-1::automation-definition/AWS-StopRdsInstance:*",
		"arn:${AWS::Partition}:ssm:ap-northeast-1::document/AWS-StartRdsInstance",
		"arn:${AWS::Partition}:ssm:ap-northeast-1::automation-definition/AWS-StartRdsInstance:*",
	}, " ")+"]")
	infratest.Equal(t, "whose role it passes", starter.Text("Policies", 0, "PolicyDocument", "Statement", 1, "Condition"),
		"{StringEquals:{iam:PassedToService:[ssm.amazonaws.com]}}")
}

// refused counts the errors like this one that keep a template from being deployed.
func refused(t *testing.T, message any, change func(*config.Environment)) int {
	t.Helper()
	env := infratest.Env(t, "dev", bySSM, change)
	stack := awscdk.NewStack(awscdk.NewApp(nil), jsii.String("Test"), nil)
	database.New(stack, database.Props{Env: env, SubnetIDs: []*string{jsii.String("a"), jsii.String("b")}, SecurityGroupID: jsii.String("sg")})
	return len(*assertions.Annotations_FromStack(stack).FindError(jsii.String("*"), message))
}

func TestC28RulesRefuseAZoneThatTheyCannotFollow(t *testing.T) {
	infratest.Equal(t, "summer time", refused(t, `dev.yaml: db.schedule.timezone "Europe/Berlin" changes its clocks, which mechanism ssm cannot follow; `+
		"write mechanism: scheduler", at("22:00", "09:00", "SUN-SAT", "Europe/Berlin")), 1)
	infratest.Equal(t, "no such zone", refused(t, `dev.yaml: db.schedule.timezone "Asia/Edo" is unknown; write an IANA name, e.g. Asia/Tokyo`,
		at("22:00", "09:00", "SUN-SAT", "Asia/Edo")), 1)
	infratest.Equal(t, "Tokyo", refused(t, assertions.Match_AnyValue(), at("22:00", "09:00", "SUN-SAT", "Asia/Tokyo")), 0)
}
