package typescript_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/prooflink/prooflink/infra/bench/typescript"
)

// library is the part of aws-cdk-lib that the tests need.
var library = fstest.MapFS{
	"aws-s3/lib/s3.generated.d.ts": {Data: []byte(`
export declare class CfnBucket extends cdk.CfnResource {
    readonly attrArn: string;
}
export declare namespace CfnBucket {
    interface VersioningConfigurationProperty {
        /** Whether it is on. */
        readonly status: string;
    }
}
export interface CfnBucketProps {
    readonly bucketName?: string;
    readonly tags?: Array<cdk.CfnTag>;
    readonly versioningConfiguration?: CfnBucket.VersioningConfigurationProperty | cdk.IResolvable;
}
export interface CfnBucketPolicyProps {
    readonly bucket: string | s3Refs.IBucketRef;
    readonly policyDocument: any | cdk.IResolvable;
}
`)},
	"aws-glue/lib/glue.generated.d.ts": {Data: []byte(`
export declare namespace CfnTable {
    interface TableInputProperty {
        readonly parameters?: Record<string, string>;
        readonly partitionKeys?: Array<CfnTable.ColumnProperty | cdk.IResolvable> | cdk.IResolvable;
    }
    interface ColumnProperty {
        readonly name: string;
    }
}
export interface CfnTableProps {
    readonly tableInput: CfnTable.TableInputProperty | cdk.IResolvable;
}
`)},
}

// assembly has two stacks: the second reads the first's bucket.
var assembly = map[string]string{
	"Data-dev.template.json": `{"Description": "Data", "Resources": {
		"Policy": {"Type": "AWS::S3::BucketPolicy", "DependsOn": ["Table"], "Properties": {"Bucket": {"Ref": "Bucket"},
			"PolicyDocument": {"Statement": [{"Effect": "Deny", "Resource": {"Fn::GetAtt": ["Bucket", "Arn"]}}]}}},
		"Bucket": {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Metadata": {"aws:cdk:path": "x"}, "Properties": {
			"BucketName": {"Fn::Join": ["-", ["files", {"Ref": "AWS::Region"}]]}, "VersioningConfiguration": {"Status": "Enabled"},
			"Tags": [{"Key": "Name", "Value": "files"}, {"Key": "Project", "Value": "prooflink"}]}},
		"Bare": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "bare"}},
		"Newer": {"Type": "AWS::S3::Bucket", "Properties": {"Novelty": 1, "Tags": [{"Key": "Project", "Value": "prooflink"}]}},
		"Own": {"Type": "Custom::Thing", "Properties": {"Value": 1}},
		"Table": {"Type": "AWS::Glue::Table", "Properties": {"TableInput": {"Parameters": {"Key.With.Dots": "x"}, "PartitionKeys": [{"Name": "day"}]}}}},
		"Outputs": {"Made": {"Value": {"Ref": "Bucket"}}, "Told": {"Value": {"Ref": "Bucket"}}}}`,
	"Web-dev.template.json": `{"Description": "Web", "Resources": {"Copy": {"Type": "AWS::S3::Bucket", "Properties": {
		"BucketName": {"Fn::GetStackOutput": {"StackName": "Data-dev", "OutputName": "Made", "Region": "ap-northeast-1"}},
		"Tags": [{"Key": "Project", "Value": "prooflink"}]}}}}`,
	"manifest.json": `{"artifacts": {
		"Data-dev": {"environment": "aws://unknown-account/ap-northeast-1", "properties": {"terminationProtection": true}},
		"Web-dev": {"environment": "aws://123456789012/ap-northeast-1", "dependencies": ["Data-dev", "Web-dev.assets"]}}}`,
	"validation-report.json": `{"pluginReports": [{"suppressedViolations": [
		{"acknowledgedId": "A::B1", "reason": "on purpose"}, {"acknowledgedId": "A::B1", "reason": "on purpose"}]}]}`,
}

// write makes a folder with these files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// translate returns what is written for the assembly.
func translate(t *testing.T, files map[string]string) (string, typescript.Counts) {
	t.Helper()
	dir := t.TempDir()
	counts, err := typescript.App{
		Assemblies: map[string]string{"dev": write(t, files)}, Library: library, Flags: []byte("{}"),
		Tags: map[string]map[string]string{"dev": {"Project": "prooflink"}},
	}.Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "dev.ts"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text), counts
}

