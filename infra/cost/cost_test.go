package cost_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/cost"
	"github.com/prooflink/prooflink/infra/templates"
)

var update = flag.Bool("update", false, "write the golden report anew")

// load returns the package's own data.
func load(t *testing.T) (cost.Prices, cost.Usage) {
	t.Helper()
	prices, err := cost.LoadPrices()
	if err != nil {
		t.Fatal(err)
	}
	usage, err := cost.LoadUsage()
	if err != nil {
		t.Fatal(err)
	}
	return prices, usage
}

// stack parses a template's resources.
func stack(t *testing.T, name, resources string) templates.Stack {
	t.Helper()
	parsed, err := templates.Parse(name, []byte(`{"Resources": {`+resources+`}}`))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// environment loads one of the repository's.
func environment(t *testing.T, name string) config.Environment {
	t.Helper()
	env, err := config.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// price estimates the resources of one stack.
func price(t *testing.T, env, resources string) cost.Bill {
	t.Helper()
	prices, usage := load(t)
	bill, err := cost.Estimate(environment(t, env), []templates.Stack{stack(t, "S", resources)}, prices, usage)
	if err != nil {
		t.Fatal(err)
	}
	return bill
}

// usd finds what an item costs; -1 where the bill doesn't have it.
func usd(bill cost.Bill, item string) float64 {
	total, found := 0.0, false
	for _, line := range bill.Lines {
		if line.Item == item {
			total, found = total+line.USD, true
		}
	}
	if !found {
		return -1
	}
	return math.Round(total*100) / 100
}

// db is an instance's template, with more properties in front.
func db(more string) string {
	return `"DB": {"Type": "AWS::RDS::DBInstance", "Properties": {` + more +
		`"DBInstanceClass": "db.t4g.micro", "Engine": "postgres", "AllocatedStorage": "20"}}`
}

// schedules stop and start it, by expressions in a zone.
func schedules(stop, start, zone string) string {
	one := func(id, verb, at string) string {
		return `"` + id + `": {"Type": "AWS::Scheduler::Schedule", "Properties": {"ScheduleExpression": "` + at +
			`", "ScheduleExpressionTimezone": "` + zone + `", "Target": {"Arn": "arn:aws:scheduler:::aws-sdk:rds:` + verb + `DBInstance"}}}`
	}
	return one("Stop", "stop", stop) + "," + one("Start", "start", start)
}

// service is an ECS service with its task definition.
const service = `"Service": {"Type": "AWS::ECS::Service", "Properties": {"DesiredCount": 1, "TaskDefinition": {"Ref": "Task"}}},
	"Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"Cpu": "512", "Memory": "1024"}}`

// scaled raises its least number of tasks.
const scaled = service + `, "Target": {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": {"MinCapacity": 2,
	"ResourceId": {"Fn::Join": ["", ["service/c/", {"Fn::GetAtt": ["Service", "Name"]}]]}}}`

// queue sends jobs of 1 vCPU and 2 GB to two compute environments, in this order.
func queue(first, second string) string {
	return `"A": {"Type": "AWS::Batch::ComputeEnvironment", "Properties": {"ComputeResources": {"Type": "` + first + `"}}},
	"B": {"Type": "AWS::Batch::ComputeEnvironment", "Properties": {"ComputeResources": {"Type": "` + second + `"}}},
	"Queue": {"Type": "AWS::Batch::JobQueue", "Properties": {"ComputeEnvironmentOrder": [
		{"Order": 2, "ComputeEnvironment": {"Ref": "B"}}, {"Order": 1, "ComputeEnvironment": {"Ref": "A"}}]}},
	"Job": {"Type": "AWS::Batch::JobDefinition", "Properties": {"ContainerProperties": {"ResourceRequirements": [
		{"Type": "VCPU", "Value": "1"}, {"Type": "MEMORY", "Value": "2048"}]}}}`
}

func TestResourcesCostWhatTheirPricesSay(t *testing.T) {
	const nat = `"N1": {"Type": "AWS::EC2::NatGateway"}, "N2": {"Type": "AWS::EC2::NatGateway"}, "E": {"Type": "AWS::EC2::EIP"}`
	const endpoint = `"I": {"Type": "AWS::EC2::VPCEndpoint", "Properties": {"VpcEndpointType": "Interface", "SubnetIds": ["a", "b"]}},
		"G": {"Type": "AWS::EC2::VPCEndpoint", "Properties": {"VpcEndpointType": "Gateway"}}`
	const balancer = `"L": {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": {"Scheme": "internet-facing", "Subnets": ["a", "b"]}}`
	const logBucket = `"B": {"Type": "AWS::S3::Bucket", "Properties": {"LifecycleConfiguration": {"Rules": [
		{"ExpirationInDays": 365, "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 90}]}]}}}`
	const imports = `"B": {"Type": "AWS::S3::Bucket", "Properties": {"LifecycleConfiguration": {"Rules": [
		{"ExpirationInDays": 30, "Prefix": "imports/"}]}}}`
	const logs = `"G": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 30}},
		"F": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 30}},
		"Flow": {"Type": "AWS::EC2::FlowLog", "Properties": {"LogGroupName": {"Ref": "F"}}}`
	const alarms = `"A": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "x", "Period": 300}},
		"M": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": [{"MetricStat": {}}, {"MetricStat": {}}, {"Expression": "a/b"}]}}`
	const acl = `"W": {"Type": "AWS::WAFv2::WebACL", "Properties": {"Rules": [{}, {}, {}]}}`
	const big = `"DBInstanceIdentifier": "x", "Iops": 13000, "MultiAZ": true, `
	const cluster = `"C": {"Type": "AWS::RDS::DBCluster", "Properties": {"BackupRetentionPeriod": 7}},
		"D": {"Type": "AWS::RDS::DBInstance", "Properties": {"Engine": "aurora-postgresql", "DBInstanceClass": "db.r6g.large"}}`
	cases := []struct {
		name, env, resources, item string
		want                       float64
	}{
		{"two gateways all month: 2 × 730 × 0.062", "dev", nat, "NAT gateways", 90.52},
		{"their traffic once: 5 × 0.062", "dev", nat, "NAT gateways, traffic", 0.31},
		{"prod's traffic: 30 × 0.062", "prod", nat, "NAT gateways, traffic", 1.86},
		{"one address: 730 × 0.005", "dev", nat, "Public IPv4 addresses", 3.65},
		{"an endpoint in two zones: 2 × 730 × 0.014", "dev", endpoint, "Interface endpoints", 20.44},
		{"a balancer: 730 × 0.0243", "dev", balancer, "Load balancer", 17.74},
		{"a tenth of a capacity unit: 730 × 0.1 × 0.008", "dev", balancer, "Load balancer, capacity units", 0.58},
		{"the balancer's two addresses: 2 × 730 × 0.005", "dev", balancer, "Public IPv4 addresses", 7.30},
		{"half a vCPU: 365 × 0.05056", "dev", service, "Service, vCPU", 18.45},
		{"a GB: 730 × 0.00553", "dev", service, "Service, memory", 4.04},
		{"autoscaling's two tasks: 730 × 0.05056", "dev", scaled, "Service, vCPU", 36.91},
		{"ARM: 365 × 0.04045", "dev", strings.Replace(service, `"Cpu"`, `"RuntimePlatform": {"CpuArchitecture": "ARM64"}, "Cpu"`, 1), "Service, vCPU", 14.76},
		{"an instance: 730 × 0.025", "dev", db(""), "RDS PostgreSQL instances", 18.25},
		{"its volume: 20 × 0.138", "dev", db(""), "RDS storage", 2.76},
		{"two zones: 730 × 0.050", "prod", db(`"MultiAZ": true, `), "RDS PostgreSQL instances", 36.50},
		{"two zones' volume: 20 × 0.276", "prod", db(`"MultiAZ": true, `), "RDS storage", 5.52},
		{"IOPS beyond 3000 in two zones: 10000 × 0.048", "prod", db(big), "RDS storage, IOPS", 480},
		{"stopped 11 of 24 hours: 730 × 13/24 × 0.025", "dev",
			db("") + "," + schedules("cron(0 22 ? * SUN-SAT *)", "cron(0 9 ? * SUN-SAT *)", "Asia/Tokyo"), "RDS PostgreSQL instances", 9.89},
		{"stopped, but its volume stays", "dev",
			db("") + "," + schedules("cron(0 22 ? * SUN-SAT *)", "cron(0 9 ? * SUN-SAT *)", "Asia/Tokyo"), "RDS storage", 2.76},
		{"Aurora: 730 × 0.313", "prod", cluster, "Aurora PostgreSQL instances", 228.49},
		{"Aurora's data: 100 × 0.12", "prod", cluster, "Aurora storage", 12},
		{"Aurora's I/O: 26 × 0.24", "prod", cluster, "Aurora I/O", 6.24},
		{"a log bucket: 12/365 × 90 GB × 0.025", "dev", logBucket, "S3 Standard", 0.07},
		{"then Glacier: 12/365 × 275 × 10 GB × 0.0045", "prod", logBucket, "S3 Glacier", 0.41},
		{"a bucket that keeps all but imports: 10 × 0.025", "dev", imports, "S3 Standard", 0.25},
		{"repositories share: 10 × 0.10", "dev", `"R": {"Type": "AWS::ECR::Repository"}, "S": {"Type": "AWS::ECR::Repository"}`, "ECR images", 1},
		{"logs: 10 × 0.76", "prod", logs, "Logs, taken in", 7.60},
		{"flow log apart: 5 × 0.76", "prod", logs, "Flow log, taken in", 3.80},
		{"kept: (10 + 5) × 360/365 × 0.15 × 0.033", "prod", logs, "Logs, kept", 0.07},
		{"an alarm of one metric and one of two: 3 × 0.10", "dev", alarms, "Alarms", 0.30},
		{"secrets: 2 × 0.40", "dev", `"A": {"Type": "AWS::SecretsManager::Secret"}, "B": {"Type": "AWS::SecretsManager::Secret"}`, "Secrets", 0.80},
		{"an ACL", "prod", acl, "WAF web ACL", 5},
		{"its three rules", "prod", acl, "WAF rules", 3},
		{"its requests: 2 × 0.60", "prod", acl, "WAF requests", 1.20},
		{"jobs: 8 × 0.05056", "dev", queue("FARGATE", "FARGATE_SPOT"), "Jobs, vCPU", 0.40},
		{"jobs on Spot: 8 × 0.05056 × 0.3", "dev", queue("FARGATE_SPOT", "FARGATE"), "Jobs, vCPU", 0.12},
		{"jobs' memory: 16 × 0.00553", "dev", queue("FARGATE", "FARGATE_SPOT"), "Jobs, memory", 0.09},
		{"insights: 30 × 0.30", "prod", `"C": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterSettings": [{"Name": "containerInsights", "Value": "enabled"}]}}`, "Container Insights", 9},
		{"a task with an address: 730 × 0.005", "dev", strings.Replace(service, `"DesiredCount"`,
			`"NetworkConfiguration": {"AwsvpcConfiguration": {"AssignPublicIp": "ENABLED"}}, "DesiredCount"`, 1), "Public IPv4 addresses", 3.65},
		{"a task without", "dev", service, "Public IPv4 addresses", -1},
		{"an internal balancer has no address", "dev", strings.Replace(balancer, "internet-facing", "internal", 1), "Public IPv4 addresses", -1},
		{"a large volume's own IOPS: (13000 - 12000) × 0.048", "prod", strings.Replace(db(big), `"20"`, `"400"`, 1), "RDS storage, IOPS", 48},
		{"a fast alarm: 0.30", "dev", strings.Replace(alarms, "300", "10", 1), "Alarms", 0.50},
		{"target tracking's two alarms", "dev", `"P": {"Type": "AWS::ApplicationAutoScaling::ScalingPolicy", "Properties": {"PolicyType": "TargetTrackingScaling"}}`, "Alarms", 0.20},
		{"a step policy's none", "dev", `"P": {"Type": "AWS::ApplicationAutoScaling::ScalingPolicy", "Properties": {"PolicyType": "StepScaling"}}`, "Alarms", -1},
		{"Aurora's backups: 100 × 0.023", "prod", cluster, "Aurora backups", 2.30},
		{"the first day is free", "prod", strings.Replace(cluster, "7", "1", 1), "Aurora backups", -1},
		{"logs for ever: 10 × 12 × 0.15 × 0.033", "prod", `"G": {"Type": "AWS::Logs::LogGroup"}`, "Logs, kept", 0.59},
		{"management events are free", "prod", `"T": {"Type": "AWS::CloudTrail::Trail", "Properties": {"EventSelectors": [{"ReadWriteType": "All"}]}}`, "CloudTrail, data events", -1},
		{"data events are not: 0.5 × 1", "prod", `"T": {"Type": "AWS::CloudTrail::Trail", "Properties": {"EventSelectors": [{"DataResources": [{}]}]}}`, "CloudTrail, data events", 0.5},
		{"GuardDuty: 0.5 × 4.72", "prod", `"G": {"Type": "AWS::GuardDuty::Detector"}`, "GuardDuty, events", 2.36},
		{"Config: 600 × 0.003", "prod", `"R": {"Type": "AWS::Config::ConfigurationRecorder"}`, "Config, recorded items", 1.80},
		{"Config's two rules: 2 × 50 × 0.001", "prod", `"R": {"Type": "AWS::Config::ConfigRule"}, "Q": {"Type": "AWS::Config::ConfigRule"}`, "Config, rules", 0.10},
		{"a static front end has no server", "dev", `"A": {"Type": "AWS::Amplify::App", "Properties": {"Platform": "WEB"}}`, "Amplify, server calls", -1},
		{"one with a server: 0.1 × 0.30", "dev", `"A": {"Type": "AWS::Amplify::App", "Properties": {"Platform": "WEB_COMPUTE"}}`, "Amplify, server calls", 0.03},
		{"a migration: 1 × 0.25 × 0.05056", "dev", strings.Replace(service[strings.Index(service, `"Task":`):], "512", "256", 1), "Single tasks, vCPU", 0.01},
		{"what a service runs is no single task", "dev", service, "Single tasks, vCPU", -1},
		{"no insights", "prod", `"C": {"Type": "AWS::ECS::Cluster"}`, "Container Insights", -1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := usd(price(t, c.env, c.resources), c.item); got != c.want {
				t.Errorf("%s: got %v USD, want %v", c.item, got, c.want)
			}
		})
	}
}

func TestKindsStayApart(t *testing.T) {
	other := strings.Replace(strings.Replace(db(""), `"DB"`, `"Other"`, 1), `"20"`, `"30"`, 1)
	details := map[string]float64{}
	for _, line := range price(t, "dev", db("")+","+other).Lines {
		details[line.Detail] += line.Quantity
	}
	if diff := cmp.Diff(map[string]float64{"db.t4g.micro": 1460, "20 GB gp3": 20, "30 GB gp3": 30}, details); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAPriceMadeByAnEstimatedFactorIsAnEstimate(t *testing.T) {
	for order, want := range map[bool]string{true: "estimate", false: "list-2026-09-27"} {
		resources := queue("FARGATE", "FARGATE_SPOT")
		if order {
			resources = queue("FARGATE_SPOT", "FARGATE")
		}
		if got := price(t, "dev", resources).Lines[0].Source; got != want {
			t.Errorf("Spot %v: source %s, want %s", order, got, want)
		}
	}
}

func TestSchedulesStopTheDatabaseForTheirShareOfAWeek(t *testing.T) {
	rule := `"Stop": {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": "cron(0 13 ? * * *)", "Targets": [{"Arn": "x/AWS-StopRdsInstance"}]}},
		"Start": {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": "cron(0 0 ? * * *)", "Targets": [{"Arn": "x/AWS-StartRdsInstance"}]}}`
	aurora := `"Stop": {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": "cron(0 13 ? * * *)", "Targets": [{"Arn": "x/AWS-StartStopAuroraCluster", "Input": "{\"Action\":[\"Stop\"]}"}]}},
		"Start": {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": "cron(0 0 ? * * *)", "Targets": [{"Arn": "x/AWS-StartStopAuroraCluster", "Input": "{\"Action\":[\"Start\"]}"}]}}`
	mixed := strings.Replace(schedules("cron(0 22 ? * SUN-SAT *)", "cron(0 0 ? * SUN-SAT *)", "Asia/Tokyo"),
		`cron(0 0 ? * SUN-SAT *)", "ScheduleExpressionTimezone": "Asia/Tokyo"`, `cron(0 0 ? * SUN-SAT *)", "ScheduleExpressionTimezone": "UTC"`, 1)
	disabled := strings.ReplaceAll(schedules("cron(0 22 ? * SUN-SAT *)", "cron(0 9 ? * SUN-SAT *)", "Asia/Tokyo"), `"Target"`, `"State": "DISABLED", "Target"`)
	cases := []struct {
		name, schedules string
		hours           float64
	}{
		{"every night", schedules("cron(0 22 ? * SUN-SAT *)", "cron(0 9 ? * SUN-SAT *)", "Asia/Tokyo"), 730 * 13.0 / 24},
		{"half hours", schedules("cron(30 22 ? * * *)", "cron(0 9 ? * * *)", "Asia/Tokyo"), 730 * 13.5 / 24},
		{"working days, so weekends too", schedules("cron(0 22 ? * MON-FRI *)", "cron(0 9 ? * MON-FRI *)", "Asia/Tokyo"), 730 * 5 * 13.0 / 168},
		{"numbered days over the week's end", schedules("cron(0 22 ? * 7-1 *)", "cron(0 9 ? * SAT,SUN *)", "UTC"), 730 * 2 * 13.0 / 168},
		{"rules in UTC", rule, 730 * 13.0 / 24},
		{"automation of a cluster", aurora, 730 * 13.0 / 24},
		{"two zones: on at 9:00 in Tokyo", mixed, 730 * 13.0 / 24},
		{"disabled", disabled, 730},
		{"a stop alone", `"Stop": {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": "cron(0 13 ? * * *)", "Targets": [{"Arn": "x/AWS-StopRdsInstance"}]}}`, 730},
		{"not weekly", schedules("rate(1 day)", "rate(1 day)", "UTC"), 730},
		{"another zone's name", schedules("cron(0 22 ? * * *)", "cron(0 9 ? * * *)", "Asia/Nowhere"), 730},
		{"strange days", schedules("cron(0 22 ? * MON#2 *)", "cron(0 9 ? * MON#2 *)", "UTC"), 730},
		{"something else's schedule", strings.ReplaceAll(schedules("cron(0 22 ? * * *)", "cron(0 9 ? * * *)", "UTC"), "DBInstance", "Replication"), 730},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, line := range price(t, "dev", db("")+","+c.schedules).Lines {
				if line.Item == "RDS PostgreSQL instances" && math.Abs(line.Quantity-c.hours) > 1e-9 {
					t.Errorf("got %v hours, want %v", line.Quantity, c.hours)
				}
			}
		})
	}
}

