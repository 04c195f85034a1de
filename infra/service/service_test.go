package service_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/database"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/images"
	"github.com/prooflink/prooflink/infra/infratest"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/network"
	"github.com/prooflink/prooflink/infra/service"
	"github.com/prooflink/prooflink/infra/templates"
)

const (
	taskDefinition = "AWS::ECS::TaskDefinition"
	ecsService     = "AWS::ECS::Service"
	loadBalancer   = "AWS::ElasticLoadBalancingV2::LoadBalancer"
	targetGroup    = "AWS::ElasticLoadBalancingV2::TargetGroup"
	listener       = "AWS::ElasticLoadBalancingV2::Listener"
	certificate    = "AWS::CertificateManager::Certificate"
	association    = "AWS::WAFv2::WebACLAssociation"
	record         = "AWS::Route53::RecordSet"

	credentials = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:prooflink-dev/rds-credentials-AbCdEf"
	appSecret   = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:prooflink-dev/app-secrets-AbCdEf"
	urlSecret   = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:prooflink-dev/database-url-AbCdEf"
	key         = "arn:aws:kms:ap-northeast-1:123456789012:key/11111111-2222-3333-4444-555555555555"
	webACL      = "arn:aws:wafv2:ap-northeast-1:123456789012:regional/webacl/prooflink-dev-waf-acl/1"
)

func TestMain(m *testing.M) { infratest.Main(m) }

// synth makes the service alone, with changed properties.
func synth(t *testing.T, env config.Environment, changes ...func(*service.Props)) infratest.Template {
	t.Helper()
	return infratest.Synth(t, env, func(stack awscdk.Stack) {
		props := service.Props{
			Env: env, Foundation: foundation.Import(stack, env),
			Network: network.Network{
				VpcID:         jsii.String("vpc-1"),
				PublicSubnets: *jsii.Strings("subnet-1", "subnet-2"), TaskSubnets: *jsii.Strings("subnet-3"),
				Groups: network.Groups{Alb: jsii.String("sg-alb"), Tasks: jsii.String("sg-tasks")},
			},
			Database: database.Database{SecretArn: jsii.String(credentials), AppSecretArn: jsii.String(appSecret)},
			Digests:  images.Digests{App: infratest.Digest("a"), FluentBit: infratest.Digest("b")},
		}
		for _, change := range changes {
			change(&props)
		}
		service.New(stack, props)
	})
}

// dev is dev with changes.
func dev(t *testing.T, changes ...func(*config.Environment)) config.Environment {
	t.Helper()
	return infratest.Env(t, "dev", changes...)
}

// app and router find the containers; variables is a container's environment.
func app(t *testing.T, s infratest.Template) templates.Resource {
	t.Helper()
	return infratest.Container(t, s.One(t, taskDefinition), names.AppContainer)
}

func router(t *testing.T, s infratest.Template) templates.Resource {
	t.Helper()
	return infratest.Container(t, s.One(t, taskDefinition), names.RouterContainer)
}

func variables(container templates.Resource) map[string]string {
	return infratest.Pairs(container, "Environment", "Name", "Value")
}

// policy is what one of the roles may do, by its construct's id.
func policy(t *testing.T, s infratest.Template, role string) string {
	t.Helper()
	for id, text := range s.Policies() {
		if strings.HasPrefix(id, "${"+role) {
			return text
		}
	}
	t.Fatalf("%s has no policy", role)
	return ""
}

// statements are a role's, by their Sid: what it may do and on what.
func statements(t *testing.T, s infratest.Template, role string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, p := range s.Of("AWS::IAM::Policy") {
		if !strings.HasPrefix(p.Text("Roles", 0), "${"+role) {
			continue
		}
		list, _ := p.At("PolicyDocument", "Statement").([]any)
		for _, item := range list {
			one := templates.Resource{Properties: item.(map[string]any)}
			found[one.Text("Sid")] = one.Text("Action") + " on " + one.Text("Resource")
		}
	}
	return found
}

// logs is a log group's ARN as policies have it.
func logs(group string) string {
	return "arn:${AWS::Partition}:logs:ap-northeast-1:123456789012:log-group:" + group + ":*"
}

