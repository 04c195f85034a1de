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
	if service == "s3" { // the only one with the environment in 004_9a2c9db51dc67ef8.txt
		return n.with("vpce", service)
	}
	return n.shared("vpce", strings.ReplaceAll(service, ".", "-"))
}

// AlbSecurityGroup is the load balancer's security group.
func (n Names) AlbSecurityGroup() string { return n.shared("alb-sg") }

// TaskSecurityGroup is the ECS tasks' and batch jobs' security group.
func (n Names) TaskSecurityGroup() string { return n.shared("ecs-sg") }

// DatabaseSecurityGroup is the database's security group.
func (n Names) DatabaseSecurityGroup() string { return n.shared("rds-sg") }

// EndpointSecurityGroup is the VPC endpoints' security group.
func (n Names) EndpointSecurityGroup() string { return n.shared("vpce-sg") }

// BatchSecurityGroup is the batch jobs' own security group, where they have one.
func (n Names) BatchSecurityGroup() string { return n.with("batch-sg") }

// Alb is the load balancer.
func (n Names) Alb() string { return n.shared("alb") }

// TargetGroup is the load balancer's target group.
func (n Names) TargetGroup() string { return n.shared("tg") }

// WebACL is the firewall (004_9a2c9db51dc67ef8.txt L983).
func (n Names) WebACL() string { return n.shared("waf-acl") }

// AllowedIPs is the firewall's set of addresses.
func (n Names) AllowedIPs() string { return n.shared("allowed-ips") }

// DatabaseInstance is the identifier of an Aurora cluster's i-th instance,
// counted from 1, of which the first is the writer at first.
func (n Names) DatabaseInstance(i int) string { return n.with("db", strconv.Itoa(i)) }

// Database is the identifier of the RDS instance or Aurora cluster.
func (n Names) Database() string { return n.with("db") }

// DatabaseSubnetGroup is the database's subnet group.
func (n Names) DatabaseSubnetGroup() string { return n.shared("db-subnet-group") }

// DatabaseParameterGroup is the database's parameter group for a major version
// of PostgreSQL, e.g. "15". It has the version because a group belongs to one,
// and CloudFormation cannot replace a group by one of the same name.
func (n Names) DatabaseParameterGroup(major string) string {
	return n.with("db-postgres" + major)
}

// DatabaseClusterParameterGroup is an Aurora cluster's parameter group.
func (n Names) DatabaseClusterParameterGroup(major string) string {
	return n.with("db-aurora-postgres" + major)
}

// DatabaseSchedule is the name of the group of schedules that stop and start
// the database.
func (n Names) DatabaseSchedule() string { return n.with("db-schedule") }

// DatabaseScheduleAction is the name of one of them: DatabaseScheduleAction("stop")
// is "prooflink-dev-db-stop".
func (n Names) DatabaseScheduleAction(action string) string { return n.with("db", action) }

// DatabaseScheduleRole may stop and start the database.
func (n Names) DatabaseScheduleRole() string { return n.with("db-schedule-role") }

// DatabaseAutomationRole is what AWS's automation documents stop and start the
// database with.
func (n Names) DatabaseAutomationRole() string { return n.with("db-automation-role") }

// ExecutionRole lets ECS pull images, read secrets and open log streams.
func (n Names) ExecutionRole() string { return n.shared("ecs-task-execution-role") }

// TaskRole is what the application and the log router may do.
func (n Names) TaskRole() string { return n.shared("ecs-task-role") }

// MigrateExecutionRole lets ECS start the migration.
func (n Names) MigrateExecutionRole() string { return n.with("migrate-execution-role") }

// MigrateRole is what the migration itself may do in AWS: nothing.
func (n Names) MigrateRole() string { return n.with("migrate-role") }

// BatchExecutionRole lets Batch pull the image and read its secret.
func (n Names) BatchExecutionRole() string { return n.shared("batch-execution-role") }

// BatchJobRole is what a batch job may do.
func (n Names) BatchJobRole() string { return n.shared("batch-job-role") }

// FlowLogRole lets VPC flow logs write to their log group.
func (n Names) FlowLogRole() string { return n.with("flow-log-role") }

// BatchServiceRole is what Batch works with, where it isn't its service-linked role.
func (n Names) BatchServiceRole() string { return n.shared("batch-service-role") }

// ConfigRole is what AWS Config records with.
func (n Names) ConfigRole() string { return n.with("config-role") }

// DeployRole is what GitHub's workflows become.
func (n Names) DeployRole() string { return n.with("github-deploy-role") }

// PlanRole is what a workflow becomes that only says what a deploy would do.
func (n Names) PlanRole() string { return n.with("github-plan-role") }

// ReadPolicy is what both read of how the environment is.
func (n Names) ReadPolicy() string { return n.with("github-read-policy") }

// CheckPolicy is what both read to find out whether a deploy can succeed.
func (n Names) CheckPolicy() string { return n.with("github-check-policy") }
