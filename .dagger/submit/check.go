package submit

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/batch"

	"github.com/prooflink/prooflink/infra/config"
)

const (
	// longestExecutor is in characters.
	longestExecutor = 200
	// longestKey is S3's, in bytes of UTF-8 (Amazon S3 User Guide, Naming Amazon S3
	// objects).
	longestKey = 1024
	// longestIdempotencyKey is in characters.
	longestIdempotencyKey = 200
	// largestFile is what one PutObject takes: 5 GB (Amazon S3 User Guide,
	// Uploading objects).
	largestFile = 5 << 30
	// mostAttempts is Batch's (RetryStrategy).
	mostAttempts = 10
	// leastTimeout is Batch's (JobTimeout), and longestTimeout how long Fargate
	// keeps a job (SubmitJob).
	leastTimeout, longestTimeout = time.Minute, 14 * 24 * time.Hour
	// cpuUnits are in one vCPU.
	cpuUnits = 1024
)

// Check is all that can be said of a request without asking AWS, all at once.
// Every problem names the option and says what to write instead.
func (r Request) Check(environment config.Environment) error {
	return errors.Join(
		checkEnabled(environment), r.checkJob(), r.checkKey(), r.checkFile(environment), r.checkExecutor(), r.checkEnv(), r.checkOptions(),
		r.checkSize(environment.Batch.MaxVcpus), r.checkLimits(), r.checkIdempotencyKey(), r.checkOverrides(definition{}),
	)
}

func checkEnabled(environment config.Environment) error {
	if environment.Batch.Enabled {
		return nil
	}
	return fmt.Errorf("--env %s: it has no jobs: write batch.enabled: true into infra/config/environments/%s.yaml, then `dagger call deploy --env %s`",
		environment.Env, environment.Env, environment.Env)
}

func (r Request) checkJob() error {
	if _, ok := jobOf(r.Job); ok {
		return nil
	}
	meant, all := "", []string{}
	for _, known := range jobs {
		all = append(all, known.name)
		if meant == "" && slices.ContainsFunc(known.hints, func(hint string) bool { return strings.Contains(strings.ToLower(r.Job), hint) }) {
			meant = fmt.Sprintf(" (did you mean %s?)", known.name)
		}
	}
	return fmt.Errorf("--job %q: there is no such job%s; write one of %s", r.Job, meant, strings.Join(all, ", "))
}

// checkKey accepts what the job's role may read, without what would be somewhere
// else for other programs.
func (r Request) checkKey() error {
	switch {
	case !utf8.ValidString(r.Key) || strings.ContainsFunc(r.Key, unicode.IsControl):
		return fmt.Errorf("--input-key %q: it has control characters or bytes that are not UTF-8; write e.g. imports/users.csv", r.Key)
	case len(r.Key) > longestKey:
		return fmt.Errorf("--input-key: it has %d bytes, and S3 allows %d", len(r.Key), longestKey)
	case !strings.HasPrefix(r.Key, importsFolder) || strings.HasSuffix(r.Key, "/"):
		return fmt.Errorf("--input-key %q: it is the key of a file under imports/, which is all that the job may read; write %s", r.Key, suggestedKey(r.Key))
	case slices.ContainsFunc(strings.Split(r.Key, "/"), func(part string) bool { return part == "" || part == "." || part == ".." }):
		return fmt.Errorf("--input-key %q: it has an empty part, . or .. between its slashes; write e.g. imports/users.csv", r.Key)
	case strings.HasPrefix(r.Key, claimsFolder):
		return fmt.Errorf("--input-key %q: %s is where idempotency keys are remembered; write another folder, e.g. imports/users.csv", r.Key, claimsFolder)
	}
	return nil
}

// suggestedKey is a key under imports/ that is most likely meant.
func suggestedKey(key string) string {
	if rest, ok := strings.CutPrefix(key, "s3://"); ok {
		_, key, _ = strings.Cut(rest, "/")
	}
	parts := strings.FieldsFunc(key, func(c rune) bool { return c == '/' })
	if len(parts) > 0 && parts[0]+"/" == importsFolder {
		parts = parts[1:]
	}
	if len(parts) == 0 || strings.HasSuffix(key, "/") {
		return "e.g. " + importsFolder + strings.Join(append(parts, "users.csv"), "/")
	}
	return importsFolder + strings.Join(parts, "/")
}