func TestB18WithAwslogsTheApplicationWritesItsGroupWithoutARouter(t *testing.T) {
	env := dev(t, func(e *config.Environment) { e.Logging.Driver = config.DriverAWSLogs })
	s := synth(t, env)
	infratest.Equal(t, "containers", len(s.One(t, taskDefinition).At("ContainerDefinitions").([]any)), 1)
	infratest.Equal(t, "the log", app(t, s).Text("LogConfiguration"), "{LogDriver:awslogs Options:{awslogs-group:/ecs/prooflink-dev-app "+
		"awslogs-region:ap-northeast-1 awslogs-stream-prefix:ecs}}")
	infratest.Equal(t, "what it waits for", app(t, s).Text("DependsOn"), "<nothing>")
	execution := policy(t, s, "ExecutionRole")
	if !strings.Contains(execution, logs("/ecs/prooflink-dev-app")) {
		t.Errorf("the execution role cannot write the log:\n%s", execution)
	}
	for _, other := range []string{env.Names().FluentBitRepository(), env.Names().RouterLogGroup()} {
		if strings.Contains(execution, other) {
			t.Errorf("the execution role uses %s:\n%s", other, execution)
		}
	}
}

func TestC49AndC56TheTaskRoleWritesWhatItsTaskWrites(t *testing.T) {
	const errors, server, client = "/ecs/prooflink-dev-errors", "/ecs/prooflink-dev-app-server", "/ecs/prooflink-dev-app-client"
	cases := map[string]struct {
		driver          string
		direct, archive bool
		groups          []string
		archived        bool
	}{
		"firelens with everything":            {config.DriverFireLens, true, true, []string{errors, server, client}, true},
		"firelens alone":                      {config.DriverFireLens, false, true, []string{errors}, true},
		"firelens without an archive":         {config.DriverFireLens, true, false, []string{errors, server, client}, false},
		"firelens with the errors only":       {config.DriverFireLens, false, false, []string{errors}, false},
		"awslogs and the application's own":   {config.DriverAWSLogs, true, false, []string{server, client}, false},
		"awslogs alone":                       {config.DriverAWSLogs, false, false, nil, false},
		"awslogs never writes to the archive": {config.DriverAWSLogs, false, true, nil, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			found := statements(t, synth(t, dev(t, func(e *config.Environment) {
				e.Logging.Driver, e.Logging.DirectToCloudWatch, e.Logging.ArchiveBucket = c.driver, c.direct, c.archive
				e.App.Exec = false
			})), "TaskRole")
			delete(found, "S3Access")
			delete(found, "S3List")
			want := map[string]string{}
			for i := range c.groups {
				c.groups[i] = logs(c.groups[i])
			}
			switch len(c.groups) {
			case 0:
			case 1:
				want["CloudWatchLogs"] = "[logs:CreateLogStream logs:PutLogEvents] on " + c.groups[0]
			default:
				want["CloudWatchLogs"] = "[logs:CreateLogStream logs:PutLogEvents] on [" + strings.Join(c.groups, " ") + "]"
			}
			if c.archived {
				want["ArchiveLogs"] = "s3:PutObject on arn:${AWS::Partition}:s3:::prooflink-dev-logs-123456789012/year=*"
			}
			infratest.Equal(t, "the task role", found, want)
		})
	}
}

func TestA7AndC69TheTaskRoleUsesTheFoldersOfItsOwnBucket(t *testing.T) {
	bucket := "arn:${AWS::Partition}:s3:::prooflink-dev-files-123456789012"
	s := synth(t, dev(t))
	found := statements(t, s, "TaskRole")
	infratest.Equal(t, "S3Access", found["S3Access"], "[s3:GetObject s3:PutObject s3:DeleteObject] on ["+bucket+"/evidences/* "+bucket+"/imports/* "+
		bucket+"/imports-results/* "+bucket+"/control-specs/* "+bucket+"/dataflows/*]")
	infratest.Equal(t, "S3List", found["S3List"], "s3:ListBucket on "+bucket)
	if text := policy(t, s, "TaskRole"); !strings.Contains(text, "{StringLike:{s3:prefix:[evidences/* imports/* imports-results/* control-specs/* dataflows/*]}}") {
		t.Errorf("the list has no condition:\n%s", text)
	}
}

