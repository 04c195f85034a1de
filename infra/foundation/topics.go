package foundation

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/part"
)

// alerts are a topic and who is told what it hears.
type alerts struct {
	id, name, display string
	emails            []string
}

// newTopics makes the topics that alarms and events are told to
// (000_e03a210ce428a44a.txt §6.4). They are here, not beside the alarms, so that
// a receiver confirms its address once and not with each new monitoring stack.
func newTopics(scope constructs.Construct, env config.Environment) {
	n, emails, key := env.Names(), env.Monitoring.Emails, newTopicKey(scope, env)
	critical := newTopic(scope, env, key, alerts{"CriticalTopic", n.CriticalTopic(), "Critical Alerts", emails.Critical})
	warning := newTopic(scope, env, key, alerts{"WarningTopic", n.WarningTopic(), "Warning Alerts", emails.Warning})
	part.Output(scope, names.OutputCriticalTopicArn, critical.TopicArn())
	part.Output(scope, names.OutputWarningTopicArn, warning.TopicArn())
}

// newTopic makes one topic with its receivers, over TLS only.
func newTopic(scope constructs.Construct, env config.Environment, key awskms.IKey, of alerts) awssns.Topic {
	topic := awssns.NewTopic(scope, jsii.String(of.id), &awssns.TopicProps{
		TopicName: jsii.String(of.name), DisplayName: jsii.String(of.display),
		MasterKey: key, EnforceSSL: jsii.Bool(true),
	})
	topic.ApplyRemovalPolicy(part.Removal(env))
	for _, statement := range publishers(scope, topic.TopicArn(), "sns:Publish") {
		topic.AddToResourcePolicy(statement)
	}
	for _, address := range of.emails {
		topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(jsii.String(address), nil))
	}
	return topic
}

// newTopicKey makes the topics' own key; nil where they have none. Alarms cannot
// use the key that SNS has, alias/aws/sns: its policy cannot let them.
func newTopicKey(scope constructs.Construct, env config.Environment) awskms.IKey {
	if env.Monitoring.TopicKey != config.KeyCMK {
		return nil
	}
	key := awskms.NewKey(scope, jsii.String("TopicKey"), &awskms.KeyProps{
		Alias:             jsii.String(env.Names().TopicKey()),
		Description:       jsii.String("Encrypts the alert topics of " + env.Names().Prefix()),
		EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy:     part.Removal(env),
	})
	for _, statement := range publishers(scope, jsii.String("*"), "kms:Decrypt", "kms:GenerateDataKey*") {
		key.AddToResourcePolicy(statement, nil)
	}
	return key
}

// publishers lets alarms and event rules do something with a topic or, "*", with
// the key whose policy it is. Alarms have to be this account's. EventBridge sends
// no aws:SourceAccount with what it does here, so a condition would make every
// event vanish (Amazon EventBridge user guide, "Amazon SNS permissions"; Amazon
// SNS developer guide, "Key management").
func publishers(scope constructs.Construct, resource *string, actions ...string) []awsiam.PolicyStatement {
	alarms := allow("Alarms", "cloudwatch.amazonaws.com", resource, actions)
	alarms.AddCondition(jsii.String("StringEquals"), map[string]any{"aws:SourceAccount": awscdk.Stack_Of(scope).Account()})
	return []awsiam.PolicyStatement{alarms, allow("Events", "events.amazonaws.com", resource, actions)}
}

// allow lets a service of AWS do something with one resource.
func allow(sid, service string, resource *string, actions []string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String(sid),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String(service), nil)},
		Actions:    jsii.Strings(actions...),
		Resources:  &[]*string{resource},
	})
}
