package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"github.com/prooflink/prooflink/infra/app"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/knobs"
	"github.com/prooflink/prooflink/infra/names"
)

// assembly is every configuration's templates.
type assembly struct {
	configurations, templates int
	// unique has each different template once.
	unique string
	// findings are cdk-nag's, which looks at constructs.
	findings []finding
}

// synthesize writes the templates of every environment and of every knob, and
// runs cdk-nag on them.
func synthesize(ctx context.Context, dir string) (assembly, error) {
	made := assembly{unique: filepath.Join(dir, "unique")}
	if err := os.Mkdir(made.unique, 0o700); err != nil {
		return made, err
	}
	configurations, err := configurations()
	if err != nil {
		return made, err
	}
	for _, each := range configurations {
		if ctx.Err() != nil {
			return made, ctx.Err()
		}
		if err := made.add(filepath.Join(dir, fmt.Sprint(made.configurations)), each); err != nil {
			return made, fmt.Errorf("synthesize %s: %w", each.Name, err)
		}
	}
	return made, nil
}

// configurations are the environments and their variations.
func configurations() ([]knobs.Configuration, error) {
	var all []knobs.Configuration
	for _, name := range config.Known() {
		env, err := config.Load(name)
		if err != nil {
			return nil, err
		}
		all = append(all, knobs.Configuration{Name: name, Environment: env})
	}
	varied, err := knobs.Configurations()
	return append(all, varied...), err
}

// add synthesizes one configuration.
func (a *assembly) add(dir string, each knobs.Configuration) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("%v", reason)
		}
	}()
	_, err = app.Synth(app.Options{
		Environment: &each.Environment, Outdir: dir, Account: "123456789012", Inspect: nag, Context: digests(),
	})
	if err != nil {
		return err
	}
	a.configurations++
	return errors.Join(a.collect(dir), a.readNag(dir))
}

// digests stand for images: without any, each stack would warn that it has none.
func digests() map[string]any {
	digest := "sha256:" + strings.Repeat("a", 64)
	return map[string]any{names.ContextAppDigest: digest, names.ContextBatchDigest: digest, names.ContextFluentBitDigest: digest}
}

// nag adds AWS Solutions' rules. They write a report per stack; without that
// logger alone they would also put errors into the app, which end its synthesis.
func nag(cdk awscdk.App) {
	rules := cdknag.NewAwsSolutionsChecks(nil)
	rules.SetLoggers(&[]cdknag.INagLogger{cdknag.NewNagReportLogger(&cdknag.NagReportLoggerProps{
		Formats: &[]cdknag.NagReportFormat{cdknag.NagReportFormat_CSV},
	})})
	awscdk.Aspects_Of(cdk).Add(rules, nil)
}

// Columns of cdk-nag's report.
const (
	columnRule, columnResource, columnCompliance = 0, 1, 2
	columnInfo                                   = 5
)

// readNag reads those reports.
func (a *assembly) readNag(dir string) error {
	files, _ := filepath.Glob(filepath.Join(dir, "*-NagReport.csv"))
	if len(files) == 0 {
		return fmt.Errorf("cdk-nag wrote no report")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		lines, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		for _, line := range lines[1:] {
			if line[columnCompliance] != "Compliant" {
				a.findings = append(a.findings, finding{"cdk-nag", line[columnRule], line[columnResource], oneLine(line[columnInfo])})
			}
		}
	}
	return nil
}

// collect copies the templates that no configuration before had.
func (a *assembly) collect(dir string) error {
	files, _ := filepath.Glob(filepath.Join(dir, "*.template.json"))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		target := filepath.Join(a.unique, uniqueName(file, data))
		if _, err := os.Stat(target); err == nil {
			continue
		}
		a.templates++
		if err := os.WriteFile(target, data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// uniqueName is a template's file name with a part of its content's hash.
func uniqueName(file string, data []byte) string {
	sum := sha256.Sum256(data)
	return fmt.Sprintf("%s%s%x%s", strings.TrimSuffix(filepath.Base(file), templateSuffix), hashMark, sum[:6], templateSuffix)
}

const (
	templateSuffix = ".template.json"
	// hashMark is between a stack's name and the hash.
	hashMark = "#"
)
