package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/result"
)

// TestKilled kills a run at random moments, from reading the input to the evaluation, and resumes it. Every third time the resumed
// process is killed as well.
func TestKilled(t *testing.T) {
	need.Heavy(t, "kills 8 processes and more")
	const kills = 4
	random := repeatable(t)
	for _, l := range []*longRun{drawn, stored} {
		t.Run(l.name, func(t *testing.T) {
			l.prepare(t)
			survived := 0
			for n := range kills {
				t.Run(strconv.Itoa(n), func(t *testing.T) {
					out := filepath.Join(t.TempDir(), "run")
					// Each subtest has its own part of the whole time, so that every phase is covered.
					l.kill(t, out, random, float64(n)/float64(kills), float64(n+1)/float64(kills))
					if n%3 == 0 {
						l.kill(t, out, random, 0, 0.5)
					}
					l.finish(t, out)
					if !t.Failed() {
						survived++
					}
				})
			}
			t.Logf("%d of %d kills survived, the run in one piece took %v", survived, kills, l.took.Round(time.Millisecond))
		})
	}
}

// kill starts or resumes the run and kills it at a random moment between two fractions of the time that the whole run takes. If the
// run has ended before, it tries again with an earlier moment.
func (l *longRun) kill(t *testing.T, out string, random *rand.Rand, from, to float64) {
	t.Helper()
	for part := from + (to-from)*random.Float64(); ; part *= 0.9 {
		p := launch(t, wholeProgram, l.again(out)...)
		time.Sleep(time.Duration(part * float64(l.took)))
		p.send(syscall.SIGKILL)
		if p.killed() {
			t.Logf("killed at %.2f of the time, it left %s", part, state(t, out))
			return
		}
		p.end().want(t, exitDone)
		expect.NoError(t, os.RemoveAll(out))
		expect.NoError(t, os.RemoveAll(out+".features"))
	}
}

// TestKilledWriting kills a run as soon as it sees a file that is being written or has just been written.
func TestKilledWriting(t *testing.T) {
	need.Heavy(t, "kills 16 processes and more")
	random := repeatable(t)
	drawn.prepare(t)
	for _, pattern := range []string{
		".checkpoint-*.safetensors.tmp-*", "checkpoint-000000150.safetensors", ".metrics.csv.tmp-*", ".run.json.tmp-*",
		".adapter.safetensors.tmp-*", result.AdapterFile,
	} {
		t.Run(pattern, func(t *testing.T) {
			var out string
			var p *process
			for try := 0; p == nil || !p.killed(); try++ {
				if try == 10 {
					t.Fatalf("there was no such file for long enough: %s", p.end().err)
				}
				out = filepath.Join(t.TempDir(), "run")
				p = launch(t, wholeProgram, drawn.args(out)...)
				if p.until(func() bool { return exists(out, pattern) }) {
					time.Sleep(time.Duration(random.IntN(300)) * time.Microsecond)
					p.send(syscall.SIGKILL)
				}
			}
			t.Logf("it left %s", state(t, out))
			drawn.finish(t, out)
		})
	}
}

// TestKilledEverywhere kills a run of two epochs at every point between two changes on the disk, from the lock to the end: after a
// folder or temporary file is created, after it is written, closed and renamed, after an old file is removed.
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
	if need.AllowsHeavy() {
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

// TestSelectKilled kills a run that chooses an epoch in the same way.
func TestSelectKilled(t *testing.T) {
	data := newData(t, map[string]int{"train": 24, "val": 9, "test": 12})
	flags := append([]string{"--data", data, "--method", "linear", "--feature-cache", "off", "--select", "best", "--patience", "2", "--epochs", "6", "--lr", "1e-9"}, everyEpoch...)
	whole := filepath.Join(t.TempDir(), "run")
	o := launch(t, namesPoints, tune(whole, flags...)...).end()
	o.want(t, exitDone, "val ", "chosen: the weights after epoch 1, with ", "training stopped after epoch 3, 2 looks later")
	points := strings.Count(o.err, pointMark)
	if rows := metrics(t, whole); len(rows) != 3 || rows[2]["val_loss"] == 0 || rows[0]["val_loss"] == 0 {
		t.Errorf("metrics.csv: %v", rows)
	}
	apart := 29
	if need.AllowsHeavy() {
		apart = 1
	}
	for n := 1 + rand.IntN(apart); n < points; n += apart {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "run")
			if p := launch(t, diesAt+strconv.Itoa(n), tune(out, flags...)...); !p.killed() {
				t.Fatalf("it is alive: %s", p.end().err)
			}
			again := append(tune(out, flags...), "--resume")
			if !exists(out, ".dtl-tf.lock") && !exists(out, result.RunFile) {
				again = append(tune(out, flags...), "--overwrite")
			}
			cli(t, again...).want(t, exitDone)
			sameResult(t, out, whole)
			if a, b := readRun(t, out).Selection, readRun(t, whole).Selection; !reflect.DeepEqual(a, b) {
				t.Errorf("the looks %+v, in one piece %+v", a, b)
			}
		})
	}
}

// TestExportKilled kills an export that replaces a SavedModel at every point: there is always a complete one, old or new, and the
// next call succeeds.
func TestExportKilled(t *testing.T) {
	need.Heavy(t, "kills a process at each change on the disk")
	adapter, model := filepath.Join(dtlRun(t), result.AdapterFile), filepath.Join(t.TempDir(), "model")
	args := func(more ...string) []string {
		return append([]string{"export", "--backbone", fixture.backbone, "--adapter", adapter, "--out", model, "--overwrite"}, more...)
	}
	cli(t, "backbone", "export", fixture.backbone, "--out", model).want(t, exitDone)
	old := snapshotTree(t, model)
	o := launch(t, namesPoints, args()...).end()
	o.want(t, exitDone)
	fresh, points := snapshotTree(t, model), strings.Count(o.err, pointMark)
	if points < 4 || fresh == old {
		t.Fatalf("%d points: %s", points, o.err)
	}
	for n := 1; n <= points; n++ {
		cli(t, "backbone", "export", fixture.backbone, "--out", model, "--overwrite").want(t, exitDone)
		p := launch(t, diesAt+strconv.Itoa(n), args()...)
		if !p.killed() {
			t.Fatalf("it is alive: %s", p.end().err)
		}
		if left := snapshotTree(t, model); left != old && left != fresh {
			t.Errorf("killed at point %d: %s", n, left)
		}
		cli(t, args()...).want(t, exitDone)
		if snapshotTree(t, model) != fresh {
			t.Errorf("after a kill at point %d the next call made something else", n)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(model)); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
