package status

import (
	"fmt"
	"strings"
	"time"
)

// stamp is a time as it is shown: UTC, RFC 3339.
func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05Z") }

// age is a length of time e.g. "3d4h", "1h20m" or "40s".
func age(length time.Duration) string {
	length = max(length, 0)
	days, hours := int(length.Hours())/24, int(length.Hours())%24
	minutes := int(length.Minutes()) % 60
	switch {
	case days > 0:
		return fmt.Sprintf("%dd%dh", days, hours)
	case hours > 0:
		return fmt.Sprintf("%dh%dm", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%dm", minutes)
	}
	return fmt.Sprintf("%ds", int(length.Seconds()))
}

// short is the beginning of a task's id or of a commit.
func short(id string) string { return id[:min(len(id), 8)] }

// digest is the beginning of a digest, e.g. "sha256:0123456789ab".
func digest(full string) string { return full[:min(len(full), len("sha256:")+12)] }

// prefixed is a text with something before it; nothing where it is empty.
func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

// or is a value, or another where it is empty.
func or(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}

// oneLine is a text without line breaks and tabs, which would break a table.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// count is a number with its noun.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
