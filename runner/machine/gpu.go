package machine

import (
	"os/exec"
	"strconv"
	"strings"
)

// GPUs describes the NVIDIA cards by name, memory and driver, as NVIDIA's own tool does; "" where there is none.
func GPUs() string {
	out, err := exec.Command("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader").Output()
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", "; ")
}

// ProcessOnGPU is how many bytes of GPU memory a process takes; 0 if the tool does not say.
func ProcessOnGPU(pid int) int64 {
	out, err := exec.Command("nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits").Output()
	if err != nil {
		return 0
	}
	return parseProcesses(string(out), pid)
}

// parseProcesses sums the MiB of one process in lines like "4242, 1534".
func parseProcesses(text string, pid int) int64 {
	total := int64(0)
	for line := range strings.SplitSeq(text, "\n") {
		process, used, _ := strings.Cut(line, ",")
		if n, err := strconv.Atoi(strings.TrimSpace(process)); err != nil || n != pid {
			continue
		}
		if mebibytes, err := strconv.ParseInt(strings.TrimSpace(used), 10, 64); err == nil {
			total += mebibytes << 20
		}
	}
	return total
}
