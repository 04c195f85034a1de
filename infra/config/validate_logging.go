package config

// retentions are the days that CloudWatch Logs accepts (PutRetentionPolicy).
var retentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

// levels are the log's, least first.
var levels = []string{"debug", "info", "warn", "error", "fatal"}

// checkLogging checks what a log driver cannot do.
func (d *decoder) checkLogging(logging Logging) {
	plain := logging.Driver == DriverAWSLogs
	d.check(!plain || !logging.ArchiveBucket, "logging.archiveBucket", "is written by Fluent Bit, which driver awslogs does without",
		"write false, or driver: firelens", "logging.driver")
	d.check(!plain || !logging.DirectToCloudWatch, "logging.directToCloudWatch", "would store every server line twice with driver awslogs",
		"write false, or driver: firelens", "logging.driver")
}
