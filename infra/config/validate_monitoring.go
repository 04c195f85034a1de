package config

// checkReceivers checks that prod's alarms reach somebody.
func (d *decoder) checkReceivers(monitoring Monitoring) {
	told := len(monitoring.Emails.Critical) > 0 || monitoring.SlackWebhookSecret != ""
	d.check(told || monitoring.Alarms == AlarmsNone, "monitoring.emails.critical", "is empty: nobody would hear of a critical alarm",
		"list addresses, or write slackWebhookSecret", "env", "monitoring.alarms", "monitoring.slackWebhookSecret")
}
