package finetune

import (
	"bytes"
	"context"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/weight"
	"dtl-tf/runner"
	"dtl-tf/runner/result"
)

// trainedOn runs a training with --devices and returns its record and its adapter's tensors.
func trainedOn(t *testing.T, c Config, devices string) (result.Run, map[string][]float32) {
	t.Helper()
	c.Devices = devices
	r, err := Run(context.Background(), c, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer), Quiet: true, Version: "test"})
	expect.NoError(t, err)
	f, err := weight.Open(filepath.Join(c.Out, result.AdapterFile))
	expect.NoError(t, err)
	values := map[string][]float32{}
	for name, v := range f.Tensors {
		values[name] = v.Float32()
	}
	return r, values
}

// TestDevices: a run on two processors, images and stored values, gives the result of one on one up to rounding, says so in its record,
// and goes on with one.
func TestDevices(t *testing.T) {
	for _, cache := range []bool{false, true} {
		c := smallRun(t)
		c.Method, c.DropPath, c.DropPathScope, c.CheckpointEvery = "dtl", 0.3, "suffix", 1
		c.Epochs, c.Augment = 4, "label-smoothing=0.1"
		if cache {
			c.FeatureCache = filepath.Join(t.TempDir(), "cache")
		} else {
			c.MicroBatch = 3
		}
		one, want := trainedOn(t, c, "")
		c.Out = filepath.Join(t.TempDir(), "towers")
		if cache {
			c.FeatureCache = filepath.Join(t.TempDir(), "cache")
		}
		two, got := trainedOn(t, c, "cpu:0,cpu:1")
		if one.Device.Devices != "" || two.Device.Devices != "cpu:0,cpu:1" {
			t.Errorf("recorded devices %q and %q", one.Device.Devices, two.Device.Devices)
		}
		if two.Accuracy.Top1 != one.Accuracy.Top1 {
			t.Errorf("accuracy %v on two devices, %v on one", two.Accuracy.Top1, one.Accuracy.Top1)
		}
		if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
			t.Fatalf("tensors %v, want %v", got, want)
		}
		for name, values := range want {
			for i, v := range values {
				if math.Abs(float64(got[name][i]-v)) > 1e-4 {
					t.Fatalf("cache %t: %s[%d] is %v on two devices, %v on one", cache, name, i, got[name][i], v)
				}
			}
		}
	}
}

// TestDevicesStepMemory: the memory of a step is reported for each device, and each needs less than one that does all the work.
func TestDevicesStepMemory(t *testing.T) {
	c := smallRun(t)
	c.Method, c.Batch = "full", 32
	one, err := MeasureStepMemory(t.Context(), c, 3)
	expect.NoError(t, err)
	c.Devices = "2"
	two, err := MeasureStepMemory(t.Context(), c, 3)
	expect.NoError(t, err)
	if one.Devices != nil || len(two.Devices) != 2 || one.Fixed != two.Fixed {
		t.Fatalf("on one device %+v, on two %+v", one, two)
	}
	for name, peak := range two.Devices {
		if peak <= 0 || float64(peak) > 0.8*float64(one.Peak) {
			t.Errorf("%s peaks at %d bytes, one device for all at %d", name, peak, one.Peak)
		}
	}
}

// TestDevicesTooMany: more devices than images are refused before anything is written.
func TestDevicesTooMany(t *testing.T) {
	c := smallRun(t)
	c.Devices, c.MicroBatch = "3", 2
	_, err := Run(t.Context(), c, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer)})
	expect.Error(t, err, "3 devices can't share 2 images at a time: use fewer devices or a larger --micro-batch")
}

// TestDevicesMemory: what a graph does not tell of several devices is refused.
func TestDevicesMemory(t *testing.T) {
	const want = "--memory and 'dtl-tf plan' are for training on one device: leave --devices out"
	c := smallRun(t)
	c.Devices = "2"
	_, err := Foresee(t.Context(), c, false, t.Logf)
	expect.Error(t, err, want)
	c.Memory = "8GB"
	_, err = Run(t.Context(), c, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer)})
	expect.Error(t, err, want)
	c.Cluster = "cluster.txt"
	_, err = Run(t.Context(), c, runner.UI{Out: new(bytes.Buffer), Err: new(bytes.Buffer)})
	expect.Error(t, err, "--memory", "leave --cluster out")
	c.Memory = ""
	_, err = Foresee(t.Context(), c, false, t.Logf)
	expect.Error(t, err, "dtl-tf plan", "leave --cluster out")
}
