package config

import (
	"strconv"
	"strings"
)

// memoryPerVCPU is how many GiB of memory each vCPU of a family has (Amazon RDS
// user guide, hardware specifications of instance classes).
var memoryPerVCPU = map[string]float64{
	"m5": 4, "m5d": 4, "m6g": 4, "m6gd": 4, "m6i": 4, "m6id": 4, "m7g": 4, "m7i": 4, "m8g": 4, "m8gd": 4,
	"r5": 8, "r5b": 8, "r5d": 8, "r6g": 8, "r6gd": 8, "r6i": 8, "r6id": 8, "r7g": 8, "r7i": 8, "r8g": 8, "r8gd": 8,
	"x2g": 16, "x2idn": 16, "x2iedn": 32,
}

// burstableMemory is that of the families t3 and t4g, whose small sizes all have
// two vCPUs.
var burstableMemory = map[string]float64{
	"micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32,
}

// InstanceMemoryGiB is the memory of an instance class, e.g. 16 of "r6g.large";
// false where the family or the size isn't known.
func InstanceMemoryGiB(class string) (float64, bool) {
	family, size, _ := strings.Cut(class, ".")
	if family == "t3" || family == "t4g" {
		memory, ok := burstableMemory[size]
		return memory, ok
	}
	memory, known := memoryPerVCPU[family]
	vcpus, ok := vcpusOf(size)
	return memory * vcpus, known && ok
}

// vcpusOf is how many vCPUs a size has: "large" two, and every "xlarge" four.
func vcpusOf(size string) (float64, bool) {
	if size == "large" {
		return 2, true
	}
	times, ok := strings.CutSuffix(size, "xlarge")
	if times == "" {
		times = "1"
	}
	n, err := strconv.Atoi(times)
	return float64(4 * n), ok && err == nil && n > 0
}
