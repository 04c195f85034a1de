package config

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Rule is what one key accepts, whatever the other keys say. Validation and the
// JSON Schema both come from it.
type Rule struct {
	// OneOf lists the accepted values; none means that others are accepted, too.
	OneOf []string
	// Least and Most are a number's range, where Most isn't 0.
	Least, Most int
	// Pattern is what a text matches.
	Pattern *regexp.Regexp
	// Reason says why another value is refused.
	Reason string
	// Fix says what to write instead; empty where the values themselves say it.
	Fix string
}

// RuleOf returns a key's rule, e.g. that of "db.engine". An item of a list is
// "waf.countRules[]", a key that the user chooses "naming.tags.*".
func RuleOf(key string) (Rule, bool) {
	rule, ok := rules[key]
	return rule, ok
}

// Ruled lists the keys that have a rule, sorted.
func Ruled() []string {
	return slices.Sorted(maps.Keys(rules))
}

// choice accepts one of some values.
func choice(values ...string) Rule { return Rule{OneOf: values, Reason: "is not accepted"} }

// because gives a choice a reason of its own.
func (r Rule) because(reason string) Rule {
	r.Reason = reason
	return r
}

// between accepts a range of numbers.
func between(least, most int, reason string) Rule {
	return Rule{Least: least, Most: most, Reason: reason}
}

// matching accepts texts of one form.
func matching(pattern, reason, fix string) Rule {
	return Rule{Pattern: regexp.MustCompile(pattern), Reason: reason, Fix: fix}
}

// maxDays is a hundred years; S3's lifecycle rules take more.
const maxDays = 36500

