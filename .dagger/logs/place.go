package logs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// The parts that have a log.
const (
	// App is the application's container.
	App = "app"
	// Server is what the application itself sends of its server's side.
	Server = "server"
	// Client is what the application sends of the browsers' log.
	Client = "client"
	// Errors is the application's records of level error and above.
	Errors = "errors"
	// Router is the log router's own log.
	Router = "router"
	// Migration is the log of the database migrations.
	Migration = "migration"
	// Batch is the log of the import jobs.
	Batch = "batch"
)

// Parts are what Query.Part may be.
func Parts() []string { return []string{App, Server, Client, Errors, Router, Migration, Batch} }

// Source is a set of streams of a log group.
type Source struct {
	// Group is the log group's name.
	Group string
	// Prefix begins the streams' names; empty means all of them.
	Prefix string
}

// place is where a part's records are.
type place struct {
	part string
	// groups are the log groups, each with what its streams' names have before
	// the task's id.
	groups []Source
	// absent says why the environment has no such log; empty where it has.
	absent string
}

// routed says whether Fluent Bit routes the application's log.
func routed(env config.Environment) bool { return env.Logging.Driver == config.DriverFireLens }

// errorStreams is what Fluent Bit's streams in the errors' group begin with: the
// prefix and then the tag of its configuration in fluentbit/, to which FireLens
// adds the task's id.
func errorStreams(container string) string { return "fargate-errors." + container + "-firelens-" }

// places are those of all parts, by the environment's configuration.
func places(env config.Environment) []place {
	n := env.Names()
	server, client := Source{Group: n.ServerLogGroup()}, Source{Group: n.ClientLogGroup()}
	direct := unless(env.Logging.DirectToCloudWatch, "logging.directToCloudWatch is false, so the application sends nothing itself: its records are in part app")
	return []place{
		{App, appGroups(env), ""},
		{Server, []Source{server}, direct},
		{Client, []Source{client}, direct},
		{Errors, []Source{{n.ErrorsLogGroup(), errorStreams(names.AppContainer)}}, unless(routed(env),
			`logging.driver is awslogs, so nothing picks the errors out: show part app with the filter { $.level = "error" }`)},
		{Router, []Source{{n.RouterLogGroup(), names.RouterStreamPrefix + "/" + names.RouterContainer + "/"}}, unless(routed(env),
			"logging.driver is awslogs, which needs no log router")},
		{Migration, []Source{{n.MigrateLogGroup(), names.MigrateStreamPrefix + "/" + names.MigrateContainer + "/"}}, ""},
		{Batch, batchGroups(n), unless(env.Batch.Enabled, "batch.enabled is false")},
	}
}

// unless is a reason where something isn't so.
func unless(so bool, reason string) string {
	if so {
		return ""
	}
	return reason
}

// appGroups have what can be read of the application: all of it with the awslogs
// driver; with FireLens its errors and what it sends itself.
func appGroups(env config.Environment) []Source {
	n := env.Names()
	if !routed(env) {
		return []Source{{n.AppLogGroup(), names.AppStreamPrefix + "/" + names.AppContainer + "/"}}
	}
	found := []Source{{n.ErrorsLogGroup(), errorStreams(names.AppContainer)}}
	if env.Logging.DirectToCloudWatch {
		found = append(found, Source{Group: n.ServerLogGroup()})
	}
	return found
}

// batchGroups have the jobs' streams; Batch names every container "default"
// (AWS Batch User Guide, "Using the awslogs log driver").
func batchGroups(n names.Names) []Source {
	return []Source{
		{n.BatchLogGroup(), names.UserImportStreamPrefix + "/default/"},
		{n.BatchLogGroup(), names.TestCaseImportStreamPrefix + "/default/"},
	}
}

// placeOf finds a part that the environment has.
func placeOf(env config.Environment, part string) (place, error) {
	all := places(env)
	at := slices.IndexFunc(all, func(p place) bool { return p.part == part })
	if at < 0 {
		return place{}, fmt.Errorf("part %q is unknown; use one of %s", part, strings.Join(Parts(), ", "))
	}
	if why := all[at].absent; why != "" {
		return place{}, fmt.Errorf("environment %s has no log of part %s: %s; it has %s", env.Env, part, why, strings.Join(present(all), ", "))
	}
	return all[at], nil
}

// present are the parts that have a log.
func present(all []place) []string {
	var parts []string
	for _, p := range all {
		if p.absent == "" {
			parts = append(parts, p.part)
		}
	}
	return parts
}

// sources are the streams to read: all of each group, or those of a task.
func (p place) sources(task string) []Source {
	var list []Source
	for _, group := range p.groups {
		source := Source{Group: group.Group}
		if task != "" {
			source.Prefix = group.Prefix + TaskID(task)
		}
		if !slices.Contains(list, source) {
			list = append(list, source)
		}
	}
	return list
}

// names are those of the log groups.
func (p place) names() string {
	var list []string
	for _, group := range p.groups {
		if !slices.Contains(list, group.Group) {
			list = append(list, group.Group)
		}
	}
	return strings.Join(list, " and ")
}
