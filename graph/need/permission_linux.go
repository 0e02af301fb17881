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

// bound marks the child process in which Permissions runs a test again.
const bound = "DTL_TF_TEST_BOUND"

// Permissions tells whether the permissions of files bind this process. They do not bind root: then the test runs again in a child
// process without the capability to ignore them, Permissions reports its result and is false, and the caller returns.
func Permissions(t *testing.T) bool {
	t.Helper()
	if !ignoresPermissions(t) {
		return true
	}
	That(t, os.Getenv(bound) == "", "permissions do not bind this user, even without CAP_DAC_OVERRIDE")
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	child.Env = append(os.Environ(), bound+"=1")
	out, err := withoutOverride(child)
	NoError(t, err)
	t.Logf("as a user whom permissions bind:\n%s", out)
	if !child.ProcessState.Success() {
		t.Fail()
	}
	That(t, !bytes.Contains(out, []byte("--- SKIP")), "the child process skipped it, see above")
	return false
}

// ignoresPermissions tries to write into a folder that may not be written to.
func ignoresPermissions(t *testing.T) bool {
	t.Helper()
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o555); err != nil {
		t.Fatal(err)
	}
	return os.WriteFile(filepath.Join(folder, "probe"), nil, 0o666) == nil
}

// withoutOverride runs a process that can't get CAP_DAC_OVERRIDE. The error tells why it could not be started; how it ended is in
// the command.
func withoutOverride(c *exec.Cmd) (out []byte, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		// A process inherits the bounding set of the thread that starts it. The thread keeps the smaller set, so it ends with this
		// goroutine, which never unlocks it.
		runtime.LockOSThread()
		if err = unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_DAC_OVERRIDE, 0, 0, 0); err != nil {
			err = fmt.Errorf("permissions do not bind this user, and CAP_DAC_OVERRIDE can't be dropped: %w", err)
			return
		}
		if out, err = c.CombinedOutput(); c.ProcessState != nil {
			err = nil
		}
	}()
	<-done
	return out, err
}
