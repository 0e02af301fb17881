package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/checkpoint"
	"dtl-tf/runner/result"
)

// checkpoints returns the paths of a run's checkpoints, oldest first.
func checkpoints(t *testing.T, out string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(out, "checkpoint*"))
	expect.NoError(t, err)
	return list
}

// sameResult checks that an interrupted run has the result of the uninterrupted one, bit for bit, and leaves no other files.
func sameResult(t *testing.T, out, whole string) {
	t.Helper()
	if !bytes.Equal(read(t, out, result.AdapterFile), read(t, whole, result.AdapterFile)) {
		t.Error("the adapter differs from that of a run in one piece")
	}
	a, b := readRun(t, out), readRun(t, whole)
	if a.Status != result.Finished || a.Error != "" || !reflect.DeepEqual(a.Accuracy, b.Accuracy) || a.Progress != b.Progress {
		t.Errorf("run.json: %s, %+v after %+v; in one piece: %+v after %+v", a.Status, a.Accuracy, a.Progress, b.Accuracy, b.Progress)
	}
	rows, want := metrics(t, out), metrics(t, whole)
	for _, row := range slices.Concat(rows, want) {
		delete(row, "seconds")
		delete(row, "images_per_second")
	}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("metrics.csv: %+v, in one piece %+v", rows, want)
	}
	if n := len(checkpoints(t, out)); n != len(checkpoints(t, whole)) {
		t.Errorf("%d checkpoints", n)
	}
	if hidden, _ := filepath.Glob(filepath.Join(out, ".*")); hidden != nil {
		t.Errorf("left behind: %v", hidden)
	}
}

// unfinished makes a copy of a finished run look as if it had been killed during the evaluation.
func unfinished(t *testing.T, whole string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "run")
	expect.NoError(t, os.CopyFS(out, os.DirFS(whole)))
	r := readRun(t, out)
	r.Status, r.Accuracy = result.Running, nil
	expect.NoError(t, result.WriteRun(filepath.Join(out, result.RunFile), r))
	return out
}

var everyEpoch = []string{"--checkpoint-every", "1"}

// TestResumeDamaged: damage anywhere in a checkpoint is detected, and the previous checkpoint is used.
func TestResumeDamaged(t *testing.T) {
	whole := trained(t, everyEpoch...)
	list := checkpoints(t, whole)
	if len(list) != 2 {
		t.Fatalf("the checkpoints are %v, want the last two", list)
	}
	newest := filepath.Base(list[1])
	content := read(t, list[1])
	for name, damage := range map[string]func() []byte{
		"cut off":           func() []byte { return content[:len(content)-9] },
		"empty":             func() []byte { return nil },
		"a bit of a tensor": func() []byte { b := bytes.Clone(content); b[len(b)-5] ^= 1; return b },
		"a bit of the text": func() []byte { return bytes.Replace(content, []byte(`\"steps\":9`), []byte(`\"steps\":8`), 1) },
		"zeros":             func() []byte { return make([]byte, len(content)) },
	} {
		t.Run(name, func(t *testing.T) {
			damaged := damage()
			if bytes.Equal(damaged, content) {
				t.Fatal("nothing is damaged")
			}
			out := unfinished(t, whole)
			write(t, filepath.Join(out, newest), damaged)
			cli(t, append(tune(out, everyEpoch...), "--resume")...).
				want(t, exitDone, "damaged", newest, "the one before", "resuming after epoch 2", "epoch 3/3")
			sameResult(t, out, whole)
		})
	}
	out := unfinished(t, whole)
	for _, path := range checkpoints(t, out) {
		write(t, path, content[:100])
	}
	before := snapshot(t, out)
	cli(t, append(tune(out, everyEpoch...), "--resume")...).
		want(t, exitFailed, "none of its checkpoints can be read", "--overwrite", filepath.Base(list[0]), newest, "truncated")
	if snapshot(t, out) != before {
		t.Error("a --resume that failed changed the folder")
	}
}

