package local_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/local"
	"github.com/prooflink/prooflink/infra/config"
)

// stub is a machine whose steps fail by the error that is set.
type stub struct {
	awsURL                   string
	aws, publish, synth      error
	assembly                 string
	synthesizedWith, started []string
}

func (s *stub) StartAWS(context.Context) (string, error) { return s.awsURL, s.aws }
func (s *stub) Publish(context.Context) ([]images.Published, error) {
	return []images.Published{{Name: "app", Digest: "sha256:1"}}, s.publish
}
func (s *stub) Synth(_ context.Context, images []images.Published) (string, error) {
	for _, image := range images {
		s.synthesizedWith = append(s.synthesizedWith, image.Digest)
	}
	return s.assembly, s.synth
}
func (s *stub) DeployStacks(context.Context, string) error { return nil }
func (s *stub) StartDatabase(context.Context, local.Database) (string, error) {
	s.started = append(s.started, "database")
	return "", nil
}
func (s *stub) Run(context.Context, local.Task) (string, error) { return "", nil }
func (s *stub) StartApp(context.Context, local.Task) (string, error) {
	s.started = append(s.started, "app")
	return "", nil
}
func (s *stub) Overrides() map[string]string { return nil }

// lossesOfLocal is a template that loses to the emulator just what "local" does.
const lossesOfLocal = `{"Resources":{
	"A":{"Type":"AWS::Batch::ComputeEnvironment"},"B":{"Type":"AWS::Batch::JobQueue"},
	"C":{"Type":"AWS::EC2::SecurityGroupIngress"},"D":{"Type":"AWS::Batch::JobDefinition","Properties":{"JobDefinitionName":"x","Type":"container"}}}}`

func deploy(t *testing.T, machine *stub) error {
	t.Helper()
	environment, err := config.Load("local")
	if err != nil {
		t.Fatal(err)
	}
	_, err = local.Deploy(t.Context(), machine, local.Options{Environment: environment, UsersCSV: []byte("email\na@b.example\n")})
	if err == nil {
		t.Fatal("want an error")
	}
	return err
}

func mention(t *testing.T, err error, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
}

func TestAFailedStepIsNamedWithItsCause(t *testing.T) {
	tests := map[string]*stub{
		"start emulated AWS": {aws: errors.New("port taken")},
		"publish images":     {publish: errors.New("registry is full")},
		"synthesize":         {synth: errors.New("no such zone")},
	}
	for step, machine := range tests {
		t.Run(step, func(t *testing.T) {
			cause := errors.Join(machine.aws, machine.publish, machine.synth)
			mention(t, deploy(t, machine), "FAIL  "+step, cause.Error())
		})
	}
}

func TestSynthesisGetsThePublishedDigests(t *testing.T) {
	machine := &stub{assembly: t.TempDir()}
	mention(t, deploy(t, machine), `step "synthesize" failed`) // an empty folder is no assembly
	if got := strings.Join(machine.synthesizedWith, " "); got != "sha256:1" {
		t.Errorf("synthesized with %q", got)
	}
}

// awsWithImage answers CloudFormation, Batch and ECS, whose task definition has
// an image.
func awsWithImage(image string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer := `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member><StackName>x</StackName></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`
		switch {
		case r.Header.Get("X-Amz-Target") != "":
			answer = `{"taskDefinition":{"containerDefinitions":[{"name":"prooflink-app","image":"` + image + `"}]}}`
		case strings.HasPrefix(r.URL.Path, "/v1/"):
			answer = `{"jobDefinitionArn":"arn:aws:batch:::job-definition/x:1"}`
		}
		_, _ = w.Write([]byte(answer))
	}
}

// A definition that pins another image than this run's is never run.
func TestADefinitionOfAnotherImageIsNotRun(t *testing.T) {
	images := map[string]string{
		"one that is not pinned":    "repo:latest",
		"one of another publishing": "repo@sha256:2",
	}
	for name, image := range images {
		t.Run(name, func(t *testing.T) {
			aws := httptest.NewServer(awsWithImage(image))
			defer aws.Close()
			machine := &stub{awsURL: aws.URL, assembly: t.TempDir()}
			template := filepath.Join(machine.assembly, "FoundationStack-local.template.json")
			if err := os.WriteFile(template, []byte(lossesOfLocal), 0o600); err != nil {
				t.Fatal(err)
			}
			mention(t, deploy(t, machine), image)
			if len(machine.started) > 0 {
				t.Errorf("started %v", machine.started)
			}
		})
	}
}

func TestASampleThatCannotBeImportedIsRefused(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"no header":         {"", "header"},
		"no e-mail column":  {"name\nAnna\n", "email"},
		"no row":            {"email,name\n", "one row"},
		"an unclosed quote": {"email\n\"a\n", "line"},
		"a short row":       {"email,name\na@b.example\n", "line 2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "users.csv")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := local.ReadSample(path)
			if err == nil {
				t.Fatal("want an error")
			}
			mention(t, err, test.want)
		})
	}
	if _, err := local.ReadSample("no-such-file.csv"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}