// rules has every key that can be checked alone. What compares keys with each
// other is in the validate_….go files.
var rules = map[string]Rule{
	"env":     matching(word, "is not a name", "use a-z, 0-9 and single hyphens"),
	"account": matching(`^([0-9]{12})?$`, "is not an account id", `write 12 digits in double quotes, or "" for the account of the credentials`),
	"region":  matching(`^[a-z]{2}(-[a-z]+)+-[0-9]$`, "is not a region", "write e.g. ap-northeast-1"),
	"project": matching(word, "is not a name", "use a-z, 0-9 and single hyphens"),

	"naming.scheme": choice(SchemeEnv, SchemeLiteral),
	"naming.tags.*": matching(`^[\p{L}\p{Z}\p{N}_.:/=+@-]{0,256}$`, "is not a tag's value",
		"use at most 256 letters, digits, spaces and _ . : / = + - @"),

	"network.activeAzs":            between(1, zones, "is not a number of zones"),
	"network.natGateways":          between(0, zones, "there is one per zone at most"),
	"network.interfaceEndpoints[]": choice(services...).because("is not a service that the tasks use"),
	"network.endpointSgEgress":     choice(EgressAll, EgressNone),

	"secrets.dbName":  secretName,
	"secrets.appName": secretName,

	"db.engine":              choice(EngineRDS, EngineAurora),
	"db.version":             matching(`^[1-9][0-9]*(\.[0-9]+)?$`, "is not a PostgreSQL version", `write e.g. "15"`),
	"db.instanceClass":       matching(`^[a-z0-9-]+\.[a-z0-9]+$`, "is not an instance class", `write e.g. t4g.medium, without "db."`),
	"db.storageGiB":          between(0, maxStorageGiB, "gp3 volumes don't have this size"),
	"db.maxStorageGiB":       between(0, maxStorageGiB, "gp3 volumes don't have this size"),
	"db.iops":                between(0, maxIOPS, "gp3 doesn't have as many IOPS"),
	"db.readers":             between(0, 15, "a cluster has 15 readers at most"),
	"db.backupRetentionDays": between(0, 35, "RDS keeps backups for 35 days at most"),
	"db.backupWindow":        matching("^"+clock+"-"+clock+"$", "is not a time span", `write e.g. "17:00-18:00", in UTC`),
	"db.kmsKey":              choice(KeyAWS, KeyCMK),
	"db.name":                matching(`^[a-z][a-z0-9_]{0,62}$`, "is not a database name", "use a-z, 0-9 and _, at most 63, a letter first"),
	"db.sslMode":             choice(SSLDisable, "require", "verify-ca", "verify-full"),
	"db.urlMode":             choice(URLCompose, URLSecret),
	"db.schedule.stop":       matching("^"+clock+"$", "is not a time of day", `write e.g. "22:00"`),
	"db.schedule.start":      matching("^"+clock+"$", "is not a time of day", `write e.g. "09:00"`),
	"db.schedule.days":       matching("^"+weekdays+"(,"+weekdays+")*$", "are not days of the week", "write e.g. SUN-SAT, MON-FRI or SAT,SUN"),
	"db.schedule.mechanism":  choice(MechanismScheduler, MechanismSSM),

	"images.appRepo":       repositoryName,
	"images.batchRepo":     repositoryName,
	"images.fluentbitRepo": repositoryName,

	"app.port":                  between(1024, 65535, "the container's user may not listen there"),
	"app.healthPath":            matching(`^/[A-Za-z0-9._~/-]{0,999}$`, "is not a path", "write e.g. /api/health"),
	"app.cpu":                   fargateCPU,
	"app.desiredCount":          between(0, 1000, "is not a number of tasks"),
	"app.graceSeconds":          between(0, 86400, "is not a span that ECS accepts"),
	"app.autoscaling.min":       between(1, 1000, "is not a number of tasks"),
	"app.autoscaling.max":       between(1, 1000, "is not a number of tasks"),
	"app.autoscaling.cpuTarget": between(1, 100, "is not a percentage to aim at"),

	"alb.tls.certificateArn": matching(`^$|^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[0-9a-f-]+$`,
		"is not an ACM certificate's ARN", `write an ARN, or "" to request a certificate`),
	"alb.httpAction": choice(HTTPForward, HTTPRedirect),

	"dns.zoneName":   matching(`^$|^`+host+`$`, "is not a domain", `write e.g. example.com, or ""`),
	"dns.zoneId":     matching(`^(Z[A-Z0-9]{1,31})?$`, "is not a Route 53 zone's id", `write e.g. Z0123456789ABC, or ""`),
	"dns.recordName": matching(`^$|^`+host+`$`, "is not a host name", `write e.g. prooflink.example.com, or ""`),

	"waf.mode":         choice(WAFNone, WAFIPAllow, WAFManaged, WAFBoth),
	"waf.countRules[]": choice(managedRules...).because("is not a managed rule, and WAF would ignore it silently"),

	"logging.driver":                choice(DriverFireLens, DriverAWSLogs),
	"logging.serverLevel":           choice(levels...),
	"logging.clientLevel":           choice(levels...),
	"logging.clientBatchSize":       between(1, 50, "the receiver takes 50 entries at once"),
	"logging.clientBatchIntervalMs": between(1000, 3600000, "is not a usable interval"),
	"logging.retention.app":         retention,
	"logging.retention.server":      retention,
	"logging.retention.client":      retention,
	"logging.retention.errors":      retention,
	"logging.retention.flow":        retention,
	"logging.retention.batch":       retention,

	"s3.importExpiryDays": between(0, maxDays, "is not a number of days"),
	"s3.corsOrigins[]": matching(`^https?://[a-z0-9.*-]+(:[0-9]+)?$`, "is not an origin",
		"write scheme, host and port only, e.g. https://prooflink.example.com"),
	"s3.glacierDays": between(1, maxDays, "is not a number of days"),
	"s3.expireDays":  between(1, maxDays, "is not a number of days"),

	"ecr.keepImages":   between(10, 1000, "a rollback needs the images of the last ten deploys"),
	"ecr.keepDeployed": between(2, 1000, "a rollback needs the image before the running one"),

	"batch.maxVcpus":                           between(1, 10000, "is not a number of vCPUs"),
	"batch.spot":                               choice(SpotOff, SpotFirst, SpotSecond),
	"batch.serviceRole":                        choice(RoleLinked, RoleCustom),
	"batch.securityGroup":                      choice(GroupECS, GroupOwn),
	"batch.jobs.userImport.cpu":                fargateCPU,
	"batch.jobs.userImport.timeoutSeconds":     jobTimeout,
	"batch.jobs.testCaseImport.cpu":            fargateCPU,
	"batch.jobs.testCaseImport.timeoutSeconds": jobTimeout,

	"monitoring.alarms":             choice(AlarmsNone, AlarmsBasic, AlarmsFull),
	"monitoring.topicKey":           choice(KeyNone, KeyCMK),
	"monitoring.emails.critical[]":  email,
	"monitoring.emails.warning[]":   email,
	"monitoring.slackWebhookSecret": secretName,
	"monitoring.auroraBudgetGiB":    between(0, 262144, "an Aurora volume has 256 TiB at most"),

	"github.owner":              matching(`^([A-Za-z0-9]+(-[A-Za-z0-9]+)*)?$`, "is not an organisation or user of GitHub", `write e.g. my-company, or ""`),
	"github.ownerId":            matching(`^[0-9]*$`, "is not a number", `write e.g. "123456", or ""`),
	"github.repo":               matching(`^[A-Za-z0-9._-]{0,100}$`, "is not a repository's name", "write the name without its owner, e.g. prooflink"),
	"github.repoId":             matching(`^[0-9]*$`, "is not a number", `write e.g. "123456789", or ""`),
	"github.branches[]":         exactly("a branch", "main"),
	"github.environments[]":     exactly("an environment", "prod"),
	"github.planEnvironments[]": exactly("an environment", "prod-plan"),
	"github.subjects[]":         exactly("a subject", "repo:my-company/prooflink:ref:refs/heads/main"),

	"optional.amplifyBranches[]": exactly("a branch", "main"),

	"removal.policy": choice(RemovalDestroy, RemovalRetain),
}

