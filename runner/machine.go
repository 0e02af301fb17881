package runner

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"dtl-tf/dtl"
	"dtl-tf/runner/result"
)

// device describes what the session's graph runs on.
func device(s *dtl.Session, threads int) (result.Device, error) {
	name, kind, err := s.Device()
	if err != nil {
		return result.Device{}, err
	}
	d := result.Device{Name: name, Kind: kind, Model: procField("/proc/cpuinfo", "model name"), Threads: threads}
	if kind == "GPU" {
		d.Model = nvidiaDriver()
	}
	return d, nil
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
		name, value, ok := strings.Cut(lines.Text(), ":")
		if ok && strings.TrimSpace(name) == key {
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

// peakResident is the most memory that this process has had, in bytes; 0 where the system does not tell.
func peakResident() int64 { return procBytes("/proc/self/status", "VmHWM") }
