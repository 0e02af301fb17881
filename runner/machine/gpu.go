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

// Cards describes each NVIDIA card for people, and the CUDA version up to which the driver runs programs. It is empty if nvidia-smi finds
// none.
func Cards() []string {
	out, err := exec.Command("nvidia-smi", "--query-gpu=name,compute_cap,memory.total,memory.free,driver_version", "--format=csv,noheader").Output()
	if err != nil {
		return nil
	}
	about, _ := exec.Command("nvidia-smi").Output()
	return parseCards(string(out), string(about))
}

func parseCards(list, about string) (cards []string) {
	cuda := ""
	if _, rest, ok := strings.Cut(about, "CUDA Version: "); ok {
		cuda = ", which runs CUDA up to " + strings.Fields(rest)[0]
	}
	for line := range strings.Lines(list) {
		if f := strings.Split(strings.TrimSpace(line), ", "); len(f) == 5 {
			cards = append(cards, f[0]+", compute capability "+f[1]+", "+f[2]+", "+f[3]+" free, driver "+f[4]+cuda)
		}
	}
	return cards
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
