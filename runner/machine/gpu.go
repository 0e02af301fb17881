package machine

import (
	"os/exec"
	"strconv"
	"strings"
)

// GPUs describes the NVIDIA cards by name, memory and driver, or returns "" if nvidia-smi finds none.
func GPUs() string {
	out, err := exec.Command("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader").Output()
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", "; ")
}

// ProcessOnGPU returns the GPU memory of a process in bytes, or 0 if unknown.
func ProcessOnGPU(pid int) int64 {
	out, err := exec.Command("nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits").Output()
	if err != nil {
		return 0
	}
	return parseProcesses(string(out), pid)
}

// parseProcesses returns the bytes of a process in lines of its number and MiB, as "4242, 1534".
func parseProcesses(text string, pid int) int64 {
	total := int64(0)
	for line := range strings.SplitSeq(text, "\n") {
		process, used, _ := strings.Cut(line, ",")
		mebibytes, err := strconv.ParseInt(strings.TrimSpace(used), 10, 64)
		if err == nil && strings.TrimSpace(process) == strconv.Itoa(pid) {
			total += mebibytes << 20
		}
	}
	return total
}
