package tensorboard

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"slices"
	"testing"

	"dtl-tf/graph/need"
	"dtl-tf/runner/train"
)

// readBack prints what TensorBoard's own reader finds in a folder: {"tag": [[step, value], ...]}.
const readBack = `
import json, logging, sys
from tensorboard.backend.event_processing import event_accumulator as ea
logging.disable(logging.CRITICAL)
run = ea.EventAccumulator(sys.argv[1], size_guidance={ea.TENSORS: 0, ea.SCALARS: 0})
run.Reload()
print(json.dumps({tag: [[e.step, e.value] for e in run.Scalars(tag)] for tag in run.Tags()["scalars"]}))
`

// TestTensorBoardReads: a run that was killed in its second epoch and resumed after its first shows each step once,
// also where the killed process left half a record.
func TestTensorBoardReads(t *testing.T) {
	need.Heavy(t, "starts TensorBoard's reader")
	need.Python(t, "tensorboard")
	folder := t.TempDir()
	run := func(from train.Position, stop int) {
		b := New(folder)
		l := loop(from, 3, stop)
		b.Attach(&l.Hooks)
		if _, err := l.Run(t.Context()); (err == nil) != (stop == 99) {
			t.Fatal(err)
		}
		if stop == 99 {
			if err := b.Scalar(6, TagAccuracy+"test", 93.75); err != nil {
				t.Fatal(err)
			}
		}
		b.Close()
	}
	run(train.Position{}, 3)
	f, err := os.OpenFile(files(t, folder)[0], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(frame([]byte("an event"))[:15]); err != nil {
		t.Fatal(err)
	}
	f.Close()
	run(train.Position{Epochs: 1, Steps: 2}, 99)

	cmd := exec.Command("python3", "-c", readBack, folder)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string][][2]float64
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := map[string][][2]float64{
		TagStepLoss:          {{1, 2.5}, {2, 1.25}, {3, 0.625}, {4, 0.3125}, {5, 0.15625}, {6, 0.078125}},
		TagEpochLoss:         {{2, 1.875}, {4, 0.46875}, {6, 0.1171875}},
		TagRate:              {{2, 0.001}, {4, 0.001}, {6, 0.001}},
		TagAccuracy + "test": {{6, 93.75}},
	}
	for tag, points := range want {
		if !slices.EqualFunc(got[tag], points, func(a, b [2]float64) bool { return a[0] == b[0] && math.Abs(a[1]-b[1]) < 1e-9 }) {
			t.Errorf("%s: TensorBoard reads %v, want %v", tag, got[tag], points)
		}
	}
	if speed := got[TagSpeed]; len(speed) != 3 || !(speed[0][1] > 0) {
		t.Errorf("%s: %v", TagSpeed, speed)
	}
}
