package config

import "strings"

// checkApp checks what Fargate and the load balancer accept.
func (d *decoder) checkApp(app App) {
	d.check(app.Port != 24224 && app.Port != 2020, "app.port", "is the log router's port", "write another, e.g. 3000")
	d.fargate(app.CPU, app.Memory, "app")
	d.check(app.Autoscaling.Max >= app.Autoscaling.Min, "app.autoscaling.max", "is less than min", "write min or more", "app.autoscaling.min")
}

// checkALB checks the listeners against each other.
func (d *decoder) checkALB(env Environment) {
	alb := env.ALB
	d.check(alb.TLS.Enabled || alb.HTTPAction == HTTPForward, "alb.httpAction", "redirects to HTTPS, which is off",
		"write forward, or tls.enabled: true", "alb.tls.enabled")
	d.check(alb.TLS.Enabled || alb.OpenHTTP, "alb.openHttp", "leaves no open port while HTTPS is off", "write true", "alb.tls.enabled")
	d.check(!alb.TLS.Enabled || env.DNS.RecordName != "", "dns.recordName", "is needed for HTTPS: a certificate is for a name",
		"write the certificate's name", "alb.tls.enabled")
	d.checkCertificate(env)
}

// maxCertificateName is how long the first name of an ACM certificate may be.
const maxCertificateName = 64

// checkCertificate checks where the certificate comes from.
func (d *decoder) checkCertificate(env Environment) {
	const path = "alb.tls.certificateArn"
	requested := env.ALB.TLS.Enabled && env.ALB.TLS.CertificateArn == ""
	d.check(!requested || env.DNS.ZoneID != "", path, "is empty, and without dns.zoneId there is no zone in which a new certificate is validated",
		"write an ACM certificate's ARN, or dns.zoneId, or tls.enabled: false", "alb.tls.enabled", "dns.zoneId")
	d.check(!requested || len(env.DNS.RecordName) <= maxCertificateName, "dns.recordName", "is longer than the 64 characters that ACM certifies",
		"write a shorter name, or alb.tls.certificateArn", path, "alb.tls.enabled")
	if parts := strings.Split(env.ALB.TLS.CertificateArn, ":"); len(parts) > 4 {
		d.check(parts[3] == env.Region, path, "is in another region", "request the certificate in "+env.Region, "region")
		d.check(parts[4] == env.Account || env.Account == "", path, "is in another account", "request the certificate in "+env.Account, "account")
	}
}

// maxHost is the length of a host name (RFC 1035).
const maxHost = 253

// checkDNS checks the record against its zone.
func (d *decoder) checkDNS(env Environment) {
	dns := env.DNS
	d.check(len(dns.RecordName) <= maxHost, "dns.recordName", "is longer than a host name may be", "write 253 characters at most")
	d.check(dns.ZoneID == "" || dns.ZoneName != "", "dns.zoneName", "is needed with zoneId", "write the zone's name", "dns.zoneId")
	d.check(dns.ZoneID == "" || dns.RecordName == dns.ZoneName || strings.HasSuffix(dns.RecordName, "."+dns.ZoneName),
		"dns.recordName", "is not in the zone", "end it in the zone's name", "dns.zoneName", "dns.zoneId")
}
