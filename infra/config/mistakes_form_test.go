package config_test

import "strings"

// formMistakes is what is wrong whatever the key is.
var formMistakes = map[string]mistake{
	"an unknown key has a suggestion":                  {"dev", "natGateways:", "natGatways:", `dev.yaml:19: network.natGatways: is not a known key; did you mean "natGateways"?`},
	"a missing key is named":                           {"dev", "  flowLogs: true\n", "", `network.flowLogs: is missing; add it`},
	"a repeated key is refused":                        {"dev", "  flowLogs: true\n", "  flowLogs: true\n  flowLogs: true\n", `dev.yaml:23: network.flowLogs: occurs twice`},
	"a number where text is wanted says to quote it":   {"dev", `version: "15"`, "version: 15", `dev.yaml:30: db.version: 15: is a number; write text; put it in double quotes`},
	"text where a number is wanted":                    {"dev", "natGateways: 1", "natGateways: one", `network.natGateways: one: is text; write a whole number`},
	"a fraction where a whole number is wanted":        {"dev", "natGateways: 1", "natGateways: 1.5", `network.natGateways: 1.5: is a number; write a whole number`},
	"text where true or false is wanted":               {"dev", "flowLogs: true", "flowLogs: maybe", `network.flowLogs: maybe: is text; write true or false`},
	"an empty value":                                   {"dev", "region: ap-northeast-1", "region:", `region: is empty; write text`},
	"a single value where a list is wanted":            {"dev", "azs: [ap-northeast-1a, ap-northeast-1c]", "azs: ap-northeast-1a", `network.azs: ap-northeast-1a: is text; write a list`},
	"a value where a group is wanted":                  {"dev", "tls: {enabled: false, certificateArn: \"\"}", "tls: true", `alb.tls: true: is true or false; write a group of keys`},
	"an alias":                                         {"dev", "region: ap-northeast-1", "region: &r ap-northeast-1\nproject: *r\nx: y", `is an alias`},
	"broken YAML names its line":                       {"dev", "region: ap-northeast-1", "region: [ap", `is not valid YAML`},
	"a second document":                                {"dev", "env: dev", "env: dev\n---\nenv: dev", `has a second document`},
	"a number that YAML reads otherwise than a person": {"dev", "port: 3000", "port: 03000", `app.port: 03000: is a number; write a whole number in decimal digits`},
	"a list where a single value is wanted":            {"dev", "scheme: env", "scheme: [env]", `naming.scheme: is a list; write text`},
	"a tag twice":                                      {"dev", "{Project: prooflink,", "{Project: prooflink, Project: other,", `naming.tags.Project: occurs twice`},
	"an item twice":                                    {"dev", "[main, develop]", "[main, main]", `github.branches[1]: main: occurs twice; remove one of them`},
}

// identityMistakes is about the environment, its names and its tags.
var identityMistakes = map[string]mistake{
	"env must be the file's name":                {"dev", "env: dev", "env: prod", `dev.yaml:4: env: prod: is not the file's name`},
	"an account has 12 digits":                   {"dev", `account: ""`, `account: "123"`, `account: 123: is not an account id`},
	"a region looks like one":                    {"dev", "region: ap-northeast-1", "region: Tokyo", `region: Tokyo: is not a region`},
	"a project must make valid names":            {"dev", "project: prooflink", "project: proof-link-and-much-more-than-that", `AWS allows 32`},
	"an environment's name":                      {"dev", "env: dev", "env: Dev_1", `env: Dev_1: is not a name; use a-z, 0-9 and single hyphens`},
	"B31: an unknown scheme":                     {"dev", "scheme: env", "scheme: short", `naming.scheme: short: is not accepted; write one of env, literal`},
	"A10: a tag that AWS reserves":               {"dev", "ManagedBy: cdk", `"AWS:by": cdk`, `naming.tags.AWS:by: cdk: begins with "aws:", which AWS reserves`},
	"A10: a tag that would name everything":      {"dev", "ManagedBy: cdk", "Name: cdk", `naming.tags.Name: cdk: would give every resource the same name`},
	"A10: tags that differ in capitals only":     {"dev", "ManagedBy: cdk", "project: cdk", `naming.tags.project: cdk: differs from Project in capitals only, which IAM refuses`},
	"A10: a tag's key with other characters":     {"dev", "ManagedBy: cdk", `"by?": cdk`, `naming.tags.by?: cdk: is not a tag's key`},
	"A10: a tag without a key":                   {"dev", "ManagedBy: cdk", `"": cdk`, `naming.tags.: cdk: is not a tag's key; use 1 to 128 letters`},
	"A10: a tag's value with other characters":   {"dev", "ManagedBy: cdk", "ManagedBy: c#", `naming.tags.ManagedBy: c#: is not a tag's value`},
	"A10: a tag's value that is too long":        {"dev", "ManagedBy: cdk", "ManagedBy: " + strings.Repeat("x", 257), `is not a tag's value; use at most 256 letters`},
	"A10: too many tags":                         {"dev", "ManagedBy: cdk", manyTags(41), `naming.tags: has 43 tags, AWS allows 50 with its own; keep 40 at most`},
	"B29: a secret's name with a space":          {"dev", `dbName: ""`, `dbName: "my secret"`, `secrets.dbName: my secret: is not a secret's name`},
	"B29: a secret's name that ends like an ARN": {"dev", `appName: ""`, "appName: prooflink/app-values", `secrets.appName: prooflink/app-values: ends like an ARN`},
	"B29: one name for two secrets":              {"dev", `appName: ""`, "appName: prooflink-dev/rds-credentials", `secrets.appName: prooflink-dev/rds-credentials: is the name that secrets.dbName has, too; choose another name`},
	"B29: the name of the URL's secret":          {"dev", `dbName: ""`, "dbName: prooflink-dev/database-url", `secrets.dbName: prooflink-dev/database-url: is the name of the secret with the database's URL`},
	"a repository's name in capitals":            {"dev", `appRepo: ""`, "appRepo: App", `images.appRepo: App: is not a repository's name`},
	"a repository's name with a double hyphen":   {"dev", `batchRepo: ""`, "batchRepo: a--b", `images.batchRepo: a--b: is not a repository's name`},
	"a repository's name of one letter":          {"dev", `fluentbitRepo: ""`, "fluentbitRepo: a", `images.fluentbitRepo: a: has a length that ECR refuses; write 2 to 256 characters`},
	"one repository for two images":              {"dev", `batchRepo: ""`, "batchRepo: prooflink-dev-app", `images.batchRepo: prooflink-dev-app: is the name that images.appRepo has, too`},
}
