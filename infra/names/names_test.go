package names_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/prooflink/prooflink/infra/names"
)

func TestNamesAreTheSeeds(t *testing.T) {
	dev, prod := names.New("prooflink", "dev"), names.New("prooflink", "prod")
	cases := map[string][2]string{
		"A8: the app repository carries the environment":   {dev.AppRepository(), "prooflink-dev-app"},
		"A8: the batch repository carries the environment": {prod.BatchRepository(), "prooflink-prod-batch"},
		"the log router has its own repository":            {dev.FluentBitRepository(), "prooflink-dev-fluentbit"},
		"A6: the files bucket ends in the account":         {dev.FilesBucket("123456789012"), "prooflink-dev-files-123456789012"},
		"A9: the cluster":                                    {dev.Cluster(), "prooflink-dev-cluster"},
		"A9: the task family":                                {prod.TaskFamily(), "prooflink-prod-task"},
		"A9: the port mapping is named after its port":       {names.PortName(3000), "app-3000-tcp"},
		"A9: the server log group":                           {dev.ServerLogGroup(), "/ecs/prooflink-dev-app-server"},
		"A9: the client log group":                           {prod.ClientLogGroup(), "/ecs/prooflink-prod-app-client"},
		"B20: the errors log group":                          {dev.ErrorsLogGroup(), "/ecs/prooflink-dev-errors"},
		"C4: the flow log group differs by environment":      {dev.FlowLogGroup(), "/aws/vpc/flowlogs/dev"},
		"A16: the batch log group":                           {dev.BatchLogGroup(), "/aws/batch/prooflink-dev"},
		"A16: the job queue":                                 {dev.JobQueue(), "prooflink-dev-job-queue"},
		"A16: the Fargate environment":                       {dev.ComputeEnvironment(false), "prooflink-dev-compute-env"},
		"C76: Fargate Spot is an environment of its own":     {dev.ComputeEnvironment(true), "prooflink-dev-compute-env-spot"},
		"A16: the user import":                               {dev.UserImportJob(), "prooflink-dev-user-import"},
		"A16: the test-case import":                          {prod.TestCaseImportJob(), "prooflink-prod-test-case-import"},
		"B31: the database secret carries the environment":   {dev.DatabaseSecret(), "prooflink-dev/rds-credentials"},
		"A2: a public subnet is numbered and ends in its AZ": {dev.PublicSubnet(1, "ap-northeast-1a"), "prooflink-dev-subnet-public1-ap-northeast-1a"},
		"A2: a NAT gateway is named after its subnet":        {prod.NatGateway(2), "prooflink-prod-nat-public2"},
		"A2: an endpoint's dots become hyphens":              {dev.Endpoint("ecr.api"), "prooflink-dev-vpce-ecr-api"},
		"A5: the database":                                   {dev.Database(), "prooflink-dev-db"},
		"parameters are under project and environment":       {dev.Parameter("deploy/lock"), "/prooflink/dev/deploy/lock"},
		"A1: stacks end in the environment":                  {prod.Stack(names.Network), "NetworkStack-prod"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if c[0] != c[1] {
				t.Errorf("got %q, want %q", c[0], c[1])
			}
		})
	}
}

func TestStacksAreNamedInTheirOrder(t *testing.T) {
	want := []string{"FoundationStack-dev", "NetworkStack-dev"}
	if got := names.New("prooflink", "dev").Stacks(names.StackRoles()[:2]); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLiteralNamesAreTheSeedsWithoutTheEnvironment(t *testing.T) {
	n := names.Names{Project: "prooflink", Env: "dev", Literal: true}
	for got, want := range map[string]string{
		n.Alb(): "prooflink-alb", n.TargetGroup(): "prooflink-tg", n.Service(): "prooflink-service",
		n.ExecutionRole(): "prooflink-ecs-task-execution-role", n.TaskRole(): "prooflink-ecs-task-role",
		n.DatabaseSecret(): "prooflink/rds-credentials", n.AppSecret(): "prooflink/app-secrets",
		n.DatabaseSubnetGroup(): "prooflink-db-subnet-group", n.AlbSecurityGroup(): "prooflink-alb-sg",
		n.TaskSecurityGroup(): "prooflink-ecs-sg", n.DatabaseSecurityGroup(): "prooflink-rds-sg",
		n.EndpointSecurityGroup(): "prooflink-vpce-sg", n.Endpoint("ecr.api"): "prooflink-vpce-ecr-api",
		n.Endpoint("s3"): "prooflink-dev-vpce-s3", n.WebACL(): "prooflink-waf-acl", n.AllowedIPs(): "prooflink-allowed-ips",
		n.BatchServiceRole(): "prooflink-batch-service-role", n.BatchExecutionRole(): "prooflink-batch-execution-role",
		n.BatchJobRole(): "prooflink-batch-job-role", n.Alarm("ecs-cpu-high"): "prooflink-ecs-cpu-high",
		n.CriticalTopic(): "critical-alerts", n.WarningTopic(): "warning-alerts", n.Dashboard(): "ApplicationDashboard",
		n.ErrorsLogGroup(): "/ecs/backend/errors", n.FlowLogGroup(): "/aws/vpc/flowlogs",
		n.Vpc(): "prooflink-dev-vpc", n.Cluster(): "prooflink-dev-cluster",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestGivenNamesWin(t *testing.T) {
	n := names.Names{Project: "prooflink", Env: "dev", Given: names.Given{AppRepository: "mine", DatabaseSecret: "team/db"}}
	if n.AppRepository() != "mine" || n.DatabaseSecret() != "team/db" || n.AppSecret() != "prooflink-dev/app-secrets" {
		t.Errorf("got %s, %s, %s", n.AppRepository(), n.DatabaseSecret(), n.AppSecret())
	}
}

func TestEveryNameIsWithinItsLimit(t *testing.T) {
	for _, env := range []string{"dev", "prod", "local", "staging", "preview-1"} {
		for _, limit := range names.New("prooflink", env).Limits() {
			if err := limit.Check(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestNoTwoNamesOfAKindAreTheSame(t *testing.T) {
	seen := map[string]bool{}
	for _, limit := range names.New("prooflink", "dev").Limits() {
		key := limit.Kind + " " + limit.Name
		if seen[key] {
			t.Errorf("%s occurs twice", key)
		}
		seen[key] = true
	}
}

// Every method that makes a name without arguments must have a limit.
func TestEveryNameHasALimit(t *testing.T) {
	n := names.New("prooflink", "dev")
	listed := map[string]bool{n.Prefix(): true}
	for _, limit := range n.Limits() {
		listed[limit.Name] = true
	}
	value := reflect.ValueOf(n)
	for i := range value.NumMethod() {
		method := value.Type().Method(i)
		if method.Type.NumIn() != 1 || method.Type.Out(0).Kind() != reflect.String {
			continue
		}
		if name := value.Method(i).Call(nil)[0].String(); !listed[name] {
			t.Errorf("%s gives %q, which Limits does not list", method.Name, name)
		}
	}
}

func TestCheckRefusesWhatAWSWouldRefuse(t *testing.T) {
	cases := map[string]struct{ project, env, want string }{
		"a load balancer's name has 32 characters at most": {"prooflink", "a-very-long-environment", "AWS allows 32"},
		"capitals are refused":                             {"ProofLink", "dev", "use a-z, 0-9"},
		"a double hyphen is refused":                       {"prooflink", "dev-", "use a-z, 0-9"},
		"internal- is reserved for load balancers":         {"internal", "dev", "which AWS reserves"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := names.New(c.project, c.env).Check()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}
