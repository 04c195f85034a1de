package rollout

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"

	"github.com/prooflink/prooflink/.dagger/pause"
)

const (
	// gap is between two calls on average; ECS's and CloudWatch Logs' limits are
	// the account's, and others work in it too.
	gap = 1100 * time.Millisecond
	// burst is how many calls may come at once after a pause.
	burst = 5
)

// pace lets calls through, less than one per second.
type pace struct {
	mu   sync.Mutex
	next time.Time
}

// paced is an access whose every request, repeated ones too, keeps to one pace.
func paced(access aws.Config) aws.Config {
	p := &pace{}
	access = access.Copy()
	access.APIOptions = append(access.APIOptions[:len(access.APIOptions):len(access.APIOptions)], func(stack *middleware.Stack) error {
		return stack.Finalize.Add(middleware.FinalizeMiddlewareFunc("Pace", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
			if err := pause.For(ctx, p.turn(time.Now())); err != nil {
				return middleware.FinalizeOutput{}, middleware.Metadata{}, err
			}
			return next.HandleFinalize(ctx, in)
		}), middleware.After)
	})
	return access
}

// turn is how long the next call has to wait.
func (p *pace) turn(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if earliest := now.Add(-burst * gap); p.next.Before(earliest) {
		p.next = earliest
	}
	p.next = p.next.Add(gap)
	return max(0, p.next.Sub(now))
}
