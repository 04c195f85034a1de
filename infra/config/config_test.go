package config_test

import (
	"errors"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/prooflink/prooflink/infra/config"
)

// file reads an environment's file as a user would edit it.
func file(t testing.TB, env string) string {
	t.Helper()
	data, err := os.ReadFile("environments/" + env + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// edit replaces a text that must be there.
func edit(t testing.TB, text, from, to string) string {
	t.Helper()
	if !strings.Contains(text, from) {
		t.Fatalf("the file has no %q", from)
	}
	return strings.Replace(text, from, to, 1)
}

func TestEveryEnvironmentIsValid(t *testing.T) {
	if got, want := config.Known(), []string{"dev", "local", "prod"}; !reflect.DeepEqual(got, want) {
		t.Fatalf("Known() = %v, want %v", got, want)
	}
	for _, name := range config.Known() {
		t.Run(name, func(t *testing.T) {
			env, err := config.Load(name)
			if err != nil {
				t.Fatal(err)
			}
			if env.Env != name {
				t.Errorf("env is %q", env.Env)
			}
		})
	}
}

func TestValuesAreTheSeeds(t *testing.T) {
	dev, prod, local := load(t, "dev"), load(t, "prod"), load(t, "local")
	cases := map[string][2]any{
		"A1: both are in Tokyo":                         {[]string{dev.Region, prod.Region}, []string{"ap-northeast-1", "ap-northeast-1"}},
		"A2: the zones are 1a and 1c":                   {prod.Network.AZs, []string{"ap-northeast-1a", "ap-northeast-1c"}},
		"A2: dev has one NAT gateway, prod two":         {[]int{dev.Network.NatGateways, prod.Network.NatGateways}, []int{1, 2}},
		"A5: dev is a t4g.micro, prod a t4g.medium":     {[]string{dev.DB.InstanceClass, prod.DB.InstanceClass}, []string{"t4g.micro", "t4g.medium"}},
		"A5: storage is 20 and 100 GiB":                 {[]int{dev.DB.StorageGiB, prod.DB.StorageGiB}, []int{20, 100}},
		"A5: storage grows in prod only, to 500":        {[]int{dev.DB.MaxStorageGiB, prod.DB.MaxStorageGiB}, []int{0, 500}},
		"A5: prod has a standby":                        {[]bool{dev.DB.MultiAZ, prod.DB.MultiAZ}, []bool{false, true}},
		"A5: backups are off and 7 days":                {[]int{dev.DB.BackupRetentionDays, prod.DB.BackupRetentionDays}, []int{0, 7}},
		"B9: both are encrypted":                        {[]bool{dev.DB.Encrypted, prod.DB.Encrypted}, []bool{true, true}},
		"A5: prod cannot be deleted by mistake":         {[]bool{dev.DB.DeletionProtection, prod.DB.DeletionProtection}, []bool{false, true}},
		"A5: Performance Insights is on in prod":        {[]bool{dev.DB.PerformanceInsights, prod.DB.PerformanceInsights}, []bool{false, true}},
		"A5: the databases":                             {[]string{dev.DB.Name, prod.DB.Name}, []string{"prooflink_dev", "prooflink_prod"}},
		"A9: task sizes":                                {[]int{dev.App.CPU, dev.App.Memory, prod.App.CPU, prod.App.Memory}, []int{512, 1024, 1024, 2048}},
		"A9: one task in dev, two in prod":              {[]int{dev.App.DesiredCount, prod.App.DesiredCount}, []int{1, 2}},
		"A9: prod scales from 2 to 20 at 70 % CPU":      {prod.App.Autoscaling, config.Autoscaling{Enabled: true, Min: 2, Max: 20, CPUTarget: 70}},
		"A9: container insights are on in prod":         {[]bool{dev.App.ContainerInsights, prod.App.ContainerInsights}, []bool{false, true}},
		"A10: dev forwards HTTP, prod redirects it":     {[]string{dev.ALB.HTTPAction, prod.ALB.HTTPAction}, []string{"forward", "redirect"}},
		"A9: log retention in dev":                      {dev.Logging.Retention, config.Retention{App: 7, Server: 7, Client: 3, Errors: 7, Flow: 7, Batch: 7}},
		"A9: log retention in prod":                     {prod.Logging.Retention, config.Retention{App: 30, Server: 30, Client: 7, Errors: 30, Flow: 30, Batch: 30}},
		"A6: files are versioned in prod":               {[]bool{dev.S3.FilesVersioned, prod.S3.FilesVersioned}, []bool{false, true}},
		"A8: tags are fixed and images scanned in prod": {prod.ECR, config.ECR{Immutable: true, ScanOnPush: true, KeepImages: 10}},
		"A16: 2 and 4 vCPUs":                            {[]int{dev.Batch.MaxVcpus, prod.Batch.MaxVcpus}, []int{2, 4}},
		"A16: the user import in dev":                   {dev.Batch.Jobs.UserImport, config.Job{CPU: 256, Memory: 512, TimeoutSeconds: 3600}},
		"A16: the user import in prod":                  {prod.Batch.Jobs.UserImport, config.Job{CPU: 512, Memory: 1024, TimeoutSeconds: 7200}},
		"C26: only local goes without TLS":              {[]string{dev.DB.SSLMode, prod.DB.SSLMode, local.DB.SSLMode}, []string{"verify-full", "verify-full", "disable"}},
		"local has nothing that needs a Lambda":         {local.Removal, config.Removal{Policy: "destroy"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if !reflect.DeepEqual(c[0], c[1]) {
				t.Errorf("got %v, want %v", c[0], c[1])
			}
		})
	}
}

func load(t *testing.T, name string) config.Environment {
	t.Helper()
	env, err := config.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func TestAnUnknownEnvironmentListsTheKnownOnes(t *testing.T) {
	for _, name := range []string{"stagin", "", "../dev", "a/b"} {
		_, err := config.Load(name)
		var unknown config.UnknownError
		if !errors.As(err, &unknown) || !strings.Contains(err.Error(), "dev, local, prod") {
			t.Errorf("Load(%q): %v", name, err)
		}
	}
}

func TestAnEnvironmentIsAdded(t *testing.T) {
	staging := edit(t, file(t, "dev"), "env: dev", "env: staging")
	var fsys fs.FS = fstest.MapFS{"staging.yaml": {Data: []byte(staging)}}
	env, err := config.LoadFS(fsys, "staging")
	if err != nil || env.Names().Alb() != "prooflink-staging-alb" {
		t.Errorf("got %q, %v", env.Names().Alb(), err)
	}
}

func TestProdIsStillAnExample(t *testing.T) {
	if got := load(t, "prod").Examples(); len(got) != 2 {
		t.Errorf("Examples() = %q, want certificate and domain", got)
	}
	if got := load(t, "dev").Examples(); len(got) != 0 {
		t.Errorf("Examples() = %q in dev", got)
	}
}

// mistakes are single edits of dev.yaml, or of prod.yaml where the name says
// so, and what is said about them.
var mistakes = map[string]struct{ env, from, to, want string }{
	"an unknown key has a suggestion":                {"dev", "natGateways:", "natGatways:", `dev.yaml:14: network.natGatways: is not a known key; did you mean "natGateways"?`},
	"a missing key is named":                         {"dev", "  flowLogs: true\n", "", `network.flowLogs: is missing; add it`},
	"a repeated key is refused":                      {"dev", "  flowLogs: true\n", "  flowLogs: true\n  flowLogs: true\n", `dev.yaml:18: network.flowLogs: occurs twice`},
	"a number where text is wanted says to quote it": {"dev", `version: "15"`, "version: 15", `dev.yaml:21: db.version: 15: is a number; write text; put it in double quotes`},
	"text where a number is wanted":                  {"dev", "natGateways: 1", "natGateways: one", `network.natGateways: one: is text; write a whole number`},
	"a fraction where a whole number is wanted":      {"dev", "natGateways: 1", "natGateways: 1.5", `network.natGateways: 1.5: is a number; write a whole number`},
	"text where true or false is wanted":             {"dev", "flowLogs: true", "flowLogs: maybe", `network.flowLogs: maybe: is text; write true or false`},
	"an empty value":                                 {"dev", "region: ap-northeast-1", "region:", `region: is empty; write text`},
	"a single value where a list is wanted":          {"dev", "azs: [ap-northeast-1a, ap-northeast-1c]", "azs: ap-northeast-1a", `network.azs: ap-northeast-1a: is text; write a list`},
	"a value where a group is wanted":                {"dev", "tls: {enabled: false, certificateArn: \"\"}", "tls: true", `alb.tls: true: is true or false; write a group of keys`},
	"an alias":                                       {"dev", "region: ap-northeast-1", "region: &r ap-northeast-1\nproject: *r\nx: y", `is an alias`},
	"broken YAML names its line":                     {"dev", "region: ap-northeast-1", "region: [ap", `is not valid YAML`},
	"a second document":                              {"dev", "env: dev", "env: dev\n---\nenv: dev", `has a second document`},
	"env must be the file's name":                    {"dev", "env: dev", "env: prod", `dev.yaml:3: env: prod: is not the file's name`},
	"an account has 12 digits":                       {"dev", `account: ""`, `account: "123"`, `account: 123: is not an account id`},
	"a region looks like one":                        {"dev", "region: ap-northeast-1", "region: Tokyo", `region: Tokyo: is not a region`},
	"a project must make valid names":                {"dev", "project: prooflink", "project: proof-link-and-much-more-than-that", `AWS allows 32`},
	"C1: one zone is too few":                        {"dev", "azs: [ap-northeast-1a, ap-northeast-1c]", "azs: [ap-northeast-1a]", `network.azs: has 1 zones; a load balancer`},
	"a zone of another region":                       {"dev", "azs: [ap-northeast-1a, ap-northeast-1c]", "azs: [ap-northeast-1a, us-east-1a]", `network.azs[1]: us-east-1a: is not a zone of the region`},
	"one zone twice":                                 {"dev", "azs: [ap-northeast-1a, ap-northeast-1c]", "azs: [ap-northeast-1a, ap-northeast-1a]", `network.azs[1]: ap-northeast-1a: occurs twice`},
	"three NAT gateways":                             {"dev", "natGateways: 1", "natGateways: 3", `dev.yaml:14: network.natGateways: 3: there is one per zone at most; write a number from 0 to 2`},
	"more NAT gateways than active zones":            {"dev", "natGateways: 1", "natGateways: 2", `one of them would serve nobody`},
	"C79: no NAT gateway and no endpoint for ECR":    {"dev", "natGateways: 1\n  interfaceEndpoints: [ecr.api, ", "natGateways: 0\n  interfaceEndpoints: [", `lacks ecr.api, without which no task starts`},
	"an unknown endpoint":                            {"dev", "secretsmanager, logs", "secretmanager, logs", `did you mean "secretsmanager"?`},
	"a subnet outside of the VPC":                    {"dev", "10.0.2.0/24", "10.1.2.0/24", `network.publicSubnetCidrs[1]: 10.1.2.0/24: is outside of network.vpcCidr 10.0.0.0/16`},
	"subnets that overlap":                           {"dev", "10.0.11.0/24", "10.0.2.0/25", `overlaps network.publicSubnetCidrs[1] 10.0.2.0/24`},
	"one subnet only":                                {"dev", "[10.0.1.0/24, 10.0.2.0/24]", "[10.0.1.0/24]", `network.publicSubnetCidrs: has 1 subnets`},
	"a range that is none":                           {"dev", "vpcCidr: 10.0.0.0/16", "vpcCidr: 10.0.0.0", `network.vpcCidr: 10.0.0.0: is not an IPv4 range`},
	"a VPC too large":                                {"dev", "vpcCidr: 10.0.0.0/16", "vpcCidr: 10.0.0.0/8", `a VPC accepts /16 to /28`},
	"host bits":                                      {"dev", "10.0.2.0/24", "10.0.2.5/24", `write 10.0.2.0/24`},
	"an engine that is not built yet":                {"dev", "engine: rds", "engine: aurora", `db.engine: aurora: is not built yet; write rds`},
	"an instance class with its prefix":              {"dev", "t4g.micro", "db.t4g.micro", `begins with "db."; leave that away`},
	"C20: IOPS below 400 GiB":                        {"dev", "iops: 0", "iops: 12000", `gp3's IOPS are fixed at 3,000 below 400 GiB`},
	"too little room to grow":                        {"prod", "maxStorageGiB: 500", "maxStorageGiB: 105", `at least 10 % above storageGiB`},
	"a backup window that is too short":              {"dev", "17:00-18:00", "23:50-00:10", `is too short for RDS`},
	"a backup window that is none":                   {"dev", "17:00-18:00", "17-18", `db.backupWindow: 17-18: is not a time span`},
	"C26: no TLS to RDS":                             {"dev", "sslMode: verify-full", "sslMode: disable", `RDS for PostgreSQL 15 refuses connections without TLS`},
	"prod without deletion protection":               {"prod", "deletionProtection: true", "deletionProtection: false", `prod must be protected; write true`},
	"prod without encryption":                        {"prod", "encrypted: true", "encrypted: false", `prod must be encrypted`},
	"prod without backups":                           {"prod", "backupRetentionDays: 7", "backupRetentionDays: 0", `prod must have backups`},
	"prod without HTTPS":                             {"prod", "    enabled: true", "    enabled: false", `prod must use HTTPS`},
	"prod that destroys its data":                    {"prod", "policy: retain", "policy: destroy", `prod must keep its data`},
	"prod used from localhost":                       {"prod", "https://prooflink.example.com", "http://localhost:3000", `prod must not be used from localhost`},
	"a port below 1024":                              {"dev", "port: 3000", "port: 80", `app.port: 80`},
	"the log router's port":                          {"dev", "port: 3000", "port: 24224", `is the log router's port`},
	"a CPU size that Fargate lacks":                  {"dev", "cpu: 512", "cpu: 500", `app.cpu: 500: Fargate has no such size; write one of 256, 512, 1024`},
	"a memory size that does not go with it":         {"dev", "memory: 1024", "memory: 512", `app.memory: 512: Fargate does not pair it with 512 CPU units; write one of 1024, 2048, 3072, 4096`},
	"autoscaling upside down":                        {"dev", "min: 2, max: 20", "min: 2, max: 1", `app.autoscaling.max: 1: is less than min`},
	"HTTPS without a certificate":                    {"dev", "enabled: false, certificateArn", "enabled: true, certificateArn", `is not an ACM certificate's ARN`},
	"HTTPS without a name":                           {"prod", "recordName: prooflink.example.com", `recordName: ""`, `dns.recordName: is needed for HTTPS`},
	"a certificate of another region":                {"prod", "arn:aws:acm:ap-northeast-1", "arn:aws:acm:us-east-1", `request the certificate in ap-northeast-1`},
	"a redirect to nowhere":                          {"dev", "httpAction: forward", "httpAction: redirect", `redirects to HTTPS, which is off`},
	"an unknown action":                              {"dev", "httpAction: forward", "httpAction: drop", `write one of forward, redirect`},
	"a load balancer with no open port":              {"dev", "openHttp: true", "openHttp: false", `leaves no open port`},
	"a record outside of its zone":                   {"prod", `zoneId: ""`, "zoneId: Z0123456789ABC", `dns.zoneName: is needed with zoneId`},
	"a log driver that is not built yet":             {"dev", "driver: firelens", "driver: awslogs", `logging.driver: awslogs: is not built yet`},
	"an unknown level":                               {"dev", "serverLevel: info", "serverLevel: INFO", `write one of debug, info, warn, error, fatal`},
	"a retention that CloudWatch refuses":            {"dev", "client: 3", "client: 4", `logging.retention.client: 4: CloudWatch Logs does not accept it; write 3 or 5`},
	"logs that expire before they are archived":      {"dev", "expireDays: 365", "expireDays: 90", `is not after glacierDays`},
	"an origin with a path":                          {"dev", "http://localhost:3000", "http://localhost:3000/", `is not an origin`},
	"too few images kept":                            {"dev", "keepImages: 10", "keepImages: 2", `a rollback needs the images`},
	"an unknown place for Spot":                      {"dev", "spot: second", "spot: third", `write one of off, first, second`},
	"a job larger than its environment":              {"dev", "userImport: {cpu: 256, memory: 512", "userImport: {cpu: 4096, memory: 8192", `the job would wait for ever`},
	"a job without time":                             {"dev", "timeoutSeconds: 3600", "timeoutSeconds: 10", `Batch wants at least 60`},
	"emptied and retained":                           {"prod", "emptyOnDelete: false", "emptyOnDelete: true", `contradicts policy: retain`},
}

func TestEachMistakeIsReportedOnceWithItsFix(t *testing.T) {
	for name, c := range mistakes {
		t.Run(name, func(t *testing.T) {
			data := edit(t, file(t, c.env), c.from, c.to)
			_, err := config.Decode("infra/config/environments/"+c.env+".yaml", []byte(data))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got:\n%v\nwant:\n%s", err, c.want)
			}
			if n := strings.Count(err.Error(), c.want); n != 1 {
				t.Errorf("said %d times:\n%v", n, err)
			}
			if !strings.HasPrefix(err.Error(), "infra/config/environments/") {
				t.Errorf("does not begin with the file: %v", err)
			}
		})
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

func TestAnEmptyFileSaysWhatToDo(t *testing.T) {
	for _, data := range []string{"", "# nothing\n", "\n"} {
		if _, err := config.Decode("dev.yaml", []byte(data)); err == nil || !strings.Contains(err.Error(), "dev.yaml") {
			t.Errorf("Decode(%q): %v", data, err)
		}
	}
}

func FuzzDecodeNeverPanics(f *testing.F) {
	for _, name := range config.Known() {
		f.Add([]byte(file(f, name)))
	}
	for _, seed := range []string{"", "[]", "a: &a [*a]", "? {}\n: 1", "network: {azs: [{}]}", "---\n---\n", "db: !!int x", "\x00", "- - - -", "env: !!binary x"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := config.Decode("dev.yaml", data)
		if err != nil && !strings.HasPrefix(err.Error(), "dev.yaml") {
			t.Errorf("does not name the file: %v", err)
		}
	})
}
