// The program starts the CDK and ends: what every synthesis pays before its
// first construct.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

func main() {
	defer jsii.Close()
	awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false)})
}
