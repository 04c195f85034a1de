package app_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prooflink/prooflink/infra/app"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/images"
	"github.com/prooflink/prooflink/infra/infratest"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/templates"
)

const (
	taskDefinition = "AWS::ECS::TaskDefinition"
	ecsService     = "AWS::ECS::Service"
	jobDefinition  = "AWS::Batch::JobDefinition"
	securityGroup  = "AWS::EC2::SecurityGroup"
	listener       = "AWS::ElasticLoadBalancingV2::Listener"
	loadBalancer   = "AWS::ElasticLoadBalancingV2::LoadBalancer"
	database       = "AWS::RDS::DBInstance"
	logGroup       = "AWS::Logs::LogGroup"
)

// everywhere runs a test in each environment.
func everywhere(t *testing.T, test func(t *testing.T, env config.Environment)) {
	t.Helper()
	for _, name := range config.Known() {
		env, err := config.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { test(t, env) })
	}
}

func TestC1TheLoadBalancerHasTwoSubnets(t *testing.T) {
	everywhere(t, func(t *testing.T, env config.Environment) {
		subnets := stack(t, env.Env, names.Compute).One(t, loadBalancer).Properties["Subnets"].([]any)
		infratest.Equal(t, "subnets", len(subnets), 2)
		if templates.Text(subnets[0]) == templates.Text(subnets[1]) {
			t.Error("both are the same")
		}
	})
}

func TestC2TheDatabaseSubnetGroupHasTwoSubnets(t *testing.T) {
	everywhere(t, func(t *testing.T, env config.Environment) {
		group := stack(t, env.Env, names.Database).One(t, "AWS::RDS::DBSubnetGroup")
		infratest.Equal(t, "subnets", len(group.Properties["SubnetIds"].([]any)), 2)
		zone := env.Network.AZs[0]
		if env.DB.MultiAZ {
			zone = "<nothing>"
		}
		infratest.Equal(t, "the instance's zone", stack(t, env.Env, names.Database).One(t, database).Text("AvailabilityZone"), zone)
	})
}

func TestC3SubnetsHaveTheConfiguredRangesZonesAndNames(t *testing.T) {
	everywhere(t, func(t *testing.T, env config.Environment) {
		var got, want []string
		for _, s := range stack(t, env.Env, names.Network).Of("AWS::EC2::Subnet") {
			name := regexp.MustCompile(`Key:Name Value:(\S+)}`).FindStringSubmatch(s.Text("Tags"))[1]
			got = append(got, s.Text("CidrBlock")+" "+s.Text("AvailabilityZone")+" "+name)
		}
		n, net := env.Names(), env.Network
		for i, az := range net.AZs {
			want = append(want, net.PublicSubnetCIDRs[i]+" "+az+" "+n.PublicSubnet(i+1, az),
				net.PrivateSubnetCIDRs[i]+" "+az+" "+n.PrivateSubnet(i+1, az))
		}
		slices.Sort(got)
		slices.Sort(want)
		infratest.Equal(t, "subnets", got, want)
	})
}

func TestC11OnlyConfiguredPortsAreOpenToTheWorld(t *testing.T) {
	everywhere(t, func(t *testing.T, env config.Environment) {
		var open []string
		for _, role := range env.Stacks() {
			s := stack(t, env.Env, role)
			for _, group := range s.Of(securityGroup) {
				rules, _ := group.Properties["SecurityGroupIngress"].([]any)
				for _, rule := range rules {
					if text := templates.Text(rule); strings.Contains(text, "CidrIp:0.0.0.0/0") {
						open = append(open, group.Text("GroupName")+" "+templates.Text(rule.(map[string]any)["FromPort"]))
					}
				}
			}
			for _, rule := range s.Of("AWS::EC2::SecurityGroupIngress") {
				infratest.Equal(t, "an added rule's range", rule.Text("CidrIp"), "<nothing>")
			}
		}
		want := []string{env.Names().AlbSecurityGroup() + " 80"}
		if env.ALB.TLS.Enabled {
			want = append(want, env.Names().AlbSecurityGroup()+" 443")
		}
		infratest.Equal(t, "open ports", open, want)
	})
}

