package monitoring_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/infratest"
)

// sorted sorts words in place.
func sorted(words []string) []string {
	slices.Sort(words)
	return words
}

// shown is a widget of a dashboard.
type shown struct {
	Type                string
	X, Y, Width, Height int
	Properties          struct {
		Title, Markdown, Region, View string
		Alarms                        []string
		Metrics                       [][]any
		Annotations                   struct {
			Horizontal []struct {
				Label string
				Value float64
			}
		}
	}
}

// dashboard reads the only dashboard's body.
func dashboard(t *testing.T, template infratest.Template) []shown {
	t.Helper()
	var body struct{ Widgets []shown }
	text := template.One(t, "AWS::CloudWatch::Dashboard").Text("DashboardBody")
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		t.Fatalf("the body is no JSON: %v\n%s", err, text)
	}
	return body.Widgets
}

// lines tells a widget's visible series: label, metric or expression,
// dimensions, statistic and period.
func (s shown) lines() []string {
	var told []string
	for _, metric := range s.Properties.Metrics {
		options := metric[len(metric)-1].(map[string]any)
		if options["visible"] == false {
			continue
		}
		words := []string{fmt.Sprint(options["label"]) + ":"}
		for _, word := range metric[:len(metric)-1] {
			words = append(words, fmt.Sprint(word))
		}
		if options["expression"] != nil {
			words = append(words, fmt.Sprint(options["expression"]))
		} else {
			words = append(words, fmt.Sprintf("%v/%vs", options["stat"], options["period"]))
		}
		told = append(told, strings.Join(words, " "))
	}
	return told
}

