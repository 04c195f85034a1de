package foundation

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/part"
)

// newRepositories makes the three image repositories.
func newRepositories(scope constructs.Construct, env config.Environment) {
	n := env.Names()
	app := newRepository(scope, "AppRepository", n.AppRepository(), env)
	batch := newRepository(scope, "BatchRepository", n.BatchRepository(), env)
	router := newRepository(scope, "FluentBitRepository", n.FluentBitRepository(), env)
	part.Output(scope, names.OutputAppRepositoryURI, app.RepositoryUri())
	part.Output(scope, names.OutputBatchRepositoryURI, batch.RepositoryUri())
	part.Output(scope, names.OutputFluentBitRepositoryURI, router.RepositoryUri())
}

// newRepository makes one repository (004_9a2c9db51dc67ef8.txt L669-673).
func newRepository(scope constructs.Construct, id, name string, env config.Environment) awsecr.Repository {
	return awsecr.NewRepository(scope, jsii.String(id), &awsecr.RepositoryProps{
		RepositoryName:     jsii.String(name),
		Encryption:         awsecr.RepositoryEncryption_AES_256(),
		ImageScanOnPush:    jsii.Bool(env.ECR.ScanOnPush),
		ImageTagMutability: mutability(env.ECR.Immutable),
		LifecycleRules:     expireImages(env.ECR.KeepImages),
		RemovalPolicy:      part.Removal(env),
		EmptyOnDelete:      jsii.Bool(env.Removal.EmptyOnDelete),
	})
}

// mutability says whether a tag can be moved.
func mutability(immutable bool) awsecr.TagMutability {
	if immutable {
		return awsecr.TagMutability_IMMUTABLE
	}
	return awsecr.TagMutability_MUTABLE
}

// expireImages keeps the newest images of those that have a tag, which is one
// per deploy; what lost its tag goes after a week. Counting them together
// (000_e03a210ce428a44a.txt L468) would expire an image that a rollback needs.
func expireImages(keep int) *[]*awsecr.LifecycleRule {
	return &[]*awsecr.LifecycleRule{
		{
			Description:  jsii.String("Untagged images go after a week"),
			RulePriority: jsii.Number(1),
			TagStatus:    awsecr.TagStatus_UNTAGGED,
			MaxImageAge:  awscdk.Duration_Days(jsii.Number(7)),
		},
		{
			Description:    jsii.String("The newest tagged images stay"),
			RulePriority:   jsii.Number(2),
			TagStatus:      awsecr.TagStatus_TAGGED,
			TagPatternList: jsii.Strings("*"),
			MaxImageCount:  jsii.Number(keep),
		},
	}
}
