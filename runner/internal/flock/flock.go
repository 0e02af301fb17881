// Package flock is the system's lock on an open file, which ends with the process that holds it.
package flock

import (
	"os"
	"syscall"
)

// Try takes the lock in the given way, syscall.LOCK_EX or LOCK_SH, without waiting for others.
func Try(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if err != syscall.EINTR {
			return err
		}
	}
}

// Same tells whether path still names the open file, and not one that took its place.
func Same(f *os.File, path string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Stat(path)
	return err == nil && os.SameFile(a, b)
}
