// Package alloctest helps tests: it checks that code which reads untrusted files stays within a memory limit.
package alloctest

import (
	"runtime/metrics"
	"testing"
)

// Slack is what any reader may allocate regardless of its input, in bytes: buffers, error messages, the test's own work.
const Slack = 8 << 20

// Limit runs work and fails if it allocates more than limit bytes and Slack in total, including memory that is freed meanwhile.
// Nothing else may run at the same time.
func Limit(t testing.TB, limit int, work func()) {
	t.Helper()
	before := allocated()
	work()
	if took := allocated() - before; took > uint64(limit)+Slack {
		t.Fatalf("%d bytes of memory taken, the limit is %d and %d", took, limit, Slack)
	}
}

// allocated is the number of bytes allocated on the heap since the program started.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
