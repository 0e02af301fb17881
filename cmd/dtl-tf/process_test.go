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

	"dtl-tf/graph/expect"
)

// process is dtl-tf running as a separate process.
type process struct {
	*exec.Cmd
	stdout, stderr watched
	done           chan struct{} // closed when it has ended
}

// launch starts the program. variable is a value of childVariable.
func launch(t *testing.T, variable string, args ...string) *process {
	t.Helper()
	return begin(t, variable, exec.Command(os.Args[0], args...))
}

// begin starts a command that runs the program, directly or indirectly, and captures its output unless that is redirected.
func begin(t *testing.T, variable string, command *exec.Cmd) *process {
	t.Helper()
	p := &process{Cmd: command, done: make(chan struct{})}
	p.Env = append(os.Environ(), childVariable+"="+variable)
	if p.Stdout == nil {
		p.Stdout = &p.stdout
	}
	if p.Stderr == nil {
		p.Stderr = &p.stderr
	}
	expect.NoError(t, p.Start())
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

// until polls without pause until the condition holds or the process has ended.
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

// exists tells whether the folder has a file whose name matches the pattern.
func exists(out, pattern string) bool {
	list, _ := filepath.Glob(filepath.Join(out, pattern))
	return list != nil
}

// repeatable is a random generator that logs its seed; DTL_TF_TEST_SEED sets it.
func repeatable(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("DTL_TF_TEST_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		expect.NoError(t, err)
	}
	t.Logf("DTL_TF_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// longRun is a run that is long enough to stop: 12 epochs of 30 steps, a checkpoint after each epoch, and an evaluation on 600
// images.
type longRun struct {
	name  string
	flags []string

	once  sync.Once
	data  string
	whole string        // folder of the uninterrupted run
	took  time.Duration // duration of the uninterrupted run
}

// everything is a list in which every kind of augmentation takes part.
const everything = "crop=0.3-1,flip,randaugment,random-erasing=0.5,mixup=0.8,cutmix=1.0,label-smoothing=0.1"

// The two kinds of training: with everything random, and from a feature cache.
var (
	drawn  = &longRun{name: "drawn", flags: []string{"--method", "dtl+", "--drop-path", "0.3", "--augment", everything, "--micro-batch", "4"}}
	stored = &longRun{name: "stored", flags: []string{"--method", "dtl", "--drop-path", "0.3", "--drop-path-scope", "suffix"}}
)

const longEpochs, longSteps = 12, 30 // steps in an epoch

// args is the command line of the run into out. Later flags override earlier ones.
func (l *longRun) args(out string, more ...string) []string {
	args := tune(out, "--data", l.data, "--epochs", strconv.Itoa(longEpochs), "--checkpoint-every", "1", "--skip-bad-images")
	if l == stored {
		args = append(args, "--feature-cache", out+".features")
	}
	return append(append(args, l.flags...), more...)
}

// prepare trains the uninterrupted run, once.
func (l *longRun) prepare(t *testing.T) {
	t.Helper()
	l.once.Do(func() {
		dir := filepath.Join(filepath.Dir(fixture.backbone), l.name)
		l.data, l.whole = filepath.Join(dir, "data"), filepath.Join(dir, "run")
		// Five images are unreadable, which shifts the order of those after them.
		expect.NoError(t, writeLists(l.data, map[string]int{"train800val200": 8*longSteps + 5, "test": 600}))
		for _, i := range []int{3, 77, 78, 150, 240} {
			write(t, filepath.Join(l.data, fmt.Sprintf("images/train800val200_%02d.png", i)), []byte("no image"))
		}
		begun := time.Now()
		o := launch(t, wholeProgram, l.args(l.whole)...).end()
		o.want(t, exitDone)
		l.took = time.Since(begun)
		if r := readRun(t, l.whole); l == stored && (r.FeatureCache == nil || !r.FeatureCache.Used) {
			t.Errorf("it did not take features from a cache: %+v, %s", r.FeatureCache, o.err)
		}
	})
	if t.Failed() || readRun(t, l.whole).Progress.Steps != longEpochs*longSteps {
		t.Fatal("the run in one piece failed")
	}
}

// again is the command line that continues a run: with --resume if its folder exists, from the start if not.
func (l *longRun) again(out string) []string {
	args := l.args(out)
	if _, err := os.Stat(out); err == nil {
		args = append(args, "--resume")
	}
	return args
}

// finish continues a run, in whatever state it was left, to its end.
func (l *longRun) finish(t *testing.T, out string) {
	t.Helper()
	launch(t, wholeProgram, l.again(out)...).end().want(t, exitDone)
	sameResult(t, out, l.whole)
}

// state describes what a killed process left behind, for the log.
func state(t *testing.T, out string) string {
	t.Helper()
	entries, err := os.ReadDir(out)
	if err != nil {
		return "no folder"
	}
	var b bytes.Buffer
	for _, e := range entries {
		fmt.Fprintf(&b, "%s ", e.Name())
	}
	return b.String()
}
