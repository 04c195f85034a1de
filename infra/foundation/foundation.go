// Package foundation is what must exist before an image can be pushed:
// repositories, buckets, log groups and the cluster.
//
// It is a stack of its own because a service cannot become stable before its
// image exists (000_e03a210ce428a44a.txt L1188), and because the stacks that
// use buckets and log groups must not depend on one that watches them.
// Everything in it has a name of package names, so the other stacks find it by
// name and no export locks it.
package foundation

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/part"
)

// Props is what the foundation needs to know.
type Props struct {
	// Env is the environment.
	Env config.Environment
}

// New makes the foundation in a stack.
func New(scope constructs.Construct, props Props) {
	newRepositories(scope, props.Env)
	newBuckets(scope, props.Env)
	newLogGroups(scope, props.Env)
	newTopics(scope, props.Env)
	newCluster(scope, props.Env)
}

// newCluster is here, not beside its service, because the migrations run in it
// before the first service exists.
func newCluster(scope constructs.Construct, env config.Environment) {
	insights := "disabled"
	if env.App.ContainerInsights {
		insights = "enabled"
	}
	awsecs.NewCfnCluster(scope, jsii.String("Cluster"), &awsecs.CfnClusterProps{
		ClusterName: jsii.String(env.Names().Cluster()),
		ClusterSettings: []any{awsecs.CfnCluster_ClusterSettingsProperty{
			Name: jsii.String("containerInsights"), Value: jsii.String(insights),
		}},
	})
	part.Output(scope, names.OutputClusterName, jsii.String(env.Names().Cluster()))
}
