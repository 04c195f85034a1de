package submit

import (
	"time"

	"github.com/prooflink/prooflink/infra/names"
)

// Request is what to submit.
type Request struct {
	// Job is "user-import" or "test-case-import".
	Job string
	// Key is the CSV file's key in the files bucket, e.g. "imports/users.csv".
	Key string
	// File is the path of a local file that is uploaded to Key first; empty where
	// the object must be there already.
	File string
	// Executor is who the import is done by, e.g. "admin".
	Executor string
	// Env adds variables to the job's. They can be read in the console.
	Env map[string]string
	// Options are appended to the definition's command, e.g. "--dry-run".
	Options []string
	// VCPU is e.g. "0.5"; empty for the definition's.
	VCPU string
	// Memory is in MiB; 0 for the definition's.
	Memory int
	// Timeout is how long an attempt may take; 0 for the definition's.
	Timeout time.Duration
	// Attempts is how often the job may be started; 0 for the definition's. Which
	// ends are tried again stays the definition's; where that names none, an import
	// that has finished with rejected rows, or was called wrongly, is not.
	Attempts int
	// IdempotencyKey names this import among those of its job: a second submission
	// with the same one finds the first one's job instead of importing again, unless
	// that wrote nothing. It is remembered by an object under imports/submissions/,
	// which lives as long as everything under imports/: 30 days (the rule
	// delete-old-imports, 004_9a2c9db51dc67ef8.txt 5.5). Empty for none.
	IdempotencyKey string
	// Run is the URL of the pipeline's run, or empty.
	Run string
}

// job is one of the jobs that can be submitted.
type job struct {
	// name is as users write it, and begins the job's names.
	name string
	// hints tell by a part of a wrong name that this one was meant.
	hints []string
	// definition is the job definition's name.
	definition func(names.Names) string
}

// jobs are all of them.
var jobs = []job{
	{names.UserImportStreamPrefix, []string{"user"}, names.Names.UserImportJob},
	{names.TestCaseImportStreamPrefix, []string{"test", "case"}, names.Names.TestCaseImportJob},
}

// jobOf finds a job by its name; false where there is none of that name.
func jobOf(name string) (job, bool) {
	for _, known := range jobs {
		if known.name == name {
			return known, true
		}
	}
	return job{}, false
}

// Folders of the files bucket (infra/foundation has them for the templates).
const (
	importsFolder = "imports/"
	// claimsFolder has an object for each idempotency key.
	claimsFolder = importsFolder + "submissions/"
	// dropFolder has a folder for each job, whose uploads start an import by
	// themselves where the environment has the orchestration.
	dropFolder    = importsFolder + "scheduled/"
	resultsFolder = "imports-results/"
)

// Variables that a submission sets (004_9a2c9db51dc67ef8.txt 16-8).
const (
	inputVariable    = "INPUT_S3_KEY"
	executorVariable = "EXECUTOR_NAME"
	// bucketVariable is the definition's: the bucket that both read.
	bucketVariable = "INPUT_S3_BUCKET"
)
