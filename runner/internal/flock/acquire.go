package flock

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// HeldError says that another process has a lock.
type HeldError struct {
	Path   string
	Holder string // its process number and machine, "" where that could not be read
}

// Error implements error.
func (e *HeldError) Error() string {
	if e.Holder == "" {
		return e.Path + " is locked by another process"
	}
	return e.Path + " is locked by process " + e.Holder
}

// mostTries bounds how often a lock file may be gone again when it is locked. Each time another process must have removed it at that moment,
// unless the file system gives a file a new number each time it is asked, and then it will never end.
const mostTries = 1000

// same is Same but in tests.
var same = Same

// Acquire takes the lock of the file at path, which it makes if need be, without waiting: how is syscall.LOCK_EX or LOCK_SH. The error
// is a *HeldError if another process has it. The kernel gives it free when the file is closed, or the process ends in whatever
// way, so a file that a killed process leaves is no obstacle. Whoever removes the file must hold its lock.
//
// On a network file system this assumes that flock reaches the server: Linux' NFS client does
// that (mount options nolock and local_lock=flock keep it on one machine, and then only the processes of
// one machine see each other); where the file system has no locks at all, nothing keeps two processes apart.
func Acquire(path string, how int) (*os.File, error) {
	for range mostTries {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
		if err != nil && how == syscall.LOCK_SH {
			// What lies on a medium that is read-only can be read all the same.
			if existing, e := os.Open(path); e == nil {
				f, err = existing, nil
			}
		}
		if err != nil {
			return nil, err
		}
		err = Try(f, how)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			holder, _ := io.ReadAll(io.LimitReader(f, 256))
			f.Close()
			return nil, &HeldError{Path: path, Holder: strings.TrimSpace(string(holder))}
		}
		// Some network file systems have no locks. Refusing to work there would help nobody.
		if err != nil && !errors.Is(err, syscall.ENOLCK) && !errors.Is(err, syscall.ENOSYS) && !errors.Is(err, syscall.ENOTSUP) {
			f.Close()
			return nil, err
		}
		// The holder before may have removed the file between our open and our lock; then
		// the lock is on a file that nobody else can see, and the next try makes a new one.
		if !same(f, path) {
			f.Close()
			continue
		}
		if how == syscall.LOCK_EX && f.Truncate(0) == nil {
			_, _ = f.WriteAt(fmt.Appendf(nil, "%s\n", me()), 0) // only for the other's message
		}
		return f, nil
	}
	return nil, fmt.Errorf("%s was gone %d times when it was locked: choose a folder on another file system", path, mostTries)
}

// me names this process for others.
func me() string {
	host, err := os.Hostname()
	if err != nil {
		return fmt.Sprint(os.Getpid())
	}
	return fmt.Sprintf("%d on %s", os.Getpid(), host)
}