func TestAScheduleThatIsNotUnderstoodIsNamed(t *testing.T) {
	bill := price(t, "dev", db("")+","+schedules("rate(1 day)", "rate(1 day)", "UTC"))
	if detail := bill.Lines[0].Detail; !strings.Contains(detail, "rate(1 day) is not weekly") {
		t.Errorf("detail %q", detail)
	}
}

func TestWhatHasNoPriceIsShown(t *testing.T) {
	cases := map[string]string{
		"an unknown type":     `"X": {"Type": "AWS::Braket::Device"}, "Y": {"Type": "AWS::Braket::Device"}`,
		"an unknown class":    strings.Replace(db(""), "t4g.micro", "x9z.huge", 1),
		"long insights":       db(`"PerformanceInsightsRetentionPeriod": 731, `),
		"serverless":          `"C": {"Type": "AWS::RDS::DBCluster", "Properties": {"ServerlessV2ScalingConfiguration": {"MinCapacity": 1}}}`,
		"a foreign task":      `"S": {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": "arn"}}`,
		"an uncovered engine": strings.Replace(strings.Replace(db(""), "postgres", "aurora-postgresql", 1), "t4g.micro", "x9z.huge", 1),
	}
	for name, resources := range cases {
		t.Run(name, func(t *testing.T) {
			bill := price(t, "dev", resources)
			if len(bill.Unpriced()) != 1 {
				t.Fatalf("not priced: %v, want one", bill.Unpriced())
			}
			var text bytes.Buffer
			if err := cost.Report(&text, bill); err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"Not priced", "Total of what is priced"} {
				if !strings.Contains(text.String(), want) {
					t.Errorf("no %q in the report", want)
				}
			}
		})
	}
}

