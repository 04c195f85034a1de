package changes

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prooflink/prooflink/infra/templates"
)

// grant is the smallest thing that a rule allows or denies: one action on one
// resource, or one kind of traffic. Rules are compared by their grants, so that
// one action more is one line, not a policy.
type grant struct {
	// path says where the rule is, e.g. "trust", "policy", "ingress".
	path string
	// effect is "Allow" or "Deny"; empty for what has none.
	effect string
	// what is an action, or all that there is to say.
	what string
	// on is a resource.
	on string
	// to is who may; empty for a role's own policies.
	to string
	// when is the condition.
	when string
}

// ruleLines compares what two versions of a resource allow.
func ruleLines(before, after templates.Resource) []Line {
	was, is := grants(before), grants(after)
	var lines []Line
	for _, said := range sentences(without(was, is)) {
		lines = append(lines, Line{Path: said.path, Before: said.what})
	}
	for _, said := range sentences(without(is, was)) {
		lines = append(lines, Line{Path: said.path, After: said.what})
	}
	return lines
}

// without lists what is in a and not in b.
func without(a, b []grant) []grant {
	return slices.DeleteFunc(slices.Clone(a), func(g grant) bool { return slices.Contains(b, g) })
}

// sentences joins grants that differ in their actions only, and then those that
// differ in their resources only, and writes each as "Allow a, b on c, d".
// Traffic stays a line each.
func sentences(grants []grant) []grant {
	traffic := func(g grant) bool { return g.effect == "" }
	allowed := slices.DeleteFunc(slices.Clone(grants), traffic)
	joined := fold(allowed, func(g *grant) *string { return &g.what })
	joined = fold(joined, func(g *grant) *string { return &g.on })
	joined = append(joined, slices.DeleteFunc(slices.Clone(grants), func(g grant) bool { return !traffic(g) })...)
	for i, g := range joined {
		joined[i] = grant{path: g.path, what: g.sentence()}
	}
	return joined
}

// fold joins what differs in one field only, in the order of first appearance.
func fold(grants []grant, field func(*grant) *string) []grant {
	var keys []grant
	values := map[grant][]string{}
	for _, g := range grants {
		value := *field(&g)
		*field(&g) = ""
		if _, known := values[g]; !known {
			keys = append(keys, g)
		}
		if !slices.Contains(values[g], value) {
			values[g] = append(values[g], value)
		}
	}
	for i, key := range keys {
		slices.Sort(values[key])
		*field(&keys[i]) = strings.Join(values[key], ", ")
	}
	return keys
}

// sentence reads "Allow s3:GetObject on arn:… to Service x when {…}".
func (g grant) sentence() string {
	said := strings.TrimSpace(g.effect + " " + g.what)
	for _, part := range []struct{ word, text string }{{" on ", g.on}, {" to ", g.to}, {" when ", g.when}} {
		if part.text != "" {
			said += part.word + part.text
		}
	}
	return said
}

// grants lists what a resource allows.
func grants(r templates.Resource) []grant {
	found := policyGrants(r.Properties)
	for _, arn := range items(r.Properties["ManagedPolicyArns"]) {
		found = append(found, grant{path: "managed policy", what: text(arn)})
	}
	return append(found, trafficGrants(r)...)
}

// withoutRules copies a resource's properties without those that are compared
// as grants.
func withoutRules(r templates.Resource) any {
	if r.Properties == nil {
		return nil
	}
	left := maps.Clone(r.Properties)
	delete(left, "ManagedPolicyArns")
	if strings.HasPrefix(r.Type, "AWS::IAM::") {
		delete(left, "Policies")
	}
	if isTraffic(r.Type) {
		for _, key := range trafficKeys {
			delete(left, key)
		}
	}
	return withoutPolicies(left)
}

// withoutPolicies copies a value without its policy documents.
func withoutPolicies(value any) any {
	switch v := value.(type) {
	case map[string]any:
		left := map[string]any{}
		for key, inner := range v {
			if _, is := policy(inner); !is {
				left[key] = withoutPolicies(inner)
			}
		}
		return left
	case []any:
		left := make([]any, len(v))
		for i, inner := range v {
			left[i] = withoutPolicies(inner)
		}
		return left
	}
	return value
}

// policyGrants finds the policy documents in a value. A role's several policies
// are told apart by their names.
func policyGrants(value any) []grant {
	var found []grant
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if document, is := policy(v[key]); is {
				found = append(found, documentGrants(policyPath(key, v), document)...)
			} else {
				found = append(found, policyGrants(v[key])...)
			}
		}
	case []any:
		for _, inner := range v {
			found = append(found, policyGrants(inner)...)
		}
	}
	return found
}

// policyPath names a policy by the property that has it, and one inside a role
// by its name.
func policyPath(key string, owner map[string]any) string {
	switch {
	case key == "AssumeRolePolicyDocument":
		return "trust"
	case owner["PolicyName"] != nil && owner["Roles"] == nil:
		return "policy " + text(owner["PolicyName"])
	default:
		return "policy"
	}
}

