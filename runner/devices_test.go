package runner

import (
	"slices"
	"testing"

	"dtl-tf/graph"
	"dtl-tf/graph/expect"
)

// TestDevicesAmong chooses from made-up machines.
func TestDevicesAmong(t *testing.T) {
	t.Parallel()
	cpu := []graph.Place{"/device:CPU:0"}
	cards := append(cpu[:1:1], "/device:GPU:0", "/device:GPU:1")
	for _, c := range []struct {
		text  string
		found []graph.Place
		want  string
		kind  graph.Device
	}{
		{"", cpu, "cpu:0", graph.Processor}, {"", cards, "gpu:0", graph.GPU}, {"1", cards, "gpu:0", graph.GPU},
		{"all", cpu, "cpu:0", graph.Processor}, {"all", cards, "gpu:0,gpu:1", graph.GPU},
		{"2", cards, "gpu:0,gpu:1", graph.GPU}, {"2", append(cpu[:1:1], "/device:CPU:1"), "cpu:0,cpu:1", graph.Processor},
		{"gpu:1", cards, "gpu:1", graph.GPU}, {"gpu:1, gpu:0", cards, "gpu:1,gpu:0", graph.GPU}, {"cpu:0", cards, "cpu:0", graph.Processor},
	} {
		w, err := parseDevices(c.text)
		expect.NoError(t, err)
		d, err := w.among(c.found)
		expect.NoError(t, err)
		if d.Names() != c.want || d.Kind != c.kind {
			t.Errorf("--devices %q of %v: %q of kind %s, want %q of %s", c.text, c.found, d.Names(), d.Kind, c.want, c.kind)
		}
	}
	for text, want := range map[string]string{
		"3": "--devices 3: TensorFlow finds 2 here", "gpu:2": "TensorFlow finds no gpu:2 here, only cpu:0,gpu:0,gpu:1",
	} {
		w, err := parseDevices(text)
		expect.NoError(t, err)
		_, err = w.among(cards)
		expect.Error(t, err, want)
	}
}

// TestDevicesRefused: what is no list of devices of one kind is wrong usage.
func TestDevicesRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0": "--devices 0 is not possible", "65": "at most 64", "-1": "at least 1", "tpu:0": `"tpu:0" is no device`, "gpu": `"gpu" is no device`,
		"gpu:0,": `"" is no device`, "gpu:01": `"gpu:01" is no device`, "cpu:0,cpu:0": "cpu:0 is named twice", "cpu:0,gpu:0": "cpu:0 and gpu:0 can't share the work", "cpu:64": "is no device",
	} {
		_, err := parseDevices(text)
		expect.Error(t, err, want)
	}
	w, err := parseDevices("3")
	expect.NoError(t, err)
	if got := w.processors(); !slices.Equal(got, []graph.Place{"/device:CPU:0", "/device:CPU:1", "/device:CPU:2"}) {
		t.Errorf("processors for 3 devices: %v", got)
	}
}
