package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dtl-tf/graph/expect"
)

// TestVtabCheck: the command fails on a data set that is too small and names the file.
func TestVtabCheck(t *testing.T) {
	root := t.TempDir()
	set := filepath.Join(root, "kitti")
	expect.NoError(t, writeLists(set, map[string]int{"train800": 6, "val200": 3, "test": 6}))
	joint := string(read(t, set, "train800.txt")) + string(read(t, set, "val200.txt"))
	expect.NoError(t, os.WriteFile(filepath.Join(set, "train800val200.txt"), []byte(joint), 0o666))
	o := cli(t, "vtab", "check", root)
	o.want(t, exitFailed, "problems in kitti")
	for _, text := range []string{"fingerprint", filepath.Join(set, "test.txt") + ": 6 images, VTAB-1k has 711", "no image of class 3 of 4"} {
		if !strings.Contains(o.out, text) {
			t.Errorf("check lacks %q:\n%s", text, o.out)
		}
	}
	if !strings.Contains(o.err, "kitti: reading images 15/15") {
		t.Errorf("progress: %q", o.err)
	}
	if o := cli(t, "vtab", "check", root, "--quick", "--quiet", "--format", "json"); !strings.Contains(o.out, `"problem": true`) || strings.Contains(o.err, "reading") {
		t.Errorf("json: %s\n%s", o.out, o.err)
	}
	cli(t, "vtab", "check").want(t, exitUsage, "give the folder")
	cli(t, "vtab", "check", root, "--tasks", "kity").want(t, exitUsage, "did you mean kitti")
	cli(t, "vtab", "check", filepath.Join(root, "gone")).want(t, exitFailed, "gone", "does not exist")
}
