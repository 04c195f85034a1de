package database

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the time zones, wherever the templates are made

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/policy"
)

// document is one of AWS's automation documents and what it is told.
type document struct {
	name       string
	parameters map[string][]string
}

// document does an action: each for an instance, one for both with a cluster.
func (b builder) document(server server, action action) document {
	if server.kind == "Cluster" {
		return document{"AWS-StartStopAuroraCluster", map[string][]string{
			"ClusterName": {b.names.Database()}, "Action": {action.verb},
		}}
	}
	return document{"AWS-" + action.verb + "RdsInstance", map[string][]string{"InstanceId": {b.names.Database()}}}
}

// arn is one of the document's, without an account, as AWS's own documents have it.
func (d document) arn(stack awscdk.Stack, resource, suffix string) *string {
	return stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("ssm"), Account: jsii.String(""), Resource: jsii.String(resource), ResourceName: jsii.String(d.name + suffix),
	})
}

// scheduleAutomation lets EventBridge start Systems Manager's automation. Two
// roles are needed: one that starts it and one that it works with.
func (b builder) scheduleAutomation(server server) {
	automation := b.automationRole(server)
	starter := b.starterRole(server, automation)
	for _, action := range b.actions() {
		b.rule(server, action, automation, starter)
	}
}

// rule starts the automation of one action.
func (b builder) rule(server server, action action, automation, starter awsiam.Role) {
	expression, err := b.utc(action)
	if err != nil {
		awscdk.Annotations_Of(b.scope).AddError(jsii.String(b.Env.Env + ".yaml: db.schedule." + err.Error()))
	}
	document := b.document(server, action)
	document.parameters["AutomationAssumeRole"] = []string{*automation.RoleArn()}
	input, _ := json.Marshal(document.parameters) // texts only
	awsevents.NewCfnRule(b.scope, jsii.String(action.verb+"Rule"), &awsevents.CfnRuleProps{
		Name:               jsii.String(b.names.DatabaseScheduleAction(action.id())),
		Description:        jsii.String(action.verb + " the database"),
		ScheduleExpression: expression,
		State:              jsii.String("ENABLED"),
		Targets: []any{awsevents.CfnRule_TargetProperty{
			Id: jsii.String("Automation"), Arn: document.arn(b.stack(), "automation-definition", ":$DEFAULT"),
			RoleArn: starter.RoleArn(), Input: jsii.String(string(input)),
			RetryPolicy: awsevents.CfnRule_RetryPolicyProperty{
				MaximumRetryAttempts: jsii.Number(attempts), MaximumEventAgeInSeconds: jsii.Number(window.Seconds()),
			},
		}},
	})
}

// automationRole is what the documents work with: the two calls, and the look at
// the database's state that they begin with.
func (b builder) automationRole(server server) awsiam.Role {
	return b.role("AutomationRole", b.names.DatabaseAutomationRole(), "ssm", "What stops and starts the database may do",
		[]*string{b.ours("ssm", "automation-execution", "*")},
		policy.Permission{Sid: "StopAndStart", Resources: []string{*server.arn}, Actions: []string{
			"rds:StopDB" + server.kind, "rds:StartDB" + server.kind, "rds:DescribeDB" + server.kind + "s",
		}})
}

// starterRole may start the documents and give them their role. Systems Manager
// asks for the document and for the execution, whose id nobody knows before; it
// used to ask for the definition, which AWS deprecates.
func (b builder) starterRole(server server, automation awsiam.Role) awsiam.Role {
	resources := []string{*b.ours("ssm", "automation-execution", "*")}
	for _, document := range b.documents(server) {
		resources = append(resources, *document.arn(b.stack(), "document", ""), *document.arn(b.stack(), "automation-definition", ":*"))
	}
	return b.role("ScheduleRole", b.names.DatabaseScheduleRole(), "events", "Starts what stops and starts the database", b.rules(),
		policy.Permission{Sid: "StartAutomation", Actions: []string{"ssm:StartAutomationExecution"}, Resources: resources},
		policy.Permission{Sid: "PassRole", Actions: []string{"iam:PassRole"}, Resources: []string{*automation.RoleArn()},
			Conditions: policy.Equals("iam:PassedToService", "ssm.amazonaws.com")})
}

// rules are the ARNs of both rules, which are made after the role.
func (b builder) rules() []*string {
	var list []*string
	for _, action := range b.actions() {
		list = append(list, b.ours("events", "rule", b.names.DatabaseScheduleAction(action.id())))
	}
	return list
}

// documents are those of both actions.
func (b builder) documents(server server) []document {
	var list []document
	for _, action := range b.actions() {
		list = append(list, b.document(server, action))
	}
	return slices.CompactFunc(list, func(one, other document) bool { return one.name == other.name })
}

// ours is the ARN of something in the stack's account and region.
func (b builder) ours(service, resource, name string) *string {
	return b.stack().FormatArn(&awscdk.ArnComponents{
		Service: jsii.String(service), Resource: jsii.String(resource), ResourceName: jsii.String(name),
	})
}

// stack is the database's.
func (b builder) stack() awscdk.Stack { return awscdk.Stack_Of(b.scope) }

// utc is when an action happens, as a rule wants it: rules know UTC only. A zone
// whose clocks change is refused, since the rule would be an hour off then.
func (b builder) utc(action action) (*string, error) {
	schedule := b.Env.DB.Schedule
	at := clock(action.at)
	offset, err := offsetOf(schedule.Timezone)
	moved := at.Add(-offset)
	return cron(moved, shift(schedule.Days, int(moved.Weekday()-at.Weekday()))), err
}

// year is the one in which zones are asked for their clocks. Any recent one does;
// a fixed one keeps the templates the same.
const year = 2026

// offsetOf is how far a zone is ahead of UTC throughout the year.
func offsetOf(name string) (time.Duration, error) {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return 0, fmt.Errorf("timezone %q is unknown; write an IANA name, e.g. Asia/Tokyo", name)
	}
	_, first := time.Date(year, time.January, 1, 0, 0, 0, 0, zone).Zone()
	for month := time.January; month <= time.December; month++ {
		if _, seconds := time.Date(year, month, 1, 0, 0, 0, 0, zone).Zone(); seconds != first {
			err = fmt.Errorf("timezone %q changes its clocks, which mechanism ssm cannot follow; write mechanism: scheduler", name)
		}
	}
	return time.Duration(first) * time.Second, err
}

// week has the days as cron expressions name them.
var week = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}

// shift moves a cron expression's days of the week by some days, e.g. "MON-FRI"
// by -1 to "SUN,MON,TUE,WED,THU": a span would be refused where it went backwards.
func shift(days string, by int) string {
	if by == 0 {
		return days
	}
	var moved []string
	for item := range strings.SplitSeq(days, ",") {
		first, last, isSpan := strings.Cut(item, "-")
		if !isSpan {
			last = first
		}
		for i := slices.Index(week, first); i <= slices.Index(week, last); i++ {
			moved = append(moved, week[(i+by+len(week))%len(week)])
		}
	}
	return strings.Join(moved, ",")
}
