// Package ecrlogin logs in to an account's private ECR registry.
package ecrlogin

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/prooflink/prooflink/.dagger/caller"
	"github.com/prooflink/prooflink/.dagger/registry"
)

// Login returns the registry of the credentials' account, with a password
// that is good for 12 hours (ECR API, GetAuthorizationToken). An account other
// than want is refused, so that nothing is pushed to the wrong one; an empty
// want takes any.
func Login(ctx context.Context, access aws.Config, want string) (registry.Registry, error) {
	account, err := caller.Account(ctx, access, want)
	if err != nil {
		return registry.Registry{}, err
	}
	password, err := password(ctx, ecr.NewFromConfig(access))
	if err != nil {
		return registry.Registry{}, fmt.Errorf("log in to ECR of account %s: %w", account, err)
	}
	return registry.Registry{
		Host:     Host(account, access.Region),
		User:     "AWS",
		Password: password,
	}, nil
}

// Host is an account's private registry in a region.
func Host(account, region string) string {
	return fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com", account, region)
}

// password takes it from the token, which is base64 of "AWS:<password>".
func password(ctx context.Context, client *ecr.Client) (string, error) {
	out, err := client.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return "", err
	}
	if len(out.AuthorizationData) == 0 {
		return "", errors.New("ECR returned no authorization data")
	}
	token, err := base64.StdEncoding.DecodeString(aws.ToString(out.AuthorizationData[0].AuthorizationToken))
	if err != nil {
		return "", fmt.Errorf("decode the authorization token: %w", err)
	}
	_, password, ok := strings.Cut(string(token), ":")
	if !ok {
		return "", errors.New("the authorization token is not of the form user:password")
	}
	return password, nil
}
