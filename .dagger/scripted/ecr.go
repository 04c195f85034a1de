package scripted

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
)

// repository is a repository with its images by digest.
type repository struct {
	name      string
	immutable bool
	created   time.Time
	images    map[string]*image
}

// image is an image of a repository.
type image struct {
	digest   string
	tags     []string
	manifest string
	kind     string
	pushed   time.Time
}

// manifestType is what a push has by default.
const manifestType = "application/vnd.docker.distribution.manifest.v2+json"

// uri is where images of a repository are pulled from.
func (w *World) uri(name string) string {
	return Account + ".dkr.ecr." + w.region + ".amazonaws.com/" + name
}

// repositoryCalled makes the repository where there is none yet.
func (w *World) repositoryCalled(name string, immutable bool) *repository {
	if found, ok := w.repositories[name]; ok {
		found.immutable = immutable
		return found
	}
	made := &repository{name: name, immutable: immutable, created: w.clock, images: map[string]*image{}}
	w.repositories[name] = made
	return made
}

// Push puts an image into a repository, as a build's push does; a repository
// that isn't there is made.
func (w *World) Push(repositoryName, tag, digest string) {
	w.look(func() { w.push(repositoryName, tag, digest) })
}

// push puts an image there.
func (w *World) push(repositoryName, tag, digest string) {
	repo, ok := w.repositories[repositoryName]
	if !ok {
		repo = w.repositoryCalled(repositoryName, w.environment.ECR.Immutable)
	}
	repo.add(w.clock, digest, tag, `{"schemaVersion":2,"mediaType":"`+manifestType+`","config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":2,"digest":"`+Digest("config "+digest)+`"},"layers":[]}`, manifestType)
}

// add adds an image or moves a tag to it.
func (r *repository) add(at time.Time, digest, tag, manifest, kind string) *image {
	found, ok := r.images[digest]
	if !ok {
		found = &image{digest: digest, manifest: manifest, kind: kind, pushed: at}
		r.images[digest] = found
	}
	for _, other := range r.images {
		other.tags = slices.DeleteFunc(other.tags, func(have string) bool { return have == tag })
	}
	if tag != "" {
		found.tags = append(found.tags, tag)
	}
	return found
}

// tagged finds the image of a tag.
func (r *repository) tagged(tag string) *image {
	for _, found := range r.images {
		if slices.Contains(found.tags, tag) {
			return found
		}
	}
	return nil
}

// of finds what an identifier means.
func (r *repository) of(id types.ImageIdentifier) *image {
	if digest := aws.ToString(id.ImageDigest); digest != "" {
		return r.images[digest]
	}
	return r.tagged(aws.ToString(id.ImageTag))
}

// sorted lists the images, the oldest first.
func (r *repository) sorted() []*image {
	var all []*image
	for _, found := range r.images {
		all = append(all, found)
	}
	slices.SortFunc(all, func(a, b *image) int {
		if c := a.pushed.Compare(b.pushed); c != 0 {
			return c
		}
		return strings.Compare(a.digest, b.digest)
	})
	return all
}

// pulled finds the digest that a reference to an image means, if it is there.
func (w *World) pulled(reference string) (digest string, found bool) {
	host, digest, pinned := strings.Cut(reference, "@")
	name := strings.TrimPrefix(host, w.uri(""))
	if name == host { // another registry's is always there
		if !pinned {
			digest = Digest(reference)
		}
		return digest, true
	}
	name, tag, _ := strings.Cut(name, ":")
	repo, ok := w.repositories[name]
	if !ok {
		return digest, false
	}
	if pinned {
		return digest, repo.images[digest] != nil
	}
	if tag == "" {
		tag = "latest"
	}
	if image := repo.tagged(tag); image != nil {
		return image.digest, true
	}
	return "", false
}

func (w *World) serveECR() {
	on(w, "ecr", w.getAuthorizationToken)
	on(w, "ecr", w.describeRepositories)
	on(w, "ecr", w.describeImages)
	on(w, "ecr", w.listImages)
	on(w, "ecr", w.batchGetImage)
	on(w, "ecr", w.putImage)
}

func (w *World) getAuthorizationToken(*ecr.GetAuthorizationTokenInput) (*ecr.GetAuthorizationTokenOutput, error) {
	return &ecr.GetAuthorizationTokenOutput{AuthorizationData: []types.AuthorizationData{{
		AuthorizationToken: aws.String(base64.StdEncoding.EncodeToString([]byte("AWS:scripted"))),
		ExpiresAt:          aws.Time(w.clock.Add(12 * time.Hour)),
		ProxyEndpoint:      aws.String("https://" + strings.TrimSuffix(w.uri(""), "/")),
	}}}, nil
}

// repo finds a repository.
func (w *World) repo(name *string) (*repository, error) {
	if found, ok := w.repositories[aws.ToString(name)]; ok {
		return found, nil
	}
	return nil, awsfake.Error("RepositoryNotFoundException",
		fmt.Sprintf("The repository with name '%s' does not exist in the registry with id '%s'", aws.ToString(name), Account))
}

func (w *World) describeRepositories(in *ecr.DescribeRepositoriesInput) (*ecr.DescribeRepositoriesOutput, error) {
	wanted := in.RepositoryNames
	if len(wanted) == 0 {
		wanted = sortedKeys(w.repositories)
	}
	var all []types.Repository
	for _, name := range wanted {
		repo, err := w.repo(&name)
		if err != nil {
			return nil, err
		}
		mutability := types.ImageTagMutabilityMutable
		if repo.immutable {
			mutability = types.ImageTagMutabilityImmutable
		}
		all = append(all, types.Repository{
			RepositoryName: aws.String(name), RepositoryUri: aws.String(w.uri(name)), RegistryId: aws.String(Account),
			RepositoryArn: aws.String(w.arn("ecr", "repository/"+name)), CreatedAt: aws.Time(repo.created), ImageTagMutability: mutability,
		})
	}
	some, next, err := page(w, all, in.NextToken, limit(in.MaxResults, 100))
	return &ecr.DescribeRepositoriesOutput{Repositories: some, NextToken: next}, err
}