// golden reads the repository's reviewed templates.
func golden(t *testing.T, env string) []templates.Stack {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join("..", "testdata", "golden", env, "*.json"))
	var stacks []templates.Stack
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := templates.Parse(strings.TrimSuffix(filepath.Base(file), ".json"), data)
		if err != nil {
			t.Fatal(err)
		}
		stacks = append(stacks, parsed)
	}
	if len(stacks) == 0 {
		t.Fatalf("no templates of %s", env)
	}
	return stacks
}

// bills estimates the repository's environments.
func bills(t *testing.T) []cost.Bill {
	t.Helper()
	prices, usage := load(t)
	var list []cost.Bill
	for _, name := range config.Known() {
		bill, err := cost.Estimate(environment(t, name), golden(t, name), prices, usage)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, bill)
	}
	return list
}

func TestEveryTypeOfOurTemplatesIsKnown(t *testing.T) {
	for _, bill := range bills(t) {
		for _, line := range bill.Lines {
			if line.Group == cost.NotPriced {
				t.Errorf("%s: %s: %s", bill.Env, line.Item, line.Note)
			}
		}
	}
}

func TestATotalIsTheSumOfItsLines(t *testing.T) {
	for _, bill := range bills(t) {
		total := 0.0
		for _, line := range bill.Lines {
			total += line.USD
			if product := line.Quantity * line.UnitPrice; math.Abs(product-line.USD) > 0.005001 {
				t.Errorf("%s: %s: %v, want %v", bill.Env, line.Item, line.USD, product)
			}
		}
		if math.Abs(total-bill.USD) > 1e-6 || bill.USD < 1 {
			t.Errorf("%s: total %v, lines %v", bill.Env, bill.USD, total)
		}
		groups := 0.0
		for _, group := range cost.Groups() {
			groups += bill.Sum(func(l cost.Line) bool { return l.Group == group })
		}
		if math.Abs(groups-bill.USD) > 1e-6 {
			t.Errorf("%s: total %v, groups %v: a line has an unknown group", bill.Env, bill.USD, groups)
		}
		if bill.JPY != math.Round(bill.USD*bill.Rate.PerUSD) {
			t.Errorf("%s: %v yen", bill.Env, bill.JPY)
		}
	}
}

