package release_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/release"
)

// onRegisterJob keeps what is registered.
func onRegisterJob(a *account, kept *batch.RegisterJobDefinitionInput) {
	awsfake.On(a.Server, "batch", func(in *batch.RegisterJobDefinitionInput) (*batch.RegisterJobDefinitionOutput, error) {
		*kept = *in
		return &batch.RegisterJobDefinitionOutput{JobDefinitionArn: aws.String("arn:job:9"), JobDefinitionName: in.JobDefinitionName, Revision: aws.Int32(9)}, nil
	})
}

// What is rendered is what the SDK itself sends, so the AWS CLI takes it.
func TestRenderedIsWhatTheAPITakes(t *testing.T) {
	input := filled[ecs.RegisterTaskDefinitionInput]()
	rendered, err := release.Rendered(&input)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(rendered, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(sent(t, &input), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsRenderedIsReadBackWhole(t *testing.T) {
	input := filled[ecs.RegisterTaskDefinitionInput]()
	input.Family = aws.String(dev.TaskFamily())
	rendered, err := release.Rendered(&input)
	if err != nil {
		t.Fatal(err)
	}
	got, err := release.Read(rendered, dev)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&input, got, ignoreUnexported()); diff != "" {
		t.Error(diff)
	}
}

func TestRenderedLeavesOutWhatIsNotSetAndEscapesNothing(t *testing.T) {
	rendered, err := release.Rendered(&ecs.RegisterTaskDefinitionInput{
		Family:               aws.String("f"),
		ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: aws.String("c"), Command: []string{"a && b > c"}, DockerLabels: map[string]string{"Com.Example": "x"}}},
	})
	const want = `{
  "containerDefinitions": [
    {
      "command": [
        "a && b > c"
      ],
      "dockerLabels": {
        "Com.Example": "x"
      },
      "name": "c"
    }
  ],
  "family": "f"
}
`
	if diff := cmp.Diff(want, string(rendered)); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestReadRefusesWhatWouldBeLostOrMisplaced(t *testing.T) {
	tests := map[string]struct {
		file string
		want []string
	}{
		"an unknown key and a key in another place, at once": {
			`{"family":"prooflink-dev-task","famly":"x","containerDefinitions":[{"name":"a","imge":"b"},{"healthCheck":{"comand":[]}}]}`,
			[]string{`unknown key "famly"`, `unknown key "containerDefinitions[0].imge"`, `unknown key "containerDefinitions[1].healthCheck.comand"`}},
		"a key with other capitals":                   {`{"Family":"prooflink-dev-task"}`, []string{`unknown key "Family"`}},
		"what describe-task-definition says besides":  {`{"family":"prooflink-dev-task","revision":3}`, []string{`"revision" is what only ECS sets: leave it out`}},
		"another environment's family":                {`{"family":"prooflink-prod-task"}`, []string{`family "prooflink-prod-task" is not one of prooflink-dev's: use prooflink-dev-task or prooflink-dev-migrate`}},
		"no family":                                   {`{}`, []string{`family ""`}},
		"a value of another type":                     {`{"family":"prooflink-dev-task","containerDefinitions":[{"cpu":"1"}]}`, []string{`"containerDefinitions.cpu" is of type string: it takes a number`}},
		"a list instead of an object":                 {`{"family":"prooflink-dev-task","runtimePlatform":[]}`, []string{`"runtimePlatform" is of type array: it takes an object`}},
		"no JSON":                                     {`family: x`, []string{"it is not valid JSON"}},
		"something after it":                          {`{"family":"prooflink-dev-task"} {}`, []string{"it is not valid JSON"}},
		"a key that is a member of Go's structure":    {`{"family":"prooflink-dev-task","noSmithyDocumentSerde":{}}`, []string{`unknown key "noSmithyDocumentSerde"`}},
		"an unknown key where the names are the user": {`{"family":"prooflink-dev-migrate","containerDefinitions":[{"dockerLabels":{"Any.Key":"x"}}],"tgs":[]}`, []string{`unknown key "tgs"`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := release.Read([]byte(test.file), dev)
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("err = %v, want %q", err, want)
				}
			}
			if err != nil && strings.Contains(err.Error(), "Any.Key") {
				t.Errorf("a label is no key of the API: %v", err)
			}
		})
	}
}
