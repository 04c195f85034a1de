package images_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	fake "github.com/google/go-containerregistry/pkg/registry"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/registry/registrytest"
)

func never(t *testing.T) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		t.Error("pushed")
		return "", nil
	}
}

func TestWhatTheRegistryHasIsNotPushed(t *testing.T) {
	to := registrytest.Serve(t, fake.New())
	want := images.Published{Name: "app", Tag: "i-1", Digest: registrytest.Put(t, to, "app", "i-1")}
	got, err := images.App.Publish(t.Context(), to, "app", "i-1", never(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatTheRegistryLacksIsPushed(t *testing.T) {
	push := func(context.Context) (string, error) { return "sha256:1", nil }
	got, err := images.App.Publish(t.Context(), registrytest.Serve(t, fake.New()), "app", "i-1", push)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(images.Published{Name: "app", Tag: "i-1", Digest: "sha256:1", Built: true}, got); diff != "" {
		t.Error(diff)
	}
}

func TestOfTwoAtOnceTheSecondTakesTheFirstOnesImage(t *testing.T) {
	to := registrytest.Serve(t, fake.New())
	var theirs string
	push := func(context.Context) (string, error) {
		theirs = registrytest.Put(t, to, "app", "i-1")
		return "", errors.New("ImageTagAlreadyExistsException")
	}
	got, err := images.App.Publish(t.Context(), to, "app", "i-1", push)
	if err != nil || got.Digest != theirs || got.Built {
		t.Errorf("published %+v, %v; want %s, not built", got, err, theirs)
	}
}

func TestAPushThatFailsIsAnError(t *testing.T) {
	push := func(context.Context) (string, error) { return "", errors.New("no space left") }
	_, err := images.App.Publish(t.Context(), registrytest.Serve(t, fake.New()), "app", "i-1", push)
	if err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("err = %v", err)
	}
}

func TestARegistryThatCannotBeAskedIsNotPushedTo(t *testing.T) {
	down := registrytest.Serve(t, registrytest.Refusing())
	if _, err := images.App.Publish(t.Context(), down, "app", "i-1", never(t)); err == nil {
		t.Error("want an error")
	}
}
