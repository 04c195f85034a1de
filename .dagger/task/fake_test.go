package task_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/prooflink/prooflink/.dagger/awsfake"
	"github.com/prooflink/prooflink/.dagger/logs/logstest"
	"github.com/prooflink/prooflink/.dagger/task"
)

const (
	id     = "0123456789abcdef0123456789abcdef"
	arn    = "arn:aws:ecs:ap-northeast-1:123456789012:task/prooflink-dev-cluster/" + id
	group  = "/ecs/prooflink-dev-migrate"
	stream = "migrate/migrate/" + id
)

// migrate is a run as the pipeline would make it.
var migrate = task.Spec{
	Definition: "prooflink-dev-migrate:7", Container: "migrate", Cluster: "prooflink-dev-cluster",
	Subnets: []string{"subnet-1"}, SecurityGroups: []string{"sg-1"}, StartedBy: "prooflink/migrate",
}

// cluster is ECS with one task to start.
type cluster struct {
	*awsfake.Server
	logs *logstest.Store
	// ran and stopped are when the task runs and stops after its start; zero means
	// never.
	ran, stopped time.Duration
	// end is the stopped task.
	end types.Task
	// refused is what RunTask answers instead of a task.
	refused []types.Failure
	// unknown is how long ECS doesn't know the task after its start.
	unknown time.Duration

	started time.Time
	tokens  map[string]bool
	runs    []*ecs.RunTaskInput
	stops   []string
}

// container is the one that is run, as it ends.
func container(code *int32, reason string) types.Container {
	c := types.Container{Name: aws.String("migrate"), ExitCode: code}
	if reason != "" {
		c.Reason = &reason
	}
	return c
}

// bubble runs a test on a virtual clock.
func bubble(t *testing.T, test func(*testing.T, *cluster)) {
	synctest.Test(t, func(t *testing.T) {
		server := awsfake.New()
		c := &cluster{Server: server, logs: logstest.On(server, group), tokens: map[string]bool{}, ran: 30 * time.Second, stopped: time.Minute}
		c.end = types.Task{
			StopCode: types.TaskStopCodeEssentialContainerExited, StoppedReason: aws.String("Essential container in task exited"),
			Containers: []types.Container{container(aws.Int32(0), "")},
		}
		awsfake.On(server, "ecs", c.describeDefinition)
		awsfake.On(server, "ecs", c.run)
		awsfake.On(server, "ecs", c.describe)
		awsfake.On(server, "ecs", c.stop)
		test(t, c)
		if nonsense := server.Nonsense(); len(nonsense) > 0 {
			t.Error(nonsense)
		}
	})
}

func (c *cluster) describeDefinition(in *ecs.DescribeTaskDefinitionInput) (*ecs.DescribeTaskDefinitionOutput, error) {
	if *in.TaskDefinition != migrate.Definition {
		return nil, awsfake.Error("ClientException", "Unable to describe task definition.")
	}
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &types.TaskDefinition{ContainerDefinitions: []types.ContainerDefinition{
		{Name: aws.String("migrate"), LogConfiguration: &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{
			"awslogs-group": group, "awslogs-stream-prefix": "migrate",
		}}},
		{Name: aws.String("mute")},
	}}}, nil
}

// run starts one task for a token.
func (c *cluster) run(in *ecs.RunTaskInput) (*ecs.RunTaskOutput, error) {
	c.runs = append(c.runs, in)
	if c.refused != nil {
		return &ecs.RunTaskOutput{Failures: c.refused}, nil
	}
	if !c.tokens[*in.ClientToken] {
		c.started = time.Now()
	}
	c.tokens[*in.ClientToken] = true
	return &ecs.RunTaskOutput{Tasks: []types.Task{c.task()}}, nil
}

// task is the task as it is now.
func (c *cluster) task() types.Task {
	age := time.Since(c.started)
	now := types.Task{LastStatus: aws.String("PROVISIONING")}
	switch {
	case c.stopped > 0 && age >= c.stopped:
		now = c.end
		now.LastStatus = aws.String("STOPPED")
	case c.ran > 0 && age >= c.ran:
		now.LastStatus = aws.String("RUNNING")
	}
	if c.ran > 0 && age >= c.ran {
		now.StartedAt = aws.Time(c.started.Add(c.ran))
	}
	now.TaskArn = aws.String(arn)
	return now
}

func (c *cluster) describe(in *ecs.DescribeTasksInput) (*ecs.DescribeTasksOutput, error) {
	if c.started.IsZero() || in.Tasks[0] != arn || time.Since(c.started) < c.unknown {
		return &ecs.DescribeTasksOutput{Failures: []types.Failure{{Arn: &in.Tasks[0], Reason: aws.String("MISSING")}}}, nil
	}
	return &ecs.DescribeTasksOutput{Tasks: []types.Task{c.task()}}, nil
}

func (c *cluster) stop(in *ecs.StopTaskInput) (*ecs.StopTaskOutput, error) {
	c.stops = append(c.stops, *in.Task+" "+aws.ToString(in.Reason))
	return &ecs.StopTaskOutput{}, nil
}

// line adds a line of the task's log: of when it is and when it can be read.
func (c *cluster) line(at, readable time.Duration, message string) {
	now := time.Now()
	c.logs.Put(group, logstest.Line{Stream: stream, At: now.Add(at), Readable: now.Add(readable), Message: message})
}