func TestACommandIsRunInATaskOnlyWhereThatIsConfigured(t *testing.T) {
	cases := map[bool][3]string{
		true: {"true", "[ssmmessages:CreateControlChannel ssmmessages:CreateDataChannel ssmmessages:OpenControlChannel " +
			"ssmmessages:OpenDataChannel] on *", "true"},
		false: {"false", "", templates.Nothing},
	}
	for exec, want := range cases {
		s := synth(t, dev(t, func(e *config.Environment) { e.App.Exec = exec }))
		infratest.Equal(t, "exec", [3]string{
			s.One(t, ecsService).Text("EnableExecuteCommand"), statements(t, s, "TaskRole")["Commands"],
			app(t, s).Text("LinuxParameters", "InitProcessEnabled"),
		}, want)
		infratest.Equal(t, "the router's", router(t, s).Text("LinuxParameters"), templates.Nothing)
		infratest.Equal(t, "the execution role's", statements(t, s, "ExecutionRole")["Commands"], "")
	}
}

func TestWithoutAnArchiveTheRouterSendsErrorsOnly(t *testing.T) {
	s := synth(t, dev(t, func(e *config.Environment) { e.Logging.ArchiveBucket = false }))
	infratest.Equal(t, "configuration", router(t, s).Text("FirelensConfiguration", "Options", "config-file-value"), "/fluent-bit/custom/errors-only.conf")
	infratest.Equal(t, "environment", variables(router(t, s)), map[string]string{
		"AWS_REGION": "ap-northeast-1", "ERROR_LOG_GROUP": "/ecs/prooflink-dev-errors"})
	for id, r := range s.Resources {
		if strings.Contains(templates.Text(r.Properties), "prooflink-dev-logs-") {
			t.Errorf("%s uses the archive: %s", id, templates.Text(r.Properties))
		}
	}
}

func TestC52TheRoutersHealthIsAskedAndWaitedFor(t *testing.T) {
	s := synth(t, dev(t))
	infratest.Equal(t, "health check", router(t, s).Text("HealthCheck"), "{Command:[CMD-SHELL curl -f http://127.0.0.1:2020/api/v1/uptime || exit 1] "+
		"Interval:5 Retries:3 StartPeriod:30 Timeout:3}")
	infratest.Equal(t, "what the application waits for", app(t, s).Text("DependsOn"), "[{Condition:HEALTHY ContainerName:log-router}]")
	infratest.Equal(t, "how long it waits", router(t, s).Text("StartTimeout"), "120")
	infratest.Equal(t, "memory", router(t, s).Text("MemoryReservation"), "50")
	infratest.Equal(t, "user", router(t, s).Text("User"), "0")
	infratest.Equal(t, "essential", router(t, s).Text("Essential"), "true")
	infratest.Equal(t, "C54: time to send the rest", router(t, s).Text("StopTimeout"), "60")
	infratest.Equal(t, "open ports", router(t, s).Text("PortMappings"), "<nothing>")
	infratest.Equal(t, "its own log", router(t, s).Text("LogConfiguration"), "{LogDriver:awslogs Options:{awslogs-group:/ecs/prooflink-dev-firelens "+
		"awslogs-region:ap-northeast-1 awslogs-stream-prefix:firelens}}")
}

func TestA11TheFirewallIsBeforeTheLoadBalancer(t *testing.T) {
	infratest.Equal(t, "without one", len(synth(t, dev(t)).Of(association)), 0)
	s := synth(t, dev(t), func(p *service.Props) { p.WebACLArn = jsii.String(webACL) })
	infratest.Equal(t, "with one", s.One(t, association).Text("WebACLArn")+" "+s.One(t, association).Text("ResourceArn"), webACL+" ${LoadBalancer}")
	for _, first := range []string{"Firewall", "HttpListener"} {
		if !slices.Contains(s.One(t, ecsService).DependsOn, first) {
			t.Errorf("tasks start before %s: %v", first, s.One(t, ecsService).DependsOn)
		}
	}
}

// ownDomain is an environment with HTTPS whose certificate the stack makes.
func ownDomain(e *config.Environment) {
	e.ALB.TLS = config.TLS{Enabled: true}
	e.DNS = config.DNS{ZoneName: "example.org", ZoneID: "Z0123456789ABC", RecordName: "prooflink.example.org"}
}

func TestC13ACertificateIsMadeAndProvenInTheConfiguredZone(t *testing.T) {
	s := synth(t, dev(t, ownDomain))
	made := s.One(t, certificate)
	infratest.Equal(t, "certificate", []string{made.Text("DomainName"), made.Text("ValidationMethod"), made.Text("DomainValidationOptions")},
		[]string{"prooflink.example.org", "DNS", "[{DomainName:prooflink.example.org HostedZoneId:Z0123456789ABC}]"})
	for _, l := range s.Of(listener) {
		if l.Text("Protocol") == "HTTPS" {
			infratest.Equal(t, "HTTPS", l.Text("Certificates")+" "+l.Text("Port"), "[{CertificateArn:${Certificate}}] 443")
		}
	}
	infratest.Equal(t, "listeners", len(s.Of(listener)), 2)
}