func (r Request) checkFile(environment config.Environment) error {
	if r.File == "" {
		return nil
	}
	if environment.Optional.Orchestration && strings.HasPrefix(r.Key, dropFolder) {
		return fmt.Errorf("--input-key %q: what is uploaded under %s is imported by itself, so it would be imported twice; write another folder, e.g. imports/users.csv",
			r.Key, dropFolder)
	}
	info, err := os.Stat(r.File)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("--input-file %s: there is no such file", r.File)
	case err != nil:
		return fmt.Errorf("--input-file %s: %w", r.File, err)
	case info.IsDir():
		return fmt.Errorf("--input-file %s: it is a folder; name one CSV file", r.File)
	case !info.Mode().IsRegular():
		return fmt.Errorf("--input-file %s: it is not a regular file; write what it gives into one first", r.File)
	case info.Size() == 0:
		return fmt.Errorf("--input-file %s: it is empty; an import needs at least a header", r.File)
	case info.Size() > largestFile:
		return fmt.Errorf("--input-file %s: it has %s, and S3 takes 5 GB at once; upload it in parts with `aws s3 cp %s s3://%s/%s`, then submit without --input-file",
			r.File, bytesText(info.Size()), r.File, environment.Names().FilesBucket(or(environment.Account, "<account id>")), r.Key)
	}
	return nil
}

func (r Request) checkExecutor() error {
	switch {
	case strings.TrimSpace(r.Executor) == "":
		return errors.New("--executor: it is empty; say who imports, e.g. --executor admin")
	case !utf8.ValidString(r.Executor) || strings.ContainsFunc(r.Executor, unicode.IsControl):
		return fmt.Errorf("--executor %q: it has control characters or bytes that are not UTF-8; write a name", r.Executor)
	case utf8.RuneCountInString(r.Executor) > longestExecutor:
		return fmt.Errorf("--executor: it has %d characters; write %d at most", utf8.RuneCountInString(r.Executor), longestExecutor)
	}
	return nil
}

// variableName is what every shell and program understands.
var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// refusals are names of variables that a submission can't set, and why.
var refusals = []struct {
	pattern *regexp.Regexp
	why     string
}{
	{regexp.MustCompile(`^AWS_BATCH`), "Batch sets the variables of that name itself and refuses others; leave it out"},
	{regexp.MustCompile(`^` + inputVariable + `$`), "it has an option of its own: --input-key"},
	{regexp.MustCompile(`^` + executorVariable + `$`), "it has an option of its own: --executor"},
	{regexp.MustCompile(`^(DB_.*|DATABASE_URL)$`), "everybody who sees the job in the console can read a submission's variables; " +
		"the definition takes the database's from Secrets Manager: leave it out"},
	{regexp.MustCompile(`^(INPUT_S3_BUCKET|OUTPUT_S3_BUCKET|AWS_S3_BUCKET_NAME|STORAGE_MODE)$`), "the job's role reaches no other bucket than the definition's; leave it out"},
}

func (r Request) checkEnv() error {
	var all []error
	for _, name := range slices.Sorted(maps.Keys(r.Env)) {
		value := r.Env[name]
		switch {
		case !variableName.MatchString(name):
			all = append(all, fmt.Errorf("--env-override %q: it is no variable's name; use letters, digits and _, not a digit first", name))
		case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
			all = append(all, fmt.Errorf("--env-override %s: its value has a NUL or bytes that are not UTF-8", name))
		}
		for _, refusal := range refusals {
			if refusal.pattern.MatchString(name) {
				all = append(all, fmt.Errorf("--env-override %s: %s", name, refusal.why))
			}
		}
	}
	return errors.Join(all...)
}

// option is how the importers' options look.
var option = regexp.MustCompile(`^--[a-z][^\x00-\x1f]*$`)

func (r Request) checkOptions() error {
	var all []error
	for _, text := range r.Options {
		if !option.MatchString(text) {
			all = append(all, fmt.Errorf("--options %q: an option begins with -- and has its value after a =, e.g. --dry-run or --max-rejected=10", text))
		}
	}
	return errors.Join(all...)
}

