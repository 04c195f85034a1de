package network_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/infratest"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/network"
	"github.com/prooflink/prooflink/infra/templates"
)

func TestMain(m *testing.M) { infratest.Main(m) }

// synth makes an environment's network, with changes.
func synth(t *testing.T, name string, changes ...func(*config.Environment)) infratest.Template {
	t.Helper()
	template, _ := build(t, name, changes...)
	return template
}

// build is synth, with what the other stacks get.
func build(t *testing.T, name string, changes ...func(*config.Environment)) (infratest.Template, network.Network) {
	t.Helper()
	var made network.Network
	env := infratest.Env(t, name, changes...)
	template := infratest.Synth(t, env, func(stack awscdk.Stack) { made = network.New(stack, network.Props{Env: env}) })
	return template, made
}

// named lists the Name tags of a type's resources, sorted.
func named(template infratest.Template, kind string) []string {
	var list []string
	for _, r := range template.Of(kind) {
		list = append(list, infratest.Name(r))
	}
	slices.Sort(list)
	return list
}

// port writes a rule's ports.
func port(rule templates.Resource) string {
	if rule.Text("IpProtocol") == "-1" {
		return "all"
	}
	return rule.Text("IpProtocol") + " " + rule.Text("FromPort") + "-" + rule.Text("ToPort")
}

// rules lists every rule as "<group> in|out <ports> <from or to>", sorted.
func rules(template infratest.Template) []string {
	var list []string
	add := func(group, way string, rule templates.Resource, ends ...string) {
		for _, end := range ends {
			if text := rule.Text(end); text != templates.Nothing {
				list = append(list, fmt.Sprintf("%s %s %s %s", group, way, port(rule), id(text)))
			}
		}
	}
	for _, name := range template.IDs() {
		r := template.Resources[name]
		switch r.Type {
		case "AWS::EC2::SecurityGroup":
			for way, key := range map[string]string{"in": "SecurityGroupIngress", "out": "SecurityGroupEgress"} {
				inline, _ := r.Properties[key].([]any)
				for _, rule := range inline {
					add(name, way, templates.Resource{Properties: rule.(map[string]any)}, "CidrIp", "DestinationSecurityGroupId", "SourceSecurityGroupId")
				}
			}
		case "AWS::EC2::SecurityGroupIngress":
			add(id(r.Text("GroupId")), "in", r, "SourceSecurityGroupId", "CidrIp")
		}
	}
	slices.Sort(list)
	return list
}

// id is the logical id in "${TaskSecurityGroup.GroupId}".
func id(text string) string {
	return strings.TrimSuffix(strings.TrimPrefix(text, "${"), ".GroupId}")
}

func TestA25ToA27TheVPCIsTheSeeds(t *testing.T) {
	for _, env := range []string{"dev", "prod"} {
		vpc := synth(t, env).One(t, "AWS::EC2::VPC")
		infratest.Equal(t, env, []string{infratest.Name(vpc), vpc.Text("CidrBlock"), vpc.Text("InstanceTenancy")},
			[]string{"prooflink-" + env + "-vpc", "10.0.0.0/16", "default"})
		infratest.Equal(t, env+"'s DNS, which endpoints' private names need", []string{vpc.Text("EnableDnsSupport"), vpc.Text("EnableDnsHostnames")},
			[]string{"true", "true"})
		infratest.Equal(t, env+"'s IPv6 ranges", len(synth(t, env).Of("AWS::EC2::VPCCidrBlock")), 0)
	}
}

// subnets lists every subnet as "<Name> <range> <zone> <public address>".
func subnets(template infratest.Template) []string {
	var list []string
	for _, r := range template.Of("AWS::EC2::Subnet") {
		list = append(list, strings.Join([]string{infratest.Name(r), r.Text("CidrBlock"), r.Text("AvailabilityZone"), r.Text("MapPublicIpOnLaunch")}, " "))
	}
	slices.Sort(list)
	return list
}

