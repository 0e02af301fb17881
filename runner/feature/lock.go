package feature

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"dtl-tf/runner/internal/flock"
)

// A cache has two locks. useLock is shared by all processes that use the cache and exclusive for the one that removes it.
// writeLock is exclusive for the one that writes.
const (
	useLock   = "use.lock"
	writeLock = "write.lock"
)

// errHeld says that another process holds a lock.
var errHeld = errors.New("in use by another run")

// acquire takes the lock at path without waiting; how is syscall.LOCK_SH or LOCK_EX. It returns errHeld if another process holds
// it.
func acquire(path string, how int) (*os.File, error) {
	f, err := flock.Acquire(path, how)
	var held *flock.HeldError
	if errors.As(err, &held) {
		return nil, errHeld
	}
	return f, err
}

// waitToWrite takes the lock for writing. It waits for another writer up to limit, and notes that.
func waitToWrite(ctx context.Context, folder string, limit time.Duration, note func(string, ...any)) (*os.File, error) {
	noted := false
	for begun := time.Now(); ; noted = true {
		f, err := flock.Acquire(filepath.Join(folder, writeLock), syscall.LOCK_EX)
		var held *flock.HeldError
		if !errors.As(err, &held) {
			return f, err
		}
		writer := "another run"
		if held.Holder != "" {
			writer += " (process " + held.Holder + ")"
		}
		if !noted {
			note("feature cache: %s is writing %s: waiting for it, at most %v", writer, folder, limit)
		}
		if time.Since(begun) >= limit {
			return nil, fmt.Errorf("%w: %s is still writing %s after %v", errHeld, writer, folder, limit)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(min(limit/20, 250*time.Millisecond)):
		}
	}
}
