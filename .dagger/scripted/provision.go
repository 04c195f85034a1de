package scripted

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// provision creates or updates a resource with its properties.
func (w *World) provision(s *stack, r *resource, properties object, done func(problem string)) {
	provisioners := map[string]func(*resource, object) error{
		"AWS::ECS::TaskDefinition": w.provisionDefinition, "AWS::Batch::JobDefinition": w.provisionJobDefinition,
		"AWS::ECS::Cluster": w.provisionCluster, "AWS::ECR::Repository": w.provisionRepository, "AWS::Logs::LogGroup": w.provisionLogGroup,
		"AWS::SSM::Parameter": w.provisionParameter, "AWS::SecretsManager::Secret": w.provisionSecret, "AWS::S3::Bucket": w.provisionBucket,
		"AWS::RDS::DBInstance": w.provisionDatabase, "AWS::RDS::DBCluster": w.provisionDatabase,
	}
	if r.kind == "AWS::ECS::Service" {
		w.provisionService(r, properties, done)
		return
	}
	if r.physical == "" {
		r.physical = w.physical(s, r, properties)
	}
	if provisioner, ok := provisioners[r.kind]; ok {
		if err := provisioner(r, properties); err != nil {
			done(fmt.Sprintf("Resource handler returned message: %q (RequestToken: %s, HandlerErrorCode: InvalidRequest)", err, w.uuid("request")))
			return
		}
	}
	done("")
}

// named are the properties that name a resource.
var named = []string{"Name", "ClusterName", "RepositoryName", "LogGroupName", "BucketName", "DBInstanceIdentifier", "DBClusterIdentifier",
	"JobQueueName", "ComputeEnvironmentName", "RoleName", "GroupName", "TopicName", "TableName", "DashboardName", "AlarmName"}

// nameOf is a resource's name: its own or one that CloudFormation makes.
func (w *World) nameOf(s *stack, r *resource, properties object) string {
	for _, key := range named {
		if name, ok := properties[key].(string); ok && name != "" {
			return name
		}
	}
	return s.name + "-" + r.logical + "-" + strings.ToUpper(hash(s.name + r.logical)[:12])
}

// prefixes are what EC2's ids begin with.
var prefixes = map[string]string{
	"AWS::EC2::VPC": "vpc-", "AWS::EC2::Subnet": "subnet-", "AWS::EC2::SecurityGroup": "sg-", "AWS::EC2::RouteTable": "rtb-",
	"AWS::EC2::SubnetRouteTableAssociation": "rtbassoc-", "AWS::EC2::NatGateway": "nat-", "AWS::EC2::VPCEndpoint": "vpce-",
}

// physical is a new resource's physical id, which is what Ref gives.
func (w *World) physical(s *stack, r *resource, properties object) string {
	name := w.nameOf(s, r, properties)
	if prefix, ok := prefixes[r.kind]; ok {
		return prefix + hash(s.id + r.logical)[:17]
	}
	switch r.kind {
	case "AWS::ElasticLoadBalancingV2::TargetGroup":
		return w.targetGroup(name)
	case "AWS::ElasticLoadBalancingV2::LoadBalancer":
		return w.loadBalancer(name)
	case "AWS::Batch::JobQueue":
		return w.arn("batch", "job-queue/"+name)
	case "AWS::Batch::ComputeEnvironment":
		return w.arn("batch", "compute-environment/"+name)
	case "AWS::SecretsManager::Secret":
		return w.arn("secretsmanager", "secret:"+name+"-"+hash(name)[:6])
	case "AWS::SNS::Topic":
		return w.arn("sns", name)
	case "AWS::EC2::Route":
		return fmt.Sprintf("%v|%v", properties["RouteTableId"], properties["DestinationCidrBlock"])
	case "AWS::SecretsManager::SecretTargetAttachment":
		if secret, ok := properties["SecretId"].(string); ok {
			return secret
		}
	}
	return name
}

// attributeOf is what Fn::GetAtt gives.
func (w *World) attributeOf(r *resource, name string) string {
	switch name {
	case "Arn", "Id", "LoadBalancerArn", "TargetGroupArn", "ServiceArn", "JobQueueArn":
		return w.arnOf(r)
	case "Name":
		return last(r.physical)
	case "GroupId", "VpcId", "SubnetId", "Ref":
		return r.physical
	case "RepositoryUri":
		return w.uri(r.physical)
	case "DNSName":
		return w.address(strings.Split(r.physical, "/")[2])
	case "LoadBalancerFullName", "TargetGroupFullName":
		return r.physical[strings.LastIndex(r.physical, ":")+1:]
	case "Endpoint.Address":
		return r.physical + ".abcdefghijkl." + w.region + ".rds.amazonaws.com"
	case "Endpoint.Port":
		return "5432"
	}
	return r.physical + "-" + name
}

