package scripted

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// change is what an operation does to one resource.
type change struct {
	logical, kind string
	action        types.ChangeAction
	replaces      bool
	declared      object
}

// declarations are a template's resources.
func declarations(template object) map[string]object {
	all := map[string]object{}
	resources, _ := template["Resources"].(object)
	for id, declared := range resources {
		if declared, ok := declared.(object); ok && declared["Type"] != "AWS::CDK::Metadata" {
			all[id] = declared
		}
	}
	return all
}

// replacing are the types of which every change makes a new one.
var replacing = []string{"AWS::ECS::TaskDefinition", "AWS::Batch::JobDefinition"}

// plan finds what differs between a stack and a template: what is declared
// otherwise, what reads another stack's output that is another now, and what
// refers to something that is replaced. Missing are outputs that aren't there.
func (w *World) plan(s *stack, template object, parameters map[string]string) (changes []change, missing []string) {
	planned := *s
	planned.parameters = parameters
	e := evaluation{w: w, stack: &planned, static: true, missing: &missing}
	wanted := declarations(template)
	changed := map[string]*change{}
	for id, declared := range wanted {
		kind := fmt.Sprint(declared["Type"])
		have := s.resources[id]
		switch {
		case have == nil:
			changed[id] = &change{id, kind, types.ChangeActionAdd, false, declared}
		case canonical(e.value(declared["Properties"])) != have.static:
			changed[id] = &change{id, kind, types.ChangeActionModify, slices.Contains(replacing, kind), declared}
		default:
			e.value(declared["Properties"])
		}
		if have == nil {
			e.value(declared["Properties"])
		}
	}
	spread(wanted, changed)
	for id, have := range s.resources {
		if wanted[id] == nil {
			changed[id] = &change{id, have.kind, types.ChangeActionRemove, false, have.declared}
		}
	}
	for _, id := range sortedKeys(changed) {
		changes = append(changes, *changed[id])
	}
	return changes, missing
}

// spread adds what refers to what is replaced.
func spread(wanted map[string]object, changed map[string]*change) {
	for again := true; again; {
		again = false
		for id, declared := range wanted {
			if changed[id] != nil {
				continue
			}
			for other := range referred(declared["Properties"]) {
				if c := changed[other]; c != nil && c.replaces {
					kind := fmt.Sprint(declared["Type"])
					changed[id] = &change{id, kind, types.ChangeActionModify, slices.Contains(replacing, kind), declared}
					again = true
				}
			}
		}
	}
}

// keep remembers a stack as it is.
func (s *stack) keep() {
	s.before = snapshot{body: s.body, template: s.template, resources: map[string]resource{}}
	for id, r := range s.resources {
		s.before.resources[id] = *r
	}
}

// apply executes a change set.
func (w *World) apply(s *stack, set *changeSet) {
	s.keep()
	creates := set.kind == types.ChangeSetTypeCreate
	s.body, s.template = set.body, set.template
	if creates {
		w.tell(s, types.StackStatusCreateInProgress, "User Initiated")
	} else {
		s.updated = w.clock
		w.tell(s, types.StackStatusUpdateInProgress, "User Initiated")
	}
	var work []change
	for _, c := range set.changes {
		if c.action != types.ChangeActionRemove {
			work = append(work, c)
		}
	}
	run := &operation{w: w, stack: s, work: work}
	run.after = func(failed []string) {
		set.execution = types.ExecutionStatusExecuteComplete
		delete(s.changeSets, set.name)
		switch {
		case len(failed) == 0 && creates:
			w.finished(s, types.StackStatusCreateComplete)
		case len(failed) == 0:
			w.tidy(s, set.changes)
		case creates:
			w.tell(s, types.StackStatusRollbackInProgress, fmt.Sprintf("The following resource(s) failed to create: [%s]. Rollback requested by user.", strings.Join(failed, ", ")))
			w.clear(s, types.StackStatusRollbackComplete)
		default:
			w.tell(s, types.StackStatusUpdateRollbackInProgress, fmt.Sprintf("The following resource(s) failed to update: [%s]. ", strings.Join(failed, ", ")))
			w.restore(s, run.begun)
		}
	}
	w.wait(2*time.Second, run.step)
}

// operation works on several resources, each as soon as those that it needs are
// done.
type operation struct {
	w       *World
	stack   *stack
	work    []change
	begun   []change
	done    map[string]bool
	running map[string]bool
	failed  []string
	after   func(failed []string)
	// back is set while a roll-back goes on.
	back bool
}

