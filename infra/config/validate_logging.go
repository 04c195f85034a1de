package config

import (
	"fmt"
	"slices"
	"strings"
)

// retentions are the days that CloudWatch Logs accepts (PutRetentionPolicy).
var retentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

// levels are the log's, least first.
var levels = []string{"debug", "info", "warn", "error", "fatal"}

// checkLogging checks levels, batches and retention.
func (d *decoder) checkLogging(logging Logging) {
	d.check(logging.Driver == DriverFireLens, "logging.driver", "is not built yet", "write firelens")
	d.oneOf(logging.ServerLevel, "logging.serverLevel", levels...)
	d.oneOf(logging.ClientLevel, "logging.clientLevel", levels...)
	d.within(logging.ClientBatchSize, 1, 50, "logging.clientBatchSize", "the receiver takes 50 entries at once")
	d.within(logging.ClientBatchIntervalMs, 1000, 3600000, "logging.clientBatchIntervalMs", "is not a usable interval")
	r := logging.Retention
	for key, days := range map[string]int{"app": r.App, "server": r.Server, "client": r.Client,
		"errors": r.Errors, "flow": r.Flow, "batch": r.Batch} {
		d.check(slices.Contains(retentions, days), "logging.retention."+key, "CloudWatch Logs does not accept it", nearest(days))
	}
}

// nearest names the accepted numbers of days around one that isn't.
func nearest(days int) string {
	i, _ := slices.BinarySearch(retentions, days)
	around := retentions[max(i-1, 0):min(i+1, len(retentions))]
	return "write " + strings.Trim(strings.ReplaceAll(fmt.Sprint(around), " ", " or "), "[]")
}

// isExample recognises the documentation's names and account.
func isExample(value string) bool {
	return strings.Contains(value, ":111122223333:") || value == "example.com" || strings.HasSuffix(value, ".example.com")
}
