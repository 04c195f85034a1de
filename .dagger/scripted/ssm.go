package scripted

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
)

// parameter is a parameter with its versions, the oldest first.
type parameter struct {
	versions []version
}

// version is one value of a parameter.
type version struct {
	number      int64
	value       string
	kind        types.ParameterType
	description *string
	at          time.Time
}

// keptVersions is how many Parameter Store keeps ("Working with parameter
// versions", AWS Systems Manager User Guide).
const keptVersions = 100

// newest is the current version.
func (p *parameter) newest() version { return p.versions[len(p.versions)-1] }

// put adds a version.
func (w *World) put(name, value string, kind types.ParameterType, description *string) int64 {
	p, ok := w.parameters[name]
	if !ok {
		p = &parameter{}
		w.parameters[name] = p
	}
	number := int64(1)
	if len(p.versions) > 0 {
		number = p.newest().number + 1
	}
	p.versions = append(p.versions, version{number, value, kind, description, w.clock})
	p.versions = p.versions[max(0, len(p.versions)-keptVersions):]
	return number
}

func (w *World) serveSSM() {
	on(w, "ssm", w.getParameter)
	on(w, "ssm", w.getParameters)
	on(w, "ssm", w.getParametersByPath)
	on(w, "ssm", w.getParameterHistory)
	on(w, "ssm", w.putParameter)
	on(w, "ssm", w.deleteParameter)
}

// parameterNotFound has no message on AWS.
func parameterNotFound() error { return awsfake.Error("ParameterNotFound", "") }

// find reads "name" or "name:version".
func (w *World) find(text string) (types.Parameter, error) {
	name, selector, chosen := strings.Cut(strings.TrimPrefix(text, w.arn("ssm", "parameter")), ":")
	p, ok := w.parameters[name]
	if !ok {
		return types.Parameter{}, parameterNotFound()
	}
	if !chosen {
		return w.described(name, p.newest()), nil
	}
	number, _ := strconv.ParseInt(selector, 10, 64)
	for _, v := range p.versions {
		if v.number == number {
			found := w.described(name, v)
			found.Selector = aws.String(":" + selector)
			return found, nil
		}
	}
	return types.Parameter{}, awsfake.Error("ParameterVersionNotFound",
		fmt.Sprintf("Systems Manager could not find version %s of %s. Verify the version and try again.", selector, name))
}

// described is a version as Parameter Store answers it.
func (w *World) described(name string, v version) types.Parameter {
	return types.Parameter{
		Name: &name, Value: aws.String(v.value), Type: v.kind, Version: v.number, DataType: aws.String("text"),
		LastModifiedDate: aws.Time(v.at), ARN: aws.String(w.arn("ssm", "parameter"+name)),
	}
}

func (w *World) getParameter(in *ssm.GetParameterInput) (*ssm.GetParameterOutput, error) {
	found, err := w.find(aws.ToString(in.Name))
	if err != nil {
		return nil, err
	}
	return &ssm.GetParameterOutput{Parameter: &found}, nil
}

func (w *World) getParameters(in *ssm.GetParametersInput) (*ssm.GetParametersOutput, error) {
	out := &ssm.GetParametersOutput{}
	for _, name := range in.Names {
		found, err := w.find(name)
		if err != nil {
			out.InvalidParameters = append(out.InvalidParameters, name)
			continue
		}
		out.Parameters = append(out.Parameters, found)
	}
	return out, nil
}

func (w *World) getParametersByPath(in *ssm.GetParametersByPathInput) (*ssm.GetParametersByPathOutput, error) {
	folder := strings.TrimSuffix(aws.ToString(in.Path), "/") + "/"
	var all []types.Parameter
	for name, p := range w.parameters {
		rest, inside := strings.CutPrefix(name, folder)
		if inside && (aws.ToBool(in.Recursive) || !strings.Contains(rest, "/")) {
			all = append(all, w.described(name, p.newest()))
		}
	}
	slices.SortFunc(all, func(a, b types.Parameter) int { return strings.Compare(*a.Name, *b.Name) })
	some, next, err := page(w, all, in.NextToken, limit(in.MaxResults, 10))
	return &ssm.GetParametersByPathOutput{Parameters: some, NextToken: next}, err
}

func (w *World) getParameterHistory(in *ssm.GetParameterHistoryInput) (*ssm.GetParameterHistoryOutput, error) {
	name := aws.ToString(in.Name)
	p, ok := w.parameters[name]
	if !ok {
		return nil, parameterNotFound()
	}
	var all []types.ParameterHistory
	for _, v := range p.versions {
		all = append(all, types.ParameterHistory{
			Name: &name, Value: aws.String(v.value), Type: v.kind, Version: v.number, DataType: aws.String("text"),
			LastModifiedDate: aws.Time(v.at), Description: v.description, Tier: types.ParameterTierStandard,
		})
	}
	some, next, err := page(w, all, in.NextToken, limit(in.MaxResults, 50))
	return &ssm.GetParameterHistoryOutput{Parameters: some, NextToken: next}, err
}

// maxStandard is how large a standard parameter's value may be, in bytes.
const maxStandard = 4096

func (w *World) putParameter(in *ssm.PutParameterInput) (*ssm.PutParameterOutput, error) {
	name := aws.ToString(in.Name)
	p, exists := w.parameters[name]
	if exists && !aws.ToBool(in.Overwrite) {
		return nil, awsfake.Error("ParameterAlreadyExists",
			"The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	}
	if len(aws.ToString(in.Value)) > maxStandard && in.Tier != types.ParameterTierAdvanced && in.Tier != types.ParameterTierIntelligentTiering {
		return nil, awsfake.Error("ValidationException", "Standard tier parameters support a maximum parameter value of 4096 characters. "+
			"To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see "+
			"https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html")
	}
	kind := in.Type
	if exists && kind == "" {
		kind = p.newest().kind
	}
	number := w.put(name, aws.ToString(in.Value), kind, in.Description)
	return &ssm.PutParameterOutput{Version: number, Tier: types.ParameterTierStandard}, nil
}

func (w *World) deleteParameter(in *ssm.DeleteParameterInput) (*ssm.DeleteParameterOutput, error) {
	if _, ok := w.parameters[aws.ToString(in.Name)]; !ok {
		return nil, parameterNotFound()
	}
	delete(w.parameters, aws.ToString(in.Name))
	return &ssm.DeleteParameterOutput{}, nil
}
