// Package caller says in whose AWS account the work is done.
package caller

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Account asks AWS for the account of the credentials. An account other than
// want is refused, so that nothing happens in the wrong one; an empty want
// takes any.
func Account(ctx context.Context, access aws.Config, want string) (string, error) {
	identity, err := sts.NewFromConfig(access).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", fmt.Errorf("ask AWS whose credentials these are: %w", err)
	}
	account := aws.ToString(identity.Account)
	if want != "" && account != want {
		return "", fmt.Errorf("the credentials are for account %s, the environment's is %s: use the other account's credentials", account, want)
	}
	return account, nil
}
