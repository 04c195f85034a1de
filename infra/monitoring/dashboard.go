package monitoring

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/part"
)

const (
	// columns is the dashboard's width.
	columns = 24
	// graphHeight and statusHeight are in the grid's units.
	graphHeight  = 6
	statusHeight = 3
)

// widget is a rectangle on the dashboard.
type widget struct {
	kind       string
	height     int
	properties map[string]any
}

// graph shows series over time.
type graph struct {
	title string
	lines []line
	rates []calculation
	// alarm is the one whose threshold it shows, where the environment has it.
	alarm string
}

// line is a series with its name in the graph's legend.
type line struct {
	label string
	metric
}

// newDashboard makes the dashboard (000_e03a210ce428a44a.txt §6.5). Its body
// names resources of other stacks, so the CDK writes it.
func newDashboard(scope constructs.Construct, w watch, alarms []*string) {
	body := map[string]any{"widgets": place(w.rows(alarms))}
	dashboard := awscloudwatch.NewCfnDashboard(scope, jsii.String("Dashboard"), &awscloudwatch.CfnDashboardProps{
		DashboardName: jsii.String(w.names.Dashboard()),
		DashboardBody: awscdk.Stack_Of(scope).ToJsonString(body, nil),
	})
	part.Output(scope, names.OutputDashboardName, dashboard.Ref())
}

// place puts each row's widgets side by side and the rows below each other.
func place(rows [][]widget) []any {
	var placed []any
	y := 0
	for _, row := range rows {
		width, height := columns/max(len(row), 1), 0
		for i, each := range row {
			placed = append(placed, map[string]any{
				"type": each.kind, "x": i * width, "y": y, "width": width, "height": each.height, "properties": each.properties,
			})
			height = max(height, each.height)
		}
		y += height
	}
	return placed
}

// rows are the dashboard, from what needs somebody to what is nice to know.
func (w watch) rows(alarms []*string) [][]widget {
	var rows [][]widget
	if len(alarms) > 0 {
		rows = append(rows, []widget{{"alarm", statusHeight, map[string]any{"title": "Alarms", "alarms": alarms}}})
	}
	rows = append(rows, w.graphs(w.serviceGraphs()), w.databaseRow(), w.graphs(w.balancerGraphs()))
	if len(w.Network.Endpoints) > 0 {
		rows = append(rows, w.graphs([]graph{w.endpointGraph()}))
	}
	return rows
}

// serviceGraphs are of the ECS service. Each task reports its CPU once a minute,
// so the samples are the tasks; RunningTaskCount needs Container Insights.
func (w watch) serviceGraphs() []graph {
	return []graph{
		{title: "ECS CPU Utilization", alarm: "ecs-cpu-high", lines: []line{{"CPU %", w.service("CPUUtilization")}}},
		{title: "ECS Memory Utilization", alarm: "ecs-memory-high", lines: []line{{"Memory %", w.service("MemoryUtilization")}}},
		{title: "ECS Task Count", lines: []line{{"Tasks", w.service("CPUUtilization").with(sampleCount, minute)}}},
		{title: "Error Logs", alarm: "error-logs", lines: []line{{"Records", w.errors()}}},
	}
}

// databaseRow is the database's graphs, and a word on the one that only Aurora
// with readers has.
func (w watch) databaseRow() []widget {
	graphs := []graph{
		{title: "Database CPU Utilization", alarm: "db-cpu-high", lines: []line{{"CPU %", w.database("CPUUtilization")}}},
		{title: "Database Connections", alarm: "db-connections-high", lines: []line{{"Connections", w.database("DatabaseConnections")}}},
		{title: "Database Storage", alarm: "db-disk-high", lines: []line{{w.storage().name, w.storage()}}},
	}
	if w.replicated() {
		graphs = append(graphs, graph{title: "Replica Lag", alarm: "db-replica-lag-high", lines: []line{{"Milliseconds", w.lag()}}})
		return w.graphs(graphs)
	}
	return append(w.graphs(graphs), widget{"text", graphHeight, map[string]any{
		"markdown": "### Replica Lag\nThis database has no reader. A standby of RDS (db.multiAz) is written synchronously and has no lag.",
	}})
}

// balancerGraphs are of the load balancer.
func (w watch) balancerGraphs() []graph {
	latency := w.balancer("TargetResponseTime")
	return []graph{
		{title: "ALB Requests", lines: []line{{"Requests", w.balancer("RequestCount")}}},
		{title: "ALB Latency", alarm: "alb-response-time-high", lines: []line{
			{"Average seconds", latency.with(average, fiveMinutes)}, {"p95 seconds", latency.with("p95", fiveMinutes)},
		}},
		{title: "ALB 4xx and 5xx Rates", alarm: "alb-5xx-high", rates: []calculation{w.errorRate("4XX"), w.errorRate("5XX")}},
		{title: "ALB Targets", alarm: "alb-unhealthy-targets", lines: []line{
			{"Healthy", w.targets("HealthyHostCount")}, {"Unhealthy", w.targets("UnHealthyHostCount")},
		}},
	}
}

// endpointGraph is what goes through each VPC endpoint.
func (w watch) endpointGraph() graph {
	g := graph{title: "VPC Endpoint Bytes"}
	for _, service := range slices.Sorted(maps.Keys(w.Network.Endpoints)) {
		g.lines = append(g.lines, line{service, w.endpointBytes(service)})
	}
	return g
}

// graphs makes widgets of graphs.
func (w watch) graphs(list []graph) []widget {
	var widgets []widget
	for _, g := range list {
		properties := map[string]any{
			"title": g.title, "view": "timeSeries", "region": w.Env.Region, "metrics": g.metrics(),
			"yAxis": map[string]any{"left": map[string]any{"min": 0}},
		}
		if limits := w.limits(g.alarm); limits != nil {
			properties["annotations"] = map[string]any{"horizontal": limits}
		}
		widgets = append(widgets, widget{"metric", graphHeight, properties})
	}
	return widgets
}

// limits is an alarm's threshold as a graph shows it.
func (w watch) limits(name string) []any {
	for _, a := range w.alarms() {
		if a.name == name {
			return []any{map[string]any{"label": w.names.Alarm(name), "value": a.threshold}}
		}
	}
	return nil
}

// metrics are the graph's lines and rates.
func (g graph) metrics() []any {
	var list []any
	for _, l := range g.lines {
		list = append(list, l.row(map[string]any{"label": l.label}))
	}
	for _, rate := range g.rates {
		list = append(list, rate.rows()...)
	}
	return list
}

// row is a metric as a dashboard has it.
func (m metric) row(options map[string]any) []any {
	row := []any{m.namespace, m.name}
	for _, d := range m.dimensions {
		row = append(row, d.name, d.value)
	}
	options["stat"], options["period"] = m.statistic, m.period
	return append(row, options)
}

// rows are a calculation as a dashboard has it, which shows its last step only.
func (c calculation) rows() []any {
	var list []any
	for _, in := range c.inputs {
		list = append(list, in.row(map[string]any{"id": in.id, "visible": false}))
	}
	for i, s := range c.steps {
		list = append(list, []any{map[string]any{
			"id": s.id, "expression": s.expression, "label": s.label, "visible": i == len(c.steps)-1,
		}})
	}
	return list
}
