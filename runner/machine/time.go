package machine

import (
	"syscall"
	"time"
)

// ProcessorTime is the time that all threads of this process have spent on processors so far.
func ProcessorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // fails for no process itself
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
