// Package alloctest is a helper of tests: it holds code that reads files from strangers against a limit of memory.
package alloctest

import (
	"runtime/metrics"
	"testing"
)

// Slack is what any reader may take whatever its input: buffers, the test's own work, error messages.
const Slack = 8 << 20

// Limit runs work and fails if it takes more than limit bytes of memory and Slack, all that it takes and gives back
// in between included. Nothing else may run meanwhile.
func Limit(t testing.TB, limit int, work func()) {
	t.Helper()
	before := taken()
	work()
	if took := taken() - before; took > uint64(limit)+Slack {
		t.Fatalf("%d bytes of memory taken, the limit is %d and %d", took, limit, Slack)
	}
}

// taken is the number of bytes taken from the heap since the program began.
func taken() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
