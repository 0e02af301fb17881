package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/result"
)

// endless is a run that ends only by a signal.
func endless(out string) []string {
	return tune(out, "--epochs", "1000000", "--checkpoint-every", "0", "--feature-cache", "off")
}

// atWork waits until a run has finished an epoch.
func atWork(t *testing.T, p *process, out string) {
	t.Helper()
	if !p.until(func() bool {
		metrics, _ := os.ReadFile(filepath.Join(out, result.MetricsFile))
		return bytes.Count(metrics, []byte("\n")) > 1
	}) {
		t.Fatalf("it ended too early: %+v", p.end())
	}
}

// saved checks that a run was stopped and can be resumed.
func saved(t *testing.T, p *process, out string) {
	t.Helper()
	if o := p.end(); o.code != exitInterrupted {
		t.Errorf("exit code %d, %v, %s", o.code, p.ProcessState, o.err)
	}
	if r := readRun(t, out); r.Status != result.Interrupted || len(checkpoints(t, out)) != 1 {
		t.Errorf("run.json: %s; left: %s", r.Status, state(t, out))
	}
}

// pipe returns the two ends of a command's output: the write end, as bash passes it on, and the read end.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	expect.NoError(t, err)
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// TestReaderGone: "2>&1 | head" does not stop a run.
func TestReaderGone(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	r, w := pipe(t)
	r.Close()
	command := exec.Command(os.Args[0], tune(out)...)
	command.Stdout, command.Stderr = w, w
	p := begin(t, wholeProgram, command)
	if o := p.end(); o.code != exitDone {
		t.Errorf("exit code %d, %v", o.code, p.ProcessState)
	}
	sameResult(t, out, dtlRun(t))
}

// TestReaderInterrupted: Ctrl-C in "2>&1 | tee log" also ends tee, and the work so far is still saved.
func TestReaderInterrupted(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	r, w := pipe(t)
	command := exec.Command(os.Args[0], endless(out)...)
	command.Stdout, command.Stderr = w, w
	p := begin(t, wholeProgram, command)
	atWork(t, p, out)
	r.Close()
	p.send(syscall.SIGINT)
	saved(t, p, out)
}

// TestReaderStopped: a run with a full pipe that nobody reads continues to its end. If the reader continues, it gets everything.
func TestReaderStopped(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	r, w := pipe(t)
	room, err := unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, 4096)
	expect.NoError(t, err)
	_, err = w.Write(make([]byte, room))
	expect.NoError(t, err)
	command := exec.Command(os.Args[0], tune(out, "--skip-bad-images")...)
	command.Stderr = w
	p := begin(t, wholeProgram, command)
	w.Close()
	p.until(func() bool {
		run, err := result.ReadRun(filepath.Join(out, result.RunFile))
		return err == nil && run.Status == result.Finished
	})
	text, err := io.ReadAll(r)
	expect.NoError(t, err)
	if o := p.end(); o.code != exitDone || !strings.Contains(o.out, "top-1") || !strings.Contains(string(text), "epoch 3/3") {
		t.Errorf("exit code %d, %q, %q", o.code, o.out, text[room:])
	}
}

// TestFilter: a command whose result is its output ends silently when nobody reads it any more.
func TestFilter(t *testing.T) {
	adapter := filepath.Join(dtlRun(t), result.AdapterFile)
	for _, args := range [][]string{predictArgs(adapter), {"vtab", "check", "--help"}, {"doctor"}} {
		r, w := pipe(t)
		r.Close()
		command := exec.Command(os.Args[0], args...)
		command.Stdout = w
		if o := begin(t, wholeProgram, command).end(); o.code != exitNoReader || o.err != "" {
			t.Errorf("%s: exit code %d, %s", args[0], o.code, o.err)
		}
	}
}

// TestOutputFull: output to a full disk is an error, unlike a reader that is gone.
func TestOutputFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	need.NoError(t, err)
	defer full.Close()
	command := exec.Command(os.Args[0], predictArgs(filepath.Join(dtlRun(t), result.AdapterFile))...)
	command.Stdout = full
	begin(t, wholeProgram, command).end().want(t, exitFailed, "no space left")
}

// TestNoOutput: with stdout and stderr closed, no file of the run gets their descriptors.
func TestNoOutput(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	command := exec.Command("sh", append([]string{"-c", `exec "$0" "$@" >&- 2>&-`, os.Args[0]}, tune(out)...)...)
	if o := begin(t, wholeProgram, command).end(); o.code != exitDone {
		t.Errorf("exit code %d", o.code)
	}
	sameResult(t, out, dtlRun(t))
}

// TestTerminalClosed: SIGHUP saves the work so far, however often it arrives, and is ignored under nohup.
func TestTerminalClosed(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "run")
	p := launch(t, wholeProgram, endless(out)...)
	atWork(t, p, out)
	for range 3 {
		p.send(syscall.SIGHUP)
	}
	saved(t, p, out)

	out = filepath.Join(dir, "nohup")
	p = begin(t, wholeProgram, exec.Command("sh", append([]string{"-c", `trap "" HUP; exec "$0" "$@"`, os.Args[0]}, endless(out)...)...))
	atWork(t, p, out)
	p.send(syscall.SIGHUP)
	steps := readRun(t, out)
	p.send(syscall.SIGTERM) // twice, as timeout(1) does
	p.send(syscall.SIGTERM)
	saved(t, p, out)
	if o := p.end(); steps.Status != result.Running || strings.Count(o.err, "stopping") != 1 {
		t.Errorf("%s: %s", steps.Status, o.err)
	}
}

// TestAgain: which signals after the first count as a new request to stop.
func TestAgain(t *testing.T) {
	for _, c := range []struct {
		signal syscall.Signal
		after  time.Duration
		want   bool
	}{
		{syscall.SIGINT, time.Millisecond, true}, {syscall.SIGTERM, time.Millisecond, false}, {syscall.SIGTERM, 5 * time.Second, true},
		{syscall.SIGHUP, time.Millisecond, false}, {syscall.SIGHUP, time.Hour, false},
	} {
		if again(c.signal, c.after) != c.want {
			t.Errorf("%v after %v is a new request: %v", c.signal, c.after, !c.want)
		}
	}
}