// fixtures are two small environments.
func fixtures(t *testing.T) (dev, prod cost.Bill) {
	t.Helper()
	const network = `"N": {"Type": "AWS::EC2::NatGateway"}, "E": {"Type": "AWS::EC2::EIP"}, `
	dev = price(t, "dev", network+service+", "+db("")+", "+schedules("cron(0 22 ? * SUN-SAT *)", "cron(0 9 ? * SUN-SAT *)", "Asia/Tokyo"))
	prod = price(t, "prod", network+scaled+", "+strings.Replace(db(`"MultiAZ": true, `), "micro", "small", 1)+
		`, "X": {"Type": "AWS::Braket::Device"}, "Secret": {"Type": "AWS::SecretsManager::Secret"}`)
	return dev, prod
}

func TestTheReportIsTheReviewedOne(t *testing.T) {
	dev, prod := fixtures(t)
	var text bytes.Buffer
	if err := cost.Report(&text, dev, prod); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "report.txt")
	if *update {
		if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	reviewed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(reviewed), text.String()); diff != "" {
		t.Errorf("-reviewed +written (go test ./infra/cost -update accepts):\n%s", diff)
	}
}

// wide counts a line's columns, of which a Japanese character takes two.
func wide(line string) int {
	return utf8.RuneCountInString(line) + len(regexp.MustCompile(`[\p{Han}\p{Hiragana}\p{Katakana}（）ー]`).FindAllString(line, -1))
}