func TestA188To198TheDashboardShowsWhatIsWanted(t *testing.T) {
	ecs := " ClusterName prooflink-dev-cluster ServiceName prooflink-dev-service "
	db := " DBInstanceIdentifier prooflink-dev-db "
	alb := " LoadBalancer " + balancerName + " "
	endpoint := func(label, id string) string {
		return label + ": AWS/PrivateLinkEndpoints BytesProcessed Endpoint Type Interface Service Name com.amazonaws.ap-northeast-1." + label +
			" VPC Endpoint Id " + id + " VPC Id vpc-1 Sum/300s"
	}
	want := map[string][]string{
		"ECS CPU Utilization":      {"CPU %: AWS/ECS CPUUtilization" + ecs + "Average/300s"},
		"ECS Memory Utilization":   {"Memory %: AWS/ECS MemoryUtilization" + ecs + "Average/300s"},
		"ECS Task Count":           {"Tasks: AWS/ECS CPUUtilization" + ecs + "SampleCount/60s"},
		"Error Logs":               {"Records: App/Errors/prooflink-dev ErrorCount Sum/300s"},
		"Database CPU Utilization": {"CPU %: AWS/RDS CPUUtilization" + db + "Average/300s"},
		"Database Connections":     {"Connections: AWS/RDS DatabaseConnections" + db + "Average/300s"},
		"Database Storage":         {"FreeStorageSpace: AWS/RDS FreeStorageSpace" + db + "Average/300s"},
		"ALB Requests":             {"Requests: AWS/ApplicationELB RequestCount" + alb + "Sum/300s"},
		"ALB Latency": {"Average seconds: AWS/ApplicationELB TargetResponseTime" + alb + "Average/300s",
			"p95 seconds: AWS/ApplicationELB TargetResponseTime" + alb + "p95/300s"},
		"ALB 4xx and 5xx Rates": {"4xx %: IF(total4xx>0,100*failed4xx/total4xx,0)", "5xx %: IF(total5xx>0,100*failed5xx/total5xx,0)"},
		"ALB Targets": {"Healthy: AWS/ApplicationELB HealthyHostCount" + alb + "TargetGroup " + targetsName + " Maximum/60s",
			"Unhealthy: AWS/ApplicationELB UnHealthyHostCount" + alb + "TargetGroup " + targetsName + " Maximum/60s"},
		"VPC Endpoint Bytes": {endpoint("ecr.api", "vpce-ecr"), endpoint("logs", "vpce-logs")},
	}
	got := map[string][]string{}
	for _, each := range dashboard(t, synth(t, "dev")) {
		if each.Type == "metric" {
			got[each.Properties.Title] = each.lines()
		}
		if each.Type == "metric" && (each.Properties.Region != "ap-northeast-1" || each.Properties.View != "timeSeries") {
			t.Errorf("%s is of %s, as %s", each.Properties.Title, each.Properties.Region, each.Properties.View)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheDashboardsNameHasTheEnvironment(t *testing.T) {
	template := synth(t, "dev")
	if got := template.One(t, "AWS::CloudWatch::Dashboard").Text("DashboardName"); got != "ApplicationDashboard-dev" {
		t.Errorf("got %s", got)
	}
	if _, ok := template.Outputs["DashboardName"]; !ok {
		t.Error("the name is no output")
	}
}

func TestA194OnlyReadersHaveALag(t *testing.T) {
	lag := func(changes ...func(*config.Environment)) (graph, text string) {
		for _, each := range dashboard(t, synth(t, "prod", changes...)) {
			if each.Properties.Title == "Replica Lag" {
				graph = strings.Join(each.lines(), " ")
			}
			text += each.Properties.Markdown
		}
		return graph, text
	}
	graph, text := lag()
	if graph != "" || !strings.Contains(text, "has no reader") {
		t.Errorf("RDS shows %q and says %q", graph, text)
	}
	graph, text = lag(aurora)
	if graph != "Milliseconds: AWS/RDS AuroraReplicaLag DBClusterIdentifier prooflink-prod-db Maximum/60s" || text != "" {
		t.Errorf("Aurora shows %q and says %q", graph, text)
	}
}

func TestGraphsShowTheirAlarmsThresholds(t *testing.T) {
	want := map[string]float64{
		"prooflink-prod-ecs-cpu-high": 80, "prooflink-prod-ecs-memory-high": 80, "prooflink-prod-error-logs": 5,
		"prooflink-prod-db-cpu-high": 80, "prooflink-prod-db-connections-high": 360, "prooflink-prod-db-disk-high": 16106127360,
		"prooflink-prod-alb-response-time-high": 2, "prooflink-prod-alb-5xx-high": 5, "prooflink-prod-alb-unhealthy-targets": 1,
	}
	got, status := map[string]float64{}, 0
	for _, each := range dashboard(t, synth(t, "prod")) {
		for _, line := range each.Properties.Annotations.Horizontal {
			got[line.Label] = line.Value
		}
		status += len(each.Properties.Alarms)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if status != len(want) {
		t.Errorf("the status shows %d alarms, there are %d", status, len(want))
	}
	for _, each := range dashboard(t, synth(t, "dev")) {
		if each.Type == "alarm" || len(each.Properties.Annotations.Horizontal) > 0 {
			t.Errorf("dev has no alarms, but %s shows some", each.Properties.Title)
		}
	}
}

func TestWidgetsFillTheGridAndDoNotOverlap(t *testing.T) {
	for _, changes := range [][]func(*config.Environment){{noAlarms}, {full}, {full, aurora}} {
		widgets := dashboard(t, synth(t, "prod", changes...))
		area, bottom := 0, 0
		for i, a := range widgets {
			if a.X < 0 || a.Y < 0 || a.Width < 1 || a.Height < 1 || a.X+a.Width > 24 {
				t.Errorf("widget %d is at %d,%d with %dx%d", i, a.X, a.Y, a.Width, a.Height)
			}
			for _, b := range widgets[:i] {
				if a.X < b.X+b.Width && b.X < a.X+a.Width && a.Y < b.Y+b.Height && b.Y < a.Y+a.Height {
					t.Errorf("%q overlaps %q", a.Properties.Title, b.Properties.Title)
				}
			}
			area, bottom = area+a.Width*a.Height, max(bottom, a.Y+a.Height)
		}
		if area != 24*bottom {
			t.Errorf("the widgets cover %d of %d", area, 24*bottom)
		}
	}
}
