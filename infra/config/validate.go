package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// validate checks what the types cannot say. It reports every mistake.
func validate(d *decoder, env Environment) {
	d.checkIdentity(env)
	d.checkNetwork(env)
	d.checkDatabase(env)
	d.checkApp(env.App)
	d.checkALB(env)
	d.checkDNS(env)
	d.checkLogging(env.Logging)
	d.checkStorage(env)
	d.checkBatch(env.Batch)
}

// check reports a problem of a key unless ok. It is silent where the key, or
// one that the check also looks at, has no usable value: that is reported already.
func (d *decoder) check(ok bool, path, reason, fix string, also ...string) {
	if ok || slices.ContainsFunc(append(also, path), d.unusable) {
		return
	}
	d.add(Problem{Line: d.lines[path], Path: path, Value: d.values[path], Reason: reason, Fix: fix})
}

// unusable says whether a key, or a group that it is in, was missing or of
// the wrong type, or whether an item of its list was.
func (d *decoder) unusable(path string) bool {
	for bad := range d.bad {
		if bad == path || strings.HasPrefix(path, bad+".") || strings.HasPrefix(bad, path+"[") {
			return true
		}
	}
	return false
}

// oneOf checks a key that has a fixed set of values.
func (d *decoder) oneOf(value, path string, known ...string) {
	d.check(slices.Contains(known, value), path, "is not accepted", "write one of "+strings.Join(known, ", "))
}

// within checks a number's range.
func (d *decoder) within(value, least, most int, path, why string) {
	d.check(value >= least && value <= most, path, why, fmt.Sprintf("write a number from %d to %d", least, most))
}

var (
	accountPattern  = regexp.MustCompile(`^([0-9]{12})?$`)
	regionPattern   = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	wordPattern     = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	versionPattern  = regexp.MustCompile(`^[1-9][0-9]*(\.[0-9]+)?$`)
	classPattern    = regexp.MustCompile(`^[a-z][a-z0-9-]*\.[a-z0-9]+$`)
	databasePattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
	windowPattern   = regexp.MustCompile(`^([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])$`)
	pathPattern     = regexp.MustCompile(`^/[A-Za-z0-9._~/-]*$`)
	certPattern     = regexp.MustCompile(`^arn:aws[a-z-]*:acm:([a-z0-9-]+):[0-9]{12}:certificate/[0-9a-f-]+$`)
	hostPattern     = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$`)
	zonePattern     = regexp.MustCompile(`^(Z[A-Z0-9]{1,31})?$`)
	originPattern   = regexp.MustCompile(`^https?://[a-z0-9.*-]+(:[0-9]+)?$`)
)

// checkIdentity checks where the environment is and what it is called.
func (d *decoder) checkIdentity(env Environment) {
	d.check(d.file == "" || strings.HasSuffix("/"+d.file, "/"+env.Env+".yaml"), "env",
		"is not the file's name", "rename the file or the environment")
	d.check(wordPattern.MatchString(env.Env), "env", "is not a name", "use a-z, 0-9 and single hyphens")
	d.check(accountPattern.MatchString(env.Account), "account", "is not an account id",
		"write 12 digits in double quotes, or \"\" for the account of the credentials")
	d.check(regionPattern.MatchString(env.Region), "region", "is not a region", "write e.g. ap-northeast-1")
	if err := env.Names().Check(); err != nil {
		reason, _, _ := strings.Cut(err.Error(), "\n")
		d.check(false, "project", reason, "", "env")
	}
}

// minBackupMinutes is RDS's shortest backup window.
const minBackupMinutes = 30

// checkDatabase checks what RDS for PostgreSQL accepts.
func (d *decoder) checkDatabase(env Environment) {
	db := env.DB
	d.check(db.Engine == EngineRDS, "db.engine", "is not built yet", "write rds")
	d.check(versionPattern.MatchString(db.Version), "db.version", "is not a PostgreSQL version", `write e.g. "15"`)
	d.check(!strings.HasPrefix(db.InstanceClass, "db."), "db.instanceClass", "begins with \"db.\"", "leave that away")
	d.check(classPattern.MatchString(db.InstanceClass), "db.instanceClass", "is not an instance class", "write e.g. t4g.micro")
	d.check(databasePattern.MatchString(db.Name), "db.name", "is not a database name", "use a-z, 0-9 and _, at most 63, a letter first")
	d.check(db.Name != "postgres" && db.Name != "rdsadmin", "db.name", "exists in every instance", "choose another name")
	d.oneOf(db.SSLMode, "db.sslMode", SSLDisable, "require", "verify-ca", "verify-full")
	d.check(db.SSLMode != SSLDisable || env.Env == Local, "db.sslMode",
		"RDS for PostgreSQL 15 refuses connections without TLS (rds.force_ssl)", "write verify-full", "env")
	d.checkStorageSize(db)
	d.checkBackups(db)
	d.checkProduction(env)
}