func TestC12HTTPSHasItsPolicy(t *testing.T) {
	var protocols []string
	for _, l := range stack(t, "prod", names.Compute).Of(listener) {
		protocols = append(protocols, l.Text("Protocol")+" "+l.Text("SslPolicy")+" "+l.Text("DefaultActions", 0, "Type"))
	}
	infratest.Equal(t, "listeners", protocols, []string{"HTTP <nothing> redirect", "HTTPS ELBSecurityPolicy-TLS13-1-2-2021-06 forward"})
	infratest.Equal(t, "dev's action", stack(t, "dev", names.Compute).One(t, listener).Text("DefaultActions", 0, "Type"), "forward")
}

func TestC20SmallVolumesHaveNoIOPS(t *testing.T) {
	everywhere(t, func(t *testing.T, env config.Environment) {
		infratest.Equal(t, "IOPS", stack(t, env.Env, names.Database).One(t, database).Text("Iops"), "<nothing>")
	})
}

func TestA5TheDatabaseIsTheSeeds(t *testing.T) {
	type properties struct{ Class, Storage, Type, Max, MultiAZ, Backup, Encrypted, Protected, Insights, Engine, Public, Deletion string }
	want := map[string]properties{
		"dev":  {"db.t4g.micro", "20", "gp3", "<nothing>", "false", "0", "true", "false", "false", "postgres 15", "false", "Delete"},
		"prod": {"db.t4g.medium", "100", "gp3", "500", "true", "7", "true", "true", "true", "postgres 15", "false", "Snapshot"},
	}
	for env, expected := range want {
		t.Run(env, func(t *testing.T) {
			r := stack(t, env, names.Database).One(t, database)
			infratest.Equal(t, "database", properties{r.Text("DBInstanceClass"), r.Text("AllocatedStorage"), r.Text("StorageType"),
				r.Text("MaxAllocatedStorage"), r.Text("MultiAZ"), r.Text("BackupRetentionPeriod"), r.Text("StorageEncrypted"),
				r.Text("DeletionProtection"), r.Text("EnablePerformanceInsights"), r.Text("Engine") + " " + r.Text("EngineVersion"),
				r.Text("PubliclyAccessible"), r.DeletionPolicy}, expected)
			infratest.Equal(t, "a replacement leaves", r.UpdateReplacePolicy, "Snapshot")
		})
	}
}

// containersWithDatabase are those that connect to the database.
func containersWithDatabase(t *testing.T, env string) map[string]templates.Resource {
	t.Helper()
	jobs := stack(t, env, names.Batch).Of(jobDefinition)
	return map[string]templates.Resource{
		"app":     container(t, stack(t, env, names.Compute).One(t, taskDefinition), names.AppContainer),
		"migrate": container(t, stack(t, env, names.Database).One(t, taskDefinition), names.MigrateContainer),
		"batch":   {Properties: jobs[0].Properties["ContainerProperties"].(map[string]any)},
		"batch 2": {Properties: jobs[1].Properties["ContainerProperties"].(map[string]any)},
	}
}

func TestC26AndC32TheDatabaseIsReachedByItsSecretsKeysOverTLS(t *testing.T) {
	everywhere(t, func(t *testing.T, env config.Environment) {
		for name, c := range containersWithDatabase(t, env.Env) {
			secrets := pairs(c, "Secrets", "Name", "ValueFrom")
			for variable, key := range map[string]string{"DB_HOST": "host", "DB_PORT": "port", "DB_NAME": "dbname",
				"DB_USERNAME": "username", "DB_PASSWORD": "password"} {
				infratest.Within(t, name+"'s "+variable, secrets[variable], "CredentialsAttachment", ":"+key+"::")
			}
			infratest.Equal(t, name+"'s TLS", pairs(c, "Environment", "Name", "Value")["DB_SSLMODE"], env.DB.SSLMode)
			if text := templates.Text(c.Properties); strings.Contains(text, "DATABASE_URL") {
				t.Errorf("%s has DATABASE_URL, which the secret doesn't", name)
			}
		}
		force := map[bool]string{true: "0", false: "1"}[env.DB.SSLMode == config.SSLDisable]
		infratest.Equal(t, "rds.force_ssl", stack(t, env.Env, names.Database).One(t, "AWS::RDS::DBParameterGroup").Text("Parameters", "rds.force_ssl"), force)
	})
}

