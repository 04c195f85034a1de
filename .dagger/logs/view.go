package logs

import (
	"errors"
	"fmt"
	"time"

	"github.com/aws/smithy-go"

	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// view is a query that the environment can answer.
type view struct {
	env        config.Environment
	query      Query
	place      place
	since, now time.Time
}

// newView checks a query.
func newView(env config.Environment, query Query) (view, error) {
	now := time.Now()
	since, err := ParseSince(query.Since, now)
	if err != nil {
		return view{}, err
	}
	place, err := placeOf(env, query.part())
	return view{env, query, place, since, now}, err
}

// nothing says where nothing was found.
func (v view) nothing(account string) string {
	text := fmt.Sprintf("nothing in %s from %s to %s", v.place.names(), stamp(v.since), stamp(v.now))
	if v.query.Task != "" {
		text += " of task " + TaskID(v.query.Task)
	}
	if v.query.Filter != "" {
		text += " that matches " + v.query.Filter
	}
	if v.place.part == App && routed(v.env) {
		text += v.rest(account)
	}
	return text
}

// rest says what FireLens sends where.
func (v view) rest(account string) string {
	text := "\nFireLens routes the application's log: records of level error and above are in part errors"
	if v.env.Logging.DirectToCloudWatch {
		text += ", what the application sends itself is in part server"
	}
	if v.env.Logging.ArchiveBucket {
		text += fmt.Sprintf(", every record is in s3://%s/year=…/month=…/day=…/hour=…/ within 10 minutes",
			v.env.Names().LogArchiveBucket(account))
	}
	return text
}

// examples are patterns of CloudWatch Logs (Amazon CloudWatch Logs User Guide,
// "Filter pattern syntax").
const examples = `{ $.level = "error" } matches a record's key, "connect ETIMEDOUT" with its quotes a text`

// explain says what to do about an error of CloudWatch Logs.
func (v view) explain(err error) error {
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return err
	}
	switch {
	case answer.ErrorCode() == "ResourceNotFoundException":
		return fmt.Errorf("read the log of part %s: log group %s is missing, which stack %s makes: deploy with `dagger call deploy --env %s`",
			v.place.part, v.place.names(), v.env.Names().Stack(names.Foundation), v.env.Env)
	case answer.ErrorCode() == "InvalidParameterException" && v.query.Filter != "":
		return fmt.Errorf("filter %q: CloudWatch Logs refuses it (%s): %s", v.query.Filter, answer.ErrorMessage(), examples)
	}
	return err
}
