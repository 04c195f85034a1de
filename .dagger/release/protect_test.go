package release_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/release"
)

const (
	plain = `{"schemaVersion":2,"config":{"digest":"sha256:1"},"layers":[]}`
	index = `{"schemaVersion":2,"manifests":[{"platform":{"architecture":"arm64","os":"linux"}},{"platform":{"architecture":"amd64","os":"linux"}}]}`
	arm   = `{"schemaVersion":2,"manifests":[{"platform":{"architecture":"arm64","os":"linux"}},{"platform":{"architecture":"unknown","os":"unknown"}}]}`
)

// registry is ECR: manifests by repository and digest, and digests by
// repository and tag.
type registry struct {
	*awsfake.Server
	manifests map[string]map[string]string
	tags      map[string]string
}

func newRegistry(t *testing.T, manifests map[string]map[string]string) *registry {
	t.Helper()
	r := &registry{awsfake.New(), manifests, map[string]string{}}
	awsfake.On(r.Server, "ecr", r.batchGet)
	awsfake.On(r.Server, "ecr", r.put)
	t.Cleanup(func() {
		for _, line := range r.Nonsense() {
			t.Error(line)
		}
	})
	return r
}

func (r *registry) batchGet(in *ecr.BatchGetImageInput) (*ecr.BatchGetImageOutput, error) {
	repository, ok := r.manifests[*in.RepositoryName]
	if !ok {
		return nil, &types.RepositoryNotFoundException{Message: aws.String("The repository does not exist")}
	}
	out := &ecr.BatchGetImageOutput{}
	for _, id := range in.ImageIds {
		digest := aws.ToString(id.ImageDigest)
		if id.ImageTag != nil {
			digest = r.tags[*in.RepositoryName+":"+*id.ImageTag]
		}
		manifest, ok := repository[digest]
		if !ok {
			out.Failures = append(out.Failures, types.ImageFailure{ImageId: &id, FailureCode: types.ImageFailureCodeImageNotFound})
			continue
		}
		out.Images = append(out.Images, types.Image{
			RepositoryName: in.RepositoryName, ImageManifest: &manifest, ImageManifestMediaType: aws.String("application/vnd.oci.image.manifest.v1+json"),
			ImageId: &types.ImageIdentifier{ImageDigest: &digest, ImageTag: id.ImageTag},
		})
	}
	return out, nil
}

func (r *registry) put(in *ecr.PutImageInput) (*ecr.PutImageOutput, error) {
	if r.manifests[*in.RepositoryName][*in.ImageDigest] != *in.ImageManifest {
		return nil, &types.ImageDigestDoesNotMatchException{Message: aws.String("another manifest")}
	}
	r.tags[*in.RepositoryName+":"+*in.ImageTag] = *in.ImageDigest
	return &ecr.PutImageOutput{}, nil
}

// puts counts what was tagged.
func (r *registry) puts() int {
	n := 0
	for _, call := range r.Calls() {
		if call.Operation == "PutImage" {
			n++
		}
	}
	return n
}

var deployedDigests = map[string]string{"app": digest("a"), "batch": digest("b"), "fluent-bit": ""}

func full() map[string]map[string]string {
	return map[string]map[string]string{
		dev.AppRepository(): {digest("a"): plain, digest("c"): plain}, dev.BatchRepository(): {digest("b"): index},
	}
}

func TestADeployedImageGetsATagOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, full())
		for range 2 {
			if err := release.Protect(t.Context(), r.Config(), dev, deployedDigests); err != nil {
				t.Fatal(err)
			}
		}
		want := map[string]string{"prooflink-dev-app:deployed-aaaaaaaaaaaa": digest("a"), "prooflink-dev-batch:deployed-bbbbbbbbbbbb": digest("b")}
		if diff := cmp.Diff(want, r.tags); diff != "" || r.puts() != 2 {
			t.Errorf("%d images tagged\n%s", r.puts(), diff)
		}
	})
}

func TestATagThatAnotherRunHasMadeMeanwhileIsTheTag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, full())
		r.Fail("ecr:PutImage", 1, &types.ImageAlreadyExistsException{Message: aws.String("The specified image has already been pushed")})
		if err := release.Protect(t.Context(), r.Config(), dev, map[string]string{"app": digest("a")}); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatCannotBeProtectedIsNamed(t *testing.T) {
	tests := map[string]struct {
		fail    string
		err     error
		digests map[string]string
		want    string
	}{
		"an image that is gone":        {"", nil, map[string]string{"app": digest("f")}, "protect image prooflink-dev-app@" + digest("f") + ": the registry doesn't have it"},
		"a repository that is gone":    {"", nil, map[string]string{"fluent-bit": digest("f")}, "look for image prooflink-dev-fluentbit@" + digest("f") + ": "},
		"a tag that is another's":      {"ecr:PutImage", &types.ImageTagAlreadyExistsException{Message: aws.String("immutable")}, deployedDigests, "tag image prooflink-dev-app@" + digest("a") + " as deployed-aaaaaaaaaaaa: "},
		"a registry that doesn't tell": {"ecr:BatchGetImage", awsfake.Error("AccessDeniedException", "no"), deployedDigests, "look for image prooflink-dev-app@" + digest("a") + ": "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRegistry(t, full())
				if test.fail != "" {
					r.Fail(test.fail, 1, test.err)
				}
				err := release.Protect(t.Context(), r.Config(), dev, test.digests)
				if err == nil || !strings.HasPrefix(err.Error(), test.want) {
					t.Errorf("err = %v, want %q", err, test.want)
				}
			})
		})
	}
}

// One image that can't be protected doesn't leave the others unprotected.
func TestTheOthersAreProtected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, full())
		if err := release.Protect(t.Context(), r.Config(), dev, map[string]string{"app": digest("f"), "batch": digest("b")}); err == nil || r.puts() != 1 {
			t.Errorf("err = %v, %d tagged", err, r.puts())
		}
	})
}

func TestWhatTheRegistryLacksIsTold(t *testing.T) {
	tests := map[string]struct {
		manifest string
		digests  map[string]string
		want     []string
	}{
		"it has them":            {plain, deployedDigests, nil},
		"an index with amd64":    {index, deployedDigests, nil},
		"an image that is gone":  {plain, map[string]string{"app": digest("f")}, []string{"app: prooflink-dev-app@" + digest("f") + " is not in the registry"}},
		"an index without amd64": {arm, deployedDigests, []string{"app: prooflink-dev-app@" + digest("a") + " is for linux/arm64, unknown/unknown, not for linux/amd64"}},
		"a repository that is gone": {plain, map[string]string{"fluent-bit": digest("f")},
			[]string{"fluent-bit: prooflink-dev-fluentbit@" + digest("f") + " is not there, because the registry has no such repository"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRegistry(t, full())
				r.manifests[dev.AppRepository()][digest("a")] = test.manifest
				got, err := release.Present(t.Context(), r.Config(), dev, test.digests)
				if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
					t.Error(diff, err)
				}
			})
		})
	}
}

func TestARegistryThatCannotBeAskedIsNotAnEmptyOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(t, full())
		r.Fail("ecr:BatchGetImage", 1, awsfake.Error("AccessDeniedException", "no"))
		missing, err := release.Present(t.Context(), r.Config(), dev, deployedDigests)
		var denied interface{ ErrorCode() string }
		if len(missing) > 0 || !errors.As(err, &denied) || denied.ErrorCode() != "AccessDeniedException" {
			t.Errorf("missing %v, err = %v", missing, err)
		}
	})
}
