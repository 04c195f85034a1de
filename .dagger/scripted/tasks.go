package scripted

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/prooflink/prooflink/infra/names"
)

// How long a task takes besides what its behaviour says.
const (
	provisioning = 5 * time.Second
	// deprovisioning is from the containers' end to the status STOPPED.
	deprovisioning = 5 * time.Second
	// draining is the target group's deregistration delay.
	draining = 30 * time.Second
	// containerHealth is from the start to a healthy container.
	containerHealth = 10 * time.Second
	// keptTasks is how long ECS shows a stopped task (Amazon ECS Developer Guide,
	// "Viewing Amazon ECS stopped task errors").
	keptTasks = time.Hour
)

// task is a task with how it goes.
type task struct {
	types.Task
	definition *definition
	behaviour  Behaviour
	// rollout is the deployment that started it; nil for RunTask's.
	rollout *rollout
	// target is its state in the target group, "" before and after.
	target string
	// since is when that state began.
	since time.Time
	// leaving is set as soon as it is to stop.
	leaving bool
	// healthy is set once it serves.
	healthy bool
	// failed is set where it has been counted as a failure.
	failed bool
	// address is its own.
	address string
}

// id is the task's id.
func (t *task) id() string { return last(aws.ToString(t.TaskArn)) }

// main is the container that an unnamed behaviour is about.
func (t *task) main() string {
	for _, name := range []string{names.AppContainer, names.MigrateContainer} {
		if t.definition.container(name) != nil {
			return name
		}
	}
	return aws.ToString(t.definition.ContainerDefinitions[0].Name)
}

// launch makes a task and lets it begin.
func (w *World) launch(d *definition, behaviour Behaviour, group, startedBy string) *task {
	t := w.newTask(d, behaviour, group, startedBy)
	w.in(provisioning, func() { w.pull(t) })
	return t
}

// newTask makes a task.
func (w *World) newTask(d *definition, behaviour Behaviour, group, startedBy string) *task {
	id := w.id("task", 32)
	t := &task{definition: d, behaviour: behaviour, address: fmt.Sprintf("10.0.11.%d", 10+len(w.ecs.tasks)%240)}
	t.Task = types.Task{
		TaskArn: aws.String(w.arn("ecs", "task/"+w.names.Cluster()+"/"+id)), ClusterArn: aws.String(w.cluster()),
		TaskDefinitionArn: d.TaskDefinitionArn, LastStatus: aws.String("PROVISIONING"), DesiredStatus: aws.String("RUNNING"),
		Group: &group, StartedBy: &startedBy, CreatedAt: aws.Time(w.clock), LaunchType: types.LaunchTypeFargate, Cpu: d.Cpu, Memory: d.Memory,
		PlatformFamily: aws.String("Linux"), PlatformVersion: aws.String("1.4.0"), AvailabilityZone: aws.String(w.environment.Network.AZs[0]),
		HealthStatus: types.HealthStatusUnknown, Version: 1,
		Attachments: []types.Attachment{{
			Id: aws.String(w.uuid("attachment")), Type: aws.String("ElasticNetworkInterface"), Status: aws.String("PRECREATED"),
			Details: []types.KeyValuePair{{Name: aws.String("privateIPv4Address"), Value: aws.String(t.address)}},
		}},
	}
	for _, c := range d.ContainerDefinitions {
		t.Containers = append(t.Containers, types.Container{
			ContainerArn: aws.String(w.arn("ecs", "container/"+w.names.Cluster()+"/"+id+"/"+w.uuid("container"))), TaskArn: t.TaskArn,
			Name: c.Name, Image: c.Image, LastStatus: aws.String("PENDING"), HealthStatus: types.HealthStatusUnknown, Cpu: aws.String(fmt.Sprint(c.Cpu)),
			NetworkInterfaces: []types.NetworkInterface{},
		})
	}
	w.ecs.tasks = append(w.ecs.tasks, t)
	return t
}

// cluster is the cluster's ARN.
func (w *World) cluster() string { return w.arn("ecs", "cluster/"+w.names.Cluster()) }

// become changes the task's status.
func (t *task) become(status string) {
	t.LastStatus = aws.String(status)
	t.Version++
}

