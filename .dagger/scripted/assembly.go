package scripted

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// object is JSON's.
type object = map[string]any

// Assembly writes what a synthesis writes, in small: "<stack>.template.json" for
// each of the environment's stacks, and manifest.json. The images are digests or
// names by "app", "batch" and "fluent-bit"; without them the stacks that need
// images name them all the same, with a digest that nobody has pushed. A variant
// other than the deployed one changes something in every stack, so that its
// update is one.
func Assembly(dir string, environment config.Environment, images map[string]string, variant string) error {
	manifest := object{"version": "48.0.0", "artifacts": object{}}
	for _, role := range environment.Stacks() {
		stack := environment.Names().Stack(role)
		file := stack + ".template.json"
		if err := writeJSON(filepath.Join(dir, file), template(environment, role, asDigests(images), variant)); err != nil {
			return err
		}
		manifest["artifacts"].(object)[stack] = object{
			"type": "aws:cloudformation:stack", "environment": fmt.Sprintf("aws://%s/%s", Account, environment.Region),
			"dependencies": append([]string{}, needs(environment, role)...),
			"properties":   object{"templateFile": file, "terminationProtection": protected(environment, role)},
		}
	}
	return writeJSON(filepath.Join(dir, "manifest.json"), manifest)
}

// protected says whether a stack is protected from deletion.
func protected(environment config.Environment, role names.StackRole) bool {
	return environment.Removal.Policy == config.RemovalRetain && (role == names.Database || role == names.Foundation)
}

// writeJSON writes a file.
func writeJSON(path string, value any) error {
	data, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return os.WriteFile(path, data, 0o600)
}

// dependencies are the stacks that a stack waits for.
var dependencies = map[names.StackRole][]names.StackRole{
	names.Database:      {names.Foundation, names.Network},
	names.Compute:       {names.Foundation, names.Network, names.Security, names.Database},
	names.Batch:         {names.Foundation, names.Network, names.Database},
	names.Monitoring:    {names.Foundation, names.Database, names.Compute},
	names.Orchestration: {names.Batch},
	names.Analytics:     {names.Foundation},
}

// needs are those of them that the environment has.
func needs(environment config.Environment, role names.StackRole) []string {
	var all []string
	for _, have := range environment.Stacks() {
		for _, need := range dependencies[role] {
			if have == need {
				all = append(all, environment.Names().Stack(need))
			}
		}
	}
	return all
}

// small makes one stack's template.
type small struct {
	environment config.Environment
	names       names.Names
	images      map[string]string
	variant     string
}

// template is a stack's template.
func template(environment config.Environment, role names.StackRole, images map[string]string, variant string) object {
	s := small{environment, environment.Names(), images, variant}
	parts := map[names.StackRole]func(small) (object, object){
		names.Foundation: small.foundation, names.Network: small.network, names.Database: small.database,
		names.Compute: small.compute, names.Batch: small.batch,
	}
	resources, outputs := object{}, object{}
	if part, ok := parts[role]; ok {
		resources, outputs = part(s)
	}
	resources["Marker"] = object{"Type": "AWS::SSM::Parameter", "Properties": object{
		"Name": s.names.Parameter("stack/" + string(role)), "Type": "String", "Value": "variant " + variant,
	}}
	values := object{}
	for key, value := range outputs {
		values[key] = object{"Value": value}
	}
	return object{"Description": string(role) + " of " + s.names.Prefix(), "Resources": resources, "Outputs": values}
}

// of is a resource.
func of(kind string, properties object) object { return object{"Type": kind, "Properties": properties} }

// ref and attribute refer to a resource; outputOf to another stack's output.
func ref(id string) object             { return object{"Ref": id} }
func attribute(id, name string) object { return object{"Fn::GetAtt": []any{id, name}} }

func (s small) outputOf(role names.StackRole, key string) object {
	return object{"Fn::GetStackOutput": object{"StackName": s.names.Stack(role), "OutputName": key, "Region": s.environment.Region}}
}

// image is an image by its digest, as the CDK writes it.
func (s small) image(name, repository string) object {
	digest := s.images[name]
	if digest == "" {
		digest = Digest("nothing pushed")
	}
	return object{"Fn::Join": []any{"", []any{Account + ".dkr.ecr." + s.environment.Region + ".", ref("AWS::URLSuffix"), "/" + repository + "@" + digest}}}
}

