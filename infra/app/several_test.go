package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/infra/app"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/infratest"
	"github.com/prooflink/prooflink/infra/names"
)

func TestSeveralEnvironmentsInOneProcessAreTheSameAsEachAlone(t *testing.T) {
	dir := t.TempDir()
	context := map[string]any{
		names.ContextEnv: strings.Join(config.Known(), ","), names.ContextAppDigest: appDigest,
		names.ContextBatchDigest: batchDigest, names.ContextFluentBitDigest: routerDigest,
	}
	if err := app.SynthSeveral(app.Options{Outdir: dir, Account: infratest.Account, Context: context}); err != nil {
		t.Fatal(err)
	}
	for _, env := range config.Known() {
		if diff := cmp.Diff(contents(t, synth(t, env)), contents(t, filepath.Join(dir, env))); diff != "" {
			t.Errorf("%s: -alone +with others:\n%s", env, diff)
		}
	}
}

// contents reads the templates of a folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	files, _ := filepath.Glob(filepath.Join(dir, "*.template.json"))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(file)] = string(data)
	}
	if len(texts) == 0 {
		t.Errorf("no template in %s", dir)
	}
	return texts
}

func TestAMistakeInOneOfSeveralEnvironmentsIsFoundBeforeAnyIsWritten(t *testing.T) {
	for name, c := range map[string]struct {
		options app.Options
		want    []string
	}{
		"unknown ones": {app.Options{Outdir: t.TempDir(), Context: map[string]any{names.ContextEnv: "dev,stagging,prd"}}, []string{"stagging", "prd"}},
		"a bad digest": {app.Options{Outdir: t.TempDir(), Context: map[string]any{names.ContextEnv: "dev,prod", names.ContextAppDigest: "latest"}}, []string{`"latest" is not a digest`}},
		"no folder":    {app.Options{Context: map[string]any{names.ContextEnv: "dev,prod"}}, []string{"set CDK_OUTDIR"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := app.SynthSeveral(c.options)
			if err == nil {
				t.Fatal("accepted")
			}
			infratest.Within(t, "the error", err.Error(), c.want...)
			if written, _ := filepath.Glob(filepath.Join(c.options.Outdir, "*")); c.options.Outdir != "" && len(written) > 0 {
				t.Errorf("written: %s", written)
			}
		})
	}
}
