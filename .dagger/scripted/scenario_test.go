package scripted_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prooflink/prooflink/.dagger/scripted"
)

func TestAScenarioThatMeansNothingIsRefused(t *testing.T) {
	tests := map[string]string{
		"tasks: {brand-new: []}":         "field brand-new not found",
		"events: [{do: dance}]":          `event "dance" is unknown; use one of deregister-job, expire, mend, overtake`,
		"env: staging":                   `environment "staging" is unknown`,
		"targets: {never: sometimes}":    "use new, old or all",
		"unwell: [sick]":                 `unwell "sick" is unknown; use one of bootstrap, certificate`,
		"events: [{do: stick, from: x}]": "use start or deployment",
	}
	for text, want := range tests {
		if _, err := scripted.Decode([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestTheWorldShowsItselfOverHTTP(t *testing.T) {
	within(t, load(t, "deployed"), func(t *testing.T, w *scripted.World) {
		service(t, w)
		var calls []struct{ Service, Operation string }
		read(t, w, "/_scripted/calls", &calls)
		if len(calls) != 1 || calls[0].Operation != "DescribeServices" {
			t.Errorf("calls %+v", calls)
		}
		var state scripted.State
		read(t, w, "/_scripted/state", &state)
		if state.Stacks["ComputeStack-dev"] != "CREATE_COMPLETE" || len(state.Tasks) != 1 || state.Running["prooflink-app"] != scripted.Digest("old-app") {
			t.Errorf("state %+v", state)
		}
	})
}

// read gets JSON of the world itself.
func read(t *testing.T, w *scripted.World, path string, into any) {
	t.Helper()
	out := httptest.NewRecorder()
	w.Handler().ServeHTTP(out, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	if err := json.Unmarshal(out.Body.Bytes(), into); err != nil {
		t.Fatal(err)
	}
}
