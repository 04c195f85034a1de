package changes_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/infra/changes"
	"github.com/prooflink/prooflink/infra/templates"
)

// stack is a stack with these resources, as JSON by their ids.
func stack(t *testing.T, name, resources string) templates.Stack {
	t.Helper()
	parsed, err := templates.Parse(name, []byte(`{"Resources": {`+resources+`}}`))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// compare compares two versions of one stack.
func compare(t *testing.T, before, after string) changes.Changes {
	t.Helper()
	return changes.Compare([]templates.Stack{stack(t, "S", before)}, []templates.Stack{stack(t, "S", after)})
}

// lines writes the lines of resources as the report does.
func lines(resources []changes.Resource) string {
	var all []string
	for _, r := range resources {
		for _, l := range r.Lines {
			all = append(all, l.Path+": "+l.Before+" > "+l.After)
		}
	}
	return strings.Join(all, "\n")
}

// policy is a role's policy with these statements.
func policy(statements string) string {
	return `"P": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyName": "P", "Roles": [{"Ref": "R"}],
		"PolicyDocument": {"Version": "2012-10-17", "Statement": [` + statements + `]}}}`
}

func TestSecurityChanges(t *testing.T) {
	group := func(rules string) string {
		return `"G": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"SecurityGroupIngress": [` + rules + `]}}`
	}
	of := func(kind, properties string) string {
		return `"X": {"Type": "` + kind + `", "Properties": {` + properties + `}}`
	}
	tests := map[string]struct{ before, after, want string }{
		"an action that a policy gains is one line": {
			policy(`{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:a"}`),
			policy(`{"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"], "Resource": "arn:a"}`),
			"policy:  > Allow s3:PutObject on arn:a"},
		"a statement that is gone": {
			policy(`{"Effect": "Allow", "Action": ["a:B", "a:C"], "Resource": ["arn:x", "arn:y"]}, {"Effect": "Deny", "Action": "*", "Resource": "*"}`),
			policy(`{"Effect": "Deny", "Action": "*", "Resource": "*"}`),
			"policy: Allow a:B, a:C on arn:x, arn:y > "},
		"a condition that is gone": {
			policy(`{"Effect": "Allow", "Action": "a:B", "Resource": "*", "Condition": {"Bool": {"c": "true"}}}`),
			policy(`{"Effect": "Allow", "Action": "a:B", "Resource": "*"}`),
			"policy: Allow a:B on * when {Bool:{c:true}} > \npolicy:  > Allow a:B on *"},
		"an opposite": {
			policy(``), policy(`{"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:a"}`),
			"policy:  > Allow everything but iam:* on everything but arn:a"},
		"who may become a role": {
			of("AWS::IAM::Role", `"AssumeRolePolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]}`),
			of("AWS::IAM::Role", `"AssumeRolePolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}]}`),
			"trust: Allow sts:AssumeRole to Service ecs-tasks.amazonaws.com > \ntrust:  > Allow sts:AssumeRole to everybody (*)"},
		"a policy inside a role, by its name, and a managed one": {
			of("AWS::IAM::Role", `"Policies": [], "ManagedPolicyArns": ["arn:m"]`),
			of("AWS::IAM::Role", `"Policies": [{"PolicyName": "write", "PolicyDocument": {"Statement": {"Effect": "Allow", "Action": "a:B", "Resource": "*"}}}], "ManagedPolicyArns": ["arn:n"]`),
			"managed policy: arn:m > \npolicy write:  > Allow a:B on *\nmanaged policy:  > arn:n"},
		"a policy that is JSON": {
			of("AWS::Logs::ResourcePolicy", `"PolicyDocument": "{\"Statement\": []}"`),
			of("AWS::Logs::ResourcePolicy", `"PolicyDocument": "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"a:B\", \"Resource\": \"*\"}]}"`),
			"policy:  > Allow a:B on *"},
		"a rule inside a group": {
			group(`{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/16", "Description": "old"}`),
			group(`{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/16", "Description": "new"}, {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}`),
			"ingress:  > all traffic from 0.0.0.0/0"},
		"a rule of its own": {
			of("AWS::EC2::SecurityGroupIngress", `"GroupId": "g", "IpProtocol": "tcp", "FromPort": 80, "ToPort": 90, "SourceSecurityGroupId": {"Fn::GetAtt": ["A", "GroupId"]}`),
			of("AWS::EC2::SecurityGroupIngress", `"GroupId": "g", "IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "SourceSecurityGroupId": {"Fn::GetAtt": ["A", "GroupId"]}`),
			"ingress: tcp 80-90 from ${A.GroupId} at g > \ningress:  > tcp 80 from ${A.GroupId} at g"},
		"what the internet reaches": {
			of("AWS::S3::Bucket", `"PublicAccessBlockConfiguration": {"BlockPublicAcls": true}`), of("AWS::S3::Bucket", ``),
			"PublicAccessBlockConfiguration.BlockPublicAcls: true > "},
		"encryption": {
			of("AWS::S3::Bucket", `"BucketEncryption": {"Rules": [{"Algorithm": "aws:kms"}]}`),
			of("AWS::S3::Bucket", `"BucketEncryption": {"Rules": [{"Algorithm": "AES256"}]}`),
			"BucketEncryption.Rules[0].Algorithm: aws:kms > AES256"},
		"the firewall": {
			of("AWS::WAFv2::WebACL", `"Rules": [{"Name": "a", "Priority": 1}]`), of("AWS::WAFv2::WebACL", `"Rules": [{"Name": "b", "Priority": 1}]`),
			"Rules[a]: {Name:a Priority:1} > \nRules[b]:  > {Name:b Priority:1}"},
		"protection from deletion": {
			of("AWS::RDS::DBInstance", `"DeletionProtection": true`), of("AWS::RDS::DBInstance", `"DeletionProtection": false`),
			"DeletionProtection: true > false"},
		"the policy of deletion": {
			`"B": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}`, `"B": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Delete"}`,
			"DeletionPolicy: Retain > Delete"},
		"a new load balancer that the internet reaches": {
			``, of("AWS::ElasticLoadBalancingV2::LoadBalancer", `"Scheme": "internet-facing", "Name": "n"`),
			"Scheme:  > internet-facing"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := compare(t, test.before, test.after)
			if diff := cmp.Diff(test.want, lines(got.Security)); diff != "" {
				t.Error(diff)
			}
			if len(got.Rest)+len(got.Destructive) > 0 {
				t.Errorf("shown twice: %+v %+v", got.Rest, got.Destructive)
			}
		})
	}
}

