package exec_test

import (
	"context"
	"errors"
	"fmt"
	osexec "os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/exec"
	"github.com/prooflink/prooflink/infra/config"
)

const prefix = "arn:aws:ecs:ap-northeast-1:123456789012:task/prooflink-dev-cluster/"

// running is a task that ECS Exec can reach, changed.
func running(id string, started time.Duration, change func(*types.Task)) types.Task {
	task := types.Task{
		TaskArn: aws.String(prefix + id), Group: aws.String("service:prooflink-dev-service"), LastStatus: aws.String("RUNNING"),
		StartedAt: aws.Time(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(started)), EnableExecuteCommand: true, PlatformVersion: aws.String("1.4.0"),
		Containers: []types.Container{{
			Name: aws.String("prooflink-app"), LastStatus: aws.String("RUNNING"), RuntimeId: aws.String(id + "-265927825"),
			ManagedAgents: []types.ManagedAgent{{Name: types.ManagedAgentNameExecuteCommandAgent, LastStatus: aws.String("RUNNING")}},
		}},
	}
	if change != nil {
		change(&task)
	}
	return task
}

// cluster is ECS with some tasks, listed one a page; it returns what was executed.
func cluster(tasks ...types.Task) (*awsfake.Server, *[]*ecs.ExecuteCommandInput) {
	server, executed := awsfake.New(), &[]*ecs.ExecuteCommandInput{}
	awsfake.On(server, "ecs", func(in *ecs.ListTasksInput) (*ecs.ListTasksOutput, error) {
		at := len(aws.ToString(in.NextToken))
		out := &ecs.ListTasksOutput{}
		if at < len(tasks) {
			out.TaskArns = []string{*tasks[at].TaskArn}
			out.NextToken = aws.String(strings.Repeat("x", at+1))
		}
		return out, nil
	})
	awsfake.On(server, "ecs", func(in *ecs.DescribeTasksInput) (*ecs.DescribeTasksOutput, error) {
		out := &ecs.DescribeTasksOutput{}
		for _, task := range tasks {
			if *task.TaskArn == in.Tasks[0] {
				out.Tasks = append(out.Tasks, task)
			}
		}
		return out, nil
	})
	awsfake.On(server, "ecs", func(in *ecs.ExecuteCommandInput) (*ecs.ExecuteCommandOutput, error) {
		*executed = append(*executed, in)
		return &ecs.ExecuteCommandOutput{Session: &types.Session{
			SessionId: aws.String("ecs-execute-command-1"), StreamUrl: aws.String("wss://ssmmessages.example/1"), TokenValue: aws.String("secret"),
		}}, nil
	})
	return server, executed
}

// start starts a session in dev.
func start(t *testing.T, server *awsfake.Server, request exec.Request, change func(*config.Environment)) (exec.Session, error) {
	t.Helper()
	env, err := config.Load("dev")
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&env)
	}
	return exec.Start(t.Context(), server.Config(), env, request)
}

func TestTheSessionIsOfTheNewestTaskOfTheServiceOrOfTheNamedOne(t *testing.T) {
	oneOff := func(task *types.Task) { task.Group = aws.String("family:prooflink-dev-migrate") }
	tasks := []types.Task{
		running("aaa1", time.Hour, nil), running("aaa2", 3*time.Hour, nil), running("bbb1", 2*time.Hour, nil), running("ccc1", 4*time.Hour, oneOff),
		running("ddd1", 5*time.Hour, func(task *types.Task) { task.LastStatus = aws.String("PENDING") }),
	}
	cases := map[string]struct{ task, want, problem string }{
		"the newest":        {"", "aaa2", ""},
		"an id's beginning": {"b", "bbb1", ""},
		"a one-off task":    {"ccc1", "ccc1", ""},
		"an ARN":            {prefix + "aaa1", "aaa1", ""},
		"one of two":        {"aaa", "", "task aaa may be one of aaa2, aaa1: write more of its id"},
		"none":              {"zzz", "", "cluster prooflink-dev-cluster runs no task zzz; it runs ccc1, aaa2, bbb1, aaa1"},
		"one not yet ready": {"ddd1", "", "cluster prooflink-dev-cluster runs no task ddd1; it runs ccc1, aaa2, bbb1, aaa1"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, _ := cluster(tasks...)
				session, err := start(t, server, exec.Request{Task: c.task, Command: "id"}, nil)
				if c.problem != "" {
					if err == nil || err.Error() != c.problem {
						t.Errorf("got %v, want %s", err, c.problem)
					}
					return
				}
				if err != nil || session.Task != prefix+c.want {
					t.Errorf("%s, %v", session.Task, err)
				}
			})
		})
	}
}

