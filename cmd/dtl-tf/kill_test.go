package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dtl-tf/runner/result"
)

// TestKilled kills a run at random moments, from before it has read its input to the evaluation, and resumes it. Every third
// time the resumed process is killed once more.
func TestKilled(t *testing.T) {
	kills := 2
	if os.Getenv("DTL_HEAVY") != "" {
		kills = 20
	}
	random := repeatable(t)
	longRun(t)
	survived := 0
	for n := range kills {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "run")
			// Each has its own part of the whole time, so that no phase is left out.
			killAt(t, out, random, float64(n)/float64(kills), float64(n+1)/float64(kills))
			if n%3 == 1 {
				killAt(t, out, random, 0, 0.5)
			}
			goOn(t, out)
			if !t.Failed() {
				survived++
			}
		})
	}
	t.Logf("%d of %d kills survived, the run in one piece took %v", survived, kills, long.took.Round(time.Millisecond))
}

// killAt starts or resumes the run and kills it at a moment between two parts of the time that the whole run takes. Where it has
// ended before, it tries again earlier.
func killAt(t *testing.T, out string, random *rand.Rand, low, high float64) {
	t.Helper()
	for part := low + (high-low)*random.Float64(); ; part *= 0.9 {
		args := tuneLong(out)
		if _, err := os.Stat(out); err == nil {
			args = append(args, "--resume")
		}
		p := launch(t, wholeProgram, args...)
		time.Sleep(time.Duration(part * float64(long.took)))
		p.send(syscall.SIGKILL)
		if p.killed() {
			t.Logf("killed at %.2f of the time, it left%s", part, state(t, out))
			return
		}
		p.end().want(t, exitDone)
		if exists(out, result.RunFile) && readRun(t, out).Status == result.Finished && strings.Contains(p.stderr.String(), "is finished") {
			t.Log("it had finished before")
			return
		}
		try(t, os.RemoveAll(out))
	}
}

// TestKilledWriting kills a run at the sight of a file that is being written, or has just been.
func TestKilledWriting(t *testing.T) {
	if os.Getenv("DTL_HEAVY") == "" {
		t.Skip("skipped: half a minute, set DTL_HEAVY=1")
	}
	random := repeatable(t)
	longRun(t)
	for _, pattern := range []string{
		".checkpoint-000000120.safetensors.tmp-*", "checkpoint-000000150.safetensors", ".checkpoint-000000360.safetensors.tmp-*",
		".metrics.csv.tmp-*", ".run.json.tmp-*", ".adapter.safetensors.tmp-*", result.AdapterFile,
	} {
		t.Run(pattern, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "run")
			p := launch(t, wholeProgram, tuneLong(out)...)
			if !p.until(func() bool { return exists(out, pattern) }) {
				t.Fatalf("there was no such file: %s", p.end().err)
			}
			time.Sleep(time.Duration(random.IntN(300)) * time.Microsecond)
			p.send(syscall.SIGKILL)
			if !p.killed() {
				t.Fatalf("it ended before it could be killed: %s", p.end().err)
			}
			t.Logf("it left%s", state(t, out))
			goOn(t, out)
		})
	}
}

// TestKilledEverywhere kills a run of two epochs at each point between two changes on the disk in turn: after a folder or
// temporary file is made, after it is written, closed and renamed, after an old file is removed, from the lock to the end.
func TestKilledEverywhere(t *testing.T) {
	flags := append([]string{"--epochs", "2", "--method", "linear"}, everyEpoch...)
	whole := filepath.Join(t.TempDir(), "run")
	o := launch(t, namesPoints, tune(whole, flags...)...).end()
	o.want(t, exitDone)
	var points []string
	for _, line := range strings.Split(o.err, "\n") {
		if name, ok := strings.CutPrefix(line, pointMark); ok {
			points = append(points, name)
		}
	}
	if len(points) < 30 || !slices.Contains(points, "wrote the temporary file of checkpoint-000000006.safetensors") {
		t.Fatalf("the points are %q", points)
	}
	apart := 11
	if os.Getenv("DTL_HEAVY") != "" {
		apart = 1
	}
	for n := rand.IntN(apart); n < len(points); n += apart {
		t.Run(points[n], func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "run")
			p := launch(t, diesAt+strconv.Itoa(n+1), tune(out, flags...)...)
			if !p.killed() {
				t.Fatalf("it is alive: %s", p.end().err)
			}
			again := append(tune(out, flags...), "--resume")
			if !exists(out, ".dtl-tf.lock") && !exists(out, result.RunFile) {
				again = append(tune(out, flags...), "--overwrite")
			}
			cli(t, again...).want(t, exitDone)
			sameResult(t, out, whole)
		})
	}
}
