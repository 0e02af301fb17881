package main

import (
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/graph/weight"
	"dtl-tf/runner/result"
)

const isLinux = runtime.GOOS == "linux"

// members writes a cluster file of n members on free ports and returns their addresses.
func members(t *testing.T, n int) (file string, addresses []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		expect.NoError(t, err)
		defer l.Close()
		addresses = append(addresses, l.Addr().String())
	}
	file = filepath.Join(t.TempDir(), "cluster.txt")
	expect.NoError(t, os.WriteFile(file, []byte("# first the run\n"+strings.Join(addresses, "\n")+"\n"), 0o666))
	return file, addresses
}

// TestCluster trains in three processes with the result of one up to rounding. A worker that is killed ends the run with its name and a
// checkpoint at the step before, from which another number of processes goes on.
func TestCluster(t *testing.T) {
	need.That(t, isLinux, "a cluster needs Linux")
	file, addresses := members(t, 3)
	workers := make([]*process, 3)
	for i := 1; i < 3; i++ {
		workers[i] = launch(t, wholeProgram, "worker", "--cluster", file, "--listen", addresses[i], "--threads", "1")
	}
	dir := t.TempDir()
	flags := []string{"--drop-path", "0.3", "--threads", "1", "--feature-cache", "off", "--report=false"}
	one, three := filepath.Join(dir, "one"), filepath.Join(dir, "three")
	cli(t, tune(one, flags...)...).want(t, exitDone)
	launch(t, wholeProgram, append(tune(three, flags...), "--cluster", file)...).end().want(t, exitDone)
	r := readRun(t, three)
	if want := "worker:0/cpu:0,worker:1/cpu:0,worker:2/cpu:0"; r.Device.Devices != want {
		t.Errorf("recorded devices %q, want %q", r.Device.Devices, want)
	}
	sameUpToRounding(t, three, one)
	_, port, _ := net.SplitHostPort(addresses[1])
	if c, err := net.Dial("tcp", "127.0.0.2:"+port); err == nil { // on a server that listens on all addresses, it would be answered
		c.Close()
		t.Error("a worker at 127.0.0.1 listens on 127.0.0.2 too")
	}

	killed := filepath.Join(dir, "killed")
	long := append(tune(killed, flags...), "--epochs", "3000", "--schedule", "constant", "--checkpoint-every", "0")
	p := launch(t, wholeProgram, append(long, "--cluster", file)...)
	if !p.until(func() bool { time.Sleep(10 * time.Millisecond); return strings.Contains(p.stderr.String(), "images/s") }) {
		t.Fatalf("the run ended: %s", p.stderr.String())
	}
	workers[2].send(syscall.SIGKILL)
	p.end().want(t, exitFailed, "worker 2 ("+addresses[2]+") has ended or can't be reached", "continue with --resume")
	stopped := readRun(t, killed)
	if stopped.Status != result.Failed || stopped.Progress.Steps < 1 {
		t.Errorf("%s after %d steps: want a failed run with all steps before the kill", stopped.Status, stopped.Progress.Steps)
	}
	cliUntil(t, "images/s", append(long, "--resume")...).want(t, exitInterrupted, "resuming ")
	if again := readRun(t, killed); again.Progress.Steps <= stopped.Progress.Steps || len(again.Earlier) != 1 || again.Earlier[0].Steps != stopped.Progress.Steps {
		t.Errorf("resumed from %+v to step %d, want it to go on after step %d", again.Earlier, again.Progress.Steps, stopped.Progress.Steps)
	}
}

// sameUpToRounding compares the adapters of two runs.
func sameUpToRounding(t *testing.T, got, want string) {
	t.Helper()
	a, err := weight.Open(filepath.Join(got, result.AdapterFile))
	expect.NoError(t, err)
	b, err := weight.Open(filepath.Join(want, result.AdapterFile))
	expect.NoError(t, err)
	if !slices.Equal(a.Tensors.Names(), b.Tensors.Names()) {
		t.Fatalf("tensors %v, want %v", a.Tensors.Names(), b.Tensors.Names())
	}
	for name, v := range b.Tensors {
		for i, x := range v.Float32() {
			if y := a.Tensors[name].Float32()[i]; math.Abs(float64(x-y)) > 1e-4 {
				t.Fatalf("%s[%d] is %v in three processes, %v in one", name, i, y, x)
			}
		}
	}
}

// TestClusterVersion: a worker of another version is refused before training.
func TestClusterVersion(t *testing.T) {
	need.That(t, isLinux, "a cluster needs Linux")
	file, addresses := members(t, 2)
	launch(t, anotherVersion, "worker", "--cluster", file, "--listen", addresses[1])
	out := filepath.Join(t.TempDir(), "run")
	launch(t, wholeProgram, append(tune(out), "--cluster", file)...).end().
		want(t, exitFailed, "worker 1 ("+addresses[1]+") is dtl-tf another, libtensorflow", "start the same program on both")
	if _, err := os.Stat(filepath.Join(out, result.RunFile)); err == nil {
		t.Error("a run was begun")
	}
}

// TestClusterLists: the messages about a worker with another list of members name the list, not a failure of the worker.
func TestClusterLists(t *testing.T) {
	need.That(t, isLinux, "a cluster needs Linux")
	file, addresses := members(t, 2)
	for _, c := range []struct {
		name, list, want string
		index            int
	}{
		{"another place", addresses[0] + "\n127.0.0.1:9\n" + addresses[1], "has another number in its own list of members", 1},
		{"another first line", "127.0.0.1:9\n" + addresses[1], "can't be reached by another member, which may have another list of members", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.index == 0 {
				need.Heavy(t, "two processes more, for a message")
			}
			list := write(t, filepath.Join(t.TempDir(), "cluster.txt"), []byte(c.list))
			launch(t, wholeProgram, "worker", "--cluster", list, "--listen", addresses[1])
			out := filepath.Join(t.TempDir(), "run")
			launch(t, wholeProgram, append(tune(out, "--feature-cache", "off"), "--cluster", file)...).end().
				want(t, exitFailed, fmt.Sprintf("worker %d (%s) %s", c.index, addresses[c.index], c.want))
		})
	}
}

// TestClusterUsage: files and addresses that make no cluster are wrong usage.
func TestClusterUsage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		expect.NoError(t, os.WriteFile(path, []byte(text), 0o666))
		return path
	}
	good := write("good", "10.0.0.1:1\n10.0.0.2:2 # a comment\n10.0.0.3:2\n")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"worker"}, "--cluster is required"},
		{[]string{"worker", "--cluster", write("one", "a:1\n")}, "lists 1 members"},
		{[]string{"worker", "--cluster", write("port", "a:1\nb:0\n")}, `line 2: "b:0" is no HOST:PORT`},
		{[]string{"worker", "--cluster", write("none", "a:1\nb\n")}, `line 2: "b" is no HOST:PORT`},
		{[]string{"worker", "--cluster", write("twice", "a:1\na:1\n")}, "line 2: a:1 is there twice"},
		{[]string{"worker", "--cluster", good}, "--listen 127.0.0.1:2222 is not in"},
		{[]string{"worker", "--cluster", good, "--listen", "10.0.0.1:1"}, "is the first line of"},
		{[]string{"worker", "--cluster", good, "--listen", "0.0.0.0:2"}, "several lines of"},
		{[]string{"worker", "--cluster", good, "--listen", "here"}, "--listen here: "},
	} {
		cli(t, c.args...).want(t, exitUsage, c.want)
	}
}
