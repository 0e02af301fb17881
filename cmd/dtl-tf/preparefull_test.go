package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// TestPrepareTooLarge: an image or a list that can't be written leaves nothing of a data set, and the same command works later. The
// limits on the size of files stand for a full disk, without privileges.
func TestPrepareTooLarge(t *testing.T) {
	from := colourFolders(t)
	image, err := os.Stat(filepath.Join(from, "red", "00.png"))
	expect.NoError(t, err)
	root := t.TempDir()
	out := filepath.Join(root, "colours")
	args := []string{"data", "prepare", "--from", from, "--out", out, "--train", "18", "--val", "6"}
	for limit, file := range map[int64]string{image.Size() / 2: "images/", image.Size() + image.Size()/4: ".t"} { // an image, then a list or the sources
		launch(t, fmt.Sprint(limit), args...).end().want(t, exitFailed, "file too large", file)
		left, err := os.ReadDir(root)
		expect.NoError(t, err)
		if len(left) > 0 {
			t.Errorf("limit %d: left behind: %v", limit, left)
		}
	}
	cli(t, args...).want(t, exitDone, "writing images 36/36")
}

// TestPrepareFullDisk does the same on a file system that is really full, which needs a namespace to mount it in.
func TestPrepareFullDisk(t *testing.T) {
	needNamespace(t)
	mount := t.TempDir()
	script := `
		mount -t tmpfs -o size=32k none "$MOUNT" || exit 99
		"$@"; echo "code $?, left: $(ls -A "$MOUNT" | wc -l)" >&2
		mount -o remount,size=16m "$MOUNT" || exit 99
		"$@" && echo "lines: $(cat "$MOUNT"/colours/test.txt | wc -l)" >&2`
	c := exec.Command("unshare", "-Urm", "sh", "-c", script, "sh", os.Args[0], "data", "prepare", "--from", colourFolders(t),
		"--out", filepath.Join(mount, "colours"), "--train", "18", "--val", "6")
	c.Env = append(os.Environ(), childVariable+"="+wholeProgram, "MOUNT="+mount)
	text, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, want := range []string{"no space left on device", "code 1, left: 0", "lines: 12"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is missing:\n%s", want, text)
		}
	}
}
