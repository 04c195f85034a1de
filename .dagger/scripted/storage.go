package scripted

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
)

// stored is an object of a bucket.
type stored struct {
	data []byte
	at   time.Time
}

// etag is an object's entity tag, in quotes.
func (o stored) etag() *string { return aws.String(`"` + hash(string(o.data))[:32] + `"`) }

// size is how many bytes an object has.
func (o stored) size() *int64 { return aws.Int64(int64(len(o.data))) }

// bucket makes a bucket where there is none.
func (w *World) bucket(name string) {
	if w.buckets[name] == nil {
		w.buckets[name] = map[string]stored{}
	}
}

func (w *World) serveStorage() {
	on(w, "s3", w.putObject)
	on(w, "s3", w.getObject)
	on(w, "s3", w.headObject)
	on(w, "s3", w.deleteObject)
	on(w, "s3", w.headBucket)
	on(w, "s3", w.listObjects)
	on(w, "s3", w.getBucketLocation)
	on(w, "s3", w.getBucketEncryption)
}

// objects are a bucket's.
func (w *World) objects(name *string) (map[string]stored, error) {
	if found := w.buckets[aws.ToString(name)]; found != nil {
		return found, nil
	}
	return nil, awsfake.ErrorStatus(404, "NoSuchBucket", "The specified bucket does not exist")
}

// noSuchKey is the answer where an object isn't there.
func noSuchKey() error {
	return awsfake.ErrorStatus(404, "NoSuchKey", "The specified key does not exist.")
}

// conditioned refuses what isn't on the condition that the caller names: an entity
// tag that an object has to have, or "*" where none may be there (Amazon S3 User
// Guide, "Conditional requests").
func conditioned(have stored, there bool, match, noneMatch *string) error {
	switch {
	case match != nil && !there:
		return noSuchKey()
	case match != nil && *match != *have.etag(), noneMatch != nil && there && (*noneMatch == "*" || *noneMatch == *have.etag()):
		return awsfake.ErrorStatus(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	}
	return nil
}

func (w *World) putObject(in *s3.PutObjectInput) (*s3.PutObjectOutput, error) {
	bucket, err := w.objects(in.Bucket)
	if err != nil {
		return nil, err
	}
	key := aws.ToString(in.Key)
	have, there := bucket[key]
	if err := conditioned(have, there, in.IfMatch, in.IfNoneMatch); err != nil {
		return nil, err
	}
	put := stored{at: w.clock}
	if in.Body != nil {
		if put.data, err = io.ReadAll(in.Body); err != nil {
			return nil, err
		}
	}
	bucket[key] = put
	return &s3.PutObjectOutput{ETag: put.etag()}, nil
}

// object finds an object.
func (w *World) object(bucket, key *string) (stored, error) {
	objects, err := w.objects(bucket)
	if err != nil {
		return stored{}, err
	}
	found, ok := objects[aws.ToString(key)]
	if !ok {
		return stored{}, noSuchKey()
	}
	return found, nil
}

func (w *World) getObject(in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	found, err := w.object(in.Bucket, in.Key)
	if err != nil {
		return nil, err
	}
	if err := conditioned(found, true, in.IfMatch, nil); err != nil {
		return nil, err
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(found.data)), ContentLength: found.size(), ETag: found.etag(), LastModified: &found.at}, nil
}

func (w *World) headObject(in *s3.HeadObjectInput) (*s3.HeadObjectOutput, error) {
	found, err := w.object(in.Bucket, in.Key)
	if err != nil {
		return nil, awsfake.ErrorStatus(404, "NotFound", "Not Found") // its answers have no body
	}
	return &s3.HeadObjectOutput{ContentLength: found.size(), ETag: found.etag(), LastModified: &found.at}, nil
}

func (w *World) deleteObject(in *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
	bucket, err := w.objects(in.Bucket)
	if err != nil {
		return nil, err
	}
	delete(bucket, aws.ToString(in.Key)) // one that isn't there is deleted, too
	return &s3.DeleteObjectOutput{}, nil
}

func (w *World) headBucket(in *s3.HeadBucketInput) (*s3.HeadBucketOutput, error) {
	_, err := w.objects(in.Bucket)
	return &s3.HeadBucketOutput{BucketRegion: &w.region}, err
}

func (w *World) listObjects(in *s3.ListObjectsV2Input) (*s3.ListObjectsV2Output, error) {
	bucket, err := w.objects(in.Bucket)
	if err != nil {
		return nil, err
	}
	keys := slices.DeleteFunc(sortedKeys(bucket), func(key string) bool { return !strings.HasPrefix(key, aws.ToString(in.Prefix)) })
	some, next, err := page(w, keys, in.ContinuationToken, limit(in.MaxKeys, 1000))
	out := &s3.ListObjectsV2Output{Name: in.Bucket, Prefix: in.Prefix, KeyCount: aws.Int32(int32(len(some))), NextContinuationToken: next, IsTruncated: aws.Bool(next != nil)}
	for _, key := range some {
		found := bucket[key]
		out.Contents = append(out.Contents, types.Object{Key: aws.String(key), Size: found.size(), LastModified: &found.at, ETag: found.etag()})
	}
	return out, err
}

func (w *World) getBucketLocation(in *s3.GetBucketLocationInput) (*s3.GetBucketLocationOutput, error) {
	_, err := w.objects(in.Bucket)
	return &s3.GetBucketLocationOutput{LocationConstraint: types.BucketLocationConstraint(w.region)}, err
}

func (w *World) getBucketEncryption(in *s3.GetBucketEncryptionInput) (*s3.GetBucketEncryptionOutput, error) {
	_, err := w.objects(in.Bucket)
	return &s3.GetBucketEncryptionOutput{ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
		ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256},
	}}}}, err
}