func TestReportsFitIntoAHundredColumns(t *testing.T) {
	all := bills(t)
	var text bytes.Buffer
	if err := cost.Report(&text, all[0], all[2]); err != nil {
		t.Fatal(err)
	}
	if err := cost.Report(&text, all[0]); err != nil {
		t.Fatal(err)
	}
	if err := cost.Compare(&text, all[0], all[2]); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(text.String(), "\n") {
		if wide(line) > 100 && !strings.Contains(line, "https://") {
			t.Errorf("%d columns: %s", wide(line), line)
		}
		if strings.Contains(line, "…") {
			t.Errorf("cut: %s", line)
		}
	}
}

func TestThreeEnvironmentsAreSideBySide(t *testing.T) {
	var text bytes.Buffer
	if err := cost.Report(&text, bills(t)...); err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(text.String()[strings.Index(text.String(), "\nNetwork")+1:], "\n")
	if fields := strings.Fields(head); len(fields) != 7 {
		t.Errorf("columns %q, want the group and three pairs", fields)
	}
}

func TestASecondEnvironmentDoesNotChangeTheFirst(t *testing.T) {
	dev, prod := fixtures(t)
	var alone, both bytes.Buffer
	if err := cost.Report(&alone, dev); err != nil {
		t.Fatal(err)
	}
	if err := cost.Report(&both, dev, prod); err != nil {
		t.Fatal(err)
	}
	total := func(text string) string {
		_, rest, _ := strings.Cut(text, "\nTotal")
		return strings.Fields(rest[strings.Index(rest, "USD"):])[1]
	}
	if total(alone.String()) != total(both.String()) {
		t.Errorf("alone %s, beside prod %s", total(alone.String()), total(both.String()))
	}
}

