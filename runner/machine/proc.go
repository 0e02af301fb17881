// Package machine asks the operating system what the machine is and how much memory there is. Where the
// system does not tell (Linux does), answers are empty.
package machine

import (
	"bufio"
	"io/fs"
	"math"
	"os"
	"runtime"
	"slices"
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

// FastBF16 tells whether the processor multiplies bfloat16 matrices itself; where the system does not say, it is
// taken to.
func FastBF16() bool {
	has, lacks := Features()
	return slices.Contains(has, "avx512_bf16") || slices.Contains(has, "amx_bf16") || len(has)+len(lacks) == 0
}

// Processors is how many threads can work at once: the processors that the system lets this process run on, or fewer where its
// control groups give it less of their time (a part of one counts as one).
func Processors() int { return processors(root, runtime.NumCPU()) }

func processors(files fs.FS, allowed int) int {
	return max(1, int(min(float64(allowed), math.Ceil(processorLimit(files)))))
}

// TotalBytes is the memory of the machine, or the limit of the control groups where that is less; 0 if unknown.
func TotalBytes() int64 {
	limit, _ := memoryLimits(root)
	return atMost(procBytes("/proc/meminfo", "MemTotal"), limit)
}

// AvailableBytes is the memory that a new program can have without swapping: what the system says, or what
// is left of the limits of the control groups where that is less. 0 if unknown.
func AvailableBytes() int64 {
	_, left := memoryLimits(root)
	return atMost(procBytes("/proc/meminfo", "MemAvailable"), max(left, 1))
}

// atMost is what the system says, 0 for nothing, under a limit, which is math.MaxInt64 where there is none.
func atMost(said, limit int64) int64 {
	switch {
	case limit == math.MaxInt64:
		return said
	case said == 0:
		return limit
	}
	return min(said, limit)
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
