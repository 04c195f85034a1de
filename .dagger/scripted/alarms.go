package scripted

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// alarm is an alarm with its state.
type alarm struct {
	Alarm
	state types.StateValue
	since time.Time
}

// newAlarm is an alarm at the start.
func newAlarm(planned Alarm, now time.Time) *alarm {
	a := &alarm{Alarm: planned, state: types.StateValueOk, since: now}
	if planned.Firing {
		a.state = types.StateValueAlarm
	}
	return a
}

// watching are the alarms that roll deployments back.
func (w *World) watching() []string {
	var all []string
	for _, planned := range w.scenario.Alarms {
		if planned.Watches {
			all = append(all, planned.Name)
		}
	}
	return all
}

// fire sets an alarm off. ECS takes back the deployment that it watches.
func (w *World) fire(name string) {
	a := w.alarms[name]
	a.state, a.since = types.StateValueAlarm, w.clock
	s := w.theService()
	if !a.Watches || s == nil || s.primary.over() {
		return
	}
	r := s.primary
	r.watch, r.triggered = ecstypes.ServiceDeploymentRollbackMonitorsStatusTriggered, []string{name}
	w.fail(r, "alarm detected.", "", "")
}

func (w *World) serveAlarms() { on(w, "cloudwatch", w.describeAlarms) }

func (w *World) describeAlarms(in *cloudwatch.DescribeAlarmsInput) (*cloudwatch.DescribeAlarmsOutput, error) {
	var all []types.MetricAlarm
	for _, name := range sortedKeys(w.alarms) {
		a := w.alarms[name]
		if in.StateValue != "" && in.StateValue != a.state || !strings.HasPrefix(name, aws.ToString(in.AlarmNamePrefix)) ||
			len(in.AlarmNames) > 0 && !slices.Contains(in.AlarmNames, name) {
			continue
		}
		all = append(all, types.MetricAlarm{
			AlarmName: aws.String(name), AlarmArn: aws.String(w.arn("cloudwatch", "alarm:"+name)), StateValue: a.state, StateReason: text(a.Reason),
			StateUpdatedTimestamp: aws.Time(a.since), ActionsEnabled: aws.Bool(true),
		})
	}
	some, next, err := page(w, all, in.NextToken, limit(in.MaxRecords, 100))
	return &cloudwatch.DescribeAlarmsOutput{MetricAlarms: some, NextToken: next}, err
}
