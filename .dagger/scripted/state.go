package scripted

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// State is what a world shows of itself.
type State struct {
	// Now is the world's time.
	Now time.Time
	// Running are the containers of the service's running tasks with their digests.
	Running map[string]string
	// Stacks are the stacks' states.
	Stacks map[string]string
	// Tasks are the tasks that ECS still shows: family and revision, status, why
	// they stopped.
	Tasks []string
	// Jobs are Batch's jobs: name, id, status and why.
	Jobs []string
	// Rollout is the service's newest deployment: id, state, reason.
	Rollout []string
}

// State is what is going on.
func (w *World) State() State {
	state := State{Running: w.Running(), Stacks: map[string]string{}}
	w.look(func() {
		state.Now = w.clock
		for _, s := range w.stacks {
			state.Stacks[s.name] = string(s.status)
		}
		for _, t := range w.visible() {
			state.Tasks = append(state.Tasks, last(t.definition.arn())+" "+t.id()+" "+aws.ToString(t.LastStatus)+" "+aws.ToString(t.StoppedReason))
		}
		for _, j := range w.batch.jobs {
			state.Jobs = append(state.Jobs, strings.Join([]string{aws.ToString(j.JobName), aws.ToString(j.JobId), string(j.Status), aws.ToString(j.StatusReason)}, " "))
		}
		if s := w.theService(); s != nil && s.primary != nil {
			r := s.rollouts[0]
			state.Rollout = []string{r.id, string(r.status), string(r.state), r.stateReason}
		}
	})
	return state
}

// Handler serves the world over HTTP; "GET /_scripted/calls" has the calls so
// far and "GET /_scripted/state" what is going on, both as JSON.
func (w *World) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_scripted/calls", func(out http.ResponseWriter, _ *http.Request) { answer(out, w.Calls()) })
	mux.HandleFunc("GET /_scripted/state", func(out http.ResponseWriter, _ *http.Request) { answer(out, w.State()) })
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(out, r)
			return
		}
		w.server.ServeHTTP(out, r) // a path of S3's must not be cleaned
	})
}

// answer writes JSON.
func answer(out http.ResponseWriter, value any) {
	out.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(value) // whoever asked may have gone
}