// policy is a value as a policy document: a group with statements, or the JSON
// of one.
func policy(value any) (map[string]any, bool) {
	if text, ok := value.(string); ok && strings.Contains(text, `"Statement"`) {
		var document map[string]any
		if json.Unmarshal([]byte(text), &document) == nil {
			value = document
		}
	}
	document, ok := value.(map[string]any)
	return document, ok && document["Statement"] != nil
}

// documentGrants lists what a policy document allows and denies.
func documentGrants(path string, document map[string]any) []grant {
	var found []grant
	for _, item := range items(document["Statement"]) {
		statement, _ := item.(map[string]any)
		g := grant{path: path, effect: text(statement["Effect"]), when: text(statement["Condition"])}
		for _, g.what = range either(statement, "Action") {
			for _, g.on = range orNone(either(statement, "Resource")) {
				for _, g.to = range orNone(principals(statement)) {
					found = append(found, g)
				}
			}
		}
	}
	return found
}

// items is a value as a list: one value is a list of one.
func items(value any) []any {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// either lists the values of a statement's key, or those of its opposite, e.g.
// of Action or NotAction.
func either(statement map[string]any, key string) []string {
	var found []string
	for _, value := range items(statement[key]) {
		found = append(found, text(value))
	}
	for _, value := range items(statement["Not"+key]) {
		found = append(found, "everything but "+text(value))
	}
	return found
}

// orNone keeps a loop going for what a statement doesn't have.
func orNone(values []string) []string {
	if len(values) == 0 {
		return []string{""}
	}
	return values
}

// principals lists who a statement is about, e.g. "Service ecs-tasks.amazonaws.com".
func principals(statement map[string]any) []string {
	found := who(statement["Principal"])
	for _, who := range who(statement["NotPrincipal"]) {
		found = append(found, "everybody but "+who)
	}
	return found
}

// who reads a principal: groups of kinds, or "*".
func who(principal any) []string {
	kinds, ok := group(principal)
	if !ok {
		kinds = map[string]any{"AWS": principal}
	}
	var found []string
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		for _, one := range items(kinds[kind]) {
			found = append(found, named(kind, text(one)))
		}
	}
	return found
}

// named writes a principal with its kind.
func named(kind, who string) string {
	if kind == "AWS" && who == "*" {
		return "everybody (*)"
	}
	return kind + " " + who
}

// trafficKeys are the properties that say what a security group lets through.
var trafficKeys = []string{"SecurityGroupIngress", "SecurityGroupEgress", "IpProtocol", "FromPort", "ToPort",
	"CidrIp", "CidrIpv6", "SourceSecurityGroupId", "SourcePrefixListId", "DestinationSecurityGroupId", "DestinationPrefixListId"}

// isTraffic says whether a type lets traffic through.
func isTraffic(kind string) bool { return strings.HasPrefix(kind, "AWS::EC2::SecurityGroup") }

// trafficGrants lists what a security group, or a rule on its own, lets through.
func trafficGrants(r templates.Resource) []grant {
	switch r.Type {
	case "AWS::EC2::SecurityGroup":
		return append(groupGrants("ingress", r.Properties["SecurityGroupIngress"]),
			groupGrants("egress", r.Properties["SecurityGroupEgress"])...)
	case "AWS::EC2::SecurityGroupIngress":
		return groupGrants("ingress", r.Properties)
	case "AWS::EC2::SecurityGroupEgress":
		return groupGrants("egress", r.Properties)
	}
	return nil
}

// groupGrants lists the traffic of rules in one direction.
func groupGrants(direction string, rules any) []grant {
	var found []grant
	for _, item := range items(rules) {
		rule, _ := item.(map[string]any)
		g := grant{path: direction, what: traffic(rule) + " " + peer(direction, rule)}
		if id := text(rule["GroupId"]); id != "" {
			g.what += " at " + id
		}
		found = append(found, g)
	}
	return found
}

// traffic reads "tcp 443", "tcp 1024-2048" or "all traffic".
func traffic(rule map[string]any) string {
	protocol, from, to := text(rule["IpProtocol"]), text(rule["FromPort"]), text(rule["ToPort"])
	switch {
	case protocol == "-1":
		return "all traffic"
	case from == "" || from == "-1":
		return protocol
	case from == to || to == "":
		return protocol + " " + from
	default:
		return fmt.Sprintf("%s %s-%s", protocol, from, to)
	}
}

// peer reads "from 0.0.0.0/0" or "to ${Group.GroupId}".
func peer(direction string, rule map[string]any) string {
	word := map[string]string{"ingress": "from ", "egress": "to "}[direction]
	for _, key := range trafficKeys[5:] {
		if who := text(rule[key]); who != "" {
			return word + who
		}
	}
	return word + "anywhere"
}
