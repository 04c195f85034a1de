package stacks

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// withReasons runs something that changes a stack; a failure ends with what
// CloudFormation says of it.
func withReasons(ctx context.Context, aws cloudFormation, stack string, run func() error) error {
	since := time.Now().Add(-time.Minute) // clocks differ
	err := run()
	if err == nil {
		return nil
	}
	failures, reading := aws.Failures(ctx, stack, since)
	var reasons strings.Builder
	for _, failure := range failures {
		reasons.WriteString("\n  " + failure.Text)
	}
	switch {
	case len(failures) > 0:
		return fmt.Errorf("%w\nCloudFormation's reasons, the first first:%s", err, reasons.String())
	case reading != nil:
		return fmt.Errorf("%w\nCloudFormation's reasons can't be read: %w", err, reading)
	default:
		return err
	}
}
