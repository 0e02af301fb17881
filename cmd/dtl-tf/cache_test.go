package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/runner/result"
)

// entry is a cache in the output of cache list --json.
type entry struct {
	Name     string
	Backbone string
	Data     string
	Stored   string `json:"stored_in"`
	Images   int
	Values   int
	Bytes    int64
	Problem  string
}

func entries(t *testing.T, dir string) []entry {
	t.Helper()
	o := cli(t, "cache", "list", "--dir", dir, "--json")
	o.want(t, exitDone)
	var list []entry
	decode(t, []byte(o.out), &list)
	return list
}

// TestCache stores, lists, uses and clears a feature cache.
func TestCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "features")
	if o := cli(t, "cache", "list", "--dir", dir); o.out != "no feature caches in "+dir+"\n" {
		t.Errorf("list: %s", o.out)
	}
	out := filepath.Join(t.TempDir(), "run")
	first := cli(t, tune(out, "--feature-cache", dir)...)
	// DTL changes the output of the second of two blocks, so x_00 to x_02 are stored: each 5 tokens x 16 channels x 4 bytes.
	first.want(t, exitDone, "feature cache: 24 images x 960 bytes = 23 kB in "+dir, "storing features 24/24")
	list := entries(t, dir)
	if len(list) != 1 || list[0].Backbone != "tiny.npz" || list[0].Data != "colours" || list[0].Images != 24 || list[0].Values != 3 || list[0].Bytes < 24*960 || list[0].Stored != "fp32" {
		t.Fatalf("%+v", list)
	}
	r := readRun(t, out)
	if k := r.FeatureCache; k == nil || !k.Used || k.Folder != filepath.Join(dir, list[0].Name) || k.Bytes != 24*960 || k.Precision != "fp32" || k.Values != 3 || k.Found != 0 {
		t.Errorf("run.json: %+v", k)
	}
	second := cli(t, tune(out, "--feature-cache", dir, "--overwrite", "--seed", "7")...)
	second.want(t, exitDone, "feature cache: values of 24 images found in "+dir)
	if strings.Contains(second.err, "storing") {
		t.Errorf("the second run stores again: %s", second.err)
	}
	cli(t, tune(out, "--feature-cache", dir, "--cache-precision", "bf16", "--overwrite", "-q")...).want(t, exitDone)
	o := cli(t, "cache", "list", "--dir", dir)
	for _, text := range []string{list[0].Name, "tiny.npz", "colours", "fp32", "bf16", "24", "in " + dir + "."} {
		if !strings.Contains(o.out, text) {
			t.Errorf("the list lacks %q:\n%s", text, o.out)
		}
	}
	cli(t, "cache", "clear", "--dir", dir, "../run").want(t, exitUsage, "../run")
	cli(t, "cache", "clear", "--dir", dir, "0123456789abcdef").want(t, exitFailed, "0123456789abcdef", "does not exist")
	if o := cli(t, "cache", "clear", "--dir", dir, list[0].Name); o.code != exitDone || !strings.Contains(o.out, "removed "+list[0].Name) {
		t.Errorf("clear: %+v", o)
	}
	if o := cli(t, "cache", "clear", "--dir", dir); o.code != exitDone || len(entries(t, dir)) != 0 {
		t.Errorf("clear: %+v", o)
	}
	file := write(t, filepath.Join(t.TempDir(), "file"), nil)
	cli(t, "cache", "list", "--dir", file).want(t, exitFailed, file, "is a file")
	cli(t, tune(out, "--overwrite", "--feature-cache", file)...).want(t, exitFailed, "--feature-cache", file, "is a file")
}

