package scripted

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	acmtypes "github.com/aws/aws-sdk-go-v2/service/acm/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudcontrol"
	cloudcontroltypes "github.com/aws/aws-sdk-go-v2/service/cloudcontrol/types"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	configtypes "github.com/aws/aws-sdk-go-v2/service/configservice/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	taggingtypes "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	route53types "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	quotatypes "github.com/aws/aws-sdk-go-v2/service/servicequotas/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/infra/names"
)

// serveHealthy serves what a check of the account asks besides: all is well
// there but for what the scenario says.
func (w *World) serveHealthy() {
	on(w, "acm", w.describeCertificate)
	on(w, "route53", w.getHostedZone)
	on(w, "iam", w.getRole)
	on(w, "iam", w.listProviders)
	on(w, "iam", w.getProvider)
	on(w, "servicequotas", w.getQuota)
	on(w, "servicequotas", w.getDefaultQuota)
	on(w, "configservice", w.describeRecorders)
	on(w, "cloudcontrol", w.listCloudResources)
	on(w, "cloudcontrol", w.getCloudResource)
}

func (w *World) describeCertificate(in *acm.DescribeCertificateInput) (*acm.DescribeCertificateOutput, error) {
	arn := aws.ToString(in.CertificateArn)
	if parts := strings.Split(arn, ":"); len(parts) < 6 || parts[3] != w.region {
		return nil, awsfake.Error("ResourceNotFoundException", fmt.Sprintf("Could not find certificate %s.", arn))
	}
	status := acmtypes.CertificateStatusIssued
	if w.unwell("certificate") {
		status = acmtypes.CertificateStatusPendingValidation
	}
	name := w.environment.DNS.RecordName
	return &acm.DescribeCertificateOutput{Certificate: &acmtypes.CertificateDetail{
		CertificateArn: &arn, Status: status, DomainName: &name, SubjectAlternativeNames: []string{name}, NotAfter: aws.Time(w.start.AddDate(1, 0, 0)),
		Type: acmtypes.CertificateTypeAmazonIssued,
	}}, nil
}

func (w *World) getHostedZone(in *route53.GetHostedZoneInput) (*route53.GetHostedZoneOutput, error) {
	id := strings.TrimPrefix(aws.ToString(in.Id), "/hostedzone/")
	if w.unwell("zone") {
		return nil, awsfake.ErrorStatus(404, "NoSuchHostedZone", "No hosted zone found with ID: "+id)
	}
	return &route53.GetHostedZoneOutput{HostedZone: &route53types.HostedZone{
		Id: aws.String("/hostedzone/" + id), Name: aws.String(w.environment.DNS.ZoneName + "."), CallerReference: aws.String("scripted"),
		Config: &route53types.HostedZoneConfig{PrivateZone: false}, ResourceRecordSetCount: aws.Int64(2),
	}}, nil
}

// linked are the services that a service-linked role or one of the stacks' is for.
var linked = map[string]string{
	"AWSServiceRoleForECS": "ecs.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing": "elasticloadbalancing.amazonaws.com",
	"AWSServiceRoleForRDS": "rds.amazonaws.com", "AWSServiceRoleForBatch": "batch.amazonaws.com",
	"AWSServiceRoleForApplicationAutoScaling_ECSService": "ecs.application-autoscaling.amazonaws.com",
}

func (w *World) getRole(in *iam.GetRoleInput) (*iam.GetRoleOutput, error) {
	name := aws.ToString(in.RoleName)
	service, isLinked := linked[name]
	if w.unwell("role") || !isLinked && !strings.HasPrefix(name, "cdk-") && !w.hasRole(name) {
		return nil, awsfake.ErrorStatus(404, "NoSuchEntity", fmt.Sprintf("The role with name %s cannot be found.", name))
	}
	trusted, path := "ecs-tasks.amazonaws.com", "/"
	if w.unwell("trust") {
		trusted = "ec2.amazonaws.com"
	}
	if isLinked {
		trusted, path = service, "/aws-service-role/"+service+"/"
	}
	document := url.QueryEscape(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + trusted + `"},"Action":"sts:AssumeRole"}]}`)
	return &iam.GetRoleOutput{Role: &iamtypes.Role{
		RoleName: &name, Path: &path, Arn: aws.String("arn:aws:iam::" + Account + ":role" + path + name), RoleId: aws.String("AROAEXAMPLEEXAMPLE123"),
		CreateDate: aws.Time(w.start.AddDate(-1, 0, 0)), AssumeRolePolicyDocument: &document,
	}}, nil
}

// hasRole says whether the stack is there that makes a role.
func (w *World) hasRole(name string) bool {
	owner := names.Compute
	for word, role := range map[string]names.StackRole{"migrate": names.Database, "batch": names.Batch} {
		if strings.Contains(name, word) {
			owner = role
		}
	}
	s := w.stackNamed(w.names.Stack(owner))
	return s != nil && len(s.resources) > 0
}

// githubProvider is GitHub's OIDC provider.
const githubProvider = "arn:aws:iam::" + Account + ":oidc-provider/token.actions.githubusercontent.com"

