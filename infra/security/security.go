// Package security is the firewall and the account's audit services
// (000_e03a210ce428a44a.txt §3, 004_9a2c9db51dc67ef8.txt Step 13).
package security

import (
	"github.com/aws/constructs-go/constructs/v10"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/part"
)

// Props is what the stack needs to know.
type Props struct {
	// Env is the environment.
	Env config.Environment
}

// Security is what other stacks use of it.
type Security struct {
	// WebACLArn is the firewall's; nil where there is none.
	WebACLArn *string
}

// New makes everything in a stack. An account has one detector and one recorder
// per region, so each service is on only where the environment says so.
func New(scope constructs.Construct, props Props) Security {
	on := props.Env.Security
	if on.GuardDuty {
		newDetector(scope)
	}
	if on.Config {
		newRecorder(scope, props.Env)
	}
	if on.CloudTrail {
		newTrail(scope, props.Env)
	}
	if props.Env.WAF.Mode == config.WAFNone {
		return Security{}
	}
	arn := newWebACL(scope, props.Env)
	part.Output(scope, names.OutputWebACLArn, arn)
	return Security{WebACLArn: arn}
}
