package main

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"slices"
	"testing"

	event "github.com/wamuir/graft/tensorflow/core/util/event_go_proto"
	"google.golang.org/protobuf/proto"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/result"
	"dtl-tf/runner/tensorboard"
)

// curves returns the points of the event files in a folder, by tag, as TensorBoard shows them: START drops its own step and later
// ones. Package tensorboard tests the checksums.
func curves(t *testing.T, out string) map[string][]int64 {
	t.Helper()
	points := map[string][]int64{}
	for _, path := range eventFiles(t, out) {
		raw := read(t, path)
		for len(raw) > 0 {
			n := binary.LittleEndian.Uint64(raw)
			e := new(event.Event)
			expect.NoError(t, proto.Unmarshal(raw[12:12+n], e))
			raw = raw[12+n+4:]
			if e.GetSessionLog().GetStatus() == event.SessionLog_START {
				for tag, steps := range points {
					points[tag] = slices.DeleteFunc(steps, func(s int64) bool { return s >= e.Step })
				}
			}
			for _, v := range e.GetSummary().GetValue() {
				points[v.Tag] = append(points[v.Tag], e.Step)
			}
		}
	}
	return points
}

func eventFiles(t *testing.T, out string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(out, tensorboard.Prefix+"*"))
	expect.NoError(t, err)
	slices.Sort(paths)
	return paths
}

// TestTensorBoard: a run that was stopped and resumed shows every step once; --overwrite leaves no old curves; event files do not
// change the result.
func TestTensorBoard(t *testing.T) {
	if files := eventFiles(t, dtlRun(t)); files != nil {
		t.Errorf("without --tensorboard there are %q", files)
	}
	out := filepath.Join(t.TempDir(), "run")
	args := tune(out, "--tensorboard", "--checkpoint-every", "1")
	cliUntil(t, "epoch 1/3", args...).want(t, exitInterrupted)
	cli(t, append(args, "--resume")...).want(t, exitDone)
	if files := eventFiles(t, out); len(files) != 2 {
		t.Errorf("a run in two pieces has the event files %q", files)
	}
	want := map[string][]int64{
		tensorboard.TagStepLoss: {1, 2, 3, 4, 5, 6, 7, 8, 9}, tensorboard.TagEpochLoss: {3, 6, 9},
		tensorboard.TagRate: {3, 6, 9}, tensorboard.TagSpeed: {3, 6, 9}, tensorboard.TagAccuracy + "test": {9},
	}
	got := curves(t, out)
	for tag, steps := range want {
		if !slices.Equal(got[tag], steps) {
			t.Errorf("%s has the steps %v, want %v", tag, got[tag], steps)
		}
	}
	if len(got) != len(want) {
		t.Errorf("tags: %v", got)
	}
	if !bytes.Equal(read(t, out, result.AdapterFile), read(t, dtlRun(t), result.AdapterFile)) {
		t.Error("the adapter differs from that of a run without event files")
	}
	cli(t, append(args, "--resume")...).want(t, exitDone, "nothing is left to do")
	if files := eventFiles(t, out); len(files) != 2 {
		t.Errorf("resuming a finished run made an event file: %q", files)
	}
	cli(t, tune(out, "--overwrite")...).want(t, exitDone)
	if files := eventFiles(t, out); files != nil {
		t.Errorf("--overwrite leaves %q", files)
	}
}

// TestTensorBoardLooks: the epochs whose validation images were looked at have a point each, also after a resume.
func TestTensorBoardLooks(t *testing.T) {
	data, out := newData(t, map[string]int{"train": 24, "val": 9, "test": 12}), filepath.Join(t.TempDir(), "run")
	args := tune(out, "--data", data, "--method", "linear", "--feature-cache", "off", "--tensorboard", "--select", "best", "--select-every", "2", "--checkpoint-every", "1")
	cliUntil(t, "epoch 1/3", args...).want(t, exitInterrupted)
	cli(t, append(args, "--resume")...).want(t, exitDone, "resuming ")
	got := curves(t, out)
	for _, tag := range []string{tensorboard.TagValTop1, tensorboard.TagValLoss} {
		if !slices.Equal(got[tag], []int64{6, 9}) {
			t.Errorf("%s has the steps %v, want 6 and 9", tag, got[tag])
		}
	}
}