func TestDestructiveChangesSayWhatBecomesOfTheData(t *testing.T) {
	tests := map[string]struct {
		before, after string
		action        changes.Action
		note          string
	}{
		"a database that gets another name": {
			`"D": {"Type": "AWS::RDS::DBInstance", "UpdateReplacePolicy": "Snapshot", "Properties": {"DBInstanceIdentifier": "a"}}`,
			`"D": {"Type": "AWS::RDS::DBInstance", "UpdateReplacePolicy": "Snapshot", "Properties": {"DBInstanceIdentifier": "b"}}`,
			changes.Replaced, "a snapshot of the old one stays"},
		"a database that is no longer encrypted": {
			`"D": {"Type": "AWS::RDS::DBInstance", "Properties": {"StorageEncrypted": true}}`,
			`"D": {"Type": "AWS::RDS::DBInstance", "Properties": {"StorageEncrypted": false}}`,
			changes.Replaced, "its data is LOST"},
		"a bucket that is gone": {
			`"D": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Delete"}`, ``, changes.Removed, "its data is LOST"},
		"a bucket that is kept": {
			`"D": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}`, ``, changes.Removed, "the old one stays, no longer managed"},
		"a network with another range": {
			`"D": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}`,
			`"D": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.1.0.0/16"}}`,
			changes.Replaced, "the old one is deleted"},
		"another type under the same id": {
			`"D": {"Type": "AWS::RDS::DBInstance"}`, `"D": {"Type": "AWS::RDS::DBCluster"}`, changes.Replaced, "its data is LOST"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := compare(t, test.before, test.after).Destructive
			if len(got) != 1 || got[0].Action != test.action || got[0].Note != test.note {
				t.Errorf("got %+v, want %s: %s", got, test.action, test.note)
			}
		})
	}
}

