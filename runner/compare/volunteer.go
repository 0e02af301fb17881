package compare

import "os"

// volunteer makes this process the first that Linux ends when memory runs out, before the one that started it.
func volunteer() {
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0o644)
}
