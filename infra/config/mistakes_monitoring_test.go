package config_test

import "strings"

// monitoringMistakes is about alarms and optional parts.
var monitoringMistakes = map[string]mistake{
	"B25: unknown alarms":                     {"dev", "alarms: none", "alarms: some", `monitoring.alarms: some: is not accepted; write one of none, basic, full`},
	"C103: the service's own key":             {"dev", "topicKey: none", "topicKey: aws", `monitoring.topicKey: aws: is not accepted; write one of none, cmk`},
	"an address that is none":                 {"prod", "critical: [admin@example.com]", "critical: [admin]", `monitoring.emails.critical[0]: admin: is not an e-mail address; write e.g. admin@example.com`},
	"a warning's address that is none":        {"prod", "warning: [admin@example.com]", "warning: [admin@host]", `monitoring.emails.warning[0]: admin@host: is not an e-mail address`},
	"an e-mail address twice":                 {"prod", "critical: [admin@example.com]", "critical: [admin@example.com, admin@example.com]", `monitoring.emails.critical[1]: admin@example.com: occurs twice`},
	"B26: alarms that nobody hears in prod":   {"prod", "critical: [admin@example.com]", "critical: []", `monitoring.emails.critical: is empty: nobody would hear of a critical alarm; list addresses, or write slackWebhookSecret`},
	"a Slack secret's URL for its name":       {"dev", `slackWebhookSecret: ""`, "slackWebhookSecret: https://hooks.slack.com/x", `monitoring.slackWebhookSecret: https://hooks.slack.com/x: is not a secret's name`},
	"the application's secret for Slack":      {"dev", `slackWebhookSecret: ""`, "slackWebhookSecret: prooflink-dev/app-secrets", `monitoring.slackWebhookSecret: prooflink-dev/app-secrets: is the name that secrets.appName has, too`},
	"a budget below nothing":                  {"dev", "auroraBudgetGiB: 100", "auroraBudgetGiB: -1", `monitoring.auroraBudgetGiB: -1: an Aurora volume has 256 TiB at most; write a number from 0 to 262144`},
	"B32: a workflow without jobs":            {"noBatch", "orchestration: false", "orchestration: true", `optional.orchestration: true: starts jobs, which are off; write false, or batch.enabled: true`},
	"queries of an archive that is off":       {"awslogs", "athena: false", "athena: true", `optional.athena: true: queries the log archive, which is off; write false, or logging.archiveBucket: true`},
	"B10: a front end of no branch":           {"subjects", "amplifyBranches: [main]", "amplifyBranches: []", `optional.amplifyBranches: is empty: Amplify would build nothing; list a branch, or write amplify: false`},
	"B10: a front end without its repository": {"dev", "amplify: false", "amplify: true", `optional.amplify: true: builds from a repository, and none is given; write false, or github.owner and github.repo`},
}

// githubMistakes is about who may deploy.
var githubMistakes = map[string]mistake{
	"an owner without a repository":            {"dev", `owner: ""`, "owner: acme", `github.repo: is needed with github.owner; write it, or "" for both`},
	"a repository without an owner":            {"dev", `repo: ""`, "repo: prooflink", `github.owner: is needed with github.repo; write it, or "" for both`},
	"an owner's name that is none":             {"github", "owner: acme", "owner: acme_inc", `github.owner: acme_inc: is not an organisation or user of GitHub`},
	"an owner's name that is too long":         {"github", "owner: acme", "owner: " + strings.Repeat("a", 40), `is longer than GitHub allows; write 39 characters at most`},
	"a repository with its owner":              {"github", "repo: prooflink", "repo: acme/prooflink", `github.repo: acme/prooflink: is not a repository's name; write the name without its owner`},
	"C87: an owner's id alone":                 {"github", `ownerId: ""`, `ownerId: "1"`, `github.repoId: is needed with github.ownerId; write it, or "" for both`},
	"C87: an id that is no number":             {"github", `ownerId: ""`, `ownerId: acme`, `github.ownerId: acme: is not a number; write e.g. "123456", or ""`},
	"C87: a repository's id that is no number": {"github", `repoId: ""`, `repoId: prooflink`, `github.repoId: prooflink: is not a number`},
	"C87: ids of nobody":                       {"dev", `ownerId: ""`, `ownerId: "1"`, `github.ownerId: 1: belongs to no owner`},
	"C86: every branch":                        {"github", "[main, develop]", `["*"]`, `github.branches[0]: *: is not a branch: wildcards and spaces match nothing; write e.g. main`},
	"C86: a branch without a name":             {"github", "[main, develop]", `[""]`, `github.branches[0]: is not a branch`},
	"C86: a branch's reference":                {"github", "[main, develop]", "[refs/heads/main]", `github.branches[0]: refs/heads/main: is a reference; write the branch alone, e.g. main`},
	"C86: some environments":                   {"github", "environments: [dev]", `environments: ["prod-*"]`, `github.environments[0]: prod-*: is not an environment: wildcards`},
	"C86: every subject":                       {"github", "subjects: []", `subjects: ["repo:acme/*"]`, `github.subjects[0]: repo:acme/*: is not a subject: wildcards`},
	"C86: a subject that is none":              {"github", "subjects: []", `subjects: [main]`, `github.subjects[0]: main: is not a subject; write e.g. repo:my-company/prooflink:environment:dev`},
	"C86: an owner who may not deploy":         {"github", "[main, develop]\n  environments: [dev]", "[]\n  environments: []", `github.owner: acme: may not deploy from anywhere; list branches, environments or subjects`},
	"C86: prod from a branch of work":          {"prod", "branches: []", "branches: [develop]", `github.branches[0]: develop: must not deploy to prod; write one of main, master`},
	"C86: prod from two branches":              {"prod", "branches: []", "branches: [main, release]", `github.branches: are several, prod is deployed from one; write [main]`},
	"C86: prod from a pull request":            {"prod", "subjects: []", `subjects: ["repo:acme/prooflink:pull_request"]`, `github.subjects[0]: repo:acme/prooflink:pull_request: must not deploy to prod; end it in :ref:refs/heads/main or :environment:prod`},
	"C86: some environments that plan":         {"github", "[dev-plan]", `["*"]`, `github.planEnvironments[0]: *: is not an environment: wildcards and spaces match nothing; write e.g. prod-plan`},
	"C86: a plan that may deploy":              {"prod", "environments: [prod]", "environments: [prod, prod-plan]", `github.planEnvironments[0]: prod-plan: may deploy, too, and nobody approves a plan; remove it here or from github.environments`},
	"C88: a provider for nobody":               {"dev", "createProvider: false", "createProvider: true", `github.createProvider: true: has no effect: without an owner no workflow deploys`},
}