func TestEveryResourceBecomesTheCDKsOwnClassWithTypedProperties(t *testing.T) {
	text, counts := translate(t, assembly)
	for what, want := range map[string]string{
		"a structure":             `"versioningConfiguration": { "status": "Enabled" }`,
		"a join":                  `"bucketName": cdk.Fn.join("-", ["files", cdk.Aws.REGION])`,
		"its own tags only":       `"tags": [{ "key": "Name", "value": "files" }]`,
		"a policy's own keys":     `"policyDocument": { "Statement": [{ "Effect": "Deny", "Resource": cdk.Token.asString(this.Bucket.getAtt("Arn")) }] }`,
		"a map's own keys":        `"parameters": { "Key.With.Dots": "x" }`,
		"a list of structures":    `"partitionKeys": [{ "name": "day" }]`,
		"a reference":             `new aws_s3.CfnBucketPolicy(this, "Policy", { "bucket": this.Bucket.ref`,
		"another stack's":         `new aws_s3.CfnBucket(this, "Copy", { "bucketName": stacks.Data_dev.Bucket.ref`,
		"a policy on deletion":    `this.Bucket.cfnOptions.deletionPolicy = cdk.CfnDeletionPolicy.RETAIN`,
		"a dependency":            `this.Policy.addResourceDependency(this.Table)`,
		"an output":               `new cdk.CfnOutput(this, "Told"`,
		"the environment's tags":  `cdk.Tags.of(app).add("Project", "prooflink")`,
		"an account and a region": `env: { account: "123456789012", region: "ap-northeast-1", }`,
		"no unknown account":      `terminationProtection: true, env: { region: "ap-northeast-1", }`,
		"an order":                `stacks.Web_dev.addStackDependency(stacks.Data_dev)`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s: no %s in\n%s", what, want, text)
		}
	}
	if want := (typescript.Counts{Typed: 4, Untyped: 3}); counts != want {
		t.Errorf("counts: got %+v, want %+v", counts, want)
	}
}

func TestWhatHasNoClassOrNoTagsIsUntyped(t *testing.T) {
	text, _ := translate(t, assembly)
	for _, want := range []string{
		`new cdk.CfnResource(this, "Own", { type: "Custom::Thing", properties: { "Value": 1 } })`,
		`new cdk.CfnResource(this, "Bare", { type: "AWS::S3::Bucket", properties: { "BucketName": "bare" } })`,
		`new cdk.CfnResource(this, "Newer", { type: "AWS::S3::Bucket", properties: { "Novelty": 1, `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

func TestWhatTheCDKMakesItselfIsNotWritten(t *testing.T) {
	text, _ := translate(t, assembly)
	if strings.Contains(text, `"Made"`) {
		t.Error("the output that another stack reads is written")
	}
	if n := strings.Count(text, "acknowledge("); n != 1 {
		t.Errorf("%d acknowledgements of one rule", n)
	}
	if strings.Contains(text, "aws:cdk:path") {
		t.Error("a construct's path is written")
	}
}

func TestAResourceComesAfterThoseItRefersTo(t *testing.T) {
	text, _ := translate(t, assembly)
	for _, needed := range []string{"this.Bucket = ", "this.Table = "} {
		if strings.Index(text, needed) > strings.Index(text, "this.Policy = ") {
			t.Errorf("%s comes after the policy", needed)
		}
	}
}

func TestAnAssemblyWithoutItsManifestIsRefused(t *testing.T) {
	_, err := typescript.App{
		Assemblies: map[string]string{"dev": write(t, map[string]string{"A.template.json": "{}"})}, Library: library,
	}.Write(t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "validation-report.json") && !strings.Contains(err.Error(), "manifest.json") {
		t.Errorf("got %v, want an error that names the file", err)
	}
}

func TestThePinnedCDKIsThatOfGo(t *testing.T) {
	var manifest struct{ Dependencies map[string]string }
	data, err := os.ReadFile("../../testdata/bench/package.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		t.Fatal(err)
	}
	modules, err := os.ReadFile("../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for name, module := range map[string]string{"aws-cdk-lib": "aws-cdk-go/awscdk/v2", "constructs": "constructs-go/constructs/v10"} {
		match := regexp.MustCompile(regexp.QuoteMeta(module) + ` v(\S+)`).FindSubmatch(modules)
		if match == nil || string(match[1]) != manifest.Dependencies[name] {
			t.Errorf("%s is %s in package.json, %s in go.mod", name, manifest.Dependencies[name], match)
		}
	}
}
