package capi

import (
	"os"
	"sync"
)

// PoolForEachDevice gives each CPU device of the process its own thread pool, if no session has been opened yet. By default all devices share
// one pool, in which oneDNN's products run while the device's thread waits: with half of the threads in it, two devices would use half of
// the processors.
var PoolForEachDevice = sync.OnceFunc(func() {
	os.Setenv("TF_OVERRIDE_GLOBAL_THREADPOOL", "1") // read by core/common_runtime/local_device.cc
})
