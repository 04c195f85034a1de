package config_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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
		"A1: both are in Tokyo":                            {[]string{dev.Region, prod.Region}, []string{"ap-northeast-1", "ap-northeast-1"}},
		"A2: the zones are 1a and 1c":                      {prod.Network.AZs, []string{"ap-northeast-1a", "ap-northeast-1c"}},
		"A2: dev has one NAT gateway, prod two":            {[]int{dev.Network.NatGateways, prod.Network.NatGateways}, []int{1, 2}},
		"A5: dev is a t4g.micro, prod a t4g.medium":        {[]string{dev.DB.InstanceClass, prod.DB.InstanceClass}, []string{"t4g.micro", "t4g.medium"}},
		"A5: storage is 20 and 100 GiB":                    {[]int{dev.DB.StorageGiB, prod.DB.StorageGiB}, []int{20, 100}},
		"A5: storage grows in prod only, to 500":           {[]int{dev.DB.MaxStorageGiB, prod.DB.MaxStorageGiB}, []int{0, 500}},
		"A5: prod has a standby":                           {[]bool{dev.DB.MultiAZ, prod.DB.MultiAZ}, []bool{false, true}},
		"A5: backups are off and 7 days":                   {[]int{dev.DB.BackupRetentionDays, prod.DB.BackupRetentionDays}, []int{0, 7}},
		"B9: both are encrypted":                           {[]bool{dev.DB.Encrypted, prod.DB.Encrypted}, []bool{true, true}},
		"A5: prod cannot be deleted by mistake":            {[]bool{dev.DB.DeletionProtection, prod.DB.DeletionProtection}, []bool{false, true}},
		"A5: Performance Insights is on in prod":           {[]bool{dev.DB.PerformanceInsights, prod.DB.PerformanceInsights}, []bool{false, true}},
		"A5: the databases":                                {[]string{dev.DB.Name, prod.DB.Name}, []string{"prooflink_dev", "prooflink_prod"}},
		"A9: task sizes":                                   {[]int{dev.App.CPU, dev.App.Memory, prod.App.CPU, prod.App.Memory}, []int{512, 1024, 1024, 2048}},
		"A9: one task in dev, two in prod":                 {[]int{dev.App.DesiredCount, prod.App.DesiredCount}, []int{1, 2}},
		"A9: prod scales from 2 to 20 at 70 % CPU":         {prod.App.Autoscaling, config.Autoscaling{Enabled: true, Min: 2, Max: 20, CPUTarget: 70}},
		"A9: container insights are on in prod":            {[]bool{dev.App.ContainerInsights, prod.App.ContainerInsights}, []bool{false, true}},
		"A10: dev forwards HTTP, prod redirects it":        {[]string{dev.ALB.HTTPAction, prod.ALB.HTTPAction}, []string{"forward", "redirect"}},
		"A9: log retention in dev":                         {dev.Logging.Retention, config.Retention{App: 7, Server: 7, Client: 3, Errors: 7, Flow: 7, Batch: 7}},
		"A9: log retention in prod":                        {prod.Logging.Retention, config.Retention{App: 30, Server: 30, Client: 7, Errors: 30, Flow: 30, Batch: 30}},
		"A6: files are versioned in prod":                  {[]bool{dev.S3.FilesVersioned, prod.S3.FilesVersioned}, []bool{false, true}},
		"A8: tags are fixed and images scanned in prod":    {prod.ECR, config.ECR{Immutable: true, ScanOnPush: true, KeepImages: 10, KeepDeployed: 20}},
		"A16: 2 and 4 vCPUs":                               {[]int{dev.Batch.MaxVcpus, prod.Batch.MaxVcpus}, []int{2, 4}},
		"A16: the user import in dev":                      {dev.Batch.Jobs.UserImport, config.Job{CPU: 256, Memory: 512, TimeoutSeconds: 3600}},
		"A16: the user import in prod":                     {prod.Batch.Jobs.UserImport, config.Job{CPU: 512, Memory: 1024, TimeoutSeconds: 7200}},
		"C26: only local goes without TLS":                 {[]string{dev.DB.SSLMode, prod.DB.SSLMode, local.DB.SSLMode}, []string{"verify-full", "verify-full", "disable"}},
		"A16: the test-case import in dev":                 {dev.Batch.Jobs.TestCaseImport, config.Job{CPU: 512, Memory: 1024, TimeoutSeconds: 3600}},
		"A16: the test-case import in prod":                {prod.Batch.Jobs.TestCaseImport, config.Job{CPU: 1024, Memory: 2048, TimeoutSeconds: 7200}},
		"B17: prod is for listed addresses only":           {[]string{dev.WAF.Mode, prod.WAF.Mode}, []string{"none", "ip-allow"}},
		"B25: alarms are prod's":                           {[]string{dev.Monitoring.Alarms, prod.Monitoring.Alarms}, []string{"none", "full"}},
		"B28: the account's services are prod's":           {[]config.Security{dev.Security, prod.Security}, []config.Security{{}, {GuardDuty: true, Config: true, CloudTrail: true}}},
		"B37: dev's database stops at night":               {dev.DB.Schedule, config.Schedule{Enabled: true, Stop: "22:00", Start: "09:00", Days: "SUN-SAT", Timezone: "Asia/Tokyo", Mechanism: "scheduler"}},
		"B37: prod's doesn't":                              {prod.DB.Schedule.Enabled, false},
		"C86: prod is deployed from its environment alone": {prod.GitHub, config.GitHub{Branches: []string{}, Environments: []string{"prod"}, PlanEnvironments: []string{"prod-plan"}, Subjects: []string{}}},
		"a command is run in tasks of dev only":            {[]bool{dev.App.Exec, prod.App.Exec, local.App.Exec}, []bool{true, false, false}},
		"local has nothing that needs a Lambda":            {local.Removal, config.Removal{Policy: "destroy"}},
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

func TestAnEmptyFileSaysWhatToDo(t *testing.T) {
	for _, data := range []string{"", "# nothing\n", "\n"} {
		if _, err := config.Decode("dev.yaml", []byte(data)); err == nil || !strings.Contains(err.Error(), "dev.yaml") {
			t.Errorf("Decode(%q): %v", data, err)
		}
	}
}

func TestAnyFileIsLoadedWhateverItsName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.yml")
	if err := os.WriteFile(path, []byte(file(t, "dev")), 0o600); err != nil {
		t.Fatal(err)
	}
	env, err := config.LoadFile(path)
	if err != nil || !reflect.DeepEqual(env, load(t, "dev")) {
		t.Errorf("got %q, %v", env.Env, err)
	}
}

func TestAFileOfTheUsersIsCheckedLikeAnyOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.yaml")
	if err := os.WriteFile(path, []byte(edit(t, file(t, "prod"), "natGateways: 2", "natGateways: 3")), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.LoadFile(path)
	var problem config.Problem
	if !errors.As(err, &problem) || problem.File != path || problem.Path != "network.natGateways" {
		t.Errorf("got %v", err)
	}
}

func TestAMissingFileSaysWhichToName(t *testing.T) {
	_, err := config.LoadFile("nowhere/other.yaml")
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "nowhere/other.yaml") || !strings.Contains(err.Error(), "environments/dev.yaml") {
		t.Errorf("got %v", err)
	}
}
