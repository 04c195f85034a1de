// Package orchestration is a state machine and what starts it: a file that is
// uploaded to the right folder is imported, and somebody is told where that
// failed (000_e03a210ce428a44a.txt §8.2-8.3).
package orchestration

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/batch"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/network"
	"github.com/prooflink/prooflink/infra/part"
	"github.com/prooflink/prooflink/infra/policy"
)

// Props is what the stack needs to know.
type Props struct {
	// Env is the environment.
	Env config.Environment
	// Foundation has buckets, log groups, topics and repositories.
	Foundation foundation.Imports
	// Network has the subnets and security groups of tasks.
	Network network.Network
	// Jobs are the batch jobs that it starts.
	Jobs batch.Jobs
}

// job is an import that the workflow can start.
type job struct {
	// name is what an input calls it, and its folder's name.
	name string
	// state is the workflow's state.
	state string
	// definition is the job definition, whose newest revision is taken.
	definition string
	// timeoutSeconds is one attempt's.
	timeoutSeconds int
}

// imports are the jobs of an environment.
func imports(env config.Environment) []job {
	n, jobs := env.Names(), env.Batch.Jobs
	return []job{
		{names.UserImportStreamPrefix, "UserImport", n.UserImportJob(), jobs.UserImport.TimeoutSeconds},
		{names.TestCaseImportStreamPrefix, "TestCaseImport", n.TestCaseImportJob(), jobs.TestCaseImport.TimeoutSeconds},
	}
}

// New makes everything in a stack.
func New(scope constructs.Construct, props Props) {
	machine := newStateMachine(scope, props)
	newTriggers(scope, props, machine)
}

// newStateMachine makes the workflow. Its log says which states it went through,
// and not what was in them: an input names a file and a person.
func newStateMachine(scope constructs.Construct, props Props) awsstepfunctions.CfnStateMachine {
	role := awsiam.NewRole(scope, jsii.String("Role"), &awsiam.RoleProps{
		RoleName:    jsii.String(props.Env.Names().StateMachineRole()),
		Description: jsii.String("What the import workflow may do"),
		AssumedBy:   policy.Service(scope, "states.amazonaws.com"),
	})
	policy.Grant(role, permissions(scope, props)...)
	machine := awsstepfunctions.NewCfnStateMachine(scope, jsii.String("StateMachine"), &awsstepfunctions.CfnStateMachineProps{
		StateMachineName: jsii.String(props.Env.Names().StateMachine()), StateMachineType: jsii.String("STANDARD"),
		RoleArn: role.RoleArn(), DefinitionString: jsii.String(definition(scope, props)),
		LoggingConfiguration: awsstepfunctions.CfnStateMachine_LoggingConfigurationProperty{
			Level: jsii.String("ALL"), IncludeExecutionData: jsii.Bool(false),
			Destinations: []any{awsstepfunctions.CfnStateMachine_LogDestinationProperty{
				CloudWatchLogsLogGroup: awsstepfunctions.CfnStateMachine_CloudWatchLogsLogGroupProperty{
					LogGroupArn: part.LogGroup(scope, props.Env, "Logs", props.Env.Names().WorkflowLogGroup(), props.Env.Logging.Retention.Batch).AttrArn(),
				},
			}},
		},
	})
	// Step Functions tries the log when it makes the state machine.
	machine.Node().AddDependency(role)
	return machine
}
