// Package registrytest has a registry in the test's own process.
package registrytest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/prooflink/prooflink/.dagger/registry"
)

// Serve serves a registry's HTTP interface on the loopback interface until the test ends.
func Serve(t *testing.T, handler http.Handler) registry.Registry {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return registry.Registry{Host: strings.TrimPrefix(server.URL, "http://"), Insecure: true}
}

// Put pushes an image of random content and returns its digest.
func Put(t *testing.T, to registry.Registry, repository, tag string) (digest string) {
	t.Helper()
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(to.Host+"/"+repository+":"+tag, name.Insecure)
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

// Refusing answers everything with 403.
func Refusing() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
}
