// Package migrate is the task that brings the database's schema up to date. No
// seed makes the schema, and the database is private, so it is a task in the
// network.
//
// It is deployed with the database, not with the service, so that it can run
// before the service moves, on the first deploy too.
package migrate

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/database"
	"github.com/prooflink/prooflink/infra/foundation"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/part"
	"github.com/prooflink/prooflink/infra/task"
)

// Props is what the migration needs to know.
type Props struct {
	// Env is the environment.
	Env config.Environment
	// Foundation has the repository and the log group.
	Foundation foundation.Imports
	// Digest is the batch image's.
	Digest string
	// Database has the secret.
	Database database.Database
}

// Fargate's smallest task is enough.
const (
	cpu    = 256
	memory = 512
	// user is the batch image's.
	user = "10001"
)

// New makes the task definition in a stack. It is started by the pipeline.
func New(scope constructs.Construct, props Props) {
	n := props.Env.Names()
	starter := task.NewRole(scope, "MigrateExecutionRole", n.MigrateExecutionRole(), "Starts the migration task")
	props.Database.GrantDecrypt(starter)
	definition := task.New(scope, "Migrate", task.Props{
		Family: n.MigrateFamily(), CPU: cpu, Memory: memory, ExecutionRole: starter,
		TaskRole: task.NewRole(scope, "MigrateRole", n.MigrateRole(), "The migration needs nothing of AWS"),
	})
	secrets := task.DatabaseSecrets(scope, "MigrateCredentials", props.Database)
	definition.AddContainer(jsii.String(names.MigrateContainer), &awsecs.ContainerDefinitionOptions{
		ContainerName: jsii.String(names.MigrateContainer),
		Image:         task.Image(props.Foundation.BatchRepository, props.Digest),
		Command:       jsii.Strings("node", "dist/migrate.js"),
		Essential:     jsii.Bool(true),
		// The image's own user; the migration writes no file.
		User:                   jsii.String(user),
		ReadonlyRootFilesystem: jsii.Bool(true),
		Environment:            environment(props.Env),
		Secrets:                &secrets,
		Logging:                task.Logs(props.Foundation.MigrateLogs, names.MigrateStreamPrefix),
	})
	part.Output(scope, names.OutputMigrateTaskDefinitionArn, definition.TaskDefinitionArn())
}

// environment is what the migration reads besides the credentials.
func environment(env config.Environment) *map[string]*string {
	return &map[string]*string{
		"NODE_ENV":   jsii.String("production"),
		"AWS_REGION": jsii.String(env.Region),
		"DB_SSLMODE": jsii.String(env.DB.SSLMode),
		"LOG_LEVEL":  jsii.String(env.Logging.ServerLevel),
	}
}
