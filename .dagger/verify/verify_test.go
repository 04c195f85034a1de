package verify_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	acmtypes "github.com/aws/aws-sdk-go-v2/service/acm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/lock"
	"github.com/prooflink/prooflink/.dagger/record"
	"github.com/prooflink/prooflink/.dagger/verify"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// run records what is deployed, looks, and sees to it that a look changes nothing.
func (w *world) run(t *testing.T, options verify.Options) verify.Findings {
	t.Helper()
	before := len(w.Calls())
	found := verify.Run(t.Context(), w.Config(), w.environment, options)
	for _, call := range w.Calls()[before:] {
		if call.Mutating {
			t.Errorf("a look called %s:%s", call.Service, call.Operation)
		}
	}
	if strings.Contains(found.Text()+found.JSON(), secretValue) {
		t.Error("a secret's value is shown")
	}
	return found
}

// record notes the three images as deployed.
func (w *world) record(t *testing.T) {
	t.Helper()
	_, err := record.Write(t.Context(), w.Config(), w.names, record.Record{Kind: "deploy", At: time.Now(), Who: "mika", Commit: "c0ffee",
		Images: map[string]string{images.App.Name: digest("a"), images.Batch.Name: digest("b"), images.FluentBit.Name: digest("c")}})
	if err != nil {
		t.Fatal(err)
	}
}

// of are the findings of one check, as "blocker: what (where)".
func of(found verify.Findings, check string) []string {
	var list []string
	for _, finding := range found {
		if finding.Check == check {
			list = append(list, string(finding.Severity)+": "+finding.What+" ("+finding.Where+")")
		}
	}
	return list
}

func TestNothingIsWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.record(t)
		found := w.run(t, verify.Options{})
		for _, finding := range found {
			if finding.Severity != verify.OK && finding.Check != "quotas" && finding.Check != "leftovers" {
				t.Errorf("%+v", finding)
			}
		}
		if found.Summary() != "0 blockers, 0 warnings, 17 ok, 2 skipped" || len(found.Blockers()) > 0 {
			t.Errorf("%s\n%s", found.Summary(), found.Text())
		}
	})
}

// empty is the account before the first deployment.
func empty(w *world) {
	w.stacks, w.taken, w.secrets, w.database, w.batch = nil, map[string]bool{}, map[string]string{"slack-webhook": "x"}, "", nil
	w.listed["AWS::GuardDuty::Detector"], w.recorders, w.providers = nil, nil, []string{github}
	for name := range w.roles {
		if strings.HasPrefix(name, "prooflink-") {
			delete(w.roles, name)
		}
	}
}

func TestNothingIsWrongBeforeTheFirstDeployment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		empty(w)
		found := w.run(t, verify.Options{})
		if len(found.Blockers()) > 0 || len(found.Of(verify.Warning)) > 0 {
			t.Error(found.Text())
		}
		var skipped []string
		for _, finding := range found.Of(verify.Skipped) {
			skipped = append(skipped, finding.Check+": "+finding.What)
		}
		want := []string{"images: FoundationStack-prod is not deployed yet", "database: DatabaseStack-prod is not deployed yet", "batch: BatchStack-prod is not deployed yet"}
		if diff := cmp.Diff(want, skipped); diff != "" {
			t.Error(diff)
		}
	})
}