func TestC13AGivenCertificateIsUsed(t *testing.T) {
	const given = "arn:aws:acm:ap-northeast-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
	s := synth(t, dev(t, ownDomain, func(e *config.Environment) { e.ALB.TLS.CertificateArn = given }))
	infratest.Equal(t, "certificates", len(s.Of(certificate)), 0)
	uses := slices.ContainsFunc(s.Of(listener), func(l templates.Resource) bool { return l.Text("Certificates", 0, "CertificateArn") == given })
	infratest.Equal(t, "a listener uses it", uses, true)
}

func TestA12TheDomainIsAnAliasOfTheLoadBalancer(t *testing.T) {
	infratest.Equal(t, "without a zone", len(synth(t, dev(t)).Of(record)), 0)
	r := synth(t, dev(t, ownDomain)).One(t, record)
	infratest.Equal(t, "record", []string{r.Text("Name"), r.Text("Type"), r.Text("HostedZoneId"), r.Text("AliasTarget")}, []string{
		"prooflink.example.org", "A", "Z0123456789ABC",
		"{DNSName:${LoadBalancer.DNSName} HostedZoneId:${LoadBalancer.CanonicalHostedZoneID}}"})
}

func TestC15TheApplicationKnowsWhereItsUsersGo(t *testing.T) {
	cases := map[string]struct {
		change func(*config.Environment)
		want   string
	}{
		"the load balancer's own name": {func(*config.Environment) {}, "http://${LoadBalancer.DNSName}"},
		"a domain with HTTPS":          {ownDomain, "https://prooflink.example.org"},
		"a domain without":             {func(e *config.Environment) { ownDomain(e); e.ALB.TLS.Enabled = false }, "http://prooflink.example.org"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := synth(t, dev(t, c.change))
			infratest.Equal(t, "NEXTAUTH_URL", variables(app(t, s))["NEXTAUTH_URL"], c.want)
			infratest.Equal(t, "the output", templates.Text(s.Outputs[names.OutputServiceURL].Value), c.want)
		})
	}
}

func TestB15Port80ForwardsOrRedirects(t *testing.T) {
	for action, want := range map[string]string{
		config.HTTPForward:  "[{TargetGroupArn:${TargetGroup} Type:forward}]",
		config.HTTPRedirect: "[{RedirectConfig:{Port:443 Protocol:HTTPS StatusCode:HTTP_301} Type:redirect}]",
	} {
		s := synth(t, dev(t, ownDomain, func(e *config.Environment) { e.ALB.HTTPAction = action }))
		for _, l := range s.Of(listener) {
			if l.Text("Protocol") == "HTTP" {
				infratest.Equal(t, action, l.Text("DefaultActions"), want)
			}
		}
	}
}

func TestA10TheTargetGroupIsTheSeeds(t *testing.T) {
	g := synth(t, dev(t)).One(t, targetGroup)
	got := map[string]string{}
	for _, property := range []string{"TargetType", "Protocol", "Port", "HealthCheckProtocol", "HealthCheckPath", "HealthyThresholdCount",
		"UnhealthyThresholdCount", "HealthCheckTimeoutSeconds", "HealthCheckIntervalSeconds", "TargetGroupAttributes"} {
		got[property] = g.Text(property)
	}
	infratest.Equal(t, "target group", got, map[string]string{
		"TargetType": "ip", "Protocol": "HTTP", "Port": "3000", "HealthCheckProtocol": "HTTP", "HealthCheckPath": "/api/health",
		"HealthyThresholdCount": "2", "UnhealthyThresholdCount": "3", "HealthCheckTimeoutSeconds": "5", "HealthCheckIntervalSeconds": "30",
		"TargetGroupAttributes": "[{Key:deregistration_delay.timeout_seconds Value:30}]",
	})
	infratest.Equal(t, "code", g.Text("Matcher", "HttpCode"), "200")
}

