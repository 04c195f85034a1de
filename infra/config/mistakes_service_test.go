package config_test

import "strings"

// serviceMistakes is about tasks, load balancer and DNS.
var serviceMistakes = map[string]mistake{
	"prod without HTTPS":                             {"prod", "    enabled: true", "    enabled: false", `prod must use HTTPS`},
	"a port below 1024":                              {"dev", "port: 3000", "port: 80", `app.port: 80`},
	"the log router's port":                          {"dev", "port: 3000", "port: 24224", `is the log router's port`},
	"a CPU size that Fargate lacks":                  {"dev", "cpu: 512", "cpu: 500", `app.cpu: 500: Fargate has no such size; write one of 256, 512, 1024`},
	"a memory size that does not go with it":         {"dev", "memory: 1024", "memory: 512", `app.memory: 512: Fargate does not pair it with 512 CPU units; write one of 1024, 2048, 3072, 4096`},
	"autoscaling upside down":                        {"dev", "min: 2, max: 20", "min: 2, max: 1", `app.autoscaling.max: 1: is less than min`},
	"HTTPS without a certificate":                    {"dev", "enabled: false, certificateArn", "enabled: true, certificateArn", `without dns.zoneId there is no zone in which a new certificate is validated; write an ACM certificate's ARN, or dns.zoneId`},
	"HTTPS without a name":                           {"prod", "recordName: prooflink.example.com", `recordName: ""`, `dns.recordName: is needed for HTTPS`},
	"a certificate of another region":                {"prod", "arn:aws:acm:ap-northeast-1", "arn:aws:acm:us-east-1", `request the certificate in ap-northeast-1`},
	"a redirect to nowhere":                          {"dev", "httpAction: forward", "httpAction: redirect", `redirects to HTTPS, which is off`},
	"an unknown action":                              {"dev", "httpAction: forward", "httpAction: drop", `write one of forward, redirect`},
	"a load balancer with no open port":              {"dev", "openHttp: true", "openHttp: false", `leaves no open port`},
	"a record outside of its zone":                   {"prod", `zoneId: ""`, "zoneId: Z0123456789ABC", `dns.zoneName: is needed with zoneId`},
	"a health path without its slash":                {"dev", "healthPath: /api/health", "healthPath: api/health", `app.healthPath: api/health: is not a path`},
	"too many tasks":                                 {"dev", "desiredCount: 1", "desiredCount: 1001", `app.desiredCount: 1001: is not a number of tasks`},
	"no tasks to scale to":                           {"dev", "min: 2", "min: 0", `app.autoscaling.min: 0: is not a number of tasks`},
	"too many tasks to scale to":                     {"dev", "max: 20", "max: 1001", `app.autoscaling.max: 1001: is not a number of tasks`},
	"a target of more than all":                      {"dev", "cpuTarget: 70", "cpuTarget: 101", `app.autoscaling.cpuTarget: 101: is not a percentage`},
	"less than no grace":                             {"dev", "graceSeconds: 120", "graceSeconds: -1", `app.graceSeconds: -1: is not a span that ECS accepts`},
	"C13: a certificate that is none":                {"dev", `certificateArn: ""`, "certificateArn: mine", `alb.tls.certificateArn: mine: is not an ACM certificate's ARN; write an ARN, or "" to request a certificate`},
	"C13: a certificate for a name that is too long": {"tls", "recordName: app.proof.link", "recordName: " + strings.Repeat("a", 60) + ".proof.link", `is longer than the 64 characters that ACM certifies; write a shorter name, or alb.tls.certificateArn`},
	"a certificate of another account":               {"prod", `account: ""`, `account: "222233334444"`, `is in another account; request the certificate in 222233334444`},
	"prod that forwards HTTP":                        {"prod", "httpAction: redirect", "httpAction: forward", `alb.httpAction: forward: prod must not be used without TLS; write redirect, or openHttp: false`},
	"a zone's name that is none":                     {"prod", `zoneName: ""`, "zoneName: localhost", `dns.zoneName: localhost: is not a domain`},
	"a zone's id that is none":                       {"prod", `zoneId: ""`, "zoneId: proof.link", `dns.zoneId: proof.link: is not a Route 53 zone's id`},
	"a record that is none":                          {"dev", `recordName: ""`, "recordName: Proof Link", `dns.recordName: Proof Link: is not a host name`},
	"a record longer than names are":                 {"dev", `recordName: ""`, "recordName: " + strings.Repeat("abcdefghi.", 25) + "link", `is longer than a host name may be; write 253 characters at most`},
	"a record in another zone":                       {"tls", "recordName: app.proof.link", "recordName: app.other.link", `dns.recordName: app.other.link: is not in the zone`},
}