// awslogs is the log configuration of a container with a group of its own.
func (s small) awslogs(group, prefix string) object {
	return object{"LogDriver": "awslogs", "Options": object{
		"awslogs-group": group, "awslogs-region": s.environment.Region, "awslogs-stream-prefix": prefix,
	}}
}

// foundation has repositories, cluster, buckets and log groups.
func (s small) foundation() (object, object) {
	n := s.names
	resources := object{
		"Cluster": of("AWS::ECS::Cluster", object{"ClusterName": n.Cluster()}),
		"Files":   of("AWS::S3::Bucket", object{"BucketName": n.FilesBucket(Account)}),
	}
	outputs := object{
		names.OutputClusterName: ref("Cluster"), names.OutputFilesBucket: ref("Files"),
	}
	for id, repository := range map[string][2]string{
		"AppRepository": {n.AppRepository(), names.OutputAppRepositoryURI}, "BatchRepository": {n.BatchRepository(), names.OutputBatchRepositoryURI},
		"FluentBitRepository": {n.FluentBitRepository(), names.OutputFluentBitRepositoryURI},
	} {
		mutability := "MUTABLE"
		if s.environment.ECR.Immutable {
			mutability = "IMMUTABLE"
		}
		resources[id] = of("AWS::ECR::Repository", object{"RepositoryName": repository[0], "ImageTagMutability": mutability})
		outputs[repository[1]] = attribute(id, "RepositoryUri")
	}
	for id, group := range s.groups() {
		resources[id] = of("AWS::Logs::LogGroup", object{"LogGroupName": group, "RetentionInDays": s.environment.Logging.Retention.App})
	}
	return resources, outputs
}

// groups are the log groups by logical id.
func (s small) groups() map[string]string {
	n := s.names
	return map[string]string{
		"AppLogs": n.AppLogGroup(), "ServerLogs": n.ServerLogGroup(), "ClientLogs": n.ClientLogGroup(), "ErrorsLogs": n.ErrorsLogGroup(),
		"RouterLogs": n.RouterLogGroup(), "MigrateLogs": n.MigrateLogGroup(), "BatchLogs": n.BatchLogGroup(),
	}
}

// database has the database, its secrets and the migration.
func (s small) database() (object, object) {
	n := s.names
	kind, name := "AWS::RDS::DBInstance", "DBInstanceIdentifier"
	if s.environment.DB.Engine == config.EngineAurora {
		kind, name = "AWS::RDS::DBCluster", "DBClusterIdentifier"
	}
	return object{
			"Credentials": of("AWS::SecretsManager::Secret", object{"Name": n.DatabaseSecret()}),
			"AppSecret":   of("AWS::SecretsManager::Secret", object{"Name": n.AppSecret()}),
			"Database":    of(kind, object{name: n.Database(), "Engine": "postgres"}),
			"Migrate": of("AWS::ECS::TaskDefinition", object{
				"Family": n.MigrateFamily(), "Cpu": "256", "Memory": "512", "NetworkMode": "awsvpc", "RequiresCompatibilities": []any{"FARGATE"},
				"ContainerDefinitions": []any{object{
					"Name": names.MigrateContainer, "Essential": true, "Image": s.image("batch", n.BatchRepository()), "Command": []any{"node", "dist/migrate.js"},
					"LogConfiguration": s.awslogs(n.MigrateLogGroup(), names.MigrateStreamPrefix),
					"Secrets":          []any{object{"Name": "DB_PASSWORD", "ValueFrom": object{"Fn::Join": []any{"", []any{ref("Credentials"), ":password::"}}}}},
				}},
				"Tags": []any{object{"Key": "Environment", "Value": s.environment.Env}},
			}),
		}, object{
			names.OutputDatabaseSecretArn: ref("Credentials"), names.OutputAppSecretArn: ref("AppSecret"),
			names.OutputDatabaseEndpoint: attribute("Database", "Endpoint.Address"), names.OutputMigrateTaskDefinitionArn: ref("Migrate"),
		}
}

