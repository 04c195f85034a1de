package analytics_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/prooflink/prooflink/infra/analytics"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/infratest"
)

func TestMain(m *testing.M) { infratest.Main(m) }

// synth makes the stack of an environment.
func synth(t *testing.T, name string) infratest.Template {
	t.Helper()
	env := infratest.Env(t, name)
	return infratest.Synth(t, env, func(stack awscdk.Stack) {
		analytics.New(stack, analytics.Props{Env: env, Foundation: foundation.Import(stack, env)})
	})
}

func TestA249TheTableIsWhereTheLogRouterWrites(t *testing.T) {
	s := synth(t, "prod")
	infratest.Equal(t, "the database", s.One(t, "AWS::Glue::Database").Text("DatabaseInput", "Name"), "prooflink_prod_logs")
	table := s.One(t, "AWS::Glue::Table")
	const archive = "s3://prooflink-prod-logs-" + infratest.Account
	infratest.Equal(t, "its place", table.Text("TableInput", "StorageDescriptor", "Location"), archive+"/")
	infratest.Equal(t, "its format", table.Text("TableInput", "StorageDescriptor", "SerdeInfo", "SerializationLibrary"), "org.openx.data.jsonserde.JsonSerDe")
	infratest.Equal(t, "its partitions", table.Text("TableInput", "PartitionKeys"),
		"[{Name:year Type:string} {Name:month Type:string} {Name:day Type:string} {Name:hour Type:string}]")
	parameters := table.Text("TableInput", "Parameters")
	for _, want := range []string{"projection.enabled:true", "projection.month.digits:2", "projection.month.range:1,12", "projection.hour.range:0,23",
		"storage.location.template:" + archive + "/year=${year}/month=${month}/day=${day}/hour=${hour}"} {
		if !strings.Contains(parameters, want) {
			t.Errorf("the projection lacks %q: %s", want, parameters)
		}
	}
}

func TestA249TheTableHasEveryKeyOfALogRecord(t *testing.T) {
	columns := synth(t, "dev").One(t, "AWS::Glue::Table").Text("TableInput", "StorageDescriptor", "Columns")
	for _, key := range []string{"timestamp", "level", "logSource", "message", "data", "screenName", "userId", "url", "log"} {
		if !strings.Contains(columns, "Name:"+strings.ToLower(key)+" ") {
			t.Errorf("no column for %s: %s", key, columns)
		}
	}
}

func TestA249QueriesAreLimitedAndTheirResultsEnd(t *testing.T) {
	for name, removed := range map[string][2]string{"dev": {"true", "Delete"}, "prod": {"false", "Retain"}} {
		s := synth(t, name)
		group, bucket := s.One(t, "AWS::Athena::WorkGroup"), s.One(t, "AWS::S3::Bucket")
		infratest.Equal(t, "the workgroup", group.Text("Name")+" "+group.Text("State"), "prooflink-"+name+"-logs ENABLED")
		infratest.Equal(t, "it decides", group.Text("WorkGroupConfiguration", "EnforceWorkGroupConfiguration"), "true")
		infratest.Equal(t, "a query's limit", group.Text("WorkGroupConfiguration", "BytesScannedCutoffPerQuery"), "10737418240")
		infratest.Equal(t, "the results", group.Text("WorkGroupConfiguration", "ResultConfiguration"),
			"{EncryptionConfiguration:{EncryptionOption:SSE_S3} ExpectedBucketOwner:"+infratest.Account+" OutputLocation:s3://${QueryResults"+
				strings.SplitN(group.Text("WorkGroupConfiguration", "ResultConfiguration", "OutputLocation"), "QueryResults", 2)[1]+"}")
		infratest.Equal(t, "deleting it with its history", group.Text("RecursiveDeleteOption"), removed[0])
		infratest.Equal(t, "the bucket", bucket.Text("BucketName")+" "+bucket.DeletionPolicy, "prooflink-"+name+"-athena-"+infratest.Account+" "+removed[1])
		if end := bucket.Text("LifecycleConfiguration"); !strings.Contains(end, "ExpirationInDays:30") {
			t.Errorf("results stay: %s", end)
		}
	}
}

func TestTheSavedQueryReadsOneDayOfTheTable(t *testing.T) {
	query := synth(t, "dev").One(t, "AWS::Athena::NamedQuery")
	for _, part := range []string{"FROM logs", "year =", "month =", "day ="} {
		if !strings.Contains(query.Text("QueryString"), part) {
			t.Errorf("the query lacks %q: %s", part, query.Text("QueryString"))
		}
	}
}
