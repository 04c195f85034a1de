package submit

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	batchtypes "github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// provide makes sure that the job finds its input: it uploads the file, or looks
// for the object.
func (s *session) provide(ctx context.Context) error {
	there, err := s.look(ctx)
	if err != nil || s.request.File == "" {
		return err
	}
	if s.same(there) {
		fmt.Fprintf(s.say, "%s has the content of %s already: nothing is uploaded\n", s.url(), s.request.File)
		return nil
	}
	return s.upload(ctx, there)
}

// look finds the object under the key; nil where there is none, which is an error
// where no file is to be uploaded. It is one, too, to replace what a job is going
// to read, or is reading.
func (s *session) look(ctx context.Context) (*s3types.Object, error) {
	there, err := s.object(ctx, s.request.Key)
	if err != nil {
		return nil, err
	}
	switch {
	case s.request.File == "" && there == nil:
		return nil, s.missing(ctx)
	case s.request.File == "" && aws.ToInt64(there.Size) == 0:
		return nil, fmt.Errorf("look for the input: %s is empty; an import needs at least a header: upload a file with --input-file", s.url())
	case s.request.File != "" && there != nil && !s.same(there):
		return there, s.unread(ctx)
	}
	return there, nil
}

// url is the input's.
func (s *session) url() string { return "s3://" + s.bucket + "/" + s.request.Key }

// same says whether an object has the file's content.
func (s *session) same(there *s3types.Object) bool {
	return there != nil && aws.ToInt64(there.Size) == s.file.size && etag(there) == s.file.md5
}

// etag is an object's, unquoted.
func etag(there *s3types.Object) string { return strings.Trim(aws.ToString(there.ETag), `"`) }

// object finds one by its key; nil where there is none. It is listed, as asking
// for one that is missing is answered by 403 to those who may only list a folder.
// A key comes before all that it begins (ListObjectsV2).
func (s *session) object(ctx context.Context, key string) (*s3types.Object, error) {
	out, err := s.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: &key, MaxKeys: aws.Int32(1)})
	if err != nil {
		return nil, fmt.Errorf("look for s3://%s/%s: %w", s.bucket, key, err)
	}
	if len(out.Contents) == 0 || aws.ToString(out.Contents[0].Key) != key {
		return nil, nil
	}
	return &out.Contents[0], nil
}

// listed is how many keys an error names.
const listed = 10

// missing is the error of an input that isn't there, with what is.
func (s *session) missing(ctx context.Context) error {
	keys, err := s.inputs(ctx)
	if err != nil {
		return err
	}
	found := "nothing is there under imports/"
	if len(keys) > 0 {
		found = "under imports/ there are " + strings.Join(keys[:min(len(keys), listed)], ", ")
	}
	if len(keys) > listed {
		found += " and more"
	}
	return fmt.Errorf("look for the input: %s isn't there; %s; name one of those with --input-key, or upload a file with --input-file", s.url(), found)
}

// inputs are the first keys that could be imported, one more than are listed.
func (s *session) inputs(ctx context.Context) ([]string, error) {
	var keys []string
	pages := s3.NewListObjectsV2Paginator(s.s3, &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: aws.String(importsFolder)})
	for pages.HasMorePages() && len(keys) <= listed {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list s3://%s/%s: %w", s.bucket, importsFolder, err)
		}
		for _, object := range page.Contents {
			if key := aws.ToString(object.Key); !strings.HasSuffix(key, "/") && !strings.HasPrefix(key, claimsFolder) {
				keys = append(keys, key)
			}
		}
	}
	return keys, nil
}

// going are the statuses of a job that isn't over, in their order: a job that
// moves on between two lists is seen in one of them.
var going = []batchtypes.JobStatus{
	batchtypes.JobStatusSubmitted, batchtypes.JobStatusPending, batchtypes.JobStatusRunnable, batchtypes.JobStatusStarting, batchtypes.JobStatusRunning,
}

// unread is an error where a job that isn't over reads the key: it might read
// half of each file.
func (s *session) unread(ctx context.Context) error {
	var ids []string
	for _, status := range going {
		some, err := s.list(ctx, &batch.ListJobsInput{JobStatus: status})
		if err != nil {
			return err
		}
		ids = append(ids, some...)
	}
	found, err := s.describe(ctx, ids)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(found, func(job batchtypes.JobDetail) bool { return !over(job) && inputOf(job) == s.request.Key })
	if at < 0 {
		return nil
	}
	other := strings.TrimSuffix(s.request.Key, ".csv") + "-" + time.Now().UTC().Format("20060102-150405") + ".csv"
	return fmt.Errorf("upload %s to %s: job %s (%s, %s) has yet to read what is there; upload under another key with --input-key %s, "+
		"or wait for the job's end: `dagger call batch-list --env %s`",
		s.request.File, s.url(), aws.ToString(found[at].JobName), aws.ToString(found[at].JobId), found[at].Status, other, s.names.Env)
}

// upload puts the file under the key, in the place of what was seen there and of
// nothing else. S3 refuses it where its content has changed since it was read.
func (s *session) upload(ctx context.Context, there *s3types.Object) error {
	from, err := os.Open(s.request.File)
	if err != nil {
		return fmt.Errorf("upload %s: %w", s.request.File, err)
	}
	defer from.Close()
	in := &s3.PutObjectInput{
		Bucket: &s.bucket, Key: &s.request.Key, ContentType: aws.String("text/csv"), ContentLength: &s.file.size,
		ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(s.file.sha256)), IfNoneMatch: aws.String("*"),
		Body: &progress{File: from, say: s.say, key: s.url(), size: s.file.size, next: time.Now().Add(saying)},
	}
	replaced := ""
	if there != nil {
		in.IfNoneMatch, in.IfMatch = nil, there.ETag
		replaced = fmt.Sprintf(", in the place of %s of %s", bytesText(aws.ToInt64(there.Size)), stamp(aws.ToTime(there.LastModified)))
	}
	fmt.Fprintf(s.say, "uploading %s (%s) to %s%s\n", s.request.File, bytesText(s.file.size), s.url(), replaced)
	// The digest is in a header already, so that the file is read only once.
	_, err = s.s3.PutObject(ctx, in, s3.WithAPIOptions(v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware))
	switch {
	case err == nil:
		return nil
	case outrun(err):
		return s.overtaken(ctx)
	case code(err) == "BadDigest":
		return fmt.Errorf("upload %s to %s: the file was changed while it was uploaded; try again when it is complete: %w", s.request.File, s.url(), err)
	}
	return fmt.Errorf("upload %s to %s: %w", s.request.File, s.url(), err)
}

// outrun says that S3 refuses to write because the object isn't what the writer
// has seen (Amazon S3 User Guide, Conditional writes).
func outrun(err error) bool {
	return slices.Contains([]string{"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}, code(err))
}

// overtaken looks who has written meanwhile: it is this upload itself where its
// answer got lost and it was tried again.
func (s *session) overtaken(ctx context.Context) error {
	there, err := s.object(ctx, s.request.Key)
	if err != nil || s.same(there) {
		return err
	}
	return fmt.Errorf("upload %s to %s: somebody else has just written there; try again, or upload under another key with --input-key", s.request.File, s.url())
}
