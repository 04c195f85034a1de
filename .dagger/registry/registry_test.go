package registry_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	fake "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/prooflink/prooflink/.dagger/registry"
)

func serve(t *testing.T, handler http.Handler) registry.Registry {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return registry.Registry{Host: strings.TrimPrefix(server.URL, "http://"), Insecure: true}
}

func TestFindReturnsTheDigestOfATag(t *testing.T) {
	r := serve(t, fake.New())
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(r.Host+"/app:i-1", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
	want, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	got, found, err := r.Find(t.Context(), "app", "i-1")
	if err != nil || !found || got != want.String() {
		t.Errorf("Find = %s, %v, %v; want %s", got, found, err, want)
	}
}

func TestFindSaysThatATagIsNotThere(t *testing.T) {
	if _, found, err := serve(t, fake.New()).Find(t.Context(), "app", "i-1"); found || err != nil {
		t.Errorf("found = %v, err = %v", found, err)
	}
}

func TestARegistryThatRefusesIsNotAnEmptyOne(t *testing.T) {
	r := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	if _, _, err := r.Find(t.Context(), "app", "i-1"); err == nil {
		t.Fatal("want an error")
	}
}