func TestComparingABillWithItselfFindsNothing(t *testing.T) {
	for _, bill := range bills(t) {
		if changes := cost.Difference(bill, bill); len(changes) != 0 {
			t.Errorf("%s: %v", bill.Env, changes)
		}
		var text bytes.Buffer
		if err := cost.Compare(&text, bill, bill); err != nil || !strings.HasPrefix(text.String(), "No difference") {
			t.Errorf("%s: %v %s", bill.Env, err, text.String())
		}
	}
}

func TestAChangeCostsWhatItAdds(t *testing.T) {
	before := price(t, "dev", db("")+`, "A": {"Type": "AWS::SecretsManager::Secret"}, "K": {"Type": "AWS::KMS::Key"}`)
	after := price(t, "dev", strings.Replace(db(`"MultiAZ": true, `), "micro", "medium", 1)+
		`, "A": {"Type": "AWS::SecretsManager::Secret"}, "N": {"Type": "AWS::EC2::EIP"}, "X": {"Type": "AWS::Braket::Device"}`)
	want := []cost.Change{
		{Group: cost.Network, Item: "Public IPv4 addresses", After: 3.65, Delta: 3.65, Kinds: "none → 730 h"},
		{Group: cost.Database, Item: "RDS PostgreSQL instances", Before: 18.25, After: 147.46, Delta: 129.21,
			Kinds: "730 h of db.t4g.micro → 730 h of db.t4g.medium, two zones"},
		{Group: cost.Database, Item: "RDS storage", Before: 2.76, After: 5.52, Delta: 2.76,
			Kinds: "20 GB-month of 20 GB gp3 → 20 GB-month of 20 GB gp3, two zones"},
		{Group: cost.Security, Item: "KMS keys", Before: 1, Delta: -1, Kinds: "1 key → none"},
		{Group: cost.NotPriced, Item: "AWS::Braket::Device", Kinds: "none → 1 of them"},
	}
	changes := cost.Difference(before, after)
	if diff := cmp.Diff(want, changes); diff != "" {
		t.Fatalf("-want +got:\n%s", diff)
	}
	var text bytes.Buffer
	if err := cost.Compare(&text, before, after); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"+129.21", "-1.00", "+134.62", "+20,193 yen at 150"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %s in\n%s", want, text.String())
		}
	}
	if strings.Contains(text.String(), "Secrets") {
		t.Errorf("what did not change is there:\n%s", text.String())
	}
}

