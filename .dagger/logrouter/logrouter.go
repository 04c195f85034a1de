// Package logrouter checks the log router's configuration by what comes out:
// an info record, an error and lines that are no JSON go in as FireLens would
// send them; all must be archived, and the error and what came by the error
// stream be routed, once each.
package logrouter

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Where the test's records go.
const (
	Bucket   = "prooflink-log-router-test"
	LogGroup = "/ecs/log-router-test/errors"
)

// records are lines as the app writes them, and the text they are known by.
var records = []struct{ text, source, line string }{
	{"an info record", "stdout", `{"timestamp":"2026-01-28T00:00:00.000Z","level":"info","logSource":"server","message":"an info record"}`},
	{"an error record", "stdout", `{"timestamp":"2026-01-28T00:00:01.000Z","level":"ERROR","logSource":"server","message":"an error record"}`},
	{"an error on the error stream", "stderr", `{"timestamp":"2026-01-28T00:00:02.000Z","level":"fatal","logSource":"server","message":"an error on the error stream"}`},
	{"a line of no JSON", "stdout", `a line of no JSON`},
	{"Error: Cannot find module", "stderr", `Error: Cannot find module`},
}

// routed are those that CloudWatch Logs gets too.
var routed = []string{"an error record", "an error on the error stream", "Error: Cannot find module"}

var output = regexp.MustCompile(`(?m)^( *)Name +(cloudwatch_logs|s3) *$`)

// TestConfig is the configuration with its outputs turned to the emulator, and
// with an input for each record. Nothing else of it changes.
func TestConfig(config, host string, port int) (string, error) {
	if found := len(output.FindAllString(config, -1)); found != 2 {
		return "", fmt.Errorf("the configuration has %d outputs to S3 and CloudWatch Logs, want 2", found)
	}
	test := output.ReplaceAllStringFunc(config, func(name string) string {
		parts := output.FindStringSubmatch(name)
		endpoint := fmt.Sprintf("endpoint https://%s:%d", host, port)
		if parts[2] == "cloudwatch_logs" {
			endpoint = fmt.Sprintf("endpoint %s\n%sport %d", host, parts[1], port)
		}
		return name + "\n" + parts[1] + endpoint + "\n" + parts[1] + "tls.verify Off"
	})
	for task, record := range records {
		test += fmt.Sprintf("\n[INPUT]\n    Name dummy\n    Tag prooflink-app-firelens-%d\n    Samples 1\n    Dummy {\"log\":%q,\"source\":%q,\"container_name\":\"prooflink-app\"}\n", task, record.line, record.source)
	}
	return test, nil
}

// Prepare makes the bucket and the log group, which the router must not.
func Prepare(ctx context.Context, objects *s3.Client, logs *cloudwatchlogs.Client, region string) error {
	_, err := objects.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket: aws.String(Bucket),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{
			LocationConstraint: s3types.BucketLocationConstraint(region)},
	})
	if err != nil {
		return fmt.Errorf("create bucket %s: %w", Bucket, err)
	}
	_, err = logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String(LogGroup)})
	if err != nil {
		return fmt.Errorf("create log group %s: %w", LogGroup, err)
	}
	return nil
}

// Verify looks at what came out.
func Verify(ctx context.Context, objects *s3.Client, logs *cloudwatchlogs.Client) error {
	archive, err := archived(ctx, objects)
	if err != nil {
		return err
	}
	errorsGroup, err := logged(ctx, logs)
	if err != nil {
		return err
	}
	return compare(archive, errorsGroup)
}

func compare(archive, errorsGroup string) error {
	var wrong []error
	for _, record := range records {
		if !strings.Contains(archive, record.text) {
			wrong = append(wrong, fmt.Errorf("%q is not in the archive", record.text))
		}
		want := 0
		if slices.Contains(routed, record.text) {
			want = 1
		}
		if got := strings.Count(errorsGroup, record.text); got != want {
			wrong = append(wrong, fmt.Errorf("%q is %d times in the errors' log group, want %d", record.text, got, want))
		}
	}
	if len(wrong) > 0 {
		wrong = append(wrong, fmt.Errorf("archive:\n%s\nerrors' log group:\n%s", archive, errorsGroup))
	}
	return errors.Join(wrong...)
}

// archived is the text of all archived objects.
func archived(ctx context.Context, objects *s3.Client) (string, error) {
	list, err := objects.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(Bucket)})
	if err != nil {
		return "", fmt.Errorf("list the archive: %w", err)
	}
	var text strings.Builder
	for _, object := range list.Contents {
		if err := unzip(ctx, objects, aws.ToString(object.Key), &text); err != nil {
			return "", fmt.Errorf("read archived object %s: %w", aws.ToString(object.Key), err)
		}
	}
	return text.String(), nil
}

func unzip(ctx context.Context, objects *s3.Client, key string, to io.Writer) error {
	object, err := objects.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(Bucket), Key: &key})
	if err != nil {
		return err
	}
	defer object.Body.Close()
	text, err := gzip.NewReader(object.Body)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, text)
	return err
}

// logged is the text of all events of the errors' log group.
func logged(ctx context.Context, logs *cloudwatchlogs.Client) (string, error) {
	events, err := logs.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String(LogGroup)})
	if err != nil {
		return "", fmt.Errorf("read the errors' log group: %w", err)
	}
	var text strings.Builder
	for _, event := range events.Events {
		text.WriteString(aws.ToString(event.Message) + "\n")
	}
	return text.String(), nil
}
