package foundation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/infratest"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/templates"
)

const (
	bucket     = "AWS::S3::Bucket"
	repository = "AWS::ECR::Repository"
	logGroup   = "AWS::Logs::LogGroup"
	emptying   = "Custom::S3AutoDeleteObjects"

	files   = "prooflink-dev-files-123456789012"
	archive = "prooflink-dev-logs-123456789012"
	access  = "prooflink-dev-alb-logs-123456789012"
)

func TestMain(m *testing.M) { infratest.Main(m) }

// synth makes an environment's foundation.
func synth(t *testing.T, env string, changes ...func(*config.Environment)) infratest.Template {
	t.Helper()
	changed := infratest.Env(t, env, changes...)
	return infratest.Synth(t, changed, func(stack awscdk.Stack) { foundation.New(stack, foundation.Props{Env: changed}) })
}

// named are a type's resources by one of their properties.
func named(s infratest.Template, kind, property string) map[string]templates.Resource {
	found := map[string]templates.Resource{}
	for _, r := range s.Of(kind) {
		found[r.Text(property)] = r
	}
	return found
}

// rules are a bucket's lifecycle rules by their ids, without those.
func rules(r templates.Resource) map[string]string {
	found := map[string]string{}
	list, _ := r.At("LifecycleConfiguration", "Rules").([]any)
	for _, item := range list {
		rule, _ := item.(map[string]any)
		id := templates.Text(rule["Id"])
		delete(rule, "Id")
		found[id] = templates.Text(rule)
	}
	return found
}

// cleanUp is what every bucket does with what is old or unfinished.
const cleanUp = "{AbortIncompleteMultipartUpload:{DaysAfterInitiation:7} ExpiredObjectDeleteMarker:true " +
	"NoncurrentVersionExpiration:{NoncurrentDays:30} Status:Enabled}"

func TestA6EveryBucketIsPrivateEncryptedAndReachedByTLSOnly(t *testing.T) {
	s := synth(t, "dev")
	found := named(s, bucket, "BucketName")
	infratest.Equal(t, "buckets", len(found), 3)
	for name, b := range found {
		infratest.Equal(t, name+"'s encryption", b.Text("BucketEncryption"), "{ServerSideEncryptionConfiguration:[{ServerSideEncryptionByDefault:{SSEAlgorithm:AES256}}]}")
		infratest.Equal(t, name+"'s public access", b.Text("PublicAccessBlockConfiguration"),
			"{BlockPublicAcls:true BlockPublicPolicy:true IgnorePublicAcls:true RestrictPublicBuckets:true}")
		infratest.Equal(t, name+"'s ACLs", b.Text("OwnershipControls", "Rules"), "[{ObjectOwnership:BucketOwnerEnforced}]")
	}
	policies := s.Of("AWS::S3::BucketPolicy")
	infratest.Equal(t, "policies", len(policies), 3)
	for _, p := range policies {
		if text := p.Text("PolicyDocument"); !strings.Contains(text, "Condition:{Bool:{aws:SecureTransport:false}} Effect:Deny Principal:{AWS:*}") {
			t.Errorf("a bucket can be used without TLS:\n%s", text)
		}
	}
}

func TestA6AndB36BucketsAreVersionedAsWritten(t *testing.T) {
	versions := func(s infratest.Template) map[string]string {
		found := map[string]string{}
		for name, b := range named(s, bucket, "BucketName") {
			found[name] = b.Text("VersioningConfiguration", "Status")
		}
		return found
	}
	infratest.Equal(t, "dev", versions(synth(t, "dev")), map[string]string{files: "<nothing>", archive: "Enabled", access: "Enabled"})
	infratest.Equal(t, "prod", versions(synth(t, "prod"))["prooflink-prod-files-123456789012"], "Enabled")
	infratest.Equal(t, "the logs' switch", versions(synth(t, "dev", func(e *config.Environment) { e.S3.LogsVersioned = false })),
		map[string]string{files: "<nothing>", archive: "<nothing>", access: "<nothing>"})
}

func TestB35AndC65ImportsExpireInVersionedBucketsToo(t *testing.T) {
	for _, env := range []string{"dev", "prod"} {
		b := named(synth(t, env), bucket, "BucketName")["prooflink-"+env+"-files-123456789012"]
		infratest.Equal(t, env, rules(b), map[string]string{
			"clean-up": cleanUp,
			"delete-old-imports": "{ExpirationInDays:30 NoncurrentVersionExpiration:{NoncurrentDays:1} " +
				"Prefix:imports/ Status:Enabled}",
		})
	}
	kept := synth(t, "dev", func(e *config.Environment) { e.S3.ImportExpiryDays = 0 })
	infratest.Equal(t, "kept imports", rules(named(kept, bucket, "BucketName")[files]), map[string]string{"clean-up": cleanUp})
}