func TestC33ExecutionRolesReadOnlyTheirSecrets(t *testing.T) {
	for role, count := range map[names.StackRole]int{names.Database: 1, names.Compute: 2, names.Batch: 1} {
		text := ""
		for id, policy := range stack(t, "prod", role).Policies() {
			if strings.Contains(id, "ExecutionRole") {
				text += policy
			}
		}
		infratest.Within(t, string(role), text, "secretsmanager:GetSecretValue")
		secrets := strings.Count(text, "CredentialsAttachment") + strings.Count(text, "AppSecret")
		infratest.Equal(t, string(role)+"'s secrets", secrets, count)
	}
}

func TestC34EveryLogGroupThatIsWrittenExistsAndEnds(t *testing.T) {
	everywhere(t, func(t *testing.T, env config.Environment) {
		made := map[string]string{}
		for _, role := range []names.StackRole{names.Foundation, names.Network} {
			for _, group := range stack(t, env.Env, role).Of(logGroup) {
				made[group.Text("LogGroupName")] = group.Text("RetentionInDays")
			}
		}
		used := regexp.MustCompile(`/(?:ecs|aws/batch)/[a-z-]+`)
		for _, role := range []names.StackRole{names.Database, names.Compute, names.Batch} {
			for _, r := range stack(t, env.Env, role).Resources {
				for _, name := range used.FindAllString(templates.Text(r.Properties), -1) {
					if days := made[name]; days == "" || days == "<nothing>" {
						t.Errorf("%s is used, but not made with a retention: %v", name, made)
					}
				}
			}
		}
	})
}

func TestC38RepositoriesAreInAStackThatNeedsNoImage(t *testing.T) {
	everywhere(t, func(t *testing.T, env config.Environment) {
		base := stack(t, env.Env, names.Foundation)
		infratest.Equal(t, "repositories", len(base.Of("AWS::ECR::Repository")), 3)
		for _, r := range base.Resources {
			if text := templates.Text(r.Properties); strings.Contains(text, "@sha256:") || strings.Contains(text, "Stack-") {
				t.Errorf("the foundation depends on an image or a stack: %s", text)
			}
		}
	})
}

func TestEveryImageIsNamedByItsDigest(t *testing.T) {
	everywhere(t, func(t *testing.T, env config.Environment) {
		n := env.Names()
		images := map[string]string{}
		for name, c := range containersWithDatabase(t, env.Env) {
			images[name] = c.Text("Image")
		}
		task := stack(t, env.Env, names.Compute).One(t, taskDefinition)
		images["router"] = container(t, task, names.RouterContainer).Text("Image")
		for name, want := range map[string]string{
			"app": n.AppRepository() + "@" + appDigest, "batch": n.BatchRepository() + "@" + batchDigest, "batch 2": n.BatchRepository() + "@" + batchDigest,
			"migrate": n.BatchRepository() + "@" + batchDigest, "router": n.FluentBitRepository() + "@" + routerDigest,
		} {
			if !strings.HasSuffix(images[name], "/"+want) {
				t.Errorf("%s is %s, want …/%s", name, images[name], want)
			}
		}
	})
}

func TestC42AutoscalingDecidesTheNumberOfTasks(t *testing.T) {
	prod, dev := stack(t, "prod", names.Compute), stack(t, "dev", names.Compute)
	infratest.Equal(t, "prod's count", prod.One(t, ecsService).Text("DesiredCount"), "<nothing>")
	infratest.Equal(t, "dev's count", dev.One(t, ecsService).Text("DesiredCount"), "1")
	target := prod.One(t, "AWS::ApplicationAutoScaling::ScalableTarget")
	infratest.Equal(t, "prod's range", target.Text("MinCapacity")+"-"+target.Text("MaxCapacity"), "2-20")
	infratest.Equal(t, "dev's targets", len(dev.Of("AWS::ApplicationAutoScaling::ScalableTarget")), 0)
}