// Sizes of gp3 volumes for PostgreSQL, from the RDS user guide's page on storage.
const (
	minStorageGiB = 20
	maxStorageGiB = 65536
	iopsFromGiB   = 400
	minIOPS       = 12000
	maxIOPS       = 64000
)

// checkStorageSize checks the volume.
func (d *decoder) checkStorageSize(db DB) {
	d.within(db.StorageGiB, minStorageGiB, maxStorageGiB, "db.storageGiB", "gp3 volumes don't have this size")
	d.check(db.MaxStorageGiB == 0 || db.MaxStorageGiB*10 >= db.StorageGiB*11 && db.MaxStorageGiB <= maxStorageGiB,
		"db.maxStorageGiB", "RDS wants it at least 10 % above storageGiB", "write a larger size, or 0 for no growth", "db.storageGiB")
	d.check(db.IOPS == 0 || db.StorageGiB >= iopsFromGiB, "db.iops",
		"gp3's IOPS are fixed at 3,000 below 400 GiB for PostgreSQL", "write 0, or storageGiB: 400 or more", "db.storageGiB")
	d.check(db.IOPS == 0 || db.StorageGiB < iopsFromGiB || db.IOPS >= minIOPS && db.IOPS <= maxIOPS, "db.iops",
		"gp3 doesn't have as many IOPS", "write 0 or a number from 12000 to 64000", "db.storageGiB")
}

// checkBackups checks retention and window.
func (d *decoder) checkBackups(db DB) {
	d.within(db.BackupRetentionDays, 0, 35, "db.backupRetentionDays", "RDS keeps backups for 35 days at most")
	match := windowPattern.FindStringSubmatch(db.BackupWindow)
	d.check(match != nil, "db.backupWindow", "is not a time span", `write e.g. "17:00-18:00", in UTC`)
	if match != nil {
		d.check(minutesBetween(match) >= minBackupMinutes, "db.backupWindow", "is too short for RDS", "make it 30 minutes or more")
	}
}

// minutesBetween measures a match of windowPattern, over midnight too.
func minutesBetween(match []string) int {
	var n [5]int
	for i := 1; i < len(match); i++ {
		n[i], _ = strconv.Atoi(match[i]) // digits, by the pattern
	}
	const day = 24 * 60
	return ((n[3]*60 + n[4]) - (n[1]*60 + n[2]) + day) % day
}

// checkProduction checks what only prod must have.
func (d *decoder) checkProduction(env Environment) {
	prod := env.Env == Production
	d.check(!prod || env.DB.DeletionProtection, "db.deletionProtection", "prod must be protected", "write true", "env")
	d.check(!prod || env.DB.Encrypted, "db.encrypted", "prod must be encrypted, and it cannot be changed later", "write true", "env")
	d.check(!prod || env.DB.BackupRetentionDays > 0, "db.backupRetentionDays", "prod must have backups", "write 7 or more", "env")
	d.check(!prod || env.ALB.TLS.Enabled, "alb.tls.enabled", "prod must use HTTPS", "write true and a certificateArn", "env")
	d.check(!prod || env.Removal.Policy == RemovalRetain, "removal.policy", "prod must keep its data", "write retain", "env")
}

// checkApp checks what Fargate and the load balancer accept.
func (d *decoder) checkApp(app App) {
	d.within(app.Port, 1024, 65535, "app.port", "the container's user may not listen there")
	d.check(app.Port != 24224 && app.Port != 2020, "app.port", "is the log router's port", "write another, e.g. 3000")
	d.check(pathPattern.MatchString(app.HealthPath), "app.healthPath", "is not a path", "write e.g. /api/health")
	d.fargate(app.CPU, app.Memory, "app")
	d.within(app.DesiredCount, 0, 1000, "app.desiredCount", "is not a number of tasks")
	d.within(app.GraceSeconds, 0, 86400, "app.graceSeconds", "is not a span that ECS accepts")
	scaling := app.Autoscaling
	d.within(scaling.Min, 1, 1000, "app.autoscaling.min", "is not a number of tasks")
	d.check(scaling.Max >= scaling.Min, "app.autoscaling.max", "is less than min", "write min or more", "app.autoscaling.min")
	d.within(scaling.CPUTarget, 1, 100, "app.autoscaling.cpuTarget", "is not a percentage to aim at")
}

