package verify

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
)

// Unseen is the warning of a look that could not look, with the permission that
// it lacks.
func Unseen(ctx context.Context, err error) Finding {
	if name, denied := permission(err); denied {
		return Finding{Severity: Warning, What: "could not look: the credentials lack the permission " + name, Why: err.Error(),
			Fix: "give them " + name + ", or let somebody look who has it"}
	}
	if cause := context.Cause(ctx); cause != nil {
		err = errors.Join(cause, err)
	}
	return Finding{Severity: Warning, What: "could not look: " + oneLine(err), Fix: "look again"}
}

// oneLine is an error without line breaks.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// denials are the codes with which AWS's services refuse a call.
var denials = []string{"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException",
	"AuthorizationError", "NotAuthorized", "Forbidden"}

// refused finds the permission in a refusal's text.
var refused = regexp.MustCompile(`not authorized to perform: ([a-zA-Z0-9-]+:[A-Za-z*]+)`)

// permission is what IAM calls the refused action; denied is false for other errors.
func permission(err error) (name string, denied bool) {
	var answer smithy.APIError
	if !errors.As(err, &answer) || !slices.Contains(denials, answer.ErrorCode()) {
		return "", false
	}
	if match := refused.FindStringSubmatch(answer.ErrorMessage()); match != nil {
		return match[1], true
	}
	var operation *smithy.OperationError
	if !errors.As(err, &operation) {
		return answer.ErrorCode(), true
	}
	return action(operation.ServiceID, operation.OperationName), true
}

// prefixes are IAM's for services that the SDK calls otherwise.
var prefixes = map[string]string{
	"CloudWatch Logs": "logs", "CloudControl": "cloudformation", "Config Service": "config", "Service Quotas": "servicequotas",
	"Route 53": "route53", "Secrets Manager": "secretsmanager",
}

// action is an operation as IAM calls it: ("ACM", "DescribeCertificate") is
// "acm:DescribeCertificate" (Service Authorization Reference).
func action(service, operation string) string {
	if operation == "HeadBucket" {
		return "s3:ListBucket"
	}
	prefix, ok := prefixes[service]
	if !ok {
		prefix = strings.ToLower(service)
	}
	return prefix + ":" + operation
}

// absences are the codes with which AWS's services say that something isn't there.
var absences = []string{"NoSuchEntity", "ParameterNotFound", "ResourceNotFoundException", "DBInstanceNotFound", "DBClusterNotFoundFault",
	"NoSuchHostedZone", "RepositoryNotFoundException", "NotFound", "NoSuchResourceException"}

// Absent says whether AWS answers that something isn't there.
func Absent(err error) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && slices.Contains(absences, answer.ErrorCode())
}