func TestC1C2C3SubnetsAreInTwoZonesWithTheirRangesAndNames(t *testing.T) {
	for _, env := range []string{"dev", "prod"} {
		infratest.Equal(t, env, subnets(synth(t, env)), []string{
			"prooflink-" + env + "-subnet-private1-ap-northeast-1a 10.0.11.0/24 ap-northeast-1a false",
			"prooflink-" + env + "-subnet-private2-ap-northeast-1c 10.0.12.0/24 ap-northeast-1c false",
			"prooflink-" + env + "-subnet-public1-ap-northeast-1a 10.0.1.0/24 ap-northeast-1a false",
			"prooflink-" + env + "-subnet-public2-ap-northeast-1c 10.0.2.0/24 ap-northeast-1c false",
		})
	}
}

func TestB3AnotherRangeReachesEverythingThatHasIt(t *testing.T) {
	template := synth(t, "prod", func(env *config.Environment) {
		env.Network.VpcCIDR = "10.1.0.0/16"
		env.Network.PublicSubnetCIDRs = []string{"10.1.1.0/24", "10.1.2.0/24"}
		env.Network.PrivateSubnetCIDRs = []string{"10.1.11.0/24", "10.1.12.0/24"}
	})
	for _, r := range template.Resources {
		if text := templates.Text(r.Properties); strings.Contains(text, "10.0.") {
			t.Errorf("%s has the former range: %s", r.Type, text)
		}
	}
	if !slices.Contains(rules(template), "EndpointSecurityGroup in tcp 443-443 10.1.0.0/16") {
		t.Errorf("C8: the endpoints don't let the VPC in: %v", rules(template))
	}
}

// gates lists the way out of each private route table, e.g. "2 NatGateway1".
func gates(template infratest.Template) []string {
	var list []string
	for _, r := range template.Of("AWS::EC2::Route") {
		if nat := r.Text("NatGatewayId"); nat != templates.Nothing {
			table := strings.TrimPrefix(strings.Trim(r.Text("RouteTableId"), "${}"), "PrivateRouteTable")
			list = append(list, table+" "+r.Text("DestinationCidrBlock")+" "+strings.Trim(nat, "${}"))
		}
	}
	return list
}

func TestB1PrivateSubnetsLeaveByTheNATGatewaysThatThereAre(t *testing.T) {
	for count, want := range map[int][]string{
		0: nil,
		1: {"1 0.0.0.0/0 NatGateway1", "2 0.0.0.0/0 NatGateway1"},
		2: {"1 0.0.0.0/0 NatGateway1", "2 0.0.0.0/0 NatGateway2"},
	} {
		t.Run(fmt.Sprintf("%d gateways", count), func(t *testing.T) {
			template := synth(t, "prod", func(env *config.Environment) { env.Network.NatGateways = count })
			infratest.Equal(t, "routes", gates(template), want)
			infratest.Equal(t, "addresses", len(template.Of("AWS::EC2::EIP")), count)
			for i, nat := range template.Of("AWS::EC2::NatGateway") {
				infratest.Equal(t, "a gateway", []string{infratest.Name(nat), nat.Text("SubnetId"), nat.Text("ConnectivityType"), nat.Text("AllocationId")},
					[]string{fmt.Sprintf("prooflink-prod-nat-public%d", i+1), fmt.Sprintf("${PublicSubnet%d}", i+1), "public",
						fmt.Sprintf("${NatAddress%d.AllocationId}", i+1)})
			}
		})
	}
}

func TestA35DevHasOneNATGatewayAndProdTwo(t *testing.T) {
	infratest.Equal(t, "dev", named(synth(t, "dev"), "AWS::EC2::NatGateway"), []string{"prooflink-dev-nat-public1"})
	infratest.Equal(t, "prod", named(synth(t, "prod"), "AWS::EC2::NatGateway"), []string{"prooflink-prod-nat-public1", "prooflink-prod-nat-public2"})
}

