package submit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prooflink/prooflink/.dagger/submit"
	"github.com/prooflink/prooflink/infra/config"
)

// dev is the environment with a change.
func dev(t *testing.T) config.Environment {
	t.Helper()
	environment, err := config.Load("dev")
	if err != nil {
		t.Fatal(err)
	}
	return environment
}

func TestARequestThatIsRightPasses(t *testing.T) {
	file := local(t, usersCSV)
	for name, change := range map[string]func(*submit.Request){
		"the least":             func(*submit.Request) {},
		"another suffix":        func(r *submit.Request) { r.Key = "imports/2026/users.txt" },
		"a Japanese key":        func(r *submit.Request) { r.Key = "imports/利用者.csv" },
		"a file":                func(r *submit.Request) { r.File = file },
		"a long executor":       func(r *submit.Request) { r.Executor = strings.Repeat("証", 200) },
		"variables":             func(r *submit.Request) { r.Env = map[string]string{"LOG_LEVEL": "debug", "_a1": ""} },
		"options":               func(r *submit.Request) { r.Options = []string{"--dry-run", "--max-rejected=10"} },
		"a size":                func(r *submit.Request) { r.VCPU, r.Memory = "0.5", 2048 },
		"one vCPU":              func(r *submit.Request) { r.VCPU = "1" },
		"limits":                func(r *submit.Request) { r.Timeout, r.Attempts = time.Minute, 10 },
		"an idempotency key":    func(r *submit.Request) { r.IdempotencyKey = "nightly 2026-11-22 証跡" },
		"nearly too much of it": func(r *submit.Request) { r.Env = map[string]string{"A": strings.Repeat("x", 7000)} },
	} {
		if err := request(change).Check(dev(t)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsWrongIsSaidWithItsFix(t *testing.T) {
	folder := t.TempDir()
	empty, huge := filepath.Join(folder, "empty.csv"), filepath.Join(folder, "huge.csv")
	for path, size := range map[string]int64{empty: 0, huge: 5<<30 + 1} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
	}
	variable := func(name string) func(*submit.Request) {
		return func(r *submit.Request) { r.Env = map[string]string{name: "x"} }
	}
	key := func(key string) func(*submit.Request) { return func(r *submit.Request) { r.Key = key } }
	for name, test := range map[string]struct {
		change func(*submit.Request)
		want   string
	}{
		"an unknown job":            {func(r *submit.Request) { r.Job = "nightly" }, `--job "nightly": there is no such job; write one of user-import, test-case-import`},
		"nearly a job":              {func(r *submit.Request) { r.Job = "testcase_import" }, "(did you mean test-case-import?)"},
		"a definition's name":       {func(r *submit.Request) { r.Job = definition }, "(did you mean user-import?)"},
		"no job":                    {func(r *submit.Request) { r.Job = "" }, `--job "": there is no such job; write one`},
		"a URL":                     {key("s3://" + bucket + "/imports/users.csv"), "under imports/, which is all that the job may read; write imports/users.csv"},
		"a leading slash":           {key("/imports/a/users.csv"), "write imports/a/users.csv"},
		"a key elsewhere":           {key("users.csv"), "write imports/users.csv"},
		"a folder":                  {key("imports/2026/"), "write e.g. imports/2026/users.csv"},
		"no key":                    {key(""), "write e.g. imports/users.csv"},
		"only a bucket":             {key("s3://" + bucket), "write e.g. imports/users.csv"},
		"a way out":                 {key("imports/../secrets.csv"), "it has an empty part, . or .."},
		"two slashes":               {key("imports//users.csv"), "it has an empty part"},
		"a key with a line break":   {key("imports/a\n.csv"), "control characters"},
		"a key not in UTF-8":        {key("imports/\xff.csv"), "bytes that are not UTF-8"},
		"a long key":                {key("imports/" + strings.Repeat("証", 340)), "it has 1028 bytes, and S3 allows 1024"},
		"a claim":                   {key("imports/submissions/user-import/a.json"), "is where idempotency keys are remembered"},
		"no file":                   {func(r *submit.Request) { r.File = filepath.Join(folder, "none.csv") }, "none.csv: there is no such file"},
		"an empty file":             {func(r *submit.Request) { r.File = empty }, "empty.csv: it is empty"},
		"a folder of files":         {func(r *submit.Request) { r.File = folder }, "it is a folder; name one CSV file"},
		"a device":                  {func(r *submit.Request) { r.File = os.DevNull }, "it is not a regular file"},
		"a file over 5 GB":          {func(r *submit.Request) { r.File = huge }, "it has 5.4 GB, and S3 takes 5 GB at once; upload it in parts with `aws s3 cp " + huge + " s3://prooflink-dev-files-"},
		"nobody":                    {func(r *submit.Request) { r.Executor = " " }, "--executor: it is empty"},
		"a long executor":           {func(r *submit.Request) { r.Executor = strings.Repeat("証", 201) }, "it has 201 characters; write 200 at most"},
		"an executor of two lines":  {func(r *submit.Request) { r.Executor = "a\nb" }, "--executor \"a\\nb\": it has control characters"},
		"Batch's variable":          {variable("AWS_BATCH_JOB_ID"), "--env-override AWS_BATCH_JOB_ID: Batch sets the variables of that name itself"},
		"the input's variable":      {variable("INPUT_S3_KEY"), "it has an option of its own: --input-key"},
		"the executor's variable":   {variable("EXECUTOR_NAME"), "it has an option of its own: --executor"},
		"a secret":                  {variable("DB_PASSWORD"), "everybody who sees the job in the console can read a submission's variables"},
		"another secret":            {variable("DATABASE_URL"), "from Secrets Manager"},
		"another bucket":            {variable("INPUT_S3_BUCKET"), "the job's role reaches no other bucket"},
		"no variable's name":        {variable("1A"), `--env-override "1A": it is no variable's name`},
		"a NUL":                     {func(r *submit.Request) { r.Env = map[string]string{"A": "\x00"} }, "its value has a NUL"},
		"too many variables":        {func(r *submit.Request) { r.Env = map[string]string{"A": strings.Repeat("x", 7600)} }, "characters of JSON, and a task takes 8192, of which Batch needs 512"},
		"an option without dashes":  {func(r *submit.Request) { r.Options = []string{"dry-run"} }, `--options "dry-run": an option begins with --`},
		"an empty option":           {func(r *submit.Request) { r.Options = []string{""} }, `--options "": an option begins with --`},
		"no Fargate size":           {func(r *submit.Request) { r.VCPU = "0.3" }, `--vcpu "0.3": Fargate has no such size; write one of 0.25, 0.5, 1, 2, 4, 8, 16`},
		"vCPUs in words":            {func(r *submit.Request) { r.VCPU = "two" }, `--vcpu "two"`},
		"no number":                 {func(r *submit.Request) { r.VCPU = "NaN" }, `--vcpu "NaN"`},
		"no pair":                   {func(r *submit.Request) { r.VCPU, r.Memory = "0.25", 4096 }, "--memory 4096: Fargate does not pair it with 0.25 vCPU; write one of 512, 1024, 2048, or another --vcpu"},
		"no pair of many":           {func(r *submit.Request) { r.VCPU, r.Memory = "2", 1024 }, "write one of 4096, 5120, 6144, …, 16384"},
		"negative memory":           {func(r *submit.Request) { r.Memory = -1 }, "--memory -1: write MiB"},
		"more vCPUs than there are": {func(r *submit.Request) { r.VCPU = "4" }, "the environment has 2 vCPUs in all (batch.maxVcpus), so the job would never start"},
		"a short timeout":           {func(r *submit.Request) { r.Timeout = 59 * time.Second }, "--timeout 59s: Batch wants whole seconds, 60 at least"},
		"a negative timeout":        {func(r *submit.Request) { r.Timeout = -time.Hour }, "--timeout -1h0m0s"},
		"a timeout of weeks":        {func(r *submit.Request) { r.Timeout = 15 * 24 * time.Hour }, "Fargate ends a job after 14 days"},
		"a timeout of a fraction":   {func(r *submit.Request) { r.Timeout = 90500 * time.Millisecond }, "whole seconds"},
		"many attempts":             {func(r *submit.Request) { r.Attempts = 11 }, "--attempts 11: Batch allows 1 to 10"},
		"negative attempts":         {func(r *submit.Request) { r.Attempts = -1 }, "--attempts -1"},
		"a key that can't be read":  {func(r *submit.Request) { r.IdempotencyKey = "a\tb" }, `--idempotency-key "a\tb": write 1 to 200 printable characters`},
		"a long idempotency key":    {func(r *submit.Request) { r.IdempotencyKey = strings.Repeat("k", 201) }, "write 1 to 200 printable"},
	} {
		err := request(test.change).Check(dev(t))
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

func TestEverythingThatIsWrongIsSaidAtOnce(t *testing.T) {
	environment := dev(t)
	environment.Batch.Enabled = false
	wrong := submit.Request{Job: "x", Key: "x", File: "/nowhere.csv", Env: map[string]string{"DB_HOST": "x", "2": "x"}, Options: []string{"x", "y"},
		VCPU: "x", Timeout: 1, Attempts: 99, IdempotencyKey: "\n"}
	err := wrong.Check(environment)
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	for _, want := range []string{"batch.enabled: true", "--job", "--input-key", "--input-file", "--executor", "--env-override DB_HOST", `--env-override "2"`,
		`--options "x"`, `--options "y"`, "--vcpu", "--timeout", "--attempts", "--idempotency-key"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is missing in:\n%v", want, err)
		}
	}
}

func TestAnUploadThatWouldStartAnImportByItselfIsRefused(t *testing.T) {
	environment := dev(t)
	r := request(func(r *submit.Request) { r.Key, r.File = "imports/scheduled/user-import/users.csv", local(t, usersCSV) })
	if err := r.Check(environment); err != nil {
		t.Error(err)
	}
	environment.Optional.Orchestration = true
	if err := r.Check(environment); err == nil || !strings.Contains(err.Error(), "so it would be imported twice") {
		t.Error(err)
	}
}