// loggingMistakes is about log drivers and groups.
var loggingMistakes = map[string]mistake{
	"an unknown log driver":                {"dev", "driver: firelens", "driver: splunk", `write one of firelens, awslogs`},
	"an unknown level":                     {"dev", "serverLevel: info", "serverLevel: INFO", `write one of debug, info, warn, error, fatal`},
	"a retention that CloudWatch refuses":  {"dev", "client: 3", "client: 4", `logging.retention.client: 4: CloudWatch Logs does not accept it; write 3 or 5`},
	"C56: every line twice":                {"dev", "driver: firelens", "driver: awslogs", `logging.directToCloudWatch: true: would store every server line twice with driver awslogs; write false, or driver: firelens`},
	"B18: an archive without Fluent Bit":   {"dev", "driver: firelens", "driver: awslogs", `logging.archiveBucket: true: is written by Fluent Bit, which driver awslogs does without; write false, or driver: firelens`},
	"an unknown level in the browser":      {"dev", "clientLevel: warn", "clientLevel: warning", `logging.clientLevel: warning: is not accepted; write one of debug, info, warn, error, fatal`},
	"more entries than the receiver takes": {"dev", "clientBatchSize: 10", "clientBatchSize: 51", `logging.clientBatchSize: 51: the receiver takes 50 entries at once`},
	"an interval in seconds":               {"dev", "clientBatchIntervalMs: 30000", "clientBatchIntervalMs: 30", `logging.clientBatchIntervalMs: 30: is not a usable interval`},
	"a retention of no days":               {"dev", "flow: 7", "flow: 0", `logging.retention.flow: 0: CloudWatch Logs does not accept it; write 1`},
	"a retention beyond the longest":       {"dev", "batch: 7", "batch: 9999", `logging.retention.batch: 9999: CloudWatch Logs does not accept it; write 3653`},
}

// storageMistakes is about buckets, repositories and removal.
var storageMistakes = map[string]mistake{
	"prod that destroys its data":                  {"prod", "policy: retain", "policy: destroy", `prod must keep its data`},
	"prod used from localhost":                     {"prod", "https://prooflink.example.com", "http://localhost:3000", `prod must not be used from localhost`},
	"logs that expire before they are archived":    {"dev", "expireDays: 365", "expireDays: 90", `is not after glacierDays`},
	"an origin with a path":                        {"dev", "http://localhost:3000", "http://localhost:3000/", `is not an origin`},
	"too few images kept":                          {"dev", "keepImages: 10", "keepImages: 2", `a rollback needs the images`},
	"too few deployed images kept":                 {"dev", "keepDeployed: 10", "keepDeployed: 1", `ecr.keepDeployed: 1: a rollback needs the image before the running one; write a number from 2 to 1000`},
	"emptied and retained":                         {"prod", "emptyOnDelete: false", "emptyOnDelete: true", `contradicts policy: retain`},
	"imports that expire before they come":         {"dev", "importExpiryDays: 30", "importExpiryDays: -1", `s3.importExpiryDays: -1: is not a number of days`},
	"C68: every web site":                          {"dev", "http://*.ap-northeast-1.elb.amazonaws.com", "https://*", `s3.corsOrigins[1]: https://*: is every web site; write a host`},
	"C68: two wildcards":                           {"dev", "http://*.ap-northeast-1.elb.amazonaws.com", "http://*.*.amazonaws.com", `has more than one *, S3 accepts one`},
	"C68: an origin that is not the application's": {"prod", "https://prooflink.example.com", "https://www.example.com", `s3.corsOrigins: lacks https://prooflink.example.com, from where browsers upload; add it`},
	"logs that are archived before they come":      {"dev", "glacierDays: 90", "glacierDays: 0", `s3.glacierDays: 0: is not a number of days`},
	"an unknown policy":                            {"dev", "policy: destroy", "policy: snapshot", `removal.policy: snapshot: is not accepted; write one of destroy, retain`},
}

// batchMistakes is about the jobs.
var batchMistakes = map[string]mistake{
	"an unknown place for Spot":                      {"dev", "spot: second", "spot: third", `write one of off, first, second`},
	"a job larger than its environment":              {"dev", "userImport: {cpu: 256, memory: 512", "userImport: {cpu: 4096, memory: 8192", `the job would wait for ever`},
	"a job without time":                             {"dev", "timeoutSeconds: 3600", "timeoutSeconds: 10", `Batch wants at least 60`},
	"no vCPU":                                        {"dev", "maxVcpus: 2", "maxVcpus: 0", `batch.maxVcpus: 0: is not a number of vCPUs`},
	"B39: an unknown service role":                   {"dev", "serviceRole: slr", "serviceRole: linked", `batch.serviceRole: linked: is not accepted; write one of slr, custom`},
	"C80: an unknown security group":                 {"dev", "securityGroup: ecs", "securityGroup: batch", `batch.securityGroup: batch: is not accepted; write one of ecs, own`},
	"a test-case import larger than its environment": {"dev", "testCaseImport: {cpu: 512, memory: 1024", "testCaseImport: {cpu: 4096, memory: 8192", `batch.jobs.testCaseImport.cpu: 4096: is more than batch.maxVcpus: the job would wait for ever`},
	"a job's memory that does not go with its CPU":   {"dev", "testCaseImport: {cpu: 512, memory: 1024", "testCaseImport: {cpu: 512, memory: 512", `batch.jobs.testCaseImport.memory: 512: Fargate does not pair it with 512 CPU units`},
	"a job's CPU that Fargate lacks":                 {"dev", "userImport: {cpu: 256", "userImport: {cpu: 128", `batch.jobs.userImport.cpu: 128: Fargate has no such size`},
	"a test-case import without time":                {"dev", "testCaseImport: {cpu: 512, memory: 1024, timeoutSeconds: 3600", "testCaseImport: {cpu: 512, memory: 1024, timeoutSeconds: 59", `batch.jobs.testCaseImport.timeoutSeconds: 59: Batch wants at least 60 seconds`},
	"a job longer than Fargate runs":                 {"dev", "userImport: {cpu: 256, memory: 512, timeoutSeconds: 3600", "userImport: {cpu: 256, memory: 512, timeoutSeconds: 1209601", `batch.jobs.userImport.timeoutSeconds: 1209601: Batch wants at least 60 seconds, and Fargate ends a job after 14 days`},
}
