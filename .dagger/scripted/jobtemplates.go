package scripted

import (
	"strconv"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// batch has the queue with its compute environments, and the job definitions.
func (s small) batch() (object, object) {
	n, sizes := s.names, s.environment.Batch.Jobs
	resources := object{
		"UserImport":     s.job(n.UserImportJob(), names.UserImportStreamPrefix, sizes.UserImport),
		"TestCaseImport": s.job(n.TestCaseImportJob(), names.TestCaseImportStreamPrefix, sizes.TestCaseImport),
	}
	var order []any
	for i, spot := range s.places() {
		id, kind := "Fargate", "FARGATE"
		if spot {
			id, kind = "FargateSpot", "FARGATE_SPOT"
		}
		resources[id] = of("AWS::Batch::ComputeEnvironment", object{
			"ComputeEnvironmentName": n.ComputeEnvironment(spot), "Type": "MANAGED", "State": "ENABLED", "ComputeResources": object{
				"Type": kind, "MaxvCpus": s.environment.Batch.MaxVcpus,
				"Subnets":          []any{s.outputOf(names.Network, names.OutputTaskSubnetIDs)},
				"SecurityGroupIds": []any{s.outputOf(names.Network, names.OutputTaskSecurityGroupID)},
			}})
		order = append(order, object{"ComputeEnvironment": ref(id), "Order": i + 1})
	}
	resources["JobQueue"] = of("AWS::Batch::JobQueue", object{"JobQueueName": n.JobQueue(), "Priority": 1, "ComputeEnvironmentOrder": order})
	return resources, object{
		names.OutputJobQueueArn: ref("JobQueue"), names.OutputUserImportJobArn: ref("UserImport"), names.OutputTestCaseImportJobArn: ref("TestCaseImport"),
	}
}

// places says for each place in the queue whether it is Spot.
func (s small) places() []bool {
	return map[string][]bool{config.SpotFirst: {true, false}, config.SpotSecond: {false, true}, config.SpotOff: {false}}[s.environment.Batch.Spot]
}

// job is a job definition.
func (s small) job(name, program string, size config.Job) object {
	n := s.names
	role := func(name string) string { return "arn:aws:iam::" + Account + ":role/" + name }
	secret := func(key string) object {
		return object{"Fn::Join": []any{"", []any{s.outputOf(names.Database, names.OutputDatabaseSecretArn), ":" + key + "::"}}}
	}
	return of("AWS::Batch::JobDefinition", object{
		"JobDefinitionName": name, "Type": "container", "PlatformCapabilities": []any{"FARGATE"}, "PropagateTags": true,
		"ResourceRetentionPolicy": object{"SkipDeregisterOnUpdate": true},
		"ContainerProperties": object{
			"Image": s.image("batch", n.BatchRepository()), "Command": []any{"node", "dist/" + program + ".js"},
			"LogConfiguration": s.awslogs(n.BatchLogGroup(), program),
			"ResourceRequirements": []any{
				object{"Type": "VCPU", "Value": strconv.FormatFloat(float64(size.CPU)/1024, 'f', -1, 64)},
				object{"Type": "MEMORY", "Value": strconv.Itoa(size.Memory)},
			},
			"ExecutionRoleArn": role(n.BatchExecutionRole()), "JobRoleArn": role(n.BatchJobRole()),
			"NetworkConfiguration": object{"AssignPublicIp": "DISABLED"},
			"Environment": []any{
				object{"Name": "VARIANT", "Value": s.variant}, object{"Name": "INPUT_S3_BUCKET", "Value": n.FilesBucket(Account)},
				object{"Name": "OUTPUT_S3_BUCKET", "Value": n.FilesBucket(Account)}, object{"Name": "STORAGE_MODE", "Value": "s3"},
			},
			"Secrets": []any{object{"Name": "DB_HOST", "ValueFrom": secret("host")}, object{"Name": "DB_PASSWORD", "ValueFrom": secret("password")}},
		},
		"RetryStrategy": s.retryStrategy(), "Timeout": object{"AttemptDurationSeconds": size.TimeoutSeconds},
		"Tags": object{"Environment": s.environment.Env},
	})
}

// retryStrategy starts a job again that Spot interrupted, and no other.
func (s small) retryStrategy() object {
	if s.environment.Batch.Spot == config.SpotOff {
		return object{"Attempts": 1}
	}
	return object{"Attempts": 3, "EvaluateOnExit": []any{
		object{"Action": "RETRY", "OnStatusReason": "Your Spot Task was interrupted*"}, object{"Action": "EXIT", "OnReason": "*"},
	}}
}
