// Package expect holds checks that the tests of all packages share.
package expect

import (
	"runtime/metrics"
	"strings"
	"testing"
)

// NoError ends the test if there is an error.
func NoError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Error ends the test if there is no error, and fails it if the error lacks one of the texts.
func Error(t testing.TB, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that says %q", texts)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q lacks %q", err, text)
		}
	}
}

// slack is what any reader may allocate regardless of its input, in bytes: buffers, error messages, the test's own work.
const slack = 8 << 20

// Memory runs work, which reads an untrusted file, and fails if it allocates more than limit bytes and a slack of 8 MiB, including
// memory that is freed meanwhile. Nothing else may run at the same time.
func Memory(t testing.TB, limit int, work func()) {
	t.Helper()
	before := allocated()
	work()
	if took := allocated() - before; took > uint64(limit)+slack {
		t.Fatalf("%d bytes of memory taken, the limit is %d and %d", took, limit, slack)
	}
}

// allocated is the number of bytes allocated on the heap since the program started.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
