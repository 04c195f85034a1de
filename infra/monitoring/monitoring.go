// Package monitoring is alarms, event rules, the dashboard and saved queries
// (000_e03a210ce428a44a.txt §6.3 to §6.5, 004_9a2c9db51dc67ef8.txt Step 15).
package monitoring

import (
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/network"
	"github.com/prooflink/prooflink/infra/service"
)

// Props is what the stack needs to know.
type Props struct {
	// Env is the environment.
	Env config.Environment
	// Foundation has buckets, log groups, topics and repositories.
	Foundation foundation.Imports
	// Service has the load balancer's and the target group's names in metrics.
	Service service.Service
	// Network has the VPC endpoints.
	Network network.Network
}

// New makes everything in a stack.
func New(scope constructs.Construct, props Props) {
	wanted := props.Env.Monitoring
	w := watch{Props: props, names: props.Env.Names()}
	alarms := newAlarms(scope, w)
	if wanted.Alarms == config.AlarmsFull {
		newRules(scope, w)
	}
	if wanted.Alarms == config.AlarmsFull || wanted.Dashboard {
		newErrorCount(scope, w)
	}
	if wanted.Dashboard {
		newDashboard(scope, w, alarms)
	}
	if wanted.Queries {
		newQueries(scope, w)
	}
	if wanted.SlackWebhookSecret != "" {
		newSlack(scope, props)
	}
}
