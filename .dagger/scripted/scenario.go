package scripted

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/prooflink/prooflink/infra/config"
)

// Scenario is what the account has and how it behaves. All times are durations
// like "40s". A key that isn't here is an error. The scenarios of this package's
// own tests are in its testdata, the product's in delivery/testdata/scenarios.
type Scenario struct {
	// About says in a sentence what happens, for readers and for tests' names.
	About string `yaml:"about"`
	// Env is the environment whose names are used; "dev" by default.
	Env string `yaml:"env"`
	// Before is what the account has at the start.
	Before Before `yaml:"before"`
	// Tasks is how tasks behave.
	Tasks Tasks `yaml:"tasks"`
	// Targets is how the load balancer sees them.
	Targets Targets `yaml:"targets"`
	// Alarms are CloudWatch's alarms.
	Alarms []Alarm `yaml:"alarms"`
	// Events are what others do.
	Events []Event `yaml:"events"`
	// Faults are calls that AWS answers with an error.
	Faults []Fault `yaml:"faults"`
	// Durations is how long CloudFormation takes for a resource of a type, like
	// "AWS::RDS::DBInstance: 5m"; 5 s for types that aren't there. A service takes
	// as long as its deployment.
	Durations map[string]time.Duration `yaml:"durations"`
	// Resources fail: by logical id or type, with CloudFormation's reason. They
	// fail in the first update only, so that a roll-back and a second run succeed,
	// except with Always.
	Resources map[string]Resource `yaml:"resources"`
	// OpenRegistry has every image that it is asked for by digest: images that
	// were pushed to a registry of another kind.
	OpenRegistry bool `yaml:"openRegistry"`
	// Page is the size of every list's page, where it is less than AWS's.
	Page int `yaml:"page"`
	// Unwell are what a check of the account finds amiss; those of Batch and the
	// network keep jobs from starting, too. See unwells.
	Unwell []string `yaml:"unwell"`
}

// Before is what the account has at the start. Without Deployed it has CDK's
// bootstrap and nothing else.
type Before struct {
	// Deployed are the images of a complete deployment: "app", "batch" and
	// "fluent-bit", each a digest or a name from which Digest makes one.
	Deployed map[string]string `yaml:"deployed"`
	// Variant is the templates' variant (see Assembly).
	Variant string `yaml:"variant"`
	// Stacks are stacks' states by role, e.g. "Compute", where not all is well.
	Stacks map[string]StackState `yaml:"stacks"`
	// Released are images that a release has brought since: the service runs a
	// newer revision than the template's, and so do the jobs.
	Released map[string]string `yaml:"released"`
	// Revisions are app images deployed before the present one, the oldest first,
	// each of which left a revision of the task definition.
	Revisions []string `yaml:"revisions"`
	// Age is how long ago the deployment was; ListServiceDeployments forgets those
	// of more than 90 days.
	Age time.Duration `yaml:"age"`
	// Database is its status: "available" by default, "stopped", "starting".
	Database string `yaml:"database"`
	// Parameters have values by key, like "deploy/lock".
	Parameters map[string]string `yaml:"parameters"`
	// Rolling is a deployment of this app image that goes on at the start.
	Rolling string `yaml:"rolling"`
	// Stuck makes that deployment never end.
	Stuck bool `yaml:"stuck"`
	// Exec enables ECS Exec.
	Exec bool `yaml:"exec"`
	// Desired is the service's number of tasks; the configuration's by default.
	Desired int `yaml:"desired"`
	// Files are objects of the files bucket, by their keys, e.g.
	// "imports/users.csv".
	Files map[string]string `yaml:"files"`
}

// StackState is a stack that isn't simply complete.
type StackState struct {
	// Status is CloudFormation's, e.g. "UPDATE_ROLLBACK_FAILED".
	Status string `yaml:"status"`
	// For is how long it stays so; 0 for good.
	For time.Duration `yaml:"for"`
	// Then is the status afterwards; without it the one that the word before
	// _IN_PROGRESS promises.
	Then string `yaml:"then"`
}

// Tasks is how tasks behave. The n-th task of a kind has the n-th behaviour; the
// last one stands for those that follow. Without any, tasks run and stay.
type Tasks struct {
	// New are the service's tasks of definitions made since the start.
	New []Behaviour `yaml:"new"`
	// Old are those of the definitions that were there.
	Old []Behaviour `yaml:"old"`
	// Migration are the migration's; by default they end with 0 after 5 s.
	Migration []Behaviour `yaml:"migration"`
	// Image are the service's by the app image's digest or name, before all else.
	Image map[string][]Behaviour `yaml:"image"`
	// Jobs are Batch's jobs; by default they end with 0 after 30 s.
	Jobs []Behaviour `yaml:"jobs"`
}

