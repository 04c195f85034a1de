package verify

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudcontrol"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/prooflink/prooflink/.dagger/deployed"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

const (
	// bootstrapVersion is the parameter in which `cdk bootstrap` keeps its version,
	// with the default qualifier.
	bootstrapVersion = "/cdk-bootstrap/hnb659fds/version"
	// The synthesized manifest's requiresBootstrapStackVersion: of the stacks and
	// their assets, and of the role with which the CDK looks things up.
	bootstrapLeast  = 6
	bootstrapLookup = 8
)

// bootstrap asks for what `cdk bootstrap` makes.
func bootstrap(ctx context.Context, l *look) (Findings, error) {
	fix := l.command("bootstrap")
	version, err := l.bootstrapVersion(ctx)
	if Absent(err) {
		return Findings{{Severity: Blocker, What: "the account is not prepared for the CDK in " + l.environment.Region,
			Where: bootstrapVersion, Why: "the stacks are deployed with roles that `cdk bootstrap` makes", Fix: fix}}, nil
	}
	if err != nil {
		return nil, err
	}
	var found Findings
	switch {
	case version < bootstrapLeast:
		found = append(found, Finding{Severity: Blocker, What: fmt.Sprintf("the account's CDK bootstrap is version %d, the stacks need %d", version, bootstrapLeast),
			Where: bootstrapVersion, Fix: fix})
	case version < bootstrapLookup:
		found = append(found, Finding{Severity: Warning, What: fmt.Sprintf("the account's CDK bootstrap is version %d, before %d it lacks what the CDK reads with", version, bootstrapLookup),
			Where: bootstrapVersion, Fix: fix})
	}
	for _, part := range []string{"deploy", "file-publishing", "lookup", "cfn-exec"} {
		role := fmt.Sprintf("cdk-hnb659fds-%s-role-%s-%s", part, l.account, l.environment.Region)
		_, err := l.role(ctx, role)
		if Absent(err) {
			found = append(found, Finding{Severity: Blocker, What: "a role that `cdk bootstrap` has made is gone", Where: role, Fix: fix})
		} else if err != nil {
			return found, err
		}
	}
	return found.or(fmt.Sprintf("the account is prepared for the CDK, version %d", version)), nil
}

// bootstrapVersion reads the version.
func (l *look) bootstrapVersion(ctx context.Context) (int, error) {
	out, err := ssm.NewFromConfig(l.access).GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(bootstrapVersion)})
	if err != nil {
		return 0, fmt.Errorf("get parameter %s: %w", bootstrapVersion, err)
	}
	version, err := strconv.Atoi(aws.ToString(out.Parameter.Value))
	if err != nil {
		return 0, fmt.Errorf("parameter %s has no number: %w", bootstrapVersion, err)
	}
	return version, nil
}

// role reads a role's trust policy, URL-encoded JSON.
func (l *look) role(ctx context.Context, name string) (trust string, err error) {
	out, err := iam.NewFromConfig(l.access).GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if err != nil {
		return "", fmt.Errorf("get role %s: %w", name, err)
	}
	return aws.ToString(out.Role.AssumeRolePolicyDocument), nil
}

// linkedRole is a role that a service makes for itself at its first use.
type linkedRole struct {
	service, role string
	used          func(config.Environment) bool
}

// linked lists those that the environment's services have (IAM User Guide, "AWS
// services that work with IAM", and each service's own guide).
func linked() []linkedRole {
	always := func(config.Environment) bool { return true }
	return []linkedRole{
		{"ecs.amazonaws.com", "AWSServiceRoleForECS", always},
		{"elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing", always},
		{"rds.amazonaws.com", "AWSServiceRoleForRDS", always},
		{"batch.amazonaws.com", "AWSServiceRoleForBatch", func(e config.Environment) bool {
			return e.Batch.Enabled && e.Batch.ServiceRole == config.RoleLinked
		}},
		{"ecs.application-autoscaling.amazonaws.com", "AWSServiceRoleForApplicationAutoScaling_ECSService",
			func(e config.Environment) bool { return e.App.Autoscaling.Enabled }},
		{"guardduty.amazonaws.com", "AWSServiceRoleForAmazonGuardDuty", func(e config.Environment) bool { return e.Security.GuardDuty }},
	}
}

