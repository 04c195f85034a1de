package sweep

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	tagtypes "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

// logGroups deletes log groups that AWS made by itself.
func (s sweeper) logGroups(ctx context.Context) (string, error) {
	var deleted tally
	for _, prefix := range slices.Concat(s.LogGroups, s.LogPrefixes) {
		groups, err := s.groupsUnder(ctx, prefix)
		if err != nil {
			deleted.add(err, "list log groups "+prefix)
		}
		for _, name := range groups {
			if s.isTarget(name) {
				deleted.add(s.deleteGroup(ctx, name), "delete log group "+name)
			}
		}
	}
	return deleted.report("deleted")
}

// isTarget keeps away from the environments whose names begin like this one's:
// "FoundationStack-dev-" also begins the functions of "dev-2".
func (s sweeper) isTarget(name string) bool {
	if slices.Contains(s.LogGroups, name) {
		return true
	}
	return slices.ContainsFunc(s.LogPrefixes, func(prefix string) bool {
		id, ok := strings.CutPrefix(name, prefix)
		return ok && id != "" && unicode.IsUpper(rune(id[0]))
	})
}

// groupsUnder lists the log groups whose names begin so.
func (s sweeper) groupsUnder(ctx context.Context, prefix string) ([]string, error) {
	list := cloudwatchlogs.NewDescribeLogGroupsPaginator(s.logs, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &prefix})
	return pages(list.HasMorePages, func() ([]string, error) {
		page, err := list.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		var names []string
		for _, group := range page.LogGroups {
			names = append(names, aws.ToString(group.LogGroupName))
		}
		return names, nil
	})
}

// deleteGroup deletes a log group; one that is gone already is no failure.
func (s sweeper) deleteGroup(ctx context.Context, name string) error {
	_, err := s.logs.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: &name})
	var gone *logtypes.ResourceNotFoundException
	if errors.As(err, &gone) {
		return nil
	}
	return err
}

// deletableParameters is how many names one DeleteParameters takes.
const deletableParameters = 10

// ssmParameters deletes what deployments recorded.
func (s sweeper) ssmParameters(ctx context.Context) (string, error) {
	var deleted tally
	list := ssm.NewGetParametersByPathPaginator(s.parameters, &ssm.GetParametersByPathInput{Path: &s.Parameters, Recursive: aws.Bool(true)})
	found, err := pages(list.HasMorePages, func() ([]string, error) {
		page, err := list.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		var names []string
		for _, parameter := range page.Parameters {
			names = append(names, aws.ToString(parameter.Name))
		}
		return names, nil
	})
	if err != nil {
		deleted.add(err, "list parameters under "+s.Parameters)
	}
	for _, part := range chunks(found, deletableParameters) {
		if _, err := s.parameters.DeleteParameters(ctx, &ssm.DeleteParametersInput{Names: part}); err != nil {
			deleted.add(err, "delete parameters from "+part[0]+" on")
			continue
		}
		deleted.done += len(part)
	}
	return deleted.report("deleted")
}

// Left lists the ARNs of what still has the environment's tags. AWS learns of
// deletions late: what went a minute ago may still be in it.
func Left(ctx context.Context, access aws.Config, targets Targets) ([]string, error) {
	var filters []tagtypes.TagFilter
	for _, key := range slices.Sorted(maps.Keys(targets.Tags)) {
		if key == "Environment" || key == "Project" {
			filters = append(filters, tagtypes.TagFilter{Key: aws.String(key), Values: []string{targets.Tags[key]}})
		}
	}
	if targets.Tags["Environment"] == "" {
		return nil, errors.New("look for what is left: the environment's naming.tags have no Environment; add it, so that its resources can be told from others")
	}
	list := resourcegroupstaggingapi.NewGetResourcesPaginator(in(access, targets).tags, &resourcegroupstaggingapi.GetResourcesInput{TagFilters: filters})
	arns, err := pages(list.HasMorePages, func() ([]string, error) {
		page, err := list.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		var arns []string
		for _, resource := range page.ResourceTagMappingList {
			arns = append(arns, aws.ToString(resource.ResourceARN))
		}
		return arns, nil
	})
	if err != nil {
		return arns, fmt.Errorf("look for what is left: %w", err)
	}
	return arns, nil
}
