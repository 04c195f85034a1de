package database

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/policy"
)

const (
	// attempts and window end a call that the database refuses, e.g. because it is
	// stopped already: by default it would be repeated for a day, and stop the
	// database in the morning.
	attempts = 3
	window   = time.Hour
)

// action is one of the two things that a schedule does.
type action struct {
	// verb is "Stop" or "Start", as in AWS's names of its operations.
	verb string
	// at is the time of day, e.g. "22:00".
	at string
}

// id is the action's name.
func (a action) id() string { return strings.ToLower(a.verb) }

// actions are what the schedule does in a day.
func (b builder) actions() []action {
	return []action{{"Stop", b.Env.DB.Schedule.Stop}, {"Start", b.Env.DB.Schedule.Start}}
}

// schedule stops and starts the database (004_9a2c9db51dc67ef8.txt L1475-1485),
// by calls of RDS's API or by the document's automation.
func (b builder) schedule(server server) {
	if !b.Env.DB.Schedule.Enabled {
		return
	}
	schedule := b.scheduleCall
	if b.Env.DB.Schedule.Mechanism == config.MechanismSSM {
		schedule = b.scheduleAutomation
	}
	schedule(server)
}

// scheduleCall lets EventBridge Scheduler call RDS itself, at the local time.
func (b builder) scheduleCall(server server) {
	group := awsscheduler.NewCfnScheduleGroup(b.scope, jsii.String("ScheduleGroup"), &awsscheduler.CfnScheduleGroupProps{
		Name: jsii.String(b.names.DatabaseSchedule()),
	})
	role := b.schedulerRole(server, group)
	for _, action := range b.actions() {
		b.call(server, action, group, role)
	}
}

// call makes the schedule of one action.
func (b builder) call(server server, action action, group awsscheduler.CfnScheduleGroup, role awsiam.Role) {
	awsscheduler.NewCfnSchedule(b.scope, jsii.String(action.verb+"Schedule"), &awsscheduler.CfnScheduleProps{
		Name:                       jsii.String(b.names.DatabaseScheduleAction(action.id())),
		GroupName:                  group.Ref(),
		Description:                jsii.String(action.verb + " the database"),
		ScheduleExpression:         cron(clock(action.at), b.Env.DB.Schedule.Days),
		ScheduleExpressionTimezone: jsii.String(b.Env.DB.Schedule.Timezone),
		State:                      jsii.String("ENABLED"),
		FlexibleTimeWindow:         awsscheduler.CfnSchedule_FlexibleTimeWindowProperty{Mode: jsii.String("OFF")},
		Target: awsscheduler.CfnSchedule_TargetProperty{
			Arn:     jsii.String(fmt.Sprintf("arn:aws:scheduler:::aws-sdk:rds:%sDB%s", action.id(), server.kind)),
			RoleArn: role.RoleArn(),
			// "Db", as in the SDK's names; the API's own have "DB".
			Input: jsii.String(fmt.Sprintf(`{"Db%sIdentifier":%q}`, server.kind, b.names.Database())),
			RetryPolicy: awsscheduler.CfnSchedule_RetryPolicyProperty{
				MaximumRetryAttempts: jsii.Number(attempts), MaximumEventAgeInSeconds: jsii.Number(window.Seconds()),
			},
		},
	})
}

// schedulerRole may stop and start this database, for schedules of this group.
func (b builder) schedulerRole(server server, group awsscheduler.CfnScheduleGroup) awsiam.Role {
	return b.role("ScheduleRole", b.names.DatabaseScheduleRole(), "scheduler", "Stops and starts the database",
		[]*string{group.AttrArn()}, policy.Permission{
			Sid: "StopAndStart", Actions: []string{"rds:StopDB" + server.kind, "rds:StartDB" + server.kind}, Resources: []string{*server.arn},
		})
}

// role can be taken by one AWS service only, acting for what the sources name.
func (b builder) role(id, name, service, description string, sources []*string, permissions ...policy.Permission) awsiam.Role {
	condition := map[string]any{
		"StringEquals": map[string]*string{"aws:SourceAccount": awscdk.Stack_Of(b.scope).Account()},
		"ArnLike":      map[string]any{"aws:SourceArn": sources},
	}
	return awsiam.NewRole(b.scope, jsii.String(id), &awsiam.RoleProps{
		RoleName: jsii.String(name), Description: jsii.String(description),
		AssumedBy: awsiam.NewServicePrincipal(jsii.String(service+".amazonaws.com"), &awsiam.ServicePrincipalOpts{Conditions: &condition}),
		InlinePolicies: &map[string]awsiam.PolicyDocument{
			id: policy.Document(permissions...),
		},
	})
}

// clock reads a time of day, which the configuration has checked.
func clock(at string) time.Time {
	moment, _ := time.Parse("15:04", at)
	return moment
}

// cron is a moment of certain days of the week.
func cron(at time.Time, days string) *string {
	return jsii.String(fmt.Sprintf("cron(%d %d ? * %s *)", at.Minute(), at.Hour(), days))
}