// pull is the beginning of the pull.
func (w *World) pull(t *task) {
	if t.leaving || t.behaviour.Waits == "PROVISIONING" {
		return
	}
	t.become("PENDING")
	t.Connectivity, t.ConnectivityAt = types.ConnectivityConnected, aws.Time(w.clock)
	t.Attachments[0].Status = aws.String("ATTACHED")
	if t.behaviour.Waits == "PENDING" {
		return
	}
	t.PullStartedAt = aws.Time(w.clock)
	w.in(or(t.behaviour.Pull, 20*time.Second), func() { w.pulledAll(t) })
}

// pulledAll is the end of the pull: the images are there or they aren't.
func (w *World) pulledAll(t *task) {
	if t.leaving {
		return
	}
	if reason := w.unstartable(t); reason != "" {
		w.halt(t, types.TaskStopCodeTaskFailedToStart, reason)
		return
	}
	t.PullStoppedAt = aws.Time(w.clock)
	for i := range t.Containers {
		digest, _ := w.pulled(aws.ToString(t.Containers[i].Image))
		t.Containers[i].ImageDigest = aws.String(digest)
	}
	w.in(or(t.behaviour.Start, 10*time.Second), func() { w.run(t) })
}

// unstartable says why a task can't start.
func (w *World) unstartable(t *task) string {
	if t.behaviour.Fails != "" {
		return t.behaviour.Fails
	}
	for _, c := range t.definition.ContainerDefinitions {
		if missing := w.unreadable(c.Secrets); missing != "" {
			return unreadableSecret(missing)
		}
	}
	for _, c := range t.Containers {
		if !w.isThere(aws.ToString(c.Image)) {
			return unpullable(aws.ToString(c.Image))
		}
	}
	return ""
}

// isThere says whether an image can be pulled.
func (w *World) isThere(image string) bool {
	_, found := w.pulled(image)
	return found
}

// unpullable and unreadableSecret are what ECS says of what isn't there.
func unpullable(image string) string {
	return fmt.Sprintf("CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref %[1]s: %[1]s: not found", image)
}

func unreadableSecret(arn string) string {
	return "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret " +
		arn + " from secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified secret."
}

// run is the start of the containers.
func (w *World) run(t *task) {
	if t.leaving {
		return
	}
	t.become("RUNNING")
	t.StartedAt = aws.Time(w.clock)
	for i := range t.Containers {
		t.Containers[i].LastStatus = aws.String("RUNNING")
		t.Containers[i].RuntimeId = aws.String(t.id() + "-" + w.id("runtime", 10))
	}
	w.write(t)
	w.in(containerHealth, func() { w.checked(t) })
	if t.behaviour.Unhealthy > 0 {
		w.in(t.behaviour.Unhealthy, func() { w.sick(t) })
	}
	if end := t.behaviour.Ends; end != nil {
		w.in(or(end.After, 5*time.Second), func() { w.end(t, *end) })
	}
	if t.rollout != nil {
		w.attach(t)
	}
}

// checked is when the containers' health checks have succeeded.
func (w *World) checked(t *task) {
	if t.leaving || t.behaviour.Unhealthy > 0 {
		return
	}
	for i, c := range t.definition.ContainerDefinitions {
		if c.HealthCheck != nil {
			t.Containers[i].HealthStatus = types.HealthStatusHealthy
			t.HealthStatus = types.HealthStatusHealthy
		}
	}
	w.settle(t)
}

// sick is when the main container's health check has failed for good.
func (w *World) sick(t *task) {
	if t.leaving {
		return
	}
	t.HealthStatus = types.HealthStatusUnhealthy
	for i := range t.Containers {
		if aws.ToString(t.Containers[i].Name) == t.main() {
			t.Containers[i].HealthStatus = types.HealthStatusUnhealthy
		}
	}
	if t.rollout == nil {
		return
	}
	s := t.rollout.service
	w.say(s, "(service %s) (task %s) failed container health checks.", s.name, t.id())
	w.halt(t, types.TaskStopCodeServiceSchedulerInitiated, "Task failed container health checks")
}

