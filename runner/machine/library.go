package machine

import (
	"os"
	"path/filepath"
	"strings"
)

// LibTensorFlow returns the path of the libtensorflow that this process has loaded, "" if the system does not tell.
func LibTensorFlow() string {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(maps)) {
		if fields := strings.Fields(line); len(fields) >= 6 {
			if base := filepath.Base(fields[5]); strings.HasPrefix(base, "libtensorflow") && !strings.Contains(base, "framework") {
				return fields[5]
			}
		}
	}
	return ""
}
