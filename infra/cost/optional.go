package cost

import "strings"

// amplify costs by the minute of a build, by what it serves and stores, and by
// the requests that its server answers.
func (e *estimator) amplify(list []resource) {
	e.add(Optional, "Amplify, builds", "", e.assume("amplify.build.minutes"), "amplify.build")
	e.add(Optional, "Amplify, served", "", e.assume("amplify.served.gb"), "amplify.served")
	e.add(Optional, "Amplify, stored", "", e.assume("amplify.stored.gb"), "amplify.stored")
	for _, r := range list {
		if strings.HasPrefix(r.Text("Platform"), "WEB_") {
			e.add(Optional, "Amplify, server calls", "", e.assume("requests.millions"), "amplify.calls")
		}
	}
}