func TestThePluginGetsWhatAWSsOwnCommandLineGivesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, executed := cluster(running("aaa1", 0, nil))
		server.Fail("ecs:*", 3, awsfake.Error("ThrottlingException", "Rate exceeded"))
		session, err := start(t, server, exec.Request{Command: "node --version"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := append([]string{session.Session}, session.Arguments...)
		want := []string{
			`{"SessionId":"ecs-execute-command-1","StreamUrl":"wss://ssmmessages.example/1","TokenValue":"secret"}`,
			"ap-northeast-1", "StartSession", "", `{"Target":"ecs:prooflink-dev-cluster_aaa1_aaa1-265927825"}`, "https://ssm.ap-northeast-1.amazonaws.com",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		in := (*executed)[0]
		if !in.Interactive || *in.Container != "prooflink-app" || *in.Cluster != "prooflink-dev-cluster" || *in.Task != prefix+"aaa1" {
			t.Errorf("%+v", in)
		}
		if nonsense := server.Nonsense(); len(nonsense) > 0 {
			t.Error(nonsense)
		}
	})
}

func TestWhereItIsntPossibleTheReasonAndTheFixAreSaid(t *testing.T) {
	agent := func(status, reason string) func(*types.Task) {
		return func(task *types.Task) {
			task.Containers[0].ManagedAgents[0].LastStatus, task.Containers[0].ManagedAgents[0].Reason = &status, &reason
		}
	}
	const role = "its task role needs ssmmessages:CreateControlChannel, CreateDataChannel, OpenControlChannel and OpenDataChannel, which app.exec: true gives it"
	cases := map[string]struct {
		tasks   []types.Task
		request exec.Request
		change  func(*config.Environment)
		fail    error
		want    string
	}{
		"no command": {nil, exec.Request{Command: " "}, nil, nil, `say what to run, e.g. "node --version": there is no terminal to type into`},
		"no task":    {nil, exec.Request{}, nil, nil, "service prooflink-dev-service has no running task: see `dagger call status --env dev`"},
		"not enabled": {[]types.Task{running("a", 0, func(task *types.Task) { task.EnableExecuteCommand = false })}, exec.Request{}, func(env *config.Environment) { env.App.Exec = false }, nil,
			"task a was started without ECS Exec: set app.exec: true in infra/config/environments/dev.yaml and deploy with `dagger call deploy --env dev`: tasks that start after that have it"},
		"not deployed yet": {[]types.Task{running("a", 0, func(task *types.Task) { task.EnableExecuteCommand = false })}, exec.Request{}, func(env *config.Environment) { env.App.Exec = true }, nil,
			"task a was started without ECS Exec: app.exec is true, but the service doesn't have it yet or the task is older: deploy with `dagger call deploy --env dev`: tasks that start after that have it"},
		"no such container": {[]types.Task{running("a", 0, nil)}, exec.Request{Container: "web"}, nil, nil, `task a has no container "web"; it has ["prooflink-app"]`},
		"a container that has stopped": {[]types.Task{running("a", 0, func(task *types.Task) { task.Containers[0].LastStatus = aws.String("STOPPED") })}, exec.Request{}, nil, nil,
			"container prooflink-app of task a is STOPPED: a command needs one that runs"},
		"no agent": {[]types.Task{running("a", 0, func(task *types.Task) { task.Containers[0].ManagedAgents = nil })}, exec.Request{}, nil, nil,
			"container prooflink-app of task a has no ExecuteCommandAgent: ECS Exec needs Fargate's platform 1.4.0 or later, the task has 1.4.0"},
		"an agent that starts": {[]types.Task{running("a", 0, agent("PENDING", ""))}, exec.Request{}, nil, nil,
			"the ExecuteCommandAgent of container prooflink-app of task a is still starting: try again in some seconds"},
		"an agent that stopped": {[]types.Task{running("a", 0, agent("STOPPED", "Received Container Stopped event"))}, exec.Request{}, nil, nil,
			"the ExecuteCommandAgent of container prooflink-app of task a is STOPPED (Received Container Stopped event): " + role + "; a container whose root file system is read-only can't run it"},
		"no way to Systems Manager": {[]types.Task{running("a", 0, agent("STOPPED", ""))}, exec.Request{}, func(env *config.Environment) { env.Network.NatGateways = 0 }, nil,
			"the ExecuteCommandAgent of container prooflink-app of task a is STOPPED (ECS gives no reason): without a NAT gateway it needs the endpoint ssmmessages: add it to network.interfaceEndpoints and deploy; and " + role},
		"not connected": {[]types.Task{running("a", 0, nil)}, exec.Request{}, nil, awsfake.Error("TargetNotConnectedException", "The execute command failed due to an internal error."),
			"the agent has no connection: " + role},
		"no permission": {[]types.Task{running("a", 0, nil)}, exec.Request{}, nil, awsfake.Error("AccessDeniedException", "not authorized"),
			"the credentials need ecs:ListTasks, ecs:DescribeTasks and ecs:ExecuteCommand on the cluster and its tasks"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, _ := cluster(c.tasks...)
				if c.fail != nil {
					server.Fail("ecs:ExecuteCommand", 1, c.fail)
				}
				if c.request.Command == "" {
					c.request.Command = "id"
				}
				_, err := start(t, server, c.request, c.change)
				if c.fail == nil && fmt.Sprint(err) != c.want || !strings.Contains(fmt.Sprint(err), c.want) {
					t.Errorf("got %v, want %s", err, c.want)
				}
			})
		})
	}
}