// Behaviour is how a task goes.
type Behaviour struct {
	// Pull is how long the images take; 20 s by default.
	Pull time.Duration `yaml:"pull"`
	// Start is how long the containers take to run; 10 s by default.
	Start time.Duration `yaml:"start"`
	// Fails is why it never starts: the task's stoppedReason with stopCode
	// TaskFailedToStart, e.g. "CannotPullContainerError: …".
	Fails string `yaml:"fails"`
	// Waits keeps it in this status for good: "PROVISIONING" or "PENDING"; a job in
	// "SUBMITTED", "RUNNABLE" or "STARTING".
	Waits string `yaml:"waits"`
	// StatusReason is what Batch says of a job that waits as RUNNABLE, after some
	// minutes, e.g. "UNDETERMINED - Batch job is blocked, root cause is undetermined."
	StatusReason string `yaml:"statusReason"`
	// Unhealthy is how long after its start the container's own health check has
	// failed; 0 never.
	Unhealthy time.Duration `yaml:"unhealthy"`
	// Ends is how its container ends; without it the task runs on.
	Ends *End `yaml:"ends"`
	// Logs are its lines.
	Logs []Line `yaml:"logs"`
	// StreamLate is how long after its start a job's log stream is there; what was
	// written before can be read then.
	StreamLate time.Duration `yaml:"streamLate"`
	// NoStream is set where a job's log stream never comes.
	NoStream bool `yaml:"noStream"`
	// Attempts are how a job's attempts go, the first one first; the last one stands
	// for those that follow. Without any, every attempt goes as the job does.
	Attempts []Behaviour `yaml:"attempts"`
	// Result and Rejected are what a job leaves in the files bucket when it ends by
	// itself: imports-results/<job>/<id>.json and <id>.rejected.csv, where <job> is
	// what its log streams begin with. "JOBID" in them becomes the job's id.
	Result string `yaml:"result"`
	// Rejected is the other one.
	Rejected string `yaml:"rejected"`
}

// End is how a container ends.
type End struct {
	// After is how long it ran; 5 s by default.
	After time.Duration `yaml:"after"`
	// Exit is its exit code.
	Exit int32 `yaml:"exit"`
	// Container is its name; the application's, or the migration's, by default.
	Container string `yaml:"container"`
	// Reason is the container's, e.g. "OutOfMemoryError: Container killed due to
	// memory usage".
	Reason string `yaml:"reason"`
	// StoppedReason is the task's; "Essential container in task exited" by default.
	StoppedReason string `yaml:"stoppedReason"`
	// StatusReason is the same of a job's attempt, e.g. "Your Spot Task was
	// interrupted."
	StatusReason string `yaml:"statusReason"`
}

// Line is a line of a log.
type Line struct {
	// At is when it is written, from the container's start.
	At time.Duration `yaml:"at"`
	// Text is the line.
	Text string `yaml:"text"`
	// Container writes it; the application's, or the migration's, by default.
	Container string `yaml:"container"`
	// Late is how much later it can be read.
	Late time.Duration `yaml:"late"`
	// Repeat writes it that many times, a second apart; once by default.
	Repeat int `yaml:"repeat"`
}

// Targets is how the load balancer sees the tasks.
type Targets struct {
	// Healthy is how long a target takes; 20 s by default.
	Healthy time.Duration `yaml:"healthy"`
	// Never says which never become healthy: "new", "old" or "all".
	Never string `yaml:"never"`
	// Codes is what the health check of those gets; "502" by default.
	Codes string `yaml:"codes"`
}

// Alarm is an alarm. One that watches rolls the service's deployment back.
type Alarm struct {
	// Name is the whole name.
	Name string `yaml:"name"`
	// Fires is when it goes off, after the begin of a deployment of a new
	// definition; 0 never.
	Fires time.Duration `yaml:"fires"`
	// Firing is set where it is in ALARM from the start.
	Firing bool `yaml:"firing"`
	// Watches the service's deployments.
	Watches bool `yaml:"watches"`
	// Reason is its state's reason.
	Reason string `yaml:"reason"`
}

