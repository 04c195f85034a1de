package config

import (
	"strings"
	"testing"
)

func TestTheMemoryOfInstanceClasses(t *testing.T) {
	for class, want := range map[string]float64{
		"t4g.micro": 1, "t4g.medium": 4, "t3.2xlarge": 32, "m7g.large": 8, "m8g.48xlarge": 768,
		"r6g.large": 16, "r7i.xlarge": 32, "r8g.16xlarge": 512, "x2g.large": 32, "x2idn.16xlarge": 1024, "x2iedn.xlarge": 128,
	} {
		if got, ok := InstanceMemoryGiB(class); got != want || !ok {
			t.Errorf("%s has %v GiB, %v; want %v", class, got, ok, want)
		}
	}
	for _, class := range []string{"", "t4g", "t4g.nano", "r6g.", "r6g.huge", "r6g.0xlarge", "r6g.-2xlarge", "db.r6g.large", "q1.large"} {
		if got, ok := InstanceMemoryGiB(class); ok {
			t.Errorf("%q has %v GiB", class, got)
		}
	}
}

// The alarm of connections has its threshold by the memory.
func TestEveryInstanceClassThatIsAcceptedHasItsMemory(t *testing.T) {
	for engine, families := range classes {
		for family, sizes := range families {
			for _, size := range strings.Fields(sizes) {
				if memory, ok := InstanceMemoryGiB(family + "." + size); !ok || memory < 1 {
					t.Errorf("%s: %s.%s has %v GiB, %v", engine, family, size, memory, ok)
				}
			}
		}
	}
}