// TestResumeOnlyEvaluation: a run that was stopped after its last epoch does not train again.
func TestResumeOnlyEvaluation(t *testing.T) {
	whole := trained(t, everyEpoch...)
	for _, lost := range []string{"", result.AdapterFile, result.MetricsFile} {
		out := unfinished(t, whole)
		if lost != "" {
			expect.NoError(t, os.Remove(filepath.Join(out, lost)))
		}
		o := cli(t, append(tune(out, everyEpoch...), "--resume")...)
		o.want(t, exitDone, "resuming after the last epoch", "evaluating")
		if strings.Contains(o.err, "epoch 3/3") {
			t.Errorf("it trained again: %s", o.err)
		}
		sameResult(t, out, whole)
		if a, b := readRun(t, out).Measurements, readRun(t, whole).Measurements; a.TrainSeconds < b.TrainSeconds-0.1 || a.SecondsPerStep == nil || a.ImagesPerSecond == 0 {
			t.Errorf("the measurements of the training are lost: %+v, they were %+v", a, b)
		}
	}
}

// TestResumeFinished: resuming a finished run only prints the table.
func TestResumeFinished(t *testing.T) {
	out := trained(t)
	before := snapshot(t, out)
	o := cli(t, append(tune(out), "--resume")...)
	o.want(t, exitDone, out, "is finished")
	if !strings.Contains(o.out, "top-1") {
		t.Errorf("no result: %s", o.out)
	}
	cli(t, append(tune(out), "--resume", "--lr", "0.5")...).want(t, exitUsage, "--lr was 0.02 and is 0.5 now")
	if snapshot(t, out) != before {
		t.Error("--resume changed a finished run")
	}
}

// TestResumeNothingYet: a run that was stopped before its first checkpoint starts from the beginning and says so.
func TestResumeNothingYet(t *testing.T) {
	flags := []string{"--checkpoint-every", "0"}
	whole := trained(t, flags...)
	rest := unfinished(t, whole)
	cli(t, append(tune(rest, flags...), "--resume", "--seed", "7")...).want(t, exitUsage, "--seed was 42 and is 7 now")
	locked := filepath.Join(t.TempDir(), "run")
	expect.NoError(t, os.Mkdir(locked, 0o777))
	write(t, filepath.Join(locked, ".dtl-tf.lock"), []byte("123\n"))
	write(t, filepath.Join(locked, ".run.json.tmp-17"), []byte("{"))
	for name, out := range map[string]string{"after run.json": rest, "before it": locked} {
		t.Run(name, func(t *testing.T) {
			cli(t, append(tune(out, flags...), "--resume")...).want(t, exitDone, out, "before its first checkpoint", "from the beginning")
			sameResult(t, out, whole)
		})
	}
	broken := unfinished(t, whole)
	write(t, filepath.Join(broken, result.RunFile), []byte(`{"format"`))
	cli(t, append(tune(broken, flags...), "--resume")...).want(t, exitFailed, "no checkpoint", "run.json", "--overwrite")
	write(t, filepath.Join(broken, result.RunFile), []byte(`{"format": 2, "status": "running"}`))
	cli(t, append(tune(broken, flags...), "--resume")...).want(t, exitFailed, "run.json", "format 2", "another version")
}

// TestStartOverKilled: a run killed while reading its input does not prevent a fresh start either.
func TestStartOverKilled(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	expect.NoError(t, os.Mkdir(out, 0o777))
	write(t, filepath.Join(out, ".dtl-tf.lock"), nil)
	cli(t, tune(out, "--backbone", "gone.npz")...).want(t, exitFailed, "gone.npz")
	if _, err := os.Stat(out); err == nil {
		t.Error("the empty folder of a failed start is still there")
	}
	expect.NoError(t, os.Mkdir(out, 0o777))
	write(t, filepath.Join(out, ".dtl-tf.lock"), nil)
	cli(t, tune(out)...).want(t, exitDone)
	sameResult(t, out, dtlRun(t))
}

// TestResumeInitAdapter: a resumed run must have started with the same values.
func TestResumeInitAdapter(t *testing.T) {
	adapter := filepath.Join(dtlRun(t), result.AdapterFile)
	flags := append([]string{"--init-adapter", adapter}, everyEpoch...)
	whole := trained(t, flags...)
	out := unfinished(t, whole)
	moved := write(t, filepath.Join(t.TempDir(), "moved.safetensors"), read(t, adapter))
	cli(t, append(tune(out, everyEpoch...), "--resume", "--init-adapter", filepath.Join(whole, result.AdapterFile))...).
		want(t, exitUsage, "another --init-adapter")
	cli(t, append(tune(out, everyEpoch...), "--resume")...).want(t, exitUsage, "another --init-adapter")
	cli(t, append(tune(out, everyEpoch...), "--resume", "--init-adapter", moved)...).want(t, exitDone)
}