// Event is what somebody else does.
type Event struct {
	// At is when, after From.
	At time.Duration `yaml:"at"`
	// From is "start" (by default) or "deployment": the first deployment of a
	// definition made since the start.
	From string `yaml:"from"`
	// Do is "stop-task" (a person stops the newest of the service's tasks),
	// "overtake" (somebody deploys Image), "expire" (the credentials expire, for
	// For or for good), "steal-lock" (Parameter gets Value), "stick" (the running
	// deployment never ends), "recover" (tasks behave well from then on), "mend"
	// (what is unwell by the name of Parameter is well from then on),
	// "deregister-job" (the newest revision of the job definition Parameter, e.g.
	// "user-import", becomes INACTIVE) or "terminate-job" (somebody ends the newest
	// job that goes on, for the reason Value).
	Do string `yaml:"do"`
	// Image is the app image that overtakes.
	Image string `yaml:"image"`
	// For is how long it lasts.
	For time.Duration `yaml:"for"`
	// Parameter is a parameter's key, like "deploy/lock", or what else Do takes.
	Parameter string `yaml:"parameter"`
	// Value is its new value.
	Value string `yaml:"value"`
}

// Fault makes calls fail.
type Fault struct {
	// Call is "ecs:DescribeServices", "ecs:*" or "*".
	Call string `yaml:"call"`
	// At is from when on, after the start.
	At time.Duration `yaml:"at"`
	// For is how long; 0 for good, or for Times calls.
	For time.Duration `yaml:"for"`
	// Times is how many calls; 0 all.
	Times int `yaml:"times"`
	// Error is the code, e.g. "ThrottlingException".
	Error string `yaml:"error"`
	// Status is HTTP's; 400 by default.
	Status int `yaml:"status"`
	// Message is the error's.
	Message string `yaml:"message"`
}

// Resource is a resource of a stack that fails.
type Resource struct {
	// Reason is CloudFormation's.
	Reason string `yaml:"reason"`
	// Always fails again, in roll-backs too.
	Always bool `yaml:"always"`
}

// Load reads a scenario from a folder: Load(os.DirFS("testdata"), "good.yaml").
func Load(fsys fs.FS, name string) (Scenario, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return Scenario{}, fmt.Errorf("read scenario: %w", err)
	}
	scenario, err := Decode(data)
	if err != nil {
		return Scenario{}, fmt.Errorf("read scenario %s: %w", name, err)
	}
	return scenario, nil
}

// Decode reads a scenario; keys that aren't known are errors.
func Decode(data []byte) (Scenario, error) {
	var scenario Scenario
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&scenario); err != nil && !errors.Is(err, io.EOF) {
		return Scenario{}, err
	}
	return scenario, scenario.check()
}

// check finds words that mean nothing.
func (s Scenario) check() error {
	var problems []error
	if s.Env != "" {
		if _, err := config.Load(s.Env); err != nil {
			problems = append(problems, err)
		}
	}
	for _, event := range s.Events {
		if _, ok := doings()[event.Do]; !ok {
			problems = append(problems, fmt.Errorf("event %q is unknown; use one of %s", event.Do, strings.Join(sortedKeys(doings()), ", ")))
		}
		if event.From != "" && event.From != "start" && event.From != "deployment" {
			problems = append(problems, fmt.Errorf("event %s counts from %q; use start or deployment", event.Do, event.From))
		}
	}
	for _, word := range s.Unwell {
		if _, ok := unwells[word]; !ok {
			problems = append(problems, fmt.Errorf("unwell %q is unknown; use one of %s", word, strings.Join(sortedKeys(unwells), ", ")))
		}
	}
	for _, never := range []string{s.Targets.Never} {
		if never != "" && never != "new" && never != "old" && never != "all" {
			problems = append(problems, fmt.Errorf("targets never healthy: %q; use new, old or all", never))
		}
	}
	return errors.Join(problems...)
}

// environment is the configuration whose names are used.
func (s Scenario) environment() config.Environment {
	name := s.Env
	if name == "" {
		name = "dev"
	}
	environment, _ := config.Load(name) // Decode has refused what isn't known
	if s.Before.Desired > 0 {
		environment.App.DesiredCount = s.Before.Desired
	}
	return environment
}

// asDigest takes a digest as it is, and makes one of a name.
func asDigest(text string) string {
	if text == "" || strings.HasPrefix(text, "sha256:") {
		return text
	}
	return Digest(text)
}

// asDigests does so for several.
func asDigests(images map[string]string) map[string]string {
	all := map[string]string{}
	for name, text := range images {
		all[name] = asDigest(text)
	}
	return all
}

// or is a duration, or the default for none.
func or(given, usual time.Duration) time.Duration {
	if given == 0 {
		return usual
	}
	return given
}