// Forms that several rules share.
const (
	word     = `^[a-z][a-z0-9]*(-[a-z0-9]+)*$`
	clock    = `([01][0-9]|2[0-3]):[0-5][0-9]`
	weekday  = `(SUN|MON|TUE|WED|THU|FRI|SAT)`
	weekdays = weekday + `(-` + weekday + `)?`
	host     = `([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}`
)

var (
	// secretName is what Secrets Manager accepts (CreateSecret).
	secretName = matching(`^[A-Za-z0-9/_+=.@-]{0,512}$`, "is not a secret's name", "use letters, digits and / _ + = . @ -")
	// repositoryName is what ECR accepts (CreateRepository).
	repositoryName = matching(`^$|^[a-z][a-z0-9]*([._/-][a-z0-9]+)*$`, "is not a repository's name",
		"use a-z, 0-9 and single . _ - / between them, a letter first")
	fargateCPU = choice(cpus()...).because("Fargate has no such size")
	retention  = choice(texts(retentions)...).because("CloudWatch Logs does not accept it")
	jobTimeout = between(60, 14*24*60*60, "Batch wants at least 60 seconds, and Fargate ends a job after 14 days")
	email      = matching(`^[A-Za-z0-9._%+'-]+@([A-Za-z0-9-]+\.)+[A-Za-z]{2,}$`, "is not an e-mail address", "write e.g. admin@example.com")
)

// exactly accepts what GitHub names in a token's subject. The role compares it
// word for word, so a wildcard would match nothing, and it must not match more.
func exactly(what, example string) Rule {
	return matching(`^[^*?\s]+$`, "is not "+what+": wildcards and spaces match nothing", "write e.g. "+example)
}

// texts writes numbers as a file has them.
func texts(numbers []int) []string {
	all := make([]string, len(numbers))
	for i, number := range numbers {
		all[i] = strconv.Itoa(number)
	}
	return all
}

// accepts says whether a value is within the rule.
func (r Rule) accepts(value reflect.Value) bool {
	text := fmt.Sprint(value.Interface())
	switch {
	case r.OneOf != nil:
		return slices.Contains(r.OneOf, text)
	case r.Pattern != nil:
		return r.Pattern.MatchString(text)
	default:
		return value.Int() >= int64(r.Least) && value.Int() <= int64(r.Most)
	}
}

// listed is how many values a message lists; of more it names the nearest.
const listed = 8

// fix says what to write instead of a value.
func (r Rule) fix(value reflect.Value) string {
	switch {
	case r.Fix != "":
		return r.Fix
	case r.OneOf == nil:
		return fmt.Sprintf("write a number from %d to %d", r.Least, r.Most)
	case len(r.OneOf) <= listed:
		return "write one of " + strings.Join(r.OneOf, ", ")
	case value.Kind() == reflect.Int:
		return nearest(int(value.Int()), r.OneOf)
	default:
		return suggest(value.String(), r.OneOf)
	}
}

// nearest names the accepted numbers around one that isn't.
func nearest(number int, sorted []string) string {
	i := 0
	for ; i < len(sorted); i++ {
		if accepted, _ := strconv.Atoi(sorted[i]); accepted > number { // a number, by the table
			break
		}
	}
	return "write " + strings.Join(sorted[max(i-1, 0):min(i+1, len(sorted))], " or ")
}

// checkRules checks every key by itself. What it refuses counts as unusable, so
// that no comparison reports the same mistake again.
func (d *decoder) checkRules(env Environment) {
	walk(reflect.ValueOf(env), "", "", func(path, key string, value reflect.Value) {
		if value.Kind() == reflect.Slice {
			d.checkRepeated(path, value)
			return
		}
		rule, ok := rules[key]
		if ok && !rule.accepts(value) {
			d.check(false, path, rule.Reason, rule.fix(value))
			d.bad[path] = true
		}
	})
}

// checkRepeated checks a list, each of which is a set.
func (d *decoder) checkRepeated(path string, list reflect.Value) {
	seen := map[string]bool{}
	for i := range list.Len() {
		item, value := fmt.Sprintf("%s[%d]", path, i), list.Index(i).String()
		if seen[value] {
			d.check(false, item, "occurs twice", "remove one of them")
			d.bad[item] = true
		}
		seen[value] = true
	}
}
