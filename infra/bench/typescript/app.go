// Package typescript writes the CDK app that makes the same templates as ours,
// in TypeScript: the yardstick of what the Go binding costs.
//
// Every resource becomes the CDK's own class for it, with typed properties and
// references between constructs, as a person would write it. What makes it
// cheaper than a person's app, and so the comparison stricter: everything that
// ours computes (names, policies, the environment's file) is a literal in it.
package typescript

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// App is what the TypeScript app is made from.
type App struct {
	// Assemblies are the folders that our synth wrote, by environment.
	Assemblies map[string]string
	// Tags are those of each environment's every resource.
	Tags map[string]map[string]string
	// Flags are the CDK's feature flags, as JSON.
	Flags []byte
	// Library is the folder of aws-cdk-lib, for its type declarations.
	Library fs.FS
}

// Counts says how much of the app has typed properties.
type Counts struct {
	// Typed resources have a class of their own.
	Typed int `json:"typed"`
	// Untyped ones are a cdk.CfnResource, which is cheaper to make.
	Untyped int `json:"untyped"`
}

// Write writes the app's source files into a folder: app.ts, and a file for
// each environment.
func (a App) Write(dir string) (Counts, error) {
	var counts Counts
	files := map[string]string{"app.ts": main, "flags.json": string(a.Flags)}
	read := library{a.Library, map[string]declarations{}}
	for env, assembly := range a.Assemblies {
		e, err := newEnvironment(read, a.Tags[env], assembly)
		if err != nil {
			return Counts{}, err
		}
		if files[env+".ts"], err = e.text(&counts); err != nil {
			return Counts{}, fmt.Errorf("write %s in TypeScript: %w", env, err)
		}
	}
	return counts, writeFiles(dir, files)
}

// main runs the environments that BENCH_ENV lists, in one process.
const main = `import * as cdk from 'aws-cdk-lib';
import flags from './flags.json';

const names = (process.env.BENCH_ENV ?? '').split(',');
for (const name of names) {
  const base = process.env.CDK_OUTDIR ?? 'cdk.out';
  const app = new cdk.App({
    analyticsReporting: false,
    postCliContext: flags,
    outdir: names.length === 1 ? base : base + '/' + name,
  });
  require('./' + name).build(app);
  app.synth();
}
`

// writeFiles makes a folder with these files only.
func writeFiles(dir string, files map[string]string) error {
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
