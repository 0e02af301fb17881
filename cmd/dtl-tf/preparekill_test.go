package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/need"
	"dtl-tf/runner/prepare"
)

// TestPrepareKilled kills a preparation at points between two changes on the disk. Either nothing has the data set's name, and the same
// command makes it, or it is complete.
func TestPrepareKilled(t *testing.T) {
	from, root := colourFolders(t), t.TempDir()
	args := func(out string) []string {
		return []string{"data", "prepare", "--from", from, "--out", out, "--train", "18", "--val", "6"}
	}
	o := launch(t, namesPoints, args(filepath.Join(root, "whole"))...).end()
	o.want(t, exitDone)
	whole, err := prepare.ReadRecord(filepath.Join(root, "whole"))
	expect.NoError(t, err)
	points := strings.Count(o.err, pointMark)
	if points < 20 {
		t.Fatalf("only %d points: %s", points, o.err)
	}
	apart := 16
	if need.AllowsHeavy() {
		apart = 1
	}
	for n := 1 + rand.IntN(apart); n <= points; n += apart {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			parent := t.TempDir()
			out := filepath.Join(parent, "colours")
			if p := launch(t, diesAt+strconv.Itoa(n), args(out)...); !p.killed() {
				t.Fatalf("it is alive: %s", p.end().err)
			}
			if _, err := os.Stat(out); err != nil {
				cli(t, args(out)...).want(t, exitDone)
				left, err := os.ReadDir(parent)
				expect.NoError(t, err)
				if len(left) != 1 {
					t.Errorf("left behind: %v", left)
				}
			}
			r, err := prepare.ReadRecord(out)
			expect.NoError(t, err)
			if r.Fingerprint != whole.Fingerprint || r.Counts["test"] != 12 {
				t.Errorf("fingerprint %s, want %s; counts %v", r.Fingerprint, whole.Fingerprint, r.Counts)
			}
		})
	}
}
