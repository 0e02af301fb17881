package main

import (
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/need"
)

// TestEnvironment checks that the program gives TensorFlow its defaults (package graph/capi/process).
func TestEnvironment(t *testing.T) {
	need.That(t, runtime.GOOS == "linux" && runtime.GOARCH == "amd64", "defaults exist on Linux on x86-64 only")
	c := exec.Command(os.Args[0], "doctor")
	c.Env = slices.DeleteFunc(append(os.Environ(), childVariable+"="+wholeProgram), func(s string) bool {
		return strings.HasPrefix(s, "TF_ENABLE_ONEDNN_OPTS=") || strings.HasPrefix(s, "DTL_TF_SET=")
	})
	if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "TF_ENABLE_ONEDNN_OPTS=1, set by dtl-tf") {
		t.Errorf("%v\n%s", err, out)
	}
}
