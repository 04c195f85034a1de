package status

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/record"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// finding is what a rule found: a problem or, otherwise, a note.
type finding struct {
	problem bool
	text    string
}

// problem and note make findings.
func problem(format string, values ...any) finding {
	return finding{true, fmt.Sprintf(format, values...)}
}
func note(format string, values ...any) finding {
	return finding{false, fmt.Sprintf(format, values...)}
}

// rules look for what needs somebody, the gravest first.
var rules = []func(Status, config.Environment) []finding{
	stackFindings, serviceFindings, digestFindings, templateFindings, targetFindings, alarmFindings, databaseFindings, lockFindings,
}

// judge fills problems, notes and the verdict.
func (s *Status) judge(env config.Environment) {
	switch {
	case s.blind:
		s.Verdict = fmt.Sprintf("%s could not be read: %s", s.Env, s.Unread[0].Why)
		return
	case s.empty():
		s.Verdict = fmt.Sprintf("%s isn't deployed: `dagger call deploy --env %s`", s.Env, s.Env)
		return
	}
	for _, rule := range rules {
		for _, found := range rule(*s, env) {
			if found.problem {
				s.Problems = append(s.Problems, found.text)
			} else {
				s.Notes = append(s.Notes, found.text)
			}
		}
	}
	s.Verdict = s.verdict()
}

// empty says that all stacks could be read and none is there.
func (s Status) empty() bool {
	return !s.unread("stacks") && len(s.Stacks) > 0 && !slices.ContainsFunc(s.Stacks, func(stack Stack) bool { return stack.State != "" })
}

// unread says whether a part could not be read.
func (s Status) unread(part string) bool {
	return slices.ContainsFunc(s.Unread, func(u Unread) bool { return u.Part == part })
}

// told is how many problems the verdict tells; the text has all.
const told = 3

// verdict is all of it in one line.
func (s Status) verdict() string {
	text := s.Env + " " + s.running()
	if len(s.Problems) > 0 {
		text = fmt.Sprintf("%s: %s: %s", s.Env, count(len(s.Problems), "problem"), strings.Join(s.Problems[:min(told, len(s.Problems))], "; "))
		if more := len(s.Problems) - told; more > 0 {
			text += fmt.Sprintf("; and %d more", more)
		}
	}
	if len(s.Unread) > 0 {
		text += fmt.Sprintf("; %s could not be read: %s", count(len(s.Unread), "part"), strings.Join(s.unreadParts(), ", "))
	}
	if len(s.Problems) == 0 && len(s.Notes) > 0 {
		text += "; " + strings.Join(s.Notes, "; ")
	}
	return text
}

// unreadParts names them.
func (s Status) unreadParts() []string {
	var parts []string
	for _, unread := range s.Unread {
		parts = append(parts, unread.Part)
	}
	return parts
}

// done says what a record's kind did.
var done = map[string]string{record.Deploy: "deployed", record.Release: "released", record.Rollback: "rolled back to"}

// running is what runs where nothing is wrong. It claims nothing that was not
// seen.
func (s Status) running() string {
	switch {
	case s.Service == nil && !s.unread("service"):
		return "has no service yet"
	case s.Last == nil && s.unread("last deploy"), s.unread("tasks"), s.unread("service"):
		return "has no problem in what could be read"
	case s.Service.moving():
		return "is changing"
	case s.Last == nil:
		return "runs, but no deploy is on record"
	case !s.proven():
		return "has no problem, and no running task that shows what it runs"
	}
	return fmt.Sprintf("runs what was %s at %s by %s", done[s.Last.Kind], stamp(s.Last.At), s.Last.Who)
}

// proven says whether a running task has the application's image of the record.
func (s Status) proven() bool {
	return slices.ContainsFunc(s.Tasks, func(task Task) bool {
		return slices.ContainsFunc(task.Containers, func(c Container) bool {
			return c.Image == images.App.Name && c.State == "RUNNING" && c.Digest == s.Last.Images[c.Image]
		})
	})
}

// stackFindings are of stacks that are missing, changing or undone.
func stackFindings(s Status, _ config.Environment) []finding {
	var found []finding
	for _, stack := range s.Stacks {
		switch state := stack.State; {
		case state == "":
		case state == "REVIEW_IN_PROGRESS":
			found = append(found, problem("stack %s was never made: its first change set was not executed", stack.Name))
		case strings.HasSuffix(state, "_IN_PROGRESS"):
			found = append(found, note("stack %s is changing (%s)", stack.Name, state))
		case strings.Contains(state, "FAILED"), strings.Contains(state, "ROLLBACK"):
			found = append(found, problem("stack %s is %s", stack.Name, state))
		}
	}
	if missing := s.missing(); len(missing) > 0 {
		found = append(found, problem("%s missing: %s", count(len(missing), "stack"), strings.Join(missing, ", ")))
	}
	return found
}

// missing are the stacks that aren't there.
func (s Status) missing() []string {
	var list []string
	for _, stack := range s.Stacks {
		if stack.State == "" {
			list = append(list, stack.Name)
		}
	}
	return list
}