// arnOf is a resource's ARN.
func (w *World) arnOf(r *resource) string {
	if strings.HasPrefix(r.physical, "arn:") {
		return r.physical
	}
	switch r.kind {
	case "AWS::IAM::Role":
		return "arn:aws:iam::" + Account + ":role/" + r.physical
	case "AWS::S3::Bucket":
		return "arn:aws:s3:::" + r.physical
	case "AWS::Logs::LogGroup":
		return w.arn("logs", "log-group:"+r.physical+":*")
	}
	parts := strings.Split(r.kind, "::")
	if len(parts) != 3 { // a custom resource
		return r.physical
	}
	return w.arn(strings.ToLower(parts[1]), strings.ToLower(parts[2])+"/"+r.physical)
}

func (w *World) provisionDefinition(r *resource, properties object) error {
	in := &ecs.RegisterTaskDefinitionInput{}
	if err := decode(properties, in); err != nil {
		return err
	}
	r.physical = w.register(in).arn()
	return nil
}

func (w *World) provisionJobDefinition(r *resource, properties object) error {
	in := &batch.RegisterJobDefinitionInput{}
	if err := decode(properties, in); err != nil {
		return err
	}
	r.physical = aws.ToString(w.registerJob(in).JobDefinitionArn)
	return nil
}

func (w *World) provisionCluster(r *resource, _ object) error {
	w.ecs.clusters[r.physical] = true
	return nil
}

func (w *World) provisionRepository(r *resource, properties object) error {
	w.repositoryCalled(r.physical, properties["ImageTagMutability"] == "IMMUTABLE")
	return nil
}

func (w *World) provisionLogGroup(r *resource, properties object) error {
	days, _ := properties["RetentionInDays"].(float64)
	w.group(r.physical).retention = int32(days)
	return nil
}

func (w *World) provisionParameter(r *resource, properties object) error {
	w.put(r.physical, fmt.Sprint(properties["Value"]), ssmtypes.ParameterType(fmt.Sprint(properties["Type"])), nil)
	return nil
}

func (w *World) provisionSecret(r *resource, _ object) error {
	name := strings.TrimPrefix(r.physical, w.arn("secretsmanager", "secret:"))
	w.secretCalled(name[:len(name)-7], r.physical)
	return nil
}

func (w *World) provisionBucket(r *resource, _ object) error {
	w.bucket(r.physical)
	return nil
}

func (w *World) provisionDatabase(r *resource, _ object) error {
	w.databaseCalled(r.physical, r.kind == "AWS::RDS::DBCluster")
	return nil
}

// provisionService makes or updates the service; the resource is complete when
// the service's deployment is.
func (w *World) provisionService(r *resource, properties object, done func(problem string)) {
	in := ecs.CreateServiceInput{}
	if err := decode(properties, &in); err != nil {
		done(err.Error())
		return
	}
	d := w.definition(aws.ToString(in.TaskDefinition))
	if d == nil {
		done(w.handler("TaskDefinition not found.", "InvalidRequest"))
		return
	}
	name := aws.ToString(in.ServiceName)
	s := w.serviceNamed(name)
	if s == nil {
		s = &service{CreateServiceInput: in, name: name, arn: w.arn("ecs", "service/"+w.names.Cluster()+"/"+name), created: w.clock}
		w.ecs.services[name] = s
		r.physical = s.arn
		w.rollOut(s, d, done)
		return
	}
	same := d.arn() == aws.ToString(s.TaskDefinition) && canonical(in.NetworkConfiguration) == canonical(s.NetworkConfiguration) &&
		canonical(in.LoadBalancers) == canonical(s.LoadBalancers)
	s.CreateServiceInput = in
	if same {
		w.reconcile(s)
		done("")
		return
	}
	w.rollOut(s, d, done)
}

// handler is a resource handler's message in an event.
func (w *World) handler(message, code string) string {
	return fmt.Sprintf("Resource handler returned message: %q (RequestToken: %s, HandlerErrorCode: %s)", message, w.uuid("request"), code)
}