func TestOtherChanges(t *testing.T) {
	task := func(environment, image string) string {
		return `"T": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [
			{"Name": "app", "Image": "` + image + `", "Command": ["a", "b"], "Environment": [` + environment + `]}]}}`
	}
	tests := map[string]struct{ before, after, want string }{
		"items are known by their names, not their places": {
			task(`{"Name": "A", "Value": "1"}, {"Name": "B", "Value": "2"}`, "i@sha256:1"),
			task(`{"Name": "C", "Value": "3"}, {"Name": "B", "Value": "2"}, {"Name": "A", "Value": "9"}`, "i@sha256:2"),
			"ContainerDefinitions[app].Environment[A].Value: 1 > 9\nContainerDefinitions[app].Environment[C]:  > {Name:C Value:3}\nContainerDefinitions[app].Image: i@sha256:1 > i@sha256:2"},
		"the order of values is none, but in a command": {
			`"A": {"Type": "T", "Properties": {"Subnets": ["a", "b"], "Command": ["x", "y"]}}`,
			`"A": {"Type": "T", "Properties": {"Subnets": ["b", "a", "c"], "Command": ["y", "x"]}}`,
			"Command: [x y] > [y x]\nSubnets:  > c"},
		"a reference instead of a value": {
			`"A": {"Type": "T", "Properties": {"V": "a"}}`, `"A": {"Type": "T", "Properties": {"V": {"Ref": "B"}}}`,
			"V: a > ${B}"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, lines(compare(t, test.before, test.after).Rest)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNoiseIsNoChange(t *testing.T) {
	hash := func(letter string) string { return strings.Repeat(letter, 64) + ".zip" }
	before := `"M": {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "a"}},
		"F": {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"S3Key": "` + hash("a") + `"}}, "Metadata": {"aws:asset:path": "a"}}`
	after := `"F": {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"S3Key": "` + hash("b") + `"}}, "Metadata": {"aws:asset:path": "b"}}`
	got := compare(t, before, after)
	if !got.Empty() || got.Hidden != 1 {
		t.Errorf("got %+v, want one hidden change", got)
	}
	if text := got.Text(); !strings.Contains(text, "No differences.") || !strings.Contains(text, "1 changed hash") {
		t.Errorf("the report hides that it hides something:\n%s", text)
	}
	if text := compare(t, before, before).Text(); text != "No differences.\n" {
		t.Errorf("of equal templates: %q", text)
	}
}

func TestStacksThatOnlyOneSideHas(t *testing.T) {
	role := `"R": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "s"}}]}}}`
	got := changes.Compare([]templates.Stack{stack(t, "Old", `"B": {"Type": "AWS::S3::Bucket"}`)}, []templates.Stack{stack(t, "New", role+`, "L": {"Type": "AWS::Logs::LogGroup"}`)})
	want := []changes.Stack{
		{Name: "New", Action: changes.Added, Types: []changes.Count{{Type: "AWS::IAM::Role", Count: 1}, {Type: "AWS::Logs::LogGroup", Count: 1}}},
		{Name: "Old", Action: changes.Removed, Types: []changes.Count{{Type: "AWS::S3::Bucket", Count: 1}}},
	}
	if diff := cmp.Diff(want, got.Stacks); diff != "" {
		t.Error(diff)
	}
	if lines(got.Security) != "trust:  > Allow sts:AssumeRole to Service s" || len(got.Rest)+len(got.Destructive) > 0 {
		t.Errorf("got %+v", got)
	}
}

func TestSecurityComesFirstAndDestructionSecond(t *testing.T) {
	before := `"A": {"Type": "AWS::S3::Bucket", "Properties": {"Tags": [{"Key": "a", "Value": "1"}]}}, "B": {"Type": "AWS::RDS::DBInstance", "Properties": {"Engine": "a"}},
		"C": {"Type": "AWS::S3::Bucket", "Properties": {"AccessControl": "Private"}}`
	after := `"A": {"Type": "AWS::S3::Bucket", "Properties": {"Tags": [{"Key": "a", "Value": "2"}]}}, "B": {"Type": "AWS::RDS::DBInstance", "Properties": {"Engine": "b"}},
		"C": {"Type": "AWS::S3::Bucket", "Properties": {"AccessControl": "PublicRead"}}`
	want := `SECURITY
  S
    ~ C (AWS::S3::Bucket) changed
        ~ AccessControl: Private → PublicRead

DESTRUCTIVE
  S
    ! B (AWS::RDS::DBInstance) replaced: its data is LOST
        ~ Engine: a → b  (replaces the resource)

OTHER
  S
    ~ A (AWS::S3::Bucket) changed
        ~ Tags[a].Value: 1 → 2

Resources: 1 replaced, 2 changed. Concerning security: 1. Destructive: 1.
`
	if diff := cmp.Diff(want, compare(t, before, after).Text()); diff != "" {
		t.Error(diff)
	}
}

func TestResourcesThatChangeAlikeAreOneEntry(t *testing.T) {
	logs := func(days string) string {
		return `"A": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": ` + days + `}}, "B": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": ` + days + `}}`
	}
	got := compare(t, logs("7"), logs("30"))
	if text := got.Text(); !strings.Contains(text, "~ A, B (AWS::Logs::LogGroup) changed\n        ~ RetentionInDays: 7 → 30\n") || !strings.Contains(text, "2 changed") {
		t.Errorf("got:\n%s", text)
	}
}

func TestEnvironmentsDifferInMoreThanTheirNames(t *testing.T) {
	of := func(env, class string) changes.Environment {
		return changes.Environment{Env: env, Stacks: []templates.Stack{stack(t, "DatabaseStack-"+env,
			`"D": {"Type": "AWS::RDS::DBInstance", "Properties": {"DBInstanceIdentifier": "prooflink-`+env+`-db", "DBInstanceClass": "`+class+`", "DBName": "prooflink_`+env+`",
				"Tags": [{"Key": "Environment", "Value": "`+env+`"}], "Parameter": "/prooflink/`+env+`/image", "Dashboard": "App-`+env+`", "Group": "/aws/vpc/flowlogs/`+env+`",
				"Other": {"Fn::GetStackOutput": {"StackName": "NetworkStack-`+env+`", "OutputName": "X"}}, "Word": "`+env+map[string]string{"dev": "elopment", "prod": "uction"}[env]+`"}}`)}}
	}
	got := changes.CompareEnvironments(of("dev", "small"), of("prod", "large"))
	want := "DBInstanceClass: small > large\nWord: development > production"
	if diff := cmp.Diff(want, lines(got.Rest)); diff != "" {
		t.Error(diff)
	}
	if len(got.Security)+len(got.Destructive)+len(got.Stacks) > 0 {
		t.Errorf("got %+v", got)
	}
	if text := got.Text(); !strings.HasPrefix(text, "dev → prod\n") || !strings.Contains(text, "D (AWS::RDS::DBInstance) differs") {
		t.Errorf("got:\n%s", text)
	}
}

// Between environments nothing is replaced and nothing lost.
func TestEnvironmentsLoseNothing(t *testing.T) {
	of := func(env, cidr string) changes.Environment {
		resources := `"V": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "` + cidr + `"}}`
		if env == "dev" {
			resources += `, "B": {"Type": "AWS::S3::Bucket"}`
		}
		return changes.Environment{Env: env, Stacks: []templates.Stack{stack(t, "S", resources)}}
	}
	got := changes.CompareEnvironments(of("dev", "10.0.0.0/16"), of("prod", "10.1.0.0/16"))
	if len(got.Destructive) > 0 || len(got.Rest) != 2 {
		t.Errorf("got %+v", got)
	}
	if text := got.Text(); !strings.Contains(text, "B (AWS::S3::Bucket) only in dev") || strings.Contains(text, "replace") {
		t.Errorf("got:\n%s", text)
	}
}

func TestOutputsComeLast(t *testing.T) {
	of := func(value string) []templates.Stack {
		s, err := templates.Parse("S", []byte(`{"Resources": {"Z": {"Type": "T", "Properties": {"V": "`+value+`"}}}, "Outputs": {"A": {"Value": "`+value+`"}}}`))
		if err != nil {
			t.Fatal(err)
		}
		return []templates.Stack{s}
	}
	got := changes.Compare(of("1"), of("2")).Rest
	if len(got) != 2 || got[0].ID != "Z" || got[1].Type != changes.OutputType {
		t.Errorf("got %+v", got)
	}
}

func TestLongValuesAreCutToWhatDiffers(t *testing.T) {
	long := strings.Repeat("x", 300)
	text := compare(t, `"A": {"Type": "T", "Properties": {"V": "`+long+`1`+long+`"}}`, `"A": {"Type": "T", "Properties": {"V": "`+long+`2`+long+`"}}`).Text()
	if strings.Contains(text, long) || !strings.Contains(text, "x1x") || !strings.Contains(text, "x2x") {
		t.Errorf("got:\n%s", text)
	}
}

// Nobody can agree to a permission whose end is not shown.
func TestRulesAreShownWhole(t *testing.T) {
	resource := "arn:" + strings.Repeat("x", 500) + ":end"
	if text := compare(t, policy(``), policy(`{"Effect": "Allow", "Action": "a:B", "Resource": "`+resource+`"}`)).Text(); !strings.Contains(text, resource) {
		t.Errorf("got:\n%s", text)
	}
}

func TestAnImageThatIsNotBuiltSaysSo(t *testing.T) {
	image := func(digest string) string {
		return `"A": {"Type": "T", "Properties": {"Image": {"Fn::Join": ["", ["repo@", "sha256:` + digest + `"]]}}}`
	}
	got := lines(compare(t, image(strings.Repeat("a", 64)), image(strings.Repeat("0", 64))).Rest)
	if !strings.HasSuffix(got, "> repo@(not built yet)") {
		t.Errorf("got %s", got)
	}
}

func TestTextsOfJSONAreComparedAsData(t *testing.T) {
	body := func(widgets string) string {
		return `"D": {"Type": "AWS::CloudWatch::Dashboard", "Properties": {"DashboardBody": {"Fn::Join": ["", ["{\"widgets\": [` + widgets + `]}"]]}}}`
	}
	widget := func(title, y string) string {
		return `{\"y\": ` + y + `, \"properties\": {\"title\": \"` + title + `\"}}`
	}
	got := lines(compare(t, body(widget("CPU", "0")), body(widget("Alarms", "0")+", "+widget("CPU", "3"))).Rest)
	want := "DashboardBody.widgets[Alarms]:  > {properties:{title:Alarms} y:0}\nDashboardBody.widgets[CPU].y: 0 > 3"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestChangesAreDataToo(t *testing.T) {
	data, err := json.Marshal(compare(t, ``, `"G": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"SecurityGroupIngress": [{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"security":[{"stack":"S","id":"G","type":"AWS::EC2::SecurityGroup","action":"added","lines":[{"path":"ingress","after":"all traffic from 0.0.0.0/0"}]}],"destructive":null,"stacks":null,"rest":null}`
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Error(diff)
	}
}
