package imports

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/prooflink/prooflink/.dagger/batchjob"
	"github.com/prooflink/prooflink/.dagger/local"
)

// mostRejected is how many lines of rejected rows are shown.
const mostRejected = 50

// Local tells how an import ended that ran without AWS.
func Local(imported local.Imported) string {
	var text strings.Builder
	var result batchjob.Result
	err := json.Unmarshal(imported.Result, &result)
	fmt.Fprintf(&text, "Import of %s: exit code %d: %s\n", imported.Input, imported.ExitCode, batchjob.Meaning(imported.ExitCode, result.DryRun))
	if err != nil {
		fmt.Fprintf(&text, "\nIt left no result. What it said:\n%s\n", strings.TrimSpace(imported.Log))
		return text.String()
	}
	fmt.Fprintf(&text, "\n%s\n", result.Counted())
	if result.Error != nil {
		fmt.Fprintf(&text, "\n%s\n", *result.Error)
	}
	text.WriteString(rejected(string(imported.Rejected)))
	return text.String()
}

// rejected are the rejected rows, as many as fit.
func rejected(csv string) string {
	lines := strings.Split(strings.TrimSuffix(csv, "\n"), "\n")
	switch {
	case csv == "":
		return ""
	case len(lines) <= mostRejected:
		return "\n" + csv
	}
	return fmt.Sprintf("\n%s\n… and %d more lines\n", strings.Join(lines[:mostRejected], "\n"), len(lines)-mostRejected)
}
