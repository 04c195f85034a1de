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
		LifecycleRules:     expireImages(env.ECR),
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

// expireImages keeps the newest images that were deployed, which a rollback may
// need, and the newest of all that have a tag; what lost its tag goes after a week.
//
// "An image that matches the tagging requirements of a rule cannot be expired by
// a rule with a lower priority" (Amazon ECR User Guide, Lifecycle policy
// evaluation rules): not whether a rule expires an image counts, but whether one
// of the image's tags is of its pattern. So the second rule alone decides about
// an image that was deployed, however many are pushed after it that never are.
// Both rules count by when an image was pushed; a tag that it gets later doesn't
// make it newer. One rule for all (000_e03a210ce428a44a.txt L468) would expire
// an image that a rollback needs. A further tag on an image is no other tag's
// move, so repositories with immutable tags take it, too.
func expireImages(ecr config.ECR) *[]*awsecr.LifecycleRule {
	return &[]*awsecr.LifecycleRule{
		{
			Description:  jsii.String("Untagged images go after a week"),
			RulePriority: jsii.Number(1),
			TagStatus:    awsecr.TagStatus_UNTAGGED,
			MaxImageAge:  awscdk.Duration_Days(jsii.Number(7)),
		},
		newestStay(2, "The newest deployed images stay", names.DeployedTagPrefix+"*", ecr.KeepDeployed),
		newestStay(3, "The newest tagged images stay", "*", ecr.KeepImages),
	}
}

// newestStay expires the images with a tag of the pattern but for the newest.
func newestStay(priority int, description, pattern string, keep int) *awsecr.LifecycleRule {
	return &awsecr.LifecycleRule{
		Description:    jsii.String(description),
		RulePriority:   jsii.Number(priority),
		TagStatus:      awsecr.TagStatus_TAGGED,
		TagPatternList: jsii.Strings(pattern),
		MaxImageCount:  jsii.Number(keep),
	}
}
