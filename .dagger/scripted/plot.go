package scripted

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
)

// identity is the caller's credentials.
type identity struct {
	// expired until then; forever is for good.
	expired bool
	until   time.Time
	forever bool
}

// doings are what others can do.
func doings() map[string]func(*World, Event) {
	return map[string]func(*World, Event){
		"stop-task": (*World).stopNewest, "overtake": (*World).overtake, "expire": (*World).expire, "steal-lock": (*World).steal,
		"stick": (*World).stick, "recover": (*World).heal, "mend": (*World).mend,
		"deregister-job": (*World).deregisterNewest, "terminate-job": (*World).terminateNewest,
	}
}

// plot plans the scenario's events and faults.
func (w *World) plot() {
	for _, event := range w.scenario.Events {
		if event.From != "deployment" {
			w.in(event.At, func() { doings()[event.Do](w, event) })
		}
	}
	for _, planned := range w.scenario.Faults {
		w.faults = append(w.faults, &fault{Fault: planned, left: planned.Times})
	}
	for _, planned := range w.scenario.Alarms {
		w.alarms[planned.Name] = newAlarm(planned, w.start)
	}
}

// begun is told of every deployment; the first of a definition made since the
// start begins the clock of some events and of the alarms.
func (w *World) begun(r *rollout) {
	if w.making || w.ecs.old[r.revision.definition.arn()] || w.made["deployment begun"] > 0 {
		return
	}
	w.made["deployment begun"]++
	for _, event := range w.scenario.Events {
		if event.From == "deployment" {
			w.in(event.At, func() { doings()[event.Do](w, event) })
		}
	}
	for _, planned := range w.scenario.Alarms {
		if planned.Fires > 0 {
			w.in(planned.Fires, func() { w.fire(planned.Name) })
		}
	}
}

// theService is the environment's service.
func (w *World) theService() *service { return w.ecs.services[w.names.Service()] }

func (w *World) stopNewest(Event) {
	for _, t := range slices.Backward(w.ecs.tasks) {
		if t.rollout != nil && !t.leaving {
			w.byHand(t, "Task stopped by user")
			return
		}
	}
}

func (w *World) overtake(event Event) {
	s := w.theService()
	if s == nil {
		return
	}
	digest := asDigest(event.Image)
	w.publish(map[string]string{"app": digest})
	d := w.register(w.derive(s.primary.revision.definition, map[string]string{"app": digest}))
	w.ecs.old[d.arn()] = true // it behaves like what is known
	w.deploy(s, d, nil)
}

func (w *World) expire(event Event) {
	w.identity = identity{expired: true, until: w.clock.Add(event.For), forever: event.For == 0}
}

func (w *World) steal(event Event) {
	key := event.Parameter
	if key == "" {
		key = "deploy/lock"
	}
	w.put(w.parameterName(key), event.Value, ssmtypes.ParameterTypeString, nil)
}

func (w *World) stick(Event) {
	if s := w.theService(); s != nil && s.primary.state == types.DeploymentRolloutStateInProgress {
		s.primary.stuck = true
	}
}

func (w *World) heal(Event) { w.scenario.Tasks, w.scenario.Targets = Tasks{}, Targets{} }

func (w *World) mend(event Event) {
	w.scenario.Unwell = slices.DeleteFunc(slices.Clone(w.scenario.Unwell), func(word string) bool { return word == event.Parameter })
	w.schedule()
}

func (w *World) deregisterNewest(event Event) {
	name := event.Parameter
	if !strings.HasPrefix(name, w.names.Prefix()) {
		name = w.names.Prefix() + "-" + name
	}
	w.deregisterJob(name)
}

func (w *World) terminateNewest(event Event) {
	for _, j := range slices.Backward(w.batch.jobs) {
		if !j.over() {
			w.terminate(j, cmp.Or(event.Value, "Terminated by user"))
			return
		}
	}
}

// fault is a planned fault with the calls that it has left.
type fault struct {
	Fault
	left int
}

// refusal is the error that a call gets by the scenario, or nil.
func (w *World) refusal(service, operation string) error {
	if w.identity.expired && (w.identity.forever || w.clock.Before(w.identity.until)) {
		return awsfake.Error("ExpiredTokenException", "The security token included in the request is expired")
	}
	for _, f := range w.faults {
		if !f.active(w.clock.Sub(w.start)) {
			continue
		}
		if hit, _ := path.Match(f.Call, service+":"+operation); !hit && f.Call != "*" {
			continue
		}
		f.left--
		status := f.Status
		if status == 0 {
			status = 400
		}
		return awsfake.ErrorStatus(status, f.Error, f.Message)
	}
	return nil
}

// active says whether a fault is due.
func (f *fault) active(since time.Duration) bool {
	return since >= f.At && (f.For == 0 || since < f.At+f.For) && (f.Times == 0 || f.left > 0)
}

// itoa writes a revision.
func itoa(n int32) string { return strconv.Itoa(int(n)) }
