// ProofLink's delivery: builds, checks and deploys a system for test evidence,
// the same on a laptop and in GitHub Actions.
//
//	dagger call ci                    everything that must hold
//	dagger call deploy --env local    the whole pipeline, with no AWS account
//	dagger call deploy --env dev      the same to AWS; --plan says what it would do
//	dagger call serve up --ports 3000:3000
//	                                  the same system, to look at in a browser
package main

import (
	"github.com/prooflink/prooflink/.dagger/internal/dagger"
	"github.com/prooflink/prooflink/.dagger/versions"
)

// Build, check and deploy ProofLink.
type Prooflink struct {
	// +private
	Source *dagger.Directory
	// +private
	Git *dagger.Directory
	// +private
	NodeImage string
	// +private
	FluentBitImage string
	// +private
	AwsAccessKeyID *dagger.Secret
	// +private
	AwsSecretAccessKey *dagger.Secret
	// +private
	AwsSessionToken *dagger.Secret
	// +private
	Emulator *dagger.Service
	// +private
	Who string
	// +private
	Run string
}

// New reads the repository and the caller's AWS credentials.
//
// Credentials are used by functions that work on AWS, by none that builds or
// synthesizes. The file .env takes them from the caller's environment.
func New(
	// The repository.
	//
	// +defaultPath="/"
	// +ignore=["**", "!.dagger/**", "!.github/**", "!.ci/**", "!app/**", "!batch/**", "!fluentbit/**", "!infra/**", "!dagger.json", "!go.mod", "!go.sum", "!.golangci.yml", "!Makefile", "!README.md", "**/node_modules", "**/.next", "**/dist", "**/cdk.out", "**/.tools", "**/coverage", "**/.env", "**/.env.local", "**/next-env.d.ts", "**/*.tsbuildinfo"]
	source *dagger.Directory,
	// The repository with what tells the commit, for the images' revision label.
	// It does not change an image's identity.
	//
	// +defaultPath="/"
	// +ignore=["**", "!.git/HEAD", "!.git/packed-refs", "!.git/refs/heads/**"]
	git *dagger.Directory,
	// The base image of app and batch, like "node:24-bookworm-slim@sha256:…";
	// by default the one of versions.go.
	//
	// +optional
	nodeImage string,
	// The base image of the log router; by default the one of versions.go.
	//
	// +optional
	fluentBitImage string,
	// The access key's id; .env takes it from AWS_ACCESS_KEY_ID.
	//
	// +optional
	awsAccessKeyID *dagger.Secret,
	// The access key's secret; .env takes it from AWS_SECRET_ACCESS_KEY.
	//
	// +optional
	awsSecretAccessKey *dagger.Secret,
	// The session token of temporary credentials; .env takes it from AWS_SESSION_TOKEN.
	//
	// +optional
	awsSessionToken *dagger.Secret,
	// An AWS emulator to work on instead of AWS, like "tcp://localhost:4566", for
	// trials and tests: it gets an emulator's credentials, never yours.
	//
	// +optional
	emulator *dagger.Service,
	// Who runs this, for the lock and the record; .env takes it from GITHUB_ACTOR
	// or USER.
	//
	// +optional
	who string,
	// The URL of the run that this is part of; .env makes it of GitHub's variables.
	//
	// +optional
	run string,
) *Prooflink {
	return &Prooflink{
		Source:             source,
		Git:                git,
		NodeImage:          or(nodeImage, versions.Node),
		FluentBitImage:     or(fluentBitImage, versions.FluentBit),
		AwsAccessKeyID:     awsAccessKeyID,
		AwsSecretAccessKey: awsSecretAccessKey,
		AwsSessionToken:    awsSessionToken,
		Emulator:           emulator,
		Who:                or(who, "somebody"),
		Run:                run,
	}
}

func or(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}
