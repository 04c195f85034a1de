package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/prooflink/prooflink/.dagger/delivery"
	"github.com/prooflink/prooflink/.dagger/ecrlogin"
	"github.com/prooflink/prooflink/.dagger/lock"
	"github.com/prooflink/prooflink/.dagger/stacks"
	"github.com/prooflink/prooflink/infra/config"
)

// request is what a caller asks of deploy, release, rollback or migrate.
type request struct {
	env, confirm, format string
	stacks               []string
	plan, skipBuild      bool
	concurrency, minutes int
	wait                 bool
}

type (
	walk    = func(context.Context, delivery.Machine, delivery.Options) (delivery.Summary, error)
	forsee  = func(context.Context, delivery.Machine, delivery.Options) (delivery.Plan, error)
	printed interface {
		Text() string
		JSON() string
	}
)

// delivered checks the request, does it or says what it would do, and tells how
// it ended.
func (m *Prooflink) delivered(ctx context.Context, asked request, do walk, plan forsee) (string, error) {
	options, err := m.options(ctx, asked)
	if err != nil {
		return "", m.ended(ctx, asked.env, err)
	}
	machine := m.account(options.Environment)
	if asked.plan {
		planned, err := plan(ctx, machine, options)
		return in(asked.format, planned), m.ended(ctx, asked.env, err)
	}
	summary, err := do(ctx, machine, options)
	if err != nil {
		return "", m.ended(ctx, asked.env, err)
	}
	if err := m.keep(ctx, asked.env, summary); err != nil {
		fmt.Println("the summary was not kept:", err)
	}
	return in(asked.format, summary), nil
}

// in writes a result for a person or for a program.
func in(format string, result printed) string {
	if format == formatJSON {
		return result.JSON()
	}
	return result.Text()
}

// options checks what was asked, all that can be said without AWS first.
func (m *Prooflink) options(ctx context.Context, asked request) (delivery.Options, error) {
	environment, err := config.Load(asked.env)
	if err != nil {
		return delivery.Options{}, misused(err)
	}
	roles, err := stacks.Select(environment, asked.stacks)
	if err != nil {
		return delivery.Options{}, misused(err)
	}
	if err := errors.Join(checkFormat(asked.format), checkConfirmed(environment, asked)); err != nil {
		return delivery.Options{}, misused(err)
	}
	at, err := m.reach(ctx, asked.env)
	if err != nil {
		return delivery.Options{}, err
	}
	commit, err := m.commit(ctx)
	return delivery.Options{
		Environment: at.environment, Access: at.access, Registry: ecrlogin.Host(at.account, at.environment.Region), Commit: commit, Roles: roles,
		Owner:     lock.Owner{Who: m.Who, Run: m.Run},
		SkipBuild: asked.skipBuild, Concurrency: asked.concurrency, Wait: asked.wait,
		Limit: time.Duration(asked.minutes) * time.Minute, Say: os.Stdout,
	}, err
}

// place is an environment in its account.
type place struct {
	environment config.Environment
	account     string
	access      aws.Config
}

// reach loads an environment and opens the access to its account.
func (m *Prooflink) reach(ctx context.Context, env string) (place, error) {
	environment, account, err := m.open(ctx, env)
	if err != nil {
		return place{}, misused(err)
	}
	access, err := m.awsConfig(ctx, environment)
	return place{environment, account, access}, misused(err)
}

// checkConfirmed refuses to change production by a slip of the hand.
func checkConfirmed(environment config.Environment, asked request) error {
	if asked.plan {
		return nil
	}
	if environment.Env == config.Production && asked.confirm != environment.Env {
		return fmt.Errorf("%s is production: add --confirm %s, or look first with --plan", environment.Env, environment.Env)
	}
	return refuseExamples(environment)
}
