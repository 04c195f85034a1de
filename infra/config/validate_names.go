package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/prooflink/prooflink/infra/names"
)

// checkIdentity checks what the environment is called.
func (d *decoder) checkIdentity(env Environment) {
	d.check(!d.named || strings.HasSuffix("/"+d.file, "/"+env.Env+".yaml"), "env",
		"is not the file's name", "rename the file or the environment")
	made := env.Names()
	made.Given = names.Given{} // checked with their own keys
	if err := made.Check(); err != nil {
		reason, _, _ := strings.Cut(err.Error(), "\n")
		d.check(false, "project", reason, "", "env")
	}
}

// maxTags leaves some of the 50 that AWS allows to CloudFormation and the CDK.
const maxTags = 40

// tagKey is what every service accepts as a tag's key.
var tagKey = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+@-]{1,128}$`)

// checkTags checks the tags' keys; their values have a rule.
func (d *decoder) checkTags(tags map[string]string) {
	d.check(len(tags) <= maxTags, "naming.tags", fmt.Sprintf("has %d tags, AWS allows 50 with its own", len(tags)), "keep 40 at most")
	spelt := map[string]string{}
	for _, key := range sortedNames(reflect.ValueOf(tags)) {
		path, lower := join("naming.tags", key), strings.ToLower(key)
		d.check(tagKey.MatchString(key), path, "is not a tag's key", "use 1 to 128 letters, digits, spaces and _ . : / = + - @")
		d.check(!strings.HasPrefix(lower, "aws:"), path, `begins with "aws:", which AWS reserves`, "choose another key")
		d.check(key != "Name", path, "would give every resource the same name", "leave it away")
		d.check(spelt[lower] == "", path, "differs from "+spelt[lower]+" in capitals only, which IAM refuses", "remove one of them")
		spelt[lower] = key
	}
}

// randomSuffix is how the ARNs of secrets end.
var randomSuffix = regexp.MustCompile(`-[A-Za-z0-9]{6}$`)

// checkGivenNames checks the names that the file chooses, alone and against
// those that are made.
func (d *decoder) checkGivenNames(env Environment) {
	n := env.Names()
	d.checkRepositoryNames(env.Images)
	d.checkDistinct([]given{
		{"images.appRepo", n.AppRepository()}, {"images.batchRepo", n.BatchRepository()}, {"images.fluentbitRepo", n.FluentBitRepository()},
	})
	secrets := []given{
		{"secrets.dbName", n.DatabaseSecret()}, {"secrets.appName", n.AppSecret()}, {"monitoring.slackWebhookSecret", env.Monitoring.SlackWebhookSecret},
	}
	for _, secret := range secrets {
		d.check(!randomSuffix.MatchString(secret.name), secret.path,
			"ends like an ARN, in a hyphen and six characters: Secrets Manager then finds the wrong secret", "end it otherwise")
		d.check(secret.name != n.DatabaseURLSecret(), secret.path, "is the name of the secret with the database's URL", "choose another name")
	}
	d.checkDistinct(secrets)
}

// checkRepositoryNames checks the repositories' lengths.
func (d *decoder) checkRepositoryNames(images Images) {
	for _, repository := range []given{
		{"images.appRepo", images.AppRepo}, {"images.batchRepo", images.BatchRepo}, {"images.fluentbitRepo", images.FluentBitRepo},
	} {
		length := len(repository.name)
		d.check(length == 0 || length >= 2 && length <= 256, repository.path, "has a length that ECR refuses", "write 2 to 256 characters")
	}
}

// given is a name and the key that may choose it.
type given struct{ path, name string }

// checkDistinct checks that no two of the names are the same.
func (d *decoder) checkDistinct(all []given) {
	first := map[string]string{}
	for _, item := range all {
		other, taken := first[item.name]
		d.check(!taken || item.name == "", item.path, "is the name that "+other+" has, too", "choose another name", other)
		first[item.name] = item.path
	}
}
