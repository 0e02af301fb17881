package compare

import (
	"bufio"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
)

// availableBytes is the memory that a new program can have without swapping: what Linux says, or what is left of
// the limit of the control group. 0 where the system does not tell.
func availableBytes() int64 {
	kilobytes, _ := strconv.ParseInt(strings.TrimSuffix(procField("/proc/meminfo", "MemAvailable"), " kB"), 10, 64)
	free := kilobytes << 10
	if limit, ok := fileNumber("/sys/fs/cgroup/memory.max"); ok { // "max" where there is no limit
		if used, ok := fileNumber("/sys/fs/cgroup/memory.current"); ok && (free == 0 || limit-used < free) {
			free = max(limit-used, 1)
		}
	}
	return free
}

func fileNumber(path string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}

// processor is the name of the machine's processor.
func processor() string {
	if name := procField("/proc/cpuinfo", "model name"); name != "" {
		return name
	}
	return runtime.GOOS + "/" + runtime.GOARCH
}

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

// processOnGPU asks NVIDIA's tool how many bytes of GPU memory this process takes; 0 if it does not say.
func processOnGPU() int64 {
	out, err := exec.Command("nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits").Output()
	if err != nil {
		return 0
	}
	return parseProcesses(string(out), os.Getpid())
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

// volunteer makes this process the first that Linux ends when memory runs out, before the one that started it.
func volunteer() {
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0o644)
}
