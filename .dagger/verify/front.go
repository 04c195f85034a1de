package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/acm/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
)

// expiry is how long before its end a certificate is worth a word. ACM renews
// its own 60 days before (AWS Certificate Manager User Guide, "Managed renewal").
const expiry = 14 * 24 * time.Hour

// withoutCertificate skips where none is given.
func withoutCertificate(l *look) (why string, err error) {
	switch tls := l.environment.ALB.TLS; {
	case !tls.Enabled:
		return "alb.tls.enabled is false", nil
	case tls.CertificateArn == "":
		return "the stack requests the certificate and proves the domain in the zone dns.zoneId", nil
	}
	return "", nil
}

// misplaced says why a load balancer of the environment can't take a certificate,
// whatever is in it.
func (l *look) misplaced(given string) Findings {
	key := l.setting("alb.tls.certificateArn")
	name, err := arn.Parse(given)
	switch {
	case err != nil:
		return Findings{{Severity: Blocker, What: "the certificate's ARN can't be read: " + oneLine(err), Where: key, Fix: "copy it from: aws acm list-certificates"}}
	case name.Region != l.environment.Region:
		return Findings{{Severity: Blocker, What: "the certificate is in " + name.Region + ", the load balancer in " + l.environment.Region, Where: given,
			Why: "a load balancer takes certificates of its own region only", Fix: "request one in " + l.environment.Region + " and name it in " + key}}
	case name.AccountID != l.account:
		return Findings{{Severity: Blocker, What: "the certificate is account " + name.AccountID + "'s, the load balancer account " + l.account + "'s", Where: given,
			Why: "a load balancer takes certificates of its own account only", Fix: "request one there and name it in " + key}}
	}
	return nil
}

// certificate looks whether the load balancer can use the certificate.
func certificate(ctx context.Context, l *look) (Findings, error) {
	given := l.environment.ALB.TLS.CertificateArn
	if found := l.misplaced(given); len(found) > 0 {
		return found, nil
	}
	out, err := acm.NewFromConfig(l.access).DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: &given})
	if Absent(err) {
		return Findings{{Severity: Blocker, What: "there is no such certificate", Where: given, Fix: "request one: aws acm request-certificate --validation-method DNS --domain-name " +
			l.environment.DNS.RecordName + "; then name it in " + l.setting("alb.tls.certificateArn")}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("describe certificate %s: %w", given, err)
	}
	return l.usable(out.Certificate).or("the certificate is issued for " + l.environment.DNS.RecordName), nil
}

// usable says what is wrong with a certificate.
func (l *look) usable(c *types.CertificateDetail) Findings {
	where := aws.ToString(c.CertificateArn)
	var found Findings
	if c.Status != types.CertificateStatusIssued {
		found = append(found, Finding{Severity: Blocker, What: "the certificate is " + string(c.Status), Where: where,
			Why: "a load balancer takes issued certificates only", Fix: unissued(c)})
	}
	domains := append(slices.Clone(c.SubjectAlternativeNames), aws.ToString(c.DomainName))
	record := l.environment.DNS.RecordName
	if record != "" && !slices.ContainsFunc(domains, func(domain string) bool { return covers(domain, record) }) {
		found = append(found, Finding{Severity: Blocker, What: "the certificate is for " + strings.Join(domains, ", ") + ", not for " + record, Where: where,
			Why: "browsers would refuse it", Fix: "request one for " + record + ", or change " + l.setting("dns.recordName")})
	}
	if left := time.Until(aws.ToTime(c.NotAfter)); c.NotAfter != nil && left < expiry {
		severity := Warning
		if left <= 0 {
			severity = Blocker
		}
		found = append(found, Finding{Severity: severity, What: "the certificate ends on " + c.NotAfter.UTC().Format(time.DateOnly), Where: where,
			Why: "ACM renews its own as long as the record that proves the domain is there; an imported one has to be imported anew",
			Fix: "see why it isn't renewed: aws acm describe-certificate --certificate-arn " + where})
	}
	return found
}

// unissued says what a certificate that isn't issued waits for.
func unissued(c *types.CertificateDetail) string {
	var records []string
	for _, option := range c.DomainValidationOptions {
		if r := option.ResourceRecord; r != nil && option.ValidationStatus != types.DomainStatusSuccess {
			records = append(records, fmt.Sprintf("%s %s %s", aws.ToString(r.Name), r.Type, aws.ToString(r.Value)))
		}
	}
	if len(records) > 0 {
		return "make the record that proves the domain: " + strings.Join(records, "; ")
	}
	return "request another one: aws acm request-certificate --validation-method DNS --domain-name " + aws.ToString(c.DomainName)
}

// covers says whether a certificate's name is good for a host: an asterisk
// stands for one part of the name.
func covers(name, host string) bool {
	if _, parent, ok := strings.Cut(host, "."); ok && strings.EqualFold(name, "*."+parent) {
		return true
	}
	return strings.EqualFold(name, host)
}

// hostedZone looks whether the record can be made.
func hostedZone(ctx context.Context, l *look) (Findings, error) {
	dns := l.environment.DNS
	out, err := route53.NewFromConfig(l.access).GetHostedZone(ctx, &route53.GetHostedZoneInput{Id: &dns.ZoneID})
	if Absent(err) {
		return Findings{{Severity: Blocker, What: "there is no hosted zone " + dns.ZoneID, Where: l.setting("dns.zoneId"),
			Fix: "find it: aws route53 list-hosted-zones-by-name --dns-name " + dns.ZoneName}}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get hosted zone %s: %w", dns.ZoneID, err)
	}
	name := strings.TrimSuffix(aws.ToString(out.HostedZone.Name), ".")
	switch {
	case !strings.EqualFold(name, dns.ZoneName):
		return Findings{{Severity: Blocker, What: "hosted zone " + dns.ZoneID + " is " + name + "'s, not " + dns.ZoneName + "'s", Where: l.setting("dns.zoneId"),
			Fix: "find the right one: aws route53 list-hosted-zones-by-name --dns-name " + dns.ZoneName}}, nil
	case out.HostedZone.Config != nil && out.HostedZone.Config.PrivateZone:
		return Findings{{Severity: Blocker, What: "hosted zone " + dns.ZoneID + " is private", Where: l.setting("dns.zoneId"),
			Why: "nobody outside of a VPC would find the application, and ACM would not see the record that proves the domain",
			Fix: "name a public zone"}}, nil
	}
	return Findings{{Severity: OK, What: "the hosted zone is " + name + "'s"}}, nil
}
