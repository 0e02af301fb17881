package hub

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"dtl-tf/runner/internal/flock"
)

// lockPoll is the time between two looks at a lock.
const lockPoll = 100 * time.Millisecond

// lock waits for the lock of a blob, which Python's filelock takes in the same way. Closing the file releases it.
func (h *Hub) lock(ctx context.Context, s store, f remote) (*os.File, error) {
	path := s.lock(f.etag)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, cacheError(err)
	}
	for told := false; ; {
		file, err := flock.Acquire(path, syscall.LOCK_EX)
		var held *flock.HeldError
		if !errors.As(err, &held) {
			return file, cacheError(err)
		}
		if !told {
			h.Note("waiting for another process (%s), which downloads %s", first(held.Holder, "unknown"), f.name)
			told = true
		}
		if err := h.clock.Sleep(ctx, lockPoll); err != nil {
			return nil, err
		}
	}
}
