package policy_test

import (
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/infratest"
	"github.com/prooflink/prooflink/infra/policy"
)

func TestMain(m *testing.M) { infratest.Main(m) }

// start is a permission with everything that one can have.
var start = policy.Permission{Sid: "Start", Actions: []string{"rds:StartDBInstance"}, Resources: policy.Everything,
	Conditions: policy.Equals("aws:ResourceTag/Environment", "dev", "test")}

// statement is how it looks in a template.
const statement = "{Statement:[{Action:rds:StartDBInstance Condition:{StringEquals:{aws:ResourceTag/Environment:[dev test]}}" +
	" Effect:Allow Resource:* Sid:Start}] Version:2012-10-17}"

// synth makes a role that has the permission both ways.
func synth(t *testing.T) infratest.Template {
	t.Helper()
	return infratest.Synth(t, infratest.Env(t, "dev"), func(stack awscdk.Stack) {
		role := awsiam.NewRole(stack, jsii.String("Role"), &awsiam.RoleProps{
			AssumedBy:      policy.Service(stack, "scheduler.amazonaws.com"),
			InlinePolicies: &map[string]awsiam.PolicyDocument{"Start": policy.Document(start)},
		})
		policy.Grant(role, start)
	})
}

func TestAPermissionIsTheSameGrantedOrInADocument(t *testing.T) {
	s := synth(t)
	if got := s.One(t, "AWS::IAM::Policy").Text("PolicyDocument"); got != statement {
		t.Errorf("granted: %s, want %s", got, statement)
	}
	if got := s.One(t, "AWS::IAM::Role").Text("Policies", 0, "PolicyDocument"); got != statement {
		t.Errorf("in a document: %s, want %s", got, statement)
	}
}

func TestAServiceTakesTheRoleForThisAccountOnly(t *testing.T) {
	want := "{Action:sts:AssumeRole Condition:{StringEquals:{aws:SourceAccount:[" + infratest.Account + "]}} Effect:Allow" +
		" Principal:{Service:scheduler.amazonaws.com}}"
	if got := synth(t).One(t, "AWS::IAM::Role").Text("AssumeRolePolicyDocument", "Statement"); got != "["+want+"]" {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestARNsAreWhereTheStackIs(t *testing.T) {
	a := policy.ARNs{Partition: "aws", Region: "ap-northeast-1", Account: "1"}
	for got, want := range map[string]string{
		a.Regional("ecs", "cluster/c"): "arn:aws:ecs:ap-northeast-1:1:cluster/c",
		a.Global("iam", "user/u"):      "arn:aws:iam::1:user/u",
		a.Roles("one", "two")[1]:       "arn:aws:iam::1:role/two",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
