// Package versions pins every image and tool that the delivery uses: the one
// place to change a version. An updater bot finds each pin by the comment
// above it (Renovate's "customManagers" form).
//
// Base images are named by tag. Whoever wants a digest gives it to the module's
// constructor (`--node-image node@sha256:…`); it then is part of the images'
// identity, as every build argument is.
package versions

// Base images, by their public names.
const (
	// renovate: datasource=docker depName=node
	Node = "node:24-bookworm-slim"
	// renovate: datasource=docker depName=golang
	Go = "golang:1.26-bookworm"
	// renovate: datasource=docker depName=python
	Python = "python:3.11-slim-bookworm"
	// PostgreSQL has the major version that the environments' databases have.
	// renovate: datasource=docker depName=postgres
	Postgres = "postgres:15-bookworm"
	// renovate: datasource=docker depName=registry
	Registry = "registry:3"
	// renovate: datasource=docker depName=public.ecr.aws/aws-observability/aws-for-fluent-bit
	FluentBit = "public.ecr.aws/aws-observability/aws-for-fluent-bit:3.4.0"
)

// Tools.
const (
	// Dagger is also what dagger.json, the workflow and the Makefile name; a
	// test holds them together.
	// renovate: datasource=github-releases depName=dagger/dagger
	Dagger = "v0.21.8"
	// CDK is the CLI. npm's "latest" (3.0.0) can't read current assemblies.
	// renovate: datasource=npm depName=aws-cdk
	CDK = "2.1148.1"
	// Ministack emulates the AWS control plane for the environment "local".
	// renovate: datasource=pypi depName=ministack
	Ministack = "1.5.33"
	// renovate: datasource=pypi depName=cfn-lint
	CfnLint = "1.58.0"
	// CfnGuard is a package that has the program cfn-guard and Control Tower's rules.
	// renovate: datasource=npm depName=@cdklabs/cdk-validator-cfnguard
	CfnGuard = "0.0.62"
	// renovate: datasource=go depName=github.com/golangci/golangci-lint/v2
	GolangciLint = "v2.15.0"
	// renovate: datasource=go depName=github.com/rhysd/actionlint
	Actionlint = "v1.7.12"
)
