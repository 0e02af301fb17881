package capi

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestDefaults starts this test anew to see what the process has in its environment when TensorFlow is loaded.
func TestDefaults(t *testing.T) {
	const child = "DTL_TEST_DEFAULTS_CHILD"
	if os.Getenv(child) != "" {
		fmt.Printf("found: %s level %s\n", FindOneDNN(), os.Getenv("TF_CPP_MIN_LOG_LEVEL"))
		return
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("skipped: defaults are set on Linux on x86-64 alone")
	}
	ours := []string{oneDNNSwitch, oneDNNLimit, limitAlias, ourDefaults, "TF_CPP_MIN_LOG_LEVEL"}
	clean := slices.DeleteFunc(os.Environ(), func(s string) bool {
		name, _, _ := strings.Cut(s, "=")
		return slices.Contains(ours, name)
	})
	for _, c := range []struct {
		set  []string
		want string
	}{
		{nil, "{on dtl-tf } level 2"},
		{[]string{"TF_CPP_MIN_LOG_LEVEL=3"}, "{on dtl-tf } level 3"},
		{[]string{"TF_ENABLE_ONEDNN_OPTS=1"}, "{on environment } level 2"},
		{[]string{"TF_ENABLE_ONEDNN_OPTS=0", "TF_CPP_MIN_LOG_LEVEL=1"}, "{off environment } level 1"},
		{[]string{"TF_ENABLE_ONEDNN_OPTS=0", "DTL_TF_SET=TF_ENABLE_ONEDNN_OPTS="}, "{off environment } level 2"},
		{[]string{"ONEDNN_MAX_CPU_ISA=AVX512_CORE"}, "{on dtl-tf AVX512_CORE} level 2"},
	} {
		command := exec.Command(os.Args[0], "-test.run=^TestDefaults$", "-test.v")
		command.Env = append(slices.Clone(clean), append(c.set, child+"=1")...)
		out, err := command.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "found: "+c.want+"\n") {
			t.Errorf("with %v: want %s, got %v and\n%s", c.set, c.want, err, out)
		}
	}
}

// TestOneDNNLimit: which limits leave oneDNN without which numbers, by its documentation ("CPU Dispatcher Control" and "Data
// Types").
func TestOneDNNLimit(t *testing.T) {
	for limit, want := range map[string]string{
		"": "", "DEFAULT": "", "AVX2": "bf16 fp16", "avx2": "bf16 fp16", "AVX512_CORE": "fp16", "AVX512_CORE_BF16": "fp16",
		"AVX512_CORE_FP16": "", "AVX512_CORE_AMX": "", "AVX2_VNNI_2": "",
	} {
		var lacks []string
		for _, float16 := range []bool{false, true} {
			if (OneDNN{State: "on", Limit: limit}).lacks(float16) {
				lacks = append(lacks, map[bool]string{false: "bf16", true: "fp16"}[float16])
			}
		}
		if got := strings.Join(lacks, " "); got != want {
			t.Errorf("limit %q lacks %q, want %q", limit, got, want)
		}
	}
	if (OneDNN{State: "off", Limit: "AVX2"}).HasNo(true, true) {
		t.Error("oneDNN that is off is asked for products")
	}
}