// A bad state of each check, and what is told of it.
var bad = map[string]struct {
	check string
	do    func(*testing.T, *world)
	want  string
}{
	"another account's credentials": {"credentials", func(_ *testing.T, w *world) { w.environment.Account = "999988887777" }, "blocker: the credentials are for account 210987654321, the environment's is 999988887777"},
	"credentials that have expired": {"credentials", func(_ *testing.T, w *world) {
		w.Fail("sts:*", 1, awsfake.Error("ExpiredToken", "The security token is expired"))
	}, "blocker: ask AWS whose credentials these are: "},
	"an example in the file":         {"examples", func(_ *testing.T, w *world) { w.environment.DNS.RecordName = "prooflink.example.com" }, "blocker: prooflink.example.com is an example that the repository comes with (infra/config/environments/prod.yaml: dns.recordName)"},
	"no bootstrap":                   {"bootstrap", func(_ *testing.T, w *world) { w.Fail("ssm:GetParameter", 3, notFound) }, "blocker: the account is not prepared for the CDK in ap-northeast-1 (/cdk-bootstrap/hnb659fds/version)"},
	"a bootstrap that is too old":    {"bootstrap", func(t *testing.T, w *world) { w.put(t, bootstrap, "5") }, "blocker: the account's CDK bootstrap is version 5, the stacks need 6"},
	"a bootstrap that can't look up": {"bootstrap", func(t *testing.T, w *world) { w.put(t, bootstrap, "7") }, "warning: the account's CDK bootstrap is version 7"},
	"a bootstrap role that is gone": {"bootstrap", func(_ *testing.T, w *world) {
		delete(w.roles, "cdk-hnb659fds-cfn-exec-role-"+account+"-ap-northeast-1")
	},
		"blocker: a role that `cdk bootstrap` has made is gone (cdk-hnb659fds-cfn-exec-role-210987654321-ap-northeast-1)"},
	"a roll-back that got stuck": {"stacks", func(_ *testing.T, w *world) { w.stacks["ComputeStack-prod"] = "UPDATE_ROLLBACK_FAILED" }, "warning: the stack is UPDATE_ROLLBACK_FAILED (ComputeStack-prod)"},
	"a stack that was never made, protected": {"stacks", func(_ *testing.T, w *world) { w.stacks["ComputeStack-prod"] = "ROLLBACK_COMPLETE" },
		"blocker: the stack is ROLLBACK_COMPLETE (ComputeStack-prod)"},
	"a stack that was never made": {"stacks", func(_ *testing.T, w *world) {
		w.stacks["ComputeStack-prod"], w.environment.Removal.Policy = "ROLLBACK_FAILED", config.RemovalDestroy
	}, "warning: the stack is ROLLBACK_FAILED (ComputeStack-prod)"},
	"a stack that wasn't deleted":      {"stacks", func(_ *testing.T, w *world) { w.stacks["BatchStack-prod"] = "DELETE_FAILED" }, "blocker: the stack is DELETE_FAILED (BatchStack-prod)"},
	"a stack that is being changed":    {"stacks", func(_ *testing.T, w *world) { w.stacks["BatchStack-prod"] = "UPDATE_IN_PROGRESS" }, "warning: the stack is UPDATE_IN_PROGRESS (BatchStack-prod)"},
	"a stack that is cleaned up after": {"stacks", func(_ *testing.T, w *world) { w.stacks["BatchStack-prod"] = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" }, "warning: the stack is UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"},
	"a person's lock": {"lock", func(t *testing.T, w *world) {
		if _, err := lock.Hold(t.Context(), w.Config(), w.names, lock.Owner{Who: "mika", Purpose: "a look at the data"}, time.Hour); err != nil {
			t.Fatal(err)
		}
	}, `warning: the lock of prod is taken: mika ("a look at the data") has it since `},
	"a lock that can't be read": {"lock", func(t *testing.T, w *world) { w.put(t, "/prooflink/prod/deploy/lock", "busy") }, "blocker: read the lock of prod: version 1 of the parameter"},
	"a service-linked role that isn't there": {"service-linked roles", func(_ *testing.T, w *world) { delete(w.roles, "AWSServiceRoleForECS") },
		"warning: the service-linked role of ecs.amazonaws.com is not there yet (AWSServiceRoleForECS)"},
	"no room for a VPC": {"quotas", func(_ *testing.T, w *world) {
		w.remove(names.Network)
		w.listed["AWS::EC2::VPC"] = []string{"1", "2", "3", "4", "5"}
	}, "blocker: the network needs 1 more VPCs, and the account has 5 of 5"},
	"no room for addresses": {"quotas", func(_ *testing.T, w *world) { w.remove(names.Network); w.quotas["L-0263D0A3"] = 3 },
		"blocker: the network needs 2 more Elastic IP addresses, and the account has 2 of 3 (AWS::EC2::EIP in ap-northeast-1, quota L-0263D0A3)"},
	"a repository that was left": {"leftovers", func(_ *testing.T, w *world) { w.remove(names.Foundation); w.taken["prooflink-prod-batch"] = true },
		"blocker: a repository of this name is there, which FoundationStack-prod is to make (prooflink-prod-batch)"},
	"a bucket that was left": {"leftovers", func(_ *testing.T, w *world) {
		w.remove(names.Foundation)
		w.taken["prooflink-prod-logs-"+account] = true
	},
		"blocker: a bucket of this name is there, which FoundationStack-prod is to make (prooflink-prod-logs-210987654321)"},
	"a secret whose name is taken still": {"leftovers", func(_ *testing.T, w *world) { w.remove(names.Database); w.database = "" },
		"blocker: a secret of this name is there, which DatabaseStack-prod is to make (prooflink-prod/rds-credentials)"},
	"a database that was left": {"leftovers", func(_ *testing.T, w *world) { w.remove(names.Database) },
		"blocker: a database of this name is there, which DatabaseStack-prod is to make (prooflink-prod-db)"},
	"a log group that is gone": {"log groups", func(_ *testing.T, w *world) { delete(w.taken, "/aws/batch/prooflink-prod") },
		"blocker: a log group of FoundationStack-prod is gone (/aws/batch/prooflink-prod)"},
	"a log group that was left": {"log groups", func(_ *testing.T, w *world) { w.remove(names.Network) },
		"blocker: a log group of this name is there, which NetworkStack-prod is to make (/aws/vpc/flowlogs/prod)"},
	"a role that is gone":     {"roles", func(_ *testing.T, w *world) { delete(w.roles, "prooflink-prod-ecs-task-role") }, "blocker: a role of ComputeStack-prod is gone (prooflink-prod-ecs-task-role)"},
	"a role that trusts none": {"roles", func(_ *testing.T, w *world) { w.roles["prooflink-prod-ecs-task-role"] = trust("ec2.amazonaws.com") }, "blocker: the role does not trust ecs-tasks.amazonaws.com (prooflink-prod-ecs-task-role)"},
	"a role that is only tagged": {"roles", func(_ *testing.T, w *world) {
		w.roles["prooflink-prod-ecs-task-role"] = strings.Replace(trust("ecs-tasks.amazonaws.com"), "AssumeRole", "TagSession", 1)
	}, "blocker: the role does not trust ecs-tasks.amazonaws.com (prooflink-prod-ecs-task-role)"},
	"a role that is denied": {"roles", func(_ *testing.T, w *world) {
		w.roles["prooflink-prod-ecs-task-role"] = strings.Replace(trust("ecs-tasks.amazonaws.com"), "Allow", "Deny", 1)
	}, "blocker: the role does not trust ecs-tasks.amazonaws.com (prooflink-prod-ecs-task-role)"},
	"a role that was left": {"roles", func(_ *testing.T, w *world) { w.remove(names.Batch) }, "blocker: a role of this name is there, which BatchStack-prod is to make (prooflink-prod-batch-execution-role)"},
	"a Batch role of the stack's own": {"roles", func(_ *testing.T, w *world) { w.environment.Batch.ServiceRole = config.RoleCustom },
		"blocker: a role of BatchStack-prod is gone (prooflink-prod-batch-service-role)"},
	"an image that is gone": {"images", func(_ *testing.T, w *world) { delete(w.images, digest("b")) }, "blocker: batch: prooflink-prod-batch@" + digest("b") + " is not in the registry"},
	"a secret without a key": {"secrets", func(_ *testing.T, w *world) {
		w.secrets[w.names.DatabaseSecret()] = `{"host":"` + secretValue + `","port":1,"username":"u","password":"p"}`
	}, "blocker: a secret has no key dbname (prooflink-prod/rds-credentials)"},
	"a secret that isn't JSON": {"secrets", func(_ *testing.T, w *world) { w.secrets[w.names.AppSecret()] = secretValue }, "blocker: a secret is not a JSON object (prooflink-prod/app-secrets)"},
	"a secret that is deleted": {"secrets", func(_ *testing.T, w *world) { w.marked[w.names.AppSecret()] = true }, "blocker: a secret is not there, or has no value (prooflink-prod/app-secrets)"},
	"a secret without a value": {"secrets", func(_ *testing.T, w *world) { w.secrets[w.names.AppSecret()] = "" }, "blocker: a secret is not there, or has no value (prooflink-prod/app-secrets)"},
	"a definition that names a secret that was made anew": {"secrets", func(_ *testing.T, w *world) { delete(w.secrets, arn(w.names.DatabaseSecret())) },
		"blocker: a secret is not there, or has no value (arn:aws:secretsmanager:ap-northeast-1:210987654321:secret:prooflink-prod/rds-credentials-AbCdEf)"},
	"a key that only a job is given": {"secrets", func(_ *testing.T, w *world) { w.secrets[arn(w.names.DatabaseSecret())] = `{"host":"h"}` },
		"blocker: a secret has no key password (arn:"},
	"a secret by hand that is missing, on the first deployment": {"secrets", func(_ *testing.T, w *world) { empty(w); w.secrets = nil },
		"blocker: a secret is not there, or has no value (slack-webhook)"},
	"the URL's secret": {"secrets", func(_ *testing.T, w *world) { w.environment.DB.URLMode = config.URLSecret }, "blocker: a secret is not there, or has no value (prooflink-prod/database-url)"},
	"no certificate":   {"certificate", func(_ *testing.T, w *world) { w.certificate = nil }, "blocker: there is no such certificate (" + certificate + ")"},
	"a certificate that waits": {"certificate", func(_ *testing.T, w *world) { w.certificate.Status = acmtypes.CertificateStatusPendingValidation },
		"blocker: the certificate is PENDING_VALIDATION (" + certificate + ")"},
	"another domain's certificate": {"certificate", func(_ *testing.T, w *world) { w.environment.DNS.RecordName = "a.b.prooflink.jp" },
		"blocker: the certificate is for *.prooflink.jp, prooflink.jp, not for a.b.prooflink.jp"},
	"a certificate that ends soon": {"certificate", func(_ *testing.T, w *world) { w.certificate.NotAfter = aws.Time(time.Now().Add(13 * 24 * time.Hour)) }, "warning: the certificate ends on 2000-01-14"},
	"a certificate that has ended": {"certificate", func(_ *testing.T, w *world) { w.certificate.NotAfter = aws.Time(time.Now().Add(-time.Hour)) }, "blocker: the certificate ends on 1999-12-31"},
	"a certificate of another region": {"certificate", func(_ *testing.T, w *world) {
		w.environment.ALB.TLS.CertificateArn = strings.Replace(certificate, "ap-northeast-1", "us-east-1", 1)
	}, "blocker: the certificate is in us-east-1, the load balancer in ap-northeast-1"},
	"a certificate of another account": {"certificate", func(_ *testing.T, w *world) {
		w.environment.ALB.TLS.CertificateArn = strings.Replace(certificate, account, "999988887777", 1)
	}, "blocker: the certificate is account 999988887777's, the load balancer account 210987654321's"},
	"no zone":            {"hosted zone", func(_ *testing.T, w *world) { w.zone = nil }, "blocker: there is no hosted zone Z0123456789ABC"},
	"another zone":       {"hosted zone", func(_ *testing.T, w *world) { w.zone.Name = aws.String("other.jp.") }, "blocker: hosted zone Z0123456789ABC is other.jp's, not prooflink.jp's"},
	"a database at rest": {"database", func(_ *testing.T, w *world) { w.database = "stopped" }, "warning: the database is stopped (prooflink-prod-db)"},
	"a cluster at rest": {"database", func(_ *testing.T, w *world) { w.database, w.environment.DB.Engine = "stopping", config.EngineAurora },
		"warning: the database is stopping (prooflink-prod-db)"},
	"a database that changes":     {"database", func(_ *testing.T, w *world) { w.database = "modifying" }, "warning: the database is modifying (prooflink-prod-db)"},
	"a database that is full":     {"database", func(_ *testing.T, w *world) { w.database = "storage-full" }, "blocker: the database is storage-full (prooflink-prod-db)"},
	"a database that is gone":     {"database", func(_ *testing.T, w *world) { w.database = "" }, "blocker: the database is gone (prooflink-prod-db)"},
	"an environment of no use":    {"batch", func(_ *testing.T, w *world) { w.batch["prooflink-prod-compute-env-spot"] = "INVALID ENABLED" }, "blocker: the compute environment is INVALID: the subnet is gone (prooflink-prod-compute-env-spot)"},
	"an environment that is off":  {"batch", func(_ *testing.T, w *world) { w.batch["prooflink-prod-compute-env"] = "VALID DISABLED" }, "warning: the compute environment is DISABLED (prooflink-prod-compute-env)"},
	"an environment that changes": {"batch", func(_ *testing.T, w *world) { w.batch["prooflink-prod-compute-env"] = "UPDATING ENABLED" }, "warning: the compute environment is UPDATING (prooflink-prod-compute-env)"},
	"a queue that is gone":        {"batch", func(_ *testing.T, w *world) { delete(w.batch, "prooflink-prod-job-queue") }, "blocker: the job queue is gone (prooflink-prod-job-queue)"},
	"another's detector": {"GuardDuty", func(_ *testing.T, w *world) { w.resources["SecurityStack-prod"] = []string{"AWS::WAFv2::WebACL"} },
		"blocker: the account has a GuardDuty detector already in ap-northeast-1 (detector-1)"},
	"another's detector, on the first deployment": {"GuardDuty", func(_ *testing.T, w *world) { w.remove(names.Security) },
		"blocker: the account has a GuardDuty detector already in ap-northeast-1 (detector-1)"},
	"another's recorder":    {"Config", func(_ *testing.T, w *world) { w.remove(names.Security) }, "blocker: the account has a Config recorder already in ap-northeast-1 (default)"},
	"a provider too many":   {"GitHub's provider", func(_ *testing.T, w *world) { w.environment.GitHub.CreateProvider = true }, "blocker: the account has GitHub's OIDC provider already, and the stack would make another (" + github + ")"},
	"a provider too few":    {"GitHub's provider", func(_ *testing.T, w *world) { w.providers = []string{"arn:aws:iam::1:oidc-provider/other"} }, "blocker: the account has no OIDC provider for GitHub, and the stack would not make it"},
	"a provider on its way": {"GitHub's provider", func(_ *testing.T, w *world) { w.resources["DeliveryStack-prod"] = []string{"AWS::IAM::OIDCProvider"} }, "blocker: the stack has made GitHub's OIDC provider, and would now delete it (" + github + ")"},
}

var notFound = awsfake.Error("ParameterNotFound", "no such parameter")

func TestWhatIsWrongIsToldWithItsPlaceAndItsFix(t *testing.T) {
	for name, test := range bad {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.record(t)
				test.do(t, w)
				found := w.run(t, verify.Options{})
				got := of(found, test.check)
				if !slices.ContainsFunc(got, func(line string) bool { return strings.HasPrefix(line, test.want) }) {
					t.Errorf("got %s\nwant %s", strings.Join(got, "\n"), test.want)
				}
				for _, finding := range found.Blockers() {
					if finding.Fix == "" || finding.Where == "" {
						t.Errorf("no place or no fix: %+v", finding)
					}
				}
			})
		})
	}
}

