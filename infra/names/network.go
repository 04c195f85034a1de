package names

import (
	"strconv"
	"strings"
)

// Vpc is the VPC's Name tag.
func (n Names) Vpc() string { return n.with("vpc") }

// InternetGateway is the internet gateway's Name tag.
func (n Names) InternetGateway() string { return n.with("igw") }

// PublicSubnet is the Name tag of the i-th public subnet, counted from 1:
// "prooflink-dev-subnet-public1-ap-northeast-1a".
func (n Names) PublicSubnet(i int, az string) string {
	return n.with("subnet", "public"+strconv.Itoa(i), az)
}

// PrivateSubnet is the Name tag of the i-th private subnet, counted from 1.
func (n Names) PrivateSubnet(i int, az string) string {
	return n.with("subnet", "private"+strconv.Itoa(i), az)
}

// PublicRouteTable is the Name tag of the public subnets' route table.
func (n Names) PublicRouteTable() string { return n.with("rtb-public") }

// PrivateRouteTable is the Name tag of the i-th private subnet's route table.
func (n Names) PrivateRouteTable(i int, az string) string {
	return n.with("rtb", "private"+strconv.Itoa(i), az)
}

// NatGateway is the Name tag of the NAT gateway in the i-th public subnet.
func (n Names) NatGateway(i int) string { return n.with("nat", "public"+strconv.Itoa(i)) }

// Endpoint is the Name tag of a VPC endpoint: Endpoint("ecr.api") is
// "prooflink-dev-vpce-ecr-api".
func (n Names) Endpoint(service string) string {
	return n.with("vpce", strings.ReplaceAll(service, ".", "-"))
}

// AlbSecurityGroup is the load balancer's security group.
func (n Names) AlbSecurityGroup() string { return n.with("alb-sg") }

// TaskSecurityGroup is the ECS tasks' and batch jobs' security group.
func (n Names) TaskSecurityGroup() string { return n.with("ecs-sg") }

// DatabaseSecurityGroup is the database's security group.
func (n Names) DatabaseSecurityGroup() string { return n.with("rds-sg") }

// EndpointSecurityGroup is the VPC endpoints' security group.
func (n Names) EndpointSecurityGroup() string { return n.with("vpce-sg") }

// Alb is the load balancer.
func (n Names) Alb() string { return n.with("alb") }

// TargetGroup is the load balancer's target group.
func (n Names) TargetGroup() string { return n.with("tg") }

// Database is the identifier of the RDS instance.
func (n Names) Database() string { return n.with("db") }

// DatabaseSubnetGroup is the database's subnet group.
func (n Names) DatabaseSubnetGroup() string { return n.with("db-subnet-group") }

// DatabaseParameterGroup is the database's parameter group for a major version
// of PostgreSQL, e.g. "15". It has the version because a group belongs to one,
// and CloudFormation cannot replace a group by one of the same name.
func (n Names) DatabaseParameterGroup(major string) string {
	return n.with("db-postgres" + major)
}

// ExecutionRole lets ECS pull images, read secrets and open log streams.
func (n Names) ExecutionRole() string { return n.with("ecs-task-execution-role") }

// TaskRole is what the application and the log router may do.
func (n Names) TaskRole() string { return n.with("ecs-task-role") }

// MigrateExecutionRole lets ECS start the migration.
func (n Names) MigrateExecutionRole() string { return n.with("migrate-execution-role") }

// MigrateRole is what the migration itself may do in AWS: nothing.
func (n Names) MigrateRole() string { return n.with("migrate-role") }

// BatchExecutionRole lets Batch pull the image and read its secret.
func (n Names) BatchExecutionRole() string { return n.with("batch-execution-role") }

// BatchJobRole is what a batch job may do.
func (n Names) BatchJobRole() string { return n.with("batch-job-role") }

// FlowLogRole lets VPC flow logs write to their log group.
func (n Names) FlowLogRole() string { return n.with("flow-log-role") }
