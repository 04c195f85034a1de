package emulate_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/definition"
	"github.com/prooflink/prooflink/.dagger/emulate"
)

const template = `{
  "Resources": {
    "Nat": {"Type": "AWS::EC2::NatGateway", "Properties": {}},
    "Bucket": {"Type": "AWS::S3::Bucket", "DependsOn": ["Nat", "Role"]},
    "Single": {"Type": "AWS::S3::Bucket", "DependsOn": "Nat"},
    "Role": {"Type": "AWS::IAM::Role", "Properties": {"Name": {"Fn::Sub": "${Nat}-${Nat.Id}-${Bucket}"}}},
    "Route": {"Type": "AWS::EC2::Route", "Properties": {"NatGatewayId": {"Ref": "Nat"}, "Bucket": {"Ref": "Bucket"}}},
    "Job": {"Type": "AWS::Batch::JobDefinition", "Properties": {
      "Type": "container",
      "JobDefinitionName": "import",
      "ContainerProperties": {
        "Image": {"Fn::Join": ["", [{"Ref": "Bucket"}, "@sha256:1"]]},
        "JobRoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
        "ExecutionRoleArn": {"Fn::GetAtt": ["Nat", "Arn"]}
      },
      "ResourceRetentionPolicy": {"SkipDeregisterOnUpdate": true}
    }}
  }
}`

func fit(t *testing.T, text string) (emulate.Assembly, map[string]any) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "BatchStack-local.template.json")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	assembly, err := emulate.Fit(dir)
	if err != nil {
		t.Fatal(err)
	}
	fitted, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var parsed map[string]any
	if err := json.Unmarshal(fitted, &parsed); err != nil {
		t.Fatal(err)
	}
	return assembly, parsed
}

func TestFitTakesOutWhatTheEmulatorRefuses(t *testing.T) {
	assembly, fitted := fit(t, template)
	want := []emulate.Loss{{Type: "AWS::Batch::JobDefinition", Count: 1}, {Type: "AWS::EC2::NatGateway", Count: 1}}
	if diff := cmp.Diff(want, assembly.Lost); diff != "" {
		t.Error(diff)
	}
	wantResources := map[string]any{
		"Bucket": map[string]any{"Type": "AWS::S3::Bucket", "DependsOn": []any{"Role"}},
		"Single": map[string]any{"Type": "AWS::S3::Bucket"},
		"Role": map[string]any{"Type": "AWS::IAM::Role", "Properties": map[string]any{
			"Name": map[string]any{"Fn::Sub": "not-emulated-Nat-not-emulated-Nat-${Bucket}"}}},
		"Route": map[string]any{"Type": "AWS::EC2::Route", "Properties": map[string]any{
			"NatGatewayId": "not-emulated-Nat", "Bucket": map[string]any{"Ref": "Bucket"}}},
	}
	if diff := cmp.Diff(wantResources, fitted["Resources"]); diff != "" {
		t.Error(diff)
	}
}

func TestADefinitionIsResolvedByItsStacksOutputs(t *testing.T) {
	assembly, fitted := fit(t, template)
	job := assembly.Definitions["BatchStack-local"][0]
	outputs := map[string]string{}
	for key, output := range fitted["Outputs"].(map[string]any) {
		switch v := output.(map[string]any)["Value"].(type) {
		case string:
			outputs[key] = v
		case map[string]any:
			outputs[key] = "value"
		}
	}
	properties, err := job.Resolve(outputs)
	if err != nil {
		t.Fatal(err)
	}
	input, err := definition.JobInput(properties)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{*input.JobDefinitionName, *input.ContainerProperties.Image, *input.ContainerProperties.JobRoleArn, *input.ContainerProperties.ExecutionRoleArn}
	if diff := cmp.Diff([]string{"import", "value", "value", "not-emulated-Nat"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnExpressionWithoutOutputIsNamed(t *testing.T) {
	assembly, _ := fit(t, template)
	if _, err := assembly.Definitions["BatchStack-local"][0].Resolve(nil); err == nil {
		t.Fatal("want an error that names the missing outputs")
	}
}

func TestAnEmptyFolderIsNoAssembly(t *testing.T) {
	if _, err := emulate.Fit(t.TempDir()); err == nil {
		t.Fatal("want an error")
	}
}

func TestANewLossIsNoticed(t *testing.T) {
	err := emulate.CheckLosses([]emulate.Loss{{Type: "AWS::EC2::NatGateway", Count: 1}})
	if err == nil || !strings.Contains(err.Error(), "AWS::EC2::NatGateway") {
		t.Errorf("err = %v", err)
	}
}