func TestA10AndC19TheLoadBalancersAttributes(t *testing.T) {
	for _, kept := range []bool{false, true} {
		want := map[string]string{"idle_timeout.timeout_seconds": "60", "routing.http.drop_invalid_header_fields.enabled": "true",
			"deletion_protection.enabled": strconv.FormatBool(kept)}
		if kept {
			want["access_logs.s3.enabled"], want["access_logs.s3.bucket"] = "true", "prooflink-dev-alb-logs-123456789012"
		}
		s := synth(t, dev(t, func(e *config.Environment) {
			e.ALB.AccessLogs, e.Removal.Policy = kept, config.RemovalDestroy
			if kept {
				e.Removal = config.Removal{Policy: config.RemovalRetain}
			}
		}))
		infratest.Equal(t, "attributes", infratest.Pairs(s.One(t, loadBalancer), "LoadBalancerAttributes", "Key", "Value"), want)
		infratest.Equal(t, "the application's keep-alive", variables(app(t, s))["KEEP_ALIVE_TIMEOUT"], "65000")
	}
	b := synth(t, dev(t)).One(t, loadBalancer)
	infratest.Equal(t, "kind", []string{b.Text("Name"), b.Text("Scheme"), b.Text("IpAddressType"), b.Text("SecurityGroups")},
		[]string{"prooflink-dev-alb", "internet-facing", "ipv4", "[sg-alb]"})
}

func TestB11AnotherImageHasItsPortAndPath(t *testing.T) {
	s := synth(t, dev(t, func(e *config.Environment) { e.App.Port, e.App.HealthPath = 8000, "/health" }))
	infratest.Equal(t, "target group", s.One(t, targetGroup).Text("Port")+s.One(t, targetGroup).Text("HealthCheckPath"), "8000/health")
	infratest.Equal(t, "port mapping", app(t, s).Text("PortMappings"), "[{ContainerPort:8000 Name:app-8000-tcp Protocol:tcp}]")
	infratest.Equal(t, "PORT", variables(app(t, s))["PORT"], "8000")
	infratest.Equal(t, "service", s.One(t, ecsService).Text("LoadBalancers", 0, "ContainerPort"), "8000")
	if check := app(t, s).Text("HealthCheck", "Command"); !strings.Contains(check, "http://127.0.0.1:8000/health'") {
		t.Errorf("the health check is %s", check)
	}
}

func TestB12ScalingIsConfigured(t *testing.T) {
	s := synth(t, dev(t, func(e *config.Environment) {
		e.App.Autoscaling = config.Autoscaling{Enabled: true, Min: 3, Max: 10, CPUTarget: 50}
	}))
	target := s.One(t, "AWS::ApplicationAutoScaling::ScalableTarget")
	infratest.Equal(t, "range", target.Text("MinCapacity")+"-"+target.Text("MaxCapacity"), "3-10")
	infratest.Equal(t, "resource", target.Text("ResourceId"), "service/prooflink-dev-cluster/${Service.Name}")
	scaling := s.One(t, "AWS::ApplicationAutoScaling::ScalingPolicy")
	infratest.Equal(t, "target", scaling.Text("TargetTrackingScalingPolicyConfiguration", "TargetValue")+" "+
		scaling.Text("TargetTrackingScalingPolicyConfiguration", "PredefinedMetricSpecification", "PredefinedMetricType"),
		"50 ECSServiceAverageCPUUtilization")
	infratest.Equal(t, "count", s.One(t, ecsService).Text("DesiredCount"), "<nothing>")
	fixed := synth(t, dev(t, func(e *config.Environment) { e.App.DesiredCount = 2 }))
	infratest.Equal(t, "without it", fixed.One(t, ecsService).Text("DesiredCount"), "2")
}

func TestC16ANewTaskHasTimeToStart(t *testing.T) {
	for seconds, start := range map[int]string{120: "120", 900: "300"} {
		s := synth(t, dev(t, func(e *config.Environment) { e.App.GraceSeconds = seconds }))
		infratest.Equal(t, "service", s.One(t, ecsService).At("HealthCheckGracePeriodSeconds"), any(float64(seconds)))
		infratest.Equal(t, "container", app(t, s).Text("HealthCheck", "StartPeriod"), start)
	}
}

func TestTheTaskHasItsSizePlatformAndPlace(t *testing.T) {
	for env, size := range map[string]string{"dev": "512 1024", "prod": "1024 2048"} {
		s := synth(t, infratest.Env(t, env))
		d := s.One(t, taskDefinition)
		infratest.Equal(t, env+"'s size", d.Text("Cpu")+" "+d.Text("Memory"), size)
		infratest.Equal(t, env+"'s platform", d.Text("RuntimePlatform")+" "+d.Text("RequiresCompatibilities")+" "+d.Text("NetworkMode"),
			"{CpuArchitecture:X86_64 OperatingSystemFamily:LINUX} [FARGATE] awsvpc")
		infratest.Equal(t, env+"'s place", s.One(t, ecsService).Text("NetworkConfiguration", "AwsvpcConfiguration"),
			"{AssignPublicIp:DISABLED SecurityGroups:[sg-tasks] Subnets:[subnet-3]}")
	}
}

