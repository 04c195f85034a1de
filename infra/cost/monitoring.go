package cost

import "strings"

// logGroups share what is taken in; each keeps it for its retention. A group
// without one keeps a year's here, though it would keep growing. The flow log's
// is priced apart.
func (e *estimator) logGroups(list []resource) {
	flows := e.flowGroups()
	others := float64(len(list) - len(flows))
	if others > 0 {
		e.add(Monitoring, "Logs, taken in", "", e.assume("logs.gb"), "logs.ingest")
	}
	kept := 0.0
	for _, r := range list {
		months := e.number(r, "RetentionInDays") / daysPerMonth
		if months == 0 {
			months = 12
		}
		if flows[r.stack.Name+r.id] {
			kept += months * e.assume("flow.gb")
		} else {
			kept += months * e.assume("logs.gb") / others
		}
	}
	e.add(Monitoring, "Logs, kept", "", kept*e.prices.factor("logCompression").Value, "logs.stored")
}

// flowGroups are the groups that flow logs go to.
func (e *estimator) flowGroups() map[string]bool {
	found := map[string]bool{}
	for _, r := range e.resources["AWS::EC2::FlowLog"] {
		if group, ok := r.refers("LogGroupName"); ok {
			found[group.stack.Name+group.id] = true
		}
	}
	return found
}

// insights are Container Insights' metrics.
func (e *estimator) insights(list []resource) {
	for _, r := range list {
		settings := r.Text("ClusterSettings")
		switch {
		case strings.Contains(settings, "Value:enhanced"):
			e.add(Monitoring, "Container Insights", "enhanced", e.assume("insights.enhanced.metrics"), "metric.enhanced")
		case strings.Contains(settings, "Value:enabled"):
			e.add(Monitoring, "Container Insights", "", e.assume("insights.metrics"), "metric.custom")
		}
	}
}

// fastPeriod is below which seconds an alarm counts as a fast one.
const fastPeriod = 60

// alarms cost by the metrics that they look at.
func (e *estimator) alarms(list []resource) {
	for _, r := range list {
		price := "alarm.metric"
		if period := e.number(r, "Period"); period > 0 && period < fastPeriod {
			price = "alarm.fast"
		}
		e.add(Monitoring, "Alarms", "", float64(max(1, metrics(r))), price)
	}
}

// metrics counts the metrics that a formula has.
func metrics(r resource) int {
	count := 0
	for i := range r.items("Metrics") {
		if r.At("Metrics", i, "MetricStat") != nil {
			count++
		}
	}
	return count
}

// scaling makes two alarms for each target that it tracks.
func (e *estimator) scaling(list []resource) {
	for _, r := range list {
		if r.Text("PolicyType") == "TargetTrackingScaling" {
			e.add(Monitoring, "Alarms", "", 2, "alarm.metric")
		}
	}
}

// filters make metrics of one's own.
func (e *estimator) filters(list []resource) {
	for _, r := range list {
		e.add(Monitoring, "Metrics from logs", "", float64(len(r.items("MetricTransformations"))), "metric.custom")
	}
}
