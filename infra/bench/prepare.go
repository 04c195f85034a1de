package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/prooflink/prooflink/infra/bench/typescript"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// Where things are, from the repository's root.
const (
	manifests = "infra/testdata/bench"
	flags     = "infra/app/flags.json"
)

// workshop is the folder where both apps are built and run.
type workshop struct {
	dir  string
	envs []string
}

// path is a path in the workshop.
func (w workshop) path(elements ...string) string {
	return filepath.Join(append([]string{w.dir}, elements...)...)
}

// prepare builds both apps and checks that they make the same templates, which
// warms every cache too.
func (w workshop) prepare(ctx context.Context) (typescript.Counts, map[string]size, error) {
	if err := errors.Join(w.build(ctx), w.install(ctx)); err != nil {
		return typescript.Counts{}, nil, err
	}
	if err := errors.Join(os.RemoveAll(w.path(oursOut)), os.RemoveAll(w.path(theirsOut))); err != nil {
		return typescript.Counts{}, nil, err // what an earlier run left would be compared too
	}
	for _, env := range w.envs {
		if _, err := w.ours(env).run(ctx); err != nil {
			return typescript.Counts{}, nil, err
		}
	}
	counts, err := w.translate(ctx)
	if err != nil {
		return typescript.Counts{}, nil, err
	}
	sizes := map[string]size{}
	for _, env := range w.envs {
		if _, err := w.compiled(env).run(ctx); err != nil {
			return typescript.Counts{}, nil, err
		}
		if sizes[env], err = compare(w.path(oursOut, env), w.path(theirsOut, env)); err != nil {
			return typescript.Counts{}, nil, fmt.Errorf("%s: %w", env, err)
		}
	}
	return counts, sizes, nil
}

// build compiles our app, and the one that does nothing.
func (w workshop) build(ctx context.Context) error {
	for name, source := range map[string]string{"infra": "./infra", "empty": "./infra/bench/empty"} {
		if _, err := (command{argv: []string{"go", "build", "-o", w.path(name), source}}).run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// install installs the pinned packages unless they are there.
func (w workshop) install(ctx context.Context) error {
	lock, err := os.ReadFile(filepath.Join(manifests, "package-lock.json"))
	if err != nil {
		return fmt.Errorf("%w; run this from the repository's root", err)
	}
	mark := w.path("node_modules", ".installed")
	if installed, err := os.ReadFile(mark); err == nil && bytes.Equal(installed, lock) {
		return nil
	}
	for _, name := range []string{"package.json", "package-lock.json", ".npmrc", "tsconfig.json"} {
		if err := copyFile(filepath.Join(manifests, name), w.path(name)); err != nil {
			return err
		}
	}
	if _, err := (command{dir: w.dir, argv: []string{"npm", "ci", "--silent"}}).run(ctx); err != nil {
		return err
	}
	return os.WriteFile(mark, lock, 0o644)
}

// copyFile copies a small file.
func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

// translate writes our templates as a TypeScript app and compiles it.
func (w workshop) translate(ctx context.Context) (typescript.Counts, error) {
	app := typescript.App{
		Assemblies: map[string]string{}, Tags: map[string]map[string]string{},
		Library: os.DirFS(w.path("node_modules", "aws-cdk-lib")),
	}
	var err error
	if app.Flags, err = os.ReadFile(flags); err != nil {
		return typescript.Counts{}, err
	}
	for _, name := range w.envs {
		env, err := config.Load(name)
		if err != nil {
			return typescript.Counts{}, err
		}
		app.Assemblies[name], app.Tags[name] = w.path(oursOut, name), env.Naming.Tags
	}
	counts, err := app.Write(w.path("src"))
	if err != nil {
		return typescript.Counts{}, err
	}
	_, err = command{dir: w.dir, argv: []string{"npx", "tsc", "--noEmit", "false"}}.run(ctx)
	return counts, err
}

// account is the one to synthesize for, where the environment has none.
const account = "CDK_DEFAULT_ACCOUNT=123456789012"

// withoutValidation leaves out the CDK's check of the templates.
const withoutValidation = "CDK_VALIDATION=false"

// The folders that the apps write to.
const (
	oursOut   = "ours"
	theirsOut = "typescript"
)

// ours synthesizes with our app; several environments are separated by commas.
func (w workshop) ours(env string, more ...string) command {
	digest := "sha256:" + strings.Repeat("a", 64)
	values, _ := json.Marshal(map[string]string{ // strings always have a JSON form
		names.ContextEnv: env, names.ContextAppDigest: digest,
		names.ContextBatchDigest: digest, names.ContextFluentBitDigest: digest,
	})
	return command{argv: []string{w.path("infra")},
		env: append(more, "CDK_CONTEXT_JSON="+string(values), account, "CDK_OUTDIR="+w.outdir(oursOut, env))}
}

// outdir is where an environment is synthesized: several get folders below.
func (w workshop) outdir(folder, env string) string {
	if strings.Contains(env, ",") {
		return w.path(folder)
	}
	return w.path(folder, env)
}

// compiled synthesizes with the TypeScript app, compiled beforehand.
func (w workshop) compiled(env string, more ...string) command {
	return command{argv: []string{"node", w.path("dist", "app.js")},
		env: append(more, "BENCH_ENV="+env, "CDK_OUTDIR="+w.outdir(theirsOut, env))}
}

// initialized synthesizes with the TypeScript app in the way of `cdk init`: its
// cdk.json says so.
func (w workshop) initialized(env string) command {
	return command{dir: w.dir, argv: []string{"sh", "-c", "npx tsc && npx tsx src/app.ts"},
		env: []string{"BENCH_ENV=" + env, "CDK_OUTDIR=" + w.outdir(theirsOut, env)}}
}

// emptyOurs starts the CDK from Go and ends.
func (w workshop) emptyOurs() command {
	return command{argv: []string{w.path("empty")}, env: []string{"CDK_OUTDIR=" + w.path("empty.out")}}
}

// emptyTheirs starts the CDK from JavaScript and ends.
func (w workshop) emptyTheirs() command {
	return command{dir: w.dir, argv: []string{"node", "-e", "new (require('aws-cdk-lib').App)({ analyticsReporting: false, autoSynth: false })"},
		env: []string{"CDK_OUTDIR=" + w.path("empty.out")}}
}
