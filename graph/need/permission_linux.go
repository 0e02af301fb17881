package need

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// bound is set in the environment of the child process in which Permissions repeats a test.
const bound = "DTL_TF_TEST_BOUND"

// Permissions tells whether file permissions apply to this process. They do not apply to root: Permissions then repeats the test
// in a child process without the capabilities to ignore them, adopts its result and returns false, and the caller must return.
func Permissions(t *testing.T) bool {
	t.Helper()
	if !ignoresPermissions(t) {
		return true
	}
	That(t, os.Getenv(bound) == "", "file permissions do not apply to this user, even without CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH")
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), bound+"=1")
	out, err := withoutOverride(child)
	NoError(t, err)
	t.Logf("in a process to which file permissions apply:\n%s", out)
	if !child.ProcessState.Success() {
		t.Fail()
	}
	That(t, !bytes.Contains(out, []byte("--- SKIP")), "the child process skipped it, see above")
	return false
}

// ignoresPermissions tells whether the process can write to a read-only folder.
func ignoresPermissions(t *testing.T) bool {
	t.Helper()
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o555); err != nil {
		t.Fatal(err)
	}
	return os.WriteFile(filepath.Join(folder, "probe"), nil, 0o666) == nil
}

// withoutOverride runs a process without CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, which lets it list any folder. err is not nil if it could not be started; c holds its exit status.
func withoutOverride(c *exec.Cmd) (out []byte, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		// A process inherits the bounding set of the thread that starts it. The thread keeps the smaller set, so it ends with this
		// goroutine, which never unlocks it.
		runtime.LockOSThread()
		for _, capability := range []uintptr{unix.CAP_DAC_OVERRIDE, unix.CAP_DAC_READ_SEARCH} {
			if err = unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err != nil {
				err = fmt.Errorf("file permissions do not apply to this user, and CAP_DAC_OVERRIDE can't be dropped: %w", err)
				return
			}
		}
		if out, err = c.CombinedOutput(); c.ProcessState != nil {
			err = nil
		}
	}()
	<-done
	return out, err
}
