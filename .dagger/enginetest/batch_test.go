//go:build engine

package enginetest_test

import (
	"strings"
	"testing"
)

// importing is a deployed account with a file to import.
const importing = `
openRegistry: true
before:
  deployed: {app: app-1, batch: batch-1, fluent-bit: fluent-bit-1}
  files: {imports/users.csv: "email,name,role\na@prooflink.example,A,member\n"}
`

// result is what a job writes that has finished with one row in and one rejected.
const result = `{"job":"user-import","jobId":"JOBID","attempt":1,"executor":"jane","inputKey":"imports/users.csv","state":"committed","rows":2,"inserted":1,` +
	`"updated":0,"unchanged":0,"rejected":1,"rejectedKey":"imports-results/user-import/JOBID.rejected.csv","errors":[{"line":3,"column":"email","reason":"is not an email address"}],"error":null}`

// rejecting is one whose second job ends with a rejected row.
const rejecting = importing + `
tasks:
  jobs:
    - ends: {after: 20s}
      logs: [{at: 5s, text: '{"level":"info","message":"import finished: 1 rows, 1 inserted, 0 updated, 0 unchanged, 0 rejected","data":{}}'}]
    - ends: {after: 20s, exit: 3}
      logs: [{at: 5s, text: '{"level":"warn","message":"rejected line 3, email: is not an email address","data":{}}'}]
      result: '` + result + `'
      rejected: "line,column,reason,text\n3,email,is not an email address,\"nobody,N,member\"\n"
`

func TestImportsAreSubmittedAndFollowed(t *testing.T) {
	walk(t, scriptedAWS(t, rejecting), []step{
		{"a dry run shows the submission", `batchSubmit(dryRun: true)`, []string{"prooflink-dev-user-import:1", "imports/users.csv"}, false},
		{"a bare submission imports the users into dev", `batchSubmit`, []string{"SUCCEEDED, exit code 0: all rows are in", "jane"}, false},
		{"rejected rows are exit code 3", `batchSubmit(idempotencyKey: "build-7")`, []string{"exit code 3", "line 3, email: is not an email address", "batch-result"}, true},
		{"the same key submits nothing more", `batchSubmit(idempotencyKey: "build-7")`, []string{"exit code 3", "1 rejected"}, true},
		{"both are listed", `batchList`, []string{"SUCCEEDED", "FAILED", "imports/users.csv"}, false},
		{"in JSON, too", `batchList(format: "json", status: "failed")`, []string{`"exitCode": 3`}, false},
		{"the report has the last one for a pipeline's summary", `report(env: "dev", format: "markdown")`, []string{"finished with rejected rows"}, false},
		{"an object that is not there is said with those that are", `batchSubmit(inputKey: "imports/user.csv")`, []string{"imports/users.csv", "--input-file"}, true},
		{"a job that there isn't has one that was meant", `batchSubmit(job: "users")`, []string{"did you mean user-import?", "exit code 2"}, true},
	})
}

func TestAJobThatIsNotStartedSaysWhyAndIsEnded(t *testing.T) {
	walk(t, scriptedAWS(t, importing+"unwell: [environment-disabled]\n"), []step{
		{"the cause and its fix are in the end", `batchSubmit(startMinutes: 1)`, []string{"DISABLED", "update-compute-environment --state ENABLED", "nothing was imported", "exit code 1"}, true},
		{"the job has ended", `batchList`, []string{"FAILED"}, false},
	})
}

func TestAnImportRunsHere(t *testing.T) {
	file := usersFile(t, "email,name,role\nnew@prooflink.example,New,member\nnobody,No,member\n")
	said := failure(t, `batchRun(inputFile: `+file+`)`)
	for _, want := range []string{"exit code 3", "2 rows, 1 inserted", "3,email,", "nobody,No,member"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in:\n%s", want, said)
		}
	}
	if said := text(t, `batchRun(job: "test-case-import")`, "batchRun"); !strings.Contains(said, "exit code 0: all rows are in") {
		t.Errorf("the sample of test cases was not imported:\n%s", said)
	}
}