// serviceFindings are of the service's tasks and deployments.
func serviceFindings(s Status, _ config.Environment) []finding {
	service := s.Service
	if service == nil {
		return s.deleted()
	}
	var found []finding
	for _, d := range service.Deployments {
		switch d.Rollout {
		case "FAILED":
			found = append(found, problem("deployment %s of %s failed: %s", d.ID, last(d.TaskDefinition), d.Reason))
		case "IN_PROGRESS":
			found = append(found, note("a deployment of %s is in progress: %d of %d tasks run", last(d.TaskDefinition), d.Running, d.Desired))
		}
	}
	switch {
	case service.Desired == 0:
		found = append(found, problem("the service wants no tasks"))
	case service.Running < service.Desired && !service.moving():
		found = append(found, problem("%d of %d tasks run", service.Running, service.Desired))
	}
	return found
}

// deleted is of a service that the Compute stack has made and ECS has not.
func (s Status) deleted() []finding {
	if s.Template == "" || s.unread("service") {
		return nil
	}
	return []finding{problem("stack %s is there, its service is not", s.computeStack())}
}

// moving says whether a deployment is in progress.
func (s Service) moving() bool {
	return slices.ContainsFunc(s.Deployments, func(d Deployment) bool { return d.Rollout == "IN_PROGRESS" })
}

// digestFindings compare what runs with what is on record.
func digestFindings(s Status, _ config.Environment) []finding {
	if s.Last == nil || (s.Service != nil && s.Service.moving()) {
		return nil
	}
	var found []finding
	for _, task := range s.Tasks {
		for _, c := range task.Containers {
			if want := s.Last.Images[c.Image]; want != "" && c.Digest != "" && c.Digest != want {
				found = append(found, problem("task %s runs %s %s, on record is %s", short(task.ID), c.Image, digest(c.Digest), digest(want)))
			}
		}
	}
	return found
}

// templateFindings compare what the service runs with what the stack and the
// record say. A release moves the service on without the stack.
func templateFindings(s Status, _ config.Environment) []finding {
	if s.Service == nil || s.Template == "" || s.Service.TaskDefinition == s.Template || s.Service.moving() {
		return nil
	}
	live, template := last(s.Service.TaskDefinition), last(s.Template)
	if s.Last != nil && s.Last.TaskDefinition == s.Service.TaskDefinition {
		return []finding{note("the service runs %s, which a %s registered after %s of stack %s", live, s.Last.Kind, template, s.computeStack())}
	}
	return []finding{problem("the service runs %s, stack %s has %s", live, s.computeStack(), template)}
}

// computeStack is the name of the stack that has the service.
func (s Status) computeStack() string { return names.Names{Env: s.Env}.Stack(names.Compute) }

// targetFindings are of targets that get no requests.
func targetFindings(s Status, _ config.Environment) []finding {
	var found []finding
	for _, target := range s.Targets {
		switch target.Health {
		case "healthy", "draining":
		case "initial":
			found = append(found, note("target %s is being checked", target.Address))
		default:
			found = append(found, problem("target %s is %s (%s)", target.Address, target.Health, target.Reason))
		}
	}
	return found
}

// alarmFindings are of those that fire.
func alarmFindings(s Status, _ config.Environment) []finding {
	var found []finding
	for _, alarm := range s.Alarms {
		found = append(found, problem("alarm %s fires since %s", alarm.Name, stamp(alarm.Since)))
	}
	return found
}

// broken begins RDS's words for states that need somebody (Amazon RDS User Guide,
// "Viewing Amazon RDS DB instance status").
var broken = []string{"failed", "incompatible", "inaccessible", "storage-full", "restore-error", "insufficient", "migration-failed", "cloning-failed"}

// databaseFindings are of a database that isn't available.
func databaseFindings(s Status, env config.Environment) []finding {
	db := s.Database
	switch {
	case db == nil || db.State == "available":
		return nil
	case db.State == "" && slices.Contains(s.missing(), env.Names().Stack(names.Database)):
		return nil // the stack has been told
	case db.State == "":
		return []finding{problem("database %s is missing", db.ID)}
	case db.Scheduled:
		return []finding{note("database %s is stopped by its schedule until %s", db.ID, s.startTime(env))}
	case db.State == stoppedState:
		return []finding{problem("database %s is stopped, and not by its schedule: start it with `%s`", db.ID, startCommand(env, db.ID))}
	case slices.ContainsFunc(broken, func(word string) bool { return strings.HasPrefix(db.State, word) }):
		return []finding{problem("database %s is %s", db.ID, db.State)}
	}
	return []finding{note("database %s is %s", db.ID, db.State)}
}

// startTime is when the schedule starts the database, in its own time zone.
func (s Status) startTime(env config.Environment) string {
	zone, err := time.LoadLocation(env.DB.Schedule.Timezone)
	if err != nil {
		return stamp(s.Database.Starts)
	}
	return s.Database.Starts.In(zone).Format("Mon 2006-01-02 15:04 ") + env.DB.Schedule.Timezone
}

// startCommand starts the database.
func startCommand(env config.Environment, id string) string {
	if env.DB.Engine == config.EngineAurora {
		return "aws rds start-db-cluster --db-cluster-identifier " + id
	}
	return "aws rds start-db-instance --db-instance-identifier " + id
}

// lockFindings tell who works on the environment. A person's lock ends by itself.
func lockFindings(s Status, _ config.Environment) []finding {
	switch {
	case s.Lock == nil:
		return nil
	case s.Lock.Held:
		return []finding{note("%s has the lock (%s)", s.Lock.Who, s.Lock.Purpose)}
	case s.Lock.Expired && s.Lock.Renews:
		return []finding{note("the run of %s (%s) ended without freeing the lock", s.Lock.Who, s.Lock.Purpose)}
	}
	return nil
}
