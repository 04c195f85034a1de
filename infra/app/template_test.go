package app_test

import (
	"os"
	"testing"

	"github.com/aws/jsii-runtime-go"

	"github.com/prooflink/prooflink/infra/app"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/infratest"
	"github.com/prooflink/prooflink/infra/names"
	"github.com/prooflink/prooflink/infra/templates"
)

// TestMain leaves the CDK's validation on, unlike the constructs' own tests:
// these are whole environments.
func TestMain(m *testing.M) {
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

// Digests that tell the images apart.
var (
	appDigest    = infratest.Digest("a")
	batchDigest  = infratest.Digest("b")
	routerDigest = infratest.Digest("f")
)

// folders has each environment's assembly, synthesized once: it takes seconds.
var folders = map[string]string{}

// synth returns the folder of an environment's templates.
func synth(t *testing.T, env string) string {
	t.Helper()
	if folders[env] == "" {
		dir, err := os.MkdirTemp("", "prooflink-synth-") //nolint:usetesting // other tests read it too
		if err != nil {
			t.Fatal(err)
		}
		folders[env], err = app.Synth(app.Options{Outdir: dir, Account: infratest.Account, Context: map[string]any{
			names.ContextEnv: env, names.ContextAppDigest: appDigest,
			names.ContextBatchDigest: batchDigest, names.ContextFluentBitDigest: routerDigest,
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	return folders[env]
}

// stack reads one stack's template.
func stack(t *testing.T, env string, role names.StackRole) infratest.Template {
	t.Helper()
	return infratest.Read(t, synth(t, env), names.New("prooflink", env).Stack(role))
}

// container finds a container of a task definition by its name.
func container(t *testing.T, definition templates.Resource, name string) templates.Resource {
	t.Helper()
	return infratest.Container(t, definition, name)
}

// pairs reads a list of name and value as a map.
func pairs(r templates.Resource, key, name, value string) map[string]string {
	return infratest.Pairs(r, key, name, value)
}

// synthVaried returns the folder of a varied environment's templates.
func synthVaried(t *testing.T, env config.Environment) string {
	t.Helper()
	dir, err := app.Synth(app.Options{Outdir: t.TempDir(), Account: infratest.Account, Environment: &env, Context: map[string]any{
		names.ContextAppDigest: appDigest, names.ContextBatchDigest: batchDigest, names.ContextFluentBitDigest: routerDigest,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
