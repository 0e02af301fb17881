package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is dtl-tf in a process of its own.
type process struct {
	*exec.Cmd
	stdout, stderr watched
	done           chan struct{} // closed when it has ended
}

// launch starts the program; variable is wholeProgram, or a limit on the size of files.
func launch(t *testing.T, variable string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...), done: make(chan struct{})}
	p.Env = append(os.Environ(), childVariable+"="+variable)
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	try(t, p.Start())
	go func() {
		_ = p.Wait()
		close(p.done)
	}()
	t.Cleanup(func() { p.send(syscall.SIGKILL) })
	return p
}

// process runs the program to its end.
func (p *process) end() outcome {
	<-p.done
	return outcome{p.ProcessState.ExitCode(), p.stdout.String(), p.stderr.String()}
}

// send sends a signal and tells whether the process was still there to get it.
func (p *process) send(s syscall.Signal) bool {
	select {
	case <-p.done:
		return false
	default:
		return p.Process.Signal(s) == nil
	}
}

// killed tells whether a signal has ended the process, which must be over.
func (p *process) killed() bool {
	<-p.done
	status, ok := p.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled()
}

// until waits until the condition holds or the process has ended, looking as often as it can.
func (p *process) until(condition func() bool) bool {
	for !condition() {
		select {
		case <-p.done:
			return condition()
		default:
		}
	}
	return true
}

// exists tells whether the folder has a file whose name fits the pattern.
func exists(out, pattern string) bool {
	list, _ := filepath.Glob(filepath.Join(out, pattern))
	return list != nil
}

// repeatable is a random generator whose seed is printed, and can be given by DTL_TF_TEST_SEED.
func repeatable(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("DTL_TF_TEST_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		try(t, err)
	}
	t.Logf("DTL_TF_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// long is a run that is worth stopping: 12 epochs of 30 steps with everything that is drawn at random, a checkpoint after
// each epoch, and an evaluation of 600 images.
var long struct {
	once  sync.Once
	data  string
	whole string        // the folder of a run in one piece
	took  time.Duration // by it
}

const longSteps = 30 // in an epoch

func tuneLong(out string, more ...string) []string {
	return tune(out, append([]string{"--data", long.data, "--epochs", "12", "--method", "dtl+", "--drop-path", "0.3",
		"--augment", "flip-crop", "--checkpoint-every", "1", "--skip-bad-images"}, more...)...)
}

// longRun trains the run in one piece, once.
func longRun(t *testing.T) {
	t.Helper()
	long.once.Do(func() {
		dir := filepath.Join(filepath.Dir(fixture.backbone), "long")
		long.data, long.whole = filepath.Join(dir, "data"), filepath.Join(dir, "run")
		// Five images can't be read, which moves up those after them in the order.
		try(t, writeLists(long.data, map[string]int{"train800val200": 8*longSteps + 5, "test": 600}))
		for _, i := range []int{3, 77, 78, 150, 240} {
			write(t, filepath.Join(long.data, fmt.Sprintf("images/train800val200_%02d.png", i)), []byte("no image"))
		}
		begun := time.Now()
		launch(t, wholeProgram, tuneLong(long.whole)...).end().want(t, exitDone)
		long.took = time.Since(begun)
	})
	if readRun(t, long.whole).Progress.Steps != 12*longSteps {
		t.Fatal("the run in one piece failed")
	}
}

// goOn finishes a run in whatever state it was left: with --resume where there is a folder, afresh where there is none.
func goOn(t *testing.T, out string) {
	t.Helper()
	args := tuneLong(out)
	if _, err := os.Stat(out); err == nil {
		args = append(args, "--resume")
	}
	launch(t, wholeProgram, args...).end().want(t, exitDone)
	sameResult(t, out, long.whole)
}

// state describes what a killed process has left, for the log.
func state(t *testing.T, out string) string {
	t.Helper()
	entries, err := os.ReadDir(out)
	if err != nil {
		return "no folder"
	}
	var b bytes.Buffer
	for _, e := range entries {
		fmt.Fprintf(&b, " %s", e.Name())
	}
	return b.String()
}