func TestC46AndC47TheRouterHasItsConfigurationInItsImage(t *testing.T) {
	everywhere(t, func(t *testing.T, env config.Environment) {
		task := stack(t, env.Env, names.Compute).One(t, taskDefinition)
		infratest.Equal(t, "the application's log", container(t, task, names.AppContainer).Text("LogConfiguration"), "{LogDriver:awsfirelens}")
		router := container(t, task, names.RouterContainer)
		infratest.Within(t, "the router", router.Text("FirelensConfiguration"), "Type:fluentbit", "config-file-type:file",
			"config-file-value:/fluent-bit/custom/prooflink.conf")
		infratest.Equal(t, "the router's own log", router.Text("LogConfiguration", "LogDriver"), "awslogs")
		infratest.Equal(t, "the router is essential", router.Text("Essential"), "true")
		infratest.Within(t, "the application", container(t, task, names.AppContainer).Text("DependsOn"), "ContainerName:log-router")
	})
}

func TestC49AndC55TheTaskRoleWritesTheLogs(t *testing.T) {
	everywhere(t, func(t *testing.T, env config.Environment) {
		n := env.Names()
		text := ""
		for id, policy := range stack(t, env.Env, names.Compute).Policies() {
			if strings.HasPrefix(id, "${TaskRole") {
				text += policy
			}
		}
		infratest.Within(t, "the task role", text, "logs:CreateLogStream", "logs:PutLogEvents", n.ErrorsLogGroup()+":*",
			n.ServerLogGroup()+":*", n.ClientLogGroup()+":*", "s3:PutObject", "/year=*")
		text = strings.ReplaceAll(text, "Resource:* Sid:Commands", "") // app.exec; its channels have no ARN
		for _, wildcard := range []string{"Resource:*", "Action:*", "-files-*", "s3:*"} {
			if strings.Contains(text, wildcard) {
				t.Errorf("the task role has %q", wildcard)
			}
		}
	})
}

func TestC51TheRouterKnowsBucketAndGroup(t *testing.T) {
	task := stack(t, "local", names.Compute).One(t, taskDefinition)
	router := pairs(container(t, task, names.RouterContainer), "Environment", "Name", "Value")
	infratest.Equal(t, "the router's environment", router, map[string]string{
		"AWS_REGION": "ap-northeast-1", "ERROR_LOG_GROUP": "/ecs/prooflink-local-errors",
		"LOG_BUCKET_NAME": "prooflink-local-logs-000000000000",
	})
}

func TestA9TheApplicationsEnvironmentIsTheSeeds(t *testing.T) {
	app := container(t, stack(t, "prod", names.Compute).One(t, taskDefinition), names.AppContainer)
	infratest.Equal(t, "environment", pairs(app, "Environment", "Name", "Value"), map[string]string{
		"NODE_ENV": "production", "PORT": "3000", "NEXTAUTH_URL": "https://prooflink.example.com", "AUTH_TRUST_HOST": "true",
		"KEEP_ALIVE_TIMEOUT": "65000", "AWS_REGION": "ap-northeast-1", "AWS_S3_BUCKET_NAME": "prooflink-prod-files-123456789012",
		"DB_SSLMODE": "verify-full", "LOG_LEVEL": "info", "ENABLE_CLOUDWATCH_LOGS": "true",
		"CLOUDWATCH_SERVER_LOG_GROUP":       "/ecs/prooflink-prod-app-server",
		"CLOUDWATCH_CLIENT_LOG_GROUP":       "/ecs/prooflink-prod-app-client",
		"NEXT_PUBLIC_CLIENT_LOG_SEND_LEVEL": "warn", "NEXT_PUBLIC_CLIENT_LOG_BATCH_SIZE": "10",
		"NEXT_PUBLIC_CLIENT_LOG_BATCH_INTERVAL": "30000",
	})
	dev := container(t, stack(t, "dev", names.Compute).One(t, taskDefinition), names.AppContainer)
	infratest.Equal(t, "C15: dev's URL", pairs(dev, "Environment", "Name", "Value")["NEXTAUTH_URL"], "http://${LoadBalancer.DNSName}")
	infratest.Equal(t, "port", app.Text("PortMappings", 0, "Name"), "app-3000-tcp")
	infratest.Within(t, "health check", app.Text("HealthCheck", "Command"), "[CMD node -e fetch('http://127.0.0.1:3000/api/health')")
}

