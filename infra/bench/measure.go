package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// command is one process to measure.
type command struct {
	dir  string
	env  []string
	argv []string
}

// usage is what processes took.
type usage struct {
	// Wall is the time until the last process ended.
	Wall time.Duration
	// CPU is user and system time of all processes.
	CPU time.Duration
	// Peak is the most memory that was resident at once; 0 where the system
	// doesn't tell.
	Peak int64
}

// sampling is how often memory is read: often enough for a process of seconds,
// and too seldom to slow it down.
const sampling = 20 * time.Millisecond

// run runs one process and everything that it starts.
func (c command) run(ctx context.Context) (usage, error) {
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	var output bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.dir, append(os.Environ(), c.env...), &output, &output
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return usage{}, fmt.Errorf("start %s: %w", c.argv[0], err)
	}
	peak := watch(cmd.Process.Pid)
	err := cmd.Wait()
	wall := time.Since(start)
	if err != nil {
		return usage{}, fmt.Errorf("run %s: %w\n%s", strings.Join(c.argv, " "), err, output.String())
	}
	return usage{wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), peak()}, nil
}

// watch follows the memory of a process and its descendants until the function
// that it returns is called, which gives the peak.
func watch(pid int) func() int64 {
	stop, result := make(chan struct{}), make(chan int64)
	go func() {
		ticker := time.NewTicker(sampling)
		defer ticker.Stop()
		var peak int64
		for {
			select {
			case <-ticker.C:
				peak = max(peak, resident(pid))
			case <-stop:
				result <- peak
				return
			}
		}
	}()
	return func() int64 { close(stop); return <-result }
}

// resident is the memory of a process and its descendants. Pages that they
// share count for each of them.
func resident(pid int) int64 {
	base := filepath.Join("/proc", strconv.Itoa(pid))
	data, err := os.ReadFile(filepath.Join(base, "statm"))
	if err != nil {
		return 0 // it has ended, or there is no /proc
	}
	pages, _ := strconv.ParseInt(strings.Fields(string(data))[1], 10, 64)
	total := pages * int64(os.Getpagesize())
	files, _ := filepath.Glob(filepath.Join(base, "task", "*", "children")) // the pattern is well-formed
	for _, file := range files {
		children, _ := os.ReadFile(file)
		for _, child := range strings.Fields(string(children)) {
			id, _ := strconv.Atoi(child)
			total += resident(id)
		}
	}
	return total
}

// subject is something to measure: processes that run one after another.
type subject struct {
	Name     string
	commands []command
	runs     []usage
}

// run measures it once more.
func (s *subject) run(ctx context.Context) error {
	var total usage
	for _, c := range s.commands {
		used, err := c.run(ctx)
		if err != nil {
			return err
		}
		total = usage{total.Wall + used.Wall, total.CPU + used.CPU, max(total.Peak, used.Peak)}
	}
	s.runs = append(s.runs, total)
	return nil
}

// figures sums up a subject's runs.
type figures struct {
	// WallMedian and WallBest are in seconds.
	WallMedian float64 `json:"wallMedianSeconds"`
	WallBest   float64 `json:"wallBestSeconds"`
	// CPUMedian is in seconds.
	CPUMedian float64 `json:"cpuMedianSeconds"`
	// Peak is the largest of all runs, in megabytes.
	Peak float64 `json:"peakMegabytes"`
}

// figures sums up the runs so far.
func (s *subject) figures() figures {
	column := func(value func(usage) float64) []float64 {
		values := make([]float64, len(s.runs))
		for i, used := range s.runs {
			values[i] = value(used)
		}
		slices.Sort(values)
		return values
	}
	wall := column(func(u usage) float64 { return u.Wall.Seconds() })
	cpu := column(func(u usage) float64 { return u.CPU.Seconds() })
	peak := column(func(u usage) float64 { return float64(u.Peak) / 1e6 })
	return figures{WallMedian: median(wall), WallBest: wall[0], CPUMedian: median(cpu), Peak: peak[len(peak)-1]}
}

// median is the middle of sorted values.
func median(values []float64) float64 {
	half := len(values) / 2
	if len(values)%2 == 1 {
		return values[half]
	}
	return (values[half-1] + values[half]) / 2
}
