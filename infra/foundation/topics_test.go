package foundation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/infratest"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/templates"
)

// topicKey gives the topics a key of their own.
func topicKey(env *config.Environment) { env.Monitoring.TopicKey = config.KeyCMK }

func TestA184AndA185EveryEnvironmentHasBothTopics(t *testing.T) {
	for _, env := range []string{"dev", "prod", "local"} {
		template := synth(t, env)
		found := named(template, "AWS::SNS::Topic", "TopicName")
		for name, display := range map[string]string{"critical-alerts": "Critical Alerts", "warning-alerts": "Warning Alerts"} {
			infratest.Equal(t, env+" "+name, found["prooflink-"+env+"-"+name].Text("DisplayName"), display)
		}
		infratest.Equal(t, env+" topics", len(found), 2)
		for _, key := range []string{names.OutputCriticalTopicArn, names.OutputWarningTopicArn} {
			if _, ok := template.Outputs[key]; !ok {
				t.Errorf("%s has no output %s", env, key)
			}
		}
	}
}

func TestA186EachReceiverIsSubscribed(t *testing.T) {
	template := synth(t, "dev", func(env *config.Environment) {
		env.Monitoring.Emails = config.Emails{Critical: []string{"a@example.com", "b@example.com"}, Warning: []string{"a@example.com"}}
	})
	got := map[string]int{}
	for _, r := range template.Of("AWS::SNS::Subscription") {
		got[r.Text("Protocol")+" "+r.Text("Endpoint")]++
	}
	infratest.Equal(t, "receivers", got, map[string]int{"email a@example.com": 2, "email b@example.com": 1})
	infratest.Equal(t, "prod's receivers", len(synth(t, "prod").Of("AWS::SNS::Subscription")), 2)
}

func TestAlarmsAndEventsMayUseTheTopicsOverTLS(t *testing.T) {
	for _, r := range synth(t, "dev").Of("AWS::SNS::TopicPolicy") {
		topic := r.Text("Topics", 0)
		infratest.Equal(t, topic, r.Text("PolicyDocument", "Statement"),
			"[{Action:sns:Publish Condition:{Bool:{aws:SecureTransport:false}} Effect:Deny Principal:* Resource:"+topic+" Sid:AllowPublishThroughSSLOnly} "+
				"{Action:sns:Publish Condition:{StringEquals:{aws:SourceAccount:123456789012}} Effect:Allow Principal:{Service:cloudwatch.amazonaws.com} Resource:"+topic+" Sid:Alarms} "+
				"{Action:sns:Publish Effect:Allow Principal:{Service:events.amazonaws.com} Resource:"+topic+" Sid:Events}]")
	}
	infratest.Equal(t, "policies", len(synth(t, "dev").Of("AWS::SNS::TopicPolicy")), 2)
}

func TestC103TheTopicsKeyIsTheirOwn(t *testing.T) {
	template := synth(t, "dev", topicKey)
	key := template.One(t, "AWS::KMS::Key")
	infratest.Equal(t, "rotation", key.Text("EnableKeyRotation"), "true")
	infratest.Equal(t, "alias", template.One(t, "AWS::KMS::Alias").Text("AliasName"), "alias/prooflink-dev-topics")
	for i, want := range []string{
		"{Action:[kms:Decrypt kms:GenerateDataKey*] Condition:{StringEquals:{aws:SourceAccount:123456789012}} Effect:Allow Principal:{Service:cloudwatch.amazonaws.com} Resource:* Sid:Alarms}",
		"{Action:[kms:Decrypt kms:GenerateDataKey*] Effect:Allow Principal:{Service:events.amazonaws.com} Resource:* Sid:Events}",
	} {
		infratest.Equal(t, "the key's policy", key.Text("KeyPolicy", "Statement", i+1), want)
	}
	for _, r := range template.Of("AWS::SNS::Topic") {
		infratest.Equal(t, r.Text("TopicName"), strings.HasPrefix(r.Text("KmsMasterKeyId"), "${TopicKey"), true)
	}
	plain := synth(t, "dev")
	infratest.Equal(t, "keys without one", len(plain.Of("AWS::KMS::Key")), 0)
	infratest.Equal(t, "a topic without one", plain.Of("AWS::SNS::Topic")[0].Text("KmsMasterKeyId"), "<nothing>")
}

func TestTopicsEndAsTheEnvironmentSays(t *testing.T) {
	for env, want := range map[string]string{"dev": "Delete", "prod": "Retain"} {
		template := synth(t, env, topicKey)
		for _, r := range append(template.Of("AWS::SNS::Topic"), template.Of("AWS::KMS::Key")...) {
			infratest.Equal(t, env+" "+r.Type, r.DeletionPolicy, want)
		}
	}
}

func TestTopicsAreFoundByTheirNames(t *testing.T) {
	env := infratest.Env(t, "prod")
	template := infratest.Synth(t, env, func(stack awscdk.Stack) {
		base := foundation.Import(stack, env)
		for key, arn := range map[string]*string{"Critical": base.CriticalTopic.TopicArn(), "Warning": base.WarningTopic.TopicArn()} {
			awscdk.NewCfnOutput(stack, &key, &awscdk.CfnOutputProps{Value: arn})
		}
	})
	for key, name := range map[string]string{"Critical": "critical-alerts", "Warning": "warning-alerts"} {
		infratest.Equal(t, key, templates.Text(template.Outputs[key].Value), "arn:${AWS::Partition}:sns:ap-northeast-1:123456789012:prooflink-prod-"+name)
	}
}
