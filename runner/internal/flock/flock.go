// Package flock locks files. The kernel releases a lock when its process ends, however it ends, and the file names the holder.
package flock

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// HeldError says that another process holds a lock.
type HeldError struct {
	Path   string
	Holder string // its process number and machine, "" if unknown
}

// Error implements error.
func (e *HeldError) Error() string {
	if e.Holder == "" {
		return e.Path + " is locked by another process"
	}
	return e.Path + " is locked by process " + e.Holder
}

// maxTries limits how often Acquire starts over because the lock file was removed in the meantime. Only a file system that gives
// a file a new inode number at each look reaches it.
const maxTries = 1000

// same reports whether path still names the open file. It is a variable for tests.
var same = func(f *os.File, path string) bool {
	opened, err := f.Stat()
	named, err2 := os.Stat(path)
	return err == nil && err2 == nil && os.SameFile(opened, named)
}

// Acquire locks the file at path without waiting and creates it if necessary; how is syscall.LOCK_EX or LOCK_SH. It returns a
// *HeldError if another process holds the lock. Closing the file releases the lock, so a file left by a killed process blocks
// nobody. Only the holder of the lock may remove the file.
//
// On a network file system this works if flock reaches the server. Linux' NFS client does that, except with the mount options
// nolock and local_lock=flock, which exclude only the processes of one machine. On a file system without locks nothing is
// excluded.
func Acquire(path string, how int) (*os.File, error) {
	for range maxTries {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
		if err != nil && how == syscall.LOCK_SH {
			// A shared lock needs no write access, as on a read-only medium.
			if existing, e := os.Open(path); e == nil {
				f, err = existing, nil
			}
		}
		if err != nil {
			return nil, err
		}
		for err = syscall.EINTR; err == syscall.EINTR; {
			err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		}
		if errors.Is(err, syscall.EWOULDBLOCK) {
			holder, _ := io.ReadAll(io.LimitReader(f, 256))
			f.Close()
			return nil, &HeldError{Path: path, Holder: strings.TrimSpace(string(holder))}
		}
		// Some network file systems have no locks. Failing there would help nobody.
		if err != nil && !errors.Is(err, syscall.ENOLCK) && !errors.Is(err, syscall.ENOSYS) && !errors.Is(err, syscall.ENOTSUP) {
			f.Close()
			return nil, err
		}
		// The previous holder may have removed the file after we opened it. Then nobody else sees our lock.
		if !same(f, path) {
			f.Close()
			continue
		}
		if how == syscall.LOCK_EX && f.Truncate(0) == nil {
			_, _ = f.WriteAt(fmt.Appendf(nil, "%s\n", self()), 0) // serves error messages only
		}
		return f, nil
	}
	return nil, fmt.Errorf("%s disappeared %d times while it was being locked: choose a folder on another file system", path, maxTries)
}

// self names this process in other processes' messages.
func self() string {
	host, err := os.Hostname()
	if err != nil {
		return fmt.Sprint(os.Getpid())
	}
	return fmt.Sprintf("%d on %s", os.Getpid(), host)
}
