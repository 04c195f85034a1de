package typescript

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

// member is one property of a TypeScript interface.
type member struct{ name, kind string }

// declarations are the interfaces of one of the CDK's modules, by their names
// ("CfnBucketProps", "CfnBucket.RuleProperty"), and their members by the names
// that CloudFormation has for them, in lower case: the two differ in case only.
type declarations map[string]map[string]member

var (
	namespaceLine = regexp.MustCompile(`^export declare namespace (\w+) \{$`)
	interfaceLine = regexp.MustCompile(`^(    )?(?:export )?interface (\w+) .*\{$|^(    )?(?:export )?interface (\w+) \{$`)
	memberLine    = regexp.MustCompile(`^\s+readonly (\w+)\??: (.*);$`)
	structName    = regexp.MustCompile(`\b(Cfn\w+\.\w+Property|cdk\.CfnTag)\b`)
)

// tag is the one structure that all modules share.
var tag = map[string]member{"key": {"key", "string"}, "value": {"value", "string"}}

// module is the folder of a service: "aws-ec2" for AWS::EC2::VPC.
func module(resourceType string) string {
	return "aws-" + strings.ToLower(strings.Split(resourceType, "::")[1])
}

// class is the name of a type's class: "CfnVPC" for AWS::EC2::VPC.
func class(resourceType string) string { return "Cfn" + strings.Split(resourceType, "::")[2] }

// typed says whether the CDK could have a class for a type.
func typed(resourceType string) bool {
	return strings.HasPrefix(resourceType, "AWS::") && strings.Count(resourceType, "::") == 2
}

// library is aws-cdk-lib's folder, and what was read of it.
type library struct {
	files fs.FS
	read  map[string]declarations
}

// declarations reads a module's interfaces; none where the CDK has no such
// module.
func (l library) declarations(module string) (declarations, error) {
	if known, ok := l.read[module]; ok {
		return known, nil
	}
	file := fmt.Sprintf("%s/lib/%s.generated.d.ts", module, strings.TrimPrefix(module, "aws-"))
	text, err := fs.ReadFile(l.files, file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the CDK's declarations: %w", err)
	}
	l.read[module] = parseDeclarations(string(text))
	return l.read[module], nil
}

// parseDeclarations finds the interfaces of a generated file, which has one
// declaration a line.
func parseDeclarations(text string) declarations {
	found := declarations{}
	namespace, current := "", ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if match := namespaceLine.FindStringSubmatch(line); match != nil {
			namespace = match[1] + "."
		} else if match := interfaceLine.FindStringSubmatch(line); match != nil {
			current = namespace + match[2] + match[4]
			found[current] = map[string]member{}
		} else if match := memberLine.FindStringSubmatch(line); match != nil && current != "" {
			found[current][strings.ToLower(match[1])] = member{match[1], match[2]}
		} else if line == "}" {
			namespace, current = "", ""
		} else if line == "    }" {
			current = ""
		}
	}
	return found
}

// members are those of the structure in a type's text; none where its keys are
// the user's own, as in a policy document or a map.
func (d declarations) members(kind string) map[string]member {
	switch name := structName.FindString(kind); name {
	case "":
		return nil
	case "cdk.CfnTag":
		return tag
	default:
		return d[name]
	}
}
