package exec

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// newMarker is a text that no command writes by accident, and none can guess.
func newMarker() string { return "prooflink-" + rand.Text() }

// wrapper runs a line in a shell of its own, so that neither "exit" nor a syntax
// error ends the wrapper, and writes the marker before it and after it with the
// exit code.
const wrapper = `printf "%s begin\n" "$2"; /bin/sh -c "$1"; printf "\n%s end %d\n" "$2" "$?"`

// wrap is the command line for ECS. The agent splits it into words like a shell,
// and starts the first without one (amazon-ssm-agent, session/shell/shell_unix.go).
func wrap(line, marker string) string {
	words := []string{"/bin/sh", "-c", wrapper, "sh", line, marker}
	for i, word := range words {
		words[i] = quote(word)
	}
	return strings.Join(words, " ")
}

// quote makes one word of a text.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// Result finds in the plugin's output what the command wrote, and its exit code.
// The plugin's own lines, before and after, are left out. Without the marker the
// code is -1 and the error (ErrCut) has what the plugin said.
func Result(output, marker string) (text string, code int, err error) {
	output = strings.ReplaceAll(output, "\r", "") // a terminal's lines end in CR LF
	_, after, begun := strings.Cut(output, marker+" begin\n")
	if !begun {
		return "", -1, fmt.Errorf("%w: %s", ErrCut, orNothing(banner.ReplaceAllString(output, "")))
	}
	at := regexp.MustCompile(`\n` + regexp.QuoteMeta(marker) + ` end (\d+)\n?`).FindStringSubmatchIndex(after)
	if at == nil {
		return after, -1, fmt.Errorf("%w: after %s", ErrCut, orNothing(banner.ReplaceAllString(after, "")))
	}
	code, err = strconv.Atoi(after[at[2]:at[3]])
	return after[:at[0]], code, err
}

// banner are the plugin's lines about the session itself.
var banner = regexp.MustCompile(`(?m)^(Starting session with SessionId|Exiting session with sessionId): .*$|^The Session Manager plugin was installed successfully.*$`)

// orNothing is what was said, in one line.
func orNothing(text string) string {
	words := strings.Fields(text)
	if len(words) == 0 {
		return "it said nothing"
	}
	return strings.Join(words, " ")
}
