package capi

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestVariants checks that the widest vectors are the default, that the environment can select others, and that unknown
// variants are refused.
func TestVariants(t *testing.T) {
	all := kernelVariants()
	if len(all) == 0 || all[len(all)-1] != "plain" {
		t.Fatalf("variants %v, want plain among them", all)
	}
	flags, _ := os.ReadFile("/proc/cpuinfo")
	for _, name := range []string{"avx512f", "avx2"} {
		if has := strings.Contains(string(flags), " "+name+" "); len(flags) > 0 && has != slices.Contains(all, name) {
			t.Errorf("variants %v; the system says of %s: %t", all, name, has)
		}
	}
	three := []string{"avx512f", "avx2", "plain"}
	for wanted, name := range map[string]string{"": "avx512f", "avx2": "avx2", "plain": "plain"} {
		if got, err := pickVariant(wanted, three); err != nil || got != name {
			t.Errorf("%q chooses %q (%v), want %q", wanted, got, err, name)
		}
	}
	for _, wanted := range []string{"sse", "AVX2", "avx512f "} {
		_, err := pickVariant(wanted, three)
		if err == nil || !strings.Contains(err.Error(), "DTL_KERNELS") || !strings.Contains(err.Error(), "avx512f, avx2, plain") {
			t.Errorf("%q: error %v, want one that names the variable and the choice", wanted, err)
		}
	}
}

// TestKernelWithoutMemory checks that a kernel whose allocation fails reports an error and that the process goes on.
func TestKernelWithoutMemory(t *testing.T) {
	in := bfloats(rand.New(rand.NewPCG(8, 1)), 1, 400, 300)
	run, s, err := newKernel("Bf16Softmax", half, in)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fails := func(when string, run func() error) {
		t.Helper()
		failAllocations(true)
		defer failAllocations(false)
		if err := run(); err == nil || !strings.Contains(err.Error(), "no memory for a kernel of Bf16Softmax") {
			t.Errorf("%s: error %v, want one that says there is no memory", when, err)
		}
	}
	fails("made", func() error { _, err := run(); return err })
	if _, err := run(); err != nil {
		t.Fatalf("with memory: %v", err)
	}
	fails("run", func() error { _, err := run(); return err })
	if _, err := run(); err != nil {
		t.Errorf("with memory again: %v", err)
	}
}
