// Package machine reports the processor, the memory and the GPUs of the machine. Linux answers everything; on other systems an
// unknown answer is empty.
package machine

import (
	"cmp"
	"io/fs"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Processor returns the name of the processor, or of the platform if it has none.
func Processor() string {
	return cmp.Or(procField("/proc/cpuinfo", "model name"), runtime.GOOS+"/"+runtime.GOARCH)
}

// processorFeatures decide how fast TensorFlow's matrix products are.
var processorFeatures = []string{"avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16"}

// Features returns the processorFeatures that the processor has and lacks. Both lists are empty if that is unknown.
func Features() (has, lacks []string) {
	flags := strings.Fields(procField("/proc/cpuinfo", "flags"))
	if len(flags) == 0 {
		return nil, nil
	}
	for _, f := range processorFeatures {
		if slices.Contains(flags, f) {
			has = append(has, f)
		} else {
			lacks = append(lacks, f)
		}
	}
	return has, lacks
}

// FastBF16 reports whether the processor has instructions for products of bfloat16 matrices. It is true if that is unknown.
func FastBF16() bool {
	has, lacks := Features()
	return slices.Contains(has, "avx512_bf16") || slices.Contains(has, "amx_bf16") || len(has)+len(lacks) == 0
}

// Processors returns how many threads can work at once: the number of processors that this process may use, or fewer if its
// control groups limit their time (a part of one counts as one).
func Processors() int { return processors(root, runtime.NumCPU()) }

func processors(files fs.FS, allowed int) int {
	return max(1, int(min(float64(allowed), math.Ceil(processorLimit(files)))))
}

// TotalBytes returns the memory of the machine, or the limit of the control groups if that is less, or 0 if unknown.
func TotalBytes() int64 {
	limit, _ := memoryLimits(root)
	return atMost(procBytes("/proc/meminfo", "MemTotal"), limit)
}

// AvailableBytes returns the memory that a new program can use without swapping, or what the control groups leave of their limits
// if that is less, or 0 if unknown.
func AvailableBytes() int64 {
	_, left := memoryLimits(root)
	return atMost(procBytes("/proc/meminfo", "MemAvailable"), max(left, 1))
}

// atMost returns the number that the system reports, 0 if unknown, or the limit if that is less. math.MaxInt64 means no limit.
func atMost(reported, limit int64) int64 {
	if reported == 0 && limit < math.MaxInt64 {
		return limit
	}
	return min(reported, limit)
}

// Resident is the memory of this process in bytes, 0 if it is unknown.
func Resident() int64 { return procBytes("/proc/self/status", "VmRSS") }

// PeakResident returns the peak resident memory of this process in bytes, or 0 if unknown.
func PeakResident() int64 { return procBytes("/proc/self/status", "VmHWM") }

// procField returns the first value of a key in one of Linux' "key : value" files, or "".
func procField(file, key string) string {
	content, _ := os.ReadFile(file)
	for line := range strings.Lines(string(content)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// procBytes returns a "123 kB" value of such a file in bytes, or 0.
func procBytes(file, key string) int64 {
	kibibytes, _ := strconv.ParseInt(strings.TrimSuffix(procField(file, key), " kB"), 10, 64)
	return kibibytes << 10
}
