package config

import (
	"fmt"
	"slices"
	"strings"
)

// checkStorage checks buckets and what becomes of them.
func (d *decoder) checkStorage(env Environment) {
	s3 := env.S3
	d.check(s3.ExpireDays > s3.GlacierDays, "s3.expireDays", "is not after glacierDays", "write a larger number", "s3.glacierDays")
	for i, origin := range s3.CorsOrigins {
		d.checkOrigin(env, fmt.Sprintf("s3.corsOrigins[%d]", i), origin)
	}
	d.checkOwnOrigin(env)
	d.check(!env.Removal.EmptyOnDelete || env.Removal.Policy == RemovalDestroy, "removal.emptyOnDelete",
		"contradicts policy: retain", "write false", "removal.policy")
}

// checkOrigin checks one origin as S3 matches it.
func (d *decoder) checkOrigin(env Environment, path, origin string) {
	d.check(strings.Count(origin, "*") <= 1, path, "has more than one *, S3 accepts one", "write one *")
	d.check(!strings.HasSuffix(origin, "://*"), path, "is every web site", "write a host")
	d.check(env.Env != Production || strings.HasPrefix(origin, "https://"), path, "prod must not be used from localhost or without TLS",
		"write an https:// origin", "env")
}

// checkOwnOrigin checks that the application's own pages may upload: browsers
// send files to the bucket directly.
func (d *decoder) checkOwnOrigin(env Environment) {
	scheme := "http://"
	if env.ALB.TLS.Enabled {
		scheme = "https://"
	}
	own := scheme + env.DNS.RecordName
	allowed := slices.ContainsFunc(env.S3.CorsOrigins, func(origin string) bool { return matches(origin, own) })
	d.check(allowed || env.DNS.RecordName == "" || len(env.S3.CorsOrigins) == 0, "s3.corsOrigins",
		"lacks "+own+", from where browsers upload", "add it", "dns.recordName", "alb.tls.enabled")
}

// matches compares an origin with one that may have a *.
func matches(pattern, origin string) bool {
	before, after, wildcard := strings.Cut(pattern, "*")
	if !wildcard {
		return pattern == origin
	}
	return len(origin) >= len(before)+len(after) && strings.HasPrefix(origin, before) && strings.HasSuffix(origin, after)
}
