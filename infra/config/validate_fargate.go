package config

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// fargateMemory has, per CPU, the least, the most and the step of memory in
// MiB that Fargate accepts (Amazon ECS developer guide, task size).
var fargateMemory = map[int][3]int{
	512:   {1024, 4096, 1024},
	1024:  {2048, 8192, 1024},
	2048:  {4096, 16384, 1024},
	4096:  {8192, 30720, 1024},
	8192:  {16384, 61440, 4096},
	16384: {32768, 122880, 8192},
}

// smallest is what 256 CPU units go with.
var smallest = []int{512, 1024, 2048}

// FargateMemories lists the memory sizes in MiB that Fargate pairs with a size of
// so many CPU units (1024 are one vCPU), the least first; none if Fargate has no
// such size.
func FargateMemories(cpu int) []int {
	if cpu == 256 {
		return smallest
	}
	size, ok := fargateMemory[cpu]
	if !ok {
		return nil
	}
	var all []int
	for memory := size[0]; memory <= size[1]; memory += size[2] {
		all = append(all, memory)
	}
	return all
}

// fargate checks a group's memory against its cpu, which has a rule.
func (d *decoder) fargate(cpu, memory int, path string) {
	all := FargateMemories(cpu)
	if all != nil {
		d.check(slices.Contains(all, memory), path+".memory", fmt.Sprintf("Fargate does not pair it with %d CPU units", cpu),
			"write "+span(all), path+".cpu")
	}
}

// cpus lists the CPU sizes.
func cpus() []string {
	sizes := []int{256}
	for cpu := range fargateMemory {
		sizes = append(sizes, cpu)
	}
	sort.Ints(sizes)
	return texts(sizes)
}

// span says which memory sizes there are, shortly.
func span(all []int) string {
	if len(all) <= 4 {
		return "one of " + strings.Trim(strings.ReplaceAll(fmt.Sprint(all), " ", ", "), "[]")
	}
	return fmt.Sprintf("%d to %d in steps of %d", all[0], all[len(all)-1], all[1]-all[0])
}