func (w *World) listProviders(*iam.ListOpenIDConnectProvidersInput) (*iam.ListOpenIDConnectProvidersOutput, error) {
	out := &iam.ListOpenIDConnectProvidersOutput{}
	if !w.unwell("provider") {
		out.OpenIDConnectProviderList = []iamtypes.OpenIDConnectProviderListEntry{{Arn: aws.String(githubProvider)}}
	}
	return out, nil
}

func (w *World) getProvider(in *iam.GetOpenIDConnectProviderInput) (*iam.GetOpenIDConnectProviderOutput, error) {
	arn := aws.ToString(in.OpenIDConnectProviderArn)
	if w.unwell("provider") || arn != githubProvider {
		return nil, awsfake.ErrorStatus(404, "NoSuchEntity", "OpenIDConnect Provider not found for arn "+arn)
	}
	return &iam.GetOpenIDConnectProviderOutput{Url: aws.String("token.actions.githubusercontent.com"), ClientIDList: []string{"sts.amazonaws.com"}}, nil
}

// quota is how many of a thing the account may have.
func (w *World) quota(service, code *string) *quotatypes.ServiceQuota {
	value := 50.0
	if w.unwell("quota") {
		value = 0
	}
	return &quotatypes.ServiceQuota{ServiceCode: service, QuotaCode: code, Value: &value, Adjustable: true}
}

func (w *World) getQuota(in *servicequotas.GetServiceQuotaInput) (*servicequotas.GetServiceQuotaOutput, error) {
	return &servicequotas.GetServiceQuotaOutput{Quota: w.quota(in.ServiceCode, in.QuotaCode)}, nil
}

func (w *World) getDefaultQuota(in *servicequotas.GetAWSDefaultServiceQuotaInput) (*servicequotas.GetAWSDefaultServiceQuotaOutput, error) {
	return &servicequotas.GetAWSDefaultServiceQuotaOutput{Quota: w.quota(in.ServiceCode, in.QuotaCode)}, nil
}

func (w *World) describeRecorders(*configservice.DescribeConfigurationRecordersInput) (*configservice.DescribeConfigurationRecordersOutput, error) {
	out := &configservice.DescribeConfigurationRecordersOutput{}
	if w.unwell("recorder") {
		out.ConfigurationRecorders = []configtypes.ConfigurationRecorder{{Name: aws.String("somebody-elses")}}
	}
	return out, nil
}

// listCloudResources lists what the stacks have of a type.
func (w *World) listCloudResources(in *cloudcontrol.ListResourcesInput) (*cloudcontrol.ListResourcesOutput, error) {
	var all []cloudcontroltypes.ResourceDescription
	for _, r := range w.resources(aws.ToString(in.TypeName)) {
		if w.missing(r) {
			continue
		}
		all = append(all, cloudcontroltypes.ResourceDescription{Identifier: aws.String(r.physical), Properties: aws.String(canonical(r.properties))})
	}
	some, next, err := page(w, all, in.NextToken, limit(in.MaxResults, 100))
	return &cloudcontrol.ListResourcesOutput{TypeName: in.TypeName, ResourceDescriptions: some, NextToken: next}, err
}

func (w *World) getCloudResource(in *cloudcontrol.GetResourceInput) (*cloudcontrol.GetResourceOutput, error) {
	kind, id := aws.ToString(in.TypeName), aws.ToString(in.Identifier)
	r := w.resource(kind, id)
	if r == nil || w.missing(r) {
		return nil, awsfake.Error("ResourceNotFoundException", fmt.Sprintf("Resource of type '%s' with identifier '%s' was not found.", kind, id))
	}
	return &cloudcontrol.GetResourceOutput{TypeName: &kind, ResourceDescription: &cloudcontroltypes.ResourceDescription{
		Identifier: &id, Properties: aws.String(canonical(r.properties)),
	}}, nil
}

func (w *World) serveTags() { on(w, "resourcegroupstaggingapi", w.getResources) }

// getResources finds the stacks' resources by the tags that the environment
// gives to all of them.
func (w *World) getResources(in *tagging.GetResourcesInput) (*tagging.GetResourcesOutput, error) {
	tags := w.environment.Naming.Tags
	for _, filter := range in.TagFilters {
		value, ok := tags[aws.ToString(filter.Key)]
		if !ok || len(filter.Values) > 0 && !slices.Contains(filter.Values, value) {
			return &tagging.GetResourcesOutput{}, nil
		}
	}
	var all []taggingtypes.ResourceTagMapping
	for _, s := range w.stacks {
		for _, id := range sortedKeys(s.resources) {
			mapping := taggingtypes.ResourceTagMapping{ResourceARN: aws.String(w.arnOf(s.resources[id]))}
			for _, key := range sortedKeys(tags) {
				mapping.Tags = append(mapping.Tags, taggingtypes.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
			}
			all = append(all, mapping)
		}
	}
	some, next, err := page(w, all, in.PaginationToken, limit(in.ResourcesPerPage, 100))
	return &tagging.GetResourcesOutput{ResourceTagMappingList: some, PaginationToken: next}, err
}
