package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dtl-tf/graph/expect"
	"dtl-tf/graph/savedmodel"
	"dtl-tf/runner/result"
)

// TestNamedPipe replaces each input file by a named pipe, or a link to one. Opening a pipe would wait for a writer.
func TestNamedPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	expect.NoError(t, syscall.Mkfifo(pipe, 0o666))
	at := func(path string) string { // in place of a file
		os.Remove(path)
		expect.NoError(t, os.Symlink(pipe, path))
		return path
	}
	data := func(name string) string {
		root := newData(t, map[string]int{"train800val200": 24, "test": 12})
		at(filepath.Join(root, name))
		return root
	}
	list, image := data("train800val200.txt"), data("images/train800val200_05.png")
	root := vtabRoot(t, "eurosat")
	at(filepath.Join(root, "eurosat", "test.txt"))
	vtabImage := vtabRoot(t, "eurosat")
	at(filepath.Join(vtabImage, "eurosat", "images", "test_03.png"))
	folders := filepath.Join(t.TempDir(), "classes")
	for _, class := range []string{"a", "b"} {
		expect.NoError(t, os.MkdirAll(filepath.Join(folders, class), 0o777))
		expect.NoError(t, writeImage(filepath.Join(folders, class, "1.png"), 0, 1))
		at(filepath.Join(folders, class, "2.png"))
	}
	exported := filepath.Join(t.TempDir(), "exported")
	cli(t, "export", "--backbone", fixture.backbone, "--adapter", filepath.Join(dtlRun(t), result.AdapterFile), "--out", exported).want(t, exitDone)
	at(filepath.Join(exported, savedmodel.ModelFile))
	weights := filepath.Join(t.TempDir(), "exported")
	cli(t, "backbone", "export", fixture.backbone, "--out", weights).want(t, exitDone)
	at(filepath.Join(weights, "variables", "variables.data-00000-of-00001"))

	for name, args := range map[string][]string{
		"list":           tune(filepath.Join(t.TempDir(), "run"), "--data", list),
		"image":          tune(filepath.Join(t.TempDir(), "run"), "--data", image),
		"backbone":       tune(filepath.Join(t.TempDir(), "run"), "--backbone", pipe),
		"adapter":        evalArgs(pipe),
		"predict":        {"predict", "--backbone", fixture.backbone, "--adapter", filepath.Join(dtlRun(t), result.AdapterFile), pipe},
		"saved model":    {"predict", "--saved-model", exported, fixture.data},
		"variables":      tune(filepath.Join(t.TempDir(), "run"), "--backbone", weights),
		"prepare":        {"data", "prepare", "--from", pipe, "--out", filepath.Join(t.TempDir(), "set")},
		"prepare folder": {"data", "prepare", "--from", folders, "--out", filepath.Join(t.TempDir(), "set")},
		"check":          {"vtab", "check", root},
		"check image":    {"vtab", "check", vtabImage},
	} {
		o := cli(t, args...)
		if text := o.err + o.out; o.code != exitFailed || !strings.Contains(text, "regular file") && !strings.Contains(text, "neither a file nor a folder") {
			t.Errorf("%s: exit code %d: %s", name, o.code, text)
		}
	}
}
