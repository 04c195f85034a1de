package monitoring_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/infratest"
	"github.com/prooflink/prooflink/infra/templates"
)

func TestA199To203TheQueriesAreSaved(t *testing.T) {
	want := map[string]string{
		"prooflink-prod/server-errors": "[/ecs/prooflink-prod-app-server]\nfields @timestamp, message, data\n" +
			"| filter logSource = \"server\" and level = \"error\"\n| sort @timestamp desc\n| limit 100",
		"prooflink-prod/client-errors-by-screen": "[/ecs/prooflink-prod-app-client]\nfilter logSource = \"client\" and level = \"error\"\n" +
			"| stats count(*) as cnt by screenName\n| sort cnt desc",
		"prooflink-prod/client-logs-of-user": "[/ecs/prooflink-prod-app-client]\nfields @timestamp, screenName, message, url\n" +
			"| filter logSource = \"client\" and userId = 123\n| sort @timestamp desc\n| limit 50",
		"prooflink-prod/api-error-rate": "[/ecs/prooflink-prod-app-server]\nfilter logSource = \"server\"\n" +
			"| fields strcontains(level, \"error\") as failed\n" +
			"| stats sum(failed) as errorCount, count(*) as total, 100 * errorCount / total as errorRate by bin(5m) as t\n| sort t desc",
		"prooflink-prod/client-log-volume": "[/ecs/prooflink-prod-app-client]\nfilter logSource = \"client\"\n" +
			"| stats count(*) as logCount by bin(1h) as t\n| sort t desc",
	}
	if diff := cmp.Diff(want, saved(synth(t, "prod"))); diff != "" {
		t.Error(diff)
	}
}

func TestQueriesReadTheGroupsThatHaveRecords(t *testing.T) {
	cases := map[string]struct {
		driver string
		direct bool
		groups []string
	}{
		"the application sends its log itself":    {config.DriverFireLens, true, []string{"/ecs/prooflink-dev-app-client", "/ecs/prooflink-dev-app-server"}},
		"the log router lets only errors through": {config.DriverFireLens, false, []string{"/ecs/prooflink-dev-errors"}},
		"the awslogs driver has all":              {config.DriverAWSLogs, false, []string{"/ecs/prooflink-dev-app"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			template := synth(t, "dev", func(env *config.Environment) {
				env.Logging.Driver, env.Logging.DirectToCloudWatch = c.driver, c.direct
			})
			groups := map[string]bool{}
			for _, text := range saved(template) {
				group, _, _ := strings.Cut(text, "\n")
				groups[strings.Trim(group, "[]")] = true
			}
			var got []string
			for group := range groups {
				got = append(got, group)
			}
			if diff := cmp.Diff(c.groups, sorted(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// saved has each query's groups and text.
func saved(template infratest.Template) map[string]string {
	found := map[string]string{}
	for _, r := range template.Of("AWS::Logs::QueryDefinition") {
		found[r.Text("Name")] = templates.Text(r.At("LogGroupNames")) + "\n" + r.Text("QueryString")
	}
	return found
}