// step starts what can be started, and ends the operation when nothing runs.
func (o *operation) step() {
	if o.done == nil {
		o.done, o.running = map[string]bool{}, map[string]bool{}
	}
	waiting := 0
	for _, c := range o.work {
		if o.done[c.logical] || o.running[c.logical] {
			continue
		}
		if len(o.failed) > 0 || !o.ready(c) {
			waiting++
			continue
		}
		o.start(c)
	}
	if len(o.running) == 0 && (waiting == 0 || len(o.failed) > 0) && o.after != nil {
		after := o.after
		o.after = nil
		after(o.failed)
	}
}

// ready says whether all that a change needs is done.
func (o *operation) ready(c change) bool {
	wanted := referred(c.declared["Properties"])
	switch on := c.declared["DependsOn"].(type) {
	case string:
		wanted[on] = true
	case []any:
		for _, id := range on {
			wanted[fmt.Sprint(id)] = true
		}
	}
	return !slices.ContainsFunc(o.work, func(other change) bool {
		return other.logical != c.logical && wanted[other.logical] && !o.done[other.logical]
	})
}

// start starts one change.
func (o *operation) start(c change) {
	o.running[c.logical] = true
	o.begun = append(o.begun, c)
	s, w := o.stack, o.w
	r := s.resources[c.logical]
	adds := r == nil
	if adds {
		r = &resource{logical: c.logical, kind: c.kind}
		s.resources[c.logical] = r
	}
	verb := "UPDATE"
	if adds {
		verb = "CREATE"
	}
	w.report(s, r, types.ResourceStatus(verb+"_IN_PROGRESS"), "")
	if adds {
		w.wait(time.Second, func() {
			if o.running[c.logical] {
				w.report(s, r, types.ResourceStatusCreateInProgress, "Resource creation Initiated")
			}
		})
	}
	w.perform(s, r, c, o.back, func(problem string) {
		delete(o.running, c.logical)
		if problem != "" {
			o.failed = append(o.failed, c.logical)
			w.report(s, r, types.ResourceStatus(verb+"_FAILED"), problem)
			o.cancel()
		} else if r.status != types.ResourceStatus(verb+"_FAILED") {
			o.done[c.logical] = true
			w.report(s, r, types.ResourceStatus(verb+"_COMPLETE"), "")
		}
		o.step()
	})
}

// cancel is what happens to the others when one has failed.
func (o *operation) cancel() {
	if o.back {
		return
	}
	for _, id := range sortedKeys(o.running) {
		r := o.stack.resources[id]
		verb, _, _ := strings.Cut(string(r.status), "_")
		reason := "Resource update cancelled"
		if verb == "CREATE" {
			reason = "Resource creation cancelled"
		}
		o.w.report(o.stack, r, types.ResourceStatus(verb+"_FAILED"), reason)
		delete(o.running, id)
	}
}

// perform evaluates a resource's properties and lets its type do the work.
func (w *World) perform(s *stack, r *resource, c change, back bool, done func(problem string)) {
	var missing []string
	values, _ := evaluation{w: w, stack: s, missing: &missing}.value(c.declared["Properties"]).(object)
	static := canonical(evaluation{w: w, stack: s, static: true, missing: &missing}.value(c.declared["Properties"]))
	w.wait(w.duration(c.kind), func() {
		if problem := w.broken(c, back); problem != "" {
			done(problem)
			return
		}
		w.provision(s, r, values, func(problem string) {
			if problem == "" {
				r.properties, r.static, r.declared = values, static, c.declared
			}
			done(problem)
		})
	})
}

// wait lets something happen later, or at once while the world is being made.
func (w *World) wait(after time.Duration, do func()) {
	if w.making {
		do()
		return
	}
	w.in(after, do)
}

// duration is how long a type takes.
func (w *World) duration(kind string) time.Duration {
	if given, ok := w.scenario.Durations[kind]; ok {
		return given
	}
	switch kind {
	case "AWS::RDS::DBInstance", "AWS::RDS::DBCluster":
		return 5 * time.Minute
	case "AWS::ElasticLoadBalancingV2::LoadBalancer":
		return 2 * time.Minute
	case "AWS::ECS::Service": // the deployment takes the time
		return time.Second
	}
	return 5 * time.Second
}