func TestA9ARollingUpdateIsRolledBackWhenItFails(t *testing.T) {
	everywhere(t, func(t *testing.T, env config.Environment) {
		s := stack(t, env.Env, names.Compute).One(t, ecsService)
		infratest.Equal(t, "deployment", s.Text("DeploymentConfiguration"),
			"{DeploymentCircuitBreaker:{Enable:true Rollback:true} MaximumPercent:200 MinimumHealthyPercent:100}")
		infratest.Equal(t, "public address", s.Text("NetworkConfiguration", "AwsvpcConfiguration", "AssignPublicIp"), "DISABLED")
		subnets := s.Properties["NetworkConfiguration"].(map[string]any)["AwsvpcConfiguration"].(map[string]any)["Subnets"].([]any)
		infratest.Equal(t, "zones with tasks", len(subnets), env.Network.ActiveAZs)
	})
}

func TestC62AndC63NoStackNeedsALaterOne(t *testing.T) {
	everywhere(t, func(t *testing.T, env config.Environment) {
		order := env.Names().Stacks(env.Stacks())
		data, err := os.ReadFile(filepath.Join(synth(t, env.Env), "manifest.json"))
		if err != nil {
			t.Fatal(err)
		}
		var manifest struct {
			Artifacts map[string]struct{ Dependencies []string }
		}
		if err := json.Unmarshal(data, &manifest); err != nil {
			t.Fatal(err)
		}
		for i, name := range order {
			for _, dependency := range manifest.Artifacts[name].Dependencies {
				if at := slices.Index(order, dependency); at > i {
					t.Errorf("%s needs %s", name, dependency)
				}
			}
		}
		infratest.Equal(t, "Compute's stacks", slices.Contains(manifest.Artifacts[order[3]].Dependencies, order[0]), true)
	})
}

func TestC63SecurityGroupsAndTheirRulesAreInTheNetworkStack(t *testing.T) {
	everywhere(t, func(t *testing.T, env config.Environment) {
		for _, role := range env.Stacks() {
			s := stack(t, env.Env, role)
			groups, rules := len(s.Of(securityGroup)), len(s.Of("AWS::EC2::SecurityGroupIngress"))
			if role == names.Network {
				infratest.Equal(t, "groups and rules", []int{groups, rules}, []int{4, 3})
			} else if groups+rules > 0 {
				t.Errorf("%s has a security group or a rule", role)
			}
			infratest.Equal(t, "outbound rules apart", len(s.Of("AWS::EC2::SecurityGroupEgress")), 0)
		}
	})
}

func TestC64NoExportLocksAStack(t *testing.T) {
	everywhere(t, func(t *testing.T, env config.Environment) {
		for _, role := range env.Stacks() {
			for key, output := range stack(t, env.Env, role).Outputs {
				if output.Export != nil {
					t.Errorf("%s exports %s", role, key)
				}
			}
		}
	})
}

func TestC76AndC83TheQueueHasOneEnvironmentPerType(t *testing.T) {
	s := stack(t, "dev", names.Batch)
	var types []string
	for _, e := range s.Of("AWS::Batch::ComputeEnvironment") {
		types = append(types, e.Text("ComputeResources", "Type")+" "+e.Text("ComputeResources", "MaxvCpus")+" "+e.Text("ReplaceComputeEnvironment"))
		infratest.Equal(t, "C77: service role", e.Text("ServiceRole"), "<nothing>")
	}
	infratest.Equal(t, "environments", types, []string{"FARGATE 2 false", "FARGATE_SPOT 2 false"})
	infratest.Equal(t, "order", s.One(t, "AWS::Batch::JobQueue").Text("ComputeEnvironmentOrder"),
		"[{ComputeEnvironment:${Fargate} Order:1} {ComputeEnvironment:${FargateSpot} Order:2}]")
}

func TestDataIsKeptInProdAndGoesInDev(t *testing.T) {
	for env, policy := range map[string]string{"dev": "Delete", "local": "Delete", "prod": "Retain"} {
		for id, r := range stack(t, env, names.Foundation).Resources {
			switch r.Type {
			case "AWS::S3::Bucket", "AWS::ECR::Repository", logGroup:
				infratest.Equal(t, env+" "+id, r.DeletionPolicy, policy)
			}
		}
	}
}

func TestLocalNeedsNoLambda(t *testing.T) {
	for _, role := range infratest.Env(t, "local").Stacks() {
		for id, r := range stack(t, "local", role).Resources {
			if strings.HasPrefix(r.Type, "Custom::") || strings.HasPrefix(r.Type, "AWS::Lambda::") {
				t.Errorf("%s is a %s", id, r.Type)
			}
		}
	}
}

