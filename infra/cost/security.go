package cost

// firewalls cost each, by their rules and by the requests that they see.
func (e *estimator) firewalls(list []resource) {
	e.add(Security, "WAF web ACL", "", float64(len(list)), "waf.acl")
	for _, r := range list {
		e.add(Security, "WAF rules", "", float64(len(r.items("Rules"))), "waf.rule")
	}
	e.add(Security, "WAF requests", "", e.assume("requests.millions"), "waf.requests")
}

// detectors cost by the events and the traffic that they look at.
func (e *estimator) detectors(_ []resource) {
	e.add(Security, "GuardDuty, events", "", e.assume("guardduty.events.millions"), "guardduty.events")
	e.add(Security, "GuardDuty, traffic", "", e.assume("guardduty.gb"), "guardduty.gb")
}

// configRules cost by their evaluations.
func (e *estimator) configRules(list []resource) {
	e.add(Security, "Config, rules", "", e.assume("config.evaluations")*float64(len(list)), "config.evaluation")
}

// trails of management events are free, the first one of an account; events of
// data are not.
func (e *estimator) trails(list []resource) {
	for _, r := range list {
		for i := range r.items("EventSelectors") {
			if len(r.items("EventSelectors", i, "DataResources")) > 0 {
				e.add(Security, "CloudTrail, data events", "", e.assume("cloudtrail.events.millions"), "cloudtrail.events")
			}
		}
	}
}
