package doctor

import (
	"slices"
	"testing"
)

// TestSplitMaps: a library counts as loaded by the start of its name, since a later version may stand in by a link.
func TestSplitMaps(t *testing.T) {
	const maps = `7f00-7f01 r--p 00000000 fe:00 11 /opt/cuda/lib/libcublas.so.13.1.0.3
7f01-7f02 r-xp 00001000 fe:00 11 /opt/cuda/lib/libcublas.so.13.1.0.3
7f02-7f03 r--p 00000000 fe:00 12 /opt/cuda/lib/libcudart.so.12
7f03-7f04 rw-p 00000000 00:00 0
7f04-7f05 r--p 00000000 fe:00 13 /opt/cudnn/libcudnn_ops.so.9
`
	loaded, missing := splitMaps(maps)
	if want := []string{"/opt/cuda/lib/libcudart.so.12", "/opt/cuda/lib/libcublas.so.13.1.0.3"}; !slices.Equal(loaded, want) {
		t.Errorf("loaded %q, want %q", loaded, want)
	}
	if want := []string{"libcublasLt.so.12", "libcufft.so.11", "libcusolver.so.11", "libcusparse.so.12", "libcudnn.so.9"}; !slices.Equal(missing, want) {
		t.Errorf("missing %q, want %q", missing, want)
	}
}

// TestMultiply: the product is right on this machine.
func TestMultiply(t *testing.T) {
	if took, err := multiply(); err != nil || took <= 0 {
		t.Errorf("%v, %v", took, err)
	}
}