func TestC61LoadBalancersOfTokyoMayWriteTheirLogs(t *testing.T) {
	text := ""
	for _, r := range stack(t, "prod", names.Foundation).Of("AWS::S3::BucketPolicy") {
		text += r.Text("PolicyDocument")
	}
	infratest.Within(t, "bucket policies", text, ":iam::582318560864:root", "/AWSLogs/123456789012/*")
}

func TestEveryResourceIsTagged(t *testing.T) {
	everywhere(t, func(t *testing.T, env config.Environment) {
		for kind, role := range map[string]names.StackRole{"AWS::EC2::VPC": names.Network, ecsService: names.Compute, database: names.Database} {
			infratest.Within(t, kind, stack(t, env.Env, role).One(t, kind).Text("Tags"),
				"Key:Project Value:prooflink", "Key:Environment Value:"+env.Env, "Key:ManagedBy Value:cdk")
		}
	})
}

func TestThePipelineFindsItsOutputs(t *testing.T) {
	want := map[names.StackRole][]string{
		names.Foundation: {names.OutputAppRepositoryURI, names.OutputBatchRepositoryURI, names.OutputFluentBitRepositoryURI,
			names.OutputFilesBucket, names.OutputLogArchiveBucket, names.OutputClusterName},
		names.Network: {names.OutputVpcID, names.OutputTaskSubnetIDs, names.OutputTaskSecurityGroupID},
		names.Database: {names.OutputDatabaseEndpoint, names.OutputDatabaseSecretArn, names.OutputAppSecretArn,
			names.OutputMigrateTaskDefinitionArn},
		names.Compute: {names.OutputServiceURL, names.OutputAlbDNSName, names.OutputServiceName,
			names.OutputTaskDefinitionArn, names.OutputTargetGroupArn},
		names.Batch: {names.OutputJobQueueArn, names.OutputUserImportJobArn},
	}
	everywhere(t, func(t *testing.T, env config.Environment) {
		for role, keys := range want {
			outputs := stack(t, env.Env, role).Outputs
			for _, key := range keys {
				if _, ok := outputs[key]; !ok {
					t.Errorf("%s has no output %s", role, key)
				}
			}
		}
	})
}

func TestMistakesOfTheCallerAreErrors(t *testing.T) {
	cases := map[string]struct {
		context map[string]any
		want    string
	}{
		"an unknown environment lists the known ones": {map[string]any{names.ContextEnv: "staging"}, "use one of dev, local, prod"},
		"a tag is not a digest":                       {map[string]any{names.ContextAppDigest: "latest"}, `context appDigest: "latest" is not a digest`},
		"a short digest is not one":                   {map[string]any{names.ContextBatchDigest: "sha256:abc"}, "context batchDigest"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := app.Synth(app.Options{Outdir: t.TempDir(), Context: c.context})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestWithoutDigestsTheTemplateIsMarkedForReview(t *testing.T) {
	dir, err := app.Synth(app.Options{Outdir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "ComputeStack-dev.template.json"))
	if err != nil {
		t.Fatal(err)
	}
	infratest.Within(t, "the template", string(data), images.Placeholder)
	files, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil && strings.Contains(string(text), "for review, not for deploying") {
			return
		}
	}
	t.Error("no warning")
}

func TestTheProgramSaysPlainlyWhatIsWrong(t *testing.T) {
	program := filepath.Join(t.TempDir(), "infra")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "..").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for context, want := range map[string]string{
		`{"env":"nowhere"}`:      `environment "nowhere" is unknown; use one of dev, local, prod`,
		`{"appDigest":"latest"}`: `context appDigest: "latest" is not a digest`,
		`{`:                      `read CDK_CONTEXT_JSON`,
	} {
		t.Run(context, func(t *testing.T) {
			command := exec.CommandContext(t.Context(), program)
			command.Env = append(os.Environ(), "CDK_CONTEXT_JSON="+context, "CDK_OUTDIR="+t.TempDir())
			out, err := command.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 2 {
				t.Errorf("ended with %v, want exit code 2", err)
			}
			infratest.Within(t, "the output", string(out), want)
			if strings.Contains(string(out), "goroutine") {
				t.Errorf("has a stack trace:\n%s", out)
			}
		})
	}
}
