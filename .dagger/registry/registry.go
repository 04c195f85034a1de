// Package registry asks a container registry what it has.
package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Registry is where images are looked for.
type Registry struct {
	// Host is the address, like "registry:5000".
	Host string
	// Insecure speaks plain HTTP: for registries that run beside the build.
	Insecure bool
	// User and Password log in; an empty User asks without a login.
	User, Password string
}

// Find returns the digest, "sha256:…", of a repository's tag, and false where
// the registry answers that it hasn't got it. Any other answer is an error: a
// registry that can't be asked must not look like an empty one.
func (r Registry) Find(ctx context.Context, repository, tag string) (digest string, found bool, err error) {
	address := r.Host + "/" + repository + ":" + tag
	ref, err := name.ParseReference(address, r.nameOptions()...)
	if err != nil {
		return "", false, fmt.Errorf("read image address %s: %w", address, err)
	}
	head, err := remote.Head(ref, remote.WithContext(ctx), remote.WithAuth(r.login()))
	if isMissing(err) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("look for image %s: %w", address, err)
	}
	return head.Digest.String(), true, nil
}

func (r Registry) nameOptions() []name.Option {
	if r.Insecure {
		return []name.Option{name.Insecure, name.StrictValidation}
	}
	return []name.Option{name.StrictValidation}
}

func (r Registry) login() authn.Authenticator {
	if r.User == "" {
		return authn.Anonymous
	}
	return &authn.Basic{Username: r.User, Password: r.Password}
}

func isMissing(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound
}
