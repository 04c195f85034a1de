// Package rehearsal walks the whole delivery with processes instead of
// containers: for machines that have no container runtime. PostgreSQL, the AWS
// emulator and the app listen on the loopback interface; the images are put
// together without one, so that there are real digests to push and to pin.
package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/prooflink/prooflink/.dagger/images"
	"github.com/prooflink/prooflink/.dagger/local"
	"github.com/prooflink/prooflink/infra/config"
)

// Tools are the programs that a rehearsal starts.
type Tools struct {
	// Node is the folder of node and npm.
	Node string
	// CDK is the CDK's command line.
	CDK string
	// Ministack is the AWS emulator.
	Ministack string
	// Postgres is the folder of initdb and postgres.
	Postgres string
}

// Processes is the local.Machine of a rehearsal.
type Processes struct {
	repository  string
	work        string
	tools       Tools
	environment config.Environment
	registry    *httptest.Server
	// roots are the unpacked images by name.
	roots    map[string]string
	aws      string
	database string
	dbPort   string
	appPort  string
	stop     []func()
}

var _ local.Machine = (*Processes)(nil)

// New rehearses the repository at a path. Close it to end what it has started;
// work is an empty folder for everything it writes.
func New(repository, work string, tools Tools, environment config.Environment) (*Processes, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	return &Processes{
		repository:  repository,
		work:        work,
		tools:       tools,
		environment: environment,
		registry:    httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)))),
		roots:       map[string]string{},
		dbPort:      ports[0],
		appPort:     ports[1],
	}, nil
}

// Close ends every process, the youngest first.
func (p *Processes) Close() {
	for i := len(p.stop) - 1; i >= 0; i-- {
		p.stop[i]()
	}
	p.registry.Close()
}

// StartAWS starts the emulator.
func (p *Processes) StartAWS(ctx context.Context) (string, error) {
	if p.aws != "" {
		return p.aws, nil
	}
	ports, err := freePorts(1)
	if err != nil {
		return "", err
	}
	p.aws = "http://127.0.0.1:" + ports[0]
	env := append(p.environ(nil), "BIND_HOST=127.0.0.1", "GATEWAY_PORT="+ports[0])
	if err := p.start(ctx, p.work, env, p.tools.Ministack); err != nil {
		return "", err
	}
	return p.aws, waitFor(ctx, p.aws+"/_ministack/health")
}

// Synth compiles the CDK app and runs it.
func (p *Processes) Synth(ctx context.Context, images []images.Published) (string, error) {
	binary, assembly := filepath.Join(p.work, "infra"), filepath.Join(p.work, "cdk.out")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./infra")
	build.Dir = p.repository
	if err := run(build); err != nil {
		return "", err
	}
	values, err := local.SynthContext(p.environment.Env, images)
	if err != nil {
		return "", err
	}
	synth := exec.CommandContext(ctx, binary)
	synth.Dir = p.work
	synth.Env = append(p.environ(nil), "CDK_CONTEXT_JSON="+values, "CDK_OUTDIR="+assembly)
	return assembly, run(synth)
}

// DeployStacks runs the CDK's command line against the emulator.
func (p *Processes) DeployStacks(ctx context.Context, assembly string) error {
	for _, args := range local.CDKCommands(p.environment.Region, assembly) {
		if output, err := p.CDK(ctx, args...); err != nil {
			return fmt.Errorf("cdk %s: %w\n%s", strings.Join(args, " "), err, output)
		}
	}
	return nil
}

// CDK runs the CDK's command line against the emulator and returns what it printed.
func (p *Processes) CDK(ctx context.Context, args ...string) (string, error) {
	command := exec.CommandContext(ctx, p.tools.CDK, args...)
	command.Dir = p.work
	command.Env = append(p.environ(p.Overrides()), "CDK_DISABLE_CLI_TELEMETRY=true", "CDK_HOME="+filepath.Join(p.work, "cdk-home"))
	output, err := command.CombinedOutput()
	return string(output), err
}

// Run runs a one-off from its unpacked image.
func (p *Processes) Run(ctx context.Context, task local.Task) (string, error) {
	command := p.command(ctx, task, task.Command)
	output, err := command.CombinedOutput()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = &local.Exited{Command: task.Command, Code: failed.ExitCode(), Output: string(output)}
	}
	return string(output), err
}

// StartApp starts the app's entrypoint from its unpacked image.
func (p *Processes) StartApp(ctx context.Context, task local.Task) (string, error) {
	command := p.command(ctx, task, appEntrypoint)
	return "http://127.0.0.1:" + p.appPort, p.background(command)
}

// Overrides point everything to the loopback interface.
func (p *Processes) Overrides() map[string]string {
	overrides := local.Credentials(p.environment.Region)
	overrides["AWS_ENDPOINT_URL"] = p.aws
	overrides["DB_HOST"], overrides["DB_PORT"] = "127.0.0.1", p.dbPort
	overrides["PORT"] = p.appPort
	return overrides
}

// command runs inside an unpacked image, with nothing but the task's environment.
func (p *Processes) command(ctx context.Context, task local.Task, args []string) *exec.Cmd {
	command := exec.CommandContext(ctx, filepath.Join(p.tools.Node, args[0]), args[1:]...)
	command.Dir = filepath.Join(p.roots[task.Image], imageWorkdir)
	command.Env = p.environ(task.Env)
	for name, value := range task.Secrets {
		command.Env = append(command.Env, name+"="+value)
	}
	return command
}

// environ is a clean environment: no AWS profile or key of the caller's is in it.
func (p *Processes) environ(values map[string]string) []string {
	env := []string{
		"PATH=" + p.tools.Node + string(os.PathListSeparator) + os.Getenv("PATH"),
		"HOME=" + p.work,
	}
	for name, value := range values {
		env = append(env, name+"="+value)
	}
	return env
}

// start starts a program that runs until Close; what it prints goes to a file.
func (p *Processes) start(ctx context.Context, dir string, env []string, program string, args ...string) error {
	command := exec.CommandContext(ctx, program, args...)
	command.Dir, command.Env = dir, env
	return p.background(command)
}

func (p *Processes) background(command *exec.Cmd) error {
	output, err := os.CreateTemp(p.work, filepath.Base(command.Path)+"-*.log")
	if err != nil {
		return err
	}
	command.Stdout, command.Stderr = output, output
	if err := command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", command.Path, err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait() // ends by our signal, or is noticed by who waits for its port
		close(ended)
	}()
	p.stop = append(p.stop, func() {
		_ = command.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = command.Process.Kill()
		}
		output.Close()
	})
	return nil
}

// run runs a program to its end; a failure has what it printed.
func run(command *exec.Cmd) error {
	output, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(command.Args, " "), err, output)
	}
	return nil
}

// waitFor waits until a URL answers.
func waitFor(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			return response.Body.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w", address, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// freePorts finds ports on the loopback interface that nobody listens on.
func freePorts(count int) ([]string, error) {
	var ports []string
	var open []net.Listener
	for range count {
		listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		open = append(open, listener)
		ports = append(ports, strconv.Itoa(listener.Addr().(*net.TCPAddr).Port))
	}
	var problems []error
	for _, listener := range open {
		problems = append(problems, listener.Close())
	}
	return ports, errors.Join(problems...)
}

// databaseURL is a PostgreSQL on the loopback interface.
func databaseURL(db local.Database, port string) string {
	at := url.URL{Scheme: "postgres", User: url.UserPassword(db.User, db.Password),
		Host: "127.0.0.1:" + port, Path: db.Name, RawQuery: "sslmode=disable"}
	return at.String()
}