func TestSavingsAreComputed(t *testing.T) {
	network := `"N1": {"Type": "AWS::EC2::NatGateway"}, "N2": {"Type": "AWS::EC2::NatGateway"},
		"I": {"Type": "AWS::EC2::VPCEndpoint", "Properties": {"VpcEndpointType": "Interface", "SubnetIds": ["a"]}}, `
	cases := []struct {
		name, env, resources, change string
		want                         float64
	}{
		{"gateways, traffic and addresses: 90.52 + 0.31 + 7.30", "dev", network + service, "No NAT", 98.13},
		{"the second gateway: 45.26 + 3.65", "dev", network + service, "One NAT", 48.91},
		{"gateways at night: 90.52 × 11/24", "dev", network + service, "Delete the NAT", 41.49},
		{"not in prod", "prod", network + service, "Delete the NAT", 0},
		{"endpoints: 10.22 + 0.05 - 5 × 0.062", "dev", network + service, "No interface endpoints", 9.96},
		{"no gateway to take over", "dev", network[strings.Index(network, `"I"`):] + service, "No interface endpoints", 0},
		{"a database at night: 18.25 × 11/24", "dev", db(""), "Stop the database", 8.36},
		{"nobody stops prod's", "prod", db(""), "Stop the database", 0},
		{"it is stopped already", "dev", db("") + "," + schedules("cron(0 22 ? * * *)", "cron(0 9 ? * * *)", "UTC"), "Stop the database", 0},
		{"reserved: 18.25 × 0.30", "prod", db(""), "Reserved", 5.48},
		{"nobody reserves what stands still", "dev", db("") + "," + schedules("cron(0 22 ? * * *)", "cron(0 9 ? * * *)", "UTC"), "Reserved", 0},
		{"one zone: (36.50 + 5.52) / 2", "dev", db(`"MultiAZ": true, `), "One zone", 21.01},
		{"a plan: (18.45 + 4.04) × 0.17", "dev", service, "Compute Savings Plan", 3.82},
		{"a plan is not for Spot", "dev", queue("FARGATE_SPOT", "FARGATE"), "Compute Savings Plan", 0},
		{"jobs on Spot: (0.40 + 0.09) × 0.7", "dev", queue("FARGATE", "FARGATE_SPOT"), "Jobs on Fargate Spot", 0.34},
		{"they are there already", "dev", queue("FARGATE_SPOT", "FARGATE"), "Jobs on Fargate Spot", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := 0.0
			for _, saving := range price(t, c.env, c.resources).Savings {
				if strings.HasPrefix(saving.Change, c.change) {
					got = saving.USD
				}
			}
			if got != c.want {
				t.Errorf("%s: got %v, want %v", c.change, got, c.want)
			}
		})
	}
}

