package monitoring

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
)

// errorPattern matches the levels as they are written: "ERROR"
// (000_e03a210ce428a44a.txt L767) would match none of them, nor worse ones.
const errorPattern = `{ ($.level = "error") || ($.level = "fatal") || ($.level = "critical") }`

// newErrorCount counts error records where all of them are: in the log router's
// group of errors, or in the container's own.
func newErrorCount(scope constructs.Construct, w watch) {
	group := w.names.ErrorsLogGroup()
	if w.Env.Logging.Driver == config.DriverAWSLogs {
		group = w.names.AppLogGroup()
	}
	count := w.errors()
	awslogs.NewCfnMetricFilter(scope, jsii.String("ErrorCount"), &awslogs.CfnMetricFilterProps{
		LogGroupName:  jsii.String(group),
		FilterPattern: jsii.String(errorPattern),
		MetricTransformations: []any{awslogs.CfnMetricFilter_MetricTransformationProperty{
			MetricNamespace: jsii.String(count.namespace), MetricName: jsii.String(count.name),
			MetricValue: jsii.String("1"), DefaultValue: jsii.Number(0), Unit: jsii.String("Count"),
		}},
	})
}
