package cost

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// mibPerGB and unitsPerCPU are what task definitions count in.
const (
	mibPerGB    = 1024
	unitsPerCPU = 1024
)

// size is what a task or a job asks Fargate for.
type size struct {
	cpus, gb float64
	// price is the beginning of the prices' ids: "fargate." or "fargate.arm.".
	price string
}

// String reads e.g. "0.5 vCPU, 1 GB".
func (s size) String() string {
	text := fmt.Sprintf("%v vCPU, %v GB", s.cpus, s.gb)
	if strings.Contains(s.price, "arm") {
		text += ", ARM"
	}
	return text
}

// sized is the size of a task or job whose platform is at a path.
func (r resource) sized(cpus, gb float64, platform ...any) size {
	made := size{cpus: cpus, gb: gb, price: "fargate."}
	if r.Text(append(platform, "CpuArchitecture")...) == "ARM64" {
		made.price = "fargate.arm."
	}
	return made
}

// taskSize is a task definition's.
func (e *estimator) taskSize(r resource) size {
	return r.sized(e.number(r, "Cpu")/unitsPerCPU, e.number(r, "Memory")/mibPerGB, "RuntimePlatform")
}

// fargate prices the time of a task or job: its vCPUs and its memory.
func (e *estimator) fargate(group, item, detail string, s size, hours float64, factor *Factor) {
	for _, part := range []struct {
		name, id string
		amount   float64
	}{{"vCPU", s.price + "vcpu", s.cpus}, {"memory", s.price + "gb", s.gb}} {
		price, ok := e.prices.price(part.id)
		if !ok {
			e.unpriced(item, 1, fmt.Sprintf("the price table has no %q; add it there", part.id))
			continue
		}
		if factor != nil {
			price = price.times(*factor)
		}
		e.addAt(group, item+", "+part.name, detail, hours*part.amount, price)
	}
}

// services run their least number of tasks all month.
func (e *estimator) services(list []resource) {
	for _, r := range list {
		definition, ok := r.refers("TaskDefinition")
		if !ok {
			e.unpriced(r.Type, 1, "its task definition is not in the same template")
			continue
		}
		tasks, s := e.tasks(r), e.taskSize(definition)
		detail := fmt.Sprintf("%v × %v", tasks, s)
		e.fargate(Compute, "Service", detail, s, e.hours()*tasks, nil)
		if r.Text("NetworkConfiguration", "AwsvpcConfiguration", "AssignPublicIp") == "ENABLED" {
			e.add(Network, publicAddresses, "", e.hours()*tasks, "ipv4.hour")
		}
	}
}

// tasks is how many a service runs when there is nothing to do: the desired
// number, or autoscaling's least one where that is more.
func (e *estimator) tasks(service resource) float64 {
	tasks := e.number(service, "DesiredCount")
	for _, target := range e.resources["AWS::ApplicationAutoScaling::ScalableTarget"] {
		if strings.Contains(target.Text("ResourceId"), "${"+service.id+".Name}") {
			tasks = math.Max(tasks, e.number(target, "MinCapacity"))
		}
	}
	return tasks
}

// oneOffs are task definitions that no service runs, e.g. the migration's.
func (e *estimator) oneOffs(list []resource) {
	served := map[string]bool{}
	for _, service := range e.resources["AWS::ECS::Service"] {
		if definition, ok := service.refers("TaskDefinition"); ok {
			served[definition.stack.Name+definition.id] = true
		}
	}
	for _, r := range list {
		if !served[r.stack.Name+r.id] {
			s := e.taskSize(r)
			e.fargate(Compute, "Single tasks", s.String(), s, e.assume("oneoff.hours"), nil)
		}
	}
}

// functions are few and seldom called.
func (e *estimator) functions(_ []resource) {
	e.add(Compute, "Lambda", "", e.assume("lambda.gbs.millions"), "lambda.gbs")
	e.add(Compute, "Lambda, calls", "", e.assume("lambda.calls.millions"), "lambda.calls")
}

// jobs share the assumed hours; they run where their queue looks first.
func (e *estimator) jobs(list []resource) {
	factor := e.jobFactor()
	hours := e.assume("batch.hours") / float64(len(list))
	for _, r := range list {
		s := e.jobSize(r)
		detail := s.String()
		if factor != nil {
			detail += ", Spot"
		}
		e.fargate(Batch, "Jobs", detail, s, hours, factor)
	}
}

// jobSize is a job definition's.
func (e *estimator) jobSize(r resource) size {
	amounts := map[string]float64{}
	for i := range r.items("ContainerProperties", "ResourceRequirements") {
		kind := r.Text("ContainerProperties", "ResourceRequirements", i, "Type")
		amounts[kind] = e.number(r, "ContainerProperties", "ResourceRequirements", i, "Value")
	}
	return r.sized(amounts["VCPU"], amounts["MEMORY"]/mibPerGB, "ContainerProperties", "RuntimePlatform")
}

// jobFactor is Spot's, where the queue's first compute environment is; else nil.
func (e *estimator) jobFactor() *Factor {
	for _, queue := range e.resources["AWS::Batch::JobQueue"] {
		if e.firstEnvironment(queue).Text("ComputeResources", "Type") == "FARGATE_SPOT" {
			spot := e.prices.factor("spot")
			return &spot
		}
	}
	return nil
}

// firstEnvironment is the compute environment that a queue tries first.
func (e *estimator) firstEnvironment(queue resource) resource {
	order := make([]int, len(queue.items("ComputeEnvironmentOrder")))
	for i := range order {
		order[i] = i
	}
	if len(order) == 0 {
		return resource{}
	}
	first := slices.MinFunc(order, func(a, b int) int {
		return cmp.Compare(e.number(queue, "ComputeEnvironmentOrder", a, "Order"), e.number(queue, "ComputeEnvironmentOrder", b, "Order"))
	})
	found, _ := queue.refers("ComputeEnvironmentOrder", first, "ComputeEnvironment")
	return found
}
