package limit

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// counter counts bytes and calls then after each write.
type counter struct {
	n    int64
	then func()
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	c.then()
	return len(p), nil
}

// TestCopy checks that Copy stops in the middle of a large file when its context ends.
func TestCopy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 10*chunk+3); err != nil {
		t.Fatal(err)
	}
	all := &counter{then: func() {}}
	if n, err := Copy(t.Context(), all, path); n != 10*chunk+3 || all.n != n || err != nil {
		t.Errorf("%d of %d bytes, %v", all.n, n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	part := &counter{then: cancel}
	if n, err := Copy(ctx, part, path); n != chunk || part.n != n || !errors.Is(err, context.Canceled) {
		t.Errorf("%d of %d bytes, %v", part.n, n, err)
	}
}
