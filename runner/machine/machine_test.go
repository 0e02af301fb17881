package machine

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"dtl-tf/graph/need"
)

func TestAnswerOfNvidiaSMI(t *testing.T) {
	text := "41, 300\n42, 1534\n420, 7\n42, 2\n43, [N/A]\n"
	if got := parseProcesses(text, 42); got != 1536<<20 {
		t.Errorf("%d", got)
	}
	if got := parseProcesses("", 42); got != 0 {
		t.Errorf("%d of nothing", got)
	}
}

func TestProcField(t *testing.T) {
	file := filepath.Join(t.TempDir(), "info")
	if err := os.WriteFile(file, []byte("model name\t: A: B\nMemFree:   12 kB\nmodel name : C\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got := procField(file, "model name"); got != "A: B" {
		t.Errorf("model name %q", got)
	}
	if got := procBytes(file, "MemFree"); got != 12288 {
		t.Errorf("MemFree %d", got)
	}
	if got := procField(file, "flags") + procField(file+".none", "flags"); got != "" {
		t.Errorf("flags %q", got)
	}
}

func TestMemory(t *testing.T) {
	need.That(t, runtime.GOOS == "linux", "only Linux tells how much memory is free")
	if total, free := TotalBytes(), AvailableBytes(); free <= 0 || free > total {
		t.Errorf("%d of %d bytes available", free, total)
	}
	if peak := PeakResident(); peak < 1<<20 || peak > TotalBytes() {
		t.Errorf("peak resident %d", peak)
	}
}

// TestMissingForXLA: both parts of the compiler are needed; they may lie in different places.
func TestMissingForXLA(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	place := func(root, path string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if got := missingForXLA([]string{a, b}); !strings.Contains(got, "libdevice") || !strings.Contains(got, a+", "+b) {
		t.Errorf("nothing there: %q", got)
	}
	place(a, "nvvm/libdevice/libdevice.10.bc")
	if got := missingForXLA([]string{a, b}); !strings.HasPrefix(got, "bin/ptxas") {
		t.Errorf("without ptxas: %q", got)
	}
	place(b, "bin/ptxas")
	if got := missingForXLA([]string{a, b}); got != "" {
		t.Errorf("complete: %q", got)
	}
}

// TestParseCards: the lines are nvidia-smi's on a machine with an H100.
func TestParseCards(t *testing.T) {
	const about = "| NVIDIA-SMI 580.159.04             Driver Version: 580.159.04     CUDA Version: 13.0     |"
	got := parseCards("NVIDIA H100 80GB HBM3, 9.0, 81559 MiB, 81079 MiB, 580.159.04\n", about)
	want := []string{"NVIDIA H100 80GB HBM3, compute capability 9.0, 81559 MiB, 81079 MiB free, driver 580.159.04, which runs CUDA up to 13.0"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := parseCards("No devices were found\n", ""); got != nil {
		t.Errorf("without a card: %q", got)
	}
}