func TestB30AndC33TheApplicationReadsItsSecretsAndNoOthers(t *testing.T) {
	cases := map[string]struct {
		change func(*service.Props)
		reads  []string
		want   map[string]string
	}{
		"parts of the URL": {func(*service.Props) {}, []string{credentials, appSecret}, map[string]string{
			"DB_HOST": credentials + ":host::", "DB_PORT": credentials + ":port::", "DB_NAME": credentials + ":dbname::",
			"DB_USERNAME": credentials + ":username::", "DB_PASSWORD": credentials + ":password::",
			"NEXTAUTH_SECRET": appSecret + ":NEXTAUTH_SECRET::"}},
		"the URL": {func(p *service.Props) { p.Database.URLSecretArn = jsii.String(urlSecret) }, []string{urlSecret, appSecret}, map[string]string{
			"DATABASE_URL": urlSecret + ":DATABASE_URL::", "NEXTAUTH_SECRET": appSecret + ":NEXTAUTH_SECRET::"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := synth(t, dev(t), c.change)
			infratest.Equal(t, "secrets", infratest.Pairs(app(t, s), "Secrets", "Name", "ValueFrom"), c.want)
			text := policy(t, s, "ExecutionRole")
			for _, arn := range []string{credentials, appSecret, urlSecret} {
				infratest.Equal(t, "reads "+arn, strings.Contains(text, arn), slices.Contains(c.reads, arn))
			}
			infratest.Equal(t, "uses a key", strings.Contains(text, "kms:Decrypt"), false)
		})
	}
}

func TestC33AnOwnKeyDecryptsTheSecretsForTheExecutionRole(t *testing.T) {
	s := synth(t, dev(t), func(p *service.Props) { p.Database.KeyArn = jsii.String(key) })
	infratest.Equal(t, "statement", statements(t, s, "ExecutionRole")["DecryptSecrets"], "kms:Decrypt on "+key)
	if text := policy(t, s, "TaskRole"); strings.Contains(text, "kms:") || strings.Contains(text, "secretsmanager:") {
		t.Errorf("the task role reads secrets:\n%s", text)
	}
}

func TestB31LiteralNamesAreTheSeeds(t *testing.T) {
	s := synth(t, dev(t, func(e *config.Environment) { e.Naming.Scheme = config.SchemeLiteral }))
	infratest.Equal(t, "names", []string{s.One(t, loadBalancer).Text("Name"), s.One(t, targetGroup).Text("Name"), s.One(t, ecsService).Text("ServiceName"),
		variables(router(t, s))["ERROR_LOG_GROUP"]}, []string{"prooflink-alb", "prooflink-tg", "prooflink-service", "/ecs/backend/errors"})
	var roles []string
	for _, role := range s.Of("AWS::IAM::Role") {
		roles = append(roles, role.Text("RoleName"))
	}
	infratest.Equal(t, "roles", roles, []string{"prooflink-ecs-task-execution-role", "prooflink-ecs-task-role"})
}

func TestTheServicesNamesAreThoseOfItsMetrics(t *testing.T) {
	var made service.Service
	infratest.Synth(t, dev(t), func(stack awscdk.Stack) {
		made = service.New(stack, service.Props{
			Env: dev(t), Foundation: foundation.Import(stack, dev(t)),
			Network: network.Network{VpcID: jsii.String("vpc-1"), PublicSubnets: *jsii.Strings("subnet-1", "subnet-2"),
				Groups: network.Groups{Alb: jsii.String("sg-alb"), Tasks: jsii.String("sg-tasks")}},
			Database: database.Database{SecretArn: jsii.String(credentials), AppSecretArn: jsii.String(appSecret)},
			Digests:  images.Digests{App: infratest.Digest("a"), FluentBit: infratest.Digest("b")},
		})
		for _, each := range []*string{made.URL, made.LoadBalancerName, made.TargetGroupName} {
			if each == nil {
				t.Error("the service lacks a name or its URL")
			}
		}
	})
}