func TestAMissingClusterSaysToDeploy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, _ := cluster()
		server.Fail("ecs:ListTasks", 1, awsfake.Error("ClusterNotFoundException", "Cluster not found."))
		_, err := start(t, server, exec.Request{Command: "id"}, nil)
		if err == nil || !strings.Contains(err.Error(), "deploy with `dagger call deploy --env dev`") {
			t.Error(err)
		}
	})
}

// terminal is what the plugin prints of a session's output.
func terminal(output string) string {
	return "\nThe Session Manager plugin was installed successfully. Use the AWS CLI to start a session.\n\n" +
		"\nStarting session with SessionId: ecs-execute-command-0a1b2c\r\n" + strings.ReplaceAll(output, "\n", "\r\n") +
		"\r\n\r\nExiting session with sessionId: ecs-execute-command-0a1b2c.\r\n\r\n"
}

// The wrapped command is run by the shell that is here, as ECS's agent would run
// it in a container: split into words, and started.
func TestACommandsOutputAndExitCodeComeThrough(t *testing.T) {
	const shell = "/bin/sh"
	cases := map[string]struct {
		command, text string
		code          int
	}{
		"success":                {"echo hello", "hello\n", 0},
		"failure":                {"echo no >&2; exit 3", "no\n", 3},
		"no output":              {"true", "", 0},
		"no newline at the end":  {"printf abc", "abc", 0},
		"several lines":          {"printf 'a\\n\\nb\\n'", "a\n\nb\n", 0},
		"quotes of all kinds":    {`echo "it's $((1+1))" '"x"' \$HOME`, "it's 2 \"x\" $HOME\n", 0},
		"a comment":              {"echo a # b", "a\n", 0},
		"lines":                  {"echo a\necho b", "a\nb\n", 0},
		"a signal's code":        {"exit 137", "", 137},
		"what looks like an end": {"echo 'prooflink- end 0'; exit 4", "prooflink- end 0\n", 4},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var line, marker string
			synctest.Test(t, func(t *testing.T) {
				server, executed := cluster(running("aaa1", 0, nil))
				session, err := start(t, server, exec.Request{Command: c.command}, nil)
				if err != nil {
					t.Fatal(err)
				}
				line, marker = *(*executed)[0].Command, session.Marker
			})
			output, err := osexec.CommandContext(context.Background(), shell, "-c", line).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, output)
			}
			text, code, err := exec.Result(terminal(string(output)), marker)
			if err != nil || code != c.code || text != c.text {
				t.Errorf("%q, %d, %v", text, code, err)
			}
		})
	}
}

func TestASyntaxErrorHasAnExitCodeToo(t *testing.T) {
	var line, marker string
	synctest.Test(t, func(t *testing.T) {
		server, executed := cluster(running("aaa1", 0, nil))
		session, err := start(t, server, exec.Request{Command: "if true"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		line, marker = *(*executed)[0].Command, session.Marker
	})
	output, _ := osexec.CommandContext(t.Context(), "/bin/sh", "-c", line).CombinedOutput()
	if _, code, err := exec.Result(terminal(string(output)), marker); err != nil || code == 0 {
		t.Errorf("%d, %v", code, err)
	}
}

func TestASessionThatIsCutIsAnErrorWithWhatWasSaid(t *testing.T) {
	cases := map[string]struct{ output, want string }{
		"before it began": {terminal("----------ERROR-------\nUnable to start command: Failed to start pty: fork/exec /bin/sh: no such file or directory\n"),
			"the session ended without the command's exit code: ----------ERROR------- Unable to start command: Failed to start pty: fork/exec /bin/sh: no such file or directory"},
		"in the middle": {terminal("m begin\nhalf of it\n"), "the session ended without the command's exit code: after half of it"},
		"at once":       {terminal(""), "the session ended without the command's exit code: it said nothing"},
		"another's end": {terminal("m begin\nhello\nn end 0\n"), "the session ended without the command's exit code: after hello n end 0"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, code, err := exec.Result(c.output, "m")
			if !errors.Is(err, exec.ErrCut) || err.Error() != c.want || code == 0 {
				t.Errorf("%d, %v", code, err)
			}
		})
	}
}
