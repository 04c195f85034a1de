package rollout

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// progress is what was said last.
type progress struct {
	primary string
	counts  string
	status  types.ServiceDeploymentStatus
	trouble bool
}

// line says something, with the time since Watch.
func (w *Watcher) line(text string) {
	fmt.Fprintf(w.say, "%8s  %s\n", time.Since(w.begun).Round(time.Second), text)
}

// tell says what has changed since the last look.
func (w *Watcher) tell(v view, err error) {
	if err != nil {
		w.tellTrouble(err)
		return
	}
	w.told.trouble = false
	if v.service == nil {
		return
	}
	p := primary(v.service)
	if id := aws.ToString(p.Id); id != w.told.primary {
		w.line(fmt.Sprintf("%s: %s of %s", w.verb(p), number(int(p.DesiredCount), "task"), base(aws.ToString(p.TaskDefinition))))
		w.told.primary, w.told.counts = id, ""
		w.forced = append(w.forced, p)
	}
	if w.told.primary != w.primary {
		w.tellCounts(v.service)
	}
	w.tellStatus(v)
}

// verb says what a deployment that is new in force does.
func (w *Watcher) verb(p types.Deployment) string {
	if w.told.primary != w.primary && aws.ToString(p.TaskDefinition) == w.before.TaskDefinition {
		return "going back"
	}
	return "deployment started"
}

// tellTrouble says once that AWS doesn't answer.
func (w *Watcher) tellTrouble(err error) {
	if !w.told.trouble {
		w.line(fmt.Sprintf("no answer, asking again: %v", err))
	}
	w.told.trouble = true
}

// tellCounts says how many tasks run.
func (w *Watcher) tellCounts(service *types.Service) {
	if counts := counts(service); counts != w.told.counts {
		w.told.counts = counts
		w.line(counts)
	}
}

// counts are the numbers of tasks, e.g. "1 of 2 running, 1 pending, 2 old ones".
func counts(service *types.Service) string {
	p := primary(service)
	text := fmt.Sprintf("%d of %d running", p.RunningCount, p.DesiredCount)
	if p.PendingCount > 0 {
		text += fmt.Sprintf(", %d pending", p.PendingCount)
	}
	if p.FailedTasks > 0 {
		text += fmt.Sprintf(", %d failed", p.FailedTasks)
	}
	old := int32(0)
	for _, d := range service.Deployments {
		old += d.RunningCount
	}
	if old -= p.RunningCount; old > 0 {
		text += fmt.Sprintf(", %s still running", number(int(old), "old one"))
	}
	return text
}

// words say what a deployment's state means.
var words = map[types.ServiceDeploymentStatus]string{
	types.ServiceDeploymentStatusStopRequested:      "the deployment is being stopped",
	types.ServiceDeploymentStatusStopped:            "the deployment was stopped",
	types.ServiceDeploymentStatusRollbackRequested:  "somebody has asked for a rollback",
	types.ServiceDeploymentStatusRollbackInProgress: "rolling back",
	types.ServiceDeploymentStatusRollbackSuccessful: "rolled back",
	types.ServiceDeploymentStatusRollbackFailed:     "the rollback failed",
	types.ServiceDeploymentStatusSuccessful:         "the deployment is complete",
}

// tellStatus says how the newest deployment since Watch stands.
func (w *Watcher) tellStatus(v view) {
	for _, d := range v.deployments {
		if w.known[aws.ToString(d.ServiceDeploymentArn)] {
			continue
		}
		if d.Status != w.told.status {
			w.told.status = d.Status
			w.tellWords(d)
		}
		return
	}
}

func (w *Watcher) tellWords(d types.ServiceDeploymentBrief) {
	text := words[d.Status]
	if text == "" {
		return
	}
	if reason := aws.ToString(d.StatusReason); reason != "" {
		text += ": " + reason
	}
	w.line(text)
}

// short is as much of a task's id as tells it from others.
func short(arn string) string {
	id := base(arn)
	return id[:min(len(id), 8)]
}

// number is a number of things: "1 task", "2 tasks".
func number(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
