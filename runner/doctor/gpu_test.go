package doctor

import (
	"strings"
	"testing"

	"dtl-tf/graph/capi"
)

// TestPathInMaps: a library is recognised by the start of its name, since a later version may stand in by a link.
func TestPathInMaps(t *testing.T) {
	const maps = `7f00-7f01 r--p 00000000 fe:00 11 /opt/cuda/lib/libcublas.so.13.1.0.3
7f01-7f02 r-xp 00001000 fe:00 11 /opt/cuda/lib/libcublas.so.13.1.0.3
7f02-7f03 r--p 00000000 fe:00 12 /opt/cuda/lib/libcudart.so.12
7f03-7f04 rw-p 00000000 00:00 0
7f04-7f05 r--p 00000000 fe:00 13 /opt/cudnn/libcudnn_ops.so.9
`
	want := map[string]string{"libcudart.so.12": "/opt/cuda/lib/libcudart.so.12", "libcublas.so.12": "/opt/cuda/lib/libcublas.so.13.1.0.3"}
	for _, l := range cudaLibraries {
		if got := pathInMaps(maps, l.name); got != want[l.name] {
			t.Errorf("%s: %q, want %q", l.name, got, want[l.name])
		}
	}
}

// TestFit: machine code of an architecture runs on cards of its major version, from its minor version on.
func TestFit(t *testing.T) {
	for _, c := range []struct {
		major, minor, arch int
		fits               bool
	}{
		{9, 0, 90, true}, {9, 0, 0, true}, {8, 0, 90, false}, {8, 9, 90, false}, {8, 9, 80, true}, {8, 6, 89, false}, {10, 0, 90, false}, {12, 0, 120, true},
	} {
		err := fit(capi.Card{Name: "NVIDIA X", Major: c.major, Minor: c.minor}, c.arch)
		if (err == nil) != c.fits {
			t.Errorf("%d.%d with sm_%d: %v", c.major, c.minor, c.arch, err)
		}
	}
	err := fit(capi.Card{Name: "NVIDIA A10", Major: 8, Minor: 6}, 90)
	if err == nil || !strings.Contains(err.Error(), "NVIDIA A10 has compute capability 8.6, and this libtensorflow has device code for 9.0 (sm_90) only") {
		t.Errorf("%v", err)
	}
}

// TestOpenLibrary: TensorFlow's loader finds a library that this process has, and names the reason where it finds none.
func TestOpenLibrary(t *testing.T) {
	if path, err := openLibrary("libtensorflow_framework.so.2"); err != nil || !strings.HasSuffix(path, "/libtensorflow_framework.so.2") {
		t.Errorf("%q, %v", path, err)
	}
	if path, err := openLibrary("libcublas.so.1"); err == nil || err.Error() != "not found" {
		t.Errorf("%q, %v", path, err)
	}
}

// TestMultiply: the product is right on this machine.
func TestMultiply(t *testing.T) {
	if took, err := multiply(); err != nil || took <= 0 {
		t.Errorf("%v, %v", took, err)
	}
}
