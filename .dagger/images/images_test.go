package images_test

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/infra/config"
)

func load(t *testing.T, env string) config.Environment {
	t.Helper()
	environment, err := config.Load(env)
	if err != nil {
		t.Fatal(err)
	}
	return environment
}

func TestTheAppIsBuiltWithTheEnvironmentsSettings(t *testing.T) {
	environment := load(t, "dev")
	environment.Logging.ClientLevel = "error"
	want := map[string]string{
		"NODE_IMAGE":                            "node:24",
		"NEXT_PUBLIC_CLIENT_LOG_SEND_LEVEL":     "error",
		"NEXT_PUBLIC_CLIENT_LOG_BATCH_SIZE":     "10",
		"NEXT_PUBLIC_CLIENT_LOG_BATCH_INTERVAL": "30000",
	}
	if diff := cmp.Diff(want, images.App.Args("node:24", environment)); diff != "" {
		t.Error(diff)
	}
}

func TestEnvironmentsThatAgreeShareAnImage(t *testing.T) {
	folder := fstest.MapFS{"Dockerfile": {}}
	tag := func(environment config.Environment) string {
		tag, err := images.App.Tag(folder, images.App.Args("node:24", environment))
		if err != nil {
			t.Fatal(err)
		}
		return tag
	}
	dev, prod := load(t, "dev"), load(t, "prod")
	if tag(dev) != tag(prod) {
		t.Error("dev and prod have the same settings, and not the same tag")
	}
	prod.Logging.ClientLevel = "error"
	if tag(dev) == tag(prod) {
		t.Error("dev and prod have other settings, and the same tag")
	}
}