func TestA34PublicSubnetsAloneReachTheInternetGateway(t *testing.T) {
	template := synth(t, "prod")
	infratest.Equal(t, "gateway", named(template, "AWS::EC2::InternetGateway"), []string{"prooflink-prod-igw"})
	var tables []string
	for _, r := range template.Of("AWS::EC2::Route") {
		if r.Text("GatewayId") != templates.Nothing {
			tables = append(tables, r.Text("RouteTableId")+" "+r.Text("DestinationCidrBlock"))
		}
	}
	infratest.Equal(t, "routes", tables, []string{"${PublicRouteTable} 0.0.0.0/0"})
	associations := map[string]string{}
	for _, r := range template.Of("AWS::EC2::SubnetRouteTableAssociation") {
		associations[r.Text("SubnetId")] = r.Text("RouteTableId")
	}
	infratest.Equal(t, "tables", associations, map[string]string{
		"${PublicSubnet1}": "${PublicRouteTable}", "${PublicSubnet2}": "${PublicRouteTable}",
		"${PrivateSubnet1}": "${PrivateRouteTable1}", "${PrivateSubnet2}": "${PrivateRouteTable2}",
	})
}

// endpoints lists "<Name> <service> <kind> <where> <private DNS> <groups> <policy>".
func endpoints(template infratest.Template) []string {
	var list []string
	for _, r := range template.Of("AWS::EC2::VPCEndpoint") {
		where := r.Text("SubnetIds")
		if r.Text("VpcEndpointType") == "Gateway" {
			where = r.Text("RouteTableIds")
		}
		list = append(list, strings.Join([]string{infratest.Name(r), r.Text("ServiceName"), r.Text("VpcEndpointType"), where,
			r.Text("PrivateDnsEnabled"), r.Text("SecurityGroupIds"), r.Text("PolicyDocument")}, " "))
	}
	slices.Sort(list)
	return list
}

func TestA40ToA45EndpointsAreWhereTheTasksAre(t *testing.T) {
	for env, where := range map[string]string{"dev": "[${PrivateSubnet1}]", "prod": "[${PrivateSubnet1} ${PrivateSubnet2}]"} {
		prefix := "prooflink-" + env + "-vpce-"
		tail := " Interface " + where + " true [${EndpointSecurityGroup.GroupId}] <nothing>"
		infratest.Equal(t, env, endpoints(synth(t, env)), []string{
			prefix + "ecr-api com.amazonaws.ap-northeast-1.ecr.api" + tail,
			prefix + "ecr-dkr com.amazonaws.ap-northeast-1.ecr.dkr" + tail,
			prefix + "logs com.amazonaws.ap-northeast-1.logs" + tail,
			prefix + "s3 com.amazonaws.ap-northeast-1.s3 Gateway [${PrivateRouteTable1} ${PrivateRouteTable2}] <nothing> <nothing> <nothing>",
			prefix + "secretsmanager com.amazonaws.ap-northeast-1.secretsmanager" + tail,
		})
	}
}

func TestC6EndpointsAreThoseOfTheConfiguration(t *testing.T) {
	template, made := build(t, "dev", func(env *config.Environment) {
		env.Network.InterfaceEndpoints = []string{"kms", "ssmmessages"}
	})
	infratest.Equal(t, "endpoints", named(template, "AWS::EC2::VPCEndpoint"),
		[]string{"prooflink-dev-vpce-kms", "prooflink-dev-vpce-s3", "prooflink-dev-vpce-ssmmessages"})
	infratest.Equal(t, "what monitoring gets", len(made.Endpoints), 2)
}

