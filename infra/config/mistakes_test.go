package config_test

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/prooflink/prooflink/infra/config"
)

// mistake is one edit of an environment's file, or of a variant's, and what is
// said about it.
type mistake struct{ env, from, to, want string }

// variants are valid files that a mistake can begin with, too.
var variants = map[string]struct {
	env   string
	edits [][2]string
}{
	"aurora": {"dev", [][2]string{
		{"engine: rds", "engine: aurora"}, {"t4g.micro", "t4g.medium"}, {"storageGiB: 20", "storageGiB: 0"}, {"readers: 0", "readers: 1"},
		{"backupRetentionDays: 0", "backupRetentionDays: 1"}, {"auroraBudgetGiB: 100", "auroraBudgetGiB: 0"},
	}},
	"awslogs": {"dev", [][2]string{
		{"driver: firelens", "driver: awslogs"}, {"directToCloudWatch: true", "directToCloudWatch: false"}, {"archiveBucket: true", "archiveBucket: false"},
	}},
	"github":  {"dev", [][2]string{{`owner: ""`, "owner: acme"}, {`repo: ""`, "repo: prooflink"}}},
	"noBatch": {"dev", [][2]string{{"batch:\n  enabled: true", "batch:\n  enabled: false"}}},
	"tls": {"dev", [][2]string{
		{"tls: {enabled: false", "tls: {enabled: true"}, {`zoneName: ""`, "zoneName: proof.link"}, {`zoneId: ""`, "zoneId: Z0123456789ABC"},
		{`recordName: ""`, "recordName: app.proof.link"}, {"http://localhost:3000", "https://app.proof.link"},
	}},
	"literal": {"dev", [][2]string{{"scheme: env", "scheme: literal"}}},
	"given": {"dev", [][2]string{
		{`dbName: ""`, "dbName: prooflink/rds-credentials"}, {`appName: ""`, "appName: prooflink/app-secrets"},
		{`appRepo: ""`, "appRepo: acme/prooflink_app.v2"}, {`slackWebhookSecret: ""`, "slackWebhookSecret: slack@team"},
	}},
	"waf":     {"dev", [][2]string{{"mode: none", "mode: both"}, {"allowedCidrs: []", "allowedCidrs: [8.8.8.8/32, 128.0.0.0/1]"}}},
	"managed": {"prod", [][2]string{{"mode: ip-allow", "mode: managed"}, {"[203.0.113.0/24, 198.51.100.10/32]", "[]"}}},
	"closed":  {"prod", [][2]string{{"httpAction: redirect", "httpAction: forward"}, {"openHttp: true", "openHttp: false"}}},
	"slack": {"prod", [][2]string{
		{"critical: [admin@example.com]", "critical: []"}, {`slackWebhookSecret: ""`, "slackWebhookSecret: prooflink-prod/slack"},
	}},
	"fast": {"prod", [][2]string{{"storageGiB: 100", "storageGiB: 400"}, {"iops: 0", "iops: 16000"}, {`version: "15"`, `version: "16.9"`}}},
	"week": {"dev", [][2]string{{"days: SUN-SAT", `days: "MON-WED,FRI,SAT"`}, {"timezone: Asia/Tokyo", "timezone: UTC"}, {"mechanism: scheduler", "mechanism: ssm"}}},
	"subjects": {"prod", [][2]string{
		{`owner: ""`, "owner: acme"}, {`repo: ""`, "repo: prooflink"}, {`ownerId: ""`, `ownerId: "12"`}, {`repoId: ""`, `repoId: "34"`},
		{"subjects: []", `subjects: ["repo:acme@12/prooflink@34:ref:refs/heads/main", "repo:acme/prooflink:environment:prod"]`},
		{"createProvider: false", "createProvider: true"},
		{"optional: {athena: false, orchestration: false, amplify: false,", "optional: {athena: true, orchestration: true, amplify: true,"},
	}},
	"closedNetwork": {"local", [][2]string{{"secretsmanager, logs]", "secretsmanager, logs, ssmmessages]"}, {"exec: false", "exec: true"}}},
}

// base returns an environment's file, or a variant's and its environment.
func base(t testing.TB, name string) (env, text string) {
	t.Helper()
	variant, ok := variants[name]
	if !ok {
		return name, file(t, name)
	}
	text = file(t, variant.env)
	for _, change := range variant.edits {
		text = edit(t, text, change[0], change[1])
	}
	return variant.env, text
}

// manyTags are entries of naming.tags.
func manyTags(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("Tag%d: x", i))
	}
	return strings.Join(all, ", ")
}

// manyRanges are items of waf.allowedCidrs.
func manyRanges(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "20.%d.%d.0/24, ", i/256, i%256)
	}
	return b.String()
}

func TestWhatCanBeChosenIsAccepted(t *testing.T) {
	for name := range variants {
		t.Run(name, func(t *testing.T) {
			env, data := base(t, name)
			if _, err := config.Decode(env+".yaml", []byte(data)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEachMistakeIsReportedOnceWithItsFix(t *testing.T) {
	all := map[string]mistake{}
	for _, table := range []map[string]mistake{formMistakes, identityMistakes, networkMistakes, wafMistakes, databaseMistakes,
		serviceMistakes, loggingMistakes, storageMistakes, batchMistakes, monitoringMistakes, githubMistakes} {
		for name := range table {
			if _, ok := all[name]; ok {
				t.Errorf("%q is in two tables", name)
			}
		}
		maps.Copy(all, table)
	}
	for name, c := range all {
		t.Run(name, func(t *testing.T) { checkMistake(t, c) })
	}
}

// checkMistake makes a mistake and reads what is said.
func checkMistake(t *testing.T, c mistake) {
	t.Helper()
	env, data := base(t, c.env)
	_, err := config.Decode("infra/config/environments/"+env+".yaml", []byte(edit(t, data, c.from, c.to)))
	if err == nil || !strings.Contains(err.Error(), c.want) {
		t.Fatalf("got:\n%v\nwant:\n%s", err, c.want)
	}
	if n := strings.Count(err.Error(), c.want); n != 1 {
		t.Errorf("said %d times:\n%v", n, err)
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if !strings.HasPrefix(line, "infra/config/environments/"+env+".yaml:") || !strings.Contains(line, "; ") && !strings.Contains(line, "AWS allows") {
			t.Errorf("lacks the file, the line or the fix: %s", line)
		}
	}
}

func TestAllMistakesAreReportedAtOnceInOrder(t *testing.T) {
	data := file(t, "dev")
	for _, change := range [][2]string{{"natGateways: 1", "natGateways: 3"}, {"cpu: 512", "cpu: 500"}, {"driver:", "drivr:"}} {
		data = edit(t, data, change[0], change[1])
	}
	_, err := config.Decode("dev.yaml", []byte(data))
	var problems config.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("not Problems: %v", err)
	}
	last := 0
	for _, problem := range problems {
		if problem.Line < last {
			t.Errorf("line %d after %d", problem.Line, last)
		}
		last = problem.Line
	}
	for _, path := range []string{"network.natGateways", "app.cpu", "logging.drivr", "logging.driver"} {
		if !strings.Contains(err.Error(), path) {
			t.Errorf("%s is not among:\n%v", path, err)
		}
	}
	var one config.Problem
	if !errors.As(err, &one) || one.Path == "" {
		t.Errorf("errors.As finds no single Problem in %v", err)
	}
}