// checkALB checks the listeners against each other.
func (d *decoder) checkALB(env Environment) {
	alb := env.ALB
	match := certPattern.FindStringSubmatch(alb.TLS.CertificateArn)
	d.oneOf(alb.HTTPAction, "alb.httpAction", HTTPForward, HTTPRedirect)
	d.check(!alb.TLS.Enabled || match != nil, "alb.tls.certificateArn", "is not an ACM certificate's ARN",
		"write it, or tls.enabled: false", "alb.tls.enabled")
	d.check(match == nil || match[1] == env.Region, "alb.tls.certificateArn", "is in another region",
		"request the certificate in "+env.Region, "region")
	d.check(alb.TLS.Enabled || alb.HTTPAction == HTTPForward, "alb.httpAction", "redirects to HTTPS, which is off",
		"write forward, or tls.enabled: true", "alb.tls.enabled")
	d.check(alb.TLS.Enabled || alb.OpenHTTP, "alb.openHttp", "leaves no open port while HTTPS is off", "write true", "alb.tls.enabled")
	d.check(!alb.TLS.Enabled || env.DNS.RecordName != "", "dns.recordName", "is needed for HTTPS: a certificate is for a name",
		"write the certificate's name", "alb.tls.enabled")
}

// checkDNS checks the record against its zone.
func (d *decoder) checkDNS(env Environment) {
	dns := env.DNS
	d.check(dns.RecordName == "" || hostPattern.MatchString(dns.RecordName), "dns.recordName", "is not a host name",
		"write e.g. prooflink.example.com")
	d.check(zonePattern.MatchString(dns.ZoneID), "dns.zoneId", "is not a Route 53 zone's id", `write e.g. Z0123456789ABC, or ""`)
	d.check(dns.ZoneID == "" || dns.ZoneName != "", "dns.zoneName", "is needed with zoneId", "write the zone's name", "dns.zoneId")
	d.check(dns.ZoneID == "" || dns.RecordName == dns.ZoneName || strings.HasSuffix(dns.RecordName, "."+dns.ZoneName),
		"dns.recordName", "is not in the zone", "end it in the zone's name", "dns.zoneName", "dns.zoneId")
}

// checkStorage checks buckets, repositories and what becomes of them.
func (d *decoder) checkStorage(env Environment) {
	s3 := env.S3
	d.within(s3.ImportExpiryDays, 0, 36500, "s3.importExpiryDays", "is not a number of days")
	d.within(s3.GlacierDays, 1, 36500, "s3.glacierDays", "is not a number of days")
	d.check(s3.ExpireDays > s3.GlacierDays, "s3.expireDays", "is not after glacierDays", "write a larger number", "s3.glacierDays")
	for i, origin := range s3.CorsOrigins {
		d.checkOrigin(env, fmt.Sprintf("s3.corsOrigins[%d]", i), origin)
	}
	d.within(env.ECR.KeepImages, 10, 1000, "ecr.keepImages", "a rollback needs the images of the last ten deploys")
	d.oneOf(env.Removal.Policy, "removal.policy", RemovalDestroy, RemovalRetain)
	d.check(!env.Removal.EmptyOnDelete || env.Removal.Policy == RemovalDestroy, "removal.emptyOnDelete",
		"contradicts policy: retain", "write false", "removal.policy")
}

// checkOrigin checks one origin as S3 matches it.
func (d *decoder) checkOrigin(env Environment, path, origin string) {
	d.check(originPattern.MatchString(origin), path, "is not an origin", "write scheme, host and port only, e.g. https://prooflink.example.com")
	d.check(strings.Count(origin, "*") <= 1, path, "has more than one *, S3 accepts one", "write one *")
	d.check(env.Env != Production || strings.HasPrefix(origin, "https://"), path, "prod must not be used from localhost or without TLS",
		"write an https:// origin", "env")
}

// checkBatch checks queue and jobs.
func (d *decoder) checkBatch(batch Batch) {
	d.within(batch.MaxVcpus, 1, 10000, "batch.maxVcpus", "is not a number of vCPUs")
	d.oneOf(batch.Spot, "batch.spot", SpotOff, SpotFirst, SpotSecond)
	job := batch.Jobs.UserImport
	d.fargate(job.CPU, job.Memory, "batch.jobs.userImport")
	d.check(job.TimeoutSeconds >= 60, "batch.jobs.userImport.timeoutSeconds", "Batch wants at least 60", "write 60 or more")
	d.check(job.CPU <= batch.MaxVcpus*1024, "batch.jobs.userImport.cpu", "is more than batch.maxVcpus: the job would wait for ever",
		"write less, or a larger maxVcpus", "batch.maxVcpus")
}
