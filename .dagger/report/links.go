package report

import (
	"net/url"
	"strings"

	"github.com/prooflink/prooflink/infra/names"
)

// links lead to what a report speaks of. They are one person's next click, so
// there are few: of tasks with the same story the first.
func links(region string, n names.Names, f Failure) []Link {
	c := console{region}
	list := []Link{}
	if id := last(f.Deployment); id != "" {
		list = append(list, Link{"ECS deployment", c.service(n) + "/deployments/" + url.PathEscape(id) + c.query()})
	}
	list = append(list, Link{"ECS service", c.service(n) + "/health" + c.query()})
	for _, group := range alike(f.Evidence.Tasks) {
		list = append(list, Link{"Task " + short(group.first.ID), c.cluster(n) + "/tasks/" + url.PathEscape(group.first.ID) + "/configuration" + c.query()})
	}
	for _, stack := range stacksOf(f.Evidence.Events) {
		list = append(list, Link{"Events of " + stack, c.stackEvents(stack)})
	}
	for _, group := range logGroupsOf(f.Evidence.Tasks) {
		list = append(list, Link{"Log group " + group, c.logGroup(group)})
	}
	if f.Run != "" {
		list = append(list, Link{"This run", f.Run})
	}
	return list
}

// console makes the console's addresses in a region.
type console struct{ region string }

func (c console) at(path string) string {
	return "https://" + c.region + ".console.aws.amazon.com/" + path
}

func (c console) query() string { return "?region=" + c.region }

func (c console) cluster(n names.Names) string {
	return c.at("ecs/v2/clusters/" + url.PathEscape(n.Cluster()))
}

func (c console) service(n names.Names) string {
	return c.cluster(n) + "/services/" + url.PathEscape(n.Service())
}

// stackEvents is the page with a stack's events; the stack is a name or an ARN.
func (c console) stackEvents(stack string) string {
	return c.at("cloudformation/home" + c.query() + "#/stacks/events?stackId=" + url.QueryEscape(stack))
}

// logGroup is a log group's page. The console wants its name escaped twice, with
// "$" for the second escape's "%": "/ecs" is "$252Fecs".
func (c console) logGroup(group string) string {
	twice := url.QueryEscape(url.QueryEscape(group))
	return c.at("cloudwatch/home" + c.query() + "#logsV2:log-groups/log-group/" + strings.ReplaceAll(twice, "%", "$"))
}

// stacksOf are the stacks that say something.
func stacksOf(events []Event) []string {
	var stacks []string
	for _, event := range events {
		if stack, ok := strings.CutPrefix(event.Source, fromStack); ok {
			stacks = append(stacks, stack)
		}
	}
	return unique(stacks)
}

// logGroupsOf are the log groups of containers.
func logGroupsOf(tasks []Task) []string {
	var groups []string
	for _, task := range tasks {
		for _, c := range task.Containers {
			if c.LogGroup != "" {
				groups = append(groups, c.LogGroup)
			}
		}
	}
	return unique(groups)
}

// last is the last part of an ARN or a path.
func last(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

// short is as much of an id as tells it from others.
func short(id string) string { return id[:min(len(id), 8)] }