func (w *World) describeImages(in *ecr.DescribeImagesInput) (*ecr.DescribeImagesOutput, error) {
	repo, err := w.repo(in.RepositoryName)
	if err != nil {
		return nil, err
	}
	wanted := repo.sorted()
	if len(in.ImageIds) > 0 {
		wanted = nil
	}
	for _, id := range in.ImageIds {
		found := repo.of(id)
		if found == nil {
			return nil, awsfake.Error("ImageNotFoundException", fmt.Sprintf("The image with imageId %s does not exist within the repository with name '%s' in the registry with id '%s'",
				identifier(id), repo.name, Account))
		}
		wanted = append(wanted, found)
	}
	var all []types.ImageDetail
	for _, found := range wanted {
		all = append(all, types.ImageDetail{
			ImageDigest: &found.digest, ImageTags: slices.Clone(found.tags), ImagePushedAt: aws.Time(found.pushed), RegistryId: aws.String(Account),
			RepositoryName: &repo.name, ImageManifestMediaType: aws.String(found.kind), ImageSizeInBytes: aws.Int64(50_000_000),
		})
	}
	some, next, err := page(w, all, in.NextToken, limit(in.MaxResults, 100))
	return &ecr.DescribeImagesOutput{ImageDetails: some, NextToken: next}, err
}

// identifier writes an identifier as ECR does.
func identifier(id types.ImageIdentifier) string {
	digest, tag := aws.ToString(id.ImageDigest), aws.ToString(id.ImageTag)
	if digest == "" {
		digest = "null"
	} else {
		digest = "'" + digest + "'"
	}
	if tag == "" {
		tag = "null"
	} else {
		tag = "'" + tag + "'"
	}
	return "{imageDigest:" + digest + ", imageTag:" + tag + "}"
}

func (w *World) listImages(in *ecr.ListImagesInput) (*ecr.ListImagesOutput, error) {
	repo, err := w.repo(in.RepositoryName)
	if err != nil {
		return nil, err
	}
	var all []types.ImageIdentifier
	for _, found := range repo.sorted() {
		for _, tag := range found.tags {
			all = append(all, types.ImageIdentifier{ImageDigest: &found.digest, ImageTag: aws.String(tag)})
		}
		if len(found.tags) == 0 {
			all = append(all, types.ImageIdentifier{ImageDigest: &found.digest})
		}
	}
	some, next, err := page(w, all, in.NextToken, limit(in.MaxResults, 100))
	return &ecr.ListImagesOutput{ImageIds: some, NextToken: next}, err
}

func (w *World) batchGetImage(in *ecr.BatchGetImageInput) (*ecr.BatchGetImageOutput, error) {
	repo, err := w.repo(in.RepositoryName)
	if err != nil {
		return nil, err
	}
	out := &ecr.BatchGetImageOutput{}
	for _, id := range in.ImageIds {
		found := repo.of(id)
		if found == nil && w.scenario.OpenRegistry && id.ImageDigest != nil {
			w.push(repo.name, "i-"+(*id.ImageDigest)[len("sha256:"):][:12], *id.ImageDigest)
			found = repo.of(id)
		}
		if found == nil {
			out.Failures = append(out.Failures, types.ImageFailure{
				ImageId: &id, FailureCode: types.ImageFailureCodeImageNotFound, FailureReason: aws.String("Requested image not found"),
			})
			continue
		}
		out.Images = append(out.Images, types.Image{
			ImageId:       &types.ImageIdentifier{ImageDigest: &found.digest, ImageTag: id.ImageTag},
			ImageManifest: &found.manifest, ImageManifestMediaType: &found.kind, RegistryId: aws.String(Account), RepositoryName: &repo.name,
		})
	}
	return out, nil
}

func (w *World) putImage(in *ecr.PutImageInput) (*ecr.PutImageOutput, error) {
	repo, err := w.repo(in.RepositoryName)
	if err != nil {
		return nil, err
	}
	tag, digest := aws.ToString(in.ImageTag), "sha256:"+hash(aws.ToString(in.ImageManifest))
	for _, known := range repo.images { // what was pushed under a digest of its own
		if known.manifest == aws.ToString(in.ImageManifest) {
			digest = known.digest
		}
	}
	if have := repo.tagged(tag); tag != "" && have != nil {
		if have.digest == digest {
			return nil, awsfake.Error("ImageAlreadyExistsException", fmt.Sprintf("Image with digest '%s' and tag '%s' already exists in the repository with name '%s' in registry with id '%s'",
				digest, tag, repo.name, Account))
		}
		if repo.immutable {
			return nil, awsfake.Error("ImageTagAlreadyExistsException", fmt.Sprintf("The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the tag is immutable.",
				tag, repo.name))
		}
	}
	kind := aws.ToString(in.ImageManifestMediaType)
	if kind == "" {
		kind = manifestType
	}
	added := repo.add(w.clock, digest, tag, aws.ToString(in.ImageManifest), kind)
	return &ecr.PutImageOutput{Image: &types.Image{
		ImageId:       &types.ImageIdentifier{ImageDigest: &added.digest, ImageTag: in.ImageTag},
		ImageManifest: in.ImageManifest, ImageManifestMediaType: &kind, RegistryId: aws.String(Account), RepositoryName: &repo.name,
	}}, nil
}