// linkedRoles asks for the service-linked roles. A service makes a missing one at
// its first use, which in a new account now and then comes too late for the call
// that needed it ("Unable to assume the service linked role").
func linkedRoles(ctx context.Context, l *look) (Findings, error) {
	var found Findings
	for _, one := range linked() {
		if !one.used(l.environment) {
			continue
		}
		_, err := l.role(ctx, one.role)
		if Absent(err) {
			found = append(found, Finding{Severity: Warning, What: "the service-linked role of " + one.service + " is not there yet", Where: one.role,
				Why: "AWS makes it at the first use; the first deployment may come before it is ready",
				Fix: "aws iam create-service-linked-role --aws-service-name " + one.service})
		} else if err != nil {
			return found, err
		}
	}
	return found.or("the service-linked roles are there"), nil
}

// quota is how many of something an account may have in a region.
type quota struct {
	what, kind, service, code string
	// adds is how many the environment's network has.
	adds func(config.Environment) int
}

// networkQuotas are those that new accounts reach first.
var networkQuotas = []quota{
	{"VPCs", "AWS::EC2::VPC", "vpc", "L-F678F1CE", func(config.Environment) int { return 1 }},
	{"Elastic IP addresses", "AWS::EC2::EIP", "ec2", "L-0263D0A3", func(e config.Environment) int { return e.Network.NatGateways }},
}

// quotas compares what the network adds with what is left.
func quotas(ctx context.Context, l *look) (Findings, error) {
	var found Findings
	for _, quota := range networkQuotas {
		adds := quota.adds(l.environment)
		if adds == 0 {
			continue
		}
		have, err := l.list(ctx, quota.kind)
		if err != nil {
			return found, err
		}
		most, err := l.quota(ctx, quota)
		if err != nil {
			return found, err
		}
		if len(have)+adds > most {
			found = append(found, Finding{Severity: Blocker,
				What:  fmt.Sprintf("the network needs %d more %s, and the account has %d of %d", adds, quota.what, len(have), most),
				Where: fmt.Sprintf("%s in %s, quota %s", quota.kind, l.environment.Region, quota.code),
				Why:   "CloudFormation would roll the network back",
				Fix: fmt.Sprintf("release what isn't used, or: aws service-quotas request-service-quota-increase --service-code %s --quota-code %s --desired-value %d --region %s",
					quota.service, quota.code, len(have)+adds, l.environment.Region)})
		}
	}
	return found.or("the quotas leave room for the network"), nil
}

// list lists the identifiers of all resources of a type.
func (l *look) list(ctx context.Context, kind string) ([]string, error) {
	pages := cloudcontrol.NewListResourcesPaginator(cloudcontrol.NewFromConfig(l.access), &cloudcontrol.ListResourcesInput{TypeName: &kind})
	var all []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", kind, err)
		}
		for _, one := range page.ResourceDescriptions {
			all = append(all, aws.ToString(one.Identifier))
		}
	}
	return all, nil
}

// quota is the account's own or, where it never had it changed, AWS's.
func (l *look) quota(ctx context.Context, q quota) (int, error) {
	client := servicequotas.NewFromConfig(l.access)
	own, err := client.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: &q.service, QuotaCode: &q.code})
	if err == nil {
		return int(aws.ToFloat64(own.Quota.Value)), nil
	}
	if !Absent(err) {
		return 0, fmt.Errorf("get the quota of %s: %w", q.what, err)
	}
	usual, err := client.GetAWSDefaultServiceQuota(ctx, &servicequotas.GetAWSDefaultServiceQuotaInput{ServiceCode: &q.service, QuotaCode: &q.code})
	if err != nil {
		return 0, fmt.Errorf("get the quota of %s: %w", q.what, err)
	}
	return int(aws.ToFloat64(usual.Quota.Value)), nil
}

