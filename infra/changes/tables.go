package changes

import (
	"regexp"
	"slices"
	"strings"

	"github.com/prooflink/prooflink/infra/templates"
)

// metadataType is the CDK's own resource.
const metadataType = "AWS::CDK::Metadata"

// stateful are the types whose resources hold data.
var stateful = map[string]bool{
	"AWS::RDS::DBInstance":        true,
	"AWS::RDS::DBCluster":         true,
	"AWS::S3::Bucket":             true,
	"AWS::ECR::Repository":        true,
	"AWS::Logs::LogGroup":         true,
	"AWS::SecretsManager::Secret": true,
	"AWS::KMS::Key":               true,
	"AWS::SSM::Parameter":         true,
	"AWS::Route53::HostedZone":    true,
	"AWS::Amplify::App":           true,
}

// HoldsData says whether a type's resources hold data.
func HoldsData(kind string) bool { return stateful[kind] }

// replacing are the properties whose change makes CloudFormation replace the
// resource ("Update requires: Replacement" in the CloudFormation Template
// Reference), for the types whose replacement loses data or interrupts the
// service.
var replacing = map[string][]string{
	"AWS::RDS::DBInstance": {"DBInstanceIdentifier", "DBName", "Engine", "StorageEncrypted", "KmsKeyId",
		"DBSubnetGroupName", "MasterUsername", "AvailabilityZone", "DBClusterIdentifier", "CharacterSetName", "Timezone", "Port"},
	"AWS::RDS::DBCluster": {"DBClusterIdentifier", "DatabaseName", "Engine", "EngineMode", "StorageEncrypted", "KmsKeyId",
		"DBSubnetGroupName", "AvailabilityZones", "MasterUsername"},
	"AWS::S3::Bucket":                           {"BucketName"},
	"AWS::ECR::Repository":                      {"RepositoryName", "EncryptionConfiguration"},
	"AWS::Logs::LogGroup":                       {"LogGroupName"},
	"AWS::SecretsManager::Secret":               {"Name"},
	"AWS::SSM::Parameter":                       {"Name"},
	"AWS::KMS::Key":                             {"KeySpec"},
	"AWS::Route53::HostedZone":                  {"Name"},
	"AWS::EC2::VPC":                             {"CidrBlock", "InstanceTenancy"},
	"AWS::EC2::Subnet":                          {"AvailabilityZone", "CidrBlock", "VpcId"},
	"AWS::EC2::SecurityGroup":                   {"GroupDescription", "GroupName", "VpcId"},
	"AWS::EC2::NatGateway":                      {"AllocationId", "ConnectivityType", "SubnetId"},
	"AWS::ECS::Cluster":                         {"ClusterName"},
	"AWS::ECS::Service":                         {"Cluster", "LaunchType", "ServiceName", "SchedulingStrategy"},
	"AWS::ElasticLoadBalancingV2::LoadBalancer": {"Name", "Scheme", "Type"},
	"AWS::ElasticLoadBalancingV2::TargetGroup":  {"Name", "Port", "Protocol", "TargetType", "VpcId"},
	"AWS::Batch::ComputeEnvironment":            {"ComputeEnvironmentName", "Type"},
	"AWS::Batch::JobQueue":                      {"JobQueueName"},
	"AWS::IAM::Role":                            {"Path", "RoleName"},
	"AWS::SNS::Topic":                           {"FifoTopic", "TopicName"},
}

// securityTypes are those whose every change concerns security.
var securityTypes = []string{
	"AWS::CloudTrail::", "AWS::Config::", "AWS::GuardDuty::", "AWS::IAM::", "AWS::KMS::", "AWS::WAFv2::",
	"AWS::EC2::NetworkAcl", "AWS::EC2::SecurityGroup", "AWS::Lambda::Permission",
	"AWS::ECR::RegistryPolicy", "AWS::Logs::ResourcePolicy", "AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy",
	"AWS::SQS::QueuePolicy", "AWS::SecretsManager::ResourcePolicy", "AWS::SecretsManager::RotationSchedule",
}

// securityProperties concern access, exposure, encryption or protection in any
// type, wherever in the resource they are.
var securityProperties = map[string]bool{
	// Who gets in.
	"PublicAccessBlockConfiguration": true, "OwnershipControls": true, "AccessControl": true,
	"PubliclyAccessible": true, "MapPublicIpOnLaunch": true, "AssignPublicIp": true, "Scheme": true,
	"SecurityGroups": true, "SecurityGroupIds": true, "VPCSecurityGroups": true, "VpcSecurityGroupIds": true,
	"TaskRoleArn": true, "ExecutionRoleArn": true, "JobRoleArn": true, "RoleArn": true, "ManagedPolicyArns": true,
	"PermissionsBoundary": true, "EnableExecuteCommand": true, "EnableIAMDatabaseAuthentication": true,
	"CorsConfiguration": true, "User": true, "Privileged": true, "LinuxParameters": true, "ReadonlyRootFilesystem": true,
	"BasicAuthConfig": true, "DefaultActions": true,
	// What is encrypted.
	"StorageEncrypted": true, "KmsKeyId": true, "KmsMasterKeyId": true, "KmsKeyArn": true, "BucketEncryption": true,
	"EncryptionConfiguration": true, "EncryptionAtRest": true, "SslPolicy": true, "Certificates": true, "Protocol": true,
	"CACertificateIdentifier": true, "Parameters": true,
	// What is protected and recorded.
	"DeletionProtection": true, "DeletionPolicy": true, "UpdateReplacePolicy": true, "BackupRetentionPeriod": true,
	"DeleteAutomatedBackups": true, "VersioningConfiguration": true, "ImageTagMutability": true, "ImageScanningConfiguration": true,
	"LoggingConfiguration": true, "EnableCloudwatchLogsExports": true,
}

// opens are the values that let the internet in.
var opens = map[string]string{
	"PubliclyAccessible": "true", "MapPublicIpOnLaunch": "true", "AssignPublicIp": "ENABLED", "Scheme": "internet-facing",
}

// securityType says whether every change of a type concerns security.
func securityType(kind string) bool {
	return slices.ContainsFunc(securityTypes, func(prefix string) bool { return strings.HasPrefix(kind, prefix) })
}

// secures says whether a change concerns security. A name's doesn't.
func secures(kind string, line Line) bool {
	segments := strings.FieldsFunc(line.Path, func(r rune) bool { return r == '.' || r == '[' || r == ']' })
	if slices.Contains(segments, "Tags") {
		return false
	}
	return securityType(kind) || slices.ContainsFunc(segments, func(s string) bool { return securityProperties[s] })
}

// replaces says whether the change of a property replaces the resource.
func replaces(kind, path string) bool {
	top, _, _ := strings.Cut(path, ".")
	top, _, _ = strings.Cut(top, "[")
	return slices.Contains(replacing[kind], top)
}

// opening are the values of a new resource that let the internet in.
func opening(resource templates.Resource) []Line {
	var lines []Line
	for _, line := range differences("", nil, withoutRules(resource)) {
		name := line.Path[strings.LastIndex(line.Path, ".")+1:]
		if want, ok := opens[name]; ok && line.After == want {
			lines = append(lines, line)
		}
	}
	return lines
}

// asset is the name of a file in the CDK's staging bucket.
var asset = regexp.MustCompile(`[0-9a-f]{64}\.(zip|json|txt|py|sh)$`)

// isAsset says whether a value is an asset's name: its hash changes with the
// CDK's version.
func isAsset(value string) bool { return asset.MatchString(value) }
