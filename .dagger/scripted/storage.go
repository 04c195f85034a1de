package scripted

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
)

// bucket makes a bucket where there is none.
func (w *World) bucket(name string) {
	if w.buckets[name] == nil {
		w.buckets[name] = map[string][]byte{}
	}
}

func (w *World) serveStorage() {
	on(w, "s3", w.putObject)
	on(w, "s3", w.getObject)
	on(w, "s3", w.headObject)
	on(w, "s3", w.headBucket)
	on(w, "s3", w.listObjects)
	on(w, "s3", w.getBucketLocation)
	on(w, "s3", w.getBucketEncryption)
}

// objects are a bucket's.
func (w *World) objects(name *string) (map[string][]byte, error) {
	if found := w.buckets[aws.ToString(name)]; found != nil {
		return found, nil
	}
	return nil, awsfake.ErrorStatus(404, "NoSuchBucket", "The specified bucket does not exist")
}

func (w *World) putObject(in *s3.PutObjectInput) (*s3.PutObjectOutput, error) {
	bucket, err := w.objects(in.Bucket)
	if err != nil {
		return nil, err
	}
	var data []byte
	if in.Body != nil {
		if data, err = io.ReadAll(in.Body); err != nil {
			return nil, err
		}
	}
	bucket[aws.ToString(in.Key)] = data
	return &s3.PutObjectOutput{ETag: aws.String(`"` + hash(string(data))[:32] + `"`)}, nil
}

func (w *World) getObject(in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	bucket, err := w.objects(in.Bucket)
	if err != nil {
		return nil, err
	}
	data, ok := bucket[aws.ToString(in.Key)]
	if !ok {
		return nil, awsfake.ErrorStatus(404, "NoSuchKey", "The specified key does not exist.")
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(data)), ContentLength: aws.Int64(int64(len(data)))}, nil
}

func (w *World) headObject(in *s3.HeadObjectInput) (*s3.HeadObjectOutput, error) {
	bucket, err := w.objects(in.Bucket)
	if err != nil {
		return nil, err
	}
	data, ok := bucket[aws.ToString(in.Key)]
	if !ok {
		return nil, awsfake.ErrorStatus(404, "NotFound", "Not Found")
	}
	return &s3.HeadObjectOutput{ContentLength: aws.Int64(int64(len(data)))}, nil
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
		out.Contents = append(out.Contents, types.Object{Key: aws.String(key), Size: aws.Int64(int64(len(bucket[key]))), LastModified: aws.Time(w.clock)})
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