func TestC9NamesHaveTheEnvironmentUnlessLiteral(t *testing.T) {
	groups := func(template infratest.Template) []string {
		var list []string
		for _, r := range template.Of("AWS::EC2::SecurityGroup") {
			infratest.Equal(t, "a group's Name", infratest.Name(r), r.Text("GroupName"))
			list = append(list, r.Text("GroupName")+": "+r.Text("GroupDescription"))
		}
		return list
	}
	own := func(env *config.Environment) { env.Batch.SecurityGroup = config.GroupOwn }
	infratest.Equal(t, "env", groups(synth(t, "dev", own)), []string{
		"prooflink-dev-alb-sg: Security group for ALB", "prooflink-dev-batch-sg: Security group for batch jobs",
		"prooflink-dev-rds-sg: Security group for RDS PostgreSQL", "prooflink-dev-vpce-sg: Security group for VPC Endpoints",
		"prooflink-dev-ecs-sg: Security group for ECS tasks",
	})
	literal := synth(t, "dev", func(env *config.Environment) { env.Naming.Scheme = config.SchemeLiteral })
	infratest.Equal(t, "literal", groups(literal), []string{
		"prooflink-alb-sg: Security group for ALB", "prooflink-rds-sg: Security group for RDS PostgreSQL",
		"prooflink-vpce-sg: Security group for VPC Endpoints", "prooflink-ecs-sg: Security group for ECS tasks",
	})
	infratest.Equal(t, "literal endpoints", named(literal, "AWS::EC2::VPCEndpoint"), []string{
		"prooflink-dev-vpce-s3", "prooflink-vpce-ecr-api", "prooflink-vpce-ecr-dkr", "prooflink-vpce-logs", "prooflink-vpce-secretsmanager",
	})
	infratest.Equal(t, "literal flow logs", literal.One(t, "AWS::Logs::LogGroup").Text("LogGroupName"), "/aws/vpc/flowlogs")
}

// seedRules are those of 004_9a2c9db51dc67ef8.txt Step 4, without the ports
// that the world reaches.
func seedRules(more ...string) []string {
	list := append([]string{
		"AlbSecurityGroup out tcp 3000-3000 TaskSecurityGroup",
		"TaskSecurityGroup in tcp 3000-3000 AlbSecurityGroup",
		"TaskSecurityGroup out tcp 443-443 0.0.0.0/0",
		"TaskSecurityGroup out tcp 5432-5432 DatabaseSecurityGroup",
		"TaskSecurityGroup out tcp 443-443 EndpointSecurityGroup",
		"DatabaseSecurityGroup in tcp 5432-5432 TaskSecurityGroup",
		"DatabaseSecurityGroup out all 0.0.0.0/0",
		"EndpointSecurityGroup in tcp 443-443 TaskSecurityGroup",
		"EndpointSecurityGroup in tcp 443-443 10.0.0.0/16",
		"EndpointSecurityGroup out all 0.0.0.0/0",
	}, more...)
	slices.Sort(list)
	return list
}

func TestA49ToA56C63SecurityGroupsHaveTheSeedsRulesAndNoOther(t *testing.T) {
	http, https := "AlbSecurityGroup in tcp 80-80 0.0.0.0/0", "AlbSecurityGroup in tcp 443-443 0.0.0.0/0"
	infratest.Equal(t, "dev", rules(synth(t, "dev")), seedRules(http))
	infratest.Equal(t, "C10: prod keeps port 80 for the redirect", rules(synth(t, "prod")), seedRules(http, https))
	infratest.Equal(t, "prod without it", rules(synth(t, "prod", func(env *config.Environment) { env.ALB.OpenHTTP = false })), seedRules(https))
}

func TestB4EndpointsWithoutAWayOutHaveARuleThatMatchesNothing(t *testing.T) {
	got := rules(synth(t, "dev", func(env *config.Environment) { env.Network.EndpointSgEgress = config.EgressNone }))
	if !slices.Contains(got, "EndpointSecurityGroup out tcp 443-443 255.255.255.255/32") {
		t.Errorf("the group would get EC2's default of any: %v", got)
	}
	if slices.Contains(got, "EndpointSecurityGroup out all 0.0.0.0/0") {
		t.Error("the way out is open")
	}
}

func TestB11AnotherPortReachesBothGroups(t *testing.T) {
	got := rules(synth(t, "dev", func(env *config.Environment) { env.App.Port = 8000 }))
	for _, want := range []string{"AlbSecurityGroup out tcp 8000-8000 TaskSecurityGroup", "TaskSecurityGroup in tcp 8000-8000 AlbSecurityGroup"} {
		if !slices.Contains(got, want) {
			t.Errorf("no rule %q in %v", want, got)
		}
	}
}

