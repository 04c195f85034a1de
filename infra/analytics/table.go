package analytics

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsglue"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// tableName is the table's.
const tableName = "logs"

// column is one of the table's.
type column struct {
	name, kind, comment string
}

// columns are the keys of a record, in lower case as Athena has them. What a
// record doesn't have is empty.
var columns = []column{
	{"timestamp", "string", "When the application wrote it, ISO 8601"},
	{"level", "string", "debug, info, warn, error or fatal"},
	{"logsource", "string", "server or client"},
	{"message", "string", "What happened"},
	{"data", "string", "Details, as JSON"},
	{"screenname", "string", "The client's screen"},
	{"userid", "string", "The client's user"},
	{"url", "string", "The client's page"},
	{"log", "string", "A line that was no JSON"},
	{"date", "string", "When the log router got it, ISO 8601"},
	{"container_name", "string", "The container, by FireLens"},
	{"ecs_task_arn", "string", "The task, by FireLens"},
	{"ecs_task_definition", "string", "The revision, by FireLens"},
}

// partition is a part of an object's key, which Fluent Bit writes in UTC.
type partition struct {
	// name is the column's.
	name string
	// span has its first and last value.
	span string
	// digits is how many it has at least.
	digits string
}

// partitions are those of 000_e03a210ce428a44a.txt L622.
var partitions = []partition{
	{"year", "2026,2045", "4"},
	{"month", "1,12", "2"},
	{"day", "1,31", "2"},
	{"hour", "0,23", "2"},
}

// newTable describes the archive where it is. Athena works the partitions out of
// these properties: nobody has to add the one of each new hour.
func newTable(scope constructs.Construct, props Props, database awsglue.CfnDatabase) {
	archive := *props.Foundation.LogArchive.S3UrlForObject(nil)
	table := awsglue.NewCfnTable(scope, jsii.String("Table"), &awsglue.CfnTableProps{
		CatalogId: awscdk.Stack_Of(scope).Account(), DatabaseName: database.Ref(),
		TableInput: awsglue.CfnTable_TableInputProperty{
			Name: jsii.String(tableName), TableType: jsii.String("EXTERNAL_TABLE"),
			Description:   jsii.String("Every record that the log router archived"),
			Parameters:    projection(archive),
			PartitionKeys: keys(),
			StorageDescriptor: awsglue.CfnTable_StorageDescriptorProperty{
				Location: jsii.String(archive + "/"), Columns: fields(),
				InputFormat:  jsii.String("org.apache.hadoop.mapred.TextInputFormat"),
				OutputFormat: jsii.String("org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"),
				SerdeInfo: awsglue.CfnTable_SerdeInfoProperty{
					SerializationLibrary: jsii.String("org.openx.data.jsonserde.JsonSerDe"),
					// One torn line must not end a query over a million.
					Parameters: map[string]string{"ignore.malformed.json": "true"},
				},
			},
		},
	})
	table.Node().AddDependency(database)
}

// projection tells Athena which partitions there can be and where each is.
// Objects in Glacier are left out of a query, unless they have been restored.
func projection(archive string) map[string]string {
	parameters := map[string]string{
		"EXTERNAL": "TRUE", "classification": "json", "projection.enabled": "true",
		"read_restored_glacier_objects": "true",
	}
	var path strings.Builder
	for _, p := range partitions {
		parameters["projection."+p.name+".type"] = "integer"
		parameters["projection."+p.name+".range"] = p.span
		parameters["projection."+p.name+".digits"] = p.digits
		path.WriteString("/" + p.name + "=${" + p.name + "}")
	}
	parameters["storage.location.template"] = archive + path.String()
	return parameters
}

// keys are the partitions as columns. They are text, because of their zeros.
func keys() []any {
	var list []any
	for _, p := range partitions {
		list = append(list, awsglue.CfnTable_ColumnProperty{Name: jsii.String(p.name), Type: jsii.String("string")})
	}
	return list
}

// fields are the columns as Glue has them.
func fields() []any {
	var list []any
	for _, c := range columns {
		list = append(list, awsglue.CfnTable_ColumnProperty{
			Name: jsii.String(c.name), Type: jsii.String(c.kind), Comment: jsii.String(c.comment),
		})
	}
	return list
}
