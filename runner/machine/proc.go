// Package machine asks the operating system what the machine is and how much memory there is. Where the
// system does not tell (Linux does), answers are empty.
package machine

import (
	"bufio"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Processor is the name of the processor, or of the platform where it has none.
func Processor() string {
	if name := procField("/proc/cpuinfo", "model name"); name != "" {
		return name
	}
	return runtime.GOOS + "/" + runtime.GOARCH
}

// processorFeatures are those that decide how fast TensorFlow's matrix products are.
var processorFeatures = []string{"avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16"}

// Features tells which of the processor features that matter the processor has; both lists are empty
// where the system does not tell.
func Features() (has, lacks []string) {
	flags := procField("/proc/cpuinfo", "flags")
	if flags == "" {
		return nil, nil
	}
	flags = " " + flags + " "
	for _, f := range processorFeatures {
		if strings.Contains(flags, " "+f+" ") {
			has = append(has, f)
		} else {
			lacks = append(lacks, f)
		}
	}
	return has, lacks
}

// TotalBytes is the memory of the machine, 0 if unknown.
func TotalBytes() int64 { return procBytes("/proc/meminfo", "MemTotal") }

// AvailableBytes is the memory that a new program can have without swapping: what the system says, or what
// is left of the limit of the control group. 0 if unknown.
func AvailableBytes() int64 {
	free := procBytes("/proc/meminfo", "MemAvailable")
	if limit, ok := fileNumber("/sys/fs/cgroup/memory.max"); ok { // "max" where there is no limit
		if used, ok := fileNumber("/sys/fs/cgroup/memory.current"); ok && (free == 0 || limit-used < free) {
			free = max(limit-used, 1)
		}
	}
	return free
}

// PeakResident is the most memory that this process has had, in bytes; 0 if unknown.
func PeakResident() int64 { return procBytes("/proc/self/status", "VmHWM") }

// procField is the first value of a key in one of Linux' "key : value" files, "" where there is none.
func procField(file, key string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20) // a line of processor flags is long
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// procBytes is a "123 kB" value of such a file in bytes, 0 where there is none.
func procBytes(file, key string) int64 {
	kilobytes, err := strconv.ParseInt(strings.TrimSuffix(procField(file, key), " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return kilobytes << 10
}

func fileNumber(path string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}
