package task

import (
	"errors"
	"strings"

	"github.com/aws/smithy-go"
)

// code is AWS's code of an error; empty where it is none of AWS's.
func code(err error) string {
	var answer smithy.APIError
	if errors.As(err, &answer) {
		return answer.ErrorCode()
	}
	return ""
}

// absent says whether CloudFormation answers that there is no such stack: a
// ValidationError that says so in words.
func absent(err error) bool {
	return code(err) == "ValidationError" && strings.Contains(err.Error(), "does not exist")
}
