package release

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/prooflink/prooflink/infra/names"
)

// Next is the service's task definition with these images: what Converge would
// register, or the same as the live one where that has them.
func Next(ctx context.Context, access aws.Config, n names.Names, to Images) (*ecs.RegisterTaskDefinitionInput, error) {
	live, err := service(ctx, ecs.NewFromConfig(access), n)
	if err != nil {
		return nil, err
	}
	next, _, err := Derive(live, to.containers())
	return next, err
}
