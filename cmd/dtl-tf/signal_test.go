package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dtl-tf/graph/need"
	"dtl-tf/runner/result"
)

// TestSignals stops a run with Ctrl-C and SIGTERM in turn, at random moments within epochs, and resumes it each time.
func TestSignals(t *testing.T) {
	need.Heavy(t, "stops and resumes a run many times")
	random := repeatable(t)
	drawn.prepare(t)
	out := filepath.Join(t.TempDir(), "run")
	// An epoch's steps are faster than writing a checkpoint. With one after each epoch, most signals would hit the writing.
	rarely := []string{"--checkpoint-every", "12"}
	args, within := drawn.args(out, rarely...), 0
	for n := 0; n < 8 && within < 2; n++ {
		p := launch(t, wholeProgram, args...)
		p.until(func() bool { return strings.Contains(p.stderr.String(), "images/s") })
		time.Sleep(time.Duration(random.Float64() * float64(drawn.took) / 20))
		if !p.send([]syscall.Signal{syscall.SIGINT, syscall.SIGTERM}[n%2]) || p.end().code == exitDone {
			break
		}
		o := p.end()
		o.want(t, exitInterrupted, "stopping", "interrupted", "--resume")
		if n > 0 && !strings.Contains(o.err, "resuming") {
			t.Errorf("it did not resume: %s", o.err)
		}
		r := readRun(t, out)
		list := checkpoints(t, out)
		t.Logf("stopped after step %d, %q", r.Progress.Steps, list)
		if r.Status != result.Interrupted || len(list) == 0 {
			t.Errorf("run.json: %s after %+v", r.Status, r.Progress)
		}
		if r.Progress.Steps%longSteps != 0 {
			within++
		}
		if hidden, _ := filepath.Glob(filepath.Join(out, ".*")); hidden != nil {
			t.Errorf("left behind: %v", hidden)
		}
		args = append(drawn.args(out, rarely...), "--resume")
	}
	if within == 0 {
		t.Error("no signal came in the middle of an epoch")
	}
	drawn.finish(t, out)
}

// TestSignalEarly: a run that is stopped while it reads its input leaves nothing behind.
func TestSignalEarly(t *testing.T) {
	drawn.prepare(t)
	out := filepath.Join(t.TempDir(), "run")
	p := launch(t, wholeProgram, drawn.args(out)...)
	p.until(func() bool { return exists(out, ".dtl-tf.lock") })
	p.send(syscall.SIGTERM)
	p.end().want(t, exitInterrupted, "interrupted")
	if !exists(out, result.RunFile) {
		if _, err := os.Stat(out); err == nil {
			t.Errorf("it left %s", state(t, out))
		}
	}
	drawn.finish(t, out)
}

// TestSecondSignal: the second Ctrl-C does not wait for the current step. A step of this run takes long enough for the second
// signal to arrive before its end.
func TestSecondSignal(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	slow := tune(out, "--init", "random", "--backbone", "vit:image=96,patch=4,width=192,depth=8,heads=3,mlp=768", "--method", "full", "--batch", "12")
	p := launch(t, wholeProgram, slow...)
	p.until(func() bool { return exists(out, result.RunFile) })
	p.send(syscall.SIGINT)
	p.until(func() bool { return strings.Contains(p.stderr.String(), "stopping") })
	p.send(syscall.SIGINT)
	if o := p.end(); o.code != exitInterrupted || strings.Contains(o.err, "what was done so far") {
		t.Errorf("exit code %d: %s", o.code, o.err)
	}
	if r := readRun(t, out); r.Status != result.Running {
		t.Errorf("run.json: %s, so the first Ctrl-C was enough", r.Status)
	}
	cli(t, tune(out, "--overwrite")...).want(t, exitDone) // the lock of the dead process is taken over
}

// TestTwoStart: of two runs that start simultaneously in one folder, one fails and the other completes.
func TestTwoStart(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	a, b := launch(t, wholeProgram, tune(out)...), launch(t, wholeProgram, tune(out)...)
	first, second := a.end(), b.end()
	if first.code != exitDone {
		first, second = second, first
	}
	first.want(t, exitDone)
	second.want(t, exitFailed, out)
	if !strings.Contains(second.err, "another run is writing") && !strings.Contains(second.err, "exists already") {
		t.Errorf("refused with: %s", second.err)
	}
	sameResult(t, out, dtlRun(t))
}

// TestInterruption: the message of an interrupted command says so once.
func TestInterruption(t *testing.T) {
	for text, want := range map[string]string{
		"context canceled":               "interrupted",
		"photos/1.jpg: context canceled": "photos/1.jpg: interrupted",
		"interrupted with 2 of 3 cells; the same command continues: context canceled": "interrupted with 2 of 3 cells; the same command continues",
		"interrupted in epoch 2: context canceled; what was done so far is in runs/x": "interrupted in epoch 2; what was done so far is in runs/x",
	} {
		if got := interruption(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
