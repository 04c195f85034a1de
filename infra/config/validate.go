package config

import (
	"slices"
	"strings"
)

// validate checks what the types cannot say. It reports every mistake.
func validate(d *decoder, env Environment) {
	d.checkRules(env)
	d.checkIdentity(env)
	d.checkTags(env.Naming.Tags)
	d.checkGivenNames(env)
	d.checkNetwork(env)
	d.checkDatabase(env)
	d.checkApp(env.App)
	d.checkALB(env)
	d.checkDNS(env)
	d.checkWAF(env.WAF)
	d.checkLogging(env.Logging)
	d.checkStorage(env)
	d.checkBatch(env.Batch)
	d.checkGitHub(env)
	d.checkOptional(env)
	d.checkProduction(env)
}

// check reports a problem of a key unless ok. It is silent where the key, or
// one that the check also looks at, has no usable value: that is reported already.
func (d *decoder) check(ok bool, path, reason, fix string, also ...string) {
	if ok || slices.ContainsFunc(append(also, path), d.unusable) {
		return
	}
	d.add(Problem{Line: d.lines[path], Path: path, Value: d.values[path], Reason: reason, Fix: fix})
}

// unusable says whether a key, or a group that it is in, was missing, of the
// wrong type or refused by its rule, or whether an item of its list was.
func (d *decoder) unusable(path string) bool {
	for bad := range d.bad {
		if bad == path || strings.HasPrefix(path, bad+".") || strings.HasPrefix(bad, path+"[") {
			return true
		}
	}
	return false
}

// checkOptional checks that what an optional part builds on is there.
func (d *decoder) checkOptional(env Environment) {
	d.check(!env.Optional.Athena || env.Logging.ArchiveBucket, "optional.athena", "queries the log archive, which is off",
		"write false, or logging.archiveBucket: true", "logging.archiveBucket")
	d.check(!env.Optional.Orchestration || env.Batch.Enabled, "optional.orchestration", "starts jobs, which are off",
		"write false, or batch.enabled: true", "batch.enabled")
	d.check(!env.Optional.Amplify || env.GitHub.Owner != "" && env.GitHub.Repo != "", "optional.amplify", "builds from a repository, and none is given",
		"write false, or github.owner and github.repo", "github.owner", "github.repo")
	d.check(!env.Optional.Amplify || len(env.Optional.AmplifyBranches) > 0, "optional.amplifyBranches", "is empty: Amplify would build nothing",
		"list a branch, or write amplify: false", "optional.amplify")
}

// requirement is something that prod must have.
type requirement struct {
	ok                bool
	path, reason, fix string
}

// checkProduction checks what only prod must have.
func (d *decoder) checkProduction(env Environment) {
	if env.Env != Production {
		return
	}
	for _, r := range []requirement{
		{env.DB.DeletionProtection, "db.deletionProtection", "prod must be protected", "write true"},
		{env.DB.Encrypted, "db.encrypted", "prod must be encrypted, and it cannot be changed later", "write true"},
		{env.DB.BackupRetentionDays > 0, "db.backupRetentionDays", "prod must have backups", "write 7 or more"},
		{!env.DB.Schedule.Enabled, "db.schedule.enabled", "prod must not stop", "write false"},
		{env.ALB.TLS.Enabled, "alb.tls.enabled", "prod must use HTTPS", "write true and a certificateArn or dns.zoneId"},
		{env.Removal.Policy == RemovalRetain, "removal.policy", "prod must keep its data", "write retain"},
	} {
		d.check(r.ok, r.path, r.reason, r.fix, "env")
	}
	d.check(!env.ALB.TLS.Enabled || env.ALB.HTTPAction == HTTPRedirect || !env.ALB.OpenHTTP, "alb.httpAction",
		"prod must not be used without TLS", "write redirect, or openHttp: false", "env", "alb.tls.enabled", "alb.openHttp")
	d.checkReceivers(env.Monitoring)
	d.checkDeployers(env.GitHub)
}
