package capi

import (
	"slices"
	"strings"
	"testing"
)

// TestImport checks that importing this package does not change the environment of the process (package process does).
func TestImport(t *testing.T) {
	c := start("environment")
	c.Env = slices.DeleteFunc(c.Env, func(s string) bool {
		name, _, _ := strings.Cut(s, "=")
		return slices.Contains([]string{oneDNNSwitch, oneDNNLimit, limitAlias, ourDefaults}, name)
	})
	if out, err := c.Output(); err != nil || string(out) != "{ TensorFlow }\n" {
		t.Errorf("oneDNN is %q, %v", out, err)
	}
}

// TestOneDNNLimit checks which types each limit excludes, according to oneDNN's documentation ("CPU Dispatcher Control" and
// "Data Types").
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
	if (OneDNN{State: "off", Limit: "AVX2"}).WouldAbort(true, true) {
		t.Error("oneDNN is off but its limit counts")
	}
}
