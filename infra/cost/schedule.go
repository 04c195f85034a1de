package cost

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the time zones, wherever the estimate is made

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/templates"
)

const (
	minutesPerDay  = 24 * 60
	minutesPerWeek = 7 * minutesPerDay
)

// running says which share of a month databases run, and why.
type running struct {
	share float64
	text  string
}

// event starts or stops something at a minute of the week, which begins on
// Sunday in UTC.
type event struct {
	minute int
	on     bool
}

// verbs tells from a schedule's target what it does to a database: a call of
// RDS, AWS's automation for an instance, or the one for a cluster, which is told.
var verbs = []struct {
	text string
	on   bool
}{
	{"rds:stopdb", false}, {"rds:startdb", true},
	{"aws-stoprdsinstance", false}, {"aws-startrdsinstance", true},
	{`"action":["stop"]`, false}, {`"action":["start"]`, true},
}

// running reads the schedules that stop and start databases. Without both, or
// with one that it does not understand, databases run all month.
func (e *estimator) running() running {
	var events []event
	for _, r := range slices.Concat(e.resources["AWS::Scheduler::Schedule"], e.resources["AWS::Events::Rule"]) {
		found, err := databaseEvents(r)
		if err != nil {
			return running{1, ", all hours: " + err.Error()}
		}
		events = append(events, found...)
	}
	share := shareOf(events)
	if share == 1 {
		return running{1, ""}
	}
	return running{share, fmt.Sprintf(", stopped %.0f %% of the time", 100*(1-share))}
}

// databaseEvents is when one schedule stops or starts a database; none for
// others, and for one that is disabled.
func databaseEvents(r resource) ([]event, error) {
	target := strings.ToLower(templates.Text(cmp.Or(r.At("Target"), r.At("Targets"))))
	for _, verb := range verbs {
		if strings.Contains(target, verb.text) && !strings.HasPrefix(r.Text("State"), "DISABLED") {
			return moments(r.Text("ScheduleExpression"), r.Text("ScheduleExpressionTimezone"), verb.on)
		}
	}
	return nil, nil
}

// weekly matches a cron expression of certain days of every week.
var weekly = regexp.MustCompile(`^cron\((\d+) (\d+) [?*] \* (\S+) \*\)$`)

// moments are a weekly expression's in a zone; rules have none, which is UTC.
func moments(expression, zone string, on bool) ([]event, error) {
	match := weekly.FindStringSubmatch(expression)
	if match == nil {
		return nil, fmt.Errorf("the schedule %s is not weekly", expression)
	}
	offset, err := offsetOf(zone)
	if err != nil {
		return nil, err
	}
	days, err := weekdays(match[3])
	minute, _ := strconv.Atoi(match[1]) // digits only
	hour, _ := strconv.Atoi(match[2])
	var list []event
	for _, day := range days {
		at := day*minutesPerDay + hour*60 + minute - offset
		list = append(list, event{(at + minutesPerWeek) % minutesPerWeek, on})
	}
	return list, err
}

// offsetOf is how many minutes a zone is ahead of UTC in January.
func offsetOf(zone string) (int, error) {
	if zone == templates.Nothing {
		return 0, nil
	}
	place, err := time.LoadLocation(zone)
	if err != nil {
		return 0, fmt.Errorf("the time zone %s is unknown", zone)
	}
	_, seconds := time.Date(2026, time.January, 15, 0, 0, 0, 0, place).Zone()
	return seconds / 60, nil
}

// dayNames are cron's, from its day 1.
var dayNames = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}

// weekdays reads a cron expression's days, e.g. "MON-FRI", "1,7" or "*", from 0
// for Sunday.
func weekdays(text string) ([]int, error) {
	if text == "*" || text == "?" {
		text = "SUN-SAT"
	}
	var days []int
	for _, span := range strings.Split(text, ",") {
		from, to, isSpan := strings.Cut(span, "-")
		if !isSpan {
			to = from
		}
		first, last := weekday(from), weekday(to)
		if first < 0 || last < 0 {
			return nil, fmt.Errorf("the days %s are not understood", text)
		}
		for i := range (last-first+7)%7 + 1 {
			days = append(days, (first+i)%7)
		}
	}
	return days, nil
}

// weekday is a day's place in the week; -1 for what is none.
func weekday(text string) int {
	if number, err := strconv.Atoi(text); err == nil && number >= 1 && number <= 7 {
		return number - 1
	}
	return slices.Index(dayNames, strings.ToUpper(text))
}

// shareOf is the part of a week in which something runs. It is 1 where nothing
// stops it, or nothing starts it again: RDS itself does after seven days.
func shareOf(events []event) float64 {
	stops := func(e event) bool { return !e.on }
	starts := func(e event) bool { return e.on }
	if !slices.ContainsFunc(events, stops) || !slices.ContainsFunc(events, starts) {
		return 1
	}
	slices.SortFunc(events, func(a, b event) int { return cmp.Compare(a.minute, b.minute) })
	on := 0
	for i, e := range events {
		next := events[(i+1)%len(events)].minute
		if i == len(events)-1 {
			next += minutesPerWeek
		}
		if e.on {
			on += next - e.minute
		}
	}
	return float64(on) / minutesPerWeek
}

// nightly is the share of a week in which a configured schedule, turned on or
// not, would stop the database.
func nightly(s config.Schedule) float64 {
	var events []event
	for _, action := range []struct {
		at string
		on bool
	}{{s.Stop, false}, {s.Start, true}} {
		at, err := time.Parse("15:04", action.at)
		if err != nil {
			return 0
		}
		found, err := moments(fmt.Sprintf("cron(%d %d ? * %s *)", at.Minute(), at.Hour(), s.Days), templates.Nothing, action.on)
		if err != nil {
			return 0
		}
		events = append(events, found...)
	}
	return 1 - shareOf(events)
}