// rollOut deploys and waits; while the world is being made the tasks stand at once.
func (w *World) rollOut(s *service, d *definition, done func(problem string)) {
	if w.making {
		w.stand(s, d)
		done("")
		return
	}
	over := false
	end := func(problem string) {
		if !over {
			over = true
			done(problem)
		}
	}
	w.deploy(s, d, func(problem string) {
		if problem != "" {
			problem = w.handler("Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'.", "GeneralServiceException")
		}
		w.in(3*time.Second, func() { end(problem) }) // the handler has to notice
	})
	w.in(stabilization, func() { end(w.handler("Exceeded attempts to wait", "NotStabilized")) })
}

// stabilization is about how long CloudFormation waits for a service that doesn't
// become stable.
const stabilization = 3 * time.Hour

// stand makes a complete deployment with its tasks.
func (w *World) stand(s *service, d *definition) {
	for _, t := range w.ecs.tasks {
		if t.rollout != nil && t.rollout.service == s && t.StoppedAt == nil {
			t.leaving, t.target, t.StoppedAt, t.LastStatus, t.DesiredStatus = true, "", aws.Time(w.clock), aws.String("STOPPED"), aws.String("STOPPED")
			t.StopCode, t.StoppedReason = ecstypes.TaskStopCodeServiceSchedulerInitiated, aws.String(scaling(t.rollout))
		}
	}
	r := w.deploy(s, d, nil)
	r.status, r.started, r.finished = ecstypes.ServiceDeploymentStatusSuccessful, w.clock.Add(2*time.Second), w.clock.Add(2*time.Minute)
	r.state, r.stateReason = ecstypes.DeploymentRolloutStateCompleted, fmt.Sprintf("ECS deployment %s completed.", r.id)
	r.updated = r.finished
	for range s.desired() {
		w.standing(r)
	}
	w.say(s, "(service %s) has reached a steady state.", s.name)
}

// standing is a task that has long been running.
func (w *World) standing(r *rollout) {
	t := w.newTask(r.revision.definition, w.behave(r.revision.definition), "service:"+r.service.name, r.id)
	t.rollout, t.healthy, t.EnableExecuteCommand = r, true, r.service.EnableExecuteCommand
	t.LastStatus, t.HealthStatus = aws.String("RUNNING"), ecstypes.HealthStatusHealthy
	t.Connectivity, t.StartedAt = ecstypes.ConnectivityConnected, aws.Time(w.clock)
	t.aim("healthy", w.clock)
	for i := range t.Containers {
		digest, _ := w.pulled(aws.ToString(t.Containers[i].Image))
		t.Containers[i].ImageDigest, t.Containers[i].LastStatus = aws.String(digest), aws.String("RUNNING")
		if t.definition.ContainerDefinitions[i].HealthCheck != nil {
			t.Containers[i].HealthStatus = ecstypes.HealthStatusHealthy
		}
	}
}

// replaced discards the old one of a replaced resource.
func (w *World) replaced(old resource) {
	if old.declared["UpdateReplacePolicy"] == "Retain" || strings.Contains(old.static, `"SkipDeregisterOnUpdate":true`) {
		return
	}
	w.destroy(&old)
}

// destroy deletes what a resource stands for.
func (w *World) destroy(r *resource) {
	switch r.kind {
	case "AWS::ECS::TaskDefinition":
		if d := w.definition(r.physical); d != nil {
			d.Status, d.DeregisteredAt = ecstypes.TaskDefinitionStatusInactive, aws.Time(w.clock)
		}
	case "AWS::ECS::Service":
		if s := w.serviceNamed(r.physical); s != nil {
			s.DesiredCount = aws.Int32(0)
			w.reconcile(s)
			s.deleted = true
			delete(w.ecs.services, s.name)
		}
	case "AWS::ECS::Cluster":
		delete(w.ecs.clusters, r.physical)
	case "AWS::ECR::Repository":
		delete(w.repositories, r.physical)
	case "AWS::Logs::LogGroup":
		delete(w.logs, r.physical)
	case "AWS::SSM::Parameter":
		delete(w.parameters, r.physical)
	case "AWS::RDS::DBInstance", "AWS::RDS::DBCluster":
		delete(w.databases, r.physical)
	case "AWS::Batch::JobDefinition":
		w.deregisterJob(r.physical)
	}
}
