package capi_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"dtl-tf/graph/capi"
	"dtl-tf/graph/need"
)

// TestFindDriver runs the test binary again with a library that stands in for NVIDIA's driver.
func TestFindDriver(t *testing.T) {
	const child = "DTL_TEST_DRIVER_CHILD"
	if os.Getenv(child) != "" {
		d, err := capi.FindDriver()
		fmt.Printf("found: %+v, %v\n", d, err)
		return
	}
	need.That(t, runtime.GOOS == "linux", "the test compiles a library for Linux")
	compiler, err := exec.LookPath("cc")
	need.That(t, err == nil, "no C compiler")
	folder := t.TempDir()
	compile := exec.Command(compiler, "-shared", "-fPIC", "-x", "c", "-o", filepath.Join(folder, "libcuda.so.1"), "-")
	compile.Stdin = strings.NewReader(`#include <stdlib.h>
#include <string.h>
int cuDriverGetVersion(int *v) { *v = 12080; return 0; }
int cuInit(unsigned flags) { return getenv("FAIL") ? 100 : 0; }
int cuDeviceGetCount(int *n) { *n = 2; return 0; }
int cuGetErrorString(int e, const char **s) { *s = e == 100 ? "no CUDA-capable device is detected" : "?"; return 0; }
int cuDeviceGet(int *d, int i) { *d = 10 + i; return 0; }
int cuDeviceGetName(char *s, int n, int d) { strncpy(s, d == 10 ? "NVIDIA H100" : "NVIDIA A10", n); return 0; }
int cuDeviceGetAttribute(int *v, int a, int d) { *v = a == 75 ? (d == 10 ? 9 : 8) : a == 76 ? (d == 10 ? 0 : 6) : -1; return 0; }
int cuDeviceTotalMem_v2(size_t *n, int d) { *n = (size_t)(d == 10 ? 80 : 24) << 30; return 0; }`)
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, c := range []struct{ set, want string }{
		{"A=", "found: {CUDA:12.8 Cards:[{Name:NVIDIA H100 Major:9 Minor:0 Bytes:85899345920} {Name:NVIDIA A10 Major:8 Minor:6 Bytes:25769803776}]}, <nil>"},
		{"FAIL=1", "found: {CUDA:12.8 Cards:[]}, the NVIDIA driver fails with error 100: no CUDA-capable device is detected"},
	} {
		command := exec.Command(os.Args[0], "-test.run=^TestFindDriver$", "-test.v")
		command.Env = append(os.Environ(), child+"=1", "LD_LIBRARY_PATH="+folder, c.set)
		out, err := command.CombinedOutput()
		if err != nil || !strings.Contains(string(out), c.want+"\n") {
			t.Errorf("%s: want %s, got %v and\n%s", c.set, c.want, err, out)
		}
	}
}