// TestResumeWithoutOption: a run of a version that lacked an option of the method continues with its default.
func TestResumeWithoutOption(t *testing.T) {
	whole := trained(t, everyEpoch...)
	strip := func(config []byte) []byte {
		t.Helper()
		earlier := bytes.Replace(config, []byte(`,"side-from":"0"`), nil, 1)
		if len(earlier) == len(config) {
			t.Fatalf("no side-from in %s", config)
		}
		return earlier
	}
	forget := func(out string) {
		t.Helper()
		r := readRun(t, out)
		var config bytes.Buffer
		expect.NoError(t, json.Compact(&config, r.Config))
		r.Config = strip(config.Bytes())
		expect.NoError(t, result.WriteRun(filepath.Join(out, result.RunFile), r))
		store := checkpoint.NewStore(out)
		c, err := store.Newest()
		expect.NoError(t, err)
		c.Config = strip(c.Config)
		expect.NoError(t, store.Write(c.State, c.Tensors))
	}
	stopped := unfinished(t, whole)
	forget(stopped)
	forget(whole)
	cli(t, append(tune(whole, everyEpoch...), "--resume")...).want(t, exitDone, "is finished")
	cli(t, append(tune(stopped, everyEpoch...), "--resume", "--side-from", "1")...).want(t, exitUsage, "--side-from was 0 and is 1 now")
	cli(t, append(tune(stopped, everyEpoch...), "--resume")...).want(t, exitDone, "resuming after the last epoch")
	sameResult(t, stopped, whole)
}

// TestResumeThreads: a run continues with another number of threads, given or the machine's, says so and records it.
func TestResumeThreads(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	flags := []string{"--checkpoint-every", "1"}
	cliUntil(t, "epoch 1/3", tune(out, append(flags, "--threads", "3")...)...).want(t, exitInterrupted)
	step := readRun(t, out).Progress.Steps
	cliUntil(t, "epoch 2/3", append(tune(out, flags...), "--resume", "--threads", "1")...).
		want(t, exitInterrupted, "the number of threads (3 before, 1 now)", "last digits")
	cli(t, append(tune(out, flags...), "--resume", "--threads", "1")...).want(t, exitDone)
	r := readRun(t, out)
	if len(r.Earlier) != 1 || r.Earlier[0].Steps != step || r.Earlier[0].Device.Threads != 3 || r.Device.Threads != 1 {
		t.Errorf("earlier %+v, then %+v; stopped after step %d", r.Earlier, r.Device, step)
	}
}

// TestResumeRefused: a run continues only with the settings that it started with.
func TestResumeRefused(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	flags := []string{"--checkpoint-every", "1"}
	cliUntil(t, "epoch 1/3", tune(out, flags...)...).want(t, exitInterrupted)
	before := snapshot(t, out)
	for _, c := range []struct{ flag, value, was string }{
		{"method", "dtl+", "dtl"},
		{"rank", "3", "2"},
		{"pool", "cls", "mean"},
		{"epochs", "5", "3"},
		{"lr", "0.01", "0.02"},
		{"shuffle", "false", "true"},
		{"seed", "1", "42"},
		{"micro-batch", "4", "0"},
		{"drop-path-scope", "suffix", "all"},
		{"feature-cache", "off", "on"},
		{"image-size", "16", "8"},
		{"mean", "0.25", "0.5"},
	} {
		o := cli(t, append(tune(out, flags...), "--resume", "--"+c.flag+"="+c.value)...)
		o.want(t, exitUsage, "--"+c.flag, c.was, c.value)
	}
	data := newData(t, map[string]int{"train800val200": 24, "test": 12})
	expect.NoError(t, writeImage(filepath.Join(data, "images", "train800val200_05.png"), 0, 99))
	cli(t, append(tune(out, flags...), "--resume", "--data", data)...).want(t, exitUsage, "data", "changed")
	if snapshot(t, out) != before {
		t.Error("a refused --resume changed the folder")
	}
}