func TestC7TasksReachS3ByTheGatewayWithoutNAT(t *testing.T) {
	template := synth(t, "dev", func(env *config.Environment) { env.Network.NatGateways = 0 })
	if !slices.Contains(rules(template), "TaskSecurityGroup out tcp 443-443 0.0.0.0/0") {
		t.Error("image layers come from S3's own addresses, which no rule lets the tasks reach")
	}
	infratest.Equal(t, "ways to the internet", gates(template), []string(nil))
	infratest.Equal(t, "the gateway's tables", endpoints(template)[3],
		"prooflink-dev-vpce-s3 com.amazonaws.ap-northeast-1.s3 Gateway [${PrivateRouteTable1} ${PrivateRouteTable2}] <nothing> <nothing> <nothing>")
}

func TestC80JobsCanHaveAGroupThatNobodyReaches(t *testing.T) {
	template, made := build(t, "dev", func(env *config.Environment) { env.Batch.SecurityGroup = config.GroupOwn })
	infratest.Equal(t, "rules", rules(template), seedRules("AlbSecurityGroup in tcp 80-80 0.0.0.0/0",
		"BatchSecurityGroup out tcp 443-443 0.0.0.0/0",
		"BatchSecurityGroup out tcp 5432-5432 DatabaseSecurityGroup",
		"BatchSecurityGroup out tcp 443-443 EndpointSecurityGroup",
		"DatabaseSecurityGroup in tcp 5432-5432 BatchSecurityGroup",
		"EndpointSecurityGroup in tcp 443-443 BatchSecurityGroup"))
	if *made.Groups.Batch == *made.Groups.Tasks {
		t.Error("the jobs have the tasks' group")
	}
	template, made = build(t, "dev")
	infratest.Equal(t, "the seed's group", *made.Groups.Batch, *made.Groups.Tasks)
	infratest.Equal(t, "groups", len(template.Of("AWS::EC2::SecurityGroup")), 4)
}

func TestC4C55FlowLogsHaveANamedGroupThatEnds(t *testing.T) {
	for env, want := range map[string]string{"dev": "/aws/vpc/flowlogs/dev 7 Delete", "prod": "/aws/vpc/flowlogs/prod 30 Retain"} {
		template := synth(t, env)
		group := template.One(t, "AWS::Logs::LogGroup")
		infratest.Equal(t, env, group.Text("LogGroupName")+" "+group.Text("RetentionInDays")+" "+group.DeletionPolicy, want)
		flow := template.One(t, "AWS::EC2::FlowLog")
		infratest.Equal(t, env+"'s traffic", flow.Text("ResourceId")+" "+flow.Text("TrafficType")+" "+flow.Text("LogGroupName"), "${Vpc} ALL ${FlowLogs}")
		role := template.One(t, "AWS::IAM::Role")
		infratest.Equal(t, env+"'s role", role.Text("Policies", 0, "PolicyDocument", "Statement", 0),
			"{Action:[logs:CreateLogStream logs:PutLogEvents logs:DescribeLogStreams] Effect:Allow Resource:${FlowLogs.Arn}}")
	}
	off := synth(t, "dev", func(env *config.Environment) { env.Network.FlowLogs = false })
	infratest.Equal(t, "switched off", len(off.Of("AWS::EC2::FlowLog"))+len(off.Of("AWS::Logs::LogGroup"))+len(off.Of("AWS::IAM::Role")), 0)
}

func TestB2TasksRunInTheActiveZones(t *testing.T) {
	for env, want := range map[string]string{"dev": "${PrivateSubnet1}", "prod": "${PrivateSubnet1},${PrivateSubnet2}"} {
		template, made := build(t, env)
		infratest.Equal(t, env, templates.Text(template.Outputs[names.OutputTaskSubnetIDs].Value), want)
		infratest.Equal(t, env+"'s subnets for load balancer and database", []int{len(made.PublicSubnets), len(made.PrivateSubnets)}, []int{2, 2})
	}
	two := synth(t, "dev", func(env *config.Environment) { env.Network.ActiveAZs = 2 })
	infratest.Equal(t, "dev in both", templates.Text(two.Outputs[names.OutputTaskSubnetIDs].Value), "${PrivateSubnet1},${PrivateSubnet2}")
}

func TestC64NothingIsExported(t *testing.T) {
	for key, output := range synth(t, "prod").Outputs {
		infratest.Equal(t, key, output.Export, nil)
	}
}
