package logs

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// OfDefinition returns the streams to which a container of a task writes, by the
// task's definition, which need not be the environment's of today. With FireLens
// they are those of the router's variable ERROR_LOG_GROUP and of the container's
// own CLOUDWATCH_SERVER_LOG_GROUP. It returns none where the log can't be read.
func OfDefinition(definition types.TaskDefinition, container, task string) []Source {
	configured, ok := find(definition, func(c types.ContainerDefinition) bool { return aws.ToString(c.Name) == container })
	if !ok || configured.LogConfiguration == nil {
		return nil
	}
	options := configured.LogConfiguration.Options
	switch string(configured.LogConfiguration.LogDriver) {
	case awsLogs:
		return []Source{{options["awslogs-group"], AWSLogsStream(options, container, task)}}
	case fireLens:
		return routedBy(definition, configured, TaskID(task))
	}
	return nil
}

// routedBy are the streams of a container that FireLens serves.
func routedBy(definition types.TaskDefinition, container types.ContainerDefinition, task string) []Source {
	var sources []Source
	router, _ := find(definition, func(c types.ContainerDefinition) bool { return c.FirelensConfiguration != nil })
	if group := variable(router, "ERROR_LOG_GROUP"); group != "" {
		sources = append(sources, Source{group, errorStreams(aws.ToString(container.Name)) + task})
	}
	if group := variable(container, "CLOUDWATCH_SERVER_LOG_GROUP"); group != "" && variable(container, "ENABLE_CLOUDWATCH_LOGS") == "true" {
		sources = append(sources, Source{group, task + "/"})
	}
	return sources
}

// find returns the first container that is meant.
func find(definition types.TaskDefinition, meant func(types.ContainerDefinition) bool) (types.ContainerDefinition, bool) {
	at := slices.IndexFunc(definition.ContainerDefinitions, meant)
	if at < 0 {
		return types.ContainerDefinition{}, false
	}
	return definition.ContainerDefinitions[at], true
}

// variable is the value of a container's variable; empty where it has none.
func variable(container types.ContainerDefinition, name string) string {
	for _, pair := range container.Environment {
		if aws.ToString(pair.Name) == name {
			return aws.ToString(pair.Value)
		}
	}
	return ""
}
