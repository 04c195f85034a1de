// Package local is the whole delivery, walked without an AWS account: images
// are built and pushed, the infrastructure is synthesized and deployed to an
// emulated AWS, definitions are registered there, and then the images run, with
// a real PostgreSQL and with just what their registered definitions say.
//
// The path is written once. What runs things is a Machine: containers (the
// Dagger module) or processes (the rehearsal).
package local

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prooflink/prooflink/.dagger/emulate"
	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/jobs"
	"github.com/prooflink/prooflink/infra/config"
	"github.com/prooflink/prooflink/infra/names"
)

// Database is where the definitions expect PostgreSQL, and with which login.
type Database struct {
	Host, Port, Name, User, Password string
}

// Task is a container to start: an image and all of its environment.
type Task struct {
	// Image is the name of a published image.
	Image   string
	Command []string
	Env     map[string]string
	Secrets map[string]string
}

// Machine does what the path needs done outside this process.
type Machine interface {
	// StartAWS starts the emulator, unless it runs, and returns its URL as this process reaches it.
	StartAWS(context.Context) (url string, err error)
	// Publish builds and pushes what the registry lacks.
	Publish(context.Context) ([]images.Published, error)
	// Synth synthesizes the environment with the images' digests into a folder.
	Synth(context.Context, []images.Published) (assembly string, err error)
	// DeployStacks bootstraps the emulator and deploys the folder's stacks to it.
	DeployStacks(ctx context.Context, assembly string) error
	// StartDatabase starts PostgreSQL, empty, unless it runs, and returns its URL as this process reaches it.
	StartDatabase(context.Context, Database) (url string, err error)
	// Run runs a one-off to its end and returns what it printed; an exit code
	// other than 0 is an error (*Exited).
	Run(context.Context, Task) (output string, err error)
	// StartApp starts the app and returns its URL as this process reaches it.
	StartApp(context.Context, Task) (url string, err error)
	// Overrides are the variables that tasks get beside or instead of their
	// definition's, because this is no AWS.
	Overrides() map[string]string
}

// Exited is the error of a one-off that has ended with another exit code than 0.
type Exited struct {
	Command []string
	Code    int
	// Output is what it printed.
	Output string
}

// Error has what it printed, too.
func (e *Exited) Error() string {
	return fmt.Sprintf("%s: exit code %d\n%s", strings.Join(e.Command, " "), e.Code, e.Output)
}

// Options of a local deployment.
type Options struct {
	// Environment is what is deployed.
	Environment config.Environment
	// Kind says what the machine is, for the summary: "containers" or "processes".
	Kind string
	// UsersCSV is the sample that is imported.
	UsersCSV []byte
	// Next says how to look at the app, or where.
	Next string
	// Running says that the machine's system was deployed before.
	Running bool
}

// Deploy walks the path. The report has every step that was begun, also when
// the error is not nil.
func Deploy(ctx context.Context, machine Machine, options Options) (string, error) {
	d := &deployment{machine: machine, options: options}
	results := jobs.Steps(ctx, append(d.prepare(),
		jobs.Job{Name: "start app", Run: d.startApp},
		jobs.Job{Name: "import users", Run: d.importUsers},
		jobs.Job{Name: "count rows", Run: d.countRows},
		jobs.Job{Name: "look at the page", Run: d.lookAtPage},
	)...)
	if failed := results.Failed(); len(failed) > 0 {
		return "", fmt.Errorf("deploy %s: step %q failed\n\n%s", options.Environment.Env, failed[0], results.Report())
	}
	return d.summary(results), nil
}

// prepare lists the steps after which a task or a job can run. In a system that
// runs already, the definitions are registered and the database is migrated with
// the images of this checkout.
func (d *deployment) prepare() []jobs.Job {
	steps := []jobs.Job{
		{Name: "start emulated AWS", Run: d.startAWS},
		{Name: "publish images", Run: d.publish},
		{Name: "synthesize", Run: d.synthesize},
		{Name: "deploy stacks", Run: d.deployStacks},
		{Name: "register definitions", Run: d.register},
		{Name: "start PostgreSQL", Run: d.startDatabase},
		{Name: "migrate", Run: d.migrate},
	}
	if !d.options.Running {
		return steps
	}
	made := []string{"synthesize", "deploy stacks", "register definitions"}
	return slices.DeleteFunc(steps, func(step jobs.Job) bool { return slices.Contains(made, step.Name) })
}

// deployment is what one run has come to know.
type deployment struct {
	machine  Machine
	options  Options
	aws      clients
	images   []images.Published
	assembly string
	fitted   emulate.Assembly
	database string // URL
	app      string // URL
}

func (d *deployment) names() names.Names { return d.options.Environment.Names() }

func (d *deployment) summary(results jobs.Results) string {
	var text strings.Builder
	fmt.Fprintf(&text, "Deployed %s as %s\n\n%s\n", d.names().Prefix(), d.options.Kind, results.Table())
	for _, image := range d.images {
		fmt.Fprintf(&text, "image  %-10s  %s  %s\n", image.Name, image.Digest, image.Tag)
	}
	fmt.Fprintf(&text, "\nNot covered by the emulator (%d types):\n", len(d.fitted.Lost))
	for _, loss := range d.fitted.Lost {
		fmt.Fprintf(&text, "  %2d × %s\n", loss.Count, loss.Type)
	}
	overridden := slices.Sorted(maps.Keys(d.machine.Overrides()))
	fmt.Fprintf(&text, "\nSet beside the definitions, because this is no AWS: %s\n", strings.Join(overridden, ", "))
	fmt.Fprintf(&text, "\nThe app answered at %s\n", d.app)
	if d.options.Next != "" {
		fmt.Fprintf(&text, "%s\n", d.options.Next)
	}
	return text.String()
}
