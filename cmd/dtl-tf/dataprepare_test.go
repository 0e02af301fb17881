package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/data"
	"dtl-tf/runner/prepare"
)

// colourFolders makes class folders for three colours, each with 12 noisy images.
func colourFolders(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for class, name := range []string{"red", "green", "blue"} {
		expect.NoError(t, os.MkdirAll(filepath.Join(root, name), 0o777))
		for i := range 12 {
			expect.NoError(t, writeImage(filepath.Join(root, name, fmt.Sprintf("%02d.png", i)), class, uint64(20*class+i)))
		}
	}
	return root
}

// TestPrepare: from a folder of photographs to a trained adapter.
func TestPrepare(t *testing.T) {
	out := filepath.Join(t.TempDir(), "sets", "colours")
	args := []string{"data", "prepare", "--from", colourFolders(t), "--out", out, "--train", "18", "--val", "6"}
	o := cli(t, args...)
	o.want(t, exitDone, "writing images 36/36")
	r, err := prepare.ReadRecord(out)
	expect.NoError(t, err)
	for _, text := range []string{"wrote " + out, "0 blue", "2 red", "drawn with seed 42", r.Fingerprint} {
		if !strings.Contains(o.out, text) {
			t.Errorf("stdout lacks %q:\n%s", text, o.out)
		}
	}
	set, err := data.Open(out)
	expect.NoError(t, err)
	for split, want := range map[string]int{data.Train: 18, data.Val: 6, data.TrainVal: 24, data.Test: 12} {
		if items, err := set.Split(split); err != nil || len(items) != want {
			t.Errorf("%s has %d images, want %d: %v", split, len(items), want, err)
		}
	}
	if r.Program != "dtl-tf "+version {
		t.Errorf("record of %q", r.Program)
	}
	tuned := trained(t, "--data", out)
	if run := readRun(t, tuned); run.Data.Fingerprint != r.Fingerprint {
		t.Errorf("run.json has the fingerprint %s, prepare.json %s", run.Data.Fingerprint, r.Fingerprint)
	}

	cli(t, args...).want(t, exitFailed, "exists already", "--overwrite")
	quiet := cli(t, append(args, "--overwrite", "--quiet")...)
	quiet.want(t, exitDone)
	if quiet.err != "" || quiet.out != o.out {
		t.Errorf("--quiet: stderr %q, stdout %q", quiet.err, quiet.out)
	}
}

// TestPrepareRefused checks exit codes.
func TestPrepareRefused(t *testing.T) {
	from, out := colourFolders(t), filepath.Join(t.TempDir(), "colours")
	for _, c := range []struct {
		args string // FLAG=VALUE, separated by spaces
		code int
		want []string
	}{
		{"--out=" + out, exitUsage, []string{"--from is required"}},
		{"--from=" + from, exitUsage, []string{"--out is required"}},
		{"--from=" + from + " --out=" + out + " --train=0", exitUsage, []string{"--train 0"}},
		{"--from=" + from + " --out=" + out + " --val=-5", exitUsage, []string{"--val -5"}},
		{"--from=" + from + " --out=" + out + " --test=-1", exitUsage, []string{"--test -1"}},
		{"--from=" + from + " --out=" + out + " --test=0", exitUsage, []string{"--test 0"}},
		{"--from=" + from + " --out=" + out + " --seed=-1", exitUsage, []string{"--seed"}},
		{"--from=" + from + " --out=" + out + " --task=mnist", exitUsage, []string{"--task mnist", "eurosat"}},
		{"--from=" + from + " --out=" + out + " stray", exitUsage, []string{`"stray"`}},
		{"--from=" + from + " --out=" + from + "/x", exitUsage, []string{"lie in one another"}},
		{"--from=" + from + " --out=" + out, exitFailed, []string{"too few images", "36 for --train 800"}},
		{"--from=" + out + " --out=" + from + "x", exitFailed, []string{"no such file"}},
		{"", exitUsage, []string{"--from is required"}},
	} {
		o := cli(t, append([]string{"data", "prepare"}, strings.Fields(c.args)...)...)
		o.want(t, c.code, c.want...)
		if _, err := os.Stat(out); err == nil || o.out != "" {
			t.Errorf("%s: something was made; stdout %q", c.args, o.out)
		}
	}
	cli(t, "data").want(t, exitUsage, "data prepare")
}

// TestPrepareAll checks what --task all prints, and its exit codes.
func TestPrepareAll(t *testing.T) {
	from, out := t.TempDir(), filepath.Join(t.TempDir(), "vtab")
	args := []string{"data", "prepare", "--task", "all", "--from", from, "--out", out, "--quiet"}
	o := cli(t, args...)
	o.want(t, exitFailed, "no files of VTAB-1k's data sets")
	if !strings.Contains(o.out, "missing  svhn: train_32x32.mat (182040794 bytes), test_32x32.mat (64275384 bytes)") {
		t.Errorf("stdout lacks the missing files:\n%s", o.out)
	}
	if err := os.WriteFile(filepath.Join(from, "train_32x32.mat"), []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	o = cli(t, args...)
	o.want(t, exitFailed, "1 of 19 tasks failed")
	if !strings.Contains(o.out, "failed   svhn: ") || !strings.Contains(o.out, "missing: test_32x32.mat (64275384 bytes)") {
		t.Errorf("stdout lacks the failed task:\n%s", o.out)
	}
	cli(t, append(args, "--seed", "1")...).want(t, exitUsage, "--task all", "--seed")
	if entries, _ := os.ReadDir(out); len(entries) > 0 {
		t.Errorf("something was made: %v", entries)
	}
}

// TestPrepareInterrupted: an interruption leaves nothing behind.
func TestPrepareInterrupted(t *testing.T) {
	parent := t.TempDir()
	o := cliUntil(t, "reading", "data", "prepare", "--from", colourFolders(t), "--out", filepath.Join(parent, "colours"), "--train", "18", "--val", "6")
	o.want(t, exitInterrupted, "interrupted", "nothing was written")
	if entries, err := os.ReadDir(parent); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
