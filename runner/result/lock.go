package result

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"dtl-tf/runner/fault"
	"dtl-tf/runner/flock"
)

// lockFile keeps two runs out of one folder.
const lockFile = ".dtl-tf.lock"

// LockedError says that another process is at work in a folder.
type LockedError struct {
	Folder string
	Holder string // its process id, where it could be read
}

// Error implements error.
func (e *LockedError) Error() string {
	who := ""
	if e.Holder != "" {
		who = " (process " + e.Holder + ")"
	}
	return fmt.Sprintf("%s: another run is writing into this folder%s: wait for it, stop it, or choose another --out", e.Folder, who)
}

// lock takes the lock file at path for the folder it is in. The kernel gives it free when the
// process ends in whatever way, so a file that a killed process leaves is no obstacle.
//
// On a network file system this assumes that flock reaches the server: Linux' NFS client does
// that (mount options nolock and local_lock=flock keep it on one machine, and then only the runs of
// one machine see each other); where the file system has no locks at all, nothing keeps two runs apart.
func lock(folder, path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
		if err != nil {
			return nil, err
		}
		err = flock.Try(f, syscall.LOCK_EX)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			holder, _ := io.ReadAll(io.LimitReader(f, 32))
			f.Close()
			return nil, &LockedError{Folder: folder, Holder: strings.TrimSpace(string(holder))}
		}
		// Some network file systems have no locks. Refusing to work there would help nobody.
		if err != nil && !errors.Is(err, syscall.ENOLCK) && !errors.Is(err, syscall.ENOSYS) && !errors.Is(err, syscall.ENOTSUP) {
			f.Close()
			return nil, err
		}
		// The holder before may have removed the file between our open and our lock; then
		// the lock is on a file that nobody else can see, and the next try makes a new one.
		if !flock.Same(f, path) {
			f.Close()
			continue
		}
		if err := f.Truncate(0); err == nil {
			_, _ = f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0) // only for the other's message
		}
		return f, nil
	}
}

// unlock removes the lock file while it is still held, and then gives it free.
func unlock(f *os.File) {
	os.Remove(f.Name())
	fault.Point("removed the lock file")
	f.Close()
}