// What makes a check's good state, beside that of TestNothingIsWrong.
func TestGoodStates(t *testing.T) {
	good := map[string]struct {
		check string
		do    func(*world)
	}{
		"a stack whose first change set was never executed": {"stacks", func(w *world) { w.stacks["ComputeStack-prod"] = "REVIEW_IN_PROGRESS" }},
		"room for the network":                              {"quotas", func(w *world) { w.remove(names.Network); delete(w.taken, w.names.FlowLogGroup()) }},
		"no NAT gateways, no addresses": {"quotas", func(w *world) {
			w.remove(names.Network)
			w.environment.Network.NatGateways, w.quotas["L-0263D0A3"] = 0, 0
		}},
		"a trust policy with lists": {"roles", func(w *world) {
			w.roles["prooflink-prod-ecs-task-role"] = `{"Statement":{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","ecs-tasks.amazonaws.com"]},"Action":["sts:TagSession","sts:AssumeRole"]}}`
		}},
		"a certificate without a record": {"certificate", func(w *world) { w.environment.DNS.RecordName = "" }},
		"a database that is backed up":   {"database", func(w *world) { w.database = "backing-up" }},
		"one compute environment": {"batch", func(w *world) {
			w.environment.Batch.Spot = config.SpotOff
			delete(w.batch, "prooflink-prod-compute-env-spot")
		}},
		"a provider of the stack's own": {"GitHub's provider", func(w *world) {
			w.environment.GitHub.CreateProvider = true
			w.resources["DeliveryStack-prod"] = []string{"AWS::IAM::OIDCProvider"}
		}},
		"a provider that is to be made":    {"GitHub's provider", func(w *world) { w.environment.GitHub.CreateProvider = true; w.providers = nil }},
		"another's recorder doesn't count": {"Config", func(w *world) { w.recorders = nil }},
	}
	for name, test := range good {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				test.do(w)
				got := of(w.run(t, verify.Options{}), test.check)
				if len(got) != 1 || !strings.HasPrefix(got[0], "ok: ") {
					t.Errorf("got %v", got)
				}
			})
		})
	}
}