func TestC67ResultsOutliveTheirImports(t *testing.T) {
	if strings.HasPrefix(foundation.FolderResults, foundation.FolderImports) {
		t.Errorf("%s is under %s, which expires", foundation.FolderResults, foundation.FolderImports)
	}
}

func TestA6LogsGoToGlacierAndEnd(t *testing.T) {
	found := named(synth(t, "dev"), bucket, "BucketName")
	want := map[string]string{
		"clean-up":            cleanUp,
		"archive-then-delete": "{ExpirationInDays:365 Status:Enabled Transitions:[{StorageClass:GLACIER TransitionInDays:90}]}",
	}
	infratest.Equal(t, "archive", rules(found[archive]), want)
	infratest.Equal(t, "access logs", rules(found[access]), want)
	sooner := synth(t, "dev", func(e *config.Environment) { e.S3.GlacierDays, e.S3.ExpireDays = 30, 60 })
	infratest.Equal(t, "other days", rules(named(sooner, bucket, "BucketName")[archive])["archive-then-delete"],
		"{ExpirationInDays:60 Status:Enabled Transitions:[{StorageClass:GLACIER TransitionInDays:30}]}")
}

func TestA6AndC68BrowsersUploadFromTheConfiguredOrigins(t *testing.T) {
	for env, origins := range map[string]string{
		"dev":  "[http://localhost:3000 http://*.ap-northeast-1.elb.amazonaws.com]",
		"prod": "[https://prooflink.example.com]",
	} {
		found := named(synth(t, env), bucket, "BucketName")
		infratest.Equal(t, env, found["prooflink-"+env+"-files-123456789012"].Text("CorsConfiguration", "CorsRules"),
			"[{AllowedHeaders:[*] AllowedMethods:[GET PUT POST DELETE] AllowedOrigins:"+origins+" ExposedHeaders:[ETag]}]")
		infratest.Equal(t, "logs", found["prooflink-"+env+"-logs-123456789012"].Text("CorsConfiguration"), "<nothing>")
	}
}

func TestB27LogBucketsExistWhereTheyAreUsed(t *testing.T) {
	s := synth(t, "dev", func(e *config.Environment) { e.Logging.ArchiveBucket, e.ALB.AccessLogs = false, false })
	infratest.Equal(t, "buckets", s.One(t, bucket).Text("BucketName"), files)
	if _, ok := s.Outputs[names.OutputLogArchiveBucket]; ok {
		t.Error("the archive's output is there without the archive")
	}
	if with := templates.Text(synth(t, "dev").Outputs[names.OutputLogArchiveBucket].Value); !strings.HasPrefix(with, "${LogArchiveBucket") {
		t.Errorf("the archive's output is %s", with)
	}
}

func TestC61TheBucketOfTheAccessLogsIsTheLoadBalancersToWrite(t *testing.T) {
	for _, p := range synth(t, "dev").Of("AWS::S3::BucketPolicy") {
		if strings.HasPrefix(p.Text("Bucket"), "${AccessLogBucket") {
			text := p.Text("PolicyDocument")
			for _, part := range []string{"Action:s3:PutObject Effect:Allow Principal:{AWS:arn:${AWS::Partition}:iam::582318560864:root}",
				".Arn}/AWSLogs/123456789012/* Sid:LoadBalancerAccessLogs"} {
				if !strings.Contains(text, part) {
					t.Errorf("lacks %q:\n%s", part, text)
				}
			}
			return
		}
	}
	t.Error("the bucket has no policy")
}

func TestA8AndB22RepositoriesAreConfigured(t *testing.T) {
	for env, want := range map[string]string{"dev": "MUTABLE false", "prod": "IMMUTABLE true"} {
		found := named(synth(t, env), repository, "RepositoryName")
		for _, name := range []string{"app", "batch", "fluentbit"} {
			r := found["prooflink-"+env+"-"+name]
			infratest.Equal(t, env+" "+name, r.Text("ImageTagMutability")+" "+r.Text("ImageScanningConfiguration", "ScanOnPush"), want)
			infratest.Equal(t, env+" "+name+"'s encryption, without one ECR's own AES-256", r.Text("EncryptionConfiguration"), "<nothing>")
		}
		infratest.Equal(t, env+"'s repositories", len(found), 3)
	}
}