// compute has the service behind its load balancer.
func (s small) compute() (object, object) {
	n := s.names
	return object{
			"LoadBalancer": of("AWS::ElasticLoadBalancingV2::LoadBalancer", object{"Name": n.Alb()}),
			"TargetGroup":  of("AWS::ElasticLoadBalancingV2::TargetGroup", object{"Name": n.TargetGroup(), "Port": s.environment.App.Port}),
			"HttpListener": of("AWS::ElasticLoadBalancingV2::Listener", object{"LoadBalancerArn": ref("LoadBalancer"), "DefaultActions": []any{
				object{"Type": "forward", "TargetGroupArn": ref("TargetGroup")}}}),
			"Task":    of("AWS::ECS::TaskDefinition", s.definition()),
			"Service": s.service(),
		}, object{
			names.OutputServiceName: attribute("Service", "Name"), names.OutputTargetGroupArn: ref("TargetGroup"),
			names.OutputTaskDefinitionArn: ref("Task"), names.OutputAlbDNSName: attribute("LoadBalancer", "DNSName"),
			names.OutputServiceURL: object{"Fn::Join": []any{"", []any{"http://", attribute("LoadBalancer", "DNSName")}}},
		}
}

// definition is the application's task definition.
func (s small) definition() object {
	n := s.names
	app := object{
		"Name": names.AppContainer, "Essential": true, "Image": s.image("app", n.AppRepository()),
		"Environment":  []any{object{"Name": "LOG_LEVEL", "Value": s.environment.Logging.ServerLevel}, object{"Name": "VARIANT", "Value": s.variant}},
		"PortMappings": []any{object{"ContainerPort": s.environment.App.Port, "Name": names.PortName(s.environment.App.Port), "Protocol": "tcp"}},
		"HealthCheck":  object{"Command": []any{"CMD", "true"}, "Interval": 30, "Retries": 3, "StartPeriod": 120, "Timeout": 5},
		"Secrets": []any{object{"Name": "NEXTAUTH_SECRET", "ValueFrom": object{"Fn::Join": []any{"", []any{
			s.outputOf(names.Database, names.OutputAppSecretArn), ":NEXTAUTH_SECRET::"}}}}},
		"LogConfiguration": s.awslogs(n.AppLogGroup(), names.AppStreamPrefix),
	}
	containers := []any{app}
	if s.environment.Logging.Driver == config.DriverFireLens {
		app["LogConfiguration"] = object{"LogDriver": "awsfirelens"}
		app["DependsOn"] = []any{object{"ContainerName": names.RouterContainer, "Condition": "HEALTHY"}}
		containers = append(containers, object{
			"Name": names.RouterContainer, "Essential": true, "Image": s.image("fluent-bit", n.FluentBitRepository()),
			"FirelensConfiguration": object{"Type": "fluentbit"}, "LogConfiguration": s.awslogs(n.RouterLogGroup(), names.RouterStreamPrefix),
			"HealthCheck": object{"Command": []any{"CMD-SHELL", "true"}, "Interval": 5, "Retries": 3, "StartPeriod": 30, "Timeout": 3},
		})
	}
	return object{
		"Family": n.TaskFamily(), "Cpu": fmt.Sprint(s.environment.App.CPU), "Memory": fmt.Sprint(s.environment.App.Memory), "NetworkMode": "awsvpc",
		"RequiresCompatibilities": []any{"FARGATE"}, "RuntimePlatform": object{"CpuArchitecture": "X86_64", "OperatingSystemFamily": "LINUX"},
		"ContainerDefinitions": containers, "Tags": []any{object{"Key": "Environment", "Value": s.environment.Env}},
	}
}

// service is the service's resource.
func (s small) service() object {
	made := of("AWS::ECS::Service", object{
		"ServiceName": s.names.Service(), "Cluster": s.names.Cluster(), "DesiredCount": s.environment.App.DesiredCount, "LaunchType": "FARGATE",
		"TaskDefinition":          ref("Task"),
		"DeploymentConfiguration": object{"MaximumPercent": 200, "MinimumHealthyPercent": 100, "DeploymentCircuitBreaker": object{"Enable": true, "Rollback": true}},
		"LoadBalancers":           []any{object{"ContainerName": names.AppContainer, "ContainerPort": s.environment.App.Port, "TargetGroupArn": ref("TargetGroup")}},
		"NetworkConfiguration": object{"AwsvpcConfiguration": object{
			"AssignPublicIp": "DISABLED",
			"Subnets":        []any{s.outputOf(names.Network, names.OutputTaskSubnetIDs)},
			"SecurityGroups": []any{s.outputOf(names.Network, names.OutputTaskSecurityGroupID)},
		}},
		"HealthCheckGracePeriodSeconds": s.environment.App.GraceSeconds, "PropagateTags": "SERVICE", "EnableECSManagedTags": true,
		"Tags": []any{object{"Key": "Environment", "Value": s.environment.Env}},
	})
	made["DependsOn"] = []any{"HttpListener"}
	return made
}
