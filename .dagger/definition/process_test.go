package definition_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/definition"
)

func fake(t *testing.T, handler http.HandlerFunc) aws.Config {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return aws.Config{
		Region:       "ap-northeast-1",
		BaseEndpoint: &server.URL,
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "dummy", ""),
	}
}

const secretARN = "arn:aws:secretsmanager:ap-northeast-1:000000000000:secret:prooflink-local/rds-credentials-AbCdEf"

func secrets(t *testing.T) *secretsmanager.Client {
	return secretsmanager.NewFromConfig(fake(t, func(w http.ResponseWriter, r *http.Request) {
		var request struct{ SecretId string } //nolint:revive,staticcheck // the API's spelling
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil || request.SecretId != secretARN {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"ResourceNotFoundException"}`)
			return
		}
		fmt.Fprint(w, `{"SecretString":"{\"port\":5432,\"password\":\"p@ss\"}"}`)
	}))
}

func TestASecretIsReadAsECSReadsIt(t *testing.T) {
	tests := map[string]struct{ reference, want string }{
		"a key":                  {secretARN + ":password::", "p@ss"},
		"a key that is a number": {secretARN + ":port::", "5432"},
		"the whole secret":       {secretARN, `{"port":5432,"password":"p@ss"}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := definition.ReadSecret(t.Context(), secrets(t), test.reference)
			if err != nil || got != test.want {
				t.Errorf("secret = %q, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestAMissingSecretOrKeyIsNamed(t *testing.T) {
	process := definition.Process{Secrets: map[string]string{"DB_HOST": secretARN + ":host::"}}
	_, err := process.ResolveSecrets(t.Context(), secrets(t))
	if err == nil || !strings.Contains(err.Error(), "DB_HOST") || !strings.Contains(err.Error(), `"host"`) {
		t.Errorf("err = %v, want the variable and the key", err)
	}
	if _, err := definition.ReadSecret(t.Context(), secrets(t), secretARN+"x"); err == nil {
		t.Error("a missing secret: want an error")
	}
}

func TestTheNewestRevisionOfAJobDefinitionCounts(t *testing.T) {
	client := batch.NewFromConfig(fake(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"jobDefinitions":[
			{"jobDefinitionName":"i","revision":9,"containerProperties":{"image":"nine"}},
			{"jobDefinitionName":"i","revision":10,"containerProperties":{"image":"ten","command":["node"],
				"environment":[{"name":"A","value":"1"}],"secrets":[{"name":"S","valueFrom":"arn"}]}},
			{"jobDefinitionName":"i","revision":8,"containerProperties":{"image":"eight"}}]}`)
	}))
	got, err := definition.JobProcess(t.Context(), client, "i")
	if err != nil {
		t.Fatal(err)
	}
	want := definition.Process{Image: "ten", Command: []string{"node"}, Env: map[string]string{"A": "1"}, Secrets: map[string]string{"S": "arn"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAJobDefinitionThatIsNotThereIsNamed(t *testing.T) {
	client := batch.NewFromConfig(fake(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"jobDefinitions":[]}`) }))
	if _, err := definition.JobProcess(t.Context(), client, "user-import"); err == nil || !strings.Contains(err.Error(), "user-import") {
		t.Errorf("err = %v", err)
	}
}

func TestAPropertyThatTheAPIDoesNotKnowIsAnError(t *testing.T) {
	if _, err := definition.TaskInput(map[string]any{"Family": "f", "Famly": "f"}); err == nil || !strings.Contains(err.Error(), "Famly") {
		t.Errorf("err = %v", err)
	}
	job, err := definition.JobInput(map[string]any{"JobDefinitionName": "i", "ResourceRetentionPolicy": map[string]any{"SkipDeregisterOnUpdate": true}})
	if err != nil || *job.JobDefinitionName != "i" {
		t.Errorf("job = %v, %v", job, err)
	}
}
