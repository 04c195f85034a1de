// Package pause waits without outliving its caller.
package pause

import (
	"context"
	"time"
)

// For waits so long, or until the context ends: its cause is the error then.
func For(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
