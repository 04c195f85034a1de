package scripted

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// evaluation evaluates a template's values for a stack.
type evaluation struct {
	w     *World
	stack *stack
	// static leaves references to the stack's own resources as they are.
	static bool
	// missing are the outputs of other stacks that aren't there.
	missing *[]string
}

// functions are the intrinsic functions that templates use.
func functions() map[string]func(evaluation, any) any {
	return map[string]func(evaluation, any) any{
		"Ref": evaluation.reference, "Fn::GetAtt": evaluation.attribute, "Fn::Join": evaluation.join, "Fn::Sub": evaluation.substitute,
		"Fn::Select": evaluation.choose, "Fn::Split": evaluation.split, "Fn::GetStackOutput": evaluation.stackOutput,
		"Fn::ImportValue": evaluation.imported, "Fn::GetAZs": evaluation.zones, "Fn::If": evaluation.conditional,
	}
}

// value evaluates anything in a template.
func (e evaluation) value(v any) any {
	switch v := v.(type) {
	case object:
		if len(v) == 1 {
			for name, argument := range v {
				if function, ok := functions()[name]; ok {
					return function(e, argument)
				}
			}
		}
		made := object{}
		for key, inner := range v {
			made[key] = e.value(inner)
		}
		return made
	case []any:
		made := make([]any, 0, len(v))
		for _, inner := range v {
			made = append(made, e.value(inner))
		}
		return made
	}
	return v
}

// text evaluates to a text.
func (e evaluation) text(v any) string {
	switch v := e.value(v).(type) {
	case nil:
		return ""
	case string:
		return v
	case object, []any:
		return canonical(v)
	default:
		return fmt.Sprint(v)
	}
}

// list evaluates to a list.
func (e evaluation) list(v any) []any {
	list, _ := e.value(v).([]any)
	return list
}

// pseudo are CloudFormation's own parameters.
func (e evaluation) pseudo(name string) (string, bool) {
	value, ok := map[string]string{
		"AWS::AccountId": Account, "AWS::Region": e.w.region, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com",
		"AWS::StackName": e.stack.name, "AWS::StackId": e.stack.id, "AWS::NoValue": "",
	}[name]
	return value, ok
}

func (e evaluation) reference(argument any) any {
	name := fmt.Sprint(argument)
	if value, ok := e.pseudo(name); ok {
		return value
	}
	if value, ok := e.stack.parameters[name]; ok {
		return value
	}
	if e.static {
		return object{"Ref": name}
	}
	if r := e.stack.resources[name]; r != nil {
		return r.physical
	}
	return ""
}

func (e evaluation) attribute(argument any) any {
	id, name := target(argument)
	if e.static {
		return object{"Fn::GetAtt": []any{id, name}}
	}
	if r := e.stack.resources[id]; r != nil {
		return e.w.attributeOf(r, name)
	}
	return ""
}

// target splits what Fn::GetAtt gets: a list or "id.name".
func target(argument any) (id, name string) {
	if parts, ok := argument.([]any); ok && len(parts) == 2 {
		return fmt.Sprint(parts[0]), fmt.Sprint(parts[1])
	}
	id, name, _ = strings.Cut(fmt.Sprint(argument), ".")
	return id, name
}

func (e evaluation) join(argument any) any {
	parts, _ := argument.([]any)
	if len(parts) != 2 {
		return ""
	}
	var texts []string
	for _, part := range e.list(parts[1]) {
		texts = append(texts, e.text(part))
	}
	return strings.Join(texts, fmt.Sprint(parts[0]))
}

// variables are those of Fn::Sub; "${!Literal}" is none.
var variables = regexp.MustCompile(`\$\{[^!}][^}]*\}`)

func (e evaluation) substitute(argument any) any {
	pattern, given := argument, object{}
	if parts, ok := argument.([]any); ok && len(parts) == 2 {
		pattern = parts[0]
		given, _ = parts[1].(object)
	}
	return variables.ReplaceAllStringFunc(fmt.Sprint(pattern), func(found string) string {
		name := found[2 : len(found)-1]
		if value, ok := given[name]; ok {
			return e.text(value)
		}
		if strings.Contains(name, ".") {
			return e.text(object{"Fn::GetAtt": name})
		}
		return e.text(object{"Ref": name})
	})
}

func (e evaluation) choose(argument any) any {
	parts, _ := argument.([]any)
	if len(parts) != 2 {
		return ""
	}
	var index int
	list := e.list(parts[1])
	if _, err := fmt.Sscan(e.text(parts[0]), &index); err != nil || index >= len(list) {
		return ""
	}
	return list[index]
}

func (e evaluation) split(argument any) any {
	parts, _ := argument.([]any)
	if len(parts) != 2 {
		return []any{}
	}
	var list []any
	for _, part := range strings.Split(e.text(parts[1]), fmt.Sprint(parts[0])) {
		list = append(list, part)
	}
	return list
}

func (e evaluation) stackOutput(argument any) any {
	from, _ := argument.(object)
	stack, key := e.text(from["StackName"]), e.text(from["OutputName"])
	if s := e.w.stackNamed(stack); s != nil {
		if value, ok := s.outputs[key]; ok {
			return value
		}
	}
	*e.missing = append(*e.missing, stack+"."+key)
	return ""
}

func (e evaluation) imported(argument any) any {
	name := e.text(argument)
	for _, s := range e.w.stacks {
		if value, ok := s.exports[name]; ok {
			return value
		}
	}
	*e.missing = append(*e.missing, name)
	return ""
}

func (e evaluation) zones(any) any {
	var list []any
	for _, zone := range e.w.environment.Network.AZs {
		list = append(list, zone)
	}
	return list
}

// conditional takes the first branch: the templates have no conditions of their own.
func (e evaluation) conditional(argument any) any {
	if parts, ok := argument.([]any); ok && len(parts) == 3 {
		return e.value(parts[1])
	}
	return ""
}

// canonical is a value as JSON, by which two are compared.
func canonical(v any) string {
	data, _ := json.Marshal(v) // a decoded template always encodes
	return string(data)
}

// referred are the resources that a value refers to.
func referred(v any) map[string]bool {
	all := map[string]bool{}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case object:
			if name, ok := v["Ref"].(string); ok {
				all[name] = true
			}
			if argument, ok := v["Fn::GetAtt"]; ok {
				id, _ := target(argument)
				all[id] = true
			}
			if argument, ok := v["Fn::Sub"]; ok {
				for _, found := range variables.FindAllString(canonical(argument), -1) {
					id, _, _ := strings.Cut(found[2:len(found)-1], ".")
					all[id] = true
				}
			}
			for _, inner := range v {
				walk(inner)
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	walk(v)
	return all
}
