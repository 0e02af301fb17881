package feature

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"dtl-tf/runner/internal/flock"
)

// A cache has two locks, which the kernel gives free when their process ends in whatever way. useLock is shared by all that
// read or write the cache, and held alone by who removes it. writeLock is held by the one that writes.
const (
	useLock   = "use.lock"
	writeLock = "write.lock"
)

// errHeld says that another process has a lock.
var errHeld = errors.New("in use by another run")

// acquire takes the lock at path without waiting; how is syscall.LOCK_SH or LOCK_EX. It returns errHeld if it can't be had.
func acquire(path string, how int) (*os.File, error) {
	f, err := flock.Acquire(path, how)
	var held *flock.HeldError
	if errors.As(err, &held) {
		return nil, errHeld
	}
	return f, err
}

// waitToWrite takes the lock for writing, waiting for another writer up to limit; note hears of it.
func waitToWrite(ctx context.Context, folder string, limit time.Duration, note func(string, ...any)) (*os.File, error) {
	path := filepath.Join(folder, writeLock)
	waited := false
	for begun := time.Now(); ; waited = true {
		f, err := acquire(path, syscall.LOCK_EX)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, errHeld) {
			return nil, err
		}
		if !waited {
			note("feature cache: %s is writing %s: waiting for it, at most %v", holder(path), folder, limit)
		}
		if time.Since(begun) >= limit {
			return nil, fmt.Errorf("%w: %s is still writing %s after %v", errHeld, holder(path), folder, limit)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(min(limit/20, 250*time.Millisecond)):
		}
	}
}

// holder names the process that has a lock for writing.
func holder(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return "another run"
	}
	defer f.Close()
	id, _ := io.ReadAll(io.LimitReader(f, 256))
	if text := strings.TrimSpace(string(id)); text != "" {
		return "another run (process " + text + ")"
	}
	return "another run"
}
