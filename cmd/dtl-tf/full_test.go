package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/result"
)

// TestCheckpointTooLarge: if a checkpoint can't be written, the run stops, keeps the previous checkpoints and writes the adapter
// so far. Each checkpoint is larger than the previous one by a line of metrics, so a limit on the size of files selects one. The
// limit is half a line of 150 bytes below that one's size, because the printed times and rates vary by some 20 digits from run to
// run.
func TestCheckpointTooLarge(t *testing.T) {
	const halfLine = 75
	whole := trained(t, everyEpoch...)
	for n, path := range checkpoints(t, whole) { // after epochs 2 and 3
		out := filepath.Join(t.TempDir(), "run")
		o := launch(t, fmt.Sprint(size(t, path)-halfLine), tune(out, everyEpoch...)...).end()
		o.want(t, exitFailed, "the run stops because its checkpoint can't be saved", filepath.Base(path), "file too large", "continue with --resume")
		r := readRun(t, out)
		if r.Status != result.Failed || r.Progress.Epochs != 2+n || r.Accuracy != nil {
			t.Errorf("run.json: %s after %+v", r.Status, r.Progress)
		}
		if got := len(checkpoints(t, out)); got != 1+n {
			t.Errorf("%d checkpoints are kept, want %d", got, 1+n)
		}
		cli(t, evalArgs(filepath.Join(out, result.AdapterFile))...).want(t, exitDone) // the adapter so far
		cli(t, append(tune(out, everyEpoch...), "--resume")...).want(t, exitDone, fmt.Sprintf("resuming after epoch %d", 1+n))
		sameResult(t, out, whole)
	}
}

// size returns the size of a file in bytes.
func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	expect.NoError(t, err)
	return info.Size()
}

// needNamespace skips the test if no file system can be mounted here.
func needNamespace(t *testing.T) {
	t.Helper()
	out, err := exec.Command("unshare", "-Urm", "true").CombinedOutput()
	need.That(t, err == nil, fmt.Sprintf("no namespace to mount a file system in: %v %s", err, out))
}

// TestFullFileSystem does the same on a file system that is really full. Mounting one needs a separate namespace, in which a shell
// runs the program, frees space and resumes.
func TestFullFileSystem(t *testing.T) {
	needNamespace(t)
	flags := append([]string{"--epochs", "12"}, everyEpoch...)
	whole := trained(t, flags...)
	mount := t.TempDir()
	out := filepath.Join(mount, "run")
	copied := filepath.Join(t.TempDir(), "run")
	script := `
		mount -t tmpfs -o size=$ROOM none "$MOUNT" || exit 99
		"$@"; echo "code $?" >&2
		ls "$MOUNT/run" >&2
		mount -o remount,size=64m "$MOUNT" || exit 99
		"$@" --resume && cp -R "$MOUNT/run" "$COPY"`
	// Two checkpoints fit, with run.json, metrics.csv, the lock and a temporary file of a page.
	room := (size(t, checkpoints(t, whole)[1])/4096+1)*2*4096 + 4*4096
	c := exec.Command("unshare", append([]string{"-Urm", "sh", "-c", script, "sh", os.Args[0]}, tune(out, flags...)...)...)
	c.Env = append(os.Environ(), childVariable+"="+wholeProgram, "MOUNT="+mount, "COPY="+copied, fmt.Sprintf("ROOM=%d", room))
	text, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	o := outcome{0, "", string(text)}
	o.want(t, exitDone, "code 1\n", "can't be saved", "no space left on device", "the disk is full", "checkpoint-000000006.safetensors\n", "resuming after epoch")
	sameResult(t, copied, whole)
}

// TestReadOnlyFileSystem checks the message for a folder on a read-only file system.
func TestReadOnlyFileSystem(t *testing.T) {
	needNamespace(t)
	mount := t.TempDir()
	script := `mount -t tmpfs -o ro none "$MOUNT" || exit 99; exec "$@"`
	c := exec.Command("unshare", append([]string{"-Urm", "sh", "-c", script, "sh", os.Args[0]}, tune(filepath.Join(mount, "run"))...)...)
	c.Env = append(os.Environ(), childVariable+"="+wholeProgram, "MOUNT="+mount)
	text, _ := c.CombinedOutput()
	outcome{c.ProcessState.ExitCode(), "", string(text)}.want(t, exitFailed, mount, "read-only file system", "not writable", "choose another folder")
}
