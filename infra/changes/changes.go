// Package changes compares synthesized CloudFormation: what a deployment would
// change, or how two environments differ, with what concerns security first
// and what loses data second. It needs no CDK and no AWS.
package changes

import (
	"maps"
	"slices"

	"github.com/prooflink/prooflink/infra/templates"
)

// Action is what happens to a stack or a resource.
type Action string

// The actions. Between two environments, Added is what only the second has and
// Removed what only the first has.
const (
	Added    Action = "added"
	Removed  Action = "removed"
	Changed  Action = "changed"
	Replaced Action = "replaced"
)

// Changes are the differences between two sets of stacks.
type Changes struct {
	// Before says what the first set is, e.g. "deployed".
	Before string `json:"before,omitempty"`
	// After says what the second set is, e.g. "this checkout".
	After string `json:"after,omitempty"`
	// Environments says that two environments were compared: nothing is to be
	// replaced or lost then.
	Environments bool `json:"environments,omitempty"`
	// Security is what concerns access, exposure, encryption and protection.
	Security []Resource `json:"security"`
	// Destructive is what is replaced, and what is removed though it has data.
	Destructive []Resource `json:"destructive"`
	// Stacks are those that only one set has.
	Stacks []Stack `json:"stacks"`
	// Rest is every other change, resources before outputs.
	Rest []Resource `json:"rest"`
	// Hidden is how many changes of asset hashes are left out.
	Hidden int `json:"hidden,omitempty"`
}

// Stack is a stack that only one set has.
type Stack struct {
	// Name is e.g. "BatchStack-dev".
	Name string `json:"name"`
	// Action is Added or Removed.
	Action Action `json:"action"`
	// Types counts its resources.
	Types []Count `json:"types"`
}

// Count is how many resources of a type there are.
type Count struct {
	// Type is e.g. "AWS::EC2::Subnet".
	Type string `json:"type"`
	// Count is how many there are.
	Count int `json:"count"`
}

// Resource is a resource that changes. One with several kinds of changes is in
// each section with the lines that belong there.
type Resource struct {
	// Stack is the stack's name.
	Stack string `json:"stack"`
	// ID is the logical id, or an output's key.
	ID string `json:"id"`
	// Type is e.g. "AWS::ECS::Service", or OutputType.
	Type string `json:"type"`
	// Action is what happens to it.
	Action Action `json:"action"`
	// Note says what becomes of its data, where that is at stake.
	Note string `json:"note,omitempty"`
	// Lines are its changes; none where the action says all.
	Lines []Line `json:"lines,omitempty"`
}

// Line is one change.
type Line struct {
	// Path is the property, e.g. "ContainerDefinitions[prooflink-app].Image", or
	// what a rule is, e.g. "policy".
	Path string `json:"path"`
	// Before is the old value; empty where there was none.
	Before string `json:"before,omitempty"`
	// After is the new value; empty where there is none.
	After string `json:"after,omitempty"`
	// Replaces says that this change replaces the resource.
	Replaces bool `json:"replaces,omitempty"`
}

// OutputType is the type of a stack's outputs.
const OutputType = "Output"

// Compare says what becomes of the stacks before when those after are deployed.
func Compare(before, after []templates.Stack) Changes {
	return (&comparison{before: byName(before), after: byName(after)}).run(order(before, after))
}

// Environment is one of the two environments that are compared.
type Environment struct {
	// Env is its name, e.g. "prod".
	Env string
	// Stacks are its templates.
	Stacks []templates.Stack
}

// CompareEnvironments says how the second environment differs from the first.
// That their names differ is no difference: "prooflink-dev-task" and
// "prooflink-prod-task" are both "prooflink-{env}-task".
func CompareEnvironments(before, after Environment) Changes {
	was, is := before.neutral(), after.neutral()
	c := comparison{before: byName(was), after: byName(is)}
	c.Before, c.After, c.Environments = before.Env, after.Env, true
	return c.run(order(was, is))
}

// Empty says that nothing differs.
func (c Changes) Empty() bool {
	return len(c.Security)+len(c.Destructive)+len(c.Stacks)+len(c.Rest) == 0
}

// comparison collects the changes.
type comparison struct {
	Changes
	before, after map[string]templates.Stack
}

// run compares the stacks of these names. Outputs come after resources.
func (c *comparison) run(names []string) Changes {
	for _, name := range names {
		c.stack(name)
	}
	slices.SortStableFunc(c.Rest, func(a, b Resource) int { return rank(a) - rank(b) })
	return c.Changes
}

// byName indexes stacks.
func byName(stacks []templates.Stack) map[string]templates.Stack {
	index := map[string]templates.Stack{}
	for _, stack := range stacks {
		index[stack.Name] = stack
	}
	return index
}

// order lists the stacks' names in the order of deployment, those that are
// gone last.
func order(before, after []templates.Stack) []string {
	var names []string
	for _, stack := range slices.Concat(after, before) {
		if !slices.Contains(names, stack.Name) {
			names = append(names, stack.Name)
		}
	}
	return names
}

