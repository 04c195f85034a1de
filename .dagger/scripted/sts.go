package scripted

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

func (w *World) serveSTS() {
	on(w, "sts", func(*sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
		return &sts.GetCallerIdentityOutput{
			Account: aws.String(Account), UserId: aws.String("AROAEXAMPLEEXAMPLE123:deployer"),
			Arn: aws.String("arn:aws:sts::" + Account + ":assumed-role/" + w.names.DeployRole() + "/deployer"),
		}, nil
	})
	on(w, "sts", w.assumeRole)
}

// assumeRole gives out credentials to whoever asks: the world is one account.
func (w *World) assumeRole(in *sts.AssumeRoleInput) (*sts.AssumeRoleOutput, error) {
	role := last(aws.ToString(in.RoleArn))
	session := aws.ToString(in.RoleSessionName)
	return &sts.AssumeRoleOutput{
		AssumedRoleUser: &types.AssumedRoleUser{
			Arn:           aws.String("arn:aws:sts::" + Account + ":assumed-role/" + role + "/" + session),
			AssumedRoleId: aws.String("AROAEXAMPLEEXAMPLE123:" + session),
		},
		Credentials: &types.Credentials{
			AccessKeyId: aws.String("ASIAEXAMPLEEXAMPLE12"), SecretAccessKey: aws.String("scripted"), SessionToken: aws.String("scripted"),
			// A fast clock must not make credentials old before they are used.
			Expiration: aws.Time(time.Now().Add(time.Hour)),
		},
	}, nil
}