// broken says whether the scenario makes a resource fail.
func (w *World) broken(c change, back bool) string {
	for _, key := range []string{c.logical, c.kind} {
		failing, ok := w.scenario.Resources[key]
		if !ok || w.making || !failing.Always && (back || w.made["broken "+key] > 0) {
			continue
		}
		w.made["broken "+key]++
		return failing.Reason
	}
	return ""
}

// finished is an operation's good end.
func (w *World) finished(s *stack, status types.StackStatus) {
	w.evaluateOutputs(s)
	s.stuck = nil
	w.tell(s, status, "")
}

// evaluateOutputs evaluates the template's outputs.
func (w *World) evaluateOutputs(s *stack) {
	s.outputs, s.exports = map[string]string{}, map[string]string{}
	var missing []string
	e := evaluation{w: w, stack: s, missing: &missing}
	declared, _ := s.template["Outputs"].(object)
	for key, value := range declared {
		output, _ := value.(object)
		s.outputs[key] = e.text(output["Value"])
		if export, ok := output["Export"].(object); ok {
			s.exports[e.text(export["Name"])] = s.outputs[key]
		}
	}
}

// tidy removes what an update has left over.
func (w *World) tidy(s *stack, changes []change) {
	w.evaluateOutputs(s)
	w.tell(s, types.StackStatusUpdateCompleteCleanupInProgress, "")
	w.wait(2*time.Second, func() {
		for _, c := range changes {
			old, existed := s.before.resources[c.logical]
			if c.action == types.ChangeActionRemove {
				w.drop(s, c.logical)
			} else if c.replaces && existed {
				w.replaced(old)
			}
		}
		w.finished(s, types.StackStatusUpdateComplete)
	})
}

// drop deletes a resource.
func (w *World) drop(s *stack, logical string) {
	r := s.resources[logical]
	if r == nil {
		return
	}
	w.report(s, r, types.ResourceStatusDeleteInProgress, "")
	if r.declared["DeletionPolicy"] == "Retain" {
		w.report(s, r, types.ResourceStatusDeleteSkipped, "")
	} else {
		w.destroy(r)
		w.report(s, r, types.ResourceStatusDeleteComplete, "")
	}
	delete(s.resources, logical)
}

// clear deletes all resources, one after another, and ends in a status.
func (w *World) clear(s *stack, status types.StackStatus) {
	left := sortedKeys(s.resources)
	if len(left) == 0 {
		s.outputs, s.exports = map[string]string{}, map[string]string{}
		w.tell(s, status, "")
		return
	}
	w.wait(2*time.Second, func() {
		w.drop(s, left[len(left)-1])
		w.clear(s, status)
	})
}

// remove deletes a stack.
func (w *World) remove(s *stack) {
	w.tell(s, types.StackStatusDeleteInProgress, "User Initiated")
	w.clear(s, types.StackStatusDeleteComplete)
}

// restore takes an update back: what was changed gets its old properties, what
// was added goes.
func (w *World) restore(s *stack, begun []change) {
	s.body, s.template = s.before.body, s.before.template
	var work []change
	var added []string
	for _, c := range begun {
		old, existed := s.before.resources[c.logical]
		switch r := s.resources[c.logical]; {
		case !existed:
			added = append(added, c.logical)
		case c.replaces: // the old one is still there
			made := *r
			*r = old
			w.replacedBy(made, old)
			w.report(s, r, types.ResourceStatusUpdateComplete, "")
		default:
			work = append(work, change{c.logical, c.kind, types.ChangeActionModify, false, old.declared})
		}
	}
	run := &operation{w: w, stack: s, work: work, back: true}
	run.after = func(failed []string) {
		if len(failed) > 0 {
			s.stuck = begun
			w.tell(s, types.StackStatusUpdateRollbackFailed, fmt.Sprintf("The following resource(s) failed to update: [%s]. ", strings.Join(failed, ", ")))
			return
		}
		w.tell(s, types.StackStatusUpdateRollbackCompleteCleanupInProgress, "")
		w.wait(2*time.Second, func() {
			for _, id := range added {
				w.drop(s, id)
			}
			w.finished(s, types.StackStatusUpdateRollbackComplete)
		})
	}
	w.wait(2*time.Second, run.step)
}

// replacedBy discards what a roll-back doesn't need.
func (w *World) replacedBy(made, old resource) {
	if made.physical != old.physical {
		w.replaced(made)
	}
}

// decode reads a resource's properties into one of the SDK's types: the names
// are the same but for the case of their first letter.
func decode(properties object, into any) error {
	data, err := json.Marshal(properties)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// sortedKeys are a map's keys in their order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
