package lock

import (
	"fmt"
	"time"
)

// clockTime is a time of day as people read it, e.g. "2026-11-22 04:48:13 UTC".
func clockTime(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }

// quote puts a text into double quotes as it is.
func quote(text string) string { return `"` + text + `"` }

// ago is how long something is past.
func ago(d time.Duration) string { return words(d) + " ago" }

// words is a duration in its largest unit, e.g. "3 minutes".
func words(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if d >= 2*unit.size {
			return fmt.Sprintf("%d %ss", d/unit.size, unit.name)
		}
	}
	seconds := max(0, int(d/time.Second))
	if seconds == 1 {
		return "1 second"
	}
	return fmt.Sprintf("%d seconds", seconds)
}
