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

	"dtl-tf/runner/flock"
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
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
		if err != nil {
			// A cache on a medium that is read-only can be read all the same.
			if f, err = openExisting(path, err); err != nil {
				return nil, err
			}
		}
		err = flock.Try(f, how)
		switch {
		case errors.Is(err, syscall.EWOULDBLOCK):
			f.Close()
			return nil, errHeld
		case err != nil && !unsupported(err):
			f.Close()
			return nil, err
		}
		// Who removed the cache before may have removed the file between our open and our lock.
		if !flock.Same(f, path) {
			f.Close()
			continue
		}
		return f, nil
	}
}

func openExisting(path string, err error) (*os.File, error) {
	if f, e := os.Open(path); e == nil {
		return f, nil
	}
	return nil, err
}

// unsupported: some network file systems have no locks, and refusing to work there would help nobody.
func unsupported(err error) bool {
	return errors.Is(err, syscall.ENOLCK) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.ENOTSUP)
}

// waitToWrite takes the lock for writing, waiting for another writer up to limit; note hears of it.
func waitToWrite(ctx context.Context, folder string, limit time.Duration, note func(string, ...any)) (*os.File, error) {
	path := filepath.Join(folder, writeLock)
	waited := false
	for begun := time.Now(); ; waited = true {
		f, err := acquire(path, syscall.LOCK_EX)
		if err == nil {
			if f.Truncate(0) == nil {
				_, _ = f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0) // only for the other's message
			}
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
	id, _ := io.ReadAll(io.LimitReader(f, 32))
	if text := strings.TrimSpace(string(id)); text != "" {
		return "another run (process " + text + ")"
	}
	return "another run"
}
