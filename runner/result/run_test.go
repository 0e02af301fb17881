package result

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/train"
)

type config struct {
	Epochs int     `json:"epochs"`
	Rate   float64 `json:"lr"`
}

func sample(t *testing.T) Run {
	t.Helper()
	r := Run{
		Status: Finished, Command: []string{"dtl-tf", "fine-tune", "--method", "dtl"},
		Started: time.Date(2025, 3, 1, 10, 0, 0, 0, time.UTC), Ended: time.Date(2025, 3, 1, 10, 20, 0, 0, time.UTC),
		Method:   "dtl",
		Versions: Versions{Program: "0.1", LibTensorFlow: "2.18.1", Graft: "v0.10.0", Go: "go1.26"},
		Device:   Device{Name: "/device:CPU:0", Kind: "CPU", Threads: 2, Computing: Computing{OneDNN: "on", OneDNNBy: "dtl-tf", Limit: "AVX2", Kernels: "avx2"}},
		Backbone: Backbone{
			Path: "vit_b16.npz", SHA256: "abc", Architecture: "ViT 12x768, patch 16",
			Mean: []float64{0.5, 0.5, 0.5}, Std: []float64{0.5, 0.5, 0.5},
		},
		Data:         Data{Name: "eurosat", Root: "d", Fingerprint: "f", Classes: 10, Counts: map[string]int{"test": 5400}},
		Parameters:   Parameters{Trainable: 36864, Classifier: 7690, Frozen: 85798656},
		Progress:     Progress{Epochs: 110, Steps: 3410},
		Measurements: Measurements{SecondsPerStep: &train.Timing{Median: 1.5, Min: 1.25, Max: 2, P10: 1.25, P90: 1.75, Steps: 3405}},
		Accuracy:     &Accuracy{Top1: 93.5, Images: 5400, Split: "test", Epoch: 110, Note: OnceAfterLast},
		Frozen:       &Frozen{Before: "aa", After: "aa"},
	}
	if err := r.SetConfig(config{Epochs: 110, Rate: 1e-3}); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRunRoundTrip(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, RunFile)
	want := sample(t)
	if err := WriteRun(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadRun(dir) // the folder stands for its run.json
	if err != nil {
		t.Fatal(err)
	}
	var c config
	if err := Decode(got.Config, &c); err != nil || c != (config{110, 1e-3}) {
		t.Errorf("configuration %+v, %v", c, err)
	}
	want.Format = Format
	got.Config, want.Config = nil, nil // same content, other white space
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestRunLayout reads the file as another program would, which depends on the names.
func TestRunLayout(t *testing.T) {
	path := filepath.Join(t.TempDir(), RunFile)
	if err := WriteRun(path, sample(t)); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"status": "finished", "started": "2025-03-01T10:00:00Z", "config.lr": 1e-3,
		"parameters.trainable_without_classifier": 36864.0, "parameters.classifier": 7690.0,
		"backbone.sha256": "abc", "data.fingerprint": "f", "device.kind": "CPU",
		"device.onednn": "on", "device.onednn_by": "dtl-tf", "device.onednn_max_cpu_isa": "AVX2", "device.kernels": "avx2",
		"versions.libtensorflow": "2.18.1", "measurements.seconds_per_step.median": 1.5,
		"accuracy.top1": 93.5, "accuracy.images": 5400.0, "accuracy.split": "test",
		"frozen_sha256.after": "aa", "format": 1.0, "error": nil,
	} {
		var v any = m
		for _, part := range strings.Split(key, ".") {
			v = v.(map[string]any)[part]
		}
		if v != want {
			t.Errorf("%s is %v, want %v", key, v, want)
		}
	}
	if b[len(b)-1] != '\n' || !strings.Contains(string(b), "\n  \"status\"") {
		t.Error("the file is not laid out for people")
	}

	r := Run{Status: Running}
	if err := WriteRun(path, r); err != nil {
		t.Fatal(err)
	}
	b, _ = os.ReadFile(path)
	for _, absent := range []string{"accuracy", "ended", "seconds_per_step", "error"} {
		if strings.Contains(string(b), `"`+absent+`"`) {
			t.Errorf("a run without %s writes one", absent)
		}
	}
}

// TestDeviceOfBefore: records of earlier versions without Computing are read, and compared by their other fields.
func TestDeviceOfBefore(t *testing.T) {
	var before Device
	if err := Decode([]byte(`{"name":"/device:CPU:0","kind":"CPU","model":"m","threads":2}`), &before); err != nil {
		t.Fatal(err)
	}
	now := before
	now.Computing = Computing{OneDNN: "on", OneDNNBy: "dtl-tf", Kernels: "avx2"}
	said, off, kernels, threads := now, now, now, now
	said.OneDNNBy, off.OneDNN, kernels.Kernels, threads.Threads = "environment", "off", "plain", 3
	for _, c := range []struct {
		what string
		a, b Device
		want bool
	}{
		{"a record of before", before, now, true}, {"another who chose the same", now, said, true}, {"without oneDNN", now, off, false},
		{"other kernels", now, kernels, false}, {"other threads", now, threads, false}, {"other threads than before", before, threads, false},
	} {
		if c.a.SameNumbers(c.b) != c.want || c.b.SameNumbers(c.a) != c.want {
			t.Errorf("%s: the same numbers %t, want %t", c.what, !c.want, c.want)
		}
	}
}

func TestReadRunErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, RunFile)
	if err := WriteRun(path, sample(t)); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut < len(good)-1; cut += 37 {
		writeString(t, path, string(good[:cut]))
		_, err := ReadRun(path)
		expect.Error(t, err, path, "not a complete JSON object")
	}
	edit := func(from, to string) string { return strings.Replace(string(good), from, to, 1) }
	for name, c := range map[string]struct {
		content string
		words   []string
	}{
		"other JSON":     {`{"a": 1}`, []string{"not the result of a run"}},
		"list":           {`[1]`, []string{"JSON"}},
		"newer format":   {edit(`"format": 1`, `"format": 2`), []string{"format 2"}},
		"unknown field":  {edit(`"method"`, `"metod"`), []string{"metod"}},
		"unknown status": {edit(`"finished"`, `"done"`), []string{`"done"`, "running, finished, interrupted, failed"}},
		"wrong type":     {edit(`"classifier": 7690`, `"classifier": "many"`), []string{"classifier"}},
		"twice":          {string(good) + string(good), []string{"JSON"}},
		"not a percent":  {edit(`"top1": 93.5`, `"top1": 935`), []string{"top1", "935"}},
	} {
		writeString(t, path, c.content)
		_, err := ReadRun(path)
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
		expect.Error(t, err, append(c.words, path)...)
	}
	missing := filepath.Join(dir, "none")
	_, err = ReadRun(missing)
	expect.Error(t, err, missing)
}

// TestWriteRunKeeps: a failed write keeps the previous file.
func TestWriteRunKeeps(t *testing.T) {
	path := filepath.Join(t.TempDir(), RunFile)
	writeString(t, path, "old")
	r := sample(t)
	r.Measurements.ImagesPerSecond = math.NaN()
	expect.Error(t, WriteRun(path, r), path, "NaN")
	r = sample(t)
	r.Accuracy.Top1 = math.NaN()
	expect.Error(t, WriteRun(path, r), path, "top1")
	r.Status = "almost"
	expect.Error(t, WriteRun(path, r), path, "almost")
	wantContent(t, path, "old")
}

// TestNow: times for records are whole milliseconds, and have the monotonic clock's reading, so that setting the clock does not change
// differences.
func TestNow(t *testing.T) {
	before := time.Now()
	now := Now()
	if now.Nanosecond()%int(time.Millisecond) != 0 || before.Sub(now) > time.Millisecond {
		t.Errorf("%v, want the last whole millisecond before %v", now, before)
	}
	if !strings.Contains(now.String(), " m=") {
		t.Errorf("%v has no reading of the monotonic clock", now)
	}
}
