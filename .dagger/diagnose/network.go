package diagnose

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudcontrol"

	"github.com/prooflink/prooflink/.dagger/deployed"
	"github.com/prooflink/prooflink/.dagger/verify"
	"github.com/prooflink/prooflink/infra/names"
)

// The properties of resources that are looked at, named as in CloudFormation.
type (
	// association is a subnet's route table.
	association struct{ SubnetID, RouteTableID string }
	// route is a table's way to everywhere.
	route struct{ NatGatewayID string }
	// endpoint is a way to one service: an interface in subnets, or a gateway in
	// route tables.
	endpoint struct {
		ServiceName   string
		SubnetIDs     []string
		RouteTableIDs []string
	}
)

// everywhere is the destination of a default route.
const everywhere = "0.0.0.0/0"

// endpoints are the services that a task without a public address needs before it
// starts, where no NAT gateway leads to them: the image, whose layers are in S3,
// its secrets and its log (AWS Batch User Guide, "Interface VPC endpoints"; Amazon
// ECR User Guide, "Amazon ECR interface VPC endpoints").
var endpoints = []string{"ecr.api", "ecr.dkr", "logs", "secretsmanager", gateway}

// gateway is the one whose endpoint is in route tables.
const gateway = "s3"

// network looks whether the subnets and the security groups of the compute
// environments are there, and whether the ways lead out of the subnets that a task
// needs.
func network(ctx context.Context, s subject) ([]Cause, error) {
	subnets, groups := s.places()
	stack := s.names.Stack(names.Network)
	resources, err := deployed.In(s.access).Resources(ctx, stack)
	if err != nil {
		return nil, err
	}
	var causes []Cause
	var there map[string]struct{} // the subnets at last
	for _, part := range []struct {
		kind, what string
		ids        []string
	}{{"AWS::EC2::SecurityGroup", "security group", groups}, {"AWS::EC2::Subnet", "subnet", subnets}} {
		if there, err = read[struct{}](ctx, s.access, part.kind, part.ids); err != nil {
			return causes, err
		}
		for _, id := range part.ids {
			if _, found := there[id]; !found {
				causes = append(causes, Cause{"a " + part.what + " of the compute environments is gone", id, "no task can be started in it",
					"somebody has deleted what " + stack + " made: delete the stacks that use it and deploy again: " + s.command("deploy"), true})
			}
		}
	}
	more, err := s.ways(ctx, slices.Sorted(maps.Keys(there)), resources)
	return append(causes, more...), err
}

// places are the subnets and security groups of the compute environments that serve.
func (s subject) places() (subnets, groups []string) {
	for _, d := range s.serving() {
		if d.ComputeResources != nil {
			subnets, groups = append(subnets, d.ComputeResources.Subnets...), append(groups, d.ComputeResources.SecurityGroupIds...)
		}
	}
	slices.Sort(subnets)
	slices.Sort(groups)
	return slices.Compact(subnets), slices.Compact(groups)
}

// ways are the causes in the ways out of the subnets. A NAT gateway leads to every
// service; without one there has to be an endpoint for each.
func (s subject) ways(ctx context.Context, subnets []string, resources map[string][]string) ([]Cause, error) {
	tables, err := read[association](ctx, s.access, "AWS::EC2::SubnetRouteTableAssociation", resources["AWS::EC2::SubnetRouteTableAssociation"])
	if err != nil {
		return nil, err
	}
	have, err := read[endpoint](ctx, s.access, "AWS::EC2::VPCEndpoint", resources["AWS::EC2::VPCEndpoint"])
	if err != nil {
		return nil, err
	}
	var causes []Cause
	for _, subnet := range subnets {
		table := ""
		for _, one := range tables {
			if one.SubnetID == subnet {
				table = one.RouteTableID
			}
		}
		if table == "" {
			causes = append(causes, Cause{"a subnet has no route table of its own any more", subnet, "whether a way leads out of it is not known",
				"aws ec2 describe-route-tables --filters Name=association.subnet-id,Values=" + subnet, false})
			continue
		}
		out, err := leadsOut(ctx, s.access, table)
		if err != nil {
			return causes, err
		}
		if !out {
			causes = append(causes, s.lacking(subnet, table, slices.Collect(maps.Values(have)))...)
		}
	}
	return causes, nil
}

// leadsOut says whether a table has a route to a NAT gateway that is there.
func leadsOut(ctx context.Context, access aws.Config, table string) (bool, error) {
	id := table + "|" + everywhere
	routes, err := read[route](ctx, access, "AWS::EC2::Route", []string{id})
	if err != nil || routes[id].NatGatewayID == "" {
		return false, err
	}
	gateways, err := read[struct{}](ctx, access, "AWS::EC2::NatGateway", []string{routes[id].NatGatewayID})
	return len(gateways) > 0, err
}

// lacking are the services that neither a NAT gateway nor an endpoint leads to.
func (s subject) lacking(subnet, table string, have []endpoint) []Cause {
	var missing []string
	for _, service := range endpoints {
		leads := func(e endpoint) bool {
			return strings.HasSuffix(e.ServiceName, "."+s.environment.Region+"."+service) &&
				(service == gateway && slices.Contains(e.RouteTableIDs, table) || service != gateway && len(e.SubnetIDs) > 0)
		}
		if !slices.ContainsFunc(have, leads) {
			missing = append(missing, service)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return []Cause{{
		What:  "no way leads from the subnet to " + strings.Join(missing, ", ") + ": there is neither a NAT gateway nor an endpoint",
		Where: subnet + ", " + table,
		Why:   "a task has to fetch its image and secrets and to open its log before it starts",
		Fix: fmt.Sprintf("somebody has deleted what %s made, or network.natGateways is 0 and network.interfaceEndpoints lacks it: see %s, mend it and deploy the stack again: %s --stacks Network",
			s.names.Stack(names.Network), "aws ec2 describe-vpc-endpoints", s.command("deploy")),
		Certain: true,
	}}
}

// read asks Cloud Control for resources of a type, all at the same time, and
// returns the properties of those that are there by their identifiers.
func read[T any](ctx context.Context, access aws.Config, kind string, ids []string) (map[string]T, error) {
	client := cloudcontrol.NewFromConfig(access)
	found, failed := map[string]T{}, make([]error, len(ids))
	var asking sync.WaitGroup
	var writing sync.Mutex
	for i, id := range ids {
		asking.Go(func() {
			properties, there, err := get[T](ctx, client, kind, id)
			failed[i] = err
			if there {
				writing.Lock()
				defer writing.Unlock()
				found[id] = properties
			}
		})
	}
	asking.Wait()
	return found, errors.Join(failed...)
}

// get asks for one.
func get[T any](ctx context.Context, client *cloudcontrol.Client, kind, id string) (properties T, there bool, err error) {
	out, err := client.GetResource(ctx, &cloudcontrol.GetResourceInput{TypeName: &kind, Identifier: &id})
	if verify.Absent(err) {
		return properties, false, nil
	}
	if err != nil {
		return properties, false, fmt.Errorf("get %s %s: %w", kind, id, err)
	}
	if err := json.Unmarshal([]byte(aws.ToString(out.ResourceDescription.Properties)), &properties); err != nil {
		return properties, false, fmt.Errorf("read the properties of %s %s: %w", kind, id, err)
	}
	return properties, true, nil
}
