package registry_test

import (
	"testing"

	fake "github.com/google/go-containerregistry/pkg/registry"

	"github.com/prooflink/prooflink/.dagger/registry/registrytest"
)

func TestFindReturnsTheDigestOfATag(t *testing.T) {
	r := registrytest.Serve(t, fake.New())
	want := registrytest.Put(t, r, "app", "i-1")
	got, found, err := r.Find(t.Context(), "app", "i-1")
	if err != nil || !found || got != want {
		t.Errorf("Find = %s, %v, %v; want %s", got, found, err, want)
	}
}

func TestFindSaysThatATagIsNotThere(t *testing.T) {
	if _, found, err := registrytest.Serve(t, fake.New()).Find(t.Context(), "app", "i-1"); found || err != nil {
		t.Errorf("found = %v, err = %v", found, err)
	}
}

func TestARegistryThatRefusesIsNotAnEmptyOne(t *testing.T) {
	if _, _, err := registrytest.Serve(t, registrytest.Refusing()).Find(t.Context(), "app", "i-1"); err == nil {
		t.Fatal("want an error")
	}
}
