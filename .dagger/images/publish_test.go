package images_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	fake "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/registry"
)

func serve(t *testing.T, handler http.Handler) registry.Registry {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return registry.Registry{Host: strings.TrimPrefix(server.URL, "http://"), Insecure: true}
}

// put pushes an image as another run would.
func put(t *testing.T, to registry.Registry, tag string) (digest string) {
	t.Helper()
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(to.Host+"/app:"+tag, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
	hash, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return hash.String()
}

func never(t *testing.T) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		t.Error("pushed")
		return "", nil
	}
}

func TestWhatTheRegistryHasIsNotPushed(t *testing.T) {
	to := serve(t, fake.New())
	want := images.Published{Name: "app", Tag: "i-1", Digest: put(t, to, "i-1")}
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
	got, err := images.App.Publish(t.Context(), serve(t, fake.New()), "app", "i-1", push)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(images.Published{Name: "app", Tag: "i-1", Digest: "sha256:1", Built: true}, got); diff != "" {
		t.Error(diff)
	}
}

func TestOfTwoAtOnceTheSecondTakesTheFirstOnesImage(t *testing.T) {
	to := serve(t, fake.New())
	var theirs string
	push := func(context.Context) (string, error) {
		theirs = put(t, to, "i-1")
		return "", errors.New("ImageTagAlreadyExistsException")
	}
	got, err := images.App.Publish(t.Context(), to, "app", "i-1", push)
	if err != nil || got.Digest != theirs || got.Built {
		t.Errorf("published %+v, %v; want %s, not built", got, err, theirs)
	}
}

func TestAPushThatFailsIsAnError(t *testing.T) {
	push := func(context.Context) (string, error) { return "", errors.New("no space left") }
	_, err := images.App.Publish(t.Context(), serve(t, fake.New()), "app", "i-1", push)
	if err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("err = %v", err)
	}
}

func TestARegistryThatCannotBeAskedIsNotPushedTo(t *testing.T) {
	down := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	if _, err := images.App.Publish(t.Context(), down, "app", "i-1", never(t)); err == nil {
		t.Error("want an error")
	}
}
