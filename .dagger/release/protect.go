package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/infra/names"
)

// tagDigits are so many of a digest that no two images of a repository share them.
const tagDigits = 12

// ProtectedTag is the tag that keeps an image in the registry: that of
// "sha256:0123456789abcdef…" is "deployed-0123456789ab".
func ProtectedTag(digest string) string {
	_, hex, _ := strings.Cut(digest, ":")
	return names.DeployedTagPrefix + hex[:min(len(hex), tagDigits)]
}

// Protect tags images that are deployed, so that the registry's clean-up leaves
// them for a rollback. Digests are by the images' names ("app", "batch",
// "fluent-bit"). An image that has its tag is left alone.
func Protect(ctx context.Context, access aws.Config, n names.Names, digests map[string]string) error {
	client := ecr.NewFromConfig(access)
	var failed []error
	for _, source := range images.All() {
		if digest := digests[source.Name]; digest != "" {
			failed = append(failed, protect(ctx, client, source.Repository(n), digest))
		}
	}
	return errors.Join(failed...)
}

// protect tags one image: ECR takes an image's own manifest under another name
// (Amazon ECR User Guide, "Retagging an image").
func protect(ctx context.Context, client *ecr.Client, repository, digest string) error {
	tag := ProtectedTag(digest)
	out, err := client.BatchGetImage(ctx, &ecr.BatchGetImageInput{
		RepositoryName: &repository, ImageIds: []types.ImageIdentifier{{ImageDigest: &digest}, {ImageTag: &tag}},
	})
	if err != nil {
		return fmt.Errorf("look for image %s@%s: %w", repository, digest, err)
	}
	found := slices.DeleteFunc(out.Images, func(image types.Image) bool { return aws.ToString(image.ImageId.ImageDigest) != digest })
	if len(found) == 0 {
		return fmt.Errorf("protect image %s@%s: the registry doesn't have it", repository, digest)
	}
	if slices.ContainsFunc(found, func(image types.Image) bool { return aws.ToString(image.ImageId.ImageTag) == tag }) {
		return nil
	}
	_, err = client.PutImage(ctx, &ecr.PutImageInput{
		RepositoryName: &repository, ImageTag: &tag, ImageDigest: &digest,
		ImageManifest: found[0].ImageManifest, ImageManifestMediaType: found[0].ImageManifestMediaType,
	})
	var already *types.ImageAlreadyExistsException // by another run, meanwhile
	if err != nil && !errors.As(err, &already) {
		return fmt.Errorf("tag image %s@%s as %s: %w", repository, digest, tag, err)
	}
	return nil
}

// Present says which images the registry can't give to Fargate: those that it
// doesn't have, and those that it has for other platforms only. Each is a line,
// "app: prooflink-dev-app@sha256:… is not in the registry". Digests are by the
// images' names.
func Present(ctx context.Context, access aws.Config, n names.Names, digests map[string]string) (missing []string, err error) {
	client := ecr.NewFromConfig(access)
	var failed []error
	for _, source := range images.All() {
		digest := digests[source.Name]
		if digest == "" {
			continue
		}
		repository := source.Repository(n)
		why, err := lacks(ctx, client, repository, digest)
		if err != nil {
			failed = append(failed, fmt.Errorf("look for image %s@%s: %w", repository, digest, err))
		} else if why != "" {
			missing = append(missing, fmt.Sprintf("%s: %s@%s %s", source.Name, repository, digest, why))
		}
	}
	return missing, errors.Join(failed...)
}

// lacks says why an image can't be run; nothing where it can. It asks for the
// image itself: its description is listed a while later than it is there.
func lacks(ctx context.Context, client *ecr.Client, repository, digest string) (why string, err error) {
	out, err := client.BatchGetImage(ctx, &ecr.BatchGetImageInput{
		RepositoryName: &repository, ImageIds: []types.ImageIdentifier{{ImageDigest: &digest}},
	})
	var absent *types.RepositoryNotFoundException
	switch {
	case errors.As(err, &absent):
		return "is not there, because the registry has no such repository", nil
	case err != nil:
		return "", err
	case len(out.Images) == 0:
		return "is not in the registry", nil
	}
	return otherPlatforms(aws.ToString(out.Images[0].ImageManifest))
}

// otherPlatforms reads an index of manifests (OCI Image Format Specification,
// "Image Index"). An image that is no index is for the platform that it was
// built for, and this pipeline builds for one.
func otherPlatforms(manifest string) (why string, err error) {
	var index struct {
		Manifests []struct {
			Platform struct{ Architecture, OS string }
		}
	}
	if err := json.Unmarshal([]byte(manifest), &index); err != nil {
		return "", fmt.Errorf("read its manifest: %w", err)
	}
	var platforms []string
	for _, one := range index.Manifests {
		platforms = append(platforms, one.Platform.OS+"/"+one.Platform.Architecture)
	}
	if len(platforms) == 0 || slices.Contains(platforms, images.Platform) {
		return "", nil
	}
	return fmt.Sprintf("is for %s, not for %s", strings.Join(platforms, ", "), images.Platform), nil
}
