package names

// StackRole is the part that a stack plays.
type StackRole string

// The stacks, named as in 000_e03a210ce428a44a.txt §9 where that has them.
const (
	// Foundation has what must exist before an image can be pushed, the topics
	// and the cluster.
	Foundation StackRole = "Foundation"
	// Network has the VPC and every security group.
	Network StackRole = "Network"
	// Security has the firewall and the account's audit services.
	Security StackRole = "Security"
	// Database has the database, its secret and the migration's task definition,
	// so that a migration can run before the service moves.
	Database StackRole = "Database"
	// Compute has the ECS service and its load balancer.
	Compute StackRole = "Compute"
	// Batch has the job queue and the job definitions.
	Batch StackRole = "Batch"
	// Monitoring has alarms, event rules, the dashboard and saved queries.
	Monitoring StackRole = "Monitoring"
	// Delivery has what lets GitHub's workflows deploy.
	Delivery StackRole = "Delivery"
	// Analytics has the log archive as a table (optional).
	Analytics StackRole = "Analytics"
	// Orchestration has a state machine and what starts it (optional).
	Orchestration StackRole = "Orchestration"
	// Frontend has the front end on Amplify (optional).
	Frontend StackRole = "Frontend"
)

// StackRoles lists the stacks in the order in which they depend on each other.
// Which of them an environment has, its configuration says.
func StackRoles() []StackRole {
	return []StackRole{Foundation, Network, Security, Database, Compute, Batch, Monitoring, Delivery,
		Analytics, Orchestration, Frontend}
}

// Stack is a stack's name, e.g. "NetworkStack-dev".
func (n Names) Stack(role StackRole) string { return string(role) + "Stack-" + n.Env }

// Stacks lists the stacks' names in the order in which they depend on each other.
func (n Names) Stacks(roles []StackRole) []string {
	var stacks []string
	for _, role := range roles {
		stacks = append(stacks, n.Stack(role))
	}
	return stacks
}

// Keys of the stacks' outputs, which the pipeline reads. They are here and not
// beside their constructs because the pipeline does not import the CDK.
const (
	// OutputAppRepositoryURI is the application's repository (Foundation).
	OutputAppRepositoryURI = "AppRepositoryUri"
	// OutputBatchRepositoryURI is the batch image's repository (Foundation).
	OutputBatchRepositoryURI = "BatchRepositoryUri"
	// OutputFluentBitRepositoryURI is the log router's repository (Foundation).
	OutputFluentBitRepositoryURI = "FluentBitRepositoryUri"
	// OutputFilesBucket is the name of the application's bucket (Foundation).
	OutputFilesBucket = "FilesBucketName"
	// OutputLogArchiveBucket is the name of the log archive (Foundation).
	OutputLogArchiveBucket = "LogArchiveBucketName"
	// OutputVpcID is the VPC (Network).
	OutputVpcID = "VpcId"
	// OutputTaskSubnetIDs has the tasks' subnets, comma-separated (Network).
	OutputTaskSubnetIDs = "TaskSubnetIds"
	// OutputTaskSecurityGroupID is the tasks' security group (Network).
	OutputTaskSecurityGroupID = "TaskSecurityGroupId"
	// OutputDatabaseEndpoint is the database's host name (Database).
	OutputDatabaseEndpoint = "DatabaseEndpointAddress"
	// OutputDatabaseReaderEndpoint is the host name that spreads readers over an
	// Aurora cluster's readers (Database).
	OutputDatabaseReaderEndpoint = "DatabaseReaderEndpointAddress"
	// OutputDatabaseSecretArn is the secret with its credentials (Database).
	OutputDatabaseSecretArn = "DatabaseSecretArn"
	// OutputAppSecretArn is the secret with the application's keys (Database).
	OutputAppSecretArn = "AppSecretArn"
	// OutputServiceURL is where users find the application (Compute).
	OutputServiceURL = "ServiceUrl"
	// OutputAlbDNSName is the load balancer's own name (Compute).
	OutputAlbDNSName = "AlbDnsName"
	// OutputClusterName is the ECS cluster (Foundation).
	OutputClusterName = "ClusterName"
	// OutputServiceName is the ECS service (Compute).
	OutputServiceName = "ServiceName"
	// OutputTaskDefinitionArn is the application's task definition (Compute).
	OutputTaskDefinitionArn = "TaskDefinitionArn"
	// OutputMigrateTaskDefinitionArn is the migration's (Database).
	OutputMigrateTaskDefinitionArn = "MigrateTaskDefinitionArn"
	// OutputTargetGroupArn is the load balancer's target group (Compute).
	OutputTargetGroupArn = "TargetGroupArn"
	// OutputJobQueueArn is the job queue (Batch).
	OutputJobQueueArn = "JobQueueArn"
	// OutputTestCaseImportJobArn is the test-case import's job definition (Batch).
	OutputTestCaseImportJobArn = "TestCaseImportJobDefinitionArn"
	// OutputCriticalTopicArn tells what needs somebody now (Foundation).
	OutputCriticalTopicArn = "CriticalTopicArn"
	// OutputWarningTopicArn tells what needs somebody soon (Foundation).
	OutputWarningTopicArn = "WarningTopicArn"
	// OutputWebACLArn is the firewall (Security).
	OutputWebACLArn = "WebAclArn"
	// OutputDeployRoleArn is what GitHub's workflows become (Delivery).
	OutputDeployRoleArn = "DeployRoleArn"
	// OutputPlanRoleArn is what a workflow becomes that only plans (Delivery).
	OutputPlanRoleArn = "PlanRoleArn"
	// OutputDashboardName is the dashboard's name (Monitoring).
	OutputDashboardName = "DashboardName"
	// OutputUserImportJobArn is the user import's job definition (Batch).
	OutputUserImportJobArn = "UserImportJobDefinitionArn"
)