func TestStatedFiguresAreBesideOurs(t *testing.T) {
	want := map[string][2]float64{ // stated, and by hand from Tokyo's prices
		"One interface endpoint":                  {7.2, 10.22},
		"Two NAT gateways, without traffic":       {64, 90.52},
		"Four interface endpoints in two zones":   {28.8, 81.76},
		"Saved by endpoints instead of NAT":       {35, 8.76},
		"The same in a year":                      {420, 105.12},
		"Logs in S3 cost less than in CloudWatch": {85, 96.71},
		"Saved with 100 GB of logs a month":       {45, 73.5},
		"Aurora, dev: t4g.medium":                 {60, 82.49},
		"Aurora, prod: r6g.large":                 {250, 228.49},
		"One Fargate task, dev: 0.5 vCPU, 1 GB":   {35, 22.49},
		"One Fargate task, prod: 1 vCPU, 2 GB":    {70, 44.98},
		"Glacier costs less than S3 Standard":     {90, 82},
		"RDS t4g.micro, 20 GB, one zone":          {1500, 3151.5},
		"RDS t4g.medium":                          {6000, 11059.5},
		"Fargate, 0.5 vCPU, 1 GB, all day":        {1800, 3373.7},
		"Load balancer, smallest":                 {2500, 2660.85},
		"One NAT gateway":                         {5000, 6789},
		"S3, 10 GB":                               {100, 37.5},
		"ECR, 10 GB":                              {100, 150},
		"Batch, some runs: 8 h of 0.5 vCPU, 1 GB": {50, 36.97},
		"CloudWatch Logs, 1 GB":                   {100, 114},
		"Data transfer, 1 GB":                     {10, 17.1},
		"Sum of the table, dev":                   {11160, 16330.62},
		"Two NAT gateways, prod":                  {10000, 13578},
		"Database stopped from 22:00 to 9:00":     {50, 39.81},
	}
	got := map[string][2]float64{}
	for _, s := range price(t, "dev", service).Stated {
		got[s.What] = [2]float64{s.Stated, s.Ours}
		if s.Why == "" || s.Lines == "" || !strings.HasSuffix(s.File, ".txt") {
			t.Errorf("%s: incomplete", s.What)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTheStatedTableAddsUp(t *testing.T) {
	stated, ours := 0.0, 0.0
	parts := []string{"RDS t4g.micro, 20 GB, one zone", "Fargate, 0.5 vCPU, 1 GB, all day", "Load balancer, smallest", "One NAT gateway",
		"S3, 10 GB", "ECR, 10 GB", "Batch, some runs: 8 h of 0.5 vCPU, 1 GB", "CloudWatch Logs, 1 GB", "Data transfer, 1 GB"}
	figures := map[string]cost.Stated{}
	for _, s := range price(t, "dev", service).Stated {
		figures[s.What] = s
	}
	for _, part := range parts {
		stated, ours = stated+figures[part].Stated, ours+figures[part].Ours
	}
	if sum := figures["Sum of the table, dev"]; stated != sum.Stated || math.Abs(ours-sum.Ours) > 0.05 {
		t.Errorf("parts %v and %v, sum %v and %v", stated, ours, sum.Stated, sum.Ours)
	}
}

func TestJSONHasTheBill(t *testing.T) {
	dev, _ := fixtures(t)
	var text bytes.Buffer
	if err := cost.JSON(&text, dev); err != nil {
		t.Fatal(err)
	}
	var read []cost.Bill
	if err := json.Unmarshal(text.Bytes(), &read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]cost.Bill{dev}, read); diff != "" {
		t.Errorf("-written +read:\n%s", diff)
	}
}

func TestPricesOfAnotherRegionAreRefused(t *testing.T) {
	prices, usage := load(t)
	env := environment(t, "dev")
	env.Region = "us-east-1"
	_, err := cost.Estimate(env, nil, prices, usage)
	if err == nil || !strings.Contains(err.Error(), "us-east-1") || !strings.Contains(err.Error(), "ap-northeast-1") {
		t.Errorf("got %v", err)
	}
}

func TestAPropertyThatIsNoNumberIsAnError(t *testing.T) {
	prices, usage := load(t)
	broken := stack(t, "DatabaseStack-dev", strings.Replace(db(""), `"20"`, `{"Ref": "Size"}`, 1))
	_, err := cost.Estimate(environment(t, "dev"), []templates.Stack{broken}, prices, usage)
	if err == nil || !strings.Contains(err.Error(), "DatabaseStack-dev/DB: [AllocatedStorage] is ${Size}") {
		t.Errorf("got %v", err)
	}
}