func TestWhatTheConfigurationLeavesOutIsSkippedAndSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		e := &w.environment
		e.ALB.TLS, e.DNS.ZoneID, e.Security, e.GitHub.Owner, e.Batch.Enabled = config.TLS{}, "", config.Security{}, "", false
		w.remove(names.Batch)
		found := w.run(t, verify.Options{})
		want := map[string]string{
			"certificate": "alb.tls.enabled is false", "hosted zone": "dns.zoneId is empty: the record is made elsewhere",
			"GuardDuty": "security.guardDuty is false", "Config": "security.config is false",
			"GitHub's provider": "github.owner is empty: no workflow deploys", "batch": "BatchStack-prod is not deployed yet",
			"images": "nothing was deployed yet: deploy builds the images", "quotas": "NetworkStack-prod has what it needs already",
			"leftovers": "the stacks with data are deployed",
		}
		got := map[string]string{}
		for _, finding := range found.Of(verify.Skipped) {
			got[finding.Check] = finding.What
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		var listed []verify.Finding
		if err := json.Unmarshal([]byte(found.JSON()), &listed); err != nil || len(listed) != len(found) {
			t.Errorf("JSON has %d of %d, %v", len(listed), len(found), err)
		}
	})
}

func TestOnlyThePlannedStacksAreLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.stacks["BatchStack-prod"] = "DELETE_FAILED"
		w.remove(names.Network)
		found := w.run(t, verify.Options{Stacks: []names.StackRole{names.Compute}})
		if got := append(of(found, "stacks"), of(found, "quotas")...); !strings.HasPrefix(got[0], "ok: ") || got[1] != "skipped: NetworkStack-prod is not to be deployed ()" {
			t.Errorf("got %v", got)
		}
	})
}

func TestThePlansOwnImagesAreLookedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		found := w.run(t, verify.Options{Images: map[string]string{"app": digest("f")}})
		if got := of(found, "images"); len(got) != 1 || !strings.HasPrefix(got[0], "blocker: app: prooflink-prod-app@"+digest("f")) {
			t.Errorf("got %v", got)
		}
	})
}

// Not everybody who deploys may read the values: then the keys are not known, and
// that the secrets are there still is.
func TestOnlyWhatJobsNeedIsLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		n := w.names
		for _, name := range []string{n.TaskRole(), n.BatchJobRole()} {
			delete(w.roles, name)
		}
		delete(w.taken, n.AppLogGroup())
		delete(w.taken, n.BatchLogGroup())
		delete(w.secrets, n.AppSecret())
		delete(w.secrets, n.DatabaseSecret())
		found := w.run(t, verify.Options{Checks: []string{"roles", "log groups", "secrets"}, Part: names.Batch})
		var got []string
		for _, finding := range found {
			got = append(got, string(finding.Severity)+" "+finding.Check+" "+finding.Where)
		}
		want := []string{"blocker log groups " + n.BatchLogGroup(), "blocker roles " + n.BatchJobRole(), "blocker secrets " + n.DatabaseSecret(), "ok credentials "}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestASecretIsLookedForWithoutItsValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.Fail("secretsmanager:GetSecretValue", 1000, awsfake.Error("AccessDeniedException", "no"))
		w.marked["slack-webhook"] = true
		want := []string{"blocker: a secret is not there, or has no value (slack-webhook)",
			"warning: could not look: the credentials lack the permission secretsmanager:GetSecretValue ()"}
		if diff := cmp.Diff(want, of(w.run(t, verify.Options{}), "secrets")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWithWrongCredentialsNothingElseIsLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.environment.Account = "999988887777"
		found := w.run(t, verify.Options{})
		if len(found.Blockers()) != 1 || len(found) != len(found.Of(verify.Skipped))+1 || found[0].Check != "credentials" {
			t.Error(found.Text())
		}
		if calls := w.Calls(); calls[len(calls)-1].Operation != "GetCallerIdentity" {
			t.Errorf("then called %v", calls[len(calls)-1])
		}
	})
}