// checkSize compares what is given with the sizes that Fargate has. The
// definition's part is compared when it is known.
func (r Request) checkSize(most int) error {
	if r.Memory < 0 {
		return fmt.Errorf("--memory %d: write MiB, e.g. 1024", r.Memory)
	}
	if r.VCPU == "" {
		return nil
	}
	units, ok := unitsOf(r.VCPU)
	switch {
	case !ok || config.FargateMemories(units) == nil:
		return fmt.Errorf("--vcpu %q: Fargate has no such size; write one of %s", r.VCPU, strings.Join(vcpus(), ", "))
	case units > most*cpuUnits:
		return fmt.Errorf("--vcpu %s: the environment has %d vCPUs in all (batch.maxVcpus), so the job would never start; write less", r.VCPU, most)
	case r.Memory > 0:
		return fits(units, r.Memory)
	}
	return nil
}

// fits says whether Fargate pairs so many CPU units with so many MiB.
func fits(units, memory int) error {
	all := config.FargateMemories(units)
	if slices.Contains(all, memory) {
		return nil
	}
	var list []string
	for _, one := range all {
		list = append(list, strconv.Itoa(one))
	}
	if len(list) > 8 {
		list = append(append(list[:3:3], "…"), list[len(list)-1])
	}
	return fmt.Errorf("--memory %d: Fargate does not pair it with %s vCPU; write one of %s, or another --vcpu", memory, vcpuText(units), strings.Join(list, ", "))
}

// unitsOf reads vCPUs, e.g. 256 of "0.25"; false where it is no number of them.
func unitsOf(vcpu string) (int, bool) {
	value, err := strconv.ParseFloat(vcpu, 64)
	units := value * cpuUnits
	return int(units), err == nil && units > 0 && units < 1<<20 && units == float64(int(units))
}

// vcpuText is how Batch writes CPU units, e.g. "0.25" of 256.
func vcpuText(units int) string { return strconv.FormatFloat(float64(units)/cpuUnits, 'f', -1, 64) }

// vcpus are the sizes that Fargate has.
func vcpus() []string {
	rule, _ := config.RuleOf("batch.jobs.userImport.cpu")
	var list []string
	for _, text := range rule.OneOf {
		units, _ := strconv.Atoi(text) // a number, by the rule
		list = append(list, vcpuText(units))
	}
	return list
}

func (r Request) checkLimits() error {
	var all []error
	if r.Timeout != 0 && (r.Timeout < leastTimeout || r.Timeout > longestTimeout || r.Timeout%time.Second != 0) {
		all = append(all, fmt.Errorf("--timeout %s: Batch wants whole seconds, 60 at least, and Fargate ends a job after 14 days; write e.g. 90m", r.Timeout))
	}
	if r.Attempts < 0 || r.Attempts > mostAttempts {
		all = append(all, fmt.Errorf("--attempts %d: Batch allows 1 to %d", r.Attempts, mostAttempts))
	}
	return errors.Join(all...)
}

func (r Request) checkIdempotencyKey() error {
	notPrintable := func(c rune) bool { return !unicode.IsPrint(c) }
	if !utf8.ValidString(r.IdempotencyKey) || strings.ContainsFunc(r.IdempotencyKey, notPrintable) || utf8.RuneCountInString(r.IdempotencyKey) > longestIdempotencyKey {
		return fmt.Errorf("--idempotency-key %q: write 1 to %d printable characters, e.g. the run's number", r.IdempotencyKey, longestIdempotencyKey)
	}
	return nil
}

// mostOverrides is what ECS takes of overrides, the JSON's own characters
// included (Amazon ECS API Reference, RunTask): Batch accepts more, and the job
// fails then with "Container Overrides length must be at most 8192".
const mostOverrides = 8192

// ownOverrides is about what Batch adds of its own: AWS_BATCH_JOB_ID, the
// attempt, the queue's and the compute environment's names.
const ownOverrides = 512

// checkOverrides measures what a submission overrides. Without the definition,
// its command is left out.
func (r Request) checkOverrides(with definition) error {
	text, err := rendered(&batch.SubmitJobInput{
		JobName: &r.Job, JobQueue: &r.Job, JobDefinition: &r.Job, ContainerOverrides: r.overrides(with),
	})
	if err != nil {
		return err
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil {
		return err
	}
	size := utf8.RuneCount(parts["containerOverrides"])
	if size <= mostOverrides-ownOverrides {
		return nil
	}
	return fmt.Errorf("--env-override, --options, --executor and --input-key: with the command they are %d characters of JSON, and a task takes %d, "+
		"of which Batch needs %d; put what is long into a file in S3", size, mostOverrides, ownOverrides)
}