// owns says whether one of the environment's stacks has a resource of a type.
func (l *look) owns(ctx context.Context, role names.StackRole, kind string) (bool, error) {
	if there, err := l.there(role); !there || err != nil {
		return false, err
	}
	resources, err := deployed.In(l.access).Resources(ctx, l.names.Stack(role))
	return len(resources[kind]) > 0, err
}

// single is the finding of a service that the account has already and that the
// environment would make once more.
func (l *look) single(ctx context.Context, what, kind, key, which string) (Findings, error) {
	fine := Findings{{Severity: OK, What: "the account has no " + what + " but this environment's"}}
	if which == "" {
		return fine, nil
	}
	if ours, err := l.owns(ctx, names.Security, kind); ours || err != nil {
		return fine, err
	}
	return Findings{{Severity: Blocker, What: "the account has a " + what + " already in " + l.environment.Region, Where: which,
		Why: "an account has one per region; CloudFormation would fail to make another",
		Fix: "set " + key + " to false in " + strings.TrimSuffix(l.setting(""), ": ")}}, nil
}

// guardDuty asks for the region's detector.
func guardDuty(ctx context.Context, l *look) (Findings, error) {
	const kind = "AWS::GuardDuty::Detector"
	detectors, err := l.list(ctx, kind)
	if err != nil {
		return nil, err
	}
	return l.single(ctx, "GuardDuty detector", kind, "security.guardDuty", strings.Join(detectors, ", "))
}

// recorder asks for the region's configuration recorder.
func recorder(ctx context.Context, l *look) (Findings, error) {
	out, err := configservice.NewFromConfig(l.access).DescribeConfigurationRecorders(ctx, &configservice.DescribeConfigurationRecordersInput{})
	if err != nil {
		return nil, fmt.Errorf("describe configuration recorders: %w", err)
	}
	var recorders []string
	for _, one := range out.ConfigurationRecorders {
		if one.ServicePrincipal == nil { // those of other services don't count
			recorders = append(recorders, aws.ToString(one.Name))
		}
	}
	return l.single(ctx, "Config recorder", "AWS::Config::ConfigurationRecorder", "security.config", strings.Join(recorders, ", "))
}

// issuer signs the tokens of GitHub's workflows.
const issuer = "token.actions.githubusercontent.com"

// provider asks for GitHub's OIDC provider, of which an account has one.
func provider(ctx context.Context, l *look) (Findings, error) {
	out, err := iam.NewFromConfig(l.access).ListOpenIDConnectProviders(ctx, &iam.ListOpenIDConnectProvidersInput{})
	if err != nil {
		return nil, fmt.Errorf("list OIDC providers: %w", err)
	}
	exists := ""
	for _, one := range out.OpenIDConnectProviderList {
		if strings.HasSuffix(aws.ToString(one.Arn), "/"+issuer) {
			exists = aws.ToString(one.Arn)
		}
	}
	ours := false
	if exists != "" {
		if ours, err = l.owns(ctx, names.Delivery, "AWS::IAM::OIDCProvider"); err != nil {
			return nil, err
		}
	}
	create, where := l.environment.GitHub.CreateProvider, l.setting("github.createProvider")
	switch {
	case create && exists != "" && !ours:
		return Findings{{Severity: Blocker, What: "the account has GitHub's OIDC provider already, and the stack would make another", Where: exists,
			Why: "an account has one per issuer", Fix: "set it to false: " + where}}, nil
	case !create && ours:
		return Findings{{Severity: Blocker, What: "the stack has made GitHub's OIDC provider, and would now delete it", Where: exists,
			Why: "the workflows' role trusts it", Fix: "set it back to true: " + where}}, nil
	case !create && exists == "":
		return Findings{{Severity: Blocker, What: "the account has no OIDC provider for GitHub, and the stack would not make it", Where: issuer,
			Why: "the workflows' role trusts it", Fix: "set it to true, in one environment of the account: " + where}}, nil
	}
	return Findings{{Severity: OK, What: "there is one OIDC provider for GitHub, or the stack makes it"}}, nil
}
