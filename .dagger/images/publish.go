package images

import (
	"context"
	"errors"

	"github.com/prooflink/prooflink/.dagger/registry"
)

// Published is an image that a registry has.
type Published struct {
	// Name is the source's.
	Name string
	// Tag is the hash of the image's inputs.
	Tag string
	// Digest, like "sha256:…".
	Digest string
	// Built is false where the registry had the tag already.
	Built bool
}

// Publish asks the registry for the tag, and pushes only what it lacks.
//
// Somebody else may push the same inputs meanwhile, and a repository of
// immutable tags then refuses the second push: their image is the image.
func (s Source) Publish(ctx context.Context, to registry.Registry, repository, tag string, push func(context.Context) (digest string, err error)) (Published, error) {
	image := Published{Name: s.Name, Tag: tag}
	var found bool
	var err error
	if image.Digest, found, err = to.Find(ctx, repository, tag); err != nil || found {
		return image, err
	}
	if image.Digest, err = push(ctx); err == nil {
		image.Built = true
		return image, nil
	}
	theirs, found, findErr := to.Find(ctx, repository, tag)
	if !found {
		return Published{}, errors.Join(err, findErr)
	}
	image.Digest = theirs
	return image, nil
}
