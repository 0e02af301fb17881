package result

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"dtl-tf/runner/fault"
	"dtl-tf/runner/internal/flock"
)

// lockFile keeps two runs out of one folder.
const lockFile = ".dtl-tf.lock"

// LockedError says that another process is at work in a folder.
type LockedError struct {
	Folder string
	Holder string // its process id and machine, where they could be read
}

// Error implements error.
func (e *LockedError) Error() string {
	who := ""
	if e.Holder != "" {
		who = " (process " + e.Holder + ")"
	}
	return fmt.Sprintf("%s: another run is writing into this folder%s: wait for it, stop it, or choose another --out", e.Folder, who)
}

// lock takes the lock file at path for the folder it is in.
func lock(folder, path string) (*os.File, error) {
	f, err := flock.Acquire(path, syscall.LOCK_EX)
	var held *flock.HeldError
	if errors.As(err, &held) {
		return nil, &LockedError{Folder: folder, Holder: held.Holder}
	}
	return f, err
}

// unlock removes the lock file while it is still held, and then gives it free.
func unlock(f *os.File) {
	os.Remove(f.Name())
	fault.Point("removed the lock file")
	f.Close()
}