// end is the end of one container, which takes the task along.
func (w *World) end(t *task, end End) {
	if t.leaving {
		return
	}
	name, reason := end.Container, end.StoppedReason
	if name == "" {
		name = t.main()
	}
	if reason == "" {
		reason = "Essential container in task exited"
	}
	for i := range t.Containers {
		if aws.ToString(t.Containers[i].Name) == name {
			t.Containers[i].ExitCode = aws.Int32(end.Exit)
			if end.Reason != "" {
				t.Containers[i].Reason = aws.String(end.Reason)
			}
		}
	}
	w.halt(t, types.TaskStopCodeEssentialContainerExited, reason)
}

// halt stops a task at once and for this reason.
func (w *World) halt(t *task, code types.TaskStopCode, reason string) {
	if t.leaving {
		return
	}
	t.leaving, t.healthy = true, false
	ran := t.StartedAt != nil
	t.StopCode, t.StoppedReason, t.DesiredStatus = code, aws.String(reason), aws.String("STOPPED")
	t.StoppingAt = aws.Time(w.clock)
	t.become("DEPROVISIONING")
	for i := range t.Containers {
		t.Containers[i].LastStatus = aws.String("STOPPED")
		if ran && t.Containers[i].ExitCode == nil {
			t.Containers[i].ExitCode = aws.Int32(0) // it ends when it is told to
		}
	}
	if ran {
		t.ExecutionStoppedAt = aws.Time(w.clock)
	}
	w.detach(t)
	w.in(deprovisioning, func() { w.gone(t) })
	if t.rollout != nil {
		w.lost(t)
	}
}

// gone is the task's last status.
func (w *World) gone(t *task) {
	t.become("STOPPED")
	t.StoppedAt = aws.Time(w.clock)
	if t.Attachments[0].Status != nil {
		t.Attachments[0].Status = aws.String("DELETED")
	}
	if t.rollout != nil {
		w.reconcile(t.rollout.service)
	}
}

// drain lets a task of a service finish its requests, then stops it.
func (w *World) drain(t *task, why string) {
	if t.leaving || t.target == "draining" {
		return
	}
	t.healthy = false
	if t.target == "" {
		w.halt(t, types.TaskStopCodeServiceSchedulerInitiated, why)
		return
	}
	t.aim("draining", w.clock)
	t.DesiredStatus = aws.String("STOPPED")
	t.become("DEACTIVATING")
	s := t.rollout.service
	w.say(s, "(service %s) has begun draining connections on 1 tasks.", s.name)
	w.in(draining, func() {
		w.say(s, "(service %s) has stopped 1 running tasks: (task %s).", s.name, t.id())
		w.halt(t, types.TaskStopCodeServiceSchedulerInitiated, why)
	})
}

// visible are the tasks that ECS still shows.
func (w *World) visible() []*task {
	return slices.DeleteFunc(slices.Clone(w.ecs.tasks), func(t *task) bool {
		return t.StoppedAt != nil && w.clock.Sub(*t.StoppedAt) > keptTasks
	})
}

// taskNamed finds a task that ECS still shows, by ARN or id.
func (w *World) taskNamed(name string) *task {
	for _, t := range w.visible() {
		if t.id() == last(name) {
			return t
		}
	}
	return nil
}

// behave is how the next task of a kind goes.
func (w *World) behave(d *definition) Behaviour {
	list, kind := w.behaviours(d)
	if len(list) == 0 {
		return Behaviour{}
	}
	w.made["behaviour "+kind]++
	return list[min(w.made["behaviour "+kind], len(list))-1]
}

// behaviours are those of a definition's tasks, and what they are called.
func (w *World) behaviours(d *definition) ([]Behaviour, string) {
	if aws.ToString(d.Family) == w.names.MigrateFamily() {
		if len(w.scenario.Tasks.Migration) == 0 {
			return []Behaviour{{Ends: &End{}}}, "migration"
		}
		return w.scenario.Tasks.Migration, "migration"
	}
	for name, list := range w.scenario.Tasks.Image {
		if app := d.container(names.AppContainer); app != nil && strings.HasSuffix(aws.ToString(app.Image), "@"+asDigest(name)) {
			return list, "image " + name
		}
	}
	if w.ecs.old[d.arn()] {
		return w.scenario.Tasks.Old, "old"
	}
	return w.scenario.Tasks.New, "new"
}
