package scripted

import (
	"slices"

	"github.com/prooflink/prooflink/infra/names"
)

// unwells are what can be amiss in the account: what to do about it once the world
// is made, or nil for what is looked at when somebody asks, and which the event
// "mend" can end.
var unwells = map[string]func(*World){
	"bootstrap": nil, "certificate": nil, "key": nil, "provider": nil, "quota": nil, "recorder": nil, "secret": nil, "zone": nil,
	// role: no role is there; trust: roles are there, and ECS may not take them.
	"role": nil, "trust": nil,
	// The job queue and all compute environments.
	"queue-disabled": nil, "queue-invalid": nil, "environment-disabled": nil, "environment-invalid": nil,
	// The tasks' subnet and security group are gone; the NAT gateway or the endpoint
	// ecr.api alone, each of which the other makes up for; or both ("endpoint").
	"subnet": nil, "security-group": nil, "nat": nil, "ecr-endpoint": nil, "endpoint": nil,
	// max-vcpu: other jobs of the queue have all vCPUs.
	"max-vcpu": (*World).occupy,
	// The batch image, the database's secret and the jobs' log group are gone.
	"image":           func(w *World) { clear(w.repositoryCalled(w.names.BatchRepository(), true).images) },
	"database-secret": func(w *World) { delete(w.secrets, w.names.DatabaseSecret()) },
	"log-group":       func(w *World) { delete(w.logs, w.names.BatchLogGroup()) },
}

// unwell says whether something is amiss.
func (w *World) unwell(what string) bool { return slices.Contains(w.scenario.Unwell, what) }

// ruin does what has to be done for it.
func (w *World) ruin() {
	if s := w.stackNamed(w.names.Stack(names.Foundation)); s == nil {
		return // nothing is there yet
	}
	for _, what := range w.scenario.Unwell {
		if do := unwells[what]; do != nil {
			do(w)
		}
	}
}

// lost are the words with which a network's resource is gone.
func lost(r *resource) []string {
	switch r.kind {
	case "AWS::EC2::Subnet":
		return []string{"subnet"}
	case "AWS::EC2::SecurityGroup":
		return []string{"security-group"}
	case "AWS::EC2::NatGateway":
		return []string{"nat", "endpoint"}
	case "AWS::EC2::VPCEndpoint":
		if r.logical == endpointID("ecr.api") {
			return []string{"ecr-endpoint", "endpoint"}
		}
	}
	return nil
}

// missing says whether somebody has deleted a resource behind CloudFormation's back.
func (w *World) missing(r *resource) bool { return slices.ContainsFunc(lost(r), w.unwell) }
