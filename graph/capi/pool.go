package capi

import (
	"os"
	"sync"
)

// PoolForEachDevice gives each CPU device of the process a pool of threads of its own, if no session has been opened yet. By default all share
// one, in which oneDNN's products run while the thread of the device waits: with half of the threads in it, two devices would use half of
// the processors.
var PoolForEachDevice = sync.OnceFunc(func() {
	os.Setenv("TF_OVERRIDE_GLOBAL_THREADPOOL", "1") // read by core/common_runtime/local_device.cc
})
