package verify_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/verify"
	"github.com/prooflink/prooflink/infra/names"
)

// refused are, by check, the calls that it makes and the permissions that they take.
var refused = map[string]map[string]string{
	"bootstrap":            {"ssm:GetParameter": "ssm:GetParameter", "iam:GetRole": "iam:GetRole"},
	"stacks":               {"cloudformation:DescribeStacks": "cloudformation:DescribeStacks"},
	"lock":                 {"ssm:GetParameter": "ssm:GetParameter"},
	"service-linked roles": {"iam:GetRole": "iam:GetRole"},
	"quotas": {"cloudcontrol:ListResources": "cloudformation:ListResources", "servicequotas:GetServiceQuota": "servicequotas:GetServiceQuota",
		"servicequotas:GetAWSDefaultServiceQuota": "servicequotas:GetAWSDefaultServiceQuota", "cloudformation:DescribeStacks": "cloudformation:DescribeStacks"},
	"leftovers": {"ecr:DescribeRepositories": "ecr:DescribeRepositories", "s3:HeadBucket": "s3:ListBucket",
		"secretsmanager:DescribeSecret": "secretsmanager:DescribeSecret", "rds:DescribeDBInstances": "rds:DescribeDBInstances"},
	"log groups": {"cloudwatchlogs:DescribeLogGroups": "logs:DescribeLogGroups"},
	"roles":      {"iam:GetRole": "iam:GetRole"},
	"images": {"ecr:BatchGetImage": "ecr:BatchGetImage", "ssm:GetParameter": "ssm:GetParameter",
		"cloudformation:DescribeStacks": "cloudformation:DescribeStacks"},
	"secrets": {"secretsmanager:GetSecretValue": "secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret": "secretsmanager:DescribeSecret", "ecs:DescribeServices": "ecs:DescribeServices",
		"ecs:DescribeTaskDefinition": "ecs:DescribeTaskDefinition", "batch:DescribeJobDefinitions": "batch:DescribeJobDefinitions"},
	"certificate": {"acm:DescribeCertificate": "acm:DescribeCertificate"},
	"hosted zone": {"route53:GetHostedZone": "route53:GetHostedZone"},
	"database":    {"rds:DescribeDBInstances": "rds:DescribeDBInstances", "cloudformation:DescribeStacks": "cloudformation:DescribeStacks"},
	"batch": {"batch:DescribeComputeEnvironments": "batch:DescribeComputeEnvironments",
		"batch:DescribeJobQueues": "batch:DescribeJobQueues", "cloudformation:DescribeStacks": "cloudformation:DescribeStacks"},
	"GuardDuty": {"cloudcontrol:ListResources": "cloudformation:ListResources", "cloudformation:ListStackResources": "cloudformation:ListStackResources"},
	"Config":    {"configservice:DescribeConfigurationRecorders": "config:DescribeConfigurationRecorders"},
	"GitHub's provider": {"iam:ListOpenIDConnectProviders": "iam:ListOpenIDConnectProviders",
		"cloudformation:ListStackResources": "cloudformation:ListStackResources"},
}

// young has the stacks away that quotas and leftovers look before.
func young(w *world) {
	w.remove(names.Network, names.Foundation, names.Database)
	w.taken, w.secrets, w.database = map[string]bool{}, map[string]string{}, ""
}

func TestWhatMayNotBeLookedAtIsAWarningWithThePermissionsName(t *testing.T) {
	for check, calls := range refused {
		for call, permission := range calls {
			t.Run(check+" without "+permission, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					w.record(t)
					if check == "quotas" || check == "leftovers" {
						young(w)
					}
					w.Fail(call, 1000, awsfake.ErrorStatus(403, "AccessDeniedException", "User: arn:aws:iam::1:user/mika may not"))
					got := of(w.run(t, verify.Options{}), check)
					if len(got) != 1 || got[0] != "warning: could not look: the credentials lack the permission "+permission+" ()" {
						t.Errorf("got %q", got)
					}
				})
			})
		}
	}
}

// What AWS says itself is better than what can be told from the call: Cloud
// Control asks other services with the caller's permissions.
func TestThePermissionIsTheOneThatAWSNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.Fail("cloudcontrol:ListResources", 1, awsfake.Error("AccessDeniedException",
			"User: arn:aws:iam::1:user/mika is not authorized to perform: guardduty:ListDetectors on resource: *"))
		if got := of(w.run(t, verify.Options{}), "GuardDuty"); !strings.Contains(got[0], "lack the permission guardduty:ListDetectors") {
			t.Errorf("got %q", got)
		}
	})
}

// All that a look calls is in the list of permissions, and no more, but for what
// Cloud Control asks for the caller.
func TestThePermissionsAreThoseThatALookTakes(t *testing.T) {
	want := map[string]bool{"ec2:DescribeVpcs": true, "ec2:DescribeAddresses": true, "guardduty:ListDetectors": true, "rds:DescribeDBClusters": true}
	for _, calls := range refused {
		for permission := range maps.Values(calls) {
			want[permission] = true
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), verify.Permissions()); diff != "" {
		t.Error(diff)
	}
	known := map[string]bool{"sts:GetCallerIdentity": true}
	for _, calls := range refused {
		for call := range calls {
			known[call] = true
		}
	}
	for _, state := range []func(*world){func(*world) {}, young, empty} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.record(t)
			state(w)
			before := len(w.Calls())
			w.run(t, verify.Options{})
			for _, call := range w.Calls()[before:] {
				if !known[call.Service+":"+call.Operation] {
					t.Errorf("%s:%s is called, and no check is known to", call.Service, call.Operation)
				}
			}
		})
	}
}

func TestEveryCheckEndsInItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.Fail("acm:*", 1000, awsfake.ErrorStatus(503, "ServiceUnavailable", "later"))
		started := time.Now()
		found := w.run(t, verify.Options{Limit: 3 * time.Second})
		if took := time.Since(started); took > 10*time.Second {
			t.Errorf("took %s", took)
		}
		if got := of(found, "certificate"); len(got) != 1 || !strings.HasPrefix(got[0], "warning: could not look: AWS has not answered within 3s") {
			t.Errorf("got %q", got)
		}
		if len(found.Of(verify.Warning)) != 1 {
			t.Errorf("the others suffer:\n%s", found.Text())
		}
	})
}

func TestAnAnswerThatMakesNoSenseIsNoPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.put(t, bootstrap, "many")
		if got := of(w.run(t, verify.Options{}), "bootstrap"); len(got) != 1 || !strings.HasPrefix(got[0], "warning: could not look: parameter /cdk-bootstrap/hnb659fds/version has no number") {
			t.Errorf("got %q", got)
		}
	})
}