// stack compares one stack. What a new stack grants and opens is shown, and
// otherwise how much it has. A stack that is gone from the set stays where it
// is deployed, so its resources are not lost.
func (c *comparison) stack(name string) {
	before, was := c.before[name]
	after, is := c.after[name]
	switch {
	case !was:
		c.Stacks = append(c.Stacks, Stack{Name: name, Action: Added, Types: counts(after)})
		for _, id := range after.IDs() {
			c.security(Resource{Stack: name, ID: id, Type: after.Resources[id].Type, Action: Added}, templates.Resource{}, after.Resources[id])
		}
	case !is:
		c.Stacks = append(c.Stacks, Stack{Name: name, Action: Removed, Types: counts(before)})
	default:
		for _, id := range union(before.Resources, after.Resources) {
			c.resource(Resource{Stack: name, ID: id}, before.Resources[id], after.Resources[id])
		}
		c.outputs(name, before.Outputs, after.Outputs)
	}
}

// counts counts a stack's resources by their types.
func counts(stack templates.Stack) []Count {
	found := map[string]int{}
	for _, resource := range stack.Resources {
		found[resource.Type]++
	}
	var list []Count
	for _, kind := range slices.Sorted(maps.Keys(found)) {
		list = append(list, Count{kind, found[kind]})
	}
	return list
}

// union lists the keys of both, sorted.
func union[V any](a, b map[string]V) []string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]V{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

// resource compares one resource and puts what changes where it belongs.
func (c *comparison) resource(r Resource, before, after templates.Resource) {
	r.Action, r.Type = action(before, after), after.Type
	if r.Action == Removed {
		r.Type = before.Type
	}
	if r.Type == metadataType {
		return
	}
	r.Lines = c.security(r, before, after)
	if r.Action == Changed && slices.ContainsFunc(r.Lines, func(l Line) bool { return l.Replaces }) {
		r.Action = Replaced
	}
	switch {
	case !c.Environments && (r.Action == Replaced || r.Action == Removed && stateful[r.Type]):
		r.Note = fate(r.Action, before)
		c.Destructive = append(c.Destructive, r)
	case len(r.Lines) > 0, r.Action != Changed && !c.shown(r):
		c.Rest = append(c.Rest, r)
	}
}

// shown says whether the resource is among the security changes already.
func (c *comparison) shown(r Resource) bool {
	return len(c.Security) > 0 && c.Security[len(c.Security)-1].ID == r.ID && c.Security[len(c.Security)-1].Stack == r.Stack
}

// action is what happens to a resource; one whose type changes is replaced.
func action(before, after templates.Resource) Action {
	switch {
	case before.Type == "":
		return Added
	case after.Type == "":
		return Removed
	case before.Type != after.Type:
		return Replaced
	default:
		return Changed
	}
}

// security collects what concerns security and returns the other lines, with
// those among them that replace the resource.
func (c *comparison) security(r Resource, before, after templates.Resource) (rest []Line) {
	r.Lines = ruleLines(before, after)
	for _, line := range c.propertyLines(r, before, after) {
		secures := secures(r.Type, line)
		if secures {
			r.Lines = append(r.Lines, line)
		}
		if !secures || line.Replaces {
			rest = append(rest, line)
		}
	}
	if len(r.Lines) > 0 || (r.Action != Changed && securityType(r.Type)) {
		c.Security = append(c.Security, r)
	}
	return rest
}

// propertyLines compares the properties that are no rules. Of a resource that
// only one set has, they are those that open something.
func (c *comparison) propertyLines(r Resource, before, after templates.Resource) []Line {
	switch r.Action {
	case Added:
		return opening(after)
	case Removed:
		return nil
	}
	var lines []Line
	if before.Type != after.Type {
		lines = append(lines, Line{Path: "Type", Before: before.Type, After: after.Type, Replaces: !c.Environments})
	}
	found := differences("", withoutRules(before), withoutRules(after))
	found = append(found, differences("DeletionPolicy", optional(before.DeletionPolicy), optional(after.DeletionPolicy))...)
	found = append(found, differences("UpdateReplacePolicy", optional(before.UpdateReplacePolicy), optional(after.UpdateReplacePolicy))...)
	for _, line := range found {
		if isAsset(line.Before) && isAsset(line.After) {
			c.Hidden++
			continue
		}
		line.Replaces = !c.Environments && replaces(r.Type, line.Path)
		lines = append(lines, line)
	}
	return lines
}

// optional is nil for an empty text.
func optional(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// fate says what becomes of a resource's data.
func fate(action Action, before templates.Resource) string {
	policy := before.DeletionPolicy
	if action == Replaced {
		policy = before.UpdateReplacePolicy
	}
	switch {
	case policy == "Retain":
		return "the old one stays, no longer managed"
	case policy == "Snapshot":
		return "a snapshot of the old one stays"
	case stateful[before.Type]:
		return "its data is LOST"
	default:
		return "the old one is deleted"
	}
}

// outputs compares a stack's outputs.
func (c *comparison) outputs(stack string, before, after map[string]templates.Output) {
	for _, key := range union(before, after) {
		if lines := differences("Value", before[key].Value, after[key].Value); len(lines) > 0 {
			c.Rest = append(c.Rest, Resource{Stack: stack, ID: key, Type: OutputType, Action: outputAction(before, after, key), Lines: lines})
		}
	}
}

// outputAction is what happens to an output.
func outputAction(before, after map[string]templates.Output, key string) Action {
	if _, was := before[key]; !was {
		return Added
	}
	if _, is := after[key]; !is {
		return Removed
	}
	return Changed
}

// rank is 1 for outputs.
func rank(r Resource) int {
	if r.Type == OutputType {
		return 1
	}
	return 0
}
