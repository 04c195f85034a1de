# The commands of a working day. `make` alone lists them.
#
# `dagger call ci` is the same set of checks in containers; these run where no
# container runtime is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

DAGGER_VERSION := $(shell sed -nE 's/^\tDagger = "v(.*)"/\1/p' .dagger/versions/versions.go)
TOOLS := $(CURDIR)/.tools
export PATH := $(TOOLS)/npm/node_modules/.bin:$(TOOLS)/bin:$(PATH)
export NEXT_TELEMETRY_DISABLED := 1

.PHONY: help local test rehearse setup lint lint-templates test-infra test-delivery test-app test-batch test-engine bench bench-synth bench-imports clean

help: ## List these commands.
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 24

local: ## Deploy the whole system here, with no AWS account.
	@.ci/local $(DAGGER_VERSION)

test: setup lint lint-templates test-infra test-delivery test-app test-batch rehearse test-engine ## Check everything; installs what it needs.

setup: ## Install what the tests use and the machine lacks.
	@.ci/setup

lint: ## Lint Go code and workflows, and check the format of Go code.
	@unformatted=$$(git ls-files '*.go' | grep -v -e '\.gen\.go$$' | xargs gofmt -l); \
		test -z "$$unformatted" || { echo "not formatted (run gofmt -w):"; echo "$$unformatted"; exit 1; }
	golangci-lint run --timeout=20m ./infra/...
	cd .dagger && golangci-lint run --timeout=20m --config=../.golangci.yml --build-tags=rehearsal,engine ./...
	actionlint
	shellcheck .ci/setup .ci/with-postgres .ci/local .ci/lint-templates .ci/run

lint-templates: ## Check the CloudFormation of every environment and of every choice.
	.ci/lint-templates

test-infra: ## Test the infrastructure.
	go vet ./infra/... && go test ./infra/...

test-delivery: ## Test the delivery's packages.
	cd .dagger && go vet ./... && go test ./...

test-app: ## Check and test the app, with a PostgreSQL of its own.
	cd app && npm run --silent format:check && npm run --silent typecheck && npm run --silent lint && npm run --silent build && ../.ci/with-postgres npm run --silent test

test-batch: ## Check and test the batch jobs, with a PostgreSQL of their own.
	cd batch && npm run --silent format:check && npm run --silent typecheck && npm run --silent lint && npm run --silent build && ../.ci/with-postgres npm run --silent test

rehearse: setup ## Walk the whole delivery with processes instead of containers.
	cd .dagger && go test -count=1 -tags rehearsal -timeout 30m -v ./rehearsal

test-engine: ## Run `dagger call ci` and call the module's functions, where a Dagger engine is reachable.
	@if timeout 600 dagger --silent core version >/dev/null 2>&1; then \
		dagger --progress plain call ci && cd .dagger && dagger --progress plain run go test -count=1 -tags engine -timeout 60m -v ./enginetest; \
	else \
		echo "test-engine: not run: no Dagger engine is reachable from here"; \
	fi

bench: bench-synth bench-imports ## Compare the CDK's synthesis and the imports with what they are measured against.

SYNTH_ARGS ?=
bench-synth: setup ## Synthesis beside the same app in TypeScript; SYNTH_ARGS='-runs 15 -json file' for more.
	@go run ./infra/bench $(SYNTH_ARGS)

IMPORTS_ARGS ?=
bench-imports: setup ## Imports beside psql's \copy; IMPORTS_ARGS='--rows 5000000 --runs 3' for more.
	@cd batch && npm run --silent build && ../.ci/with-postgres node bench/imports.js $(IMPORTS_ARGS)

clean: ## Remove what setup and the builds have made.
	rm -rf .tools app/node_modules app/.next batch/node_modules batch/dist