// TestCacheDefault: without a flag, values are stored in the user's cache folder; with --feature-cache off they are not.
func TestCacheDefault(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", home)
	trained(t, "--feature-cache", "off")
	if left, _ := os.ReadDir(home); len(left) > 0 {
		t.Errorf("off stores %v", left)
	}
	trained(t)
	if list := entries(t, filepath.Join(home, "dtl-tf", "features")); len(list) != 1 || list[0].Images != 24 {
		t.Errorf("%+v", list)
	}
	cli(t, "cache", "clear").want(t, exitDone)
	if left, _ := os.ReadDir(filepath.Join(home, "dtl-tf", "features")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestCacheFullDisk: a full disk is an error if the user named the folder; otherwise training continues without a cache, says so
// and ends with the same result. No partial cache remains. A limit on the size of files simulates the disk.
func TestCacheFullDisk(t *testing.T) {
	flags := []string{"--image-size", "16"} // 17 tokens x 16 channels: 26 kB per value
	whole := trained(t, append(flags, "--feature-cache", "off")...)
	run := func(more ...string) outcome {
		c := exec.Command(os.Args[0], append(tune(filepath.Join(t.TempDir(), "run"), flags...), more...)...)
		c.Env = append(os.Environ(), childVariable+"=20000")
		var stdout, stderr bytes.Buffer
		c.Stdout, c.Stderr = &stdout, &stderr
		_ = c.Run() // its exit code tells
		return outcome{c.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	}
	dir := filepath.Join(t.TempDir(), "features")
	run("--feature-cache", dir).want(t, exitFailed, "--feature-cache", dir, "file too large")
	home := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", home)
	out := filepath.Join(t.TempDir(), "auto")
	run("--out", out).want(t, exitDone, "feature cache: not used: ", "file too large", "epoch 3/3")
	for _, folder := range []string{dir, filepath.Join(home, "dtl-tf", "features")} {
		if left, _ := os.ReadDir(folder); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
	r := readRun(t, out)
	if k := r.FeatureCache; k.Used || !strings.Contains(k.Reason, "file too large") {
		t.Errorf("run.json: %+v", k)
	}
	if !bytes.Equal(read(t, out, result.AdapterFile), read(t, whole, result.AdapterFile)) {
		t.Error("the adapter is not that of a run without a cache")
	}
}

// TestCacheResume: a resumed run uses a cache if and only if it did when it started, even if the cache was cleared meanwhile.
func TestCacheResume(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", home)
	flags := []string{"--checkpoint-every", "1"}
	whole := trained(t, flags...)
	state := func(out string) string {
		var config struct {
			State string `json:"feature_cache"`
		}
		r := readRun(t, out)
		expect.NoError(t, json.Unmarshal(r.Config, &config))
		return config.State
	}
	out := filepath.Join(t.TempDir(), "run")
	cliUntil(t, "epoch 1/3", tune(out, flags...)...).want(t, exitInterrupted)
	cli(t, tune(out, append(flags, "--resume", "--feature-cache", "off")...)...).want(t, exitUsage, "--feature-cache was on and is off now")
	cli(t, tune(out, append(flags, "--resume", "--cache-precision", "bf16")...)...).want(t, exitUsage, "--cache-precision was fp32 and is bf16 now")
	cli(t, "cache", "clear").want(t, exitDone)
	cli(t, tune(out, append(flags, "--resume")...)...).want(t, exitDone, "storing features 24/24", "resuming")
	if !bytes.Equal(read(t, out, result.AdapterFile), read(t, whole, result.AdapterFile)) || state(out) != "on" {
		t.Errorf("cache %s: the adapter differs from that of a run that was not interrupted", state(out))
	}

	out = filepath.Join(t.TempDir(), "without")
	cliUntil(t, "epoch 1/3", tune(out, append(flags, "--feature-cache", "off")...)...).want(t, exitInterrupted)
	cli(t, tune(out, append(flags, "--resume")...)...).want(t, exitDone, "feature cache: not used: the run began without")
	if state(out) != "off" {
		t.Errorf("cache %s", state(out))
	}

	out = filepath.Join(t.TempDir(), "lost")
	cliUntil(t, "epoch 1/3", tune(out, flags...)...).want(t, exitInterrupted)
	t.Setenv("XDG_CACHE_HOME", write(t, filepath.Join(t.TempDir(), "file"), nil))
	cli(t, tune(out, append(flags, "--resume")...)...).want(t, exitFailed, "the run to resume took values from a feature cache", "a part of this path is a file")
}