func TestRepositoriesHaveTheGivenNames(t *testing.T) {
	s := synth(t, "dev", func(e *config.Environment) {
		e.Images = config.Images{AppRepo: "mine/app", BatchRepo: "mine/batch", FluentBitRepo: "mine/router"}
	})
	found := named(s, repository, "RepositoryName")
	for _, name := range []string{"mine/app", "mine/batch", "mine/router"} {
		if _, ok := found[name]; !ok {
			t.Errorf("no repository %s in %v", name, found)
		}
	}
}

func TestC30NothingOfDevRemains(t *testing.T) {
	s := synth(t, "dev")
	infratest.Equal(t, "buckets that are emptied", len(s.Of(emptying)), 3)
	for _, r := range s.Of(repository) {
		infratest.Equal(t, r.Text("RepositoryName")+" is emptied", r.Text("EmptyOnDelete"), "true")
	}
	for id, r := range s.Resources {
		switch r.Type {
		case bucket, repository, logGroup:
			infratest.Equal(t, id, r.DeletionPolicy+" "+r.UpdateReplacePolicy, "Delete Delete")
		}
	}
}

func TestC30TheLogOfTheFunctionThatEmptiesBucketsGoesToo(t *testing.T) {
	s := synth(t, "dev")
	for _, function := range s.Of("AWS::Lambda::Function") {
		group := strings.Trim(function.Text("LoggingConfig", "LogGroup"), "${}")
		infratest.Equal(t, "its log", s.Resources[group].Type+" "+s.Resources[group].DeletionPolicy, logGroup+" Delete")
		infratest.Equal(t, "its end", s.Resources[group].Text("RetentionInDays"), "7")
	}
}

func TestC30ProdKeepsItsData(t *testing.T) {
	s := synth(t, "prod")
	infratest.Equal(t, "buckets that are emptied", len(s.Of(emptying)), 0)
	infratest.Equal(t, "functions", len(s.Of("AWS::Lambda::Function")), 0)
	for id, r := range s.Resources {
		switch r.Type {
		case bucket, repository, logGroup:
			infratest.Equal(t, id, r.DeletionPolicy+" "+r.UpdateReplacePolicy, "Retain Retain")
		}
	}
}

func TestB20LogGroupsEndAfterTheirDays(t *testing.T) {
	days := func(s infratest.Template) map[string]string {
		found := map[string]string{}
		for name, group := range named(s, logGroup, "LogGroupName") {
			if name != templates.Nothing {
				found[name] = group.Text("RetentionInDays")
			}
		}
		return found
	}
	infratest.Equal(t, "dev", days(synth(t, "dev")), map[string]string{
		"/ecs/prooflink-dev-app": "7", "/ecs/prooflink-dev-app-server": "7", "/ecs/prooflink-dev-app-client": "3",
		"/ecs/prooflink-dev-errors": "7", "/ecs/prooflink-dev-firelens": "7", "/ecs/prooflink-dev-migrate": "7", "/aws/batch/prooflink-dev": "7",
	})
	infratest.Equal(t, "prod", days(synth(t, "prod")), map[string]string{
		"/ecs/prooflink-prod-app": "30", "/ecs/prooflink-prod-app-server": "30", "/ecs/prooflink-prod-app-client": "7",
		"/ecs/prooflink-prod-errors": "30", "/ecs/prooflink-prod-firelens": "30", "/ecs/prooflink-prod-migrate": "30", "/aws/batch/prooflink-prod": "30",
	})
	literal := days(synth(t, "dev", func(e *config.Environment) { e.Naming.Scheme = config.SchemeLiteral }))
	infratest.Equal(t, "the seed's group", literal["/ecs/backend/errors"], "7")
}

func TestB13ContainerInsightsAreConfigured(t *testing.T) {
	for env, want := range map[string]string{"dev": "disabled", "prod": "enabled"} {
		cluster := synth(t, env).One(t, "AWS::ECS::Cluster")
		infratest.Equal(t, env, cluster.Text("ClusterName")+" "+cluster.Text("ClusterSettings"),
			"prooflink-"+env+"-cluster [{Name:containerInsights Value:"+want+"}]")
	}
}
